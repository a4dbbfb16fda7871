/* run_state.h: what the parts of a run share: run.c (the recipe), run_boot.c (bringing it up),
 * run_phases.c (its clockwork). Nobody else includes it. */
#ifndef FL_ENGINE_RUN_STATE_H
#define FL_ENGINE_RUN_STATE_H

#include "chaos/injector.h"
#include "engine/fleet.h"
#include "engine/interrupt.h"
#include "engine/live.h"
#include "engine/load_client.h"
#include "engine/run.h"
#include "engine/run_ui.h"
#include "engine/worker.h"

enum fl_run_phase { FL_BOOT, FL_WARM, FL_STORM, FL_CALM, FL_DRAIN, FL_STOP, FL_PHASES };
/** Their names in the journal, in order. */
extern const char *const fl_run_phase_names[FL_PHASES];

/** Why a run ended; the names are the journal's. */
enum fl_run_end_reason {
    FL_END_NONE,
    FL_END_COMPLETE,
    FL_END_INTERRUPTED,
    FL_END_LIMIT,
    FL_END_NOT_STARTED,
    FL_END_TROUBLE,
    FL_ENDS
};
/** Their names in the journal, in order. */
extern const char *const fl_run_end_names[FL_ENDS];

struct fl_run {
    const struct fl_run_opts *opts;
    const struct fl_scenario *scenario;
    cJSON *plan;
    uint64_t seed;
    char *folder;

    struct fl_journal *journal;
    struct fl_guardian *guardian;
    struct fl_node *node;
    uv_loop_t *loop;
    struct fl_live *live;
    struct fl_fleet *fleet;

    struct fl_worker *links_worker, *load_worker;
    struct fl_run_ui *ui; /* NULL: nobody asked for it */
    struct fl_links *links;
    int *link_ports; /* by index in the scenario; 0: not yet listening */
    size_t links_waiting;
    struct fl_load_client *load;
    struct fl_injector *injector;

    uv_timer_t phase_timer, tick_timer;
    uv_signal_t signals[FL_INTERRUPTS_MAX]; /* open until the node is freed */
    bool timers_open;
    enum fl_run_phase phase;
    fl_ns t0_ns;
    bool load_done, healed, ending;
    fl_ns interrupted_ns; /* 0: nobody told us to stop */

    enum fl_run_end_reason end;
    char *end_detail; /* words, or NULL */
};

/* run_boot.c */

/** Everything under test is ready: links, then the load worker, then fl_run_warm. cx is the run. */
void fl_run_on_all_ready(void *cx);
/** An instance came up or went down: those who connect to it are told. cx is the run. */
void fl_run_on_up(void *cx, const char *service, const char *instance, int port, bool up);

/* run_phases.c */

/** The load worker is ready: the clock starts. */
void fl_run_warm(struct fl_run *run);
/** The load worker has accounted for everything. */
void fl_run_on_load_done(void *cx);
/** Ends the run early (or, for FL_END_COMPLETE, in time): heal, drain, stop. The first reason
 * stays. detail may be NULL. */
void fl_run_end(struct fl_run *run, enum fl_run_end_reason end, const char *detail);
/** The harness itself is in trouble: a fact, and the end of the run. */
void fl_run_trouble(struct fl_run *run, const char *format, ...) FL_PRINTF(2, 3);
/** Opens the timers and signals of a run. */
void fl_run_open_handles(struct fl_run *run);
/** The loop has ended: from here on signals are noted by fl_interrupt_note. */
void fl_run_close_signals(struct fl_run *run);

#endif
