#include <math.h>

#include "tests/support/testkit.h"

#include "reports/stats.h"

static void quantiles_are_nearest_rank(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3};
    fl_stats_sort(values, 5);
    assert_true(fl_stats_quantile(values, 5, 0.5) == 3);
    assert_true(fl_stats_quantile(values, 5, 0.2) == 1);
    assert_true(fl_stats_quantile(values, 5, 0.21) == 2);
    assert_true(fl_stats_quantile(values, 5, 0.95) == 5);
    assert_true(fl_stats_quantile(values, 5, 1) == 5);
    assert_true(fl_stats_quantile(values, 0, 0.5) == 0);
}

/* Of the textbooks: n = 10 gives the 2nd to 9th value (97.9 %), n = 6 the 1st to 6th (96.9 %). */
static void the_interval_of_a_median_is_exact_binomial(void **state)
{
    (void)state;
    size_t low, high;
    assert_false(fl_stats_interval(5, 0.5, &low, &high));
    assert_true(fl_stats_interval(6, 0.5, &low, &high));
    assert_int_equal(low, 0);
    assert_int_equal(high, 5);
    assert_true(fl_stats_interval(10, 0.5, &low, &high));
    assert_int_equal(low, 1);
    assert_int_equal(high, 8);
    assert_true(fl_stats_interval(20, 0.5, &low, &high));
    assert_int_equal(low, 5);
    assert_int_equal(high, 14);
    assert_false(fl_stats_interval(58, 0.95, &low, &high));
}

static void a_p95_needs_59_samples(void **state)
{
    (void)state;
    assert_int_equal(fl_stats_needed(0.95), 59);
    assert_int_equal(fl_stats_needed(0.99), 299);
    assert_int_equal(fl_stats_needed(0.5), 5);
}

static void a_censored_recovery_is_larger_than_every_measured_one(void **state)
{
    (void)state;
    double values[] = {3, INFINITY, 1};
    struct fl_spread spread;
    fl_stats_spread(&spread, values, 3);
    assert_int_equal(spread.censored, 1);
    assert_true(spread.min == 1);
    assert_true(spread.median == 3);
    assert_true(isinf(spread.max));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_nearest_rank),
        cmocka_unit_test(the_interval_of_a_median_is_exact_binomial),
        cmocka_unit_test(a_p95_needs_59_samples),
        cmocka_unit_test(a_censored_recovery_is_larger_than_every_measured_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
