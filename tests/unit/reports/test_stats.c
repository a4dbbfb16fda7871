#include <math.h>

#include "tests/support/testkit.h"

#include "reports/stats.h"
#include "runtime/base/rng.h"

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

static void many_values_are_sorted_as_few_are(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct fl_rng rng;
    double *values = fl_new_array(double, COUNT), sum = 0, sorted_sum = 0;
    fl_rng_init(&rng, 7);
    for (int i = 0; i < COUNT; i++) {
        values[i] = (double)(fl_rng_next(&rng) >> fl_rng_between(&rng, 10, 60));
        sum += values[i] / 1e6;
    }
    values[COUNT / 2] = INFINITY;
    values[7] = 0;
    fl_stats_sort(values, COUNT);
    for (int i = 1; i < COUNT; i++)
        assert_true(values[i - 1] <= values[i]);
    assert_true(values[0] == 0);
    assert_true(isinf(values[COUNT - 1]));
    for (int i = 0; i < COUNT - 1; i++)
        sorted_sum += values[i] / 1e6;
    assert_true(sorted_sum > 0 && sorted_sum <= sum * (1 + 1e-9));
    free(values);
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
        cmocka_unit_test(many_values_are_sorted_as_few_are),
        cmocka_unit_test(the_interval_of_a_median_is_exact_binomial),
        cmocka_unit_test(a_p95_needs_59_samples),
        cmocka_unit_test(a_censored_recovery_is_larger_than_every_measured_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
