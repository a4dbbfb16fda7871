/* hist.h: a log-linear histogram of nanoseconds, 7 significant bits, error below 0.8 %.
 *
 * Merging is addition. About 58 KB a histogram; sparse use belongs to the caller. */
#ifndef FL_BASE_HIST_H
#define FL_BASE_HIST_H

#include "runtime/base/fl.h"

#define FL_HIST_BITS 7
#define FL_HIST_BUCKETS ((64 - FL_HIST_BITS + 1) << FL_HIST_BITS)

struct fl_hist {
    uint64_t count, sum_ns, max_ns, min_ns;
    uint64_t buckets[FL_HIST_BUCKETS];
};

/** Empties it. */
void fl_hist_reset(struct fl_hist *hist);
/** Adds one value; below zero counts as zero. */
void fl_hist_add(struct fl_hist *hist, fl_ns value_ns);
/** Adds everything of another. */
void fl_hist_merge(struct fl_hist *into, const struct fl_hist *from);
/** The value at quantile q in [0, 1]; 0 when empty; never above the largest value seen. */
fl_ns fl_hist_at(const struct fl_hist *hist, double q);

#endif
