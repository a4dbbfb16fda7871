#include "tests/conformance/otp/otp_expect.h"

/* Links: what the end of one means for the other. Cases 11 to 28. */

/* P and Q, linked; Q is watched, so that its end can be waited for. */
struct pair {
    struct fl_pid p, q;
    uint64_t p_ref, q_ref;
};

static struct pair start_pair(struct fl_self *self, struct case_world *w, bool traps)
{
    struct pair pair = {0};
    pair.q = start_watched(obey, &pair.q_ref);
    pair.p = start_watched(obey, &pair.p_ref);
    if (traps) do_in(pair.p, .fn = do_trap);
    do_in(pair.p, .fn = do_link, .pid = pair.q);
    return pair;
}

/* A linked one ends with normal: P lives and gets nothing. */
CASE(case_11_link_normal_notrap)
{
    struct pair pair = start_pair(self, w, false);
    tell(pair.q, QUIT(FL_EXIT_NORMAL));
    expect_down(pair.q_ref, FL_EXIT_NORMAL);
    expect_sees_nothing(pair.p);
}

/* P traps: one EXIT with normal. */
CASE(case_12_link_normal_trap)
{
    struct pair pair = start_pair(self, w, true);
    tell(pair.q, QUIT(FL_EXIT_NORMAL));
    expect_sees_exit(pair.p, pair.q, FL_EXIT_NORMAL);
    expect_sees_nothing(pair.p);
}

/* Not killed: a link does not turn the one into the other. */
CASE(link_kill_notrap)
{
    struct pair pair = start_pair(self, w, false);
    tell(pair.q, QUIT(FL_EXIT_KILL));
    expect_down(pair.p_ref, FL_EXIT_KILL);
}

/* A linked one ends by itself with kill: P traps and lives, EXIT says kill. */
CASE(case_14_link_kill_trap)
{
    struct pair pair = start_pair(self, w, true);
    tell(pair.q, QUIT(FL_EXIT_KILL));
    expect_sees_exit(pair.p, pair.q, FL_EXIT_KILL);
    expect_alive(pair.p);
}

/* P ends with the same error. */
CASE(link_error_notrap)
{
    struct pair pair = start_pair(self, w, false);
    tell(pair.q, .fn = do_leave, .reason = BOOM);
    expect_down_with(pair.p_ref, BOOM);
}

/* P lives, EXIT carries the error with its words. */
CASE(link_error_trap)
{
    struct pair pair = start_pair(self, w, true);
    tell(pair.q, .fn = do_leave, .reason = BOOM);
    expect_sees_exit_with(pair.p, pair.q, BOOM);
    expect_sees_nothing(pair.p);
}

/* Two calls of link make one link: one EXIT. */
CASE(case_17_link_twice_one_signal)
{
    struct pair pair = start_pair(self, w, true);
    do_in(pair.p, .fn = do_link, .pid = pair.q);
    tell(pair.q, .fn = do_leave, .reason = BOOM);
    expect_sees_exit_with(pair.p, pair.q, BOOM);
    expect_sees_nothing(pair.p);
}

CASE(linked_from_both_sides_one_signal)
{
    struct pair pair = start_pair(self, w, true);
    do_in(pair.q, .fn = do_link, .pid = pair.p);
    tell(pair.q, .fn = do_leave, .reason = BOOM);
    expect_sees_exit_with(pair.p, pair.q, BOOM);
    expect_sees_nothing(pair.p);
}

CASE(linked_twice_one_unlink_is_enough)
{
    struct pair pair = start_pair(self, w, false);
    do_in(pair.p, .fn = do_link, .pid = pair.q);
    do_in(pair.p, .fn = do_unlink, .pid = pair.q);
    tell(pair.q, .fn = do_leave, .reason = BOOM);
    expect_down_with(pair.q_ref, BOOM);
    expect_sees_nothing(pair.p);
}

/* After unlink its end is not heard of. */
CASE(case_18_unlink_before_death)
{
    struct pair pair = start_pair(self, w, true);
    do_in(pair.p, .fn = do_unlink, .pid = pair.q);
    tell(pair.q, .fn = do_leave, .reason = BOOM);
    expect_down_with(pair.q_ref, BOOM);
    expect_sees_nothing(pair.p);
}

CASE(the_other_side_can_unlink_too)
{
    struct pair pair = start_pair(self, w, true);
    do_in(pair.q, .fn = do_unlink, .pid = pair.p);
    do_in(pair.p, .fn = do_pause, .ns = fl_ms(1)); /* it has heard of it */
    tell(pair.q, .fn = do_leave, .reason = BOOM);
    expect_down_with(pair.q_ref, BOOM);
    expect_sees_nothing(pair.p);
}

/* The driver traps and is linked to Q, which dies; the EXIT waits in the mailbox. */
static struct fl_pid queue_an_exit(struct fl_self *self, struct case_world *w)
{
    fl_self_trap_exits(self, true);
    struct fl_pid q = start_linked(obey);
    tell(q, .fn = do_leave, .reason = BOOM);
    wait_for_mail(1);
    return q;
}

/* An EXIT that is queued stays after unlink. */
CASE(case_19_unlink_after_death_queued)
{
    struct fl_pid q = queue_an_exit(self, w);
    fl_unlink(self, q);
    expect_exit_with(q, BOOM);
    expect_nothing();
}

/* With the flush it goes. */
CASE(case_19_unlink_and_flush_removes_it)
{
    struct fl_pid q = queue_an_exit(self, w);
    fl_unlink_flush(self, q);
    expect_eq(fl_self_mailbox_len(self), 0);
    expect_nothing();
}

CASE(unlink_and_flush_leaves_other_mail)
{
    struct fl_pid q = queue_an_exit(self, w);
    struct fl_pid other = start_linked(obey);
    tell(other, QUIT(FL_EXIT_SHUTDOWN));
    wait_for_mail(2);
    fl_unlink_flush(self, q);
    expect_exit(other, FL_EXIT_SHUTDOWN);
    expect_nothing();
}

/* A link to a dead one: EXIT with noproc. */
CASE(case_20_link_dead_trap)
{
    struct fl_pid dead = start_dead();
    fl_self_trap_exits(self, true);
    fl_link(self, dead);
    expect_exit(dead, FL_EXIT_NOPROC);
    expect_nothing();
}

/* Without trapping, P ends with noproc. */
CASE(link_dead_notrap)
{
    uint64_t ref = 0;
    struct fl_pid dead = start_dead();
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_link, .pid = dead);
    expect_down(ref, FL_EXIT_NOPROC);
}

/* A link to oneself has no effect. */
CASE(case_22_link_self_noop)
{
    struct fl_pid p = start_trapping();
    uint64_t ref = fl_monitor(self, p);
    do_in(p, .fn = do_link, .pid = p);
    expect_sees_nothing(p);
    tell(p, QUIT(FL_EXIT_SHUTDOWN));
    expect_down(ref, FL_EXIT_SHUTDOWN);
}

/* Nor has unlink of one that is not linked. */
CASE(case_22_unlink_unlinked_noop)
{
    struct fl_pid p = start_trapping(), q = start(obey);
    do_in(p, .fn = do_unlink, .pid = q);
    do_in(p, .fn = do_unlink, .pid = p);
    do_in(p, .fn = do_unlink, .pid = start_dead());
    expect_sees_nothing(p);
    expect_alive(q);
}

/* An EXIT that is a message already stays one when trapping ends. */
CASE(case_23_untrap_keeps_message)
{
    struct fl_pid q = queue_an_exit(self, w);
    fl_self_trap_exits(self, false);
    expect_exit_with(q, BOOM);
    expect_nothing();
}

/* ---- chains */

enum { CHAIN = 5 };

/* Each one is linked to the next; all are watched. */
static void start_chain(struct fl_self *self, struct case_world *w, struct fl_pid *pids,
                        uint64_t *refs)
{
    for (int i = 0; i < CHAIN; i++)
        pids[i] = start_watched(obey, &refs[i]);
    for (int i = 0; i + 1 < CHAIN; i++)
        do_in(pids[i], .fn = do_link, .pid = pids[i + 1]);
}

CASE(a_chain_dies_of_the_first_reason)
{
    struct fl_pid pids[CHAIN];
    uint64_t refs[CHAIN];
    start_chain(self, w, pids, refs);
    tell(pids[0], .fn = do_leave, .reason = BOOM);
    for (int i = 0; i < CHAIN; i++)
        expect_down_with(refs[i], BOOM);
}

CASE(a_killed_head_makes_the_chain_die_of_killed)
{
    struct fl_pid pids[CHAIN];
    uint64_t refs[CHAIN];
    start_chain(self, w, pids, refs);
    fl_exit(self, pids[0], fl_reason_of(FL_EXIT_KILL));
    for (int i = 0; i < CHAIN; i++)
        expect_down(refs[i], FL_EXIT_KILLED);
}

CASE(a_chain_breaks_at_one_that_traps)
{
    struct fl_pid pids[CHAIN];
    uint64_t refs[CHAIN];
    start_chain(self, w, pids, refs);
    do_in(pids[2], .fn = do_trap);
    tell(pids[0], .fn = do_leave, .reason = BOOM);
    expect_sees_exit_with(pids[2], pids[1], BOOM);
    expect_sees_nothing(pids[2]);
    expect_alive(pids[3]);
    expect_alive(pids[4]);
}

CASE(a_chain_does_not_carry_normal)
{
    struct fl_pid pids[CHAIN];
    uint64_t refs[CHAIN];
    start_chain(self, w, pids, refs);
    tell(pids[0], QUIT(FL_EXIT_NORMAL));
    expect_down(refs[0], FL_EXIT_NORMAL);
    for (int i = 1; i < CHAIN; i++)
        expect_sees_nothing(pids[i]);
}

/* ---- links at birth */

static void crash_at_once(struct fl_self *self, struct case_world *w)
{
    fl_self_exit_now(self, BOOM);
}

/* A child that ends before its parent runs again: EXIT exactly once. */
CASE(case_26_spawn_link_immediate_crash)
{
    fl_self_trap_exits(self, true);
    for (int i = 0; i < case_times(200); i++)
        expect_exit_with(start_linked(crash_at_once), BOOM);
    expect_nothing();
}

CASE(spawn_link_takes_a_parent_along_that_does_not_trap)
{
    fl_self_trap_exits(self, true);
    struct fl_pid child = start_linked(obey);
    struct fl_pid p = start_trapping();
    uint64_t ref = fl_monitor(self, p);
    do_in(p, .fn = do_untrap);
    do_in(p, .fn = do_link, .pid = child);
    tell(child, .fn = do_leave, .reason = BOOM);
    expect_exit_with(child, BOOM);
    expect_down_with(ref, BOOM);
}

/* Races: whatever the order, unlink has returned, so no EXIT comes afterwards. */
CASE(after_unlink_no_exit_can_arrive)
{
    fl_self_trap_exits(self, true);
    for (int i = 0; i < case_times(200); i++) {
        uint64_t ref = 0;
        struct fl_pid q = start_watched(crash_at_once, &ref);
        fl_link(self, q); /* it may be alive, dying or dead */
        fl_unlink_flush(self, q);
        expect_down_with(ref, BOOM);
        expect_eq(fl_self_mailbox_len(self), 0);
    }
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_11_link_normal_notrap),
        cmocka_unit_test(case_12_link_normal_trap),
        cmocka_unit_test(link_kill_notrap),
        cmocka_unit_test(case_14_link_kill_trap),
        cmocka_unit_test(link_error_notrap),
        cmocka_unit_test(link_error_trap),
        cmocka_unit_test(case_17_link_twice_one_signal),
        cmocka_unit_test(linked_from_both_sides_one_signal),
        cmocka_unit_test(linked_twice_one_unlink_is_enough),
        cmocka_unit_test(case_18_unlink_before_death),
        cmocka_unit_test(the_other_side_can_unlink_too),
        cmocka_unit_test(case_19_unlink_after_death_queued),
        cmocka_unit_test(case_19_unlink_and_flush_removes_it),
        cmocka_unit_test(unlink_and_flush_leaves_other_mail),
        cmocka_unit_test(case_20_link_dead_trap),
        cmocka_unit_test(link_dead_notrap),
        cmocka_unit_test(case_22_link_self_noop),
        cmocka_unit_test(case_22_unlink_unlinked_noop),
        cmocka_unit_test(case_23_untrap_keeps_message),
        cmocka_unit_test(a_chain_dies_of_the_first_reason),
        cmocka_unit_test(a_killed_head_makes_the_chain_die_of_killed),
        cmocka_unit_test(a_chain_breaks_at_one_that_traps),
        cmocka_unit_test(a_chain_does_not_carry_normal),
        cmocka_unit_test(case_26_spawn_link_immediate_crash),
        cmocka_unit_test(spawn_link_takes_a_parent_along_that_does_not_trap),
        cmocka_unit_test(after_unlink_no_exit_can_arrive),
    };
    return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
