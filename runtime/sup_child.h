/* sup_child.h: the children of one supervisor, found by id and by pid in O(1), kept in start order.
 *
 * Knows: specs and states. Does not know: when to start, stop or restart. */
#ifndef FL_RUNTIME_SUP_CHILD_H
#define FL_RUNTIME_SUP_CHILD_H

#include "runtime/core.h"
#include "runtime/sup.h"
#include "runtime/sup_table.h"

struct fl_sup_later;
struct fl_sup_stop;

/* What belongs to a state of a child. */
union fl_sup_during {
    fl_ns started_ns;          /* RUNNING, with a backoff */
    uint64_t timer;            /* RESTARTING: the next try */
    struct fl_sup_stop *stop;  /* STOPPING */
    struct fl_sup_later *died; /* DIED: its end waits to be dealt with */
};

struct fl_sup_child {
    struct fl_sup_node in_order;
    uint64_t id_key;
    struct fl_pid pid; /* the last one; in by_pid unless UNDEFINED or RESTARTING */
    uint32_t id_next, pid_next;
    uint32_t number;
    uint8_t state; /* enum fl_child_state */
    uint8_t tries; /* restarts in a row, of a backoff */
    union fl_sup_during during;
    struct fl_child spec; /* id, name and copied args are ours; the defaults are filled in */
};

_Static_assert(sizeof(struct fl_sup_child) <= 160, "apart from the texts");

struct fl_sup_children {
    struct fl_sup_table table;
    struct fl_sup_index by_id, by_pid;
    uint32_t active;      /* with a process that is not known to be dead */
    uint32_t supervisors; /* of this type, running or not */
    uint32_t significant; /* significant ones that run or are being restarted */
};

/** Readies an empty set. */
void fl_sup_children_init(struct fl_sup_children *children);
/** Frees all; what belongs to states is the caller's. */
void fl_sup_children_fini(struct fl_sup_children *children);
/** Adds a child that is not started; FL_EDUPLICATE for an id that is there. The spec is valid. */
int fl_sup_child_add(struct fl_sup_children *children, const struct fl_child *spec,
                     struct fl_sup_child **out);
/** Takes it out and frees it; it is UNDEFINED. */
void fl_sup_child_remove(struct fl_sup_children *children, struct fl_sup_child *child);
/** By id, or NULL. */
struct fl_sup_child *fl_sup_child_find(const struct fl_sup_children *children, const char *id);
/** By the pid of its process, or NULL. */
struct fl_sup_child *fl_sup_child_of(const struct fl_sup_children *children, struct fl_pid pid);
/** By number, or NULL; a number that is free shows an UNDEFINED one without an id. */
struct fl_sup_child *fl_sup_child_at(const struct fl_sup_children *children, uint32_t number);
/** It has a process now. */
void fl_sup_child_runs(struct fl_sup_children *children, struct fl_sup_child *child,
                       struct fl_pid pid);
/** It goes from one state to another; not to RUNNING. */
void fl_sup_child_set(struct fl_sup_children *children, struct fl_sup_child *child,
                      enum fl_child_state state);

/* sup_spec.c */
/** 0, or the code of what is wrong with a spec. */
int fl_sup_spec_check(const struct fl_child *spec, enum fl_auto_shutdown auto_shutdown);
/** Puts the defaults in place. */
void fl_sup_spec_fill(struct fl_child *spec);
/** Copies the texts and args that the spec keeps into one block, and points it there. */
void fl_sup_spec_own(struct fl_child *spec);
/** Frees that block. */
void fl_sup_spec_disown(struct fl_child *spec);
/** 0, or the code of what is wrong with the options apart from their children. */
int fl_sup_opts_check(const struct fl_sup_opts *opts);
/** How long the message of a spec is. */
size_t fl_sup_spec_bytes(const struct fl_child *spec);
/** Writes a spec as the bytes of a message. */
void fl_sup_spec_encode(void *out, const struct fl_child *spec);
/** Reads it back; texts and args point into bytes, which are aligned. FL_EBADMSG. */
int fl_sup_spec_decode(struct fl_child *out, const void *bytes, size_t len);

#endif
