/* worker.h: the harness's own processes (load generator, link proxy): this program again, with a
 * control channel. They are not restarted: without one of them the run cannot go on. */
#ifndef FL_ENGINE_WORKER_H
#define FL_ENGINE_WORKER_H

#include "engine/guardian.h"
#include "runtime/node.h"

struct fl_worker;

struct fl_worker_opts {
    const char *name;        /* for the log and for messages: "load" */
    const char *const *argv; /* after the program: "worker", "load", …; NULL-terminated */
    const char *program;
    const char *run_folder;
    struct fl_guardian *guardian;
    void *cx;
    void (*on_channel)(void *cx, int fd); /* it runs; fd is our end of its channel, given away */
    void (*on_exit)(void *cx, const char *how, bool clean); /* `exited with 1`; clean: with 0 */
};

/** Starts it. argv and strings are copied; free it once the node has stopped. */
int fl_worker_start(struct fl_worker **out, struct fl_node *node, const struct fl_worker_opts *opts,
                    struct fl_err *err);
/** Frees. NULL is fine. */
void fl_worker_free(struct fl_worker *worker);

#endif
