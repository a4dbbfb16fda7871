/* ready.h: asks a program that was just started whether it is ready, until it says yes.
 *
 * Knows: TCP connect, HTTP 2xx, a command that exits 0, a line in a log. Thread: the loop's. */
#ifndef FL_ENGINE_READY_H
#define FL_ENGINE_READY_H

#include <uv.h>

#include "engine/scenario.h"

struct fl_ready_spec {
    enum fl_ready_kind kind;
    int port;             /* FL_READY_TCP, FL_READY_HTTP: on 127.0.0.1 */
    const char *path;     /* FL_READY_HTTP */
    char *const *argv;    /* FL_READY_EXEC, NULL-terminated */
    const char *pattern;  /* FL_READY_LOG: POSIX extended regular expression, matched per line */
    const char *log_path; /* FL_READY_LOG */
    long log_from;        /* where in it this start's lines begin */
    fl_ns within_ns;
};

struct fl_ready;

/** Starts asking; done is called once, with why not when within_ns has passed. spec and what it
 * points at must outlive it. FL_EPARSE: the pattern is no regular expression. */
int fl_ready_start(struct fl_ready **out, uv_loop_t *loop, const struct fl_ready_spec *spec,
                   void (*done)(void *cx, bool ready, const char *why), void *cx,
                   struct fl_err *err);
/** Stops asking; done is not called. NULL is fine, also inside done. */
void fl_ready_cancel(struct fl_ready *ready);

#endif
