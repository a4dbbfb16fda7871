#include "tests/story/runtime/player.h"

#include "runtime/base/rng.h"
#include "runtime/presence.h"
#include "runtime/sup.h"

/* Presence on one node. A watcher keeps what the client of the browser would show: it subscribes,
 * asks, and applies what comes, joins first. */

#define TOPIC "room"
#define SHOWN_MAX 256

struct shown {
    bool has_state;
    uint64_t refs[SHOWN_MAX];
    size_t count;
    unsigned diffs;
};
struct house {
    struct fl_pubsub *pubsub;
    struct fl_presence *presence;
    struct shown shown[8];
    unsigned watchers;
    struct fl_rng rng;
    int ups, kills; /* what the storm did */
};

static struct house *house_of(struct world *w)
{
    return w->cx;
}

/* Once more with this seed: the order of everything, and what the storm does. */
static void house_build(struct world *w, uint64_t seed)
{
    struct house *house = fl_new(struct house);
    w->cx = house;
    fl_rng_init(&house->rng, seed);
    assert_int_equal(fl_pubsub_start(w->node, NULL, &house->pubsub), 0);
    const struct fl_presence_opts opts = {.pubsub = house->pubsub, .replica = 1};
    house->presence = fl_presence_new(w->node, &opts);
    const struct fl_child tracker = {
        .id = "presence",
        .server = &fl_presence_server,
        .args = house->presence,
        .name = "presence",
        .restart = FL_PERMANENT,
    };
    struct fl_sup_opts sup = {.max_restarts = 1000, .children = &tracker, .children_count = 1};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(w->node, NULL, &sup, &pid), 0);
}

static int setup(void **state)
{
    world_setup(state);
    house_build(*state, 7);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fl_presence_free(house_of(w)->presence); /* with people still there */
    fl_pubsub_free(house_of(w)->pubsub);
    return world_teardown(state);
}

/* ---- what a client shows */

static void shown_add(struct shown *shown, uint64_t ref)
{
    for (size_t i = 0; i < shown->count; i++)
        if (shown->refs[i] == ref) return;
    assert_true(shown->count < SHOWN_MAX);
    shown->refs[shown->count++] = ref;
}

static void shown_drop(struct shown *shown, uint64_t ref)
{
    for (size_t i = 0; i < shown->count; i++)
        if (shown->refs[i] == ref) shown->refs[i--] = shown->refs[--shown->count];
}

static void shown_apply(struct shown *shown, const struct fl_msg *msg)
{
    struct fl_presence_entry entry;
    if (msg->tag == FL_PRESENCE_STATE) shown->count = 0;
    if (msg->tag == FL_PRESENCE_STATE) shown->has_state = true;
    if (msg->tag == FL_PRESENCE_DIFF) shown->diffs++;
    struct fl_presence_view view = {TOPIC, msg->data, msg->len};
    while (fl_presence_next(&view, &entry))
        if (!entry.left) shown_add(shown, entry.ref.clock);
    view = (struct fl_presence_view){TOPIC, msg->data, msg->len};
    while (fl_presence_next(&view, &entry))
        if (entry.left) shown_drop(shown, entry.ref.clock);
}

/* Asks, or lists for itself; and is slow now and then. */
static void watches(struct fl_self *self, struct world *w)
{
    struct house *house = house_of(w);
    struct shown *shown = &house->shown[house->watchers++];
    struct fl_buf list = {0};
    fl_pubsub_subscribe(self, house->pubsub, TOPIC);
    if (house->watchers % 2 == 1) {
        fl_presence_ask(self, house->presence, TOPIC);
    } else {
        fl_presence_list(house->presence, TOPIC, &list);
        const struct fl_msg msg = {
            .tag = FL_PRESENCE_STATE, .data = list.at, .len = (uint32_t)list.len};
        shown_apply(shown, &msg);
        fl_buf_fini(&list);
    }
    struct fl_msg msg;
    while (fl_receive(self, NULL, NULL, FL_NEVER, &msg) == 0) {
        shown_apply(shown, &msg);
        if (fl_rng_between(&house->rng, 0, 2) == 0) fl_pause(self, fl_ms(2));
    }
}

/* One whose mailbox has room for one: the tracker waits in the middle of a diff, and can be killed
 * there. */
static void start_watcher(struct world *w)
{
    struct player_args args = {.fn = watches, .world = w};
    struct fl_spawn_opts opts = {.shard = -1, .mailbox_max = 1, .full = FL_FULL_BLOCK};
    int rc = fl_node_spawn_run(w->node, player_body, &args, sizeof args, &opts, NULL);
    assert_int_equal(rc, 0);
}

/* Everybody shows what the list says. */
static bool all_show_the_list(struct house *house)
{
    struct fl_buf list = {0};
    struct fl_presence_entry entry;
    size_t count = fl_presence_list(house->presence, TOPIC, &list);
    bool same = true;
    for (unsigned i = 0; i < house->watchers; i++) {
        const struct shown *shown = &house->shown[i];
        struct shown copy = *shown;
        struct fl_presence_view view = {TOPIC, list.at, list.len};
        while (fl_presence_next(&view, &entry))
            shown_drop(&copy, entry.ref.clock);
        same = same && shown->has_state && shown->count == count && copy.count == 0;
    }
    fl_buf_fini(&list);
    return same;
}

/* ---- stories */

static int track(struct fl_self *self, struct world *w, const char *key, const char *meta)
{
    return fl_presence_track(self, house_of(w)->presence, TOPIC, fl_str_of(key), fl_str_of(meta));
}

static void reads(struct fl_self *self, struct world *w)
{
    struct house *house = house_of(w);
    fl_pubsub_subscribe(self, house->pubsub, TOPIC);
    struct fl_msg msg;
    while (fl_receive(self, NULL, NULL, fl_ms(50), &msg) == 0) {
        struct fl_presence_view view = {TOPIC, msg.data, msg.len};
        struct fl_presence_entry entry;
        write_down(w, "diff:");
        while (fl_presence_next(&view, &entry))
            write_down(w, " %s%.*s=%.*s#%llu<%llu", entry.left ? "-" : "+", FL_ARG(entry.key),
                       FL_ARG(entry.meta), (unsigned long long)entry.ref.clock,
                       (unsigned long long)entry.prev.clock);
        write_down(w, "\n");
    }
}

static void comes_changes_and_goes(struct fl_self *self, struct world *w)
{
    struct fl_presence *presence = house_of(w)->presence;
    fl_pause(self, fl_ms(1));
    assert_int_equal(track(self, w, "ana", "on"), 0);
    assert_int_equal(track(self, w, "ana", "on"), FL_ETAKEN);
    assert_int_equal(fl_presence_count(presence, TOPIC, NULL), 1); /* at once */
    fl_pause(self, fl_ms(1));
    assert_int_equal(fl_presence_update(self, presence, TOPIC, FL_STR("ana"), FL_STR("off")), 0);
    assert_int_equal(fl_presence_update(self, presence, TOPIC, FL_STR("bob"), FL_STR("")),
                     FL_ENOTFOUND);
    fl_pause(self, fl_ms(1));
    assert_int_equal(fl_presence_untrack(self, presence, TOPIC, FL_STR("ana")), 0);
    assert_int_equal(fl_presence_untrack(self, presence, TOPIC, FL_STR("ana")), FL_ENOTFOUND);
}

static void an_update_is_one_diff_with_the_old_and_the_new(void **state)
{
    struct world *w = *state;
    world_start(w, reads);
    world_play(w, comes_changes_and_goes, fl_s(1));
    expect_diary(w, "diff: +ana=on#1<0\n"
                    "diff: +ana=off#2<1 -ana=on#1<0\n"
                    "diff: -ana=off#2<1\n");
}

static void comes_and_ends(struct fl_self *self, struct world *w)
{
    fl_pause(self, fl_ms(1));
    assert_int_equal(track(self, w, "bob", "phone"), 0);
    fl_pause(self, fl_ms(2));
}

static void who_ends_has_left(void **state)
{
    struct world *w = *state;
    size_t keys = 9;
    world_start(w, reads);
    world_start(w, comes_and_ends);
    world_play(w, comes_and_ends, fl_ms(2));
    assert_int_equal(fl_presence_count(house_of(w)->presence, TOPIC, &keys), 2);
    assert_int_equal(keys, 1); /* two devices */
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(fl_presence_count(house_of(w)->presence, TOPIC, &keys), 0);
    assert_int_equal(keys, 0);
    assert_non_null(strstr(w->diary, "-bob=phone#1<0"));
    assert_non_null(strstr(w->diary, "-bob=phone#2<0"));
}

static void comes_and_is_gone_at_once(struct fl_self *self, struct world *w)
{
    assert_int_equal(track(self, w, "cat", ""), 0);
    assert_int_equal(fl_presence_untrack_all(self, house_of(w)->presence), 1);
}

static void what_nobody_could_know_of_is_not_told(void **state)
{
    struct world *w = *state;
    world_start(w, reads);
    fl_sim_run(w->node, fl_ms(1));
    world_play(w, comes_and_is_gone_at_once, fl_s(1));
    assert_null(strstr(w->diary, "cat"));
}

static void comes_for_a_minute(struct fl_self *self, struct world *w)
{
    char key[24];
    snprintf(key, sizeof key, "%llx", (unsigned long long)fl_self_pid(self).bits);
    assert_int_equal(track(self, w, key, "x"), 0);
    fl_pause(self, fl_s(60));
}

static void a_crowd_that_comes_at_once_is_told_in_few_diffs(void **state)
{
    enum { CROWD = 200 };
    struct world *w = *state;
    world_play(w, watches, fl_ms(1));
    for (int i = 0; i < CROWD; i++)
        world_start(w, comes_for_a_minute);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(house_of(w)->shown[0].count, CROWD);
    assert_true(house_of(w)->shown[0].diffs < CROWD / 4);
}

static void limits_are_answers(struct fl_self *self, struct world *w)
{
    struct fl_presence *presence = house_of(w)->presence;
    static char big[FL_PRESENCE_META_MAX + 1];
    struct fl_str meta = {big, sizeof big}, key = {big, FL_PRESENCE_KEY_MAX + 1};
    assert_int_equal(fl_presence_track(self, presence, TOPIC, FL_STR("k"), meta), FL_ERANGE);
    assert_int_equal(fl_presence_track(self, presence, TOPIC, key, FL_STR("")), FL_ERANGE);
    const struct fl_presence_opts opts = {.pubsub = house_of(w)->pubsub, .entries_max = 1};
    struct fl_presence *small = fl_presence_new(w->node, &opts);
    assert_int_equal(fl_presence_track(self, small, TOPIC, FL_STR("a\0b"), FL_STR("")), 0);
    assert_int_equal(fl_presence_track(self, small, TOPIC, FL_STR("a\0c"), FL_STR("")), FL_EFULL);
    assert_int_equal(fl_presence_untrack(self, small, TOPIC, FL_STR("a\0b")), 0);
    assert_int_equal(fl_presence_track(self, small, TOPIC, FL_STR("a\0c"), FL_STR("")), 0);
    fl_presence_free(small);
    write_down(w, "done\n");
}

static void what_is_too_much_is_refused(void **state)
{
    struct world *w = *state;
    world_play(w, limits_are_answers, fl_s(1));
    expect_diary(w, "done\n");
}

/* ---- the storm: people, watchers and the tracker come and go in any order */

static void lives(struct fl_self *self, struct world *w)
{
    struct house *house = house_of(w);
    static const char *const names[] = {"ana", "bob", "cat", "dan"};
    int64_t left = fl_rng_between(&house->rng, 1, 12);
    while (left-- > 0) {
        struct fl_str key = fl_str_of(names[fl_rng_between(&house->rng, 0, 3)]);
        int64_t what = fl_rng_between(&house->rng, 0, 9);
        house->ups++;
        if (what < 4)
            fl_presence_track(self, house->presence, TOPIC, key, FL_STR("m"));
        else if (what < 6)
            fl_presence_update(self, house->presence, TOPIC, key, FL_STR("n"));
        else if (what < 8)
            fl_presence_untrack(self, house->presence, TOPIC, key);
        else
            fl_pause(self, fl_rng_between(&house->rng, 0, 3 * FL_NS_PER_MS));
    }
    if (fl_rng_between(&house->rng, 0, 1) == 1) return; /* it ends */
    fl_pause(self, FL_NEVER);
}

static void storm(struct world *w)
{
    struct house *house = house_of(w);
    struct fl_pid last = FL_NO_PID; /* who lives */
    for (int i = 0; i < 60; i++) {
        int64_t what = fl_rng_between(&house->rng, 0, 9);
        if (what < 6) last = world_start(w, lives);
        if (what == 6 && house->watchers < FL_COUNT(house->shown)) start_watcher(w);
        if (what == 7) {
            struct fl_pid tracker = fl_whereis(w->node, "presence");
            fl_node_exit(w->node, tracker, fl_reason_of(FL_EXIT_KILL));
            house->kills++;
        }
        if (what == 8) fl_node_exit(w->node, last, fl_reason_of(FL_EXIT_KILL));
        fl_sim_run(w->node, fl_rng_between(&house->rng, 0, 2 * FL_NS_PER_MS));
    }
    fl_sim_run(w->node, fl_s(1));
}

static void whatever_happens_everybody_shows_who_is_there(void **state)
{
    int kills = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world *w = fl_new(struct world);
        void *hold = w;
        world_open(w, seed);
        house_build(w, seed);
        start_watcher(w);
        fl_sim_run(w->node, fl_ms(1));
        storm(w);
        if (!all_show_the_list(house_of(w))) fail_msg("seed %llu", (unsigned long long)seed);
        kills += house_of(w)->kills;
        teardown(&hold);
    }
    assert_true(kills > 60); /* else this was no storm */
}

#define HOUSE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE(an_update_is_one_diff_with_the_old_and_the_new),
        HOUSE(who_ends_has_left),
        HOUSE(what_nobody_could_know_of_is_not_told),
        HOUSE(a_crowd_that_comes_at_once_is_told_in_few_diffs),
        HOUSE(what_is_too_much_is_refused),
        cmocka_unit_test(whatever_happens_everybody_shows_who_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
