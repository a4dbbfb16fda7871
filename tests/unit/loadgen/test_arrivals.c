#include "tests/support/testkit.h"

#include "loadgen/arrivals.h"

static struct fl_arrivals_opts at_200_per_s(void)
{
    return (struct fl_arrivals_opts){
        .rate_per_s = 200,
        .seed = 7,
        .name = "arrivals",
        .t0_ns = fl_s(100),
        .until_ns = fl_s(103),
    };
}

/* Reads a schedule as a worker would that wakes at these instants. */
static size_t pop_all(struct fl_arrivals *arrivals, fl_ns now_ns, fl_ns *dues, size_t most)
{
    size_t count = 0;
    fl_ns due_ns;
    uint64_t number;
    while (fl_arrivals_pop(arrivals, now_ns, &due_ns, &number))
        if (count < most) dues[count++] = due_ns;
    return count;
}

static void three_seconds_at_200_a_second_are_600_arrivals_one_gap_apart(void **state)
{
    (void)state;
    struct fl_arrivals_opts opts = at_200_per_s();
    struct fl_arrivals arrivals;
    fl_ns dues[700];
    fl_arrivals_init(&arrivals, &opts);
    size_t count = pop_all(&arrivals, FL_NEVER - 1, dues, FL_COUNT(dues));

    assert_int_equal(count, 600);
    assert_true(dues[0] >= opts.t0_ns && dues[0] < opts.t0_ns + fl_ms(5));
    for (size_t i = 1; i < count; i++) {
        fl_ns gap_ns = dues[i] - dues[i - 1];
        assert_true(gap_ns >= fl_ms(5) - 1 && gap_ns <= fl_ms(5) + 1);
    }
    assert_true(fl_arrivals_next(&arrivals) == FL_NEVER);
}

static void a_worker_that_wakes_late_still_gets_every_arrival_with_its_true_due_time(void **state)
{
    (void)state;
    struct fl_arrivals_opts opts = at_200_per_s();
    struct fl_arrivals punctual, late;
    fl_ns a[700], b[700];
    fl_arrivals_init(&punctual, &opts);
    fl_arrivals_init(&late, &opts);

    size_t a_count = 0;
    for (fl_ns now_ns = opts.t0_ns; now_ns < opts.until_ns; now_ns += FL_NS_PER_MS)
        a_count += pop_all(&punctual, now_ns, a + a_count, FL_COUNT(a) - a_count);
    size_t b_count = pop_all(&late, opts.t0_ns + fl_ms(700), b, FL_COUNT(b));
    assert_int_equal(b_count, 140);
    b_count += pop_all(&late, opts.until_ns, b + b_count, FL_COUNT(b) - b_count);

    assert_int_equal(a_count, b_count);
    assert_memory_equal(a, b, a_count * sizeof *a);
}

static void the_seed_decides_the_phase_and_the_name_keeps_streams_apart(void **state)
{
    (void)state;
    struct fl_arrivals_opts opts = at_200_per_s();
    struct fl_arrivals first, same, other_seed, other_name;
    fl_arrivals_init(&first, &opts);
    fl_arrivals_init(&same, &opts);
    opts.seed = 8;
    fl_arrivals_init(&other_seed, &opts);
    opts.seed = 7;
    opts.name = "work";
    fl_arrivals_init(&other_name, &opts);

    assert_true(fl_arrivals_next(&first) == fl_arrivals_next(&same));
    assert_true(fl_arrivals_next(&first) != fl_arrivals_next(&other_seed));
    assert_true(fl_arrivals_next(&first) != fl_arrivals_next(&other_name));
}

static void poisson_arrivals_keep_the_rate_but_not_the_gap(void **state)
{
    (void)state;
    struct fl_arrivals_opts opts = at_200_per_s();
    opts.spacing = FL_SPACING_POISSON;
    opts.until_ns = opts.t0_ns + fl_s(50);
    struct fl_arrivals arrivals;
    fl_arrivals_init(&arrivals, &opts);
    size_t count = 0, short_gaps = 0;
    fl_ns due_ns, before_ns = opts.t0_ns;
    uint64_t number;
    while (fl_arrivals_pop(&arrivals, FL_NEVER - 1, &due_ns, &number)) {
        assert_int_equal(number, count);
        assert_true(due_ns >= before_ns);
        if (due_ns - before_ns < fl_ms(5)) short_gaps++;
        before_ns = due_ns;
        count++;
    }
    assert_in_range(count, 9600, 10400); /* four standard deviations around 10,000 */
    /* 1 − 1/e of the gaps are shorter than the mean */
    assert_in_range(short_gaps * 100 / count, 60, 66);
}

static void scattered_arrivals_come_one_in_each_gap(void **state)
{
    (void)state;
    struct fl_arrivals_opts opts = at_200_per_s();
    opts.spacing = FL_SPACING_SCATTERED;
    opts.until_ns = opts.t0_ns + fl_s(5);
    struct fl_arrivals arrivals;
    fl_arrivals_init(&arrivals, &opts);
    size_t late_half = 0;
    fl_ns due_ns;
    uint64_t number, count = 0;
    while (fl_arrivals_pop(&arrivals, FL_NEVER - 1, &due_ns, &number)) {
        fl_ns in_gap_ns = due_ns - opts.t0_ns - (fl_ns)count * fl_ms(5);
        assert_true(in_gap_ns >= 0 && in_gap_ns < fl_ms(5));
        late_half += in_gap_ns >= fl_ms(5) / 2;
        count++;
    }
    assert_int_equal(count, 1000);
    assert_in_range(late_half, 437, 563); /* four standard deviations around half */
}

static void after_a_stop_nothing_is_due_any_more(void **state)
{
    (void)state;
    struct fl_arrivals_opts opts = at_200_per_s();
    struct fl_arrivals arrivals;
    fl_ns dues[700];
    fl_arrivals_init(&arrivals, &opts);
    assert_int_equal(pop_all(&arrivals, opts.t0_ns + fl_s(1) - 1, dues, FL_COUNT(dues)), 200);
    fl_arrivals_stop(&arrivals, opts.t0_ns + fl_s(1));
    assert_int_equal(pop_all(&arrivals, opts.until_ns, dues, FL_COUNT(dues)), 0);
    assert_true(fl_arrivals_next(&arrivals) == FL_NEVER);
}

static void a_load_without_a_rate_has_no_arrivals(void **state)
{
    (void)state;
    struct fl_arrivals_opts opts = at_200_per_s();
    opts.rate_per_s = 0;
    struct fl_arrivals arrivals;
    fl_arrivals_init(&arrivals, &opts);
    assert_true(fl_arrivals_next(&arrivals) == FL_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_seconds_at_200_a_second_are_600_arrivals_one_gap_apart),
        cmocka_unit_test(a_worker_that_wakes_late_still_gets_every_arrival_with_its_true_due_time),
        cmocka_unit_test(the_seed_decides_the_phase_and_the_name_keeps_streams_apart),
        cmocka_unit_test(poisson_arrivals_keep_the_rate_but_not_the_gap),
        cmocka_unit_test(scattered_arrivals_come_one_in_each_gap),
        cmocka_unit_test(after_a_stop_nothing_is_due_any_more),
        cmocka_unit_test(a_load_without_a_rate_has_no_arrivals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
