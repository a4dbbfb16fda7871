#include "tests/story/runtime/diary.h"

#include "runtime/crash.h"
#include "runtime/node.h"
#include "runtime/pid.h"
#include "runtime/server.h"
#include "runtime/trace.h"

/* What is told of processes: the trace of one, and reports of crashes. */

struct world {
    struct fl_node *node;
    struct fl_pid boss, friend;
    char diary[16384];
    char report[4096];
    int reports, ends;
    bool echoes;
};

enum { ACT = 1, FAIL, LONG_STATE, NOTHING };
typedef void (*act_fn)(struct fl_self *self, struct world *world);
struct act {
    act_fn fn;
    struct world *world;
};
struct man {
    struct world *world;
    bool is_long;
};

static int man_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct man *)state)->world = *(struct world *const *)args;
    return 0;
}

static void man_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct act act;
    if (msg->tag == FAIL) fl_self_fail(self, FL_EBADMSG);
    if (msg->tag == LONG_STATE) ((struct man *)state)->is_long = true;
    if (msg->tag != ACT) return;
    memcpy(&act, msg->data, sizeof act);
    act.fn(self, act.world);
}

static void man_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == FAIL) {
        fl_self_fail(self, FL_EIO);
        return;
    }
    fl_self_reply(self, msg->from, msg->ref, "yes", 3);
}

static void man_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    memset(state, 0xff, sizeof(struct man)); /* nobody may look at it any more */
}

static void man_on_format(const void *state, struct fl_buf *out)
{
    fl_buf_puts(out, "a man");
    for (int i = 0; ((const struct man *)state)->is_long && i < 100000; i++)
        fl_buf_printf(out, " and %d", i);
}

static const struct fl_server man_server = {
    .name = "man",
    .state_bytes = sizeof(struct man),
    .on_init = man_on_init,
    .on_cast = man_on_cast,
    .on_call = man_on_call,
    .on_terminate = man_on_terminate,
    .on_format = man_on_format,
};

static void on_note(void *cx, const struct fl_note *note)
{
    struct world *world = cx;
    if (note->kind == FL_NOTE_EXIT && world->reports > 0) write_down(world, "exit after it\n");
    if (note->kind != FL_NOTE_CRASH) return;
    world->reports++;
    assert_non_null(note->crash);
    assert_true(strlen(note->crash->state) <= FL_CRASH_STATE_MAX);
    fl_crash_show(note->crash, world->report, sizeof world->report);
}

static struct fl_pid start(struct world *world, const char *name)
{
    struct fl_spawn_opts spawn = {.args = &world, .name = name};
    struct fl_pid pid;
    assert_int_equal(fl_node_spawn(world->node, &man_server, &spawn, &pid), 0);
    return pid;
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 3, .on_note = on_note, .note_cx = world};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    world->boss = start(world, "boss");
    world->friend = start(world, "friend");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fl_node_free(world->node);
    free(world);
    return 0;
}

static void act(struct world *world, struct fl_pid who, act_fn fn)
{
    struct act act = {.fn = fn, .world = world};
    assert_int_equal(fl_node_send(world->node, who, ACT, &act, sizeof act), 0);
    fl_sim_run(world->node, 0);
}

/* ---- crash reports */

static void call_failing(struct fl_self *self, struct world *world)
{
    struct fl_spawn_opts opts = {
        .args = &world, .name = "kid", .link_to = fl_self_pid(self), .shard = -1};
    struct fl_pid kid;
    fl_self_trap_exits(self, true);
    assert_int_equal(fl_spawn(self, &man_server, &opts, &kid), 0);
    assert_int_equal(fl_call(self, kid, FAIL, "please", 6, NULL, 0, NULL, fl_s(1)), FL_EDIED);
}

static void a_crash_names_reason_message_state_and_family(void **state)
{
    struct world *world = *state;
    act(world, world->boss, call_failing);
    assert_int_equal(world->reports, 1);
    assert_string_equal(world->report, "crash of <0.2.1> kid (man): error: input/output error\n"
                                       "  last message: call tag 2, 6 bytes from <0.0.1>: "
                                       "\"please\"\n"
                                       "  state: a man\n"
                                       "  messages: 1 handled, 0 waiting\n"
                                       "  ancestors: <0.0.1> boss\n"
                                       "  links: <0.0.1> boss\n");
    expect_diary(world, "exit after it\n");
}

static void wait_long(struct fl_self *self, struct world *world)
{
    fl_pause(self, fl_s(100));
}

static void a_kill_in_the_middle_of_a_handler_is_told_as_that(void **state)
{
    struct world *world = *state;
    fl_node_send(world->node, world->friend, LONG_STATE, NULL, 0);
    act(world, world->friend, wait_long);
    for (int i = 0; i < 3; i++)
        fl_node_send(world->node, world->friend, NOTHING, NULL, 0);
    fl_node_exit(world->node, world->friend, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(world->node, 0);
    assert_int_equal(world->reports, 1);
    const char *first = "crash of <0.1.1> friend (man): killed, from outside, in the middle of a "
                        "handler\n  last message: cast tag 1, 16 bytes from <>:";
    assert_int_equal(strncmp(world->report, first, strlen(first)), 0);
    assert_non_null(strstr(world->report, "  state: a man and 0 and 1"));
    assert_non_null(strstr(world->report, ", 3 waiting\n"));
}

static void a_quiet_end_makes_no_report(void **state)
{
    struct world *world = *state;
    struct fl_reason quiet[] = {fl_reason_of(FL_EXIT_SHUTDOWN),
                                fl_reason_with(FL_EXIT_SHUTDOWN, 0, "a reason"),
                                {.kind = FL_EXIT_OS}};
    for (size_t i = 0; i < FL_COUNT(quiet); i++) {
        fl_node_exit(world->node, start(world, NULL), quiet[i]);
        fl_sim_run(world->node, 0);
    }
    assert_int_equal(world->reports, 0);
    fl_node_exit(world->node, start(world, NULL), fl_reason_with(FL_EXIT_ERROR, 1, "x"));
    fl_sim_run(world->node, 0);
    assert_int_equal(world->reports, 1); /* also without a name */
}

static void body_fails(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_msg msg;
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    if (msg.tag == FAIL) fl_self_fail(self, FL_EIO);
    if (msg.tag == ACT) fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
}

static void the_last_message_of_a_body_is_told(void **state)
{
    struct world *world = *state;
    for (uint32_t tag = ACT; tag <= FAIL; tag++) {
        struct fl_pid pid;
        assert_int_equal(fl_node_spawn_run(world->node, body_fails, NULL, 0, NULL, &pid), 0);
        fl_node_send(world->node, pid, tag, "ab\n", 3);
        fl_sim_run(world->node, 0);
        assert_int_equal(world->reports, tag);
        assert_non_null(strstr(world->report, "3 bytes from <>: 61 62 0a\n"));
        assert_null(strstr(world->report, "state"));
    }
}

/* ---- trace */

static void on_event(void *cx, const struct fl_trace_event *event)
{
    char text[160];
    struct world *world = cx;
    if (event->lost > 0) write_down(world, "%d lost\n", (int)event->lost);
    write_down(world, "%s\n", fl_trace_show(event, text, sizeof text));
    if (world->echoes) fl_node_send(world->node, event->pid, NOTHING, NULL, 0);
}

static void on_end(void *cx, int code)
{
    struct world *world = cx;
    world->ends++;
    write_down(world, "end %s\n", code == 0 ? "ok" : fl_code_name(code));
}

static int trace(struct world *world, struct fl_pid pid, uint64_t events_max, uint32_t per_s_max)
{
    struct fl_trace_opts opts = {.on_event = on_event,
                                 .on_end = on_end,
                                 .cx = world,
                                 .events_max = events_max,
                                 .per_s_max = per_s_max};
    return fl_trace_start(world->node, pid, &opts);
}

static void do_much(struct fl_self *self, struct world *world)
{
    struct fl_spawn_opts opts = {.args = &world, .link_to = fl_self_pid(self), .shard = -1};
    struct fl_pid kid;
    assert_int_equal(fl_spawn(self, &man_server, &opts, &kid), 0);
    fl_call(self, world->boss, 4, NULL, 0, NULL, 0, NULL, fl_s(1));
    fl_send(self, kid, NOTHING, "abc", 3);
    fl_link(self, world->boss);
    fl_unlink(self, world->boss);
    fl_self_exit(self, fl_reason_of(FL_EXIT_SHUTDOWN));
}

static void a_trace_tells_what_a_process_does_until_its_end(void **state)
{
    struct world *world = *state;
    assert_int_equal(trace(world, world->friend, 0, 0), 0);
    act(world, world->friend, do_much);
    expect_diary(world, "in cast tag 1, 16 bytes from <>\n"
                        "take cast tag 1, 16 bytes from <>\n"
                        "link <0.2.1>\n"
                        "spawn <0.2.1> man\n"
                        "out call tag 4, 0 bytes to <0.0.1>\n"
                        "in reply tag 0, 3 bytes from <0.0.1>\n"
                        "out cast tag 4, 3 bytes to <0.2.1>\n"
                        "link <0.0.1>\n"
                        "unlink <0.0.1>\n"
                        "exit shutdown\n"
                        "end ok\n");
}

static void send_some(struct world *world, struct fl_pid to, int count)
{
    for (int i = 0; i < count; i++)
        fl_node_send(world->node, to, NOTHING, NULL, 0);
    fl_sim_run(world->node, 0);
}

static void a_trace_has_a_rate_and_a_bound(void **state)
{
    struct world *world = *state;
    assert_int_equal(trace(world, world->friend, 4, 3), 0);
    send_some(world, world->friend, 5);
    expect_diary(world, "in cast tag 4, 0 bytes from <>\nin cast tag 4, 0 bytes from <>\n"
                        "in cast tag 4, 0 bytes from <>\n");
    fl_sim_run(world->node, fl_s(2));
    send_some(world, world->friend, 2);
    expect_diary(world, "7 lost\nin cast tag 4, 0 bytes from <>\nend ok\n");
    assert_int_equal(world->ends, 1);
}

static void a_watcher_that_sends_to_whom_it_watches_does_not_loop(void **state)
{
    struct world *world = *state;
    world->echoes = true;
    assert_int_equal(trace(world, world->friend, 10, 0), 0);
    send_some(world, world->friend, 1);
    assert_int_equal(world->ends, 1);
    assert_null(strstr(world->diary, "lost"));
}

static void a_trace_that_cannot_be_says_why_and_one_can_be_stopped(void **state)
{
    struct world *world = *state;
    assert_int_equal(trace(world, FL_NO_PID, 0, 0), FL_ENOPROC);
    assert_int_equal(trace(world, (struct fl_pid){world->friend.bits + 9}, 0, 0), 0);
    assert_int_equal(trace(world, world->friend, 0, 0), 0);
    assert_int_equal(trace(world, world->friend, 0, 0), 0);
    fl_sim_run(world->node, 0);
    expect_diary(world, "end no such process\nend name is taken\n");
    int other;
    fl_trace_stop(world->node, world->friend, &other);
    fl_sim_run(world->node, 0);
    expect_diary(world, "");
    fl_trace_stop(world->node, world->friend, world);
    fl_sim_run(world->node, 0);
    expect_diary(world, "end ok\n");
    send_some(world, world->friend, 1);
    expect_diary(world, "");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_crash_names_reason_message_state_and_family),
        STORY(a_kill_in_the_middle_of_a_handler_is_told_as_that),
        STORY(a_quiet_end_makes_no_report),
        STORY(the_last_message_of_a_body_is_told),
        STORY(a_trace_tells_what_a_process_does_until_its_end),
        STORY(a_trace_has_a_rate_and_a_bound),
        STORY(a_watcher_that_sends_to_whom_it_watches_does_not_loop),
        STORY(a_trace_that_cannot_be_says_why_and_one_can_be_stopped),
    };
    return cmocka_run_group_tests_name("watching", tests, NULL, NULL);
}
