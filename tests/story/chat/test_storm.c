#include "tests/story/chat/world.h"

/* Whatever dies, at whatever moment: what was acknowledged is heard by everybody who is there,
 * once, in the room's order and in each speaker's, and stands in the history once. */

enum { SEEDS = 60, PEOPLE = 4, WORDS = 25 };

/* Kills some of them, each after some more steps of the world. */
static void reaper_body(struct fl_self *self, const void *args, size_t len)
{
    static const char *const names[] = {"room/x", "writer", "room/x", "writer", "presence", "door"};
    struct world *w;
    memcpy(&w, args, sizeof w);
    for (int64_t kills = fl_rng_between(&w->rng, 1, 4); kills > 0; kills--) {
        for (int64_t steps = fl_rng_between(&w->rng, 1, 40); steps > 0; steps--)
            fl_yield(self);
        const char *name = names[fl_rng_between(&w->rng, 0, FL_COUNT(names) - 1)];
        fl_exit(self, fl_whereis(fl_self_node(self), name), fl_reason_of(FL_EXIT_KILL));
    }
}

/* What was pushed is handled while the reaper goes around. */
static void run_with_reaper(struct world *w)
{
    const struct fl_spawn_opts opts = {.shard = -1};
    int rc = fl_node_spawn_run(w->node, reaper_body, &w, sizeof(struct world *), &opts, NULL);
    assert_int_equal(rc, 0);
    fl_sim_run(w->node, fl_ms(1));
}

static void everybody_talks(struct world *w)
{
    for (int word = 0; word < WORDS; word++) {
        for (size_t who = 0; who < PEOPLE; who++) {
            struct person *person = &w->people[who];
            int body = (int)who * 1000 + word;
            int again = fl_rng_between(&w->rng, 0, 4) == 0 ? 2 : 1;
            for (int i = 0; i < again; i++)
                world_push(w, person, "new_msg {\"body\":%d,\"id\":\"%d\"}", body, body);
            if (word > 0 && fl_rng_between(&w->rng, 0, 6) == 0)
                world_push(w, person, "edit_msg {\"seq\":%d,\"body\":%d}", word, body + 100000);
        }
        if (fl_rng_between(&w->rng, 0, 1) == 0) run_with_reaper(w);
    }
}

static void expect_heard_all(const struct person *person, uint64_t seed)
{
    int next[PEOPLE] = {0};
    int64_t last = 0;
    for (size_t i = 0; i < person->heard_count; i++) {
        const struct heard *heard = &person->heard[i];
        int who = heard->body % 100000 / 1000;
        if (heard->seq <= last)
            fail_msg("seed %llu: %s heard %lld after %lld", (unsigned long long)seed, person->user,
                     (long long)heard->seq, (long long)last);
        last = heard->seq;
        if (heard->body >= 100000) { /* edited before it was heard: its word is another's now */
            next[who] = -1000;
            continue;
        }
        if (next[who] >= 0 && heard->body != who * 1000 + next[who])
            fail_msg("seed %llu: %s heard %d, %d of %d was due", (unsigned long long)seed,
                     person->user, heard->body, next[who], who);
        next[who]++;
    }
    if (person->heard_count != PEOPLE * WORDS)
        fail_msg("seed %llu: %s heard %zu", (unsigned long long)seed, person->user,
                 person->heard_count);
}

static int64_t kept_messages(struct world *w)
{
    struct fl_archive *archive = NULL;
    struct fl_archive_op op = {
        .kind = FL_ARCHIVE_PAGE, .room = FL_STR("x"), .limit = FL_ARCHIVE_PAGE_MAX};
    struct fl_archive_row row;
    struct fl_str json;
    int64_t count = 0;
    assert_int_equal(fl_archive_open(&archive, &w->chat.archive, NULL), 0);
    assert_int_equal(fl_archive_apply(archive, &op, 1, 0, NULL), 0);
    struct fl_str rows = {op.rows.at, op.rows.len};
    while (fl_chat_row_next(&rows, &row, &json))
        count++;
    fl_archive_op_fini(&op);
    fl_archive_close(archive);
    return count;
}

static void one_storm(uint64_t seed)
{
    static const char *const names[PEOPLE] = {"ana", "bob", "cat", "dan"};
    struct world *w = world_open(seed);
    for (int i = 0; i < PEOPLE; i++)
        world_enter(w, names[i], "");
    everybody_talks(w);
    fl_sim_run(w->node, fl_s(30));
    for (int i = 0; i < PEOPLE; i++) {
        const struct person *person = &w->people[i];
        assert_int_equal(times(person, "phx_error"), 0);
        if (person->oks + person->errors != person->refs)
            fail_msg("seed %llu: %s has %u answers of %u", (unsigned long long)seed, person->user,
                     person->oks + person->errors, person->refs);
        expect_heard_all(person, seed);
    }
    assert_int_equal(kept_messages(w), PEOPLE * WORDS);
    world_close(w);
}

static void whatever_dies_nothing_acknowledged_is_lost_or_said_twice(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        one_storm(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_dies_nothing_acknowledged_is_lost_or_said_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
