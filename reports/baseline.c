#include "reports/baseline.h"

#include <math.h>

#include "reports/stats.h"

#define SLOW_LEAST_NS (50 * FL_NS_PER_MS)
#define SLOW_FACTOR 5
#define GOOD_SHARE_LEAST 0.99

size_t fl_view_at(const struct fl_view *view, fl_ns t)
{
    const struct fl_op_list *ops = &view->load->ops;
    size_t low = 0, high = ops->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ops->at[middle].due_ns < t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t fl_view_bad(const struct fl_view *view, size_t from, size_t until)
{
    return until > from ? view->bad_before[until] - view->bad_before[from] : 0;
}

fl_ns fl_view_gap(const struct fl_view *view)
{
    double rate = view->baseline.rate_per_s > 0 ? view->baseline.rate_per_s
                                                : view->load->rate_per_s;
    return rate > 0 ? (fl_ns)llround(1e9 / rate) : 0;
}

/* p50 and p99 of the operations that succeeded: a baseline with failures in it is found broken by
 * its share of good ones, and must not stretch what counts as slow. */
static void measure_latency(struct fl_view *view, size_t from, size_t until)
{
    const struct fl_op *ops = view->load->ops.at;
    double *values = fl_new_array(double, until - from + 1);
    size_t count = 0;
    for (size_t i = from; i < until; i++)
        if (ops[i].outcome == FL_OK) values[count++] = (double)fl_op_latency(&ops[i]);
    fl_stats_sort(values, count);
    view->baseline.p50_ns = (fl_ns)fl_stats_quantile(values, count, 0.5);
    view->baseline.p99_ns = (fl_ns)fl_stats_quantile(values, count, 0.99);
    free(values);
}

static void mark_good(struct fl_view *view)
{
    const struct fl_op_list *ops = &view->load->ops;
    view->good = fl_new_array(uint8_t, ops->count + 1);
    view->bad_before = fl_new_array(uint32_t, ops->count + 1);
    for (size_t i = 0; i < ops->count; i++) {
        view->good[i] = ops->at[i].outcome == FL_OK && fl_op_latency(&ops->at[i]) <= view->slow_ns;
        view->bad_before[i + 1] = view->bad_before[i] + !view->good[i];
    }
}

void fl_view_init(struct fl_view *view, const struct fl_record *record,
                  const struct fl_rec_load *load)
{
    *view = (struct fl_view){.load = load};
    struct fl_baseline *base = &view->baseline;
    base->until_ns = record->storm_at;
    base->from_ns = record->zero_ns + (record->storm_at - record->zero_ns) / 5;
    size_t from = fl_view_at(view, base->from_ns), until = fl_view_at(view, base->until_ns);
    measure_latency(view, from, until);

    view->slow_ns = load->slow_ns > 0 ? load->slow_ns
                                      : fl_ns_max(SLOW_FACTOR * base->p99_ns, SLOW_LEAST_NS);
    mark_good(view);
    view->storm_from = until;
    base->due = until - from;
    base->good = base->due - fl_view_bad(view, from, until);
    double seconds = (double)(base->until_ns - base->from_ns) / 1e9;
    base->rate_per_s = seconds > 0 ? (double)base->due / seconds : 0;
    base->good_share = base->due > 0 ? (double)base->good / (double)base->due : 0;
    base->broken = base->due > 0 && base->good_share < GOOD_SHARE_LEAST;
}

void fl_view_fini(struct fl_view *view)
{
    free(view->good);
    free(view->bad_before);
    *view = (struct fl_view){0};
}
