/* availability.h: how much of a load was served over the storm and the calm, and what nobody can
 * explain. */
#ifndef FL_REPORTS_AVAILABILITY_H
#define FL_REPORTS_AVAILABILITY_H

#include "reports/recovery.h"

/** One load over the storm and the calm. */
struct fl_availability {
    size_t due, good, ok, fail, unknown, unsent, slow;
    size_t errors[FL_OPERR_COUNT];
    double availability;                   /* good ÷ due */
    fl_ns unavailable_ns;                  /* the sum of the runs of bad operations */
    fl_ns longest_ns;                      /* the longest of them */
    fl_ns p50_ns, p99_ns, p999_ns, max_ns; /* unsent and late ones at their deadline */
    double rate_per_s;
};

/** Bad operations that no fault on their path explains. */
struct fl_incident {
    const struct fl_rec_load *load;
    fl_ns from_ns, until_ns; /* first due to last done */
    size_t bad;
    enum fl_op_error error; /* of the first */
};

/** Sums one load up. */
void fl_availability_measure(struct fl_availability *out, const struct fl_record *record,
                             const struct fl_view *view);
/** Finds the unexplained incidents of all loads; free with free(). */
struct fl_incident *fl_incident_find(const struct fl_record *record, const struct fl_view *views,
                                     const struct fl_fault_view *faults, size_t *count);

#endif
