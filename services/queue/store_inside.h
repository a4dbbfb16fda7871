/* store_inside.h: what the store_*.c files share; nobody else's business.
 *
 * One index, jobs_order(queue, state, rank, id), serves everything: rank is a job's place among
 * those of its state: ready -> below 0 the more urgent, scheduled -> when it is due, leased -> when
 * the lease runs out, done and dead -> since when. So a lease, an expiry and a page of a list all
 * cost O(log n), whatever else there is. */
#ifndef FL_QUEUE_STORE_INSIDE_H
#define FL_QUEUE_STORE_INSIDE_H

#include "runtime/base/rng.h"
#include "services/disk/disk.h"
#include "services/disk/statement.h"
#include "services/queue/store.h"

#define STORE_BUCKETS 1024 /* of queue names */
#define STORE_EVENTS_MAX 8192

enum store_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_VERSION,
    SQL_META_READ,
    SQL_META_WRITE,
    SQL_QUEUES_READ,
    SQL_QUEUE_INSERT,
    SQL_QUEUE_WRITE,
    SQL_QUEUE_DELETE,
    SQL_FIND_KEY,
    SQL_FIND_UNIQUE,
    SQL_INSERT,
    SQL_READY,
    SQL_DUE,
    SQL_NEXT_DUE,
    SQL_LEASE,
    SQL_FIND_LEASED,
    SQL_FIND,
    SQL_DONE,
    SQL_MOVE,
    SQL_EXTEND,
    SQL_FAILED,
    SQL_REQUEUE,
    SQL_GET,
    SQL_LIST_UP,
    SQL_LIST_DOWN,
    SQL_OLDEST,
    SQL_DELETE,
    SQL_REPEAT_FIND,
    SQL_REPEAT_SET,
    SQL_REPEAT_DELETE,
    SQL_REPEATS,
    SQL_REPEATS_DUE,
    SQL_REPEATS_NEXT,
    SQL_REPEATS_COUNT,
    SQL_REPEAT_FIRED,
    SQL_REPEATS_OF_QUEUE_DELETE,
    SQL_COUNT
};

/** A queue: its row, and what is known of it without asking the database. */
struct store_queue {
    int64_t id;
    struct fl_queue_info info;
    int64_t before[FL_TOTALS]; /* the totals, before this transaction or since the last one */
    int64_t due_ms;    /* nothing scheduled or leased is due before; INT64_MAX: nothing is */
    double tokens;     /* leases that the rate allows now … */
    int64_t tokens_ms; /* … counted up to here */
    bool is_dirty, is_changed; /* in this transaction; in the last one that went well */
    struct store_queue *bucket_next;
};

struct fl_store {
    struct fl_disk disk;
    struct fl_store_opts opts;
    struct fl_rng rng;
    struct store_queue **queues; /* in order of their names */
    size_t queues_count;
    struct store_queue *buckets[STORE_BUCKETS];
    struct store_queue *by_id[FL_STORE_QUEUES_MAX + 1]; /* ids are given out again */
    int64_t next_id, clock_ms;
    int64_t open;           /* jobs that are not done, all queues */
    int64_t repeat_next_ms; /* no repeat is due before */
    int64_t data_version;   /* of the database, when the queues were read */
    bool is_stale;          /* what is in memory may not be what is in the file */
    bool is_dirty;          /* this transaction has changed something */
    struct fl_store_event *events;
    size_t events_count, events_cap;
};

/* store_schema.c */
/** Makes the tables, or brings an older file's to this version: fl_disk_opts.make. cx is the store.
 */
int fl_store_schema(struct fl_disk *disk, bool is_new, void *cx, struct fl_err *err);

/* store_sql.c */
extern const char *const fl_store_sql_text[SQL_COUNT];
/** Steps a statement once and resets it: SQLITE_OK when it ended without a row, and something has
 * changed then. */
int fl_store_exec(struct fl_store *store, enum store_sql which);
/** Binds bytes; a view without bytes is an empty blob, one at NULL is NULL. */
void fl_store_bind(sqlite3_stmt *stmt, int at, struct fl_str bytes);
/** A column as a view that is valid until the next step; at NULL: it is NULL. */
struct fl_str fl_store_column(sqlite3_stmt *stmt, int at);

/* store_queue.c */
/** Reads queues and counters, when somebody else may have changed them. SQLite's code. */
int fl_store_refresh(struct fl_store *store);
/** Writes what has changed. */
int fl_store_write_queues(struct fl_store *store);
/** The queue of this name, "" is "default"; NULL: none. */
struct store_queue *fl_store_queue(const struct fl_store *store, struct fl_str name);
/** The queue of this id, which is there. */
struct store_queue *fl_store_queue_of(const struct fl_store *store, int64_t id);
/** The same, made when it is not there; *code is FL_ERANGE (no such name) or FL_EFULL. */
int fl_store_queue_get(struct fl_store *store, struct fl_str name, struct store_queue **out,
                       int *code);
/** It will be written. */
void fl_store_touch(struct fl_store *store, struct store_queue *queue);
/** Counts a job's way from one state to another; FL_JOB_STATES: from or to nowhere. */
void fl_store_moved(struct fl_store *store, struct store_queue *queue, enum fl_job_state from,
                    enum fl_job_state to);
/** Frees all queues. */
void fl_store_drop_queues(struct fl_store *store);
/** Carries out FL_STORE_STATS in the open transaction; SQLite's code. */
int fl_store_do_stats(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_QUEUE_SET in the open transaction; SQLite's code. */
int fl_store_do_queue_set(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_QUEUES in the open transaction; SQLite's code. */
int fl_store_do_queues(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_QUEUE_DELETE in the open transaction; SQLite's code. */
int fl_store_do_queue_delete(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);

/* store_enqueue.c */
/** Carries out FL_STORE_ENQUEUE in the open transaction; SQLite's code. */
int fl_store_do_enqueue(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);

/* store_lease.c */
/** Jobs that are due become ready, leases that ran out end: at most so many, or all when fewer. */
int fl_store_promote(struct fl_store *store, struct store_queue *queue, int64_t now_ms);
/** How many jobs a lease would bring now, and when to ask again: see struct fl_queue_news. */
int64_t fl_store_leasable(struct store_queue *queue, int64_t now_ms, int64_t *again_ms);
/** Carries out FL_STORE_LEASE in the open transaction; SQLite's code. */
int fl_store_do_lease(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);

/* store_finish.c */
/** Notes what became of a job. */
void fl_store_note(struct fl_store *store, const struct store_queue *queue, int64_t id,
                   enum fl_job_state state);
/** Carries out FL_STORE_ACK in the open transaction; SQLite's code. */
int fl_store_do_ack(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_FAIL in the open transaction; SQLite's code. */
int fl_store_do_fail(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_HEARTBEAT in the open transaction; SQLite's code. */
int fl_store_do_heartbeat(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_RELEASE in the open transaction; SQLite's code. */
int fl_store_do_release(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);

/* store_look.c */
/** Copies the row that a statement of SQL_GET's columns stands on. */
void fl_store_take_job(const struct fl_store *store, sqlite3_stmt *row, struct fl_store_job *job);
/** Appends an empty job to an op's. */
struct fl_store_job *fl_store_push_job(struct fl_store_op *op, size_t *cap);
/** Carries out FL_STORE_GET in the open transaction; SQLite's code. */
int fl_store_do_get(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_LIST in the open transaction; SQLite's code. */
int fl_store_do_list(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);

/* store_admin.c */
/** Carries out FL_STORE_REQUEUE in the open transaction; SQLite's code. */
int fl_store_do_requeue(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_REQUEUE_ALL in the open transaction; SQLite's code. */
int fl_store_do_requeue_all(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_DELETE in the open transaction; SQLite's code. */
int fl_store_do_delete(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_PURGE in the open transaction; SQLite's code. */
int fl_store_do_purge(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Forgets the oldest done jobs of the queues that changed; a bounded step. */
int fl_store_trim(struct fl_store *store, int64_t now_ms);

/* store_repeat.c */
/** Forgets the repeats of a queue. */
int fl_store_forget_repeats(struct fl_store *store, int64_t queue_id);
/** Carries out FL_STORE_REPEAT_SET in the open transaction; SQLite's code. */
int fl_store_do_repeat_set(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_REPEAT_DELETE in the open transaction; SQLite's code. */
int fl_store_do_repeat_delete(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_REPEATS in the open transaction; SQLite's code. */
int fl_store_do_repeats(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Carries out FL_STORE_TICK in the open transaction; SQLite's code. */
int fl_store_do_tick(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);

#endif
