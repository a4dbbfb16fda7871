/* pool.h: workers of this process that take a queue's jobs and run a handler on each.
 *
 * A pool is a process, its workers are supervised processes of their own. The pool leases for them,
 * keeps the leases alive while they work, and says what became of each job. A worker that crashes
 * or is killed is noticed at once: its job comes again (or is dead after its last attempt) and its
 * supervisor starts another. When the pool itself is killed its jobs come again once their leases
 * run out. The process named `pools` starts a pool for each queue whose settings name a handler.
 * Knows: the keeper. Does not know: HTTP, SQL. */
#ifndef FL_QUEUE_POOL_H
#define FL_QUEUE_POOL_H

#include "runtime/server.h"
#include "services/queue/store.h"

/** A job as a handler sees it; valid until the handler returns. */
struct fl_pool_job {
    int64_t id;
    int attempt; /* 1 the first time */
    struct fl_str queue, payload;
};

/** What a pool can be told to do with jobs. */
struct fl_pool_handler {
    const char *name;
    const char *help;
    /** 0: done, and `out` is the result as JSON text (empty: none). Else the job failed, `out` says
     * why in words, and it comes again after its back-off. Runs in a worker's process: it may wait,
     * and end it; memory that has to survive a kill hangs off the process. */
    int (*run)(struct fl_self *self, const struct fl_pool_job *job, struct fl_buf *out);
};
/** The ones that a queue's settings can name, ended by one with a NULL name. */
extern const struct fl_pool_handler fl_pool_handlers[];
/** The handler of this name, or NULL. */
const struct fl_pool_handler *fl_pool_handler_find(struct fl_str name);

/** Args of a pool (copied: fl_child.args_bytes). */
struct fl_pool_args {
    char queue[FL_STORE_QUEUE_MAX + 1];
    const struct fl_pool_handler *handler;
    int workers; /* 1 to FL_POOL_WORKERS_MAX */
};
#define FL_POOL_WORKERS_MAX 64
/** One pool: args are struct fl_pool_args. */
extern const struct fl_server fl_pool_server;

#define FL_POOLS_NAME "pools"
/** Keeps a pool for each queue that wants one, named `pool/<queue>`. No args. */
extern const struct fl_server fl_pools_server;

#endif
