#include "tests/support/testkit.h"

#include "runtime/node.h"
#include "runtime/server.h"
#include "services/chat/room.h"

/* A person without a socket: does what it is told, writes down what it hears. */
struct person {
    const char *name;
    struct fl_pid room, pid;
    struct fl_buf heard; /* frames and states, one a line */
    int code;            /* of the last call */
};
struct world {
    struct fl_node *node;
    struct fl_pid room;
    struct person ana, bob, cat;
};

enum { COME = 100, COME_BACK, SAY };

static void person_come(struct fl_self *self, struct person *person, bool again)
{
    struct fl_buf out = {0};
    struct fl_room_join join = {
        .topic_len = 6, .user_len = (uint32_t)strlen(person->name), .status_len = 8};
    join.again = again;
    snprintf(join.ref, sizeof join.ref, "ref-%s", person->name);
    fl_buf_add(&out, &join, sizeof join);
    fl_buf_puts(&out, "room:x");
    fl_buf_puts(&out, person->name);
    fl_buf_puts(&out, "\"online\"");
    person->code = fl_call(self, person->room, FL_ROOM_JOIN, out.at, out.len, NULL, 0, NULL,
                           fl_s(5));
    fl_buf_fini(&out);
}

static void person_say(struct fl_self *self, struct person *person, const struct fl_msg *msg)
{
    struct fl_buf out = {0};
    struct fl_room_say say = {.body_len = msg->len};
    fl_buf_add(&out, &say, sizeof say);
    fl_buf_add(&out, msg->data, msg->len);
    person->code = fl_call(self, person->room, FL_ROOM_SAY, out.at, out.len, NULL, 0, NULL,
                           fl_s(5));
    fl_buf_fini(&out);
}

static int person_on_init(struct fl_self *self, void *state, const void *args)
{
    struct person **me = state;
    *me = (struct person *)(uintptr_t)args;
    return 0;
}

static void person_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct person *person = *(struct person **)state;
    if (msg->tag == COME || msg->tag == COME_BACK) person_come(self, person, msg->tag == COME_BACK);
    if (msg->tag == SAY) person_say(self, person, msg);
    if (msg->tag != FL_ROOM_FRAME && msg->tag != FL_ROOM_STATE) return;
    if (msg->tag == FL_ROOM_STATE) fl_buf_puts(&person->heard, "state ");
    fl_buf_add(&person->heard, msg->data, msg->len);
    fl_buf_putc(&person->heard, '\n');
}

static const struct fl_server person_server = {
    .name = "person",
    .state_bytes = sizeof(struct person *),
    .on_init = person_on_init,
    .on_cast = person_on_cast,
};

static void world_add(struct world *w, struct person *person, const char *name)
{
    const struct fl_spawn_opts opts = {.args = person, .shard = -1};
    *person = (struct person){.name = name, .room = w->room};
    assert_int_equal(fl_node_spawn(w->node, &person_server, &opts, &person->pid), 0);
}

static int set_up(void **state)
{
    struct world *w = fl_new(struct world);
    const struct fl_node_opts node = {.name = "sim", .simulated = true, .seed = 1};
    const struct fl_spawn_opts room = {.shard = -1};
    assert_int_equal(fl_node_new(&w->node, &node, NULL), 0);
    assert_int_equal(fl_node_spawn(w->node, &fl_room_server, &room, &w->room), 0);
    world_add(w, &w->ana, "ana");
    world_add(w, &w->bob, "bob");
    world_add(w, &w->cat, "cat");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    fl_node_free(w->node);
    fl_buf_fini(&w->ana.heard);
    fl_buf_fini(&w->bob.heard);
    fl_buf_fini(&w->cat.heard);
    free(w);
    return 0;
}

static void world_tell(struct world *w, struct person *person, uint32_t tag, const char *body)
{
    fl_node_send(w->node, person->pid, tag, body, body != NULL ? strlen(body) : 0);
    fl_sim_run(w->node, fl_ms(1));
}

static int times(const struct fl_buf *heard, const char *part)
{
    int count = 0;
    for (const char *at = heard->at; at != NULL && (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void who_comes_back_late_is_told_what_was_said_meanwhile(void **state)
{
    struct world *w = *state;
    world_tell(w, &w->ana, COME_BACK, NULL);
    world_tell(w, &w->ana, SAY, "\"one\"");
    world_tell(w, &w->ana, SAY, "\"two\"");
    world_tell(w, &w->bob, COME_BACK, NULL);
    world_tell(w, &w->ana, SAY, "\"three\"");
    assert_int_equal(w->bob.code, 0);
    assert_int_equal(times(&w->bob.heard, "new_msg"), 3);
    const char *one = strstr(w->bob.heard.at, "\"one\"");
    const char *two = strstr(w->bob.heard.at, "\"two\"");
    const char *three = strstr(w->bob.heard.at, "\"three\"");
    assert_true(one != NULL && two != NULL && three != NULL && one < two && two < three);
    assert_int_equal(times(&w->ana.heard, "new_msg"), 3); /* heard once, not again */
}

static void a_newcomer_is_not_told_what_was_said_before(void **state)
{
    struct world *w = *state;
    world_tell(w, &w->ana, COME, NULL);
    world_tell(w, &w->ana, SAY, "\"one\"");
    world_tell(w, &w->cat, COME, NULL);
    assert_int_equal(times(&w->cat.heard, "new_msg"), 0);
    assert_int_equal(times(&w->cat.heard, "state "), 1);
    assert_int_equal(times(&w->ana.heard, "{\"joins\":{\"cat\""), 1);
}

static void people_who_come_back_are_shown_together_and_never_as_news(void **state)
{
    struct world *w = *state;
    world_tell(w, &w->ana, COME_BACK, NULL);
    world_tell(w, &w->bob, COME_BACK, NULL);
    assert_int_equal(times(&w->ana.heard, "presence_diff"), 0);
    assert_int_equal(times(&w->ana.heard, "state "), 0);
    fl_sim_run(w->node, fl_ms(200));
    assert_int_equal(times(&w->ana.heard, "state "), 1);
    assert_int_equal(times(&w->ana.heard, "ref-ana"), 1);
    assert_int_equal(times(&w->ana.heard, "ref-bob"), 1);
    assert_int_equal(times(&w->bob.heard, "state "), 1);
}

static void who_comes_back_too_late_must_join_anew(void **state)
{
    struct world *w = *state;
    world_tell(w, &w->ana, COME, NULL);
    fl_sim_run(w->node, fl_s(6));
    world_tell(w, &w->bob, COME_BACK, NULL);
    assert_int_equal(w->bob.code, FL_ESTATE);
    world_tell(w, &w->bob, COME, NULL);
    assert_int_equal(w->bob.code, 0);
}

static void a_stranger_says_nothing(void **state)
{
    struct world *w = *state;
    world_tell(w, &w->ana, COME, NULL);
    world_tell(w, &w->cat, SAY, "\"hi\"");
    assert_int_equal(w->cat.code, FL_ENOTFOUND);
    assert_int_equal(times(&w->ana.heard, "new_msg"), 0);
}

static void who_ends_is_gone_for_all(void **state)
{
    struct world *w = *state;
    world_tell(w, &w->ana, COME, NULL);
    world_tell(w, &w->bob, COME, NULL);
    fl_node_exit(w->node, w->bob.pid, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, fl_ms(1));
    assert_int_equal(times(&w->ana.heard, "\"leaves\":{\"bob\""), 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(who_comes_back_late_is_told_what_was_said_meanwhile),
        STORY(a_newcomer_is_not_told_what_was_said_before),
        STORY(people_who_come_back_are_shown_together_and_never_as_news),
        STORY(who_comes_back_too_late_must_join_anew),
        STORY(a_stranger_says_nothing),
        STORY(who_ends_is_gone_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
