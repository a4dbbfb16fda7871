#include "tests/conformance/otp/otp_puppet.h"

#include <time.h>

#include "runtime/registry.h"

/* Calls: what comes back, whatever happens to the server. Cases 69 to 85. */

/* as a call: the handler ends the server instead of answering */
ORDER(do_exit_after_handler)
{
    fl_self_exit(self, order->reason);
}
/* as a call: answers and ends */
ORDER(do_answer_and_exit)
{
    const struct fl_msg *msg = fl_self_msg(self);
    fl_self_reply(self, msg->from, msg->ref, "bye", 4);
    fl_self_exit(self, order->reason);
}
/* answers the call that CALL_HOLD put down */
ORDER(do_answer_held)
{
    fl_self_reply(self, w->pids[7], w->refs[7], "late", 5);
}

/* Calls with an order, for the handler to run. */
static int call_order(struct fl_self *self, struct case_world *w, struct fl_pid to,
                      struct case_order order)
{
    return fl_call(self, to, CASE_ORDER, &order, sizeof order, NULL, 0, NULL, w->patience_ns);
}

/* A call and its answer. */
CASE(case_69_call_reply)
{
    struct fl_pid server = start_puppet(NULL);
    char reply[16] = "";
    size_t len = 0;
    expect_code(fl_call(self, server, CALL_ECHO, "hello", 6, reply, sizeof reply, &len, fl_s(5)),
                0);
    expect(len == 6 && strcmp(reply, "hello") == 0);
    expect_nothing();
}

CASE(a_longer_answer_is_cut_to_fit)
{
    struct fl_pid server = start_puppet(NULL);
    char reply[4] = "...";
    size_t len = 0;
    expect_code(fl_call(self, server, CALL_ECHO, "hello", 6, reply, 2, &len, fl_s(5)), 0);
    expect_eq(len, 2);
    expect(memcmp(reply, "he.", 3) == 0);
}

/* FL_ETIMEOUT at the very time; the server goes on. */
CASE(case_70_call_timeout)
{
    struct fl_pid server = start_puppet(NULL);
    fl_ns start_ns = fl_self_now(self);
    expect_code(call(self, server, CALL_HOLD, fl_ms(20)), FL_ETIMEOUT);
    expect(fl_self_now(self) - start_ns >= fl_ms(20));
    if (w->simulated) expect_eq(fl_self_now(self) - start_ns, fl_ms(20));
    expect_code(call(self, server, CALL_ECHO, w->patience_ns), 0);
}

/* An answer after the timeout: the mailbox stays empty, and it is counted. */
CASE(case_71_late_reply_dropped)
{
    struct fl_pid server = start_puppet(NULL);
    uint64_t before = case_stats(w).counts.late_replies;
    expect_code(call(self, server, CALL_HOLD, fl_ms(2)), FL_ETIMEOUT);
    do_in(server, .fn = do_answer_held);
    expect_eq(fl_self_mailbox_len(self), 0);
    expect_nothing();
    expect_eq(case_stats(w).counts.late_replies, before + 1);
}

CASE(a_late_reply_is_not_taken_for_the_next_one)
{
    struct fl_pid server = start_puppet(NULL);
    char reply[16] = "";
    for (int i = 0; i < 20; i++) {
        expect_code(call(self, server, CALL_HOLD, fl_ms(2)), FL_ETIMEOUT);
        tell(server, .fn = do_answer_held);
        expect_code(
            fl_call(self, server, CALL_ECHO, "mine", 5, reply, sizeof reply, NULL, w->patience_ns),
            0);
        expect(strcmp(reply, "mine") == 0);
        expect_alive(server);
    }
    expect_nothing();
}

/* A dead pid: FL_ENOPROC. */
CASE(case_72_call_noproc_pid)
{
    expect_code(call(self, start_dead(), CALL_ECHO, w->patience_ns), FL_ENOPROC);
    expect_nothing();
}

/* A name that nobody has: FL_ENOPROC. */
CASE(case_72_call_noproc_name)
{
    expect_code(fl_call_name(self, "nobody", 1, NULL, 0, NULL, 0, NULL, fl_s(5)), FL_ENOPROC);
    expect_nothing();
}

ORDER(do_register_via)
{
    struct fl_registry *registry = (void *)(uintptr_t)order->ref;
    expect_code(fl_registry_register(self, registry, "key", NULL, 0, NULL), 0);
}

/* A key of a registry that nobody has, or whose owner is dead: FL_ENOPROC. */
CASE(case_72_call_noproc_via)
{
    char reply[16] = "";
    struct fl_registry_opts opts = {.keys = FL_REGISTRY_UNIQUE};
    struct fl_registry *registry = fl_registry_new(w->node, &opts);
    expect_code(fl_via_call(self, registry, "key", CALL_ECHO, "x", 2, NULL, 0, NULL, fl_s(5)),
                FL_ENOPROC);
    expect_code(fl_via_send(self, registry, "key", 1, NULL, 0), FL_ENOPROC);
    struct fl_pid server = start_puppet(NULL);
    do_in(server, .fn = do_register_via, .ref = (uintptr_t)registry);
    expect_code(fl_via_call(self, registry, "key", CALL_ECHO, "x", 2, reply, sizeof reply, NULL,
                            w->patience_ns),
                0);
    expect(strcmp(reply, "x") == 0);
    uint64_t ref = fl_monitor(self, server);
    fl_exit(self, server, fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
    expect_code(fl_via_call(self, registry, "key", CALL_ECHO, "x", 2, NULL, 0, NULL, fl_s(5)),
                FL_ENOPROC);
    fl_registry_free(registry);
    expect_nothing();
}

/* FL_ECALLSELF at once, no deadlock. */
CASE(case_73_call_self)
{
    fl_ns start_ns = fl_self_now(self);
    expect_code(call(self, fl_self_pid(self), CALL_ECHO, FL_NEVER), FL_ECALLSELF);
    if (w->simulated) expect_eq(fl_self_now(self), start_ns);
    expect_nothing();
}

/* The server stops instead: FL_EDIED, with its reason. */
CASE(case_74_call_server_stops)
{
    struct fl_pid server = start_puppet(NULL);
    struct fl_reason reason = fl_reason_with(FL_EXIT_SHUTDOWN, 0, "enough");
    struct case_order order = {.fn = do_exit_after_handler, .reason = reason};
    expect_code(call_order(self, w, server, order), FL_EDIED);
    case_reason_is(self, w, CASE_AT, "the call", fl_call_reason(self), reason, true);
    expect_diary("terminate shutdown: enough\n");
    expect_nothing();
}

/* The server crashes: FL_EDIED, with the reason of the crash. */
CASE(case_75_call_server_crash)
{
    struct fl_pid server = start_puppet(NULL);
    struct case_order order = {.fn = do_leave, .reason = BOOM};
    expect_code(call_order(self, w, server, order), FL_EDIED);
    case_reason_is(self, w, CASE_AT, "the call", fl_call_reason(self), BOOM, true);
    expect_nothing();
}

ORDER(do_kill_when_held)
{
    wait_until(atomic_load(&w->n[7]) > 0);
    fl_exit(self, order->pid, fl_reason_of(FL_EXIT_KILL));
}

/* It is killed while the caller waits: killed. */
CASE(case_76_call_server_killed_waiting)
{
    struct fl_pid server = start_puppet(NULL), killer = start(obey);
    tell(killer, .fn = do_kill_when_held, .pid = server);
    expect_code(call(self, server, CALL_HOLD, w->patience_ns), FL_EDIED);
    case_reason_is(self, w, CASE_AT, "the call", fl_call_reason(self), fl_reason_of(FL_EXIT_KILLED),
                   false);
    expect_nothing();
}

CASE(the_last_answer_of_a_server_that_stops_arrives)
{
    char reply[16] = "";
    struct fl_pid server = start_puppet(NULL);
    struct case_order order = {.fn = do_answer_and_exit, .reason = BOOM};
    uint64_t ref = fl_monitor(self, server);
    expect_code(fl_call(self, server, CASE_ORDER, &order, sizeof order, reply, sizeof reply, NULL,
                        w->patience_ns),
                0);
    expect(strcmp(reply, "bye") == 0);
    expect_down_with(ref, BOOM);
}

/* Only on_init can return badly (63); what cannot take a call ends with an error, which the caller
 * sees. */
CASE(case_77_call_bad_return)
{
    static const struct fl_server dumb = {
        .name = "dumb", .state_bytes = sizeof(struct puppet), .on_init = puppet_on_init};
    struct fl_pid server = start_server(&dumb);
    expect_code(call(self, server, CALL_ECHO, w->patience_ns), FL_EDIED);
    expect_eq(fl_call_reason(self)->kind, FL_EXIT_ERROR);
    expect(strcmp(fl_call_reason(self)->detail, "dumb has no on_call") == 0);
    expect_nothing();
}

/* ---- {stop, Reason, Reply, State}: the answer comes after terminate */

static void tidy_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    fl_pause(self, fl_ms(5));
    puppet_on_terminate(self, state, reason);
}
static const struct fl_server tidy_server = {
    .name = "tidy",
    .state_bytes = sizeof(struct puppet),
    .on_init = puppet_on_init,
    .on_cast = puppet_on_cast,
    .on_call = puppet_on_call,
    .on_terminate = tidy_on_terminate,
};

ORDER(do_stop_with_reply)
{
    fl_self_stop_with_reply(self, fl_self_msg(self), order->reason, "bye", 4);
    fl_self_stop_with_reply(self, fl_self_msg(self), BOOM, "no", 3); /* it has said so */
}

/* {stop, Reason, Reply, State}: on_terminate has run when the caller goes on. */
CASE(semantics_3_4_the_answer_of_a_stop_comes_after_terminate)
{
    char reply[16] = "";
    struct fl_pid server = start_server(&tidy_server);
    struct fl_reason reason = fl_reason_with(FL_EXIT_SHUTDOWN, 0, "enough");
    struct case_order order = {.fn = do_stop_with_reply, .reason = reason};
    uint64_t ref = fl_monitor(self, server);
    expect_code(fl_call(self, server, CASE_ORDER, &order, sizeof order, reply, sizeof reply, NULL,
                        w->patience_ns),
                0);
    note(w, "answered %s\n", reply);
    expect_diary("terminate shutdown: enough\nanswered bye\n");
    expect_down_with(ref, reason);
    expect_nothing();
}

ORDER(do_stop_the_held)
{
    struct fl_msg held = {.from = w->pids[7], .ref = w->refs[7]};
    fl_self_stop_with_reply(self, &held, order->reason, "late", 5);
}

ORDER(do_tell_when_held)
{
    wait_until(atomic_load(&w->n[7]) > 0);
    tell(order->pid, .fn = do_stop_the_held, .reason = fl_reason_of(FL_EXIT_SHUTDOWN));
}

/* Also for a call that came before. */
CASE(semantics_3_4_a_call_that_was_kept_is_answered_by_the_stop)
{
    struct fl_pid server = start_server(&tidy_server), other = start(obey);
    char reply[16] = "";
    tell(other, .fn = do_tell_when_held, .pid = server);
    expect_code(
        fl_call(self, server, CALL_HOLD, NULL, 0, reply, sizeof reply, NULL, w->patience_ns), 0);
    expect(strcmp(reply, "late") == 0);
    expect_diary("terminate shutdown\n");
}

static void stuck_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    atomic_fetch_add(&puppet_world(state)->n[7], 1);
    fl_pause(self, FL_NEVER);
}
static const struct fl_server stuck_server = {
    .name = "stuck",
    .state_bytes = sizeof(struct puppet),
    .on_init = puppet_on_init,
    .on_call = puppet_on_call,
    .on_terminate = stuck_on_terminate,
};

/* The caller sees the kill. */
CASE(semantics_3_4_one_that_is_killed_in_terminate_does_not_answer)
{
    struct fl_pid server = start_server(&stuck_server), killer = start(obey);
    struct case_order order = {.fn = do_stop_with_reply, .reason = fl_reason_of(FL_EXIT_NORMAL)};
    tell(killer, .fn = do_kill_when_held, .pid = server);
    expect_code(call_order(self, w, server, order), FL_EDIED);
    case_reason_is(self, w, CASE_AT, "the call", fl_call_reason(self), fl_reason_of(FL_EXIT_KILLED),
                   false);
    expect_nothing();
}

ORDER(do_answer_when_held)
{
    wait_until(atomic_load(&w->n[7]) > 0);
    fl_self_reply(self, w->pids[7], w->refs[7], "other", 6);
}

/* Another process may answer, later. */
CASE(case_79_deferred_reply_from_other_process)
{
    struct fl_pid server = start_puppet(NULL), other = start(obey);
    char reply[16] = "";
    tell(other, .fn = do_answer_when_held);
    expect_code(
        fl_call(self, server, CALL_HOLD, NULL, 0, reply, sizeof reply, NULL, w->patience_ns), 0);
    expect(strcmp(reply, "other") == 0);
}

ORDER(do_answer_twice)
{
    const struct fl_msg *msg = fl_self_msg(self);
    fl_self_reply(self, msg->from, msg->ref, "one", 4);
    fl_self_reply(self, msg->from, msg->ref, "two", 4);
}

CASE(the_second_of_two_answers_is_dropped)
{
    struct fl_pid server = start_puppet(NULL);
    char reply[16] = "";
    struct case_order order = {.fn = do_answer_twice};
    expect_code(fl_call(self, server, CASE_ORDER, &order, sizeof order, reply, sizeof reply, NULL,
                        w->patience_ns),
                0);
    expect(strcmp(reply, "one") == 0);
    expect_code(call(self, server, CALL_ECHO, w->patience_ns), 0);
    expect_nothing();
}

/* ---- a failed call ends its caller, as OTP's does, when asked to */

ORDER(do_call_or_exit)
{
    struct case_order inner = {.fn = do_leave, .reason = BOOM};
    fl_call_or_exit(self, order->pid, order->tag, &inner, sizeof inner, NULL, 0, NULL, order->ns);
    note(w, "answered\n");
}

static void play_call_or_exit(struct fl_self *self, struct case_world *w, struct fl_pid server,
                              uint32_t tag, struct fl_reason reason, bool exactly)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_call_or_exit, .pid = server, .tag = tag,
         .ns = tag == CALL_HOLD ? fl_ms(20) : w->patience_ns);
    case_down_is(self, w, CASE_AT, ref, reason, exactly);
}

CASE(a_call_that_must_succeed_ends_its_caller_otherwise)
{
    struct fl_reason error = fl_reason_of(FL_EXIT_ERROR);
    struct fl_pid server = start_puppet(NULL), p = start(obey);
    do_in(p, .fn = do_call_or_exit, .pid = server, .tag = CALL_ECHO, .ns = w->patience_ns);
    expect_diary("answered\n");
    play_call_or_exit(self, w, start_dead(), CALL_ECHO, fl_reason_of(FL_EXIT_NOPROC), false);
    play_call_or_exit(self, w, server, CALL_HOLD, error, false); /* timeout */
    play_call_or_exit(self, w, start_puppet(NULL), CASE_ORDER, BOOM, true);
    expect_diary("terminate error: boom\n");
}

/* ---- many and deep */

static double cpu_ms_of_calls(struct fl_self *self, struct fl_pid server, int calls)
{
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < calls; i++)
        call(self, server, CALL_ECHO, FL_NEVER);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static double least_of_5(struct fl_self *self, struct fl_pid server)
{
    double least = 1e9;
    for (int i = 0; i < 5; i++) {
        double ms = cpu_ms_of_calls(self, server, 200);
        if (ms < least) least = ms;
    }
    return least;
}

/* A call does not look through the mailbox. CPU time, and far from the bound: looking through
 * would take a thousand times as long. */
CASE_ON_ONE(case_82_call_deep_mailbox)
{
    int queued = case_times(w->simulated ? 20000 : 500000);
    struct fl_pid server = start_puppet(NULL);
    double empty_ms = least_of_5(self, server);
    for (int i = 0; i < queued; i++)
        expect_code(fl_send(self, fl_self_pid(self), 1, &i, sizeof i), 0);
    double deep_ms = least_of_5(self, server);
    expect_eq(fl_self_mailbox_len(self), queued);
    if (!w->simulated && deep_ms > 2 * empty_ms + 5)
        case_fail("200 calls take %.2f ms, with a deep mailbox %.2f ms", empty_ms, deep_ms);
    for (int i = 0; i < queued; i++) {
        struct fl_msg msg;
        int number = -1;
        expect_code(fl_receive(self, NULL, NULL, 0, &msg), 0);
        memcpy(&number, msg.data, sizeof number);
        expect_eq(number, i);
    }
}

ORDER(do_call_on)
{
    atomic_store(&w->n[0], call(self, order->pid, CALL_HOLD, w->patience_ns));
}

/* A server that waits in a call: others run, its own mail keeps its order. */
CASE(case_83_nested_call_blocks_only_self)
{
    struct fl_pid a = start_puppet(NULL), b = start_puppet(NULL), other = start(obey);
    tell(a, .fn = do_call_on, .pid = b);
    wait_until(atomic_load(&w->n[7]) > 0); /* a waits for b, which holds the call */
    for (uint32_t tag = 1; tag <= 3; tag++)
        fl_send(self, a, tag, NULL, 0);
    expect_alive(other);
    expect_alive(b);
    settle();
    expect_diary(""); /* a has handled none of them */
    do_in(b, .fn = do_answer_held);
    expect_diary("cast 1\ncast 2\ncast 3\n");
    expect_code(w->n[0], 0);
}

static void call_with_a_number(struct fl_self *self, struct case_world *w)
{
    int mine = atomic_fetch_add(&w->n[0], 1), back = -1;
    int rc = fl_call(self, w->pids[0], CALL_ECHO, &mine, sizeof mine, &back, sizeof back, NULL,
                     w->patience_ns);
    if (rc == 0 && back == mine) atomic_fetch_add(&w->n[1], 1);
    fl_send(self, w->driver, 1, NULL, 0);
}

/* Each gets its own answer. */
CASE(case_85_call_1000_concurrent_callers)
{
    int callers = case_times(1000);
    w->pids[0] = start_puppet(NULL);
    for (int i = 0; i < callers; i++)
        start(call_with_a_number);
    for (int i = 0; i < callers; i++)
        case_await(self, w, CASE_AT, (struct case_want){.kind = FL_MSG_CAST, .tag = 1}, "a caller");
    expect_eq(w->n[1], callers);
}

/* A body answers calls too. */
static void answer_once(struct fl_self *self, struct case_world *w)
{
    struct fl_msg msg;
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    if (msg.kind == FL_MSG_CALL) fl_self_reply(self, msg.from, msg.ref, "body", 5);
    obey(self, w);
}

CASE(a_body_can_answer_a_call)
{
    char reply[16] = "";
    struct fl_pid p = start(answer_once);
    expect_code(fl_call(self, p, 1, NULL, 0, reply, sizeof reply, NULL, w->patience_ns), 0);
    expect(strcmp(reply, "body") == 0);
}

CASE(a_call_leaves_nothing_behind_when_its_server_dies_later)
{
    struct fl_pid server = start_puppet(NULL);
    fl_self_trap_exits(self, true);
    expect_code(call(self, server, CALL_ECHO, w->patience_ns), 0);
    expect_code(call(self, server, CALL_HOLD, fl_ms(2)), FL_ETIMEOUT);
    fl_exit(self, server, fl_reason_of(FL_EXIT_KILL));
    expect_end(server);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_69_call_reply),
        cmocka_unit_test(a_longer_answer_is_cut_to_fit),
        cmocka_unit_test(case_70_call_timeout),
        cmocka_unit_test(case_71_late_reply_dropped),
        cmocka_unit_test(a_late_reply_is_not_taken_for_the_next_one),
        cmocka_unit_test(case_72_call_noproc_pid),
        cmocka_unit_test(case_72_call_noproc_name),
        cmocka_unit_test(case_72_call_noproc_via),
        cmocka_unit_test(case_73_call_self),
        cmocka_unit_test(case_74_call_server_stops),
        cmocka_unit_test(case_75_call_server_crash),
        cmocka_unit_test(case_76_call_server_killed_waiting),
        cmocka_unit_test(the_last_answer_of_a_server_that_stops_arrives),
        cmocka_unit_test(case_77_call_bad_return),
        cmocka_unit_test(semantics_3_4_the_answer_of_a_stop_comes_after_terminate),
        cmocka_unit_test(semantics_3_4_a_call_that_was_kept_is_answered_by_the_stop),
        cmocka_unit_test(semantics_3_4_one_that_is_killed_in_terminate_does_not_answer),
        cmocka_unit_test(case_79_deferred_reply_from_other_process),
        cmocka_unit_test(the_second_of_two_answers_is_dropped),
        cmocka_unit_test(a_call_that_must_succeed_ends_its_caller_otherwise),
        cmocka_unit_test(case_82_call_deep_mailbox),
        cmocka_unit_test(case_83_nested_call_blocks_only_self),
        cmocka_unit_test(case_85_call_1000_concurrent_callers),
        cmocka_unit_test(a_body_can_answer_a_call),
        cmocka_unit_test(a_call_leaves_nothing_behind_when_its_server_dies_later),
    };
    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
