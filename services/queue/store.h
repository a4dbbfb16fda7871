/* store.h: jobs that survive a crash: SQLite (WAL, synchronous=FULL), one commit for a group.
 *
 * Knows: SQLite, one folder. Does not know: the runtime, HTTP, what time it is: now_ms is an
 * argument, and it is wall time, because deadlines outlive the machine's uptime.
 * Thread: one at a time, any. A second store on the same file is safe, only slower. */
#ifndef FL_QUEUE_STORE_H
#define FL_QUEUE_STORE_H

#include "runtime/base/str.h"

#define FL_STORE_KEY_MAX 256            /* bytes of a key, at least 1 */
#define FL_STORE_PAYLOAD_MAX 65536      /* bytes of a payload */
#define FL_STORE_GROUP_MAX 1024         /* operations in one commit */
#define FL_STORE_LEASE_MAX 1024         /* jobs in one lease … */
#define FL_STORE_LEASE_BYTES_MAX 262144 /* … and their bytes as JSON; one job always fits */
#define FL_STORE_JOB_BYTES 128          /* of a job as JSON, beside key and payload */
#define FL_STORE_VISIBILITY_MS_MAX INT64_C(86400000)

struct fl_store_opts {
    const char *path;  /* the database file; made when it is not there */
    int64_t jobs_max;  /* jobs kept that are not done; 0: 1,000,000; above: FL_EFULL */
    int64_t done_max;  /* done jobs whose keys are remembered; 0: 500,000; the oldest go */
    int attempts_max;  /* leases before a job is dead; 0: 25 */
    int64_t retry_ms;  /* first wait after a fail, doubled each time up to a minute; 0: 500 */
    int64_t pages_max; /* 4 KiB pages the file may have; 0: no limit but the disk */
    bool unchecked;    /* the caller knows that the file is sound: do not read all of it */
    uint64_t seed;     /* of lease tokens; 0: fresh */
};

enum fl_store_op_kind {
    FL_STORE_ENQUEUE = 1, /* key, payload, delay_ms → id, existed */
    FL_STORE_LEASE,       /* max, visibility_ms → jobs */
    FL_STORE_ACK,         /* id, lease */
    FL_STORE_FAIL,        /* id, lease, retry_ms → dead */
    FL_STORE_STATS,       /* → stats */
};

/** A job as a consumer gets it; the views live until fl_store_op_fini. */
struct fl_store_job {
    int64_t id;
    uint64_t lease; /* proof of this lease; never 0 */
    int attempt;    /* 1 for the first lease */
    struct fl_str key, payload;
    char *bytes; /* what the views point into; owned */
};

struct fl_store_stats {
    int64_t ready;   /* would be leased now */
    int64_t leased;  /* somebody works on it */
    int64_t delayed; /* waits for its time */
    int64_t done, dead;
};

/** One operation of a group and its answer. Zero it, then set what the kind asks for. */
struct fl_store_op {
    enum fl_store_op_kind kind;
    struct fl_str key, payload; /* borrowed during fl_store_apply; payload is opaque bytes */
    int64_t delay_ms;
    int max;
    int64_t visibility_ms;
    int64_t id;
    uint64_t lease;
    int64_t retry_ms; /* below 0: the store's own back-off */

    /** 0, or FL_EFULL (too many jobs, or the disk is full: it did not happen), FL_ERANGE (a value
     * outside its limits), FL_ENOTFOUND (no such id ever), FL_EREFUSED (the lease was lost, or the
     * job is done), FL_EIO (the storage failed: after a crash it may turn out to have happened). */
    int code;
    bool existed; /* this key was enqueued before */
    bool dead;    /* that was its last attempt */
    struct fl_store_job *jobs;
    size_t jobs_count;
    struct fl_store_stats stats;
};

struct fl_store;

/** Opens or makes the database. FL_EIO: it cannot be opened, is damaged, or is not a queue. */
int fl_store_open(struct fl_store **out, const struct fl_store_opts *opts, struct fl_err *err);
/** Closes; NULL is fine. */
void fl_store_close(struct fl_store *store);

/** Applies a group in order, in one transaction, which is on the disk when this returns 0; each
 * op's code says how it went. Otherwise the group was rolled back, every op's code is what it
 * returns: FL_EFULL (the disk is full: try again later), FL_EIO (anything else: open the store
 * again), or FL_ERANGE (more than FL_STORE_GROUP_MAX; the ops have FL_EIO). */
int fl_store_apply(struct fl_store *store, struct fl_store_op *ops, size_t count, int64_t now_ms,
                   struct fl_err *err);
/** Frees the answer that an op holds; the op can be used again. */
void fl_store_op_fini(struct fl_store_op *op);

#endif
