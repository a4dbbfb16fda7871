/* live_events.h: what happened last in a run, for the dashboard: faults, what went down, and how
 * long it took until it was back.
 *
 * Knows: facts of the journal (docs/journal.md). Does not know: files, terminals. */
#ifndef FL_ENGINE_LIVE_EVENTS_H
#define FL_ENGINE_LIVE_EVENTS_H

#include <cjson/cJSON.h>

#include "runtime/base/str.h"

enum { FL_LIVE_EVENTS_MAX = 24, FL_LIVE_DOWN_MAX = 64, FL_LIVE_TEXT_MAX = 120 };

struct fl_live_event {
    fl_ns t_ns, took_ns; /* took_ns 0: nothing that takes time */
    const char *kind;
    char text[FL_LIVE_TEXT_MAX], mark[48];
};
/* An instance that went down, and when. */
struct fl_live_down {
    char instance[64];
    fl_ns t_ns; /* 0: it is back */
};
/** A ring; zero is a valid empty one. */
struct fl_live_events {
    struct fl_live_event events[FL_LIVE_EVENTS_MAX];
    int count, next;
    struct fl_live_down downs[FL_LIVE_DOWN_MAX];
    int downs_count;
};

/** Takes a fact in these words; those of no interest here are dropped. mark: a few words for a line
 * in a chart, "" for none. */
void fl_live_events_add(struct fl_live_events *events, const cJSON *fact, const char *words,
                        const char *mark);
/** Appends `[{"kind","t_ns","at_ns","text","short","took_ns"}]`, oldest first; at_ns counts from
 * zero_ns. */
void fl_live_events_put(const struct fl_live_events *events, fl_ns zero_ns, struct fl_buf *out);

#endif
