/* store.h: the recent past of every series, in fixed memory: rings at several resolutions.
 *
 * A series is a number with a name that a source gives again and again. Every ring has one slot a
 * step of its resolution; a slot that nobody filled is a gap. What falls into one slot is averaged.
 * Knows: numbers, names. Does not know: the clock, where numbers come from. Thread: any, one at a
 * time. */
#ifndef FL_DASHBOARD_STORE_H
#define FL_DASHBOARD_STORE_H

#include "runtime/base/str.h"

enum {
    FL_STORE_SERIES = 256, /* more are dropped, and counted */
    FL_STORE_NAME_MAX = 96,
    FL_STORE_LABEL_MAX = 32,
    FL_STORE_RINGS = 3,
};

/* What a series is, for people and for the page. */
struct fl_series {
    char source[FL_STORE_LABEL_MAX]; /* "proc" */
    char group[FL_STORE_LABEL_MAX];  /* what is drawn in one chart: "cpu" */
    char name[FL_STORE_NAME_MAX];    /* the line: "chat" */
    char unit[12];                   /* "", "/s", "ns", "B", "B/s", "%" */
};
/** The length and step of a ring, the finest first: 100 ms for a minute, 1 s for 15, 10 s for
 * three hours. */
struct fl_store_ring_spec {
    const char *name; /* "1m" */
    fl_ns step_ns;
    int slots;
};
extern const struct fl_store_ring_spec fl_store_rings[FL_STORE_RINGS];

struct fl_store;
/** An empty one. */
struct fl_store *fl_store_new(void);
/** Frees; NULL is fine. */
void fl_store_free(struct fl_store *store);
/** Takes a value of a series, a new one or one that is known by source, group and name. A value
 * that is not finite is none. False: there are FL_STORE_SERIES others. */
bool fl_store_put(struct fl_store *store, const struct fl_series *series, double value,
                  fl_ns at_ns);
/** Forgets series that got no value since this instant. */
void fl_store_drop_before(struct fl_store *store, fl_ns at_ns);
/** Counts changes of which series there are. */
uint64_t fl_store_generation(const struct fl_store *store);
/** How many there are. */
size_t fl_store_count(const struct fl_store *store);
/** How many values were dropped because there were too many series. */
uint64_t fl_store_dropped(const struct fl_store *store);
/** Appends the last value of each, `[1.5,null,3]`; older than max_age_ns is null. */
void fl_store_put_values(const struct fl_store *store, fl_ns now_ns, fl_ns max_age_ns,
                         struct fl_buf *out);
/** Appends {"generation","series":[{"source","group","name","unit"}]}, in the order of the values.
 */
void fl_store_put_table(const struct fl_store *store, struct fl_buf *out);
/** Appends {"generation","span","from_ns","step_ns","points":[[…],…]} of a ring: for each
 * series its slots from the oldest to now_ns. */
void fl_store_put_points(const struct fl_store *store, int ring, fl_ns now_ns, struct fl_buf *out);
/** The ring of this name, or -1. */
int fl_store_ring_find(struct fl_str name);

#endif
