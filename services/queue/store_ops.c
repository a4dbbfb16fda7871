#include "services/queue/store_inside.h"

#define STORE_RETRY_MS_MAX INT64_C(60000)
/* Done jobs forgotten in one commit at most, so that trimming never makes one slow. It is more
 * than a group can add, so it keeps up. */
#define STORE_TRIM_STEPS (2 * FL_STORE_GROUP_MAX)

/** Steps a statement once and resets it; SQLITE_OK when it ended without a row. */
static int ops_exec(struct fl_store *store, enum store_sql which)
{
    int rc = sqlite3_step(store->sql[which]);
    int reset = sqlite3_reset(store->sql[which]);
    sqlite3_clear_bindings(store->sql[which]);
    if (rc == SQLITE_DONE) {
        store->dirty = true;
        return SQLITE_OK;
    }
    return reset != SQLITE_OK ? reset : SQLITE_INTERNAL;
}

/** Binds bytes; an empty view is an empty blob, not NULL. */
static void ops_bind_bytes(sqlite3_stmt *stmt, int at, struct fl_str bytes)
{
    sqlite3_bind_blob64(stmt, at, bytes.len > 0 ? bytes.at : "", bytes.len, SQLITE_STATIC);
}

/** The first column of the only row, or `none`. */
static int ops_find(struct fl_store *store, enum store_sql which, int64_t none, int64_t *out)
{
    sqlite3_stmt *stmt = store->sql[which];
    int rc = sqlite3_step(stmt);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : none;
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int ops_enqueue(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    if (op->key.len == 0 || op->key.len > FL_STORE_KEY_MAX ||
        op->payload.len > FL_STORE_PAYLOAD_MAX || op->delay_ms < 0) {
        op->code = FL_ERANGE;
        return SQLITE_OK;
    }
    ops_bind_bytes(store->sql[SQL_FIND_KEY], 1, op->key);
    int rc = ops_find(store, SQL_FIND_KEY, 0, &op->id);
    if (rc != SQLITE_OK) return rc;
    op->existed = op->id != 0;
    if (op->existed) {
        op->code = 0;
        return SQLITE_OK;
    }
    if (store->counts.open + store->counts.dead >= store->opts.jobs_max) {
        op->code = FL_EFULL;
        return SQLITE_OK;
    }

    sqlite3_stmt *insert = store->sql[SQL_INSERT];
    sqlite3_bind_int64(insert, 1, store->counts.next_id);
    ops_bind_bytes(insert, 2, op->key);
    sqlite3_bind_int64(insert, 3, now_ms + op->delay_ms);
    ops_bind_bytes(insert, 4, op->payload);
    rc = ops_exec(store, SQL_INSERT);
    if (rc != SQLITE_OK) return rc;

    op->id = store->counts.next_id++;
    store->counts.open++;
    op->code = 0;
    return SQLITE_OK;
}

/** Copies the row that SQL_DUE stands on; lease is not drawn yet. */
static void ops_take_row(sqlite3_stmt *due, struct fl_store_job *job)
{
    size_t key_len = (size_t)sqlite3_column_bytes(due, 2);
    size_t payload_len = (size_t)sqlite3_column_bytes(due, 3);
    job->id = sqlite3_column_int64(due, 0);
    job->attempt = sqlite3_column_int(due, 1) + 1;
    job->bytes = fl_alloc(key_len + payload_len);
    if (key_len > 0) memcpy(job->bytes, sqlite3_column_blob(due, 2), key_len);
    if (payload_len > 0) memcpy(job->bytes + key_len, sqlite3_column_blob(due, 3), payload_len);
    job->key = (struct fl_str){job->bytes, key_len};
    job->payload = (struct fl_str){job->bytes + key_len, payload_len};
}

/** Collects what is due. Rows are copied first and changed after, since an UPDATE under a running
 * SELECT of the same index may show a row twice. */
static int ops_collect_due(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    sqlite3_stmt *due = store->sql[SQL_DUE];
    sqlite3_bind_int64(due, 1, now_ms);
    sqlite3_bind_int(due, 2, op->max);

    size_t bytes = 0, cap = 0;
    int rc;
    while ((rc = sqlite3_step(due)) == SQLITE_ROW) {
        if (op->jobs_count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            op->jobs = fl_realloc(op->jobs, cap * sizeof *op->jobs);
        }
        struct fl_store_job *job = &op->jobs[op->jobs_count];
        *job = (struct fl_store_job){0};
        ops_take_row(due, job);
        /* as JSON: a key's byte becomes six at worst, the payload is JSON already */
        bytes += 6 * job->key.len + job->payload.len + FL_STORE_JOB_BYTES;
        if (bytes > FL_STORE_LEASE_BYTES_MAX && op->jobs_count > 0) {
            free(job->bytes);
            rc = SQLITE_DONE;
            break;
        }
        op->jobs_count++;
    }
    sqlite3_reset(due);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int ops_bury(struct fl_store *store, int64_t id)
{
    sqlite3_bind_int64(store->sql[SQL_BURY], 1, id);
    int rc = ops_exec(store, SQL_BURY);
    store->counts.open--;
    store->counts.dead++;
    return rc;
}

static int ops_lease_one(struct fl_store *store, struct fl_store_job *job, int64_t until_ms)
{
    while (job->lease == 0)
        job->lease = fl_rng_next(&store->rng);
    sqlite3_stmt *lease = store->sql[SQL_LEASE];
    sqlite3_bind_int64(lease, 1, job->id);
    sqlite3_bind_int64(lease, 2, until_ms);
    sqlite3_bind_int64(lease, 3, (int64_t)job->lease);
    sqlite3_bind_int(lease, 4, job->attempt);
    return ops_exec(store, SQL_LEASE);
}

static int ops_lease(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    if (op->max < 1 || op->max > FL_STORE_LEASE_MAX || op->visibility_ms < 1 ||
        op->visibility_ms > FL_STORE_VISIBILITY_MS_MAX) {
        op->code = FL_ERANGE;
        return SQLITE_OK;
    }
    op->code = 0;

    /* A job whose last lease ran out is buried here; when that leaves nothing, look again, so that
     * an empty answer always means an empty queue. */
    bool buried;
    do {
        buried = false;
        fl_store_op_fini(op);
        int rc = ops_collect_due(store, op, now_ms);
        size_t kept = 0;
        for (size_t i = 0; i < op->jobs_count && rc == SQLITE_OK; i++) {
            struct fl_store_job job = op->jobs[i];
            op->jobs[i].bytes = NULL;
            if (job.attempt > store->opts.attempts_max) {
                rc = ops_bury(store, job.id);
                free(job.bytes);
                buried = true;
                continue;
            }
            rc = ops_lease_one(store, &job, now_ms + op->visibility_ms);
            op->jobs[kept++] = job;
        }
        if (rc != SQLITE_OK) return rc; /* fl_store_apply frees the jobs */
        op->jobs_count = kept;
    } while (buried && op->jobs_count == 0);
    return SQLITE_OK;
}

/** What to say to a lease that is not there: ids are given out without gaps, so one that was never
 * given is the only one not found. */
static int ops_no_lease(const struct fl_store *store, const struct fl_store_op *op)
{
    return op->id >= 1 && op->id < store->counts.next_id ? FL_EREFUSED : FL_ENOTFOUND;
}

static void ops_bind_lease(struct fl_store *store, enum store_sql which,
                           const struct fl_store_op *op, int64_t now_ms)
{
    sqlite3_bind_int64(store->sql[which], 1, op->id);
    /* 0 stands for "not leased" in the table and must match no row */
    if (op->lease != 0) sqlite3_bind_int64(store->sql[which], 2, (int64_t)op->lease);
    sqlite3_bind_int64(store->sql[which], 3, now_ms);
}

static int ops_ack(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    bool was_dirty = store->dirty;
    ops_bind_lease(store, SQL_ACK, op, now_ms);
    int rc = ops_exec(store, SQL_ACK);
    if (rc != SQLITE_OK) return rc;
    if (sqlite3_changes(store->db) == 0) {
        store->dirty = was_dirty;
        op->code = ops_no_lease(store, op);
        return SQLITE_OK;
    }
    store->counts.open--;
    store->counts.done++;
    op->code = 0;
    return SQLITE_OK;
}

static int64_t ops_backoff_ms(const struct fl_store *store, int64_t attempt)
{
    int64_t wait_ms = store->opts.retry_ms;
    for (int64_t i = 1; i < attempt && wait_ms < STORE_RETRY_MS_MAX; i++)
        wait_ms *= 2;
    return wait_ms < STORE_RETRY_MS_MAX ? wait_ms : STORE_RETRY_MS_MAX;
}

static int ops_fail(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    if (op->retry_ms > FL_STORE_VISIBILITY_MS_MAX) {
        op->code = FL_ERANGE;
        return SQLITE_OK;
    }
    int64_t attempt = 0;
    ops_bind_lease(store, SQL_ATTEMPT, op, now_ms);
    int rc = ops_find(store, SQL_ATTEMPT, 0, &attempt);
    if (rc != SQLITE_OK) return rc;
    if (attempt == 0) {
        op->code = ops_no_lease(store, op);
        return SQLITE_OK;
    }
    op->code = 0;
    op->dead = attempt >= store->opts.attempts_max;
    if (op->dead) return ops_bury(store, op->id);

    int64_t wait_ms = op->retry_ms >= 0 ? op->retry_ms : ops_backoff_ms(store, attempt);
    sqlite3_bind_int64(store->sql[SQL_RETRY], 1, op->id);
    sqlite3_bind_int64(store->sql[SQL_RETRY], 2, now_ms + wait_ms);
    return ops_exec(store, SQL_RETRY);
}

static int ops_stats(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    sqlite3_stmt *stmt = store->sql[SQL_FUTURE];
    sqlite3_bind_int64(stmt, 1, now_ms);
    int rc = sqlite3_step(stmt);
    int64_t future = sqlite3_column_int64(stmt, 0);
    int64_t leased = sqlite3_column_int64(stmt, 1);
    sqlite3_reset(stmt);
    if (rc != SQLITE_ROW) return rc;

    op->stats = (struct fl_store_stats){
        .ready = store->counts.open - future,
        .leased = leased,
        .delayed = future - leased,
        .done = store->counts.done,
        .dead = store->counts.dead,
    };
    op->code = 0;
    return SQLITE_OK;
}

int fl_store_op_run(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    static int (*const run[])(struct fl_store *, struct fl_store_op *, int64_t) = {
        [FL_STORE_ENQUEUE] = ops_enqueue, [FL_STORE_LEASE] = ops_lease, [FL_STORE_ACK] = ops_ack,
        [FL_STORE_FAIL] = ops_fail,       [FL_STORE_STATS] = ops_stats,
    };
    FL_ASSERT(op->kind >= FL_STORE_ENQUEUE && op->kind <= FL_STORE_STATS);
    return run[op->kind](store, op, now_ms);
}

int fl_store_trim(struct fl_store *store)
{
    struct store_counts *counts = &store->counts;
    sqlite3_stmt *next = store->sql[SQL_TRIM_NEXT];
    for (int step = 0; step < STORE_TRIM_STEPS && counts->done > store->opts.done_max; step++) {
        sqlite3_bind_int64(next, 1, counts->trimmed);
        sqlite3_bind_int64(next, 2, counts->next_id);
        int rc = sqlite3_step(next);
        int64_t id = rc == SQLITE_ROW ? sqlite3_column_int64(next, 0) : 0;
        bool done = rc == SQLITE_ROW && sqlite3_column_int(next, 1) == STORE_DONE;
        sqlite3_reset(next);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) return rc;

        counts->trimmed = id; /* 0 at the end: round again */
        if (!done) continue;
        sqlite3_bind_int64(store->sql[SQL_TRIM], 1, id);
        rc = ops_exec(store, SQL_TRIM);
        if (rc != SQLITE_OK) return rc;
        counts->done--;
    }
    return SQLITE_OK;
}
