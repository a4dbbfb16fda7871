/* store_sql.c: every statement that the store runs while it serves, and how one is run. */
#include "services/queue/store_inside.h"

#define JOB_COLUMNS                                                                            \
    "id, queue, state, rank, priority, attempt, attempts_max, created_ms, key, uniq, worker, " \
    "error, result, payload"

const char *const fl_store_sql_text[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_VERSION] = "PRAGMA data_version",
    [SQL_META_READ] = "SELECT next_id, clock_ms FROM meta",
    [SQL_META_WRITE] = "UPDATE meta SET next_id = ?1, clock_ms = ?2",
    [SQL_QUEUES_READ] =
        "SELECT id, name, handler, max_jobs, keep_done, keep_done_ms, concurrency, rate,"
        " visibility_ms, max_attempts, backoff_ms, backoff_max_ms, paused, workers, scheduled,"
        " ready, leased, done, dead, n_enqueued, n_leases, n_done, n_failed, n_died, n_expired"
        " FROM queues ORDER BY name",
    [SQL_QUEUE_INSERT] = "INSERT INTO queues(id, name) VALUES(?1, ?2)",
    [SQL_QUEUE_WRITE] =
        "UPDATE queues SET handler = ?2, max_jobs = ?3, keep_done = ?4, keep_done_ms = ?5,"
        " concurrency = ?6, rate = ?7, visibility_ms = ?8, max_attempts = ?9, backoff_ms = ?10,"
        " backoff_max_ms = ?11, paused = ?12, workers = ?13, scheduled = ?14, ready = ?15,"
        " leased = ?16, done = ?17, dead = ?18, n_enqueued = ?19, n_leases = ?20, n_done = ?21,"
        " n_failed = ?22, n_died = ?23, n_expired = ?24 WHERE id = ?1",
    [SQL_QUEUE_DELETE] = "DELETE FROM queues WHERE id = ?1",
    [SQL_FIND_KEY] = "SELECT id FROM jobs INDEXED BY jobs_key WHERE queue = ?1 AND key = ?2",
    [SQL_FIND_UNIQUE] = "SELECT id FROM jobs INDEXED BY jobs_unique"
                        " WHERE queue = ?1 AND uniq = ?2 AND state < 3",
    [SQL_INSERT] = "INSERT OR IGNORE INTO jobs(id, queue, state, rank, priority, attempt, lease,"
                   " created_ms, attempts_max, backoff_ms, backoff_max_ms, key, uniq, payload)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [SQL_READY] = "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_order"
                  " WHERE queue = ?1 AND state = 1 ORDER BY rank, id LIMIT ?2",
    [SQL_DUE] = "SELECT id, priority, attempt, attempts_max FROM jobs INDEXED BY jobs_order"
                " WHERE queue = ?1 AND state = ?2 AND rank <= ?3 ORDER BY rank, id LIMIT ?4",
    [SQL_NEXT_DUE] = "SELECT rank FROM jobs INDEXED BY jobs_order"
                     " WHERE queue = ?1 AND state = ?2 ORDER BY rank, id LIMIT 1",
    [SQL_LEASE] = "UPDATE jobs SET state = 2, rank = ?2, lease = ?3, attempt = ?4, worker = ?5"
                  " WHERE id = ?1",
    [SQL_FIND_LEASED] = "SELECT queue, priority, attempt, attempts_max, backoff_ms, backoff_max_ms"
                        " FROM jobs WHERE id = ?1 AND state = 2 AND lease = ?2 AND rank > ?3",
    [SQL_FIND] = "SELECT queue, state, priority, uniq FROM jobs WHERE id = ?1",
    [SQL_DONE] = "UPDATE jobs SET state = 3, rank = ?2, lease = 0, error = NULL, payload = NULL,"
                 " result = ?3 WHERE id = ?1",
    [SQL_MOVE] = "UPDATE jobs SET state = ?2, rank = ?3, lease = 0, attempt = ?4,"
                 " error = coalesce(?5, error) WHERE id = ?1",
    [SQL_EXTEND] = "UPDATE jobs SET rank = ?2 WHERE id = ?1",
    [SQL_FAILED] = "UPDATE jobs SET state = ?2, rank = ?3, lease = 0, error = ?4 WHERE id = ?1",
    [SQL_REQUEUE] = "UPDATE jobs SET state = 1, rank = ?2, lease = 0, attempt = 0 WHERE id = ?1",
    [SQL_GET] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1",
    [SQL_LIST_UP] = "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_order"
                    " WHERE queue = ?1 AND state = ?2 AND (rank, id) > (?3, ?4)"
                    " ORDER BY rank, id LIMIT ?5",
    [SQL_LIST_DOWN] = "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_order"
                      " WHERE queue = ?1 AND state = ?2 AND (rank, id) < (?3, ?4)"
                      " ORDER BY rank DESC, id DESC LIMIT ?5",
    [SQL_OLDEST] = "SELECT id, rank, priority, uniq FROM jobs INDEXED BY jobs_order"
                   " WHERE queue = ?1 AND state = ?2 AND (rank, id) > (?3, ?4)"
                   " ORDER BY rank, id LIMIT 1",
    [SQL_DELETE] = "DELETE FROM jobs WHERE id = ?1",
    [SQL_REPEAT_FIND] = "SELECT id, next_ms FROM repeats WHERE queue = ?1 AND name = ?2",
    [SQL_REPEAT_SET] =
        "INSERT INTO repeats(queue, name, cron, payload, priority, misfire, next_ms, last_ms,"
        " fired) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0) ON CONFLICT(queue, name) DO UPDATE SET"
        " cron = ?3, payload = ?4, priority = ?5, misfire = ?6, next_ms = ?7",
    [SQL_REPEAT_DELETE] = "DELETE FROM repeats WHERE id = ?1",
    [SQL_REPEATS] = "SELECT queue, name, cron, payload, priority, misfire, next_ms, last_ms, fired"
                    " FROM repeats WHERE (?1 = 0 OR queue = ?1) AND (?2 IS NULL OR name = ?2)"
                    " ORDER BY queue, name",
    [SQL_REPEATS_DUE] = "SELECT id, queue, name, cron, payload, priority, misfire, next_ms"
                        " FROM repeats WHERE next_ms <= ?1 AND (next_ms, id) > (?2, ?3)"
                        " ORDER BY next_ms, id LIMIT 1",
    [SQL_REPEATS_NEXT] = "SELECT min(next_ms) FROM repeats",
    [SQL_REPEATS_COUNT] = "SELECT count(*) FROM repeats",
    [SQL_REPEAT_FIRED] = "UPDATE repeats SET next_ms = ?2, last_ms = coalesce(?3, last_ms),"
                         " fired = fired + (?3 IS NOT NULL) WHERE id = ?1",
    [SQL_REPEATS_OF_QUEUE_DELETE] = "DELETE FROM repeats WHERE queue = ?1",
};

int fl_store_exec(struct fl_store *store, enum store_sql which)
{
    int rc = fl_statement_run(store->disk.sql[which]);
    if (rc == SQLITE_OK) store->is_dirty = true;
    return rc;
}

void fl_store_bind(sqlite3_stmt *stmt, int at, struct fl_str bytes)
{
    if (bytes.at == NULL)
        sqlite3_bind_null(stmt, at);
    else
        fl_statement_bind(stmt, at, bytes);
}

struct fl_str fl_store_column(sqlite3_stmt *stmt, int at)
{
    if (sqlite3_column_type(stmt, at) == SQLITE_NULL) return (struct fl_str){0};
    return fl_statement_bytes(stmt, at);
}
