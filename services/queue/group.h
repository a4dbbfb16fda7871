/* group.h: requests that will share one commit, and the pool thread's half of their work.
 *
 * Knows: the store and the requests' layout. Does not know: processes beyond the pids to answer.
 * Thread: one at a time: the shard's while it collects and answers, the pool's while it commits. */
#ifndef FL_QUEUE_GROUP_H
#define FL_QUEUE_GROUP_H

#include "services/queue/keeper.h"

/** An open store that a running commit may outlive its process with. */
struct fl_held_store;
/** Takes the store; one reference. */
struct fl_held_store *fl_held_store_new(struct fl_store *store_take);
/** One less; closes the store at zero. A `void *` so that it can be an owner's function. */
void fl_held_store_release(void *held);

/** One request of the group. */
struct fl_group_asker {
    struct fl_pid from;
    uint64_t ref;
    char *bytes; /* its copy, which the ops' views point into */
    size_t first, count;
    struct fl_buf answer; /* filled by fl_group_commit */
};

struct fl_group {
    struct fl_held_store *held;
    struct fl_store_op *ops;
    size_t ops_count, ops_cap, leases_count;
    struct fl_group_asker *askers;
    size_t askers_count, askers_cap;
    int64_t now_ms;
    struct fl_err err; /* when fl_group_commit said no */
};

/** An empty group on this store, which it retains. */
struct fl_group *fl_group_new(struct fl_held_store *held);
/** Frees it and what it holds; NULL is fine. A `void *` so that it can be an owner's function. */
void fl_group_free(void *group);
/** Adds a call. FL_EFULL: the group has enough, commit it first. FL_EBADMSG: makes no sense. */
int fl_group_add(struct fl_group *group, const struct fl_msg *call);
/** Applies the group and writes every asker's answer. Takes a struct fl_group. Returns what
 * fl_store_apply does; the answers are there in every case. */
int fl_group_commit(void *group);

#endif
