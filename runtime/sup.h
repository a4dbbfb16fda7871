/* sup.h: supervisors (OTP: supervisor). OS processes and runtime processes are children alike.
 *
 * one_for_one in this version; the rest of OTP's strategies have their names here already.
 * Everything a supervisor does is O(1) in its children. */
#ifndef FL_RUNTIME_SUP_H
#define FL_RUNTIME_SUP_H

#include "runtime/server.h"

struct fl_os_opts;

enum fl_strategy { FL_ONE_FOR_ONE = 0, FL_ONE_FOR_ALL, FL_REST_FOR_ONE };
enum fl_restart { FL_PERMANENT = 0, FL_TRANSIENT, FL_TEMPORARY };

#define FL_SHUTDOWN_BRUTAL INT64_C(0)
#define FL_SHUTDOWN_INFINITY FL_NEVER

struct fl_child {
    const char *id;                 /* unique in the supervisor, copied */
    const struct fl_server *server; /* &fl_os_server for an OS process */
    const void *args;               /* not copied: lives as long as the supervisor */
    const char *name;               /* registered name or NULL, copied */
    enum fl_restart restart;
    fl_ns shutdown_ns; /* FL_SHUTDOWN_BRUTAL, a wait, or FL_SHUTDOWN_INFINITY */
};

struct fl_sup_opts {
    enum fl_strategy strategy; /* FL_ONE_FOR_ONE, else fl_sup_start says FL_ERANGE */
    int max_restarts;          /* intensity */
    fl_ns within_ns;           /* period */
    const struct fl_child *children;
    size_t children_count;
    const char *name;      /* registered name or NULL */
    struct fl_pid link_to; /* its parent, or FL_NO_PID */
    /** When the limit is passed: called before the supervisor ends its children and itself with
     * shutdown. May be NULL. On the supervisor's shard. */
    void (*on_limit)(void *cx, const char *child_id);
    void *limit_cx;
};

/** The server of supervisors, to nest them: fl_child.args is a `const struct fl_sup_opts *`. */
extern const struct fl_server fl_sup_server;

/** Starts a supervisor and its children in order; on failure stops the started ones in reverse and
 * returns the failing child's code. `self` NULL: from outside a process (as fl_node_spawn). */
int fl_sup_start(struct fl_node *node, struct fl_self *self, const struct fl_sup_opts *opts,
                 struct fl_pid *out);
/** Adds and starts a child while the supervisor runs (OTP: start_child). From a process: waits. */
int fl_sup_start_child(struct fl_self *self, struct fl_pid sup, const struct fl_child *child,
                       struct fl_pid *out);
/** Stops a child by id (OTP: terminate_child + delete_child). */
int fl_sup_stop_child(struct fl_self *self, struct fl_pid sup, const char *id);

#endif
