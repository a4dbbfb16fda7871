/* health.h: live figures of each load, and how the generator itself is doing.
 *
 * Pure: time is an argument; who asks writes it down. Thread: the loop's. */
#ifndef FL_LOADGEN_HEALTH_H
#define FL_LOADGEN_HEALTH_H

#include "runtime/base/hist.h"
#include "runtime/base/str.h"

#define FL_GAUGE_PARTS 5 /* of the last second */

/** One load over the last second, in five parts that are replaced in turn. */
struct fl_gauge {
    struct fl_hist latency[FL_GAUGE_PARTS];
    uint64_t bad[FL_GAUGE_PARTS];
    int at;
};

/** Counts one operation with an outcome. */
void fl_gauge_add(struct fl_gauge *gauge, fl_ns latency_ns, bool ok);
/** Appends `"rate":…,"errors":…,"p50_ns":…,"p99_ns":…` of the last second. */
void fl_gauge_put(const struct fl_gauge *gauge, struct fl_buf *buf);
/** A fifth of a second has passed. */
void fl_gauge_turn(struct fl_gauge *gauge);

/** The generator over the second that runs: how late it was, what it could not send. */
struct fl_health {
    struct fl_hist lag; /* arrival read − due: our lateness, never the service's */
    uint64_t due, sent, unsent;
    fl_ns since_ns, cpu_since_ns;
};

/** Starts a second. */
void fl_health_start(struct fl_health *health, fl_ns now_ns, fl_ns cpu_ns);
/** Appends the fields of the fact load.health for the second that ends now. */
void fl_health_put(const struct fl_health *health, fl_ns now_ns, fl_ns cpu_ns, struct fl_buf *buf);

#endif
