/* sup.h: supervisors (OTP: supervisor). OS processes and runtime processes are children alike.
 *
 * A supervisor starts its children in order, restarts them as its strategy says, and stops them in
 * reverse. The dynamic kind (FL_SIMPLE_ONE_FOR_ONE, FL_DYNAMIC) has any number of children, told
 * apart by pid, of one template or with a spec of their own (runtime/sup_dynamic.c); the partition
 * kind has the same child several times (runtime/partition.h). Everything that happens to one child
 * is O(1) in the number of children. Thread: as process.h; the functions with a `self` wait, so not
 * from a child's on_init. */
#ifndef FL_RUNTIME_SUP_H
#define FL_RUNTIME_SUP_H

#include "runtime/server.h"

struct fl_os_opts;

/** What a restart takes along. */
enum fl_strategy {
    FL_ONE_FOR_ONE = 0,    /* nobody else */
    FL_ONE_FOR_ALL,        /* all others: stopped in reverse, started in order */
    FL_REST_FOR_ONE,       /* those that started after it */
    FL_SIMPLE_ONE_FOR_ONE, /* children[0] is the template of all children, none is started yet */
    FL_DYNAMIC,            /* the same, and no template is fine too (Elixir: DynamicSupervisor) */
};
enum fl_restart { FL_PERMANENT = 0, FL_TRANSIENT, FL_TEMPORARY };
enum fl_child_type {
    FL_CHILD_AUTO = 0, /* a supervisor when its server is &fl_sup_server, else a worker */
    FL_CHILD_WORKER,
    FL_CHILD_SUPERVISOR,
};
/** When the end of significant children ends the supervisor (OTP: auto_shutdown). */
enum fl_auto_shutdown { FL_NEVER_BY_CHILD = 0, FL_ANY_SIGNIFICANT, FL_ALL_SIGNIFICANT };

#define FL_SHUTDOWN_DEFAULT                                                                      \
    INT64_C(0)                         /* 5 s for a worker, as long as it takes for a supervisor \
                                        */
#define FL_SHUTDOWN_BRUTAL INT64_C(-1) /* killed at once */
#define FL_SHUTDOWN_INFINITY FL_NEVER

/** Beyond OTP: a pause before a restart, twice as long each time up to max_ns, and back at min_ns
 * once the child has run for max_ns. min_ns 0: off, a child that cannot start uses up its
 * supervisor's limit at once. The pause is spread by jitter_percent up and down. */
struct fl_backoff {
    fl_ns min_ns, max_ns;
    int jitter_percent;
};

struct fl_child {
    const char *id;                 /* unique in the supervisor, copied */
    const struct fl_server *server; /* &fl_os_server for an OS process */
    const void *args;               /* not copied: lives as long as the supervisor */
    const char *name;               /* registered name or NULL, copied */
    fl_ns shutdown_ns;              /* FL_SHUTDOWN_…, or how long it may take to end */
    uint32_t args_bytes;            /* not 0: that many bytes of args are copied and kept */
    uint32_t mailbox_max;           /* 0: the node's */
    enum fl_restart restart;
    enum fl_child_type type;
    int shard; /* FL_SHARD_…, drawn anew at each start; 0: FL_SHARD_SAME, its supervisor's */
    bool significant; /* its end can end the supervisor: see auto_shutdown */
    struct fl_backoff backoff;
};

/** Where a child's own args begin behind the extra ones: aligned for anything. */
#define FL_EXTRA_ARGS_BYTES(extra_bytes) (((extra_bytes) + 15) / 16 * 16)

struct fl_sup_opts {
    enum fl_strategy strategy;
    enum fl_auto_shutdown auto_shutdown;
    int max_restarts; /* intensity: so many within the period are tolerated, 0 none */
    fl_ns within_ns;  /* period, 0: 5 s. Counted exactly; OTP counts whole seconds */
    const struct fl_child *children;
    size_t children_count;
    size_t max_children; /* of the dynamic kind, also those that are being restarted; 0: any */
    /* Of the dynamic kind: these bytes come before the args of each child, template or not. Its
     * own follow at FL_EXTRA_ARGS_BYTES(extra_bytes), those that are bytes: args that are a pointer
     * (args_bytes 0) are not passed on then. Copied. (Elixir: extra_arguments) */
    const void *extra_args;
    size_t extra_bytes;
    size_t partitions;     /* not 0: children[0] that many times, see partition.h */
    const char *name;      /* registered name or NULL */
    struct fl_pid link_to; /* its parent, or FL_NO_PID */
    /* At fl_node_stop: has ended before other trees are told to. For doors: who is inside can still
     * be served. Only where there is no supervisor above. */
    bool ends_first;
    struct fl_err *err; /* when the start fails: why, in words that name the child; or NULL */
    /** When the limit is passed: called before the supervisor ends its children and itself with
     * shutdown. May be NULL. On the supervisor's shard. */
    void (*on_limit)(void *cx, const char *child_id);
    void *limit_cx;
    /** The args of partition i in place of children[0].args. NULL: all have the same. */
    const void *(*partition_args)(void *cx, size_t i);
    void *partition_cx;
};

/** The server of supervisors, to nest them: fl_child.args is a `const struct fl_sup_opts *` that
 * lives as long as the supervisor above (its err too, or NULL). */
extern const struct fl_server fl_sup_server;

/** Starts a supervisor and its children in order; on failure stops the started ones in reverse and
 * returns the failing child's code, or what is wrong with the options (FL_EBAD… in fl.h).
 * A child whose on_init says FL_EIGNORE is kept without a process, a temporary one not at all.
 * `self` NULL: from outside a process (as fl_node_spawn). (OTP: supervisor:start_link/2) */
int fl_sup_start(struct fl_node *node, struct fl_self *self, const struct fl_sup_opts *opts,
                 struct fl_pid *out);
/** Ends a supervisor and its tree in order, and waits for it. 0 when it is gone, FL_ENOPROC,
 * FL_ETIMEOUT (it is still ending then). (OTP: supervisor:stop/3) */
int fl_sup_stop(struct fl_self *self, struct fl_pid sup, struct fl_reason reason, fl_ns timeout_ns);

/* What a child hands out when it starts, besides its pid (OTP: {ok, Pid, Info}). */
struct fl_sup_info {
    void *at;
    size_t max, len; /* room at `at`, and how much came */
};
/** In on_init of a child: these bytes go to whoever asked the supervisor to start it. FL_ESTATE
 * when nobody can get them: no supervisor on this shard waits for me. */
int fl_sup_give_info(struct fl_self *self, const void *bytes, size_t len);

/* The rest asks a supervisor and waits for its answer, as long as that takes: FL_ENOPROC when it is
 * gone, FL_EDIED when it ends meanwhile, FL_ESTATE when it is ending. FL_EWRONGKIND: by id of a
 * dynamic one, or the other way round. */

/** Adds a child and starts it (OTP: start_child/2). FL_ETAKEN: it runs, *out is its pid.
 * FL_EPRESENT: it is there and does not run. A child that does not start is not kept; its code is
 * returned. *out is FL_NO_PID for a child that said FL_EIGNORE. */
int fl_sup_start_child(struct fl_self *self, struct fl_pid sup, const struct fl_child *child,
                       struct fl_pid *out);
/** The same, with what the child hands out. */
int fl_sup_start_child_info(struct fl_self *self, struct fl_pid sup, const struct fl_child *child,
                            struct fl_pid *out, struct fl_sup_info *info);
/** Stops a child and keeps its spec, except a temporary one's; fine when it does not run (OTP:
 * terminate_child/2). FL_ENOTFOUND. */
int fl_sup_terminate_child(struct fl_self *self, struct fl_pid sup, const char *id);
/** Starts a child that is there and does not run (OTP: restart_child/2). FL_ERUNNING,
 * FL_ERESTARTING, FL_ENOTFOUND, or the child's code: then it stays without a process. out and info
 * may be NULL. */
int fl_sup_restart_child(struct fl_self *self, struct fl_pid sup, const char *id,
                         struct fl_pid *out, struct fl_sup_info *info);
/** Forgets a child that does not run (OTP: delete_child/2). FL_ERUNNING, FL_ERESTARTING,
 * FL_ENOTFOUND. */
int fl_sup_delete_child(struct fl_self *self, struct fl_pid sup, const char *id);
/** Stops a child by id and forgets it (OTP: terminate_child + delete_child). FL_ENOTFOUND. */
int fl_sup_stop_child(struct fl_self *self, struct fl_pid sup, const char *id);

/** Adds a child of the template of a dynamic supervisor (FL_ENOSERVER: it has none). Its on_init
 * gets a copy of the args that is kept for its restarts; args_bytes 0: the template's args.
 * FL_EFULL: max_children are there. FL_EIGNORE: it does not want to run, nothing is kept. (OTP:
 * start_child/2, DynamicSupervisor.start_child/2) */
int fl_dynamic_start_child(struct fl_self *self, struct fl_pid sup, const void *args,
                           size_t args_bytes, struct fl_pid *out);
/** Adds a child with a spec of its own to a dynamic supervisor, whatever its template is: server,
 * args, name, restart, shutdown, shard and so on are this one's, and kept for as long as the child
 * is. Its id may be NULL and need not be unique. Costs some 200 bytes more than one of the
 * template. Errors as fl_dynamic_start_child, and what is wrong with the spec (FL_EBAD… in fl.h).
 * (OTP: DynamicSupervisor.start_child/2) */
int fl_dynamic_start_child_spec(struct fl_self *self, struct fl_pid sup,
                                const struct fl_child *child, struct fl_pid *out);
/** Stops a child by pid and forgets it; fine when it is dead. FL_ENOTFOUND: not a child (also
 * one of another shard that ended before, and any pid of a static supervisor). (OTP:
 * terminate_child/2) */
int fl_dynamic_terminate_child(struct fl_self *self, struct fl_pid sup, struct fl_pid child);

/** Is it there, does it run? The last two are the supervisor's own: they look like running. */
enum fl_child_state {
    FL_CHILD_UNDEFINED = 0,
    FL_CHILD_RUNNING,
    FL_CHILD_RESTARTING,
    FL_CHILD_STOPPING,
    FL_CHILD_DIED,
};
struct fl_child_info {
    const char *id;    /* NULL for a dynamic one */
    const char *kind;  /* its server's name */
    struct fl_pid pid; /* FL_NO_PID unless FL_CHILD_RUNNING */
    enum fl_child_state state;
    enum fl_child_type type;
};
/** All children, the last started first; free *out with fl_self_free. Answered at any time, also
 * amid restarts. (OTP: which_children/1) */
int fl_sup_which_children(struct fl_self *self, struct fl_pid sup, struct fl_child_info **out,
                          size_t *count);
struct fl_sup_counts {
    uint64_t specs;  /* a dynamic one: its template is one, and each spec of a child's own */
    uint64_t active; /* with a process */
    uint64_t supervisors, workers; /* with a process or without */
};
/** How many, in O(1) (OTP: count_children/1). */
int fl_sup_count_children(struct fl_self *self, struct fl_pid sup, struct fl_sup_counts *out);
/** The spec of a child with the defaults filled in, or of a dynamic supervisor's template; free
 * *out with fl_self_free. FL_ENOTFOUND. (OTP: get_childspec/2) */
int fl_sup_get_childspec(struct fl_self *self, struct fl_pid sup, const char *id,
                         struct fl_child **out);

#endif
