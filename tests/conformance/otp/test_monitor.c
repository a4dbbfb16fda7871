#include "tests/conformance/otp/otp_expect.h"

/* Monitors: one DOWN each, once. Cases 29 to 35. */

/* A monitor of a dead one: DOWN with noproc at once. */
CASE(case_29_monitor_dead_noproc)
{
    struct fl_pid dead = start_dead();
    uint64_t ref = fl_monitor(self, dead);
    struct fl_msg msg = case_await(self, w, CASE_AT,
                                   (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
    expect_eq(msg.reason->kind, FL_EXIT_NOPROC);
    expect(fl_pid_eq(msg.from, dead));
    expect(msg.name == NULL);
    expect_nothing();
}

/* Of a name that nobody has: DOWN with noproc, and with the name. */
CASE(case_30_monitor_unregistered_name)
{
    uint64_t ref = fl_monitor_name(self, "nobody");
    struct fl_msg msg = case_await(self, w, CASE_AT,
                                   (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
    expect_eq(msg.reason->kind, FL_EXIT_NOPROC);
    expect(msg.name != NULL && strcmp(msg.name, "nobody") == 0);
    expect_nothing();
}

/* Of a name: the DOWN carries it. */
CASE(case_31_monitor_by_name_reports_name)
{
    struct fl_pid p = start_with(obey, .name = "somebody");
    expect_alive(p);
    uint64_t ref = fl_monitor_name(self, "somebody");
    tell(p, QUIT(FL_EXIT_NORMAL));
    struct fl_msg msg = case_await(self, w, CASE_AT,
                                   (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
    expect_eq(msg.reason->kind, FL_EXIT_NORMAL);
    expect(msg.name != NULL && strcmp(msg.name, "somebody") == 0);
    expect_nothing();
}

/* Two monitors are two, each with its ref. */
CASE(case_32_monitor_twice_two_downs)
{
    struct fl_pid p = start(obey);
    uint64_t first = fl_monitor(self, p), second = fl_monitor(self, p);
    expect(first != second);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(second, BOOM);
    expect_down_with(first, BOOM);
    expect_nothing();
}

/* A monitor of oneself has a ref and never fires. */
CASE(case_33_monitor_self_silent)
{
    struct fl_pid p = start_trapping();
    uint64_t ref = fl_monitor(self, p);
    do_in(p, .fn = do_monitor, .pid = p);
    expect_sees_nothing(p);
    expect(fl_monitor(self, fl_self_pid(self)) != 0);
    tell(p, QUIT(FL_EXIT_SHUTDOWN));
    expect_down(ref, FL_EXIT_SHUTDOWN);
    expect_nothing();
}

/* P ends; its DOWN waits in the mailbox. */
static uint64_t queue_a_down(struct fl_self *self, struct case_world *w)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_leave, .reason = BOOM);
    wait_for_mail(1);
    return ref;
}

/* A DOWN that is queued stays after demonitor. */
CASE(case_34_demonitor_keeps_queued_down)
{
    uint64_t ref = queue_a_down(self, w);
    expect(!fl_demonitor_keep(self, ref)); /* it was not active any more */
    expect_down_with(ref, BOOM);
    expect_nothing();
}

/* With the flush it goes. */
CASE(case_35_demonitor_flush_removes)
{
    uint64_t ref = queue_a_down(self, w);
    fl_demonitor(self, ref);
    expect_nothing();
}

CASE(demonitor_with_flush_leaves_other_downs)
{
    uint64_t ref = queue_a_down(self, w), other = 0;
    struct fl_pid p = start_watched(obey, &other);
    tell(p, QUIT(FL_EXIT_SHUTDOWN));
    wait_for_mail(2);
    fl_demonitor(self, ref);
    expect_down(other, FL_EXIT_SHUTDOWN);
    expect_nothing();
}

CASE(demonitor_says_whether_it_was_active)
{
    struct fl_pid p = start(obey);
    uint64_t ref = fl_monitor(self, p);
    expect(fl_demonitor_keep(self, ref));
    expect(!fl_demonitor_keep(self, ref));
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_end(p);
    expect_nothing();
}

ORDER(do_demonitor)
{
    atomic_store(&w->n[0], fl_demonitor_keep(self, order->ref));
    fl_demonitor(self, order->ref);
}

CASE(demonitor_by_another_process_does_nothing)
{
    struct fl_pid p = start(obey), stranger = start(obey);
    uint64_t ref = fl_monitor(self, p);
    do_in(stranger, .fn = do_demonitor, .ref = ref);
    expect_eq(w->n[0], 0);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
}

CASE(one_of_two_monitors_taken_back_leaves_the_other)
{
    struct fl_pid p = start(obey);
    uint64_t first = fl_monitor(self, p), second = fl_monitor(self, p);
    fl_demonitor(self, first);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(second, BOOM);
    expect_nothing();
}

CASE(a_monitor_does_not_hurt_the_watched_nor_tie_the_watcher)
{
    struct fl_pid watcher = start(obey), p = start(obey);
    uint64_t ref = fl_monitor(self, watcher);
    do_in(watcher, .fn = do_monitor, .pid = p);
    tell(watcher, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    expect_sees_nothing(p);
}

CASE(a_down_says_who)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    struct fl_msg msg = case_await(self, w, CASE_AT,
                                   (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
    expect(fl_pid_eq(msg.from, p));
    expect_eq(msg.reason->kind, FL_EXIT_KILLED);
}

/* A watched process that comes after the monitor was made is another one. */
CASE(a_monitor_by_name_is_of_who_had_it_then)
{
    struct fl_pid p = start_with(obey, .name = "role");
    expect_alive(p);
    uint64_t ref = fl_monitor_name(self, "role");
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    struct fl_pid next = start_with(obey, .name = "role");
    expect_alive(next);
    tell(next, .fn = do_leave, .reason = BOOM);
    expect_end(next);
    expect_nothing();
}

CASE(a_body_that_ends_before_its_starter_goes_on_is_seen_once)
{
    for (int i = 0; i < case_times(200); i++) {
        uint64_t ref = 0;
        start_watched(leave_at_once, &ref);
        expect_down(ref, FL_EXIT_NORMAL);
    }
    expect_nothing();
}

/* Whether P is alive, dying or dead: after the flush there is nothing. */
CASE(after_demonitor_no_down_can_arrive)
{
    for (int i = 0; i < case_times(200); i++) {
        uint64_t ref = 0;
        start_watched(leave_at_once, &ref);
        if (i % 2 == 0) fl_yield(self);
        fl_demonitor(self, ref);
    }
    expect_nothing();
}

CASE(a_thousand_watchers_hear_it_once_each)
{
    enum { MONITORS = 1000 };
    struct fl_pid p = start(obey);
    uint64_t *refs = fl_self_alloc(self, MONITORS * sizeof *refs);
    for (int i = 0; i < MONITORS; i++)
        refs[i] = fl_monitor(self, p);
    tell(p, .fn = do_leave, .reason = BOOM);
    for (int i = 0; i < MONITORS; i++)
        expect_down_with(refs[i], BOOM);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_29_monitor_dead_noproc),
        cmocka_unit_test(case_30_monitor_unregistered_name),
        cmocka_unit_test(case_31_monitor_by_name_reports_name),
        cmocka_unit_test(case_32_monitor_twice_two_downs),
        cmocka_unit_test(case_33_monitor_self_silent),
        cmocka_unit_test(case_34_demonitor_keeps_queued_down),
        cmocka_unit_test(case_35_demonitor_flush_removes),
        cmocka_unit_test(demonitor_with_flush_leaves_other_downs),
        cmocka_unit_test(demonitor_says_whether_it_was_active),
        cmocka_unit_test(demonitor_by_another_process_does_nothing),
        cmocka_unit_test(one_of_two_monitors_taken_back_leaves_the_other),
        cmocka_unit_test(a_monitor_does_not_hurt_the_watched_nor_tie_the_watcher),
        cmocka_unit_test(a_down_says_who),
        cmocka_unit_test(a_monitor_by_name_is_of_who_had_it_then),
        cmocka_unit_test(a_body_that_ends_before_its_starter_goes_on_is_seen_once),
        cmocka_unit_test(after_demonitor_no_down_can_arrive),
        cmocka_unit_test(a_thousand_watchers_hear_it_once_each),
    };
    return cmocka_run_group_tests_name("monitors", tests, NULL, NULL);
}
