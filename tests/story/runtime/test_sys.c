#include "tests/story/runtime/diary.h"

#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/server.h"
#include "runtime/sys.h"

/* What a process is asked from outside, whatever it is (OTP: sys). */

struct world {
    struct fl_node *node;
    struct fl_pid asker, target, body;
    char diary[8192];
};

/* ---- the target: adds up, writes down */

struct sum {
    struct world *world;
    int64_t sum;
    fl_ns idle_ns;
};
enum { ADD = 1, WAIT, IDLE_AFTER, FORWARD };

static int sum_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct sum *)state)->world = *(struct world *const *)args;
    fl_self_trap_exits(self, true);
    return 0;
}

static void sum_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct sum *sum = state;
    int64_t by = 1;
    if (msg->len == sizeof by) memcpy(&by, msg->data, sizeof by);
    if (msg->tag == ADD) {
        sum->sum += by;
        write_down(sum->world, "sum %d\n", (int)sum->sum);
    } else if (msg->tag == IDLE_AFTER) {
        fl_self_timeout(self, by);
    } else if (msg->tag == FORWARD) {
        fl_send(self, sum->world->body, ADD, &by, sizeof by);
    } else if (msg->tag == WAIT) {
        fl_pause(self, by);
        write_down(sum->world, "waited, sum %d\n", (int)sum->sum);
    }
}

static void sum_on_timeout(struct fl_self *self, void *state)
{
    write_down(((struct sum *)state)->world, "idle at %d ms\n",
               (int)(fl_self_now(self) / FL_NS_PER_MS));
}

static void sum_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
}

static void sum_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    char text[96];
    write_down(((struct sum *)state)->world, "terminate %s\n",
               fl_reason_show(reason, text, sizeof text));
}

static void sum_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                        const struct fl_reason *reason)
{
    write_down(((struct sum *)state)->world, "exit of another\n");
}

static void sum_on_format(const void *state, struct fl_buf *out)
{
    fl_buf_printf(out, "sum=%d", (int)((const struct sum *)state)->sum);
}

static const struct fl_server sum_server = {
    .name = "sum",
    .state_bytes = sizeof(struct sum),
    .on_init = sum_on_init,
    .on_call = sum_on_call,
    .on_cast = sum_on_cast,
    .on_timeout = sum_on_timeout,
    .on_exit = sum_on_exit,
    .on_terminate = sum_on_terminate,
    .on_format = sum_on_format,
};

static const struct fl_server plain_server = {.name = "plain", .state_bytes = 3};

static void body_run(struct fl_self *self, const void *args, size_t args_len)
{
    struct world *world = *(struct world *const *)args;
    struct fl_msg msg;
    while (fl_receive(self, NULL, NULL, FL_NEVER, &msg) == 0)
        write_down(world, "body got %u\n", msg.tag);
}

/* ---- the asker: does what the story says */

typedef void (*act_fn)(struct fl_self *self, struct world *world);
struct act {
    act_fn fn;
    struct world *world;
};

static void asker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct act act;
    memcpy(&act, msg->data, sizeof act);
    act.fn(self, act.world);
}

static void asker_on_info(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fail_msg("a late answer came");
}

static void asker_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                          const struct fl_reason *reason)
{
}

static const struct fl_server asker_server = {
    .name = "asker", .on_cast = asker_on_cast, .on_info = asker_on_info, .on_exit = asker_on_exit};

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 5};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    struct fl_spawn_opts spawn = {.args = &world};
    assert_int_equal(fl_node_spawn(world->node, &asker_server, &spawn, &world->asker), 0);
    spawn.name = "target";
    assert_int_equal(fl_node_spawn(world->node, &sum_server, &spawn, &world->target), 0);
    assert_int_equal(
        fl_node_spawn_run(world->node, body_run, &world, sizeof(world), NULL, &world->body), 0);
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

static void act(struct world *world, act_fn fn)
{
    struct act act = {.fn = fn, .world = world};
    assert_int_equal(fl_node_send(world->node, world->asker, 0, &act, sizeof act), 0);
    fl_sim_run(world->node, 0);
}

static void add(struct fl_self *self, struct world *world, int64_t by)
{
    assert_int_equal(fl_send(self, world->target, ADD, &by, sizeof by), 0);
}

static void send_number(struct world *world, uint32_t tag, int64_t number)
{
    assert_int_equal(fl_node_send(world->node, world->target, tag, &number, sizeof number), 0);
    fl_sim_run(world->node, 0);
}

static void say_state(struct fl_self *self, struct world *world, size_t max)
{
    char text[128];
    int rc = fl_sys_get_state(self, world->target, text, max, fl_s(1));
    write_down(world, "%s %s\n", rc == 0 ? "state" : fl_code_name(rc), text);
}

/* ---- get_state, replace_state */

static void ask_state(struct fl_self *self, struct world *world)
{
    add(self, world, 3); /* sent before, so it is seen */
    say_state(self, world, 128);
    say_state(self, world, 4);
    struct fl_pid plain, target = world->target;
    struct fl_spawn_opts opts = {.shard = -1};
    fl_spawn(self, &plain_server, &opts, &plain);
    world->target = plain;
    say_state(self, world, 128);
    world->target = world->body;
    say_state(self, world, 128);
    world->target = fl_self_pid(self);
    say_state(self, world, 128);
    world->target = (struct fl_pid){plain.bits + 1};
    say_state(self, world, 128);
    world->target = target;
}

static void a_state_is_told_in_words_or_bytes_after_what_was_sent_before(void **state)
{
    struct world *world = *state;
    act(world, ask_state);
    expect_diary(world, "sum 3\nstate sum=3\nstate sum\nstate 3 bytes: 00 00 00\nstate \n"
                        "called itself \nno such process \n");
}

static int double_it(void *state, void *cx)
{
    ((struct sum *)state)->sum *= 2;
    return *(int *)cx;
}

static void replace(struct fl_self *self, struct world *world)
{
    int ok = 0, bad = 7;
    add(self, world, 5);
    int rc = fl_sys_replace_state(self, world->target, double_it, &bad, fl_s(1));
    write_down(world, "replaced: %d\n", rc);
    say_state(self, world, 128);
    rc = fl_sys_replace_state(self, world->target, double_it, &ok, fl_s(1));
    write_down(world, "replaced: %d\n", rc);
    say_state(self, world, 128);
}

static void a_replacement_that_fails_leaves_the_state(void **state)
{
    struct world *world = *state;
    act(world, replace);
    expect_diary(world, "sum 5\nreplaced: 7\nstate sum=5\nreplaced: 0\nstate sum=10\n");
}

/* ---- suspend, resume */

static void suspend(struct fl_self *self, struct world *world)
{
    assert_int_equal(fl_sys_suspend(self, world->target, fl_s(1)), 0);
    for (int64_t i = 1; i <= 3; i++)
        add(self, world, i);
    int rc = fl_call(self, world->target, 0, NULL, 0, NULL, 0, NULL, fl_ms(10));
    write_down(world, "call: %s\n", fl_code_name(rc));
    say_state(self, world, 128);
}

static void resume(struct fl_self *self, struct world *world)
{
    assert_int_equal(fl_sys_resume(self, world->target, fl_s(1)), 0);
    assert_int_equal(fl_sys_resume(self, world->target, fl_s(1)), 0);
}

static void a_suspended_process_keeps_its_messages_in_order_and_answers_questions(void **state)
{
    struct world *world = *state;
    act(world, suspend);
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world, "call: timeout\nstate sum=0\n");
    act(world, resume);
    expect_diary(world, "sum 1\nsum 3\nsum 6\n");
}

static void ask_body(struct fl_self *self, struct world *world)
{
    struct fl_pid body = world->body;
    assert_int_equal(fl_sys_suspend(self, body, fl_s(1)), 0);
    fl_send(self, body, 8, NULL, 0);
    fl_send(self, body, 9, NULL, 0);
    fl_pause(self, fl_ms(5));
    write_down(world, "nothing yet\n");
    assert_int_equal(fl_sys_resume(self, body, fl_s(1)), 0);
    fl_pause(self, fl_ms(5));
    assert_int_equal(fl_sys_suspend(self, body, fl_s(1)), 0);
    int rc = fl_stop(self, body, fl_reason_of(FL_EXIT_SHUTDOWN), fl_s(1));
    write_down(world, "stop: %d\n", rc);
}

static void a_body_is_suspended_and_stopped_where_it_receives(void **state)
{
    struct world *world = *state;
    act(world, ask_body);
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world, "nothing yet\nbody got 8\nbody got 9\nstop: 0\n");
}

static void suspend_by_control(struct fl_self *self, struct world *world)
{
    fl_node_send(world->node, world->target, WAIT, &(int64_t){fl_ms(5)}, sizeof(int64_t));
    fl_pause(self, fl_ms(1)); /* it is in the middle of a handler */
    fl_control_suspend(world->node, "target");
    int ok = 0;
    int rc = fl_sys_replace_state(self, world->target, double_it, &ok, fl_s(1));
    write_down(world, "replace: %s\n", fl_code_name(rc));
    assert_int_equal(fl_sys_resume(self, world->target, fl_s(1)), 0);
}

static void the_state_is_not_replaced_under_a_handler(void **state)
{
    struct world *world = *state;
    act(world, suspend_by_control);
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world, "replace: wrong state\nwaited, sum 0\n");
}

static void ask_while_busy(struct fl_self *self, struct world *world)
{
    fl_node_send(world->node, world->target, WAIT, &(int64_t){fl_ms(5)}, sizeof(int64_t));
    say_state(self, world, 128); /* not in the middle */
    fl_node_send(world->node, world->target, WAIT, &(int64_t){fl_ms(5)}, sizeof(int64_t));
    int rc = fl_sys_suspend(self, world->target, fl_ms(1));
    write_down(world, "suspend: %s\n", fl_code_name(rc));
    rc = fl_sys_resume(self, world->target, fl_s(1)); /* queued behind it, and handled */
    write_down(world, "resume: %d\n", rc);
}

static void a_server_answers_between_handlers_and_late_answers_are_dropped(void **state)
{
    struct world *world = *state;
    act(world, ask_while_busy);
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world, "waited, sum 0\nstate sum=0\nsuspend: timeout\nwaited, sum 0\nresume: 0\n");
    send_number(world, ADD, 1);
    expect_diary(world, "sum 1\n");
}

static void own_suspended_child(struct fl_self *self, struct world *world)
{
    struct fl_spawn_opts opts = {.args = &world, .link_to = fl_self_pid(self), .shard = -1};
    fl_self_trap_exits(self, true);
    assert_int_equal(fl_spawn(self, &sum_server, &opts, &world->target), 0);
    assert_int_equal(fl_sys_suspend(self, world->target, fl_s(1)), 0);
    add(self, world, 1);
    fl_exit(self, world->target, fl_reason_of(FL_EXIT_SHUTDOWN));
}

static void a_suspended_process_obeys_its_parent_before_its_messages(void **state)
{
    struct world *world = *state;
    act(world, own_suspended_child);
    expect_diary(world, "terminate shutdown\n");
}

/* ---- stop, terminate */

static void say_stop(struct fl_self *self, struct world *world, struct fl_pid pid)
{
    char text[96] = "";
    int rc = fl_stop(self, pid, fl_reason_of(FL_EXIT_NORMAL), fl_ms(50));
    if (rc == FL_EDIED) fl_reason_show(fl_call_reason(self), text, sizeof text);
    write_down(world, "stop: %s %s\n", rc == 0 ? "ok" : fl_code_name(rc), text);
}

static void stop(struct fl_self *self, struct world *world)
{
    add(self, world, 1);
    say_stop(self, world, world->target);
    say_stop(self, world, world->target);
}

static void a_stop_runs_terminate_after_what_was_sent_before(void **state)
{
    struct world *world = *state;
    act(world, stop);
    expect_diary(world, "sum 1\nterminate normal\nstop: ok \nstop: no such process \n");
}

static void stop_slow(struct fl_self *self, struct world *world)
{
    fl_node_send(world->node, world->target, WAIT, &(int64_t){fl_ms(100)}, sizeof(int64_t));
    say_stop(self, world, world->target);
    say_state(self, world, 128);
}

static void a_stop_that_takes_too_long_kills_nothing(void **state)
{
    struct world *world = *state;
    act(world, stop_slow);
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world,
                 "stop: timeout \nwaited, sum 0\nterminate normal\ndied before it answered \n");
}

static void kill_target(struct fl_self *self, struct world *world)
{
    fl_node_send(world->node, world->target, WAIT, &(int64_t){fl_ms(10)}, sizeof(int64_t));
    fl_node_exit(world->node, world->target, fl_reason_of(FL_EXIT_KILL));
    say_stop(self, world, world->target);
}

static void stop_meets_a_kill(struct fl_self *self, struct world *world)
{
    fl_node_send(world->node, world->target, WAIT, &(int64_t){fl_ms(100)}, sizeof(int64_t));
    struct act act = {.fn = kill_target, .world = world};
    struct fl_pid other;
    struct fl_spawn_opts opts = {.shard = -1};
    fl_spawn(self, &asker_server, &opts, &other);
    fl_send(self, other, 0, &act, sizeof act);
    say_stop(self, world, world->target);
}

static void a_stop_says_when_it_ended_for_another_reason(void **state)
{
    struct world *world = *state;
    act(world, stop_meets_a_kill);
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world, "stop: died before it answered killed\n"
                        "stop: died before it answered killed\n");
}

static void terminate_suspended(struct fl_self *self, struct world *world)
{
    assert_int_equal(fl_sys_suspend(self, world->target, fl_s(1)), 0);
    add(self, world, 1);
    int rc = fl_sys_terminate(self, world->target, fl_reason_with(FL_EXIT_SHUTDOWN, 0, "enough"),
                              fl_s(1));
    write_down(world, "terminate: %d\n", rc);
}

static void a_suspended_process_terminates_before_its_messages(void **state)
{
    struct world *world = *state;
    act(world, terminate_suspended);
    expect_diary(world, "terminate: 0\nterminate shutdown: enough\n");
}

/* ---- idle time, statistics, log */

static void a_question_starts_the_idle_time_anew(void **state)
{
    struct world *world = *state;
    send_number(world, IDLE_AFTER, fl_ms(100));
    fl_sim_run(world->node, fl_ms(60));
    act(world, ask_state);
    world->diary[0] = '\0';
    send_number(world, IDLE_AFTER, fl_ms(100));
    fl_sim_run(world->node, fl_ms(60)); /* now 120 ms */
    act(world, resume);                 /* two questions, no message */
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world, "idle at 220 ms\n");
}

static void say_stats(struct fl_self *self, struct world *world)
{
    struct fl_sys_stats stats = {0};
    int rc = fl_sys_statistics(self, world->target, &stats, fl_s(1));
    write_down(world, "%s: %d ms, in %u, out %u\n", fl_code_name(rc),
               (int)((stats.now_ns - stats.started_ns) / FL_NS_PER_MS), (unsigned)stats.in,
               (unsigned)stats.out);
}

static void count(struct fl_self *self, struct world *world)
{
    int64_t one = 1;
    char text[256];
    say_stats(self, world);
    int rc = fl_sys_get_log(self, world->target, text, sizeof text, fl_s(1));
    write_down(world, "log: %s\n", fl_code_name(rc));
    assert_int_equal(fl_sys_count(self, world->target, true, fl_s(1)), 0);
    assert_int_equal(fl_sys_log(self, world->target, 2, fl_s(1)), 0);
    for (int i = 0; i < 3; i++)
        fl_send(self, world->target, FORWARD, &one, sizeof one);
    fl_call(self, world->target, 5, NULL, 0, NULL, 0, NULL, fl_s(1));
    fl_pause(self, fl_ms(7));
    say_stats(self, world);
    rc = fl_sys_get_log(self, world->target, text, sizeof text, fl_s(1));
    write_down(world, "log: %d\n%s", rc, text);
    assert_int_equal(fl_sys_log(self, world->target, 0, fl_s(1)), 0);
    assert_int_equal(fl_sys_count(self, world->target, false, fl_s(1)), 0);
    say_stats(self, world);
}

static void messages_are_counted_and_the_last_ones_kept(void **state)
{
    struct world *world = *state;
    act(world, count);
    fl_sim_run(world->node, fl_s(1));
    expect_diary(world, "wrong state: 0 ms, in 0, out 0\n"
                        "log: wrong state\n"
                        "body got 1\nbody got 1\nbody got 1\n"
                        "ok: 7 ms, in 4, out 4\n"
                        "log: 0\n"
                        "0 in call from <0.0.1> tag 5, 0 bytes\n"
                        "0 out reply to <0.0.1> tag 0, 0 bytes\n"
                        "wrong state: 0 ms, in 0, out 0\n");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_state_is_told_in_words_or_bytes_after_what_was_sent_before),
        STORY(a_replacement_that_fails_leaves_the_state),
        STORY(a_suspended_process_keeps_its_messages_in_order_and_answers_questions),
        STORY(a_body_is_suspended_and_stopped_where_it_receives),
        STORY(the_state_is_not_replaced_under_a_handler),
        STORY(a_server_answers_between_handlers_and_late_answers_are_dropped),
        STORY(a_suspended_process_obeys_its_parent_before_its_messages),
        STORY(a_stop_runs_terminate_after_what_was_sent_before),
        STORY(a_stop_that_takes_too_long_kills_nothing),
        STORY(a_stop_says_when_it_ended_for_another_reason),
        STORY(a_suspended_process_terminates_before_its_messages),
        STORY(a_question_starts_the_idle_time_anew),
        STORY(messages_are_counted_and_the_last_ones_kept),
    };
    return cmocka_run_group_tests_name("sys", tests, NULL, NULL);
}
