/* Pass, fail, and everything that keeps us from telling. */
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/reports/stage.h"

/* A kill at 8 s with an outage of 400 ms, on one load that is good otherwise. */
static void plain_run(struct stage *stage)
{
    stage_begin(stage);
    int load = stage_load(stage, "talkers", "http", "chat", 200);
    stage_good(stage, load, 0, 8000, 5);
    stage_bad(stage, load, 8000, 8400, 5);
    stage_good(stage, load, 8400, 30000, 5);
    stage_phases(stage);
    stage_fault(stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(stage, 0, 8000, 0);
}

static void expect_verdict(struct stage *stage, enum fl_verdict verdict, const char *why)
{
    struct judged judged;
    stage_judge(stage, &judged);
    if (strstr(judged.j.why, why) == NULL) fail_msg("why: %s", judged.j.why);
    assert_int_equal(judged.j.verdict, verdict);
    stage_over(stage, &judged);
}

static void every_target_met_is_a_pass(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_target(&stage, "recovery max < 500ms");
    stage_target(&stage, "availability >= 98%");
    stage_target(&stage, "latency p99 < 5ms outside faults");
    stage_target(&stage, "errors < 2%");
    stage_target(&stage, "unavailable <= 400ms");
    stage_target(&stage, "restarts = 0");
    stage_complete(&stage);
    expect_verdict(&stage, FL_PASS, "all 6 targets met; recovered from 1 fault, in 402 ms");
}

static void one_target_missed_is_a_fail(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_target(&stage, "recovery max < 402ms");
    stage_target(&stage, "availability >= 98%");
    stage_complete(&stage);
    expect_verdict(&stage, FL_FAILED, "target missed: recovery max < 402ms, measured 402 ms");
}

static void each_metric_can_be_missed(void **state)
{
    static const char *const missed[] = {"recovery(kill) median < 400ms",
                                         "recovery(kill chat.*) min < 1ms",
                                         "recovery(talkers) mean < 402ms",
                                         "availability(talkers) >= 98.5%",
                                         "latency p99 < 2ms outside faults",
                                         "latency max < 1ms in baseline",
                                         "errors > 50%",
                                         "errors < 98% during faults",
                                         "unavailable < 400ms",
                                         "restarts > 0",
                                         "availability >= 2% during faults"};
    (void)state;
    for (size_t i = 0; i < FL_COUNT(missed); i++) {
        struct stage stage;
        plain_run(&stage);
        stage_target(&stage, missed[i]);
        stage_complete(&stage);
        expect_verdict(&stage, FL_FAILED, "target missed");
    }
}

static void a_run_that_was_broken_before_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 2000, 5);
    stage_bad(&stage, load, 2000, 2100, 5); /* 20 of the 800 in the baseline */
    stage_good(&stage, load, 2100, 30000, 5);
    stage_phases(&stage);
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "broken before the first fault: 97.5 %");
}

static void trouble_in_the_first_fifth_of_the_warm_up_is_forgiven(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_bad(&stage, load, 0, 1000, 5);
    stage_good(&stage, load, 1000, 30000, 5);
    stage_phases(&stage);
    stage_complete(&stage);
    expect_verdict(&stage, FL_PASS, "no target was set; no fault was planned");
}

static void a_killed_faultline_leaves_a_record_that_can_be_read(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 8000, 5);
    stage_bad(&stage, load, 8000, 8300, 5); /* and then nothing more */
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_fault(&stage, 9000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_close(&stage);
    char *path = fl_format("%s/journal/load.ops", stage.folder);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "torn", 4), 4);
    close(fd);
    free(path);
    path = fl_format("%s/journal/engine.jsonl", stage.folder);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "{\"t\":12,\"fa", 11), 11);
    close(fd);
    free(path);

    struct fl_err err = {0};
    assert_int_equal(fl_record_open(&judged.record, stage.folder, &err), 0);
    fl_judge(&judged.j, judged.record);
    assert_int_equal(judged.j.verdict, FL_CANNOT_TELL);
    assert_non_null(strstr(judged.j.why, "Faultline was killed during the run"));
    assert_int_equal(judged.j.faults[0].outcome, FL_FAULT_CUT_SHORT);
    assert_int_equal(judged.j.faults[1].outcome, FL_FAULT_NOT_DONE);
    stage_over(&stage, &judged);
}

static void a_fail_stays_a_fail_when_the_run_was_killed(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_target(&stage, "recovery max < 100ms");
    expect_verdict(&stage, FL_FAILED, "target missed");
}

static void an_interrupted_run_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_fact(stage.engine, 12000, "run.interrupted", "\"signal\":2");
    stage_fact(stage.engine, 12100, "run.end", "\"reason\":\"interrupted\"");
    expect_verdict(&stage, FL_CANNOT_TELL, "the run was interrupted");
}

static void the_restart_limit_is_a_fail(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_fact(stage.engine, 12000, "sup.limit", "\"instance\":\"chat.1\",\"restarts\":20");
    stage_fact(stage.engine, 12100, "run.end", "\"reason\":\"restart limit\"");
    expect_verdict(&stage, FL_FAILED, "chat.1 passed its restart limit");
}

static void a_kill_that_is_not_in_the_plan_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_fact(stage.engine, 20000, "proc.exit",
               "\"instance\":\"queue\",\"pid\":9,\"signal\":9,\"asked\":false");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "queue was killed by something that is not in the plan");
}

static void trouble_of_the_harness_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_fact(stage.engine, 20000, "harness.trouble", "\"what\":\"the disk was full\"");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "the disk was full");
}

static void what_is_missed_when_the_harness_broke_down_is_not_blamed_on_the_service(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_target(&stage, "recovery max < 402ms");
    stage_fact(stage.engine, 20000, "harness.trouble", "\"what\":\"the link worker is gone\"");
    stage_fact(stage.engine, 20100, "run.end", "\"reason\":\"trouble\"");
    expect_verdict(&stage, FL_CANNOT_TELL, "the harness itself was in trouble");
}

static void a_generator_at_its_limit_in_the_window_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_target(&stage, "recovery max < 500ms");
    stage_fact(stage.load, 8500, "load.health", "\"lag_p99_ns\":100000,\"cpu\":0.95");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "the load generator was the bottleneck");

    plain_run(&stage); /* 5 % of 500 ms are 25 ms */
    stage_target(&stage, "recovery max < 500ms");
    stage_fact(stage.load, 8500, "load.health", "\"lag_p99_ns\":25100000,\"cpu\":0.2");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "the load generator was the bottleneck");

    plain_run(&stage); /* outside the window it does not matter */
    stage_target(&stage, "recovery max < 500ms");
    stage_fact(stage.load, 20000, "load.health", "\"lag_p99_ns\":25100000,\"cpu\":0.95");
    stage_complete(&stage);
    expect_verdict(&stage, FL_PASS, "1 target met");
}

static void a_limit_missed_by_more_than_the_generator_was_late_is_missed(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage); /* 402 ms seen, at most 26 ms of them the generator's */
    stage_target(&stage, "recovery max < 1ms");
    stage_fact(stage.load, 8500, "load.health", "\"lag_p99_ns\":20000000,\"lag_max_ns\":26000000");
    stage_complete(&stage);
    expect_verdict(&stage, FL_FAILED, "target missed: recovery max < 1ms, measured 376 ms");

    plain_run(&stage); /* it might have been quicker than the limit */
    stage_target(&stage, "recovery max < 390ms");
    stage_fact(stage.load, 8500, "load.health", "\"lag_p99_ns\":20000000,\"lag_max_ns\":26000000");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "the load generator was the bottleneck");

    plain_run(&stage); /* with no time to spare it can have made all of it */
    stage_target(&stage, "recovery max < 1ms");
    stage_fact(stage.load, 8500, "load.health", "\"lag_p99_ns\":20000000,\"cpu\":0.95");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "the load generator was the bottleneck");
}

/* No fault; of 2.5 s of operations something became while the generator stood still. */
static void stalled_run(struct stage *stage, const char *target, enum fl_op_error error)
{
    stage_begin(stage);
    int load = stage_load(stage, "talkers", "http", "chat", 200);
    stage_good(stage, load, 0, 8000, 5);
    for (int64_t due = 8000; due < 10500; due += 5)
        stage_op(stage, load, FL_OP_ARRIVAL, due, 2000, FL_FAIL, error);
    stage_good(stage, load, 10500, 30000, 5);
    stage_phases(stage);
    stage_target(stage, target);
    /* it spoke before it looked at what it had missed, and counts what it sends when it sends it */
    stage_fact(stage->load, 10600, "load.health",
               "\"span_ns\":3100000000,\"lag_p99_ns\":100000,\"lag_max_ns\":200000");
    stage_fact(stage->load, 11600, "load.health",
               "\"span_ns\":1000000000,\"lag_p99_ns\":2500000000,\"lag_max_ns\":2600000000");
    stage_complete(stage);
}

static void what_a_generator_that_stood_still_made_is_not_blamed_on_the_service(void **state)
{
    static const char *const targets[] = {"availability >= 99%", "errors < 1%",
                                          "unavailable < 100ms", "latency p99 < 100ms"};
    (void)state;
    for (size_t i = 0; i < FL_COUNT(targets); i++) {
        struct stage stage;
        stalled_run(&stage, targets[i], FL_OPERR_UNSENT);
        expect_verdict(&stage, FL_CANNOT_TELL, "the load generator itself was the bottleneck");
    }
    for (size_t i = 0; i < 3; i++) { /* a refusal is the service's, whenever it comes */
        struct stage stage;
        stalled_run(&stage, targets[i], FL_OPERR_REFUSED);
        expect_verdict(&stage, FL_FAILED, "target missed");
    }
}

static void a_refusal_met_only_by_coming_late_is_not_blamed_on_the_service(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 8000, 5);
    for (int64_t due = 8000; due < 10500; due += 5) {
        struct fl_op op = {.due_ns = at_ms(due),
                           .sent_ns = due % 10 == 0 ? at_ms(10500) : 0,
                           .done_ns = at_ms(10501),
                           .load = (uint16_t)load,
                           .kind = FL_OP_ARRIVAL,
                           .outcome = FL_FAIL,
                           .error = FL_OPERR_REFUSED};
        fl_journal_op(stage.load, &op);
    }
    stage_good(&stage, load, 10500, 30000, 5);
    stage_phases(&stage);
    stage_target(&stage, "availability >= 99%");
    stage_fact(stage.load, 11000, "load.health",
               "\"lag_p99_ns\":2400000000,\"lag_max_ns\":2500000000");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "the load generator itself was the bottleneck");
}

static void a_run_without_operations_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage);
    stage_load(&stage, "talkers", "http", "chat", 200);
    stage_phases(&stage);
    stage_fault(&stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, 0, 8000, 0);
    stage_target(&stage, "availability >= 99%");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "talkers had no operation in the baseline");
}

static void a_fault_that_was_never_injected_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_fault(&stage, 24000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_target(&stage, "recovery max < 500ms");
    stage_complete(&stage);
    expect_verdict(&stage, FL_CANNOT_TELL, "the run ended before it was injected");
}

static void a_recovery_nobody_knows_does_not_save_a_missed_target(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_fault(&stage, 24000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_target(&stage, "recovery max < 300ms");
    stage_complete(&stage);
    expect_verdict(&stage, FL_FAILED, "target missed: recovery max < 300ms, measured 402 ms");
}

static void a_percentile_of_few_samples_says_so(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    plain_run(&stage);
    stage_target(&stage, "recovery p95 < 500ms");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    assert_int_equal(judged.j.targets[0].state, FL_TARGET_MET);
    assert_non_null(strstr(judged.j.targets[0].note, "59 are needed"));
    stage_over(&stage, &judged);
}

static void a_folder_that_is_no_run_is_an_error(void **state)
{
    (void)state;
    char *folder = testkit_folder();
    struct fl_report_summary summary;
    struct fl_err err = {0};
    assert_int_not_equal(fl_report_make(folder, FL_FORMAT_ALL, false, &summary, &err), 0);
    assert_non_null(strstr(err.text, "plan.json"));
    testkit_remove(folder);
}

static void a_file_that_cannot_be_written_does_not_hide_the_verdict(void **state)
{
    (void)state;
    struct stage stage;
    plain_run(&stage);
    stage_complete(&stage);
    stage_close(&stage);
    char *html = fl_format("%s/report.html/in-the-way", stage.folder);
    struct fl_err err = {0};
    assert_int_equal(fl_make_dirs(html, &err), 0);
    free(html);

    struct fl_report_summary summary = {0};
    assert_int_not_equal(fl_report_make(stage.folder, FL_FORMAT_ALL, false, &summary, &err), 0);
    assert_non_null(strstr(err.text, "report.html"));
    assert_non_null(summary.text);
    assert_non_null(strstr(summary.text, "recovered from 1 fault"));
    fl_report_summary_fini(&summary);
    char *junit = fl_format("%s/junit.xml", stage.folder);
    assert_int_equal(access(junit, R_OK), 0); /* the others are written all the same */
    free(junit);
    stage_over(&stage, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_target_met_is_a_pass),
        cmocka_unit_test(one_target_missed_is_a_fail),
        cmocka_unit_test(each_metric_can_be_missed),
        cmocka_unit_test(a_run_that_was_broken_before_cannot_be_told),
        cmocka_unit_test(trouble_in_the_first_fifth_of_the_warm_up_is_forgiven),
        cmocka_unit_test(a_killed_faultline_leaves_a_record_that_can_be_read),
        cmocka_unit_test(a_fail_stays_a_fail_when_the_run_was_killed),
        cmocka_unit_test(an_interrupted_run_cannot_be_told),
        cmocka_unit_test(the_restart_limit_is_a_fail),
        cmocka_unit_test(a_kill_that_is_not_in_the_plan_cannot_be_told),
        cmocka_unit_test(trouble_of_the_harness_cannot_be_told),
        cmocka_unit_test(what_is_missed_when_the_harness_broke_down_is_not_blamed_on_the_service),
        cmocka_unit_test(a_generator_at_its_limit_in_the_window_cannot_be_told),
        cmocka_unit_test(a_limit_missed_by_more_than_the_generator_was_late_is_missed),
        cmocka_unit_test(what_a_generator_that_stood_still_made_is_not_blamed_on_the_service),
        cmocka_unit_test(a_refusal_met_only_by_coming_late_is_not_blamed_on_the_service),
        cmocka_unit_test(a_run_without_operations_cannot_be_told),
        cmocka_unit_test(a_fault_that_was_never_injected_cannot_be_told),
        cmocka_unit_test(a_recovery_nobody_knows_does_not_save_a_missed_target),
        cmocka_unit_test(a_percentile_of_few_samples_says_so),
        cmocka_unit_test(a_folder_that_is_no_run_is_an_error),
        cmocka_unit_test(a_file_that_cannot_be_written_does_not_hide_the_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
