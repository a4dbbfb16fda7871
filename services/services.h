/* services.h: the reference services, one an OS process. Adding one is a folder and a row. */
#ifndef FL_SERVICES_SERVICES_H
#define FL_SERVICES_SERVICES_H

#include "runtime/node.h"

/** What an instance is told at its start. */
struct fl_service_opts {
    const char *service;      /* row of fl_services */
    const char *instance;     /* chat.1 */
    const char *host;         /* default 127.0.0.1 */
    int port;                 /* 0: a free one, printed */
    const char *folder;       /* its data; exists and is kept over restarts */
    const char *run_folder;   /* a run's folder for its journal segment; NULL: no journal */
    const char *figures_path; /* the run's live figures (docs/figures.md); NULL: none */
    int control_fd;           /* control seam (runtime/control.h), -1: none */
};

struct fl_service {
    const char *name;
    const char *help;
    const char *ready_path; /* HTTP path that answers 2xx once it serves */
    /** Starts its processes on a node that is about to run. */
    int (*start)(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err);
};

/** The rows, ended by one with a NULL name. */
extern const struct fl_service fl_services[];
/** The page of `faultline serve`: a service like any other, but not one for people to name. */
extern const struct fl_service fl_service_landing;
/** The service of this name (the page, too), or NULL. */
const struct fl_service *fl_service_find(const char *name);

/** The process of one instance: `faultline worker service …`. Runs until SIGTERM (drains and ends
 * with 0). Prints `listening on http://127.0.0.1:PORT` once it serves. Returns the exit code. */
int fl_service_main(const struct fl_service_opts *opts);

#endif
