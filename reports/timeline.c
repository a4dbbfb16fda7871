#include "reports/timeline.h"

#include "reports/stats.h"

#define BUCKETS_MAX 3000

static fl_ns bucket_width(fl_ns span_ns)
{
    static const int64_t widths_ms[] = {100, 200, 500, 1000, 2000, 5000, 10000, 30000};
    for (size_t i = 0; i < FL_COUNT(widths_ms); i++)
        if (span_ns / fl_ms(widths_ms[i]) < BUCKETS_MAX) return fl_ms(widths_ms[i]);
    return span_ns / BUCKETS_MAX + 1;
}

static size_t bucket_of(const struct fl_timeline *timeline, const struct fl_op *op)
{
    fl_ns since = op->due_ns - timeline->from_ns;
    if (since < 0) return timeline->count;
    return (size_t)(since / timeline->bucket_ns);
}

/* One bucket's operations stand one after another, as they are sorted by due. */
static void fill_load(struct fl_timeline *timeline, const struct fl_view *view, size_t load)
{
    const struct fl_op_list *ops = &view->load->ops;
    double *latencies = fl_new_array(double, ops->count + 1);
    for (size_t i = 0, until; i < ops->count; i = until) {
        size_t bucket = bucket_of(timeline, &ops->at[i]), n = 0;
        for (until = i; until < ops->count && bucket_of(timeline, &ops->at[until]) == bucket;
             until++) {
            latencies[n++] = (double)fl_view_latency(view, &ops->at[until]);
            if (bucket >= timeline->count) continue;
            struct fl_bucket *into = &timeline->loads[load][bucket];
            bool unsent = ops->at[until].error == FL_OPERR_UNSENT;
            into->good += view->good[until];
            into->unsent += unsent;
            into->bad += !view->good[until] && !unsent;
        }
        if (bucket >= timeline->count) continue;
        fl_stats_sort(latencies, n);
        timeline->loads[load][bucket].p50_ns = (fl_ns)fl_stats_quantile(latencies, n, 0.5);
        timeline->loads[load][bucket].p95_ns = (fl_ns)fl_stats_quantile(latencies, n, 0.95);
        timeline->loads[load][bucket].p99_ns = (fl_ns)fl_stats_quantile(latencies, n, 0.99);
    }
    free(latencies);
}

void fl_timeline_make(struct fl_timeline *out, const struct fl_record *record,
                      const struct fl_view *views)
{
    fl_ns span = record->arrivals_end - record->zero_ns;
    if (span < 0) span = 0;
    *out = (struct fl_timeline){.from_ns = record->zero_ns,
                                .bucket_ns = bucket_width(span),
                                .loads_count = record->loads_count};
    out->count = (size_t)((span + out->bucket_ns - 1) / out->bucket_ns);
    out->loads = fl_new_array(struct fl_bucket *, record->loads_count + 1);
    for (size_t i = 0; i < record->loads_count; i++) {
        out->loads[i] = fl_new_array(struct fl_bucket, out->count + 1);
        fill_load(out, &views[i], i);
    }
}

void fl_timeline_fini(struct fl_timeline *timeline)
{
    for (size_t i = 0; i < timeline->loads_count; i++)
        free(timeline->loads[i]);
    free(timeline->loads);
    *timeline = (struct fl_timeline){0};
}
