/* timeline.h: what the charts show: rates and latencies in buckets, by when operations were due. */
#ifndef FL_REPORTS_TIMELINE_H
#define FL_REPORTS_TIMELINE_H

#include "reports/baseline.h"

struct fl_bucket {
    uint32_t good, bad, unsent;   /* unsent is not in bad */
    fl_ns p50_ns, p95_ns, p99_ns; /* 0 when nothing was due */
};

struct fl_timeline {
    fl_ns from_ns, bucket_ns;
    size_t count;
    struct fl_bucket **loads; /* for each load, count buckets */
    size_t loads_count;
};

/** Makes it: 100 ms buckets, wider ones for a run so long that they would be too many. */
void fl_timeline_make(struct fl_timeline *out, const struct fl_record *record,
                      const struct fl_view *views);
/** Frees it. */
void fl_timeline_fini(struct fl_timeline *timeline);

#endif
