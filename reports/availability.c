#include "reports/availability.h"

#include "reports/stats.h"

/* Each maximal run of bad operations lasts from its first due to the due of the next good one; one
 * that nothing good follows lasts to the end of the arrivals. */
static void measure_runs(struct fl_availability *out, const struct fl_record *record,
                         const struct fl_view *view)
{
    const struct fl_op_list *ops = &view->load->ops;
    for (size_t i = view->storm_from; i < ops->count; i++) {
        if (view->good[i]) continue;
        size_t next = i;
        while (next < ops->count && !view->good[next])
            next++;
        fl_ns until = next < ops->count ? ops->at[next].due_ns : record->arrivals_end;
        fl_ns lasted = until > ops->at[i].due_ns ? until - ops->at[i].due_ns : 0;
        out->unavailable_ns += lasted;
        out->longest_ns = fl_ns_max(out->longest_ns, lasted);
        i = next;
    }
}

void fl_availability_measure(struct fl_availability *out, const struct fl_record *record,
                             const struct fl_view *view)
{
    const struct fl_op_list *ops = &view->load->ops;
    *out = (struct fl_availability){.due = ops->count - view->storm_from};
    double *latencies = fl_new_array(double, out->due + 1);
    size_t *const by_outcome[] = {NULL, &out->ok, &out->fail, &out->unknown};
    for (size_t i = view->storm_from, k = 0; i < ops->count; i++, k++) {
        const struct fl_op *op = &ops->at[i];
        latencies[k] = (double)fl_view_latency(view, op);
        out->good += view->good[i];
        out->slow += op->outcome == FL_OK && !view->good[i];
        if (op->outcome >= FL_OK && op->outcome <= FL_UNKNOWN) (*by_outcome[op->outcome])++;
        if (op->error < FL_OPERR_COUNT) out->errors[op->error]++;
    }
    out->unsent = out->errors[FL_OPERR_UNSENT];
    out->availability = out->due > 0 ? (double)out->good / (double)out->due : 0;
    fl_stats_sort(latencies, out->due);
    out->p50_ns = (fl_ns)fl_stats_quantile(latencies, out->due, 0.5);
    out->p99_ns = (fl_ns)fl_stats_quantile(latencies, out->due, 0.99);
    out->p999_ns = (fl_ns)fl_stats_quantile(latencies, out->due, 0.999);
    out->max_ns = (fl_ns)fl_stats_quantile(latencies, out->due, 1);
    free(latencies);
    double seconds = (double)(record->arrivals_end - record->storm_at) / 1e9;
    out->rate_per_s = seconds > 0 ? (double)out->due / seconds : 0;
    measure_runs(out, record, view);
}
