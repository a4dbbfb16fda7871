/* arrivals.h: when the operations of a load are due. Open loop: the service has no say in it.
 *
 * Pure: time is an argument, and the same seed gives the same instants. Thread: any. */
#ifndef FL_LOADGEN_ARRIVALS_H
#define FL_LOADGEN_ARRIVALS_H

#include "runtime/base/rng.h"

enum fl_spacing {
    FL_SPACING_CONSTANT = 0, /* one gap apart, from a seeded phase */
    FL_SPACING_SCATTERED,    /* one in each gap, anywhere in it: against what itself ticks evenly */
    FL_SPACING_POISSON,      /* independent of each other, as people are */
};

struct fl_arrivals_opts {
    double rate_per_s; /* 0 or less: nothing is ever due */
    uint64_t seed;
    const char *name; /* of the stream: two streams of one seed do not move each other */
    enum fl_spacing spacing;
    fl_ns t0_ns, until_ns; /* due in [t0, until) */
};

/** A schedule as far as it has been read. */
struct fl_arrivals {
    struct fl_rng rng;
    enum fl_spacing spacing;
    double gap_ns, phase_ns, elapsed_ns;
    fl_ns t0_ns, until_ns, next_ns;
    uint64_t number; /* of the next arrival, from 0 */
};

/** Starts a schedule. */
void fl_arrivals_init(struct fl_arrivals *arrivals, const struct fl_arrivals_opts *opts);
/** When the next arrival is due; FL_NEVER when there is none left. */
fl_ns fl_arrivals_next(const struct fl_arrivals *arrivals);
/** Takes the next arrival if it is due by now. */
bool fl_arrivals_pop(struct fl_arrivals *arrivals, fl_ns now_ns, fl_ns *due_ns, uint64_t *number);
/** Nothing is due at or after this instant any more. */
void fl_arrivals_stop(struct fl_arrivals *arrivals, fl_ns at_ns);

#endif
