#include "services/queue/store_inside.h"

static bool enqueue_text_ok(struct fl_str text)
{
    return text.at == NULL || (text.len >= 1 && text.len <= FL_STORE_KEY_MAX);
}

static bool enqueue_is_in_limits(const struct fl_store_op *op)
{
    return enqueue_text_ok(op->key) && enqueue_text_ok(op->unique) &&
           op->payload.len <= FL_STORE_PAYLOAD_MAX && op->delay_ms >= 0 &&
           op->delay_ms <= FL_STORE_DELAY_MS_MAX && op->priority <= FL_STORE_PRIORITY_MAX &&
           op->priority >= -FL_STORE_PRIORITY_MAX && op->attempts_max >= 0 &&
           op->attempts_max <= fl_queue_settings[FL_SET_ATTEMPTS_MAX].most;
}

/** The job of this key, or 0. */
static int enqueue_find(struct fl_store *store, enum store_sql which, int64_t queue_id,
                        struct fl_str text, int64_t *out)
{
    *out = 0;
    if (text.at == NULL) return SQLITE_OK;
    sqlite3_stmt *stmt = store->disk.sql[which];
    sqlite3_bind_int64(stmt, 1, queue_id);
    fl_store_bind(stmt, 2, text);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) *out = sqlite3_column_int64(stmt, 0);
    return fl_statement_ended(stmt, rc);
}

static void enqueue_bind_or_null(sqlite3_stmt *stmt, int at, int64_t value, bool has)
{
    if (has)
        sqlite3_bind_int64(stmt, at, value);
    else
        sqlite3_bind_null(stmt, at);
}

/** Inserts, unless its key or unique key is there: then *inserted is false, and nothing changed. */
static int enqueue_insert(struct fl_store *store, struct store_queue *queue,
                          const struct fl_store_op *op, int64_t now_ms, bool *inserted)
{
    int64_t due_ms = op->run_at_ms != 0 ? op->run_at_ms : now_ms + op->delay_ms;
    bool waits = due_ms > now_ms;
    sqlite3_stmt *insert = store->disk.sql[SQL_INSERT];
    sqlite3_bind_int64(insert, 1, store->next_id);
    sqlite3_bind_int64(insert, 2, queue->id);
    sqlite3_bind_int(insert, 3, waits ? (int)FL_JOB_SCHEDULED : (int)FL_JOB_READY);
    sqlite3_bind_int64(insert, 4, waits ? due_ms : -op->priority);
    sqlite3_bind_int64(insert, 5, op->priority);
    sqlite3_bind_int64(insert, 6, now_ms);
    enqueue_bind_or_null(insert, 7, op->attempts_max, op->attempts_max > 0);
    enqueue_bind_or_null(insert, 8, op->backoff_ms, op->has_backoff && op->backoff_ms >= 0);
    enqueue_bind_or_null(insert, 9, op->cap_ms, op->has_backoff && op->cap_ms >= 0);
    fl_store_bind(insert, 10, op->key);
    fl_store_bind(insert, 11, op->unique);
    fl_store_bind(insert, 12, op->payload);
    bool was_dirty = store->is_dirty;
    int rc = fl_store_exec(store, SQL_INSERT);
    *inserted = rc == SQLITE_OK && sqlite3_changes(store->disk.db) == 1;
    if (!*inserted) {
        store->is_dirty = was_dirty;
        return rc;
    }
    fl_store_moved(store, queue, FL_JOB_STATES, waits ? FL_JOB_SCHEDULED : FL_JOB_READY);
    if (waits && due_ms < queue->due_ms) queue->due_ms = due_ms;
    queue->info.totals[FL_TOTAL_ENQUEUED]++;
    return SQLITE_OK;
}

static bool enqueue_is_full(const struct fl_store *store, const struct store_queue *queue)
{
    const struct fl_queue_info *info = &queue->info;
    int64_t jobs = info->jobs[FL_JOB_SCHEDULED] + info->jobs[FL_JOB_READY] +
                   info->jobs[FL_JOB_LEASED] + info->jobs[FL_JOB_DEAD];
    return store->open >= store->opts.jobs_max || jobs >= info->config.values[FL_SET_JOBS_MAX];
}

int fl_store_do_enqueue(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    if (!enqueue_is_in_limits(op)) {
        op->code = FL_ERANGE;
        return SQLITE_OK;
    }
    struct store_queue *queue;
    int rc = fl_store_queue_get(store, op->queue, &queue, &op->code);
    if (rc != SQLITE_OK || op->code != 0) return rc;

    /* Most keys are new, and the insert looks for them anyway: it goes first. */
    bool inserted = false, is_full = enqueue_is_full(store, queue);
    if (!is_full) rc = enqueue_insert(store, queue, op, now_ms, &inserted);
    if (inserted) op->id = store->next_id++;
    if (rc != SQLITE_OK || inserted) return rc;

    rc = enqueue_find(store, SQL_FIND_KEY, queue->id, op->key, &op->id);
    if (rc == SQLITE_OK && op->id == 0)
        rc = enqueue_find(store, SQL_FIND_UNIQUE, queue->id, op->unique, &op->id);
    op->existed = op->id != 0;
    if (rc != SQLITE_OK || op->existed) return rc;
    if (!is_full) return SQLITE_CORRUPT; /* what stood in its way is not there */
    op->code = FL_EFULL;
    return SQLITE_OK;
}
