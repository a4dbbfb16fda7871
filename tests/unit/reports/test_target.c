#include "tests/support/testkit.h"

#include "reports/reports.h"
#include "reports/target.h"

static const char *const loads[] = {"talkers", "jobs"};
static const char *const faults[] = {"kill", "crash", "cut", "latency"};
static const struct fl_target_names names = {loads, 2, faults, 4};

static struct fl_target parsed(const char *text)
{
    struct fl_target target;
    struct fl_err err = {0};
    if (fl_target_parse(&target, text, &names, NULL, &err) != 0) fail_msg("%s: %s", text, err.text);
    return target;
}

static void refused(const char *text, int column, const char *message)
{
    struct fl_err err = {0};
    int at = -1;
    assert_int_not_equal(fl_target_check(text, loads, 2, faults, 4, &at, &err), 0);
    if (strstr(err.text, message) == NULL) fail_msg("%s: got \"%s\"", text, err.text);
    if (at != column) fail_msg("%s: column %d, expected %d", text, at, column);
}

static void every_part_of_a_target_is_read(void **state)
{
    (void)state;
    struct fl_target target = parsed("recovery(kill chat.*) p95 < 800ms");
    assert_int_equal(target.metric, FL_METRIC_RECOVERY);
    assert_string_equal(target.kind, "kill");
    assert_string_equal(target.aim, "chat.*");
    assert_int_equal(target.stat, FL_STAT_QUANTILE);
    assert_true(target.quantile == 0.95);
    assert_int_equal(target.cmp, FL_CMP_LT);
    assert_true(target.value == 800e6);

    target = parsed("  latency ( talkers )  p99.9<=50ms  outside faults ");
    assert_string_equal(target.load, "talkers");
    assert_true(target.quantile > 0.9989 && target.quantile < 0.9991);
    assert_int_equal(target.cmp, FL_CMP_LE);
    assert_int_equal(target.phase, FL_TARGET_OUTSIDE_FAULTS);

    target = parsed("availability >= 99.5%");
    assert_true(target.value == 0.995);
    assert_int_equal(target.unit, FL_UNIT_SHARE);
    assert_int_equal(parsed("lost = 0").cmp, FL_CMP_EQ);
    assert_int_equal(parsed("errors(jobs) < 1% during faults").phase, FL_TARGET_DURING_FAULTS);
    assert_int_equal(parsed("latency median < 5ms in baseline").phase, FL_TARGET_IN_BASELINE);
    assert_int_equal(parsed("recovery < 2s").stat, FL_STAT_MAX);
    assert_int_equal(parsed("restarts <= 5").metric, FL_METRIC_RESTARTS);
    assert_int_equal(parsed("unavailable(jobs) < 3s").unit, FL_UNIT_NS);
}

static void a_mistake_is_told_where_it_is_and_what_would_be_right(void **state)
{
    (void)state;
    refused("recovry p95 < 1s", 0, "did you mean \"recovery\"?");
    refused("", 0, "expected a metric");
    refused("recovery(kil) max < 1s", 9, "did you mean \"kill\"?");
    refused("recovery(kill", 8, "without");
    refused("latency(kill) p99 < 5ms", 8, "by load, not by fault");
    refused("restarts(kill) < 5", 8, "no selector");
    refused("latency < 5ms", 8, "needs a statistic");
    refused("latency p100 < 5ms", 8, "not a statistic");
    refused("lost max = 0", 5, "takes no statistic");
    refused("recovery max 5ms", 13, "expected < <= > >= or =");
    refused("recovery max < 5", 15, "a duration");
    refused("availability >= 99ms", 16, "a percentage");
    refused("lost = 0.5", 7, "a whole number");
    refused("latency p99 < 5ms outside fault", 18, "did you mean \"outside faults\"?");
    refused("recovery max < 5ms outside faults", 19, "takes no phase");
    refused("lost = 0 please", 9, "makes no sense");
}

static void comparisons_hold_at_their_limits_as_written(void **state)
{
    (void)state;
    struct fl_target target = parsed("recovery max < 1s");
    assert_false(fl_target_holds(&target, 1e9));
    assert_true(fl_target_holds(&target, 1e9 - 1));
    assert_false(fl_target_holds(&target, __builtin_inf()));
    target = parsed("recovery max <= 1s");
    assert_true(fl_target_holds(&target, 1e9));
    target = parsed("availability >= 99%");
    assert_true(fl_target_holds(&target, 0.99));
    assert_false(fl_target_holds(&target, 0.9899999));
    target = parsed("lost = 0");
    assert_true(fl_target_holds(&target, 0));
    assert_false(fl_target_holds(&target, 1));
}

static void formats_are_known_by_name(void **state)
{
    (void)state;
    unsigned mask = 0;
    struct fl_err err = {0};
    assert_int_equal(fl_formats_parse(FL_STR("html, json,junit,md"), &mask, &err), 0);
    assert_int_equal(mask, FL_FORMAT_ALL);
    assert_int_equal(fl_formats_parse(FL_STR("csv"), &mask, &err), 0);
    assert_int_equal(mask, FL_FORMAT_CSV);
    assert_int_not_equal(fl_formats_parse(FL_STR("html,pdf"), &mask, &err), 0);
    assert_non_null(strstr(err.text, "unknown format \"pdf\""));
    assert_int_not_equal(fl_formats_parse(FL_STR(""), &mask, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_target_is_read),
        cmocka_unit_test(a_mistake_is_told_where_it_is_and_what_would_be_right),
        cmocka_unit_test(comparisons_hold_at_their_limits_as_written),
        cmocka_unit_test(formats_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
