#include "tests/conformance/otp/otp_puppet.h"

#include "runtime/sys.h"

/* Questions to a process itself. Cases 94, 99, 101 to 110. */

struct counter {
    struct puppet puppet; /* first: its callbacks are those of the puppet */
    int value;
};

static void counter_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct counter *counter = state;
    if (msg->kind == FL_MSG_CAST && msg->tag < 100) counter->value += (int)msg->tag;
    puppet_on_cast(self, state, msg);
}
static void counter_on_format(const void *state, struct fl_buf *out)
{
    fl_buf_printf(out, "value %d", ((const struct counter *)state)->value);
}
static const struct fl_server counter_server = {
    .name = "counter",
    .state_bytes = sizeof(struct counter),
    .on_init = puppet_on_init,
    .on_cast = counter_on_cast,
    .on_call = puppet_on_call,
    .on_timeout = puppet_on_timeout,
    .on_exit = puppet_on_exit,
    .on_terminate = puppet_on_terminate,
    .on_format = counter_on_format,
};

#define expect_state(pid, text)                                                               \
    do {                                                                                      \
        char state_[64] = "";                                                                 \
        expect_code(fl_sys_get_state(self, (pid), state_, sizeof state_, w->patience_ns), 0); \
        if (strcmp(state_, (text)) != 0)                                                      \
            case_fail("expected the state %s, it is %s", (text), state_);                     \
    } while (0)

/* The state in words, by on_format or as bytes. */
CASE(case_101_get_state)
{
    struct fl_pid p = start_server(&counter_server);
    fl_send(self, p, 5, NULL, 0);
    expect_state(p, "value 5"); /* in order with what was sent before */
    char cut[4] = "xxx";
    expect_code(fl_sys_get_state(self, p, cut, sizeof cut, w->patience_ns), 0);
    expect(strcmp(cut, "val") == 0);
}

CASE(get_state_of_the_dead_and_of_itself)
{
    char text[16];
    expect_code(fl_sys_get_state(self, start_dead(), text, sizeof text, fl_s(1)), FL_ENOPROC);
    expect_code(fl_sys_get_state(self, fl_self_pid(self), text, sizeof text, fl_s(1)),
                FL_ECALLSELF);
}

CASE(a_body_answers_while_it_receives)
{
    char text[64] = "";
    struct fl_pid p = start(obey);
    expect_code(fl_sys_get_state(self, p, text, sizeof text, w->patience_ns), 0);
    expect_sees_nothing(p);
}

static int set_to_cx(void *state, void *cx)
{
    ((struct counter *)state)->value = *(const int *)cx;
    return 0;
}
static int set_and_fail(void *state, void *cx)
{
    ((struct counter *)state)->value = *(const int *)cx;
    return FL_EREFUSED;
}

/* A function puts another state in place. */
CASE(replace_state)
{
    int value = 42;
    struct fl_pid p = start_server(&counter_server);
    expect_code(fl_sys_replace_state(self, p, set_to_cx, &value, w->patience_ns), 0);
    expect_state(p, "value 42");
    fl_send(self, p, 1, NULL, 0);
    expect_state(p, "value 43");
}

/* One that fails leaves the old one. */
CASE(case_102_replace_state_crash_keeps_old)
{
    int value = 42;
    struct fl_pid p = start_server(&counter_server);
    fl_send(self, p, 5, NULL, 0);
    expect_code(fl_sys_replace_state(self, p, set_and_fail, &value, w->patience_ns), FL_EREFUSED);
    expect_state(p, "value 5");
    expect_alive(p);
}

/* Mail waits, questions are answered; then all of it, in order. */
CASE(case_103_suspend_queues_messages_resume_keeps_order)
{
    struct fl_pid p = start_server(&counter_server);
    expect_code(fl_sys_suspend(self, p, w->patience_ns), 0);
    for (uint32_t tag = 1; tag <= 3; tag++)
        fl_send(self, p, tag, NULL, 0);
    expect_state(p, "value 0"); /* questions are answered */
    settle();
    expect_diary("");
    expect_code(fl_sys_resume(self, p, w->patience_ns), 0);
    expect_diary("cast 1\ncast 2\ncast 3\n");
    expect_state(p, "value 6");
}

CASE(a_state_can_be_replaced_while_suspended)
{
    int value = 42;
    struct fl_pid p = start_server(&counter_server);
    expect_code(fl_sys_suspend(self, p, w->patience_ns), 0);
    expect_code(fl_sys_replace_state(self, p, set_to_cx, &value, w->patience_ns), 0);
    expect_code(fl_sys_resume(self, p, w->patience_ns), 0);
    expect_state(p, "value 42");
}

ORDER(do_start_counter)
{
    struct fl_spawn_opts opts = {.shard = w->there, .link_to = fl_self_pid(self)};
    case_serve(self, w, &counter_server, NULL, opts, &w->pids[0]);
}

/* The end of the parent ends one that is suspended. */
CASE(case_104_suspended_parent_exit_terminates)
{
    struct fl_pid parent = start(obey);
    do_in(parent, .fn = do_start_counter);
    struct fl_pid p = w->pids[0];
    uint64_t ref = fl_monitor(self, p);
    do_in(p, .fn = do_trap);
    expect_code(fl_sys_suspend(self, p, w->patience_ns), 0);
    fl_send(self, p, 1, NULL, 0);
    tell(parent, QUIT(FL_EXIT_SHUTDOWN));
    expect_down(ref, FL_EXIT_SHUTDOWN);
    expect_diary("terminate shutdown\n");
}

CASE(a_suspended_one_leaves_the_exits_of_others_in_the_queue)
{
    struct fl_pid p = start_server(&counter_server);
    do_in(p, .fn = do_trap);
    expect_code(fl_sys_suspend(self, p, w->patience_ns), 0);
    fl_exit(self, p, BOOM);
    settle();
    expect_diary("");
    expect_code(fl_sys_resume(self, p, w->patience_ns), 0);
    expect_diary("exit error: boom\n");
}

CASE(a_suspended_one_can_be_killed)
{
    struct fl_pid p = start_server(&counter_server);
    uint64_t ref = fl_monitor(self, p);
    expect_code(fl_sys_suspend(self, p, w->patience_ns), 0);
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
}

/* With the reason given. */
CASE(case_106_sys_terminate_runs_terminate)
{
    struct fl_pid p = start_server(&counter_server);
    uint64_t ref = fl_monitor(self, p);
    expect_code(fl_sys_terminate(self, p, BOOM, w->patience_ns), 0);
    expect_down_with(ref, BOOM);
    expect_diary("terminate error: boom\n");
}

CASE(sys_terminate_ends_a_suspended_one)
{
    struct fl_pid p = start_server(&counter_server);
    uint64_t ref = fl_monitor(self, p);
    expect_code(fl_sys_suspend(self, p, w->patience_ns), 0);
    expect_code(fl_sys_terminate(self, p, fl_reason_of(FL_EXIT_SHUTDOWN), w->patience_ns), 0);
    expect_down(ref, FL_EXIT_SHUTDOWN);
    expect_diary("terminate shutdown\n");
}

/* Messages in and out since it was asked to count. */
CASE(case_107_statistics_counts_in_out)
{
    struct fl_sys_stats stats = {0};
    struct fl_pid p = start_server(&counter_server);
    expect_code(fl_sys_statistics(self, p, &stats, w->patience_ns), FL_ESTATE);
    expect_code(fl_sys_count(self, p, true, w->patience_ns), 0);
    fl_send(self, p, 1, NULL, 0);
    for (int i = 0; i < 3; i++) /* each sends one, and that it is done */
        do_in(p, .fn = do_send, .pid = start_dead(), .tag = 9);
    expect_code(fl_sys_statistics(self, p, &stats, w->patience_ns), 0);
    expect_eq(stats.in, 4);
    expect_eq(stats.out, 6);
    expect(stats.started_ns <= stats.now_ns);
    expect_code(fl_sys_count(self, p, false, w->patience_ns), 0);
    expect_code(fl_sys_statistics(self, p, &stats, w->patience_ns), FL_ESTATE);
}

/* The last n messages, oldest first. */
CASE(case_108_log_last_n)
{
    char text[2048] = "";
    int lines = 0;
    struct fl_pid p = start_server(&counter_server);
    expect_code(fl_sys_get_log(self, p, text, sizeof text, w->patience_ns), FL_ESTATE);
    expect_code(fl_sys_log(self, p, 3, w->patience_ns), 0);
    for (uint32_t tag = 71; tag <= 75; tag++)
        fl_send(self, p, tag, NULL, 0);
    expect_code(fl_sys_get_log(self, p, text, sizeof text, w->patience_ns), 0);
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    expect_eq(lines, 3);
    expect(strstr(text, "tag 72") == NULL);
    const char *third = strstr(text, "tag 73"), *last = strstr(text, "tag 75");
    expect(third != NULL && last != NULL && third < last); /* oldest first */
    expect_code(fl_sys_log(self, p, 0, w->patience_ns), 0);
    expect_code(fl_sys_get_log(self, p, text, sizeof text, w->patience_ns), FL_ESTATE);
}

/* ---- timeouts: a question starts them anew */

ORDER(do_set_timeout)
{
    fl_self_timeout(self, order->ns);
}

CASE(a_system_message_restarts_the_timeout_at_full_length)
{
    char text[64];
    if (!w->simulated) return; /* the exact instant is asked for */
    struct fl_pid p = start_server(&counter_server);
    do_in(p, .fn = do_set_timeout, .ns = fl_ms(100));
    fl_pause(self, fl_ms(60));
    expect_code(fl_sys_get_state(self, p, text, sizeof text, w->patience_ns), 0);
    fl_pause(self, fl_ms(60));
    expect_diary(""); /* it would have fired 20 ms ago */
    fl_pause(self, fl_ms(39));
    expect_diary("");
    fl_pause(self, fl_ms(2));
    expect_diary("timeout\n");
}

/* ---- stop */

/* 0 once it is gone; on_terminate has run. */
CASE(case_99_stop_ok)
{
    struct fl_pid p = start_server(&counter_server);
    expect_code(fl_stop(self, p, fl_reason_of(FL_EXIT_NORMAL), FL_NEVER), 0);
    expect_gone(p); /* it is gone when stop returns */
    expect_diary("terminate normal\n");
    expect_nothing();
}

/* It ends with the reason that was asked for. */
CASE(case_99_stop_with_a_reason)
{
    struct fl_pid p = start_server(&counter_server);
    uint64_t ref = fl_monitor(self, p);
    expect_code(fl_stop(self, p, BOOM, FL_NEVER), 0);
    expect_down_with(ref, BOOM);
    expect_diary("terminate error: boom\n");
}

/* A dead one: FL_ENOPROC. */
CASE(case_99_stop_noproc)
{
    expect_code(fl_stop(self, start_dead(), BOOM, FL_NEVER), FL_ENOPROC);
    expect_code(fl_stop(self, fl_self_pid(self), BOOM, FL_NEVER), FL_ECALLSELF);
}

ORDER(do_kill_when_it_terminates)
{
    expect_diary("terminate begins\n");
    fl_exit(self, order->pid, fl_reason_of(FL_EXIT_KILL));
}

/* It ends with another reason: FL_EDIED. */
CASE(case_99_stop_other_reason)
{
    struct fl_pid p = start_server(&slow_server), killer = start(obey);
    tell(killer, .fn = do_kill_when_it_terminates, .pid = p);
    expect_code(fl_stop(self, p, fl_reason_of(FL_EXIT_NORMAL), w->patience_ns), FL_EDIED);
    expect_eq(fl_call_reason(self)->kind, FL_EXIT_KILLED);
}

ORDER(do_wait_for_go)
{
    while (atomic_load(&w->n[0]) == 0)
        fl_pause(self, fl_ms(1));
}

/* FL_ETIMEOUT, and it lives. */
CASE(case_99_stop_timeout_kills_nothing)
{
    struct fl_pid p = start_server(&counter_server);
    uint64_t ref = fl_monitor(self, p);
    tell(p, .fn = do_wait_for_go);
    expect_code(fl_stop(self, p, BOOM, fl_ms(5)), FL_ETIMEOUT);
    expect_nothing(); /* no DOWN: it lives */
    atomic_store(&w->n[0], 1);
    expect_down_with(ref, BOOM); /* and stops once it gets there */
}

/* ---- rest */

ORDER(do_use_stack)
{
    volatile char much[32 * 1024];
    for (size_t i = 0; i < sizeof much; i += 512)
        much[i] = 1;
    fl_yield(self);
    note(w, "used %d\n", much[0]);
}

/* What a process uses is what it has while idle: no stack, and no more than before. */
CASE(case_110_an_idle_server_is_as_small_as_before)
{
    struct fl_inspect_opts opts = {.glob = "resting"};
    struct fl_inspect before = {0}, after = {0};
    struct fl_pid p = start_puppet("resting");
    expect_alive(p);
    expect_code(fl_inspect(w->node, &opts, &before), 0);
    do_in(p, .fn = do_use_stack);
    expect_diary("used 1\n");
    expect_code(fl_inspect(w->node, &opts, &after), 0);
    bool is_one = before.procs_count == 1 && after.procs_count == 1;
    bool is_idle = is_one && after.procs[0].state == FL_STATE_IDLE;
    bool is_small = is_one && after.procs[0].memory == before.procs[0].memory;
    fl_inspect_fini(&before);
    fl_inspect_fini(&after);
    expect(is_one && is_idle && is_small);
    fl_send(self, p, 5, NULL, 0);
    expect_diary("cast 5\n"); /* the next message wakes it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_system_message_restarts_the_timeout_at_full_length),
        cmocka_unit_test(case_99_stop_ok),
        cmocka_unit_test(case_99_stop_with_a_reason),
        cmocka_unit_test(case_99_stop_noproc),
        cmocka_unit_test(case_99_stop_other_reason),
        cmocka_unit_test(case_99_stop_timeout_kills_nothing),
        cmocka_unit_test(case_101_get_state),
        cmocka_unit_test(get_state_of_the_dead_and_of_itself),
        cmocka_unit_test(a_body_answers_while_it_receives),
        cmocka_unit_test(replace_state),
        cmocka_unit_test(case_102_replace_state_crash_keeps_old),
        cmocka_unit_test(case_103_suspend_queues_messages_resume_keeps_order),
        cmocka_unit_test(a_state_can_be_replaced_while_suspended),
        cmocka_unit_test(case_104_suspended_parent_exit_terminates),
        cmocka_unit_test(a_suspended_one_leaves_the_exits_of_others_in_the_queue),
        cmocka_unit_test(a_suspended_one_can_be_killed),
        cmocka_unit_test(case_106_sys_terminate_runs_terminate),
        cmocka_unit_test(sys_terminate_ends_a_suspended_one),
        cmocka_unit_test(case_107_statistics_counts_in_out),
        cmocka_unit_test(case_108_log_last_n),
        cmocka_unit_test(case_110_an_idle_server_is_as_small_as_before),
    };
    return cmocka_run_group_tests_name("questions to a process", tests, NULL, NULL);
}
