/* baseline.h: one load as it is judged: what was normal, and which operations were good.
 *
 * Definitions: docs/recovery.md. */
#ifndef FL_REPORTS_BASELINE_H
#define FL_REPORTS_BASELINE_H

#include "reports/record.h"

struct fl_baseline {
    fl_ns from_ns, until_ns;
    size_t due, good;
    double rate_per_s, good_share;
    fl_ns p50_ns, p99_ns;
    bool broken; /* less than 99 % good */
};

/** One load with its verdict on every operation. */
struct fl_view {
    const struct fl_rec_load *load;
    struct fl_baseline baseline;
    fl_ns slow_ns;        /* good operations are at most this late */
    uint8_t *good;        /* a flag for each operation */
    uint32_t *bad_before; /* bad operations before this one; count + 1 entries */
    size_t storm_from;    /* the first operation due in the storm */
};

/** Latency counts from when an operation was due. */
static inline fl_ns fl_op_latency(const struct fl_op *op)
{
    return op->done_ns > op->due_ns ? op->done_ns - op->due_ns : 0;
}

/** As fl_op_latency, but one that did not succeed counts at its deadline at the earliest: a quick
 * refusal is no quick answer. This is what percentiles are made of. */
static inline fl_ns fl_view_latency(const struct fl_view *view, const struct fl_op *op)
{
    fl_ns latency = fl_op_latency(op);
    return op->outcome == FL_OK ? latency : fl_ns_max(latency, view->load->timeout_ns);
}

/** Measures what was normal and marks the good operations. */
void fl_view_init(struct fl_view *view, const struct fl_record *record,
                  const struct fl_rec_load *load);
/** Frees it. */
void fl_view_fini(struct fl_view *view);
/** The first operation due at or after t, or the number of operations. */
size_t fl_view_at(const struct fl_view *view, fl_ns t);
/** How many operations of [from, until) were bad. */
size_t fl_view_bad(const struct fl_view *view, size_t from, size_t until);
/** One gap between arrivals: nothing can be measured finer. */
fl_ns fl_view_gap(const struct fl_view *view);

#endif
