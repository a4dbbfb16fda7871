/* run.h: the main job: boot, warm, storm, calm, drain, stop, judge. */
#ifndef FL_ENGINE_RUN_H
#define FL_ENGINE_RUN_H

#include "engine/scenario.h"

struct fl_run_opts {
    const char *scenario_path;
    const struct fl_scenario *scenario;
    bool seed_given; /* by --seed; else the scenario's, else a fresh one */
    uint64_t seed;
    const char *out_dir;   /* NULL: runs */
    unsigned formats;      /* of reports/reports.h; 0: FL_FORMAT_ALL */
    bool quiet;            /* only the verdict and errors */
    bool ui;               /* the dashboard beside it (engine/run_ui.h) */
    bool load_only;        /* `faultline load`: no faults */
    const char *plan_path; /* --plan, or NULL */
    const char *program;   /* this executable, for its worker processes */
};

/** Runs a scenario to its end and writes the report. Returns the exit code (engine/exit_codes.h).
 * Thread: the main one, before any other is made. */
int fl_run(const struct fl_run_opts *opts);

#endif
