/* run_ui.h: `faultline run --ui`: the dashboard beside the scenario: a process of the harness, fed
 * with the run's figures, that ends with the run. Without it the run goes on.
 *
 * Thread: the loop's. */
#ifndef FL_ENGINE_RUN_UI_H
#define FL_ENGINE_RUN_UI_H

#include "engine/guardian.h"
#include "runtime/node.h"

struct fl_run_ui;

struct fl_run_ui_opts {
    const char *run_folder;
    const char *program; /* this executable */
    struct fl_guardian *guardian;
    bool may_open; /* a browser, if there is a display */
    void (*say)(void *cx, const char *words);
    void *cx;
};

/** Starts it; says where it is once it serves, and opens a browser there. */
int fl_run_ui_start(struct fl_run_ui **out, struct fl_node *node, const struct fl_run_ui_opts *opts,
                    struct fl_err *err);
/** The node is about to stop. NULL is fine. */
void fl_run_ui_stopping(struct fl_run_ui *ui);
/** Frees, once the node has stopped. NULL is fine. */
void fl_run_ui_free(struct fl_run_ui *ui);

#endif
