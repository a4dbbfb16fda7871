/* group.h: requests that will share one commit, and the pool thread's half of their work.
 *
 * Knows: the store and the requests' layout. Does not know: processes beyond the pids to answer.
 * Thread: one at a time: the shard's while it collects and answers, the pool's while it commits. */
#ifndef FL_QUEUE_GROUP_H
#define FL_QUEUE_GROUP_H

#include "services/queue/keeper.h"
#include "services/queue/render.h"

/* A lease or a list may bring 256 KiB and more, so this many hold some 32 MiB. */
#define FL_GROUP_HEAVY_MAX 64

/** One request of the group. */
struct fl_group_asker {
    struct fl_pid from; /* FL_NO_PID: nobody wants the answer */
    uint64_t ref;
    char *bytes; /* its copy, which the ops' views point into */
    size_t len, first, count;
    fl_ns wait_until_ns; /* a lease that may wait, alone in its request; 0: answer at once */
    /* by fl_group_commit: the answer's rows; in `more`, with JSON behind them, unless it is just
     * one without */
    struct fl_keeper_answer one;
    struct fl_buf more;
};

struct fl_group {
    struct fl_store_op *ops;
    size_t ops_count, ops_cap, heavy_count;
    struct fl_group_asker *askers;
    size_t askers_count, askers_cap;
    int64_t now_ms;
    struct fl_figures figures; /* of the writer, for answers that show them */
    struct fl_group *next;     /* of the writer */
    /* after fl_group_commit */
    int code;
    fl_ns took_ns;
    int64_t next_ms;    /* when FL_STORE_TICK may find something to do */
    struct fl_buf news; /* what it did, for fl_notices_server */
    struct fl_err err;  /* when code is not 0 */
};

/** An empty group. */
struct fl_group *fl_group_new(void);
/** Frees it and what it holds; NULL is fine. A `void *` so that it can be an owner's function. */
void fl_group_free(void *group);
/** Adds a request, whose bytes it takes when it returns 0. FL_EFULL: the group has enough, commit
 * it first. FL_EBADMSG: makes no sense. */
int fl_group_add(struct fl_group *group, struct fl_group_asker *asker);
/** The time that the first operation of a request may wait, if it is a lease alone; else 0. */
int64_t fl_group_wait_ms(const void *bytes, size_t len);
/** What an asker is answered; valid as long as the group. */
struct fl_str fl_group_answer(const struct fl_group_asker *asker);
/** The lease of an asker that may wait, when it brought nothing; else NULL. */
const struct fl_store_op *fl_group_must_wait(const struct fl_group *group,
                                             const struct fl_group_asker *asker);
/** Applies the group and writes every asker's answer. Returns what fl_store_apply does; the answers
 * are there in every case. */
int fl_group_commit(struct fl_group *group, struct fl_store *store);

#endif
