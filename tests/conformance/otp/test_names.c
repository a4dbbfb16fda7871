#include "tests/conformance/otp/otp_puppet.h"

/* Names, and what is sent to nobody. Cases 45 to 47. */

/* A name in use: FL_ETAKEN. */
CASE(case_45_register_taken)
{
    struct fl_pid p = start_with(obey, .name = "taken");
    expect_alive(p);
    expect_code(fl_self_register(self, "taken"), FL_ETAKEN);
    expect(fl_pid_eq(fl_whereis(w->node, "taken"), p));
}

/* A second name of one process: FL_ESTATE. */
CASE(case_45_register_two_names)
{
    expect_code(fl_self_register(self, "one"), 0);
    expect_code(fl_self_register(self, "two"), FL_ESTATE);
    expect_eq(fl_whereis(w->node, "two").bits, 0);
    expect(fl_pid_eq(fl_whereis(w->node, "one"), fl_self_pid(self)));
}

/* A name for a dead one: FL_ENOPROC. */
CASE(case_45_register_dead)
{
    expect_code(fl_register(self, start_dead(), "late"), FL_ENOPROC);
    expect_eq(fl_whereis(w->node, "late").bits, 0);
}

/* No name to give up: FL_ENOTFOUND. */
CASE(case_45_unregister_missing)
{
    expect_code(fl_self_unregister(self), FL_ENOTFOUND);
    expect_code(fl_self_register(self, "mine"), 0);
    expect_code(fl_self_unregister(self), 0);
    expect_code(fl_self_unregister(self), FL_ENOTFOUND);
}

CASE(a_name_given_up_can_be_had_by_another)
{
    expect_code(fl_self_register(self, "mine"), 0);
    expect_code(fl_self_unregister(self), 0);
    expect_eq(fl_whereis(w->node, "mine").bits, 0);
    struct fl_pid p = start_with(obey, .name = "mine");
    expect_alive(p);
    expect(fl_pid_eq(fl_whereis(w->node, "mine"), p));
    expect_code(fl_self_register(self, "other"), 0);
}

CASE(a_taken_name_keeps_a_body_from_starting)
{
    struct case_args args = {.world = w, .fn = obey};
    struct fl_spawn_opts opts = {.shard = 0, .name = "taken"};
    struct fl_pid pid = {7};
    expect_code(fl_self_register(self, "taken"), 0);
    expect_code(fl_spawn_run(self, case_body, &args, sizeof args, &opts, &pid), FL_ETAKEN);
    expect(fl_pid_eq(fl_whereis(w->node, "taken"), fl_self_pid(self)));
}

CASE_ON_ONE(another_process_of_the_shard_can_be_given_a_name)
{
    struct fl_pid p = start(obey), q = start(obey);
    expect_code(fl_register(self, p, "given"), 0);
    expect(fl_pid_eq(fl_whereis(w->node, "given"), p));
    expect_code(fl_register(self, p, "second"), FL_ESTATE);
    expect_code(fl_register(self, q, "given"), FL_ETAKEN);
    expect_code(fl_register(self, fl_self_pid(self), "me"), 0);
    expect_code(fl_self_register(self, "me too"), FL_ESTATE);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_end(p);
    expect_eq(fl_whereis(w->node, "given").bits, 0);
    expect_code(fl_register(self, q, "given"), 0);
}

/* To a name that nobody has: FL_ENOPROC. */
CASE(case_46_send_unregistered_local)
{
    expect_code(fl_send_name(self, "nobody", 1, NULL, 0), FL_ENOPROC);
}

CASE(a_message_to_a_name_arrives)
{
    struct fl_pid p = start_with(obey, .name = "somebody");
    expect_code(fl_send_name(self, "somebody", 5, NULL, 0), 0);
    struct case_seen seen = next_seen(p);
    expect_eq(seen.tag, 5);
    expect(fl_pid_eq(seen.from, fl_self_pid(self)));
}

/* A name whose owner has died is nobody's. */
CASE(a_message_to_a_name_of_the_dead_says_so)
{
    uint64_t ref = 0;
    struct fl_pid p = start_with(obey, .name = "mortal");
    ref = fl_monitor(self, p);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    expect_code(fl_send_name(self, "mortal", 1, NULL, 0), FL_ENOPROC);
}

/* To a dead pid: no error. */
CASE(case_46_send_dead_pid)
{
    expect_code(fl_send(self, start_dead(), 1, "text", 5), 0);
    expect_nothing();
}

/* And counted. */
CASE(case_46_send_dead_pid_is_counted_as_dropped)
{
    struct fl_pid dead = start_dead();
    uint64_t before = case_stats(w).counts.dropped_dead;
    expect_code(fl_send(self, dead, 1, NULL, 0), 0);
    expect_code(fl_send(self, dead, 1, NULL, 0), 0);
    expect_eq(case_stats(w).counts.dropped_dead, before + 2);
}

CASE(a_pid_is_not_used_again_soon)
{
    struct fl_pid dead = start_dead();
    for (int i = 0; i < 100; i++)
        expect(!fl_pid_eq(start_dead(), dead));
    expect_code(fl_send(self, dead, 1, NULL, 0), 0);
    expect_gone(dead);
}

CASE(a_server_is_found_by_the_name_it_started_with)
{
    struct fl_pid p = start_puppet("served");
    expect(fl_pid_eq(fl_whereis(w->node, "served"), p));
    expect_code(fl_call_name(self, "served", CALL_ECHO, NULL, 0, NULL, 0, NULL, w->patience_ns), 0);
}

ORDER(do_register)
{
    atomic_store(&w->n[0], fl_self_register(self, "race"));
    if (w->n[0] == 0) atomic_fetch_add(&w->n[1], 1);
}

CASE(of_many_that_want_a_name_one_gets_it)
{
    struct fl_pid pids[8];
    for (size_t i = 0; i < FL_COUNT(pids); i++)
        pids[i] = start(obey);
    for (size_t i = 0; i < FL_COUNT(pids); i++)
        tell(pids[i], .fn = do_register);
    for (size_t i = 0; i < FL_COUNT(pids); i++)
        expect_alive(pids[i]);
    expect_eq(w->n[1], 1);
    expect(fl_whereis(w->node, "race").bits != 0);
}

/* What a process has goes with it: also its dictionary is its own. */
CASE(the_dictionary_gives_back_what_was_there)
{
    int one = 1, two = 2;
    expect(fl_self_get(self, "key") == NULL);
    expect(fl_self_put(self, "key", &one) == NULL);
    expect(fl_self_put(self, "key", &two) == &one);
    expect(fl_self_get(self, "key") == &two);
    expect(fl_self_put(self, "other", &one) == NULL);
    expect(fl_self_put(self, "key", NULL) == &two);
    expect(fl_self_get(self, "key") == NULL);
    expect(fl_self_get(self, "other") == &one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_45_register_taken),
        cmocka_unit_test(case_45_register_two_names),
        cmocka_unit_test(case_45_register_dead),
        cmocka_unit_test(case_45_unregister_missing),
        cmocka_unit_test(a_name_given_up_can_be_had_by_another),
        cmocka_unit_test(a_taken_name_keeps_a_body_from_starting),
        cmocka_unit_test(another_process_of_the_shard_can_be_given_a_name),
        cmocka_unit_test(case_46_send_unregistered_local),
        cmocka_unit_test(a_message_to_a_name_arrives),
        cmocka_unit_test(a_message_to_a_name_of_the_dead_says_so),
        cmocka_unit_test(case_46_send_dead_pid),
        cmocka_unit_test(case_46_send_dead_pid_is_counted_as_dropped),
        cmocka_unit_test(a_pid_is_not_used_again_soon),
        cmocka_unit_test(a_server_is_found_by_the_name_it_started_with),
        cmocka_unit_test(of_many_that_want_a_name_one_gets_it),
        cmocka_unit_test(the_dictionary_gives_back_what_was_there),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
