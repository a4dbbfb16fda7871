#include "tests/conformance/otp/otp_expect.h"

/* Aliases: addresses that can be taken back. Cases 48 to 51. P is the one who writes to them. */

static struct fl_msg expect_cast_at(struct fl_self *self, struct case_world *w, const char *at,
                                    uint32_t tag)
{
    return case_await(self, w, at, (struct case_want){.kind = FL_MSG_CAST, .tag = tag},
                      "a message over the alias");
}
#define expect_cast(tag) expect_cast_at(self, w, CASE_AT, (tag))

/* What is sent to an alias arrives, until it is taken back. */
CASE(case_48_alias_delivers)
{
    struct fl_pid p = start(obey);
    struct fl_pid alias = fl_alias(self, FL_ALIAS_EXPLICIT);
    expect(!fl_pid_eq(alias, fl_self_pid(self)));
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    do_in(p, .fn = do_send, .pid = alias, .tag = 2);
    expect(fl_pid_eq(expect_cast(1).from, p));
    expect_cast(2);
    expect_nothing();
}

/* What is sent to it afterwards is dropped. */
CASE(case_49_alias_dropped_after_unalias)
{
    struct fl_pid p = start(obey);
    struct fl_pid alias = fl_alias(self, FL_ALIAS_EXPLICIT);
    expect(fl_unalias(self, alias));
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    expect_nothing();
    expect(!fl_unalias(self, alias));
    do_in(p, .fn = do_send, .pid = fl_self_pid(self), .tag = 2); /* I am still here */
    expect_cast(2);
}

CASE(a_message_that_came_before_unalias_stays)
{
    struct fl_pid p = start(obey);
    struct fl_pid alias = fl_alias(self, FL_ALIAS_EXPLICIT);
    tell(p, .fn = do_send, .pid = alias, .tag = 1);
    wait_for_mail(1);
    fl_unalias(self, alias);
    expect_cast(1);
}

/* A reply alias takes one message. */
CASE(case_50_alias_reply_one_shot)
{
    struct fl_pid p = start(obey);
    struct fl_pid alias = fl_alias(self, FL_ALIAS_REPLY);
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    do_in(p, .fn = do_send, .pid = alias, .tag = 2);
    expect_cast(1);
    expect_nothing();
    expect(!fl_unalias(self, alias));
}

CASE(a_reply_alias_can_be_taken_back_before)
{
    struct fl_pid p = start(obey);
    struct fl_pid alias = fl_alias(self, FL_ALIAS_REPLY);
    expect(fl_unalias(self, alias));
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    expect_nothing();
}

/* The reply ends alias and monitor: no DOWN later. */
CASE(case_51_monitor_alias_reply_demonitor)
{
    struct fl_pid p = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_REPLY_DEMONITOR, &alias);
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    do_in(p, .fn = do_send, .pid = alias, .tag = 2);
    expect_eq(expect_cast(1).ref, ref);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_end(p);
    expect_nothing(); /* neither the second message nor a DOWN */
    expect(!fl_demonitor_keep(self, ref));
}

CASE(reply_demonitor_down_ends_the_alias_too)
{
    struct fl_pid p = start(obey), other = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_REPLY_DEMONITOR, &alias);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    do_in(other, .fn = do_send, .pid = alias, .tag = 1);
    expect_nothing();
}

CASE(reply_demonitor_of_the_dead_says_noproc)
{
    struct fl_pid alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, start_dead(), FL_ALIAS_REPLY_DEMONITOR, &alias);
    expect_down(ref, FL_EXIT_NOPROC);
    expect(!fl_unalias(self, alias));
}

/* Demonitor ends the alias too. */
CASE(an_alias_until_demonitor)
{
    struct fl_pid p = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_DEMONITOR, &alias);
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    do_in(p, .fn = do_send, .pid = alias, .tag = 2);
    expect_eq(expect_cast(1).ref, ref);
    expect_eq(expect_cast(2).ref, ref);
    fl_demonitor(self, ref);
    do_in(p, .fn = do_send, .pid = alias, .tag = 3);
    expect_nothing();
}

CASE(an_alias_until_demonitor_ends_with_the_down)
{
    struct fl_pid p = start(obey), other = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_DEMONITOR, &alias);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    do_in(other, .fn = do_send, .pid = alias, .tag = 1);
    expect_nothing();
}

CASE(an_explicit_alias_outlives_its_monitor)
{
    struct fl_pid p = start(obey), other = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_EXPLICIT, &alias);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    do_in(other, .fn = do_send, .pid = alias, .tag = 1);
    expect_cast(1);
    expect(fl_unalias(self, alias));
}

CASE(an_explicit_alias_outlives_demonitor)
{
    struct fl_pid p = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_EXPLICIT, &alias);
    expect(fl_demonitor_keep(self, ref));
    expect(!fl_demonitor_keep(self, ref));
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    expect_cast(1);
    expect(fl_unalias(self, alias));
    expect(!fl_unalias(self, alias));
    do_in(p, .fn = do_send, .pid = alias, .tag = 2);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_end(p);
    expect_nothing(); /* neither the message nor a DOWN of the first monitor */
}

CASE(a_down_that_is_queued_goes_with_the_flush_and_the_alias_stays)
{
    struct fl_pid p = start(obey), other = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_EXPLICIT, &alias);
    tell(p, .fn = do_leave, .reason = BOOM);
    wait_for_mail(1);
    fl_demonitor(self, ref);
    expect_nothing();
    do_in(other, .fn = do_send, .pid = alias, .tag = 1);
    expect_cast(1);
}

CASE(unalias_leaves_the_monitor)
{
    struct fl_pid p = start(obey), alias = FL_NO_PID;
    uint64_t ref = fl_monitor_alias(self, p, FL_ALIAS_DEMONITOR, &alias);
    expect(fl_unalias(self, alias));
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    expect_nothing();
}

ORDER(do_unalias)
{
    atomic_store(&w->n[0], fl_unalias(self, order->pid));
}

CASE(only_its_owner_can_take_an_alias_back)
{
    struct fl_pid p = start(obey);
    struct fl_pid alias = fl_alias(self, FL_ALIAS_EXPLICIT);
    atomic_store(&w->n[0], 7);
    do_in(p, .fn = do_unalias, .pid = alias);
    expect_eq(w->n[0], 0);
    do_in(p, .fn = do_send, .pid = alias, .tag = 1);
    expect_cast(1);
}

ORDER(do_hand_out_alias)
{
    w->pids[0] = fl_alias(self, FL_ALIAS_EXPLICIT);
}

CASE(an_alias_ends_with_its_process)
{
    struct fl_pid p = start(obey);
    do_in(p, .fn = do_hand_out_alias);
    expect_code(fl_send(self, w->pids[0], 1, NULL, 0), 0);
    expect_eq(next_seen(p).tag, 1);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_end(p);
    expect_code(fl_send(self, w->pids[0], 1, NULL, 0), 0);
    expect_nothing();
}

CASE(many_aliases_are_each_its_own)
{
    enum { ALIASES = 500 };
    struct fl_pid p = start(obey);
    struct fl_pid *aliases = fl_self_alloc(self, ALIASES * sizeof *aliases);
    for (uint32_t i = 0; i < ALIASES; i++)
        aliases[i] = fl_alias(self, FL_ALIAS_EXPLICIT);
    for (uint32_t i = 0; i < ALIASES; i += 2)
        expect(fl_unalias(self, aliases[i]));
    for (uint32_t i = 0; i < ALIASES; i++)
        tell(p, .fn = do_send, .pid = aliases[i], .tag = i + 1);
    expect_alive(p);
    for (uint32_t i = 1; i < ALIASES; i += 2)
        expect_cast(i + 1);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_48_alias_delivers),
        cmocka_unit_test(case_49_alias_dropped_after_unalias),
        cmocka_unit_test(a_message_that_came_before_unalias_stays),
        cmocka_unit_test(case_50_alias_reply_one_shot),
        cmocka_unit_test(a_reply_alias_can_be_taken_back_before),
        cmocka_unit_test(case_51_monitor_alias_reply_demonitor),
        cmocka_unit_test(reply_demonitor_down_ends_the_alias_too),
        cmocka_unit_test(reply_demonitor_of_the_dead_says_noproc),
        cmocka_unit_test(an_alias_until_demonitor),
        cmocka_unit_test(an_alias_until_demonitor_ends_with_the_down),
        cmocka_unit_test(an_explicit_alias_outlives_its_monitor),
        cmocka_unit_test(an_explicit_alias_outlives_demonitor),
        cmocka_unit_test(a_down_that_is_queued_goes_with_the_flush_and_the_alias_stays),
        cmocka_unit_test(unalias_leaves_the_monitor),
        cmocka_unit_test(only_its_owner_can_take_an_alias_back),
        cmocka_unit_test(an_alias_ends_with_its_process),
        cmocka_unit_test(many_aliases_are_each_its_own),
    };
    return cmocka_run_group_tests_name("aliases", tests, NULL, NULL);
}
