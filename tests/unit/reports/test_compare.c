/* Two sets of runs: slower, the same, or too few to tell. */
#include <math.h>

#include "reports/shift.h"
#include "tests/unit/reports/stage.h"

/* Ten kills 2 s apart, each with an outage of `outage` ms and a few more. */
static char *run_of(int kills, int64_t outage, const char *host)
{
    struct stage stage;
    stage_begin(&stage);
    stage.storm_ms = 30000;
    int load = stage_load(&stage, "talkers", "http", "chat", 100);
    int64_t from = 0;
    for (int i = 0; i < kills; i++) {
        int64_t at = 6000 + (int64_t)i * 2500, down = outage + i * 10;
        stage_good(&stage, load, from, at, 10);
        stage_bad(&stage, load, at, at + down, 10);
        from = at + down;
        stage_fault(&stage, at, 0, "kill", "process", "chat.1", "\"talkers\"");
        stage_inject(&stage, i, at, 0);
    }
    stage_good(&stage, load, from, stage_end_ms(&stage), 10);
    stage_fact(stage.engine, -1000, "run.start", "\"host\":\"%s\",\"cpus\":2,\"kernel\":\"k\"",
               host);
    stage_fact(stage.engine, -1, "load.zero", "\"t0_ns\":%lld", (long long)at_ms(0));
    stage_complete(&stage);
    stage_close(&stage);
    fl_buf_fini(&stage.loads);
    fl_buf_fini(&stage.faults);
    return stage.folder;
}

static void expect_compared(char *base, char *fresh, bool force, enum fl_verdict verdict,
                            const char *why)
{
    struct fl_report_summary summary;
    struct fl_err err = {0};
    assert_int_equal(fl_report_compare((const char *[]){base}, 1, (const char *[]){fresh}, 1, force,
                                       &summary, &err),
                     0);
    if (strstr(summary.why, why) == NULL) fail_msg("why: %s", summary.why);
    assert_int_equal(summary.verdict, verdict);
    fl_report_summary_fini(&summary);
    testkit_remove(base);
    testkit_remove(fresh);
}

static void recoveries_that_doubled_are_slower(void **state)
{
    (void)state;
    expect_compared(run_of(10, 300, "a"), run_of(10, 600, "a"), false, FL_FAILED,
                    "recovery from kill became slower");
}

static void a_shift_within_the_tolerance_is_no_change(void **state)
{
    (void)state;
    expect_compared(run_of(10, 300, "a"), run_of(10, 310, "a"), false, FL_PASS,
                    "no change detected");
    expect_compared(run_of(10, 600, "a"), run_of(10, 300, "a"), false, FL_PASS,
                    "no change detected");
}

static void seven_recoveries_are_too_few(void **state)
{
    (void)state;
    expect_compared(run_of(7, 300, "a"), run_of(10, 900, "a"), false, FL_CANNOT_TELL, "too few");
}

static void different_scenarios_are_compared_only_when_forced(void **state)
{
    (void)state;
    char *base = run_of(10, 300, "a"), *fresh = run_of(10, 600, "a");
    char *path = fl_format("%s/plan.json", fresh);
    cJSON *plan = NULL;
    assert_int_equal(fl_json_load(&plan, path, NULL), 0);
    cJSON_ReplaceItemInObjectCaseSensitive(plan, "scenario", cJSON_CreateString("another"));
    char *text = cJSON_Print(plan);
    assert_int_equal(fl_file_write(path, text, strlen(text), NULL), 0);
    cJSON_free(text);
    cJSON_Delete(plan);
    free(path);
    expect_compared(base, fresh, false, FL_CANNOT_TELL, "by different scenarios");
}

static void different_hosts_are_compared_only_when_forced(void **state)
{
    (void)state;
    expect_compared(run_of(10, 300, "a"), run_of(10, 600, "b"), false, FL_CANNOT_TELL,
                    "on different hosts");
    expect_compared(run_of(10, 300, "a"), run_of(10, 600, "b"), true, FL_FAILED, "slower");
}

static void the_test_is_the_one_of_the_textbooks(void **state)
{
    (void)state;
    const double x[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
    const double y[] = {1.15, 0.88, 0.90, 0.74, 1.21};
    struct fl_shift shift;
    fl_shift_measure(&shift, y, 5, x, 10);
    /* W = 35 of 50, as in R's own example of wilcox.test, whose exact p is 0.1272 */
    assert_true(fabs(shift.p - 0.1223) < 0.002);
    assert_true(fabs(shift.by - 0.305) < 1e-9);
    fl_shift_measure(&shift, x, 10, y, 5);
    assert_true(shift.p > 0.85);
}

static void censored_values_are_larger_than_all_others(void **state)
{
    (void)state;
    const double base[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const double fresh[] = {INFINITY, INFINITY, INFINITY, INFINITY,
                            INFINITY, INFINITY, INFINITY, INFINITY};
    struct fl_shift shift;
    fl_shift_measure(&shift, base, 8, fresh, 8);
    assert_true(shift.p < 0.001);
    assert_true(isinf(shift.by));
    fl_shift_measure(&shift, fresh, 8, fresh, 8);
    assert_true(shift.p >= 0.5);
    assert_true(shift.by == 0);
}

static void holm_multiplies_the_smallest_by_the_most(void **state)
{
    (void)state;
    double p[] = {0.04, 0.001, 0.02};
    fl_shift_holm(p, 3);
    assert_true(fabs(p[1] - 0.003) < 1e-12);
    assert_true(fabs(p[2] - 0.04) < 1e-12);
    assert_true(fabs(p[0] - 0.04) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recoveries_that_doubled_are_slower),
        cmocka_unit_test(a_shift_within_the_tolerance_is_no_change),
        cmocka_unit_test(seven_recoveries_are_too_few),
        cmocka_unit_test(different_scenarios_are_compared_only_when_forced),
        cmocka_unit_test(different_hosts_are_compared_only_when_forced),
        cmocka_unit_test(the_test_is_the_one_of_the_textbooks),
        cmocka_unit_test(censored_values_are_larger_than_all_others),
        cmocka_unit_test(holm_multiplies_the_smallest_by_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
