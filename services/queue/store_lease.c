#include "services/queue/store_inside.h"

#define LEASE_PROMOTE_MAX (2 * FL_STORE_LEASE_MAX)

/** A job whose time has come. */
struct due_job {
    int64_t id, priority;
    int64_t attempt, attempts_max;
};

/** Rows are copied first and changed after, since an UPDATE under a running SELECT of the same
 * index may show a row twice. */
static int lease_collect_due(struct fl_store *store, struct store_queue *queue,
                             enum fl_job_state state, int64_t now_ms, struct due_job *jobs,
                             size_t *count)
{
    sqlite3_stmt *due = store->disk.sql[SQL_DUE];
    sqlite3_bind_int64(due, 1, queue->id);
    sqlite3_bind_int(due, 2, (int)state);
    sqlite3_bind_int64(due, 3, now_ms);
    sqlite3_bind_int(due, 4, LEASE_PROMOTE_MAX);
    int rc;
    *count = 0;
    while ((rc = sqlite3_step(due)) == SQLITE_ROW) {
        bool has_own = sqlite3_column_type(due, 3) != SQLITE_NULL;
        jobs[(*count)++] = (struct due_job){
            .id = sqlite3_column_int64(due, 0),
            .priority = sqlite3_column_int64(due, 1),
            .attempt = sqlite3_column_int64(due, 2),
            .attempts_max = has_own ? sqlite3_column_int64(due, 3)
                                    : queue->info.config.values[FL_SET_ATTEMPTS_MAX],
        };
    }
    return fl_statement_ended(due, rc);
}

static int lease_move(struct fl_store *store, struct store_queue *queue, const struct due_job *job,
                      enum fl_job_state from, int64_t now_ms)
{
    bool expired = from == FL_JOB_LEASED;
    enum fl_job_state to = expired && job->attempt >= job->attempts_max ? FL_JOB_DEAD
                                                                        : FL_JOB_READY;
    sqlite3_stmt *move = store->disk.sql[SQL_MOVE];
    sqlite3_bind_int64(move, 1, job->id);
    sqlite3_bind_int(move, 2, (int)to);
    sqlite3_bind_int64(move, 3, to == FL_JOB_DEAD ? now_ms : -job->priority);
    sqlite3_bind_int64(move, 4, job->attempt);
    fl_store_bind(move, 5, expired ? FL_STR("the lease ran out") : (struct fl_str){0});
    int rc = fl_store_exec(store, SQL_MOVE);
    if (rc != SQLITE_OK) return rc;
    fl_store_moved(store, queue, from, to);
    if (expired) {
        queue->info.totals[FL_TOTAL_EXPIRED]++;
        queue->info.totals[FL_TOTAL_DEAD] += to == FL_JOB_DEAD;
        fl_store_note(store, queue, job->id, to);
    }
    return SQLITE_OK;
}

static int lease_next_due(struct fl_store *store, struct store_queue *queue)
{
    static const enum fl_job_state waiting[] = {FL_JOB_SCHEDULED, FL_JOB_LEASED};
    queue->due_ms = INT64_MAX;
    for (size_t i = 0; i < FL_COUNT(waiting); i++) {
        sqlite3_stmt *next = store->disk.sql[SQL_NEXT_DUE];
        sqlite3_bind_int64(next, 1, queue->id);
        sqlite3_bind_int(next, 2, (int)waiting[i]);
        int rc = sqlite3_step(next);
        int64_t due_ms = rc == SQLITE_ROW ? sqlite3_column_int64(next, 0) : INT64_MAX;
        rc = fl_statement_ended(next, rc);
        if (rc != SQLITE_OK) return rc;
        if (due_ms < queue->due_ms) queue->due_ms = due_ms;
    }
    return SQLITE_OK;
}

int fl_store_promote(struct fl_store *store, struct store_queue *queue, int64_t now_ms)
{
    if (queue->due_ms > now_ms) return SQLITE_OK;
    static const enum fl_job_state waiting[] = {FL_JOB_SCHEDULED, FL_JOB_LEASED};
    struct due_job *jobs = fl_new_array(struct due_job, LEASE_PROMOTE_MAX);
    int rc = SQLITE_OK;
    for (size_t i = 0; i < FL_COUNT(waiting) && rc == SQLITE_OK; i++) {
        size_t count;
        rc = lease_collect_due(store, queue, waiting[i], now_ms, jobs, &count);
        for (size_t k = 0; k < count && rc == SQLITE_OK; k++)
            rc = lease_move(store, queue, &jobs[k], waiting[i], now_ms);
    }
    free(jobs);
    if (rc == SQLITE_OK) rc = lease_next_due(store, queue);
    return rc;
}

/** The bucket fills with `rate` a second and holds one second's worth, at least one. */
static void lease_refill(struct store_queue *queue, int64_t now_ms)
{
    double rate = (double)queue->info.config.values[FL_SET_RATE] / 1000;
    double most = rate > 1 ? rate : 1;
    if (queue->tokens_ms != 0 && now_ms > queue->tokens_ms)
        queue->tokens += rate * (double)(now_ms - queue->tokens_ms) / 1000;
    if (queue->tokens > most) queue->tokens = most;
    queue->tokens_ms = now_ms;
}

/** How many leases the queue's rate and concurrency allow now. */
static int64_t lease_allowed(struct store_queue *queue, int64_t now_ms)
{
    const int64_t *values = queue->info.config.values;
    if (values[FL_SET_PAUSED]) return 0;
    int64_t allowed = FL_STORE_LEASE_MAX;
    if (values[FL_SET_CONCURRENCY] > 0) {
        int64_t room = values[FL_SET_CONCURRENCY] - queue->info.jobs[FL_JOB_LEASED];
        if (room < allowed) allowed = room > 0 ? room : 0;
    }
    if (values[FL_SET_RATE] > 0) {
        lease_refill(queue, now_ms);
        if (queue->tokens < (double)allowed) allowed = (int64_t)queue->tokens;
    }
    return allowed;
}

int64_t fl_store_leasable(struct store_queue *queue, int64_t now_ms, int64_t *again_ms)
{
    *again_ms = INT64_MAX;
    if (queue->info.config.values[FL_SET_PAUSED]) return 0;
    /* what is due becomes ready by the lease itself; whether it is a job only looking tells */
    int64_t ready = queue->info.jobs[FL_JOB_READY] + (queue->due_ms <= now_ms);
    int64_t allowed = lease_allowed(queue, now_ms);
    if (ready > 0 && allowed > 0) {
        *again_ms = now_ms;
        return ready < allowed ? ready : allowed;
    }
    *again_ms = queue->due_ms;
    double rate = (double)queue->info.config.values[FL_SET_RATE] / 1000;
    if (ready > 0 && rate > 0 && queue->tokens < 1) {
        int64_t token_ms = now_ms + 1 + (int64_t)((1 - queue->tokens) * 1000 / rate);
        if (token_ms < *again_ms || queue->due_ms <= now_ms) *again_ms = token_ms;
    }
    return 0;
}

/** Collects what is ready, up to a lease's bytes. */
static int lease_collect_ready(struct fl_store *store, struct store_queue *queue,
                               struct fl_store_op *op, int64_t most)
{
    sqlite3_stmt *ready = store->disk.sql[SQL_READY];
    sqlite3_bind_int64(ready, 1, queue->id);
    sqlite3_bind_int64(ready, 2, most);
    size_t bytes = 0, cap = 0;
    int rc;
    while ((rc = sqlite3_step(ready)) == SQLITE_ROW) {
        struct fl_store_job *job = fl_store_push_job(op, &cap);
        fl_store_take_job(store, ready, job);
        /* as JSON: a key's byte becomes six at worst, the payload is JSON already */
        bytes += 6 * (job->key.len + job->unique.len) + job->payload.len + FL_STORE_JOB_BYTES;
        if (bytes > FL_STORE_LEASE_BYTES_MAX && op->jobs_count > 1) {
            free(job->bytes);
            op->jobs_count--;
            rc = SQLITE_DONE;
            break;
        }
    }
    return fl_statement_ended(ready, rc);
}

static int lease_one(struct fl_store *store, struct store_queue *queue, struct fl_str worker,
                     struct fl_store_job *job, int64_t until_ms)
{
    while (job->lease == 0)
        job->lease = fl_rng_next(&store->rng);
    job->attempt++;
    job->at_ms = until_ms;
    job->state = FL_JOB_LEASED;
    sqlite3_stmt *lease = store->disk.sql[SQL_LEASE];
    sqlite3_bind_int64(lease, 1, job->id);
    sqlite3_bind_int64(lease, 2, until_ms);
    sqlite3_bind_int64(lease, 3, (int64_t)job->lease);
    sqlite3_bind_int(lease, 4, job->attempt);
    fl_store_bind(lease, 5, worker);
    int rc = fl_store_exec(store, SQL_LEASE);
    if (rc != SQLITE_OK) return rc;
    fl_store_moved(store, queue, FL_JOB_READY, FL_JOB_LEASED);
    queue->info.totals[FL_TOTAL_LEASED]++;
    return SQLITE_OK;
}

int fl_store_do_lease(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct store_queue *queue = fl_store_queue(store, op->queue);
    op->again_ms = INT64_MAX;
    bool is_in_limits = op->max >= 1 && op->max <= FL_STORE_LEASE_MAX && op->visibility_ms >= 0 &&
                        op->visibility_ms <= FL_STORE_VISIBILITY_MS_MAX &&
                        op->worker.len <= FL_STORE_WORKER_MAX;
    if (!is_in_limits) op->code = FL_ERANGE;
    if (!is_in_limits || queue == NULL) return SQLITE_OK; /* a queue without jobs has none */

    int rc = fl_store_promote(store, queue, now_ms);
    if (rc != SQLITE_OK) return rc;
    int64_t most = lease_allowed(queue, now_ms);
    if (op->max < most) most = op->max;
    if (most == 0 || queue->info.jobs[FL_JOB_READY] == 0) {
        fl_store_leasable(queue, now_ms, &op->again_ms);
        return SQLITE_OK;
    }

    rc = lease_collect_ready(store, queue, op, most);
    int64_t visibility_ms = op->visibility_ms != 0
                                ? op->visibility_ms
                                : queue->info.config.values[FL_SET_VISIBILITY_MS];
    int64_t until_ms = now_ms + visibility_ms;
    for (size_t i = 0; i < op->jobs_count && rc == SQLITE_OK; i++)
        rc = lease_one(store, queue, op->worker, &op->jobs[i], until_ms);
    if (rc != SQLITE_OK) return rc; /* fl_store_apply frees the jobs */
    if (op->jobs_count > 0 && until_ms < queue->due_ms) queue->due_ms = until_ms;
    if (queue->info.config.values[FL_SET_RATE] > 0) queue->tokens -= (double)op->jobs_count;
    return SQLITE_OK;
}
