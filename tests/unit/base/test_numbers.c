#include "tests/support/testkit.h"

#include "runtime/base/hist.h"
#include "runtime/base/rng.h"

static void the_same_seed_gives_the_same_draws(void **state)
{
    (void)state;
    struct fl_rng a, b, c;
    fl_rng_init(&a, 7);
    fl_rng_init(&b, 7);
    fl_rng_init(&c, 8);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t draw = fl_rng_next(&a);
        assert_true(draw == fl_rng_next(&b));
        differs |= draw != fl_rng_next(&c);
    }
    assert_true(differs);
}

static void named_streams_do_not_depend_on_each_other(void **state)
{
    (void)state;
    struct fl_rng a, b;
    fl_rng_init_named(&a, 7, "fault:0");
    fl_rng_init_named(&b, 7, "fault:1");
    assert_true(fl_rng_next(&a) != fl_rng_next(&b));
    struct fl_rng again;
    fl_rng_init_named(&again, 7, "fault:1");
    fl_rng_next(&again);
    assert_true(fl_rng_next(&again) == fl_rng_next(&b));
}

static void draws_stay_within_their_limits_and_reach_both_ends(void **state)
{
    (void)state;
    struct fl_rng rng;
    fl_rng_init(&rng, 1);
    bool low = false, high = false;
    for (int i = 0; i < 10000; i++) {
        int64_t draw = fl_rng_between(&rng, -3, 3);
        assert_in_range(draw + 3, 0, 6);
        low |= draw == -3;
        high |= draw == 3;
        double unit = fl_rng_unit(&rng);
        assert_true(unit >= 0 && unit < 1);
        assert_true(fl_rng_exp(&rng, 2.0) >= 0);
    }
    assert_true(low && high);
    assert_int_equal(fl_rng_between(&rng, 5, 5), 5);
    fl_rng_between(&rng, INT64_MIN, INT64_MAX);
}

static void quantiles_are_within_one_percent(void **state)
{
    (void)state;
    struct fl_hist *hist = fl_new(struct fl_hist);
    for (int64_t i = 1; i <= 100000; i++)
        fl_hist_add(hist, i * 1000);
    static const double quantiles[] = {0.01, 0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < FL_COUNT(quantiles); i++) {
        double truth = quantiles[i] * 1e8, got = (double)fl_hist_at(hist, quantiles[i]);
        assert_true(got > truth * 0.991 && got < truth * 1.009);
    }
    assert_int_equal(fl_hist_at(hist, 1), 100000000);
    assert_int_equal(fl_hist_at(hist, 0), 1000);
    free(hist);
}

static void merging_adds(void **state)
{
    (void)state;
    struct fl_hist *a = fl_new(struct fl_hist), *b = fl_new(struct fl_hist);
    assert_int_equal(fl_hist_at(a, 0.5), 0);
    fl_hist_add(a, 10);
    fl_hist_add(b, 1000000);
    fl_hist_add(b, -5);
    fl_hist_merge(a, b);
    assert_int_equal(a->count, 3);
    assert_int_equal(a->min_ns, 0);
    assert_int_equal(a->max_ns, 1000000);
    assert_int_equal(fl_hist_at(a, 0.5), 10);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_draws),
        cmocka_unit_test(named_streams_do_not_depend_on_each_other),
        cmocka_unit_test(draws_stay_within_their_limits_and_reach_both_ends),
        cmocka_unit_test(quantiles_are_within_one_percent),
        cmocka_unit_test(merging_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
