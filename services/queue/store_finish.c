/* store_finish.c: what a worker says about the job it has leased. */
#include "services/queue/store_inside.h"

/** A leased job, as its lease proves. */
struct leased {
    struct store_queue *queue;
    int64_t priority, attempt, attempts_max;
    int64_t backoff_ms, cap_ms;
};

void fl_store_note(struct fl_store *store, const struct store_queue *queue, int64_t id,
                   enum fl_job_state state)
{
    if (store->events_count == STORE_EVENTS_MAX) return; /* whoever counts has the queue's totals */
    if (store->events_count == store->events_cap) {
        store->events_cap = store->events_cap == 0 ? 64 : store->events_cap * 2;
        store->events = fl_realloc(store->events, store->events_cap * sizeof *store->events);
    }
    struct fl_store_event *event = &store->events[store->events_count++];
    *event = (struct fl_store_event){.id = id, .state = state};
    memcpy(event->queue, queue->info.name, sizeof event->queue);
}

static int64_t finish_own_or(sqlite3_stmt *row, int at, int64_t standard)
{
    return sqlite3_column_type(row, at) != SQLITE_NULL ? sqlite3_column_int64(row, at) : standard;
}

/** Finds the job of this id and lease; else sets op->code: ids are given out without gaps, so one
 * that was never given is the only one not found. */
static int finish_find(struct fl_store *store, struct fl_store_op *op, int64_t now_ms,
                       struct leased *out)
{
    sqlite3_stmt *row = store->disk.sql[SQL_FIND_LEASED];
    sqlite3_bind_int64(row, 1, op->id);
    /* 0 stands for "not leased" in the table and must match no row */
    if (op->lease != 0) sqlite3_bind_int64(row, 2, (int64_t)op->lease);
    sqlite3_bind_int64(row, 3, now_ms);
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW) {
        out->queue = fl_store_queue_of(store, sqlite3_column_int64(row, 0));
        if (out->queue == NULL) rc = SQLITE_CORRUPT;
    }
    if (rc == SQLITE_ROW) {
        const int64_t *values = out->queue->info.config.values;
        out->priority = sqlite3_column_int64(row, 1);
        out->attempt = sqlite3_column_int64(row, 2);
        out->attempts_max = finish_own_or(row, 3, values[FL_SET_ATTEMPTS_MAX]);
        out->backoff_ms = finish_own_or(row, 4, values[FL_SET_BACKOFF_MS]);
        out->cap_ms = finish_own_or(row, 5, values[FL_SET_BACKOFF_CAP_MS]);
    } else if (rc == SQLITE_DONE) {
        op->code = op->id >= 1 && op->id < store->next_id ? FL_EREFUSED : FL_ENOTFOUND;
    }
    return fl_statement_ended(row, rc);
}

int fl_store_do_ack(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct leased job;
    if (op->payload.len > FL_STORE_PAYLOAD_MAX) op->code = FL_ERANGE;
    int rc = op->code == 0 ? finish_find(store, op, now_ms, &job) : SQLITE_OK;
    if (rc != SQLITE_OK || op->code != 0) return rc;

    sqlite3_stmt *done = store->disk.sql[SQL_DONE];
    sqlite3_bind_int64(done, 1, op->id);
    sqlite3_bind_int64(done, 2, now_ms);
    fl_store_bind(done, 3, op->payload);
    rc = fl_store_exec(store, SQL_DONE);
    if (rc != SQLITE_OK) return rc;
    fl_store_moved(store, job.queue, FL_JOB_LEASED, FL_JOB_DONE);
    job.queue->info.totals[FL_TOTAL_DONE]++;
    fl_store_note(store, job.queue, op->id, FL_JOB_DONE);
    return SQLITE_OK;
}

/** Exponential with full jitter: anything from now to the ceiling, which doubles each time. So jobs
 * that failed together do not come back together. */
static int64_t finish_backoff_ms(struct fl_store *store, const struct leased *job)
{
    int64_t ceiling_ms = job->backoff_ms;
    for (int64_t i = 1; i < job->attempt && ceiling_ms < job->cap_ms; i++)
        ceiling_ms *= 2;
    if (ceiling_ms > job->cap_ms) ceiling_ms = job->cap_ms;
    return ceiling_ms > 0 ? fl_rng_between(&store->rng, 0, ceiling_ms) : 0;
}

/** Cut to what is kept, not in the middle of a character. */
static struct fl_str finish_error(struct fl_str words)
{
    if (words.len <= FL_STORE_ERROR_MAX) return words;
    words.len = FL_STORE_ERROR_MAX;
    while (words.len > 0 && ((unsigned char)words.at[words.len] & 0xc0) == 0x80)
        words.len--;
    return words;
}

/** A leased job waits until then, or is ready when that is now. */
static enum fl_job_state finish_wait(struct fl_store *store, const struct leased *job,
                                     int64_t until_ms, int64_t now_ms, int64_t *rank)
{
    bool waits = until_ms > now_ms;
    *rank = waits ? until_ms : -job->priority;
    enum fl_job_state to = waits ? FL_JOB_SCHEDULED : FL_JOB_READY;
    fl_store_moved(store, job->queue, FL_JOB_LEASED, to);
    if (waits && until_ms < job->queue->due_ms) job->queue->due_ms = until_ms;
    return to;
}

int fl_store_do_fail(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct leased job;
    if (op->retry_ms > FL_STORE_DELAY_MS_MAX) op->code = FL_ERANGE;
    int rc = op->code == 0 ? finish_find(store, op, now_ms, &job) : SQLITE_OK;
    if (rc != SQLITE_OK || op->code != 0) return rc;

    int64_t rank = now_ms;
    enum fl_job_state to = FL_JOB_DEAD;
    op->dead = job.attempt >= job.attempts_max;
    if (op->dead) {
        fl_store_moved(store, job.queue, FL_JOB_LEASED, FL_JOB_DEAD);
        job.queue->info.totals[FL_TOTAL_DEAD]++;
    } else {
        int64_t wait_ms = op->retry_ms >= 0 ? op->retry_ms : finish_backoff_ms(store, &job);
        op->until_ms = now_ms + wait_ms;
        to = finish_wait(store, &job, op->until_ms, now_ms, &rank);
        job.queue->info.totals[FL_TOTAL_FAILED]++;
    }
    fl_store_note(store, job.queue, op->id, to);
    sqlite3_stmt *failed = store->disk.sql[SQL_FAILED];
    sqlite3_bind_int64(failed, 1, op->id);
    sqlite3_bind_int(failed, 2, (int)to);
    sqlite3_bind_int64(failed, 3, rank);
    fl_store_bind(failed, 4, finish_error(op->payload));
    return fl_store_exec(store, SQL_FAILED);
}

int fl_store_do_heartbeat(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct leased job;
    if (op->visibility_ms < 0 || op->visibility_ms > FL_STORE_VISIBILITY_MS_MAX)
        op->code = FL_ERANGE;
    int rc = op->code == 0 ? finish_find(store, op, now_ms, &job) : SQLITE_OK;
    if (rc != SQLITE_OK || op->code != 0) return rc;

    int64_t visibility_ms = op->visibility_ms != 0
                                ? op->visibility_ms
                                : job.queue->info.config.values[FL_SET_VISIBILITY_MS];
    op->until_ms = now_ms + visibility_ms;
    sqlite3_bind_int64(store->disk.sql[SQL_EXTEND], 1, op->id);
    sqlite3_bind_int64(store->disk.sql[SQL_EXTEND], 2, op->until_ms);
    if (op->until_ms < job.queue->due_ms) job.queue->due_ms = op->until_ms;
    return fl_store_exec(store, SQL_EXTEND);
}

int fl_store_do_release(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct leased job;
    if (op->delay_ms < 0 || op->delay_ms > FL_STORE_DELAY_MS_MAX) op->code = FL_ERANGE;
    int rc = op->code == 0 ? finish_find(store, op, now_ms, &job) : SQLITE_OK;
    if (rc != SQLITE_OK || op->code != 0) return rc;

    int64_t rank;
    enum fl_job_state to = finish_wait(store, &job, now_ms + op->delay_ms, now_ms, &rank);
    sqlite3_stmt *move = store->disk.sql[SQL_MOVE];
    sqlite3_bind_int64(move, 1, op->id);
    sqlite3_bind_int(move, 2, (int)to);
    sqlite3_bind_int64(move, 3, rank);
    sqlite3_bind_int64(move, 4, job.attempt - 1); /* this one does not count */
    return fl_store_exec(store, SQL_MOVE);
}
