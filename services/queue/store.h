/* store.h: jobs that survive a crash: SQLite (WAL, synchronous=FULL), one commit for a group.
 *
 * Knows: SQLite, one folder. Does not know: the runtime, HTTP, what time it is: now_ms is an
 * argument, and it is wall time, because deadlines outlive the machine's uptime. The store never
 * lets it go back: a now_ms before the last one that was committed counts as that one.
 * Thread: one at a time, any. A second store on the same file is safe, only slower. */
#ifndef FL_QUEUE_STORE_H
#define FL_QUEUE_STORE_H

#include <errno.h>

#include "services/queue/settings.h"

#define FL_STORE_QUEUE_MAX 64           /* bytes of a queue's name: letters, digits, . _ - */
#define FL_STORE_QUEUES_MAX 1000        /* queues in one store */
#define FL_STORE_REPEATS_MAX 1000       /* repeats in one store */
#define FL_STORE_KEY_MAX 256            /* bytes of a key or a unique key, at least 1 */
#define FL_STORE_PAYLOAD_MAX 65536      /* bytes of a payload, and of a result */
#define FL_STORE_ERROR_MAX 1024         /* bytes kept of a job's last error */
#define FL_STORE_WORKER_MAX 64          /* bytes of a worker's name */
#define FL_STORE_GROUP_MAX 1024         /* operations in one commit */
#define FL_STORE_LEASE_MAX 1024         /* jobs in one lease … */
#define FL_STORE_LEASE_BYTES_MAX 262144 /* … and their bytes as JSON; one job always fits */
#define FL_STORE_JOB_BYTES 512          /* of a job as JSON, beside its texts */
#define FL_STORE_PAGE_MAX 200           /* jobs in one page of a list */
#define FL_STORE_STEPS_MAX 1024         /* jobs that one requeue-all or purge touches */
#define FL_STORE_VISIBILITY_MS_MAX INT64_C(86400000)
#define FL_STORE_DELAY_MS_MAX INT64_C(31536000000) /* a year */
#define FL_STORE_PRIORITY_MAX 1000                 /* and as far below 0 */

/** The disk is full: the group did not happen. A libuv-style code, told from FL_EFULL. */
#define FL_STORE_EDISK (-ENOSPC)

struct fl_store_opts {
    const char *path;  /* the database file; made when it is not there */
    int64_t jobs_max;  /* jobs kept that are not done, all queues; 0: 1,000,000; above: FL_EFULL */
    int64_t done_max;  /* keep_done of queues that do not say; 0: 500,000 */
    int attempts_max;  /* max_attempts of queues that do not say; 0: 25 */
    int64_t pages_max; /* 4 KiB pages the file may have; 0: no limit but the disk */
    bool unchecked;    /* the caller knows that the file is sound: do not read all of it */
    uint64_t seed;     /* of lease tokens and of jitter; 0: fresh */
};

enum fl_store_op_kind {
    FL_STORE_ENQUEUE = 1, /* queue, key, unique, payload, delay_ms, run_at_ms … → id, existed */
    FL_STORE_LEASE,       /* queue, max, visibility_ms, worker → jobs */
    FL_STORE_ACK,         /* id, lease, payload: the result */
    FL_STORE_FAIL,        /* id, lease, retry_ms, payload: the error's words → dead, until_ms */
    FL_STORE_HEARTBEAT,   /* id, lease, visibility_ms → until_ms */
    FL_STORE_RELEASE,     /* id, lease, delay_ms: as if it had not been leased */
    FL_STORE_STATS,       /* queue → queues[0] */
    FL_STORE_GET,         /* id → jobs[0] */
    FL_STORE_LIST,        /* queue, state, max, after → jobs, next */
    FL_STORE_REQUEUE,     /* id of a dead or scheduled job: ready now, attempts from the start */
    FL_STORE_REQUEUE_ALL, /* queue → count; all dead ones, a bounded step; is_more */
    FL_STORE_DELETE,      /* id of a job that is not leased */
    FL_STORE_PURGE,       /* queue, state → count; all of a state, a bounded step; is_more */
    FL_STORE_QUEUE_SET,   /* queue, change → queues[0] */
    FL_STORE_QUEUES,      /* → queues */
    FL_STORE_QUEUE_DELETE,  /* queue: must be empty */
    FL_STORE_REPEAT_SET,    /* queue, key: its name, unique: its cron text, payload, priority, max:
                             * misfire → repeats[0] */
    FL_STORE_REPEAT_DELETE, /* queue, key */
    FL_STORE_REPEATS,       /* queue, or empty for all → repeats */
    FL_STORE_TICK,          /* brings up to date: leases that ran out, jobs that are due, repeats */
    FL_STORE_KINDS,
};

enum fl_job_state {
    FL_JOB_SCHEDULED = 0, /* waits for its time */
    FL_JOB_READY,
    FL_JOB_LEASED,
    FL_JOB_DONE,
    FL_JOB_DEAD,
    FL_JOB_STATES,
};

/** A job; the views live until fl_store_op_fini. at NULL: it has none. */
struct fl_store_job {
    int64_t id;
    uint64_t lease; /* proof of a lease, never 0; only in the answer to FL_STORE_LEASE */
    enum fl_job_state state;
    int priority;
    int attempt; /* leases so far; 1 in the first one */
    int attempts_max;
    int64_t created_ms;
    int64_t
        at_ms; /* scheduled: its time; leased: until when; done and dead: since when; ready: 0 */
    struct fl_str queue, key, unique, worker, error, result, payload;
    char *bytes; /* what the views point into; owned */
};

/** What is counted since a queue was made. */
enum fl_queue_total {
    FL_TOTAL_ENQUEUED = 0,
    FL_TOTAL_LEASED, /* leases given */
    FL_TOTAL_DONE,
    FL_TOTAL_FAILED, /* and tried again */
    FL_TOTAL_DEAD,
    FL_TOTAL_EXPIRED, /* leases that ran out */
    FL_TOTALS,
};

/** A queue as it stands. */
struct fl_queue_info {
    char name[FL_STORE_QUEUE_MAX + 1];
    struct fl_queue_config config;
    int64_t jobs[FL_JOB_STATES];
    int64_t totals[FL_TOTALS];
};
/** A queue that a group changed, and by how much. */
struct fl_queue_news {
    struct fl_queue_info info;
    int64_t added[FL_TOTALS];
    int64_t leasable; /* jobs that a lease would bring, as far as is known without looking */
    int64_t again_ms; /* none: when there may be some; INT64_MAX: when only a change can help */
};

enum fl_misfire { FL_MISFIRE_ONCE = 0, FL_MISFIRE_SKIP };
/** A repeat as it stands. */
struct fl_repeat_info {
    char queue[FL_STORE_QUEUE_MAX + 1];
    int64_t next_ms, last_ms, fired; /* last_ms 0: never */
    int priority;
    enum fl_misfire misfire;
    struct fl_str name, cron, payload;
    char *bytes;
};

/** One operation of a group and its answer. Zero it, then set what the kind asks for. A queue of
 * length 0 is "default". */
struct fl_store_op {
    enum fl_store_op_kind kind;
    /* borrowed during fl_store_apply; payload is opaque bytes; at NULL: none */
    struct fl_str queue, key, unique, worker, payload;
    int64_t delay_ms;
    int64_t run_at_ms; /* 0: by delay_ms; wall time, the past is now */
    int64_t priority;
    int64_t attempts_max;       /* 0: the queue's */
    int64_t backoff_ms, cap_ms; /* of this job's retries; below 0: the queue's */
    bool has_backoff;           /* false: both are the queue's */
    int max;
    int64_t visibility_ms; /* 0: the queue's */
    /* not the store's business: how long a lease's caller waits, how the answer is to look */
    int64_t wait_ms;
    int form;
    int64_t id;
    uint64_t lease;
    int64_t retry_ms; /* below 0: by the back-off */
    enum fl_job_state state;
    int64_t after_rank, after_id; /* of a list: behind this one; after_id 0: from the start */
    struct fl_queue_change change;

    /** 0, or FL_EFULL (too many jobs), FL_STORE_EDISK (the disk is full), FL_ERANGE (a value
     * outside its limits), FL_ENOTFOUND (no such job, queue or repeat), FL_EREFUSED (the lease was
     * lost, or this cannot be done to a job or queue in its state), FL_ETAKEN (another job holds
     * the unique key), FL_ESTATE (the storage failed: it did not happen), FL_EIO (the storage
     * failed: after a crash it may turn out to have happened). */
    int code;
    bool existed; /* this key was enqueued before, or its unique key is held: id is that one */
    bool dead;    /* that was its last attempt */
    bool is_more; /* a bounded step, and there is more to do */
    int64_t until_ms, count;
    int64_t again_ms; /* of a lease that brought nothing: as in struct fl_queue_news */
    struct fl_store_job *jobs;
    size_t jobs_count;
    int64_t next_rank, next_id; /* of a list: where the next page begins; next_id 0: at the end */
    struct fl_queue_info *queues;
    struct fl_repeat_info *repeats;
    size_t queues_count, repeats_count;
};

/** What a group did to a job, for whoever wants to know. */
struct fl_store_event {
    int64_t id;
    enum fl_job_state state; /* done, dead; scheduled or ready: failed, comes again */
    char queue[FL_STORE_QUEUE_MAX + 1];
};

struct fl_store;

/** Opens or makes the database; one of an older version is brought to this one, in one transaction.
 * FL_EIO: it cannot be opened, is damaged, is not a queue, or of a newer version. */
int fl_store_open(struct fl_store **out, const struct fl_store_opts *opts, struct fl_err *err);
/** Closes; NULL is fine. */
void fl_store_close(struct fl_store *store);

/** Applies a group in order, in one transaction, which is on the disk when this returns 0; each
 * op's code says how it went. Otherwise the group was rolled back, every op's code is what it
 * returns: FL_STORE_EDISK (try again later), FL_ESTATE or FL_EIO (anything else: open the store
 * again), or FL_ERANGE (more than FL_STORE_GROUP_MAX; the ops have FL_ESTATE). */
int fl_store_apply(struct fl_store *store, struct fl_store_op *ops, size_t count, int64_t now_ms,
                   struct fl_err *err);
/** Frees the answer that an op holds; the op can be used again. */
void fl_store_op_fini(struct fl_store_op *op);

/** What time it is, going by what was committed: now_ms, or later when the clock was set back. */
int64_t fl_store_now(const struct fl_store *store, int64_t now_ms);
/** The earliest time at which FL_STORE_TICK may find something to do; INT64_MAX: never. */
int64_t fl_store_next_ms(const struct fl_store *store);
/** The finished and failed jobs of the last fl_store_apply that went well, at most some thousands;
 * valid until the next one. */
const struct fl_store_event *fl_store_events(const struct fl_store *store, size_t *count);
/** The queues that the last fl_store_apply changed, as they stand; appended to out as an array of
 * struct fl_queue_news. Returns how many. */
size_t fl_store_changed(const struct fl_store *store, struct fl_buf *out);

/** Is this a queue's name? */
bool fl_store_queue_ok(struct fl_str name);
/** The word for a total: `enqueued leased done failed dead expired`. */
const char *fl_queue_total_name(enum fl_queue_total total);
/** The word for a state: `scheduled ready leased done dead`. */
const char *fl_job_state_name(enum fl_job_state state);
/** The state of a word; false: none. */
bool fl_job_state_of(struct fl_str word, enum fl_job_state *out);

#endif
