/* Known outages, exact recoveries. Operations are due every 5 ms and take 2 ms when good. */
#include "tests/unit/reports/stage.h"

#define GAP 5

static const struct fl_fault_view *fault_of(const struct judged *judged, int index)
{
    return &judged->j.faults[index];
}

static void expect(const struct judged *judged, int index, enum fl_outcome_of_fault outcome,
                   int64_t recovery_ms)
{
    const struct fl_fault_view *fault = fault_of(judged, index);
    assert_string_equal(fl_recovery_outcome_name(fault->outcome),
                        fl_recovery_outcome_name(outcome));
    if (recovery_ms < 0)
        assert_true(fault->recovery_ns == FL_NEVER);
    else
        assert_int_equal(fault->recovery_ns, fl_ms(recovery_ms));
}

/* One load, bad in [from, until). */
static void one_outage(struct stage *stage, int64_t from, int64_t until)
{
    int load = stage_load(stage, "talkers", "http", "chat", 200);
    stage_good(stage, load, 0, from, GAP);
    stage_bad(stage, load, from, until, GAP);
    stage_good(stage, load, until, stage_end_ms(stage), GAP);
    stage_phases(stage);
}

static void a_kill_is_recovered_from_when_operations_are_good_again(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 8600);
    int kill = stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, kill, 8000, 0);
    /* an earlier restart is not this fault's */
    stage_fact(stage.engine, 3000, "proc.exit",
               "\"instance\":\"chat.1\",\"pid\":1,\"code\":0,\"asked\":true");
    stage_fact(stage.engine, 3010, "proc.start", "\"instance\":\"chat.1\",\"pid\":1,\"start\":1");
    stage_fact(stage.engine, 3020, "proc.ready", "\"instance\":\"chat.1\",\"pid\":1");
    stage_fact(stage.engine, 8003, "proc.exit",
               "\"instance\":\"chat.1\",\"pid\":1,\"signal\":9,\"asked\":true");
    stage_fact(stage.engine, 8003, "proc.restart",
               "\"instance\":\"chat.1\",\"restarts\":1,\"max_restarts\":20");
    stage_fact(stage.engine, 8050, "proc.start", "\"instance\":\"chat.1\",\"pid\":2,\"start\":2");
    stage_fact(stage.engine, 8400, "proc.ready", "\"instance\":\"chat.1\",\"pid\":2");
    stage_complete(&stage);
    stage_judge(&stage, &judged);

    /* the operation due at 8600 is done at 8602 */
    expect(&judged, 0, FL_FAULT_RECOVERED, 602);
    const fl_ns *at = fault_of(&judged, 0)->at;
    assert_int_equal(ms_of(at[FL_AT_REQUESTED]), 8000);
    assert_int_equal(ms_of(at[FL_AT_EFFECT]), 8001);
    assert_int_equal(ms_of(at[FL_AT_FIRST_BAD]), 8000);
    assert_int_equal(ms_of(at[FL_AT_DETECTED]), 8003);
    assert_int_equal(ms_of(at[FL_AT_RESTARTED]), 8050);
    assert_int_equal(ms_of(at[FL_AT_READY]), 8400);
    assert_int_equal(ms_of(at[FL_AT_FIRST_OK]), 8602);
    assert_int_equal(ms_of(at[FL_AT_STEADY]), 8602);
    assert_int_equal(fault_of(&judged, 0)->loads[0].bad, 120);
    assert_int_equal(fault_of(&judged, 0)->loads[0].resolution_ns, fl_ms(GAP));
    assert_int_equal(judged.j.availability[0].unavailable_ns, fl_ms(600));
    assert_int_equal(judged.j.availability[0].due, 5000);
    assert_int_equal(judged.j.availability[0].good, 4880);
    assert_int_equal(judged.j.restarts, 1);
    assert_int_equal(judged.j.incidents_count, 0);
    assert_int_equal(judged.j.verdict, FL_PASS);
    stage_over(&stage, &judged);
}

static void an_operation_in_flight_at_the_request_counts(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 7995, GAP);
    stage_op(&stage, load, FL_OP_ARRIVAL, 7995, 40, FL_UNKNOWN, FL_OPERR_RESET);
    stage_good(&stage, load, 8000, stage_end_ms(&stage), GAP);
    stage_phases(&stage);
    stage_fault(&stage, 7998, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 7998, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);

    assert_int_equal(ms_of(fault_of(&judged, 0)->at[FL_AT_FIRST_BAD]), 7995);
    expect(&judged, 0, FL_FAULT_RECOVERED, 4); /* due 8000, done 8002 */
    stage_over(&stage, &judged);
}

static void a_fault_that_nobody_feels_is_absorbed(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 8000);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_ABSORBED, 0);
    stage_over(&stage, &judged);
}

static void a_window_is_recovered_from_after_it_is_healed(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 11200);
    stage_fault(&stage, 8000, 3000, "cut", "link", "front", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 11000);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 202); /* 11202 - 11000 */
    stage_over(&stage, &judged);
}

static void a_window_counts_from_when_its_undoing_began(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 11200);
    stage_fault(&stage, 8000, 3000, "pause", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_fact(stage.engine, 11150, "fault.healed",
               "\"fault\":0,\"evidence\":\"gone\",\"at_ns\":%lld", (long long)at_ms(11000));
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 202); /* not shorter by what it took to see it */
    stage_over(&stage, &judged);
}

static void our_own_stop_at_the_end_of_the_run_detects_nothing(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 28000, 28200);
    int pause = stage_fault(&stage, 28000, 150, "pause", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, pause, 28000, 28150);
    stage_complete(&stage);
    stage_fact(stage.engine, stage_end_ms(&stage) + 250, "proc.exit",
               "\"instance\":\"chat.1\",\"pid\":1,\"code\":0,\"asked\":true");
    stage_judge(&stage, &judged);
    assert_true(fault_of(&judged, 0)->at[FL_AT_DETECTED] == FL_NEVER);
    stage_over(&stage, &judged);
}

static void a_window_that_clients_route_around_is_ridden_out(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 8300);
    stage_fault(&stage, 8000, 4000, "cut", "link", "front", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 12000);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RIDDEN_OUT, 0);
    assert_int_equal(fault_of(&judged, 0)->loads[0].adaptation_ns, fl_ms(302));
    stage_over(&stage, &judged);
}

static void the_next_fault_before_steady_is_an_overlap(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 9500);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_fault(&stage, 9000, 0, "kill", "process", "chat.2", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_inject(&stage, 1, 9000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_OVERLAPPED, -1);
    expect(&judged, 1, FL_FAULT_RECOVERED, 502); /* what was bad before 9000 is not its */
    assert_int_equal(ms_of(fault_of(&judged, 1)->at[FL_AT_FIRST_BAD]), 9000);
    assert_int_equal(judged.j.verdict, FL_CANNOT_TELL);
    stage_over(&stage, &judged);
}

static void an_operation_that_hung_in_an_earlier_fault_is_not_the_next_ones(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 8000, GAP);
    for (int64_t due = 8000; due < 8100; due += GAP) /* done at 13 s, long after the next request */
        stage_op(&stage, load, FL_OP_ARRIVAL, due, 5000, FL_UNKNOWN, FL_OPERR_TIMEOUT);
    stage_good(&stage, load, 8100, 30000, GAP);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_fault(&stage, 10000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_inject(&stage, 1, 10000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 102);
    expect(&judged, 1, FL_FAULT_ABSORBED, 0);
    stage_over(&stage, &judged);
}

static void bad_to_the_end_of_the_calm_is_not_recovered_and_fails(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 30000);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_NOT_RECOVERED, -1);
    assert_int_equal(judged.j.verdict, FL_FAILED);
    assert_non_null(strstr(judged.j.why, "was not recovered from"));
    assert_int_equal(judged.j.availability[0].unavailable_ns, fl_ms(22000));
    stage_over(&stage, &judged);
}

static void good_again_too_late_to_be_sure_is_not_recovered(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 29500); /* half a second is left, the window is one */
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_NOT_RECOVERED, -1);
    stage_over(&stage, &judged);
}

static void a_relapse_moves_steady_behind_it(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 8000, GAP);
    stage_bad(&stage, load, 8000, 8500, GAP);
    stage_good(&stage, load, 8500, 11000, GAP);
    stage_bad(&stage, load, 11000, 11400, GAP); /* 2.5 s after steady */
    stage_good(&stage, load, 11400, 30000, GAP);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 3402);
    assert_int_equal(fault_of(&judged, 0)->loads[0].relapses, 1);
    assert_int_equal(judged.j.incidents_count, 0);
    stage_over(&stage, &judged);
}

static void a_stray_failure_just_before_the_next_fault_is_no_relapse(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 100);
    stage_good(&stage, load, 0, 8000, 10);
    stage_bad(&stage, load, 8000, 8500, 10);
    stage_good(&stage, load, 8500, 11100, 10);
    stage_bad(&stage, load, 11100, 11110, 10); /* alone, 900 ms before the next fault */
    stage_good(&stage, load, 11110, 12000, 10);
    stage_bad(&stage, load, 12000, 12300, 10);
    stage_good(&stage, load, 12300, 30000, 10);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_fault(&stage, 12000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_inject(&stage, 1, 12000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 502);
    expect(&judged, 1, FL_FAULT_RECOVERED, 302);
    assert_int_equal(fault_of(&judged, 0)->loads[0].relapses, 0);
    stage_over(&stage, &judged);
}

/* What the next fault does to an operation under way is not held against the one before it. */
static void an_operation_in_flight_at_the_next_fault_is_the_next_faults(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 100);
    stage_good(&stage, load, 0, 11990, 10);
    stage_op(&stage, load, FL_OP_ARRIVAL, 11990, 2000, FL_UNKNOWN, FL_OPERR_TIMEOUT);
    stage_op(&stage, load, FL_OP_ARRIVAL, 11995, 6, FL_FAIL, FL_OPERR_RESET);
    stage_bad(&stage, load, 12000, 12300, 10);
    stage_good(&stage, load, 12300, 30000, 10);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "crash", "process", "chat.1", "\"talkers\"");
    stage_fault(&stage, 12000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_inject(&stage, 1, 12000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_ABSORBED, 0);
    expect(&judged, 1, FL_FAULT_RECOVERED, 302);
    assert_int_equal(fault_of(&judged, 1)->loads[0].bad, 32);
    stage_over(&stage, &judged);
}

static void trouble_long_after_steady_is_an_incident_of_its_own(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 8000, GAP);
    stage_bad(&stage, load, 8000, 8500, GAP);
    stage_good(&stage, load, 8500, 18000, GAP);
    stage_bad(&stage, load, 18000, 18400, GAP); /* 9.5 s after steady */
    stage_good(&stage, load, 18400, 30000, GAP);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 502);
    assert_int_equal(judged.j.incidents_count, 1);
    assert_int_equal(judged.j.incidents[0].bad, 80);
    assert_int_equal(ms_of(judged.j.incidents[0].from_ns), 18000);
    stage_over(&stage, &judged);
}

static void a_stray_failure_within_epsilon_does_not_hold_steady_back(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 8000, GAP);
    stage_bad(&stage, load, 8000, 8500, GAP);
    stage_good(&stage, load, 8500, 8800, GAP);
    stage_bad(&stage, load, 8800, 8810, GAP); /* 2 of the 200 in the window: exactly 1 % */
    stage_good(&stage, load, 8810, 30000, GAP);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 502);
    stage_over(&stage, &judged);
}

static void a_slow_load_needs_twenty_operations_to_be_steady(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "slow", "http", "chat", 2);
    stage_good(&stage, load, 0, 8000, 400);
    stage_bad(&stage, load, 8000, 8800, 400);
    stage_good(&stage, load, 8800, 14800, 400); /* 15 good ones: 6 s, but not 20 */
    stage_bad(&stage, load, 14800, 15200, 400);
    stage_good(&stage, load, 15200, 30000, 400);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"slow\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 7202);
    assert_int_equal(ms_of(fault_of(&judged, 0)->at[FL_AT_FIRST_OK]), 8802);
    stage_over(&stage, &judged);
}

static void the_slowest_load_of_the_path_decides(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 8100);
    int jobs = stage_load(&stage, "jobs", "http", "queue", 200);
    stage_good(&stage, jobs, 0, 8000, GAP);
    stage_bad(&stage, jobs, 8000, 8900, GAP);
    stage_good(&stage, jobs, 8900, 30000, GAP);
    int off = stage_load(&stage, "others", "http", "web", 200);
    stage_good(&stage, off, 0, 8000, GAP);
    stage_bad(&stage, off, 8000, 20000, GAP);
    stage_good(&stage, off, 20000, 30000, GAP);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\",\"jobs\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 902);
    assert_int_equal(fault_of(&judged, 0)->worst, jobs);
    assert_int_equal(fault_of(&judged, 0)->loads[0].recovery_ns, fl_ms(102));
    assert_int_equal(fault_of(&judged, 0)->loads[off].outcome, FL_FAULT_OFF_PATH);
    assert_int_equal(judged.j.incidents_count, 1); /* of the others: nothing explains it */
    stage_over(&stage, &judged);
}

static void what_hit_nothing_or_has_no_load_cannot_be_judged(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    one_outage(&stage, 8000, 8500);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_fault(&stage, 8200, 0, "crash", "runtime", "chat:none", "\"talkers\"");
    stage_fault(&stage, 12000, 0, "kill", "process", "queue", "");
    stage_inject(&stage, 0, 8000, 0);
    stage_fact(stage.engine, 8200, "fault.requested", "\"fault\":1");
    stage_fact(stage.engine, 8201, "fault.missed", "\"fault\":1,\"why\":\"no such name\"");
    stage_inject(&stage, 2, 12000, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect(&judged, 0, FL_FAULT_RECOVERED, 502); /* a miss overlaps nothing */
    expect(&judged, 1, FL_FAULT_MISSED, -1);
    expect(&judged, 2, FL_FAULT_NO_LOAD, -1);
    assert_int_equal(judged.j.verdict, FL_CANNOT_TELL);
    stage_over(&stage, &judged);
}

static void slow_answers_are_bad_ones(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 8000, GAP);
    for (int64_t due = 8000; due < 10000; due += GAP) /* baseline p99 is 2 ms, so 50 ms is slow */
        stage_op(&stage, load, FL_OP_ARRIVAL, due, 51, FL_OK, FL_OPERR_NONE);
    for (int64_t due = 10000; due < 12000; due += GAP)
        stage_op(&stage, load, FL_OP_ARRIVAL, due, 50, FL_OK, FL_OPERR_NONE);
    stage_good(&stage, load, 12000, 30000, GAP);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 2000, "latency", "link", "front", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 10000);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    assert_int_equal(judged.j.views[0].slow_ns, fl_ms(50));
    expect(&judged, 0, FL_FAULT_RECOVERED, 50);
    assert_int_equal(judged.j.availability[0].slow, 400);
    stage_over(&stage, &judged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_is_recovered_from_when_operations_are_good_again),
        cmocka_unit_test(an_operation_in_flight_at_the_request_counts),
        cmocka_unit_test(a_fault_that_nobody_feels_is_absorbed),
        cmocka_unit_test(a_window_is_recovered_from_after_it_is_healed),
        cmocka_unit_test(a_window_counts_from_when_its_undoing_began),
        cmocka_unit_test(our_own_stop_at_the_end_of_the_run_detects_nothing),
        cmocka_unit_test(a_window_that_clients_route_around_is_ridden_out),
        cmocka_unit_test(the_next_fault_before_steady_is_an_overlap),
        cmocka_unit_test(an_operation_that_hung_in_an_earlier_fault_is_not_the_next_ones),
        cmocka_unit_test(bad_to_the_end_of_the_calm_is_not_recovered_and_fails),
        cmocka_unit_test(good_again_too_late_to_be_sure_is_not_recovered),
        cmocka_unit_test(a_relapse_moves_steady_behind_it),
        cmocka_unit_test(a_stray_failure_just_before_the_next_fault_is_no_relapse),
        cmocka_unit_test(an_operation_in_flight_at_the_next_fault_is_the_next_faults),
        cmocka_unit_test(trouble_long_after_steady_is_an_incident_of_its_own),
        cmocka_unit_test(a_stray_failure_within_epsilon_does_not_hold_steady_back),
        cmocka_unit_test(a_slow_load_needs_twenty_operations_to_be_steady),
        cmocka_unit_test(the_slowest_load_of_the_path_decides),
        cmocka_unit_test(what_hit_nothing_or_has_no_load_cannot_be_judged),
        cmocka_unit_test(slow_answers_are_bad_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
