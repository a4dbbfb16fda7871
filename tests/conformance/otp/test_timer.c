#include "tests/conformance/otp/otp_puppet.h"

/* Timers. Cases 52 to 58. */

static struct fl_msg expect_timer_at(struct fl_self *self, struct case_world *w, const char *at,
                                     uint64_t ref)
{
    return case_await(self, w, at, (struct case_want){.kind = FL_MSG_TIMER, .ref = ref}, "a timer");
}
#define expect_timer(ref) expect_timer_at(self, w, CASE_AT, (ref))

/* Cancelling a timer says how much was left. */
CASE(case_52_cancel_active_returns_remaining)
{
    uint64_t ref = fl_timer_start(self, fl_s(100), 1);
    fl_pause(self, fl_ms(10));
    fl_ns left_ns = fl_timer_left(self, ref);
    expect(left_ns < fl_s(100) && left_ns > 0);
    if (w->simulated) expect_eq(left_ns, fl_s(100) - fl_ms(10));
    fl_ns cancelled_ns = fl_timer_cancel(self, ref);
    expect(cancelled_ns <= left_ns && cancelled_ns > 0);
    expect_nothing();
}

/* The second time there is none. */
CASE(case_53_cancel_twice_false)
{
    uint64_t ref = fl_timer_start(self, fl_s(100), 1);
    expect(fl_timer_cancel(self, ref) > 0);
    expect_eq(fl_timer_cancel(self, ref), -1);
    expect_eq(fl_timer_left(self, ref), -1);
    expect_eq(fl_timer_cancel(self, 12345), -1); /* never was one */
}

CASE(cancel_does_not_remove_a_message_that_has_fired)
{
    uint64_t ref = fl_timer_start(self, fl_ms(1), 9);
    wait_for_mail(1);
    expect_eq(fl_timer_left(self, ref), -1);
    expect_eq(fl_timer_cancel(self, ref), -1);
    expect_eq(expect_timer(ref).tag, 9);
    expect_nothing();
}

CASE(a_timer_says_which_it_is_and_comes_not_too_early)
{
    fl_ns start_ns = fl_self_now(self);
    uint64_t late = fl_timer_start(self, fl_ms(8), 2), soon = fl_timer_start(self, fl_ms(3), 1);
    struct fl_msg msg;
    expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
    expect(msg.kind == FL_MSG_TIMER && msg.ref == soon && msg.tag == 1);
    expect(fl_self_now(self) - start_ns >= fl_ms(3));
    expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
    expect(msg.kind == FL_MSG_TIMER && msg.ref == late && msg.tag == 2);
    expect(fl_self_now(self) - start_ns >= fl_ms(8));
    if (w->simulated) expect_eq(fl_self_now(self) - start_ns, fl_ms(8));
}

CASE(a_timer_of_zero_fires)
{
    expect_timer(fl_timer_start(self, 0, 1));
    expect_nothing();
}

/* 200 timers of one deadline fire in the order of their starts. */
CASE_ON_ONE(case_55_equal_deadline_order)
{
    enum { TIMERS = 200 };
    struct fl_msg msg;
    uint64_t first = fl_timer_start(self, fl_ms(5), 0);
    for (uint32_t i = 1; i < TIMERS; i++)
        fl_timer_start(self, fl_ms(5), i); /* on the real clock: never an earlier deadline */
    for (uint32_t i = 0; i < TIMERS; i++) {
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect_eq(msg.kind, FL_MSG_TIMER);
        expect_eq(msg.tag, i);
        if (i == 0) expect_eq(msg.ref, first);
    }
}

CASE_ON_ONE(send_after_delivers_the_message)
{
    struct fl_pid p = start(obey);
    expect_alive(p);
    fl_send_after(self, p, fl_ms(2), 5);
    struct case_seen seen = next_seen(p);
    expect_eq(seen.tag, 5);
    expect_sees_nothing(p);
}

CASE_ON_ONE(send_after_can_be_cancelled)
{
    struct fl_pid p = start(obey);
    uint64_t ref = fl_send_after(self, p, fl_s(100), 5);
    expect(fl_timer_left(self, ref) > 0);
    expect(fl_timer_cancel(self, ref) > 0);
    expect_eq(fl_timer_cancel(self, ref), -1);
    expect_sees_nothing(p);
}

ORDER(do_start_timers)
{
    for (uint32_t i = 0; i < 100; i++)
        fl_timer_start(self, fl_s(1000), i);
}

/* Timers of a process go with it: the count falls. */
CASE(case_56_timer_dead_owner_removed)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    expect_alive(p);
    uint64_t before = case_stats(w).timers;
    do_in(p, .fn = do_start_timers);
    expect_eq(case_stats(w).timers, before + 100);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    expect_eq(case_stats(w).timers, before);
}

/* So do those that would send to it. */
CASE_ON_ONE(case_56_send_after_to_the_dead_removed)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    expect_alive(p);
    uint64_t before = case_stats(w).timers;
    uint64_t timer = fl_send_after(self, p, fl_s(1000), 5);
    expect_eq(case_stats(w).timers, before + 1);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    expect_eq(case_stats(w).timers, before);
    expect_eq(fl_timer_cancel(self, timer), -1);
}

/* At a name that nobody has then, it is dropped. */
CASE(case_57_timer_unregistered_name_dropped)
{
    fl_send_after_name(self, "nobody", fl_ms(1), 5);
    fl_send_after_name(self, "nobody", 0, 6);
    fl_pause(self, fl_ms(5));
    expect_nothing();
}

CASE(a_timer_for_a_name_is_for_who_has_it_then)
{
    /* on a busy machine the start may come too late for the timer: then once more, with more time
     */
    for (fl_ns after_ns = fl_ms(20); after_ns < fl_s(60); after_ns *= 2) {
        char name[32];
        snprintf(name, sizeof name, "later %d", (int)(after_ns / fl_ms(1)));
        uint64_t timer = fl_send_after_name(self, name, after_ns, 5);
        struct fl_pid p = start_with(obey, .name = name);
        if (fl_timer_left(self, timer) <= 0) continue;
        expect_eq(next_seen(p).tag, 5);
        break;
    }
}

CASE(a_pause_takes_its_time_and_mail_queues)
{
    fl_ns start_ns = fl_self_now(self);
    fl_timer_start(self, fl_ms(1), 1);
    fl_pause(self, fl_ms(10));
    expect(fl_self_now(self) - start_ns >= fl_ms(10));
    if (w->simulated) expect_eq(fl_self_now(self) - start_ns, fl_ms(10));
    expect_eq(fl_self_mailbox_len(self), 1);
}

CASE(a_server_gets_its_timers_in_on_timer)
{
    struct fl_pid p = start_puppet(NULL);
    do_in(p, .fn = do_start_timers);
    if (w->simulated) fl_pause(self, fl_s(999));
    expect_diary("");
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_diary("terminate error: boom\n");
    expect_end(p);
    if (w->simulated) fl_pause(self, fl_s(999));
    expect_diary("");
}

CASE(a_thousand_timers_come_by_deadline)
{
    enum { TIMERS = 1000 };
    struct fl_msg msg;
    if (!w->simulated) return; /* on the real clock starts take their time too */
    for (uint32_t i = 0; i < TIMERS; i++)
        fl_timer_start(self, fl_ms(i * 7919 % TIMERS), i * 7919 % TIMERS);
    for (uint32_t i = 0; i < TIMERS; i++) {
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect_eq(msg.tag, i);
    }
}

ORDER(do_wait_long)
{
    struct fl_msg msg;
    fl_ns begin_ns = fl_self_now(self);
    int rc = fl_receive(self, case_matches, &(struct case_want){.kind = FL_MSG_PORT}, order->ns,
                        &msg);
    fl_ns took_ns = fl_self_now(self) - begin_ns;
    expect_code(rc, FL_ETIMEOUT);
    if (took_ns < order->ns) atomic_fetch_add(&w->n[0], 1);
}

/* Long ones go by a clock that is cheap to read and behind: 24 waits of half a second. */
CASE(a_long_wait_is_never_too_short)
{
    enum { WAITERS = 24 };
    struct fl_pid pids[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        pids[i] = start(obey);
        tell(pids[i], .fn = do_wait_long, .ns = fl_ms(500));
        fl_pause(self, fl_ms(1)); /* each begins at another moment of the kernel's tick */
    }
    for (int i = 0; i < WAITERS; i++)
        expect_alive(pids[i]);
    expect_eq(atomic_load(&w->n[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_52_cancel_active_returns_remaining),
        cmocka_unit_test(case_53_cancel_twice_false),
        cmocka_unit_test(cancel_does_not_remove_a_message_that_has_fired),
        cmocka_unit_test(a_timer_says_which_it_is_and_comes_not_too_early),
        cmocka_unit_test(a_timer_of_zero_fires),
        cmocka_unit_test(case_55_equal_deadline_order),
        cmocka_unit_test(send_after_delivers_the_message),
        cmocka_unit_test(send_after_can_be_cancelled),
        cmocka_unit_test(case_56_timer_dead_owner_removed),
        cmocka_unit_test(case_56_send_after_to_the_dead_removed),
        cmocka_unit_test(case_57_timer_unregistered_name_dropped),
        cmocka_unit_test(a_timer_for_a_name_is_for_who_has_it_then),
        cmocka_unit_test(a_pause_takes_its_time_and_mail_queues),
        cmocka_unit_test(a_server_gets_its_timers_in_on_timer),
        cmocka_unit_test(a_thousand_timers_come_by_deadline),
        cmocka_unit_test(a_long_wait_is_never_too_short),
    };
    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
