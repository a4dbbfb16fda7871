/* filter.h: filters on the messages of a process, where they enter its mailbox. Internal: control.h
 * has the words for it.
 *
 * A filter belongs to two sides: the node knows it by its id, counts and whether it is over (under
 * a lock, any thread); its process knows what it holds back (its shard's thread). It is freed once
 * both let go. */
#ifndef FL_RUNTIME_FILTER_H
#define FL_RUNTIME_FILTER_H

#include "runtime/control.h"
#include "runtime/core.h"

struct fl_held {
    struct fl_held *before, *after;
    struct fl_sig *sig;
    fl_ns due_ns;
};

struct fl_filter {
    /* fixed */
    struct fl_node *node;
    uint64_t id;
    struct fl_filter_opts opts;
    struct fl_pid to, from;
    char *from_name; /* looked up for each message: who has it may be restarted */
    /* under node->filters_lock */
    struct fl_filter *of_node;
    struct fl_filter_counts counts;
    bool is_over, is_let_go;
    /* of the shard of its process */
    struct fl_self *self;
    struct fl_filter *next;
    struct fl_rng rng;
    struct fl_held *oldest, *newest; /* by due_ns, then as they came */
    struct fl_timer timer;
};

/* filter_run.c: on the shard of its process */
/** A message is about to enter the mailbox of a process that is FL_PROC_FILTERED: true when it was
 * taken: dropped, held, or put there already. Everything but casts and calls is left alone. */
bool fl_filter_take(struct fl_self *self, struct fl_sig *sig);
/** The same for an answer that arrived, before it ends a wait. What the runtime itself answers (no
 * such process, it died, full) is left alone. */
bool fl_filter_take_reply(struct fl_self *self, struct fl_sig *sig);
/** Gives it to its process. */
void fl_filter_attach(struct fl_filter *filter, struct fl_self *self);
/** Takes it away again: what it holds goes on, in order. */
void fl_filter_detach(struct fl_filter *filter);
/** All of a dying process; what they hold is dropped. */
void fl_filter_drop_all(struct fl_self *self);

/* filter.c: the node's side */
/** Was it ended by fl_control_unfilter? */
bool fl_filter_is_over(struct fl_filter *filter);
/** The shard's side is done with it; it may be gone after. */
void fl_filter_let_go(struct fl_filter *filter);
/** Frees what is left of a node without processes. */
void fl_filters_fini(struct fl_node *node);

#endif
