/* live.h: what a person sees while a run goes on, and figures.json for the dashboard.
 *
 * On a terminal one line that is rewritten, else one plain line an event. Events are words made
 * from the same facts that the journal gets. */
#ifndef FL_ENGINE_LIVE_H
#define FL_ENGINE_LIVE_H

#include <cjson/cJSON.h>

#include "engine/fleet.h"

struct fl_live;

struct fl_live_opts {
    const char *run_folder;
    const struct fl_scenario *scenario;
    const cJSON *plan; /* borrowed */
    bool quiet;
};

/** Decides by the terminal, NO_COLOR and quiet how to show things. */
struct fl_live *fl_live_new(const struct fl_live_opts *opts);
/** A fact was appended: a line for those that a person wants to know. cx is the fl_live. */
void fl_live_on_fact(void *cx, const char *line);
/** A line for a person, of no instant; not when quiet. */
void fl_live_say(struct fl_live *live, const char *words);
/** Arrivals count from this instant. */
void fl_live_zero(struct fl_live *live, fl_ns t0_ns);
/** New figures of the load worker (loadgen/loadgen.h). */
void fl_live_figures(struct fl_live *live, const cJSON *figures);
/** Rewrites the line and figures.json; faults_active as the injector says it. */
void fl_live_tick(struct fl_live *live, const struct fl_fleet *fleet, const char *phase,
                  const char *faults_active);
/** Ends the line; frees. NULL is fine. */
void fl_live_free(struct fl_live *live);

#endif
