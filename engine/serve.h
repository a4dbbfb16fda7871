/* serve.h: hosts reference services for a browser: supervised, on loopback, until Ctrl-C; and a
 * page that links them, shows the tree of all and crashes parts of it (services/landing). */
#ifndef FL_ENGINE_SERVE_H
#define FL_ENGINE_SERVE_H

#include "runtime/base/fl.h"

struct fl_serve_opts {
    const char *const *names; /* rows of fl_services */
    size_t count;
    int port_base;       /* the first one's port, the next ones follow; 0: free ones */
    int landing_port;    /* of the page; 0: the one after the last, or a free one */
    bool json;           /* say what happens in lines of JSON */
    const char *out_dir; /* data and logs; NULL: a temporary folder, removed at the end */
    const char *program; /* this executable, for the processes of the services */
};

/** Hosts them and prints a line for each that serves. Returns the exit code. Thread: the main one,
 * before any other is made. */
int fl_serve(const struct fl_serve_opts *opts);

#endif
