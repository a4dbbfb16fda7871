/* stats.h: order statistics, exact where the sample allows. */
#ifndef FL_REPORTS_STATS_H
#define FL_REPORTS_STATS_H

#include "runtime/base/fl.h"

/** Sorts values upwards; infinities go to the end. */
void fl_stats_sort(double *values, size_t count);
/** Nearest-rank quantile of sorted values: the smallest one that at least q of them do not pass.
 * 0 when empty. */
double fl_stats_quantile(const double *sorted, size_t count, double q);
/** A 95 % confidence interval for a quantile from order statistics (exact binomial), as indices
 * into the sorted values. False: too few values for one. */
bool fl_stats_interval(size_t count, double q, size_t *low, size_t *high);
/** How many samples it takes until their maximum bounds the quantile with 95 % confidence. */
size_t fl_stats_needed(double q);

/** What is printed about a set of recoveries. Infinity: censored. */
struct fl_spread {
    size_t count, censored;
    double min, median, p95, max;
    bool has_interval;
    double median_low, median_high;
};
/** Sorts values and sums them up. */
void fl_stats_spread(struct fl_spread *out, double *values, size_t count);

#endif
