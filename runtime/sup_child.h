/* sup_child.h: the children of one supervisor, found by id and by pid in O(1), kept in start order.
 *
 * Knows: specs and states. Does not know: when to start, stop or restart. */
#ifndef FL_RUNTIME_SUP_CHILD_H
#define FL_RUNTIME_SUP_CHILD_H

#include "runtime/core.h"
#include "runtime/sup.h"

enum fl_child_state { FL_CHILD_STOPPED = 0, FL_CHILD_RUNS, FL_CHILD_RESTARTS, FL_CHILD_STOPS };

struct fl_sup_children {
    struct fl_map by_id, by_pid, by_timer;
    struct fl_list in_order; /* all, as they were added */
};

struct fl_sup_child {
    struct fl_map_node by_id, by_pid, by_timer;
    struct fl_list in_order;
    struct fl_sup_children *children;
    struct fl_child spec; /* id and name are ours */
    enum fl_child_state state;
    struct fl_pid pid, last_pid;
    uint64_t monitor, timer; /* while it stops */
    struct fl_pid stop_from;
    uint64_t stop_ref;
};

/** Adds a child that is not started; FL_ETAKEN for an id that is there, FL_ERANGE for a bad spec.
 */
int fl_sup_child_add(struct fl_sup_children *children, const struct fl_child *spec,
                     struct fl_sup_child **out);
/** Takes it out and frees it; it has no process. */
void fl_sup_child_remove(struct fl_sup_children *children, struct fl_sup_child *child);
/** By id, or NULL. */
struct fl_sup_child *fl_sup_child_find(const struct fl_sup_children *children, const char *id);
/** By pid, or NULL. */
struct fl_sup_child *fl_sup_child_of(const struct fl_sup_children *children, struct fl_pid pid);
/** It has a process now. */
void fl_sup_child_runs(struct fl_sup_child *child, struct fl_pid pid);
/** It has none any more. */
void fl_sup_child_ended(struct fl_sup_child *child);
/** The one with a process that was added last, or NULL. */
struct fl_sup_child *fl_sup_child_last_alive(struct fl_sup_children *children);
/** Frees all. */
void fl_sup_children_fini(struct fl_sup_children *children);
/** Writes a spec as the bytes of a message. */
void fl_sup_child_encode(struct fl_buf *buf, const struct fl_child *spec);
/** Reads it back; texts point into bytes. FL_EBADMSG. */
int fl_sup_child_decode(struct fl_child *out, const void *bytes, size_t len);

#endif
