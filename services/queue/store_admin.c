/* store_admin.c: what people do to jobs: try again, delete, in ones and by the whole state. */
#include "services/queue/store_inside.h"

/* Done jobs forgotten in one commit at most, so that trimming never makes one slow. It is more
 * than a group can add, so it keeps up. */
#define ADMIN_TRIM_STEPS (2 * FL_STORE_GROUP_MAX)

/** A job as these operations see it. */
struct found {
    struct store_queue *queue;
    enum fl_job_state state;
    int64_t priority;
    bool has_unique;
};

static int admin_find(struct fl_store *store, struct fl_store_op *op, struct found *out)
{
    sqlite3_stmt *row = store->disk.sql[SQL_FIND];
    sqlite3_bind_int64(row, 1, op->id);
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW) {
        out->queue = fl_store_queue_of(store, sqlite3_column_int64(row, 0));
        out->state = (enum fl_job_state)sqlite3_column_int(row, 1);
        out->priority = sqlite3_column_int64(row, 2);
        if (out->queue == NULL) rc = SQLITE_CORRUPT;
    } else if (rc == SQLITE_DONE) {
        op->code = FL_ENOTFOUND;
    }
    return fl_statement_ended(row, rc);
}

/** A dead job's unique key may be held by another one by now: then *taken, and nothing changed. */
static int admin_make_ready(struct fl_store *store, struct store_queue *queue, int64_t id,
                            int64_t priority, enum fl_job_state from, bool *taken)
{
    sqlite3_bind_int64(store->disk.sql[SQL_REQUEUE], 1, id);
    sqlite3_bind_int64(store->disk.sql[SQL_REQUEUE], 2, -priority);
    int rc = fl_store_exec(store, SQL_REQUEUE);
    *taken = (rc & 0xff) == SQLITE_CONSTRAINT;
    if (*taken) return SQLITE_OK; /* the statement was undone, the transaction goes on */
    if (rc == SQLITE_OK) fl_store_moved(store, queue, from, FL_JOB_READY);
    return rc;
}

int fl_store_do_requeue(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    struct found job = {0};
    int rc = admin_find(store, op, &job);
    if (rc != SQLITE_OK || op->code != 0) return rc;
    if (job.state != FL_JOB_DEAD && job.state != FL_JOB_SCHEDULED) {
        op->code = FL_EREFUSED;
        return SQLITE_OK;
    }
    bool taken = false;
    rc = admin_make_ready(store, job.queue, op->id, job.priority, job.state, &taken);
    if (taken) op->code = FL_ETAKEN;
    return rc;
}

static int admin_delete(struct fl_store *store, struct store_queue *queue, int64_t id,
                        enum fl_job_state state)
{
    sqlite3_bind_int64(store->disk.sql[SQL_DELETE], 1, id);
    int rc = fl_store_exec(store, SQL_DELETE);
    if (rc == SQLITE_OK) fl_store_moved(store, queue, state, FL_JOB_STATES);
    return rc;
}

int fl_store_do_delete(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    struct found job = {0};
    int rc = admin_find(store, op, &job);
    if (rc != SQLITE_OK || op->code != 0) return rc;
    if (job.state == FL_JOB_LEASED) {
        op->code = FL_EREFUSED;
        return SQLITE_OK;
    }
    return admin_delete(store, job.queue, op->id, job.state);
}

/** Where a walk through the jobs of one state is. */
struct walk {
    int64_t rank, id, priority;
};

/** The next job of the state behind `walk`; false: there is none. */
static bool admin_next(struct fl_store *store, struct store_queue *queue, enum fl_job_state state,
                       struct walk *walk, int *rc)
{
    sqlite3_stmt *oldest = store->disk.sql[SQL_OLDEST];
    sqlite3_bind_int64(oldest, 1, queue->id);
    sqlite3_bind_int(oldest, 2, (int)state);
    sqlite3_bind_int64(oldest, 3, walk->rank);
    sqlite3_bind_int64(oldest, 4, walk->id);
    int step = sqlite3_step(oldest);
    bool found = step == SQLITE_ROW;
    if (found)
        *walk = (struct walk){.id = sqlite3_column_int64(oldest, 0),
                              .rank = sqlite3_column_int64(oldest, 1),
                              .priority = sqlite3_column_int64(oldest, 2)};
    *rc = fl_statement_ended(oldest, step);
    return found;
}

int fl_store_do_requeue_all(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    struct store_queue *queue = fl_store_queue(store, op->queue);
    if (queue == NULL) {
        op->code = FL_ENOTFOUND;
        return SQLITE_OK;
    }
    struct walk walk = {.rank = INT64_MIN, .id = op->after_id != 0 ? op->after_id : INT64_MIN};
    if (op->after_id != 0) walk.rank = op->after_rank;
    int rc = SQLITE_OK;
    int steps = 0;
    while (steps < FL_STORE_STEPS_MAX && admin_next(store, queue, FL_JOB_DEAD, &walk, &rc)) {
        bool taken = false;
        rc = admin_make_ready(store, queue, walk.id, walk.priority, FL_JOB_DEAD, &taken);
        if (rc != SQLITE_OK) return rc;
        op->count += !taken; /* one whose unique key is held stays dead */
        steps++;
    }
    op->next_rank = walk.rank;
    op->next_id = walk.id;
    op->is_more = steps == FL_STORE_STEPS_MAX;
    return rc;
}

int fl_store_do_purge(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct store_queue *queue = fl_store_queue(store, op->queue);
    op->code = queue == NULL ? FL_ENOTFOUND : op->state == FL_JOB_LEASED ? FL_EREFUSED : 0;
    if (op->code != 0) return SQLITE_OK;
    int rc = fl_store_promote(store, queue, now_ms);
    struct walk walk = {.rank = INT64_MIN, .id = INT64_MIN};
    while (rc == SQLITE_OK && op->count < FL_STORE_STEPS_MAX &&
           admin_next(store, queue, op->state, &walk, &rc)) {
        rc = admin_delete(store, queue, walk.id, op->state);
        op->count++;
    }
    op->is_more = op->count == FL_STORE_STEPS_MAX;
    return rc;
}

static int admin_trim_queue(struct fl_store *store, struct store_queue *queue, int64_t now_ms,
                            int *steps)
{
    const int64_t *values = queue->info.config.values;
    struct walk walk = {.rank = INT64_MIN, .id = INT64_MIN};
    int rc = SQLITE_OK;
    while (*steps < ADMIN_TRIM_STEPS && queue->info.jobs[FL_JOB_DONE] > 0) {
        bool too_many = queue->info.jobs[FL_JOB_DONE] > values[FL_SET_DONE_MAX];
        if (!too_many && values[FL_SET_DONE_MS] == 0) break;
        if (!admin_next(store, queue, FL_JOB_DONE, &walk, &rc)) break;
        if (!too_many && walk.rank > now_ms - values[FL_SET_DONE_MS]) break;
        rc = admin_delete(store, queue, walk.id, FL_JOB_DONE);
        if (rc != SQLITE_OK) break;
        (*steps)++;
    }
    return rc;
}

int fl_store_trim(struct fl_store *store, int64_t now_ms)
{
    int rc = SQLITE_OK;
    int steps = 0;
    for (size_t i = 0; i < store->queues_count && rc == SQLITE_OK; i++)
        if (store->queues[i]->is_dirty)
            rc = admin_trim_queue(store, store->queues[i], now_ms, &steps);
    return rc;
}
