/* shift.h: did one set of figures move against another? Mann–Whitney and Hodges–Lehmann. */
#ifndef FL_REPORTS_SHIFT_H
#define FL_REPORTS_SHIFT_H

#include "runtime/base/fl.h"

#define FL_SHIFT_LEAST 8 /* values a side, below which nothing can be told */

struct fl_shift {
    double p;         /* one-sided: the chance to see this when nothing became larger */
    double by;        /* Hodges–Lehmann: the median of all differences new - base */
    double low, high; /* its 95 % interval */
};

/** Compares two sets of values, which may hold infinities (censored: larger than every other). */
void fl_shift_measure(struct fl_shift *out, const double *base, size_t base_count,
                      const double *fresh, size_t fresh_count);
/** Holm's correction: makes p values of several comparisons fit to be held against one limit. */
void fl_shift_holm(double *p, size_t count);

#endif
