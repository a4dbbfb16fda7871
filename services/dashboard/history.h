/* history.h: the last minute of every load, so that who opens the page in the middle of a storm
 * sees how it began.
 *
 * Knows: docs/figures.md. Does not know: the clock. Thread: any, one at a time. */
#ifndef FL_DASHBOARD_HISTORY_H
#define FL_DASHBOARD_HISTORY_H

#include "runtime/base/json.h"

#define FL_HISTORY_EVERY_NS fl_ms(500)
#define FL_HISTORY_POINTS 120
#define FL_HISTORY_LOADS 12 /* the first ones; the rest have no line until they move */
#define FL_HISTORY_NAME_MAX 64

struct fl_history_point {
    fl_ns t_ns;
    float rate[FL_HISTORY_LOADS], errors[FL_HISTORY_LOADS], p99_ns[FL_HISTORY_LOADS];
};

/** A ring of points; zero is a valid empty one. */
struct fl_history {
    char names[FL_HISTORY_LOADS][FL_HISTORY_NAME_MAX];
    int loads_count, points_count, next;
    struct fl_history_point points[FL_HISTORY_POINTS];
};

/** Takes a point from figures, unless the last one is younger than FL_HISTORY_EVERY_NS. Other loads
 * than before begin a new history. */
void fl_history_add(struct fl_history *history, const cJSON *figures, fl_ns t_ns);
/** Appends {"t_ns":[…],"loads":[{"name":…,"rate":[…],"errors":[…],"p99_ns":[…]}]}, oldest
 * first. */
void fl_history_put(struct fl_buf *out, const struct fl_history *history);

#endif
