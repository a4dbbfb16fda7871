/* sup_core.h: what the files of the supervisor share and nobody else sees.
 *
 * A supervisor never waits for a child to end: it asks, watches, and goes on when it is told.
 * What may not happen meanwhile (a request for a tree that is half restarted, the death of one more
 * child) is kept for later, in the order it came. Only the start of a child is waited for. */
#ifndef FL_RUNTIME_SUP_CORE_H
#define FL_RUNTIME_SUP_CORE_H

#include "runtime/core.h"
#include "runtime/sup.h"
#include "runtime/sup_child.h"

/* The ends of its children must not keep out those who ask: each of them waits for its answer, so
 * there are never too many. */
#define FL_SUP_MAILBOX_MAX UINT32_MAX

/* Calls of a supervisor. */
enum fl_sup_tag {
    FL_SUP_START_CHILD = 1, /* an encoded spec */
    FL_SUP_TERMINATE_CHILD, /* an id, as the next three */
    FL_SUP_RESTART_CHILD,
    FL_SUP_DELETE_CHILD,
    FL_SUP_STOP_CHILD,
    FL_SUP_START_DYNAMIC,     /* args */
    FL_SUP_TERMINATE_DYNAMIC, /* a pid */
    FL_SUP_WHICH,             /* a size_t: how much fits, as the one after next */
    FL_SUP_COUNT,
    FL_SUP_GET_SPEC,           /* a size_t and an id */
    FL_SUP_STOP,               /* a reason; never answered, the end is the answer */
    FL_SUP_START_DYNAMIC_SPEC, /* an encoded spec */
};

/* The answer to those that start a child; info follows. */
struct fl_sup_answer {
    struct fl_pid pid;
    int32_t code;
    uint32_t info_len;
};

enum fl_sup_phase {
    FL_SUP_SETTLED = 0,
    FL_SUP_RENEWS, /* stops the children from `from` on, last first, then starts them again */
    FL_SUP_ENDS,   /* stops all, then itself */
};

/* The times of the restarts that count, oldest first. */
struct fl_sup_restarts {
    fl_ns *at_ns;
    uint32_t cap, head, count; /* cap is 0 or a power of two */
};

enum fl_sup_later_kind { FL_LATER_REQUEST, FL_LATER_EXIT, FL_LATER_TRY };
struct fl_sup_later {
    struct fl_list in_later;
    enum fl_sup_later_kind kind;
    uint32_t number;         /* TRY: of the child */
    struct fl_pid who;       /* REQUEST: from; EXIT: which child */
    uint64_t ref;            /* REQUEST, TRY */
    struct fl_reason reason; /* EXIT */
    uint32_t tag, len;       /* REQUEST */
    _Alignas(16) unsigned char bytes[];
};

/* A child that was asked to end. */
struct fl_sup_stop {
    uint64_t monitor, timer; /* OTP: not the link, so that one which unlinked cannot hang us */
    struct fl_pid from;      /* who is told, or FL_NO_PID */
    uint64_t ref;
    bool is_forgotten;      /* afterwards */
    struct fl_list waiting; /* requests about this child */
};

struct fl_sup_dynamic;

struct fl_sup {
    struct fl_sup_opts opts;
    struct fl_sup_children children;
    struct fl_sup_dynamic *dynamic; /* of that kind, else NULL */
    struct fl_sup_restarts restarts;
    struct fl_list later;
    enum fl_sup_phase phase;
    uint32_t at, from; /* not SETTLED: the child whose turn it is, and the last whose turn comes */
    int next_shard;    /* of FL_SHARD_SPREAD */
    struct fl_reason end_reason;
    struct fl_rng rng; /* of backoffs */
    void *info;        /* that the child which starts has handed out */
    size_t info_len;
};

/* sup_init.c */
/** Starts the tree: fl_server.on_init of a supervisor. */
int fl_sup_on_init(struct fl_self *self, void *state, const void *args);

/* sup_restart.c */
/** Is one more restart within the limit? Counts it if so. */
bool fl_sup_may_restart(struct fl_sup *sup, fl_ns now_ns);
/** The limit is passed: says so and ends the supervisor. */
void fl_sup_give_up(struct fl_self *self, struct fl_sup *sup, const struct fl_child *spec,
                    struct fl_pid pid, const struct fl_reason *reason);
/** Tells the node what happened to a child. */
void fl_sup_note(struct fl_self *self, struct fl_sup *sup, const struct fl_child *spec,
                 struct fl_pid pid, enum fl_note_kind kind, const struct fl_reason *reason,
                 unsigned count);
/** How long to wait before the next restart of a child that was restarted `tries` times. */
fl_ns fl_sup_pause(struct fl_sup *sup, const struct fl_backoff *backoff, uint8_t tries);
/** Is a child of this type restarted after that? */
bool fl_sup_is_restarted(enum fl_restart restart, const struct fl_reason *reason);
/** Starts the process of a child. */
int fl_sup_spawn(struct fl_self *self, struct fl_sup *sup, const struct fl_child *spec,
                 const void *args, struct fl_pid *out);
/** Starts a child of the table; 0 also for one that wants to be ignored: it stays UNDEFINED. */
int fl_sup_child_start(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child);
/** A child ended by itself and the tree is settled: restarts what is to be restarted. */
void fl_sup_child_died(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                       const struct fl_reason *reason);
/** The time of a child that is RESTARTING has come. */
void fl_sup_child_try(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child);
/** Starts the children from sup->from on: all that were to stop have. */
void fl_sup_renew(struct fl_self *self, struct fl_sup *sup);
/** A significant child ended: ends the supervisor if that is what it means. */
void fl_sup_auto_shutdown(struct fl_self *self, struct fl_sup *sup, uint32_t others);

/* sup_stop.c */
/** Asks a process to end, as the spec says. */
struct fl_sup_stop *fl_sup_stop_new(struct fl_self *self, const struct fl_child *spec,
                                    struct fl_pid pid, uint32_t number);
/** It has ended: answers and frees; requests that waited come next. */
void fl_sup_stop_free(struct fl_self *self, struct fl_sup *sup, struct fl_sup_stop *stop);
/** Frees it without an answer: the supervisor is gone. */
void fl_sup_stop_drop(struct fl_sup_stop *stop);
/** Is that a way to end for one that was stopped? (OTP: else it is a shutdown_error) */
bool fl_sup_stop_is_good(const struct fl_child *spec, const struct fl_reason *reason);
/** Asks a RUNNING child to end. */
void fl_sup_child_stop(struct fl_self *self, struct fl_sup_children *children,
                       struct fl_sup_child *child);
/** A STOPPING child has ended. */
void fl_sup_child_stopped(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                          const struct fl_reason *reason);
/** A child that DIED or is RESTARTING is UNDEFINED from now on. */
void fl_sup_child_clear(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child);
/** Goes on stopping until a child takes its time, or all are through. */
void fl_sup_sweep(struct fl_self *self, struct fl_sup *sup);
/** Ends the tree and then the supervisor, with this reason. */
void fl_sup_end(struct fl_self *self, struct fl_sup *sup, const struct fl_reason *reason);

/* sup_request.c */
/** Acts on a call, now or later. */
void fl_sup_request(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg);
/** Answers one that starts a child, with what the child handed out. */
void fl_sup_answer(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg, int code,
                   struct fl_pid pid);
/** Keeps a request; it goes into `list`. */
void fl_sup_keep(struct fl_list *list, const struct fl_msg *msg);
/** Something for later, at the end of the queue. */
struct fl_sup_later *fl_sup_later_add(struct fl_sup *sup, enum fl_sup_later_kind kind);
/** Takes it out and frees it. */
void fl_sup_later_free(struct fl_sup_later *later);
/** Does what was kept, as long as the tree is settled. */
void fl_sup_settle(struct fl_self *self, struct fl_sup *sup);
/** Turns kept requests away: the supervisor ends. */
void fl_sup_turn_away(struct fl_self *self, struct fl_list *list);
/** Calls fn for each child, the last started first, but not for more than so many. Info is valid
 * during the call. */
void fl_sup_each(const struct fl_sup *sup, size_t most,
                 void (*fn)(void *cx, const struct fl_child_info *info), void *cx);
/** How many. */
struct fl_sup_counts fl_sup_counts(const struct fl_sup *sup);

/* sup_dynamic.c: the dynamic kind */
/** Takes over the template; NULL: there is none. */
void fl_sup_dynamic_init(struct fl_sup *sup, const struct fl_child *spec);
/** Frees everything. */
void fl_sup_dynamic_fini(struct fl_sup *sup);
/** The template. */
const struct fl_child *fl_sup_dynamic_template(const struct fl_sup *sup);
/** FL_SUP_START_DYNAMIC */
void fl_sup_dynamic_start(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg);
/** FL_SUP_START_DYNAMIC_SPEC */
void fl_sup_dynamic_start_spec(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg);
/** FL_SUP_TERMINATE_DYNAMIC */
void fl_sup_dynamic_terminate(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg);
/** A process ended. */
void fl_sup_dynamic_exit(struct fl_self *self, struct fl_sup *sup, struct fl_pid who,
                         const struct fl_reason *reason);
/** A watched process ended. */
void fl_sup_dynamic_down(struct fl_self *self, struct fl_sup *sup, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason);
/** A timer rang. */
void fl_sup_dynamic_timer(struct fl_self *self, struct fl_sup *sup, uint64_t ref, uint32_t number);
/** Tells all to end, and the supervisor with the last of them. */
void fl_sup_dynamic_end(struct fl_self *self, struct fl_sup *sup);
/** As fl_sup_each. */
void fl_sup_dynamic_each(const struct fl_sup *sup, size_t most,
                         void (*fn)(void *cx, const struct fl_child_info *info), void *cx);
/** As fl_sup_counts. */
struct fl_sup_counts fl_sup_dynamic_counts(const struct fl_sup *sup);

#endif
