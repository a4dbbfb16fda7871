#include "tests/conformance/otp/otp_puppet.h"

/* Exit signals: who dies of what, and who gets a message instead. Cases 1 to 10. */

/* P is sent exit(P, normal) and does not trap: it lives, and its mailbox is empty. */
CASE(case_01_exit_normal_other_notrap)
{
    struct fl_pid p = start(obey);
    fl_exit(self, p, fl_reason_of(FL_EXIT_NORMAL));
    expect_sees_nothing(p);
}

/* P traps: it lives, and gets one EXIT with normal. */
CASE(case_02_exit_normal_other_trap)
{
    struct fl_pid p = start_trapping();
    fl_exit(self, p, fl_reason_of(FL_EXIT_NORMAL));
    expect_sees_exit(p, fl_self_pid(self), FL_EXIT_NORMAL);
    expect_sees_nothing(p);
}

/* A signal of normal to oneself is the one that is not dropped: P ends. */
CASE(case_03_exit_normal_self_notrap)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_signal, .reason = fl_reason_of(FL_EXIT_NORMAL));
    expect_down(ref, FL_EXIT_NORMAL);
}

/* P traps: it lives, and gets EXIT from itself. */
CASE(case_04_exit_normal_self_trap)
{
    struct fl_pid p = start_trapping();
    do_in(p, .fn = do_signal, .reason = fl_reason_of(FL_EXIT_NORMAL));
    expect_sees_exit(p, p, FL_EXIT_NORMAL);
    expect_sees_nothing(p);
}

/* Cannot be trapped: P is killed, no callback of it runs. */
CASE(case_05_exit_kill_other_trap)
{
    struct fl_pid p = start_puppet(NULL);
    uint64_t ref = fl_monitor(self, p);
    do_in(p, .fn = do_trap);
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
    settle();
    expect_diary(""); /* neither on_exit nor on_terminate */
}

/* Nor when it comes from oneself. */
CASE(case_06_exit_kill_self_trap)
{
    struct fl_pid p = start_trapping();
    uint64_t ref = fl_monitor(self, p);
    tell(p, .fn = do_signal, .reason = fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
}

/* P ends by itself with kill: monitors see kill, not killed. */
CASE(case_07_exit_inside_kill)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, QUIT(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILL);
}

/* P traps and ends by itself with an error: that is its reason. */
CASE(case_08_exit_inside_ignores_trap)
{
    struct fl_pid p = start_trapping();
    uint64_t ref = fl_monitor(self, p);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
}

/* Sent as a reason, killed is a message like any other. */
CASE(case_09_killed_reason_is_trappable)
{
    struct fl_pid p = start_trapping();
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILLED));
    expect_sees_exit(p, fl_self_pid(self), FL_EXIT_KILLED);
    expect_alive(p);
}

/* Shutdown with a detail: P ends with that very reason. */
CASE(case_10_shutdown_tuple_notrap)
{
    struct fl_reason shutdown_x = fl_reason_with(FL_EXIT_SHUTDOWN, 0, "x");
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    fl_exit(self, p, shutdown_x);
    expect_down_with(ref, shutdown_x);
}

/* ---- the whole table: 4 ways x 6 reasons x trapping or not */

enum way { BY_OTHER, BY_ITSELF, INSIDE, BY_LINK };
enum end { LIVES, DIES, GETS_EXIT };

static const char *const way_names[] = {"by other", "by itself", "inside", "by link"};

static struct fl_reason reason_of_row(int row)
{
    static const enum fl_exit_kind kinds[] = {FL_EXIT_NORMAL,   FL_EXIT_KILL,     FL_EXIT_KILLED,
                                              FL_EXIT_SHUTDOWN, FL_EXIT_SHUTDOWN, FL_EXIT_ERROR};
    if (row == 4) return fl_reason_with(FL_EXIT_SHUTDOWN, 0, "x");
    return row == 5 ? BOOM : fl_reason_of(kinds[row]);
}

static enum end end_of(enum way way, enum fl_exit_kind kind, bool traps)
{
    if (way == INSIDE) return DIES;
    if (kind == FL_EXIT_KILL && way != BY_LINK) return DIES;
    if (traps) return GETS_EXIT;
    return kind == FL_EXIT_NORMAL && way != BY_ITSELF ? LIVES : DIES;
}

static void play_row(struct fl_self *self, struct case_world *w, enum way way, int row, bool traps)
{
    struct fl_reason reason = reason_of_row(row), seen = reason;
    if (reason.kind == FL_EXIT_KILL && (way == BY_OTHER || way == BY_ITSELF))
        seen = fl_reason_of(FL_EXIT_KILLED);

    struct fl_pid p = start(obey), q = start(obey);
    uint64_t ref = fl_monitor(self, p), q_ref = fl_monitor(self, q);
    if (traps) do_in(p, .fn = do_trap);
    struct fl_pid from = q;
    switch (way) {
    case BY_OTHER:
        do_in(q, .fn = do_signal, .pid = p, .reason = reason);
        break;
    case BY_ITSELF:
        tell(p, .fn = do_signal, .reason = reason);
        from = p;
        break;
    case INSIDE:
        tell(p, .fn = do_leave, .reason = reason);
        break;
    case BY_LINK:
        do_in(p, .fn = do_link, .pid = q);
        tell(q, .fn = do_leave, .reason = reason);
        expect_down_with(q_ref, reason);
        break;
    }
    switch (end_of(way, reason.kind, traps)) {
    case LIVES:
        expect_sees_nothing(p);
        break;
    case DIES:
        expect_down_with(ref, seen);
        break;
    case GETS_EXIT:
        expect_sees_exit_with(p, from, reason);
        expect_alive(p);
        break;
    }
    if (way != BY_LINK) expect_alive(q);
    fl_demonitor(self, ref);
    fl_demonitor(self, q_ref);
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    fl_exit(self, q, fl_reason_of(FL_EXIT_KILL));
}

static void play_table(struct fl_self *self, struct case_world *w, enum way way)
{
    FL_ASSERT(way_names[way] != NULL);
    for (int row = 0; row < 6; row++)
        for (int traps = 0; traps < 2; traps++)
            play_row(self, w, way, row, traps != 0);
}

/* Six reasons, trapping and not: who lives, who ends of what, who gets a message. */
CASE(every_reason_sent_by_another)
{
    play_table(self, w, BY_OTHER);
}
/* The same, sent by P to itself. */
CASE(every_reason_sent_to_itself)
{
    play_table(self, w, BY_ITSELF);
}
/* The same, as P's own end. */
CASE(every_reason_inside)
{
    play_table(self, w, INSIDE);
}
/* The same, as the end of a linked one. */
CASE(every_reason_over_a_link)
{
    play_table(self, w, BY_LINK);
}

/* ---- more of the semantics */

static void trap_late(struct fl_self *self, struct case_world *w)
{
    struct case_want go = {.kind = FL_MSG_CAST, .tag = 1};
    struct fl_msg msg;
    fl_receive(self, case_matches, &go, FL_NEVER, &msg);
    fl_self_trap_exits(self, true);
    obey(self, w);
}

/* The flag counts when the signal is received, not when messages are looked at. */
CASE(a_trap_that_comes_after_the_signal_does_not_help)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(trap_late, &ref);
    fl_exit(self, p, BOOM);
    fl_send(self, p, 1, NULL, 0);
    expect_down_with(ref, BOOM);
}

/* A body that returns ends with normal. */
CASE(a_normal_end_of_the_function_is_normal)
{
    uint64_t ref = 0;
    start_watched(leave_at_once, &ref);
    expect_down(ref, FL_EXIT_NORMAL);
}

static void fail_and_return(struct fl_self *self, struct case_world *w)
{
    fl_self_fail(self, FL_EIO);
}

CASE(a_body_that_fails_ends_with_an_error_and_its_code)
{
    uint64_t ref = 0;
    start_watched(fail_and_return, &ref);
    struct fl_msg msg = case_await(self, w, CASE_AT,
                                   (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
    expect_eq(msg.reason->kind, FL_EXIT_ERROR);
    expect_code(msg.reason->code, FL_EIO);
}

static void exit_later_then_return(struct fl_self *self, struct case_world *w)
{
    fl_self_exit(self, fl_reason_with(FL_EXIT_SHUTDOWN, 0, "first"));
    fl_self_exit(self, BOOM);
}

CASE(of_two_exits_inside_the_first_counts)
{
    uint64_t ref = 0;
    start_watched(exit_later_then_return, &ref);
    expect_down_with(ref, fl_reason_with(FL_EXIT_SHUTDOWN, 0, "first"));
}

CASE(an_exit_to_the_dead_is_silent)
{
    struct fl_pid dead = start_dead();
    fl_self_trap_exits(self, true);
    fl_exit(self, dead, BOOM);
    fl_exit(self, dead, fl_reason_of(FL_EXIT_KILL));
    expect_nothing();
}

CASE(of_two_exit_signals_of_one_sender_the_first_counts)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    fl_exit(self, p, fl_reason_with(FL_EXIT_SHUTDOWN, 0, "first"));
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    expect_down_with(ref, fl_reason_with(FL_EXIT_SHUTDOWN, 0, "first"));
}

/* A signal from outside any process, with the node's authority behind it. */
CASE(an_exit_from_outside_ends_it_too)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    fl_node_exit(w->node, p, BOOM);
    expect_down_with(ref, BOOM);
}

CASE(a_kill_ends_one_that_waits_in_the_middle)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    do_in(p, .fn = do_trap);
    tell(p, .fn = do_pause, .ns = fl_s(10000));
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_01_exit_normal_other_notrap),
        cmocka_unit_test(case_02_exit_normal_other_trap),
        cmocka_unit_test(case_03_exit_normal_self_notrap),
        cmocka_unit_test(case_04_exit_normal_self_trap),
        cmocka_unit_test(case_05_exit_kill_other_trap),
        cmocka_unit_test(case_06_exit_kill_self_trap),
        cmocka_unit_test(case_07_exit_inside_kill),
        cmocka_unit_test(case_08_exit_inside_ignores_trap),
        cmocka_unit_test(case_09_killed_reason_is_trappable),
        cmocka_unit_test(case_10_shutdown_tuple_notrap),
        cmocka_unit_test(every_reason_sent_by_another),
        cmocka_unit_test(every_reason_sent_to_itself),
        cmocka_unit_test(every_reason_inside),
        cmocka_unit_test(every_reason_over_a_link),
        cmocka_unit_test(a_trap_that_comes_after_the_signal_does_not_help),
        cmocka_unit_test(a_normal_end_of_the_function_is_normal),
        cmocka_unit_test(a_body_that_fails_ends_with_an_error_and_its_code),
        cmocka_unit_test(of_two_exits_inside_the_first_counts),
        cmocka_unit_test(an_exit_to_the_dead_is_silent),
        cmocka_unit_test(of_two_exit_signals_of_one_sender_the_first_counts),
        cmocka_unit_test(an_exit_from_outside_ends_it_too),
        cmocka_unit_test(a_kill_ends_one_that_waits_in_the_middle),
    };
    return cmocka_run_group_tests_name("exit signals", tests, NULL, NULL);
}
