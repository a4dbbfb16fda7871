#include "services/queue/store_inside.h"

#include <stdio.h>
#include <sys/stat.h>

#define STORE_APPLICATION_ID 0x464c5131 /* "FLQ1" */
#define STORE_BUSY_MS 5000
/* A file up to this size is checked whole when it is opened, which takes a few milliseconds;
 * damage in a larger one shows when it is read. */
#define STORE_CHECK_BYTES_MAX (8 << 20)

static const char store_pragmas[] = "PRAGMA journal_mode=WAL;"
                                    "PRAGMA synchronous=FULL;"
                                    "PRAGMA cell_size_check=ON;"
                                    "PRAGMA temp_store=MEMORY;"
                                    "PRAGMA journal_size_limit=67108864;";

/* payload is last, so that reading the rest of a row never touches its overflow pages. The partial
 * index holds open jobs only: a lease costs O(log n) in those, whatever was done before. */
static const char store_schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS jobs("
    "  id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,"
    "  due_ms INTEGER NOT NULL, lease INTEGER NOT NULL, attempt INTEGER NOT NULL, payload BLOB);"
    "CREATE INDEX IF NOT EXISTS jobs_due ON jobs(due_ms, id) WHERE state = 0;"
    "CREATE TABLE IF NOT EXISTS counts("
    "  one INTEGER PRIMARY KEY CHECK(one = 1), next_id INTEGER NOT NULL, open INTEGER NOT NULL,"
    "  done INTEGER NOT NULL, dead INTEGER NOT NULL, trimmed INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO counts VALUES(1, 1, 0, 0, 0, 0);"
    "PRAGMA application_id = 1179406641;"
    "COMMIT;";

static const char *const store_sql_text[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_COUNTS_READ] = "SELECT next_id, open, done, dead, trimmed FROM counts",
    [SQL_COUNTS_WRITE] =
        "UPDATE counts SET next_id = ?1, open = ?2, done = ?3, dead = ?4, trimmed = ?5",
    [SQL_FIND_KEY] = "SELECT id FROM jobs WHERE key = ?1",
    [SQL_INSERT] = "INSERT INTO jobs(id, key, state, due_ms, lease, attempt, payload)"
                   " VALUES(?1, ?2, 0, ?3, 0, 0, ?4)",
    [SQL_DUE] = "SELECT id, attempt, key, payload FROM jobs INDEXED BY jobs_due"
                " WHERE state = 0 AND due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2",
    [SQL_LEASE] = "UPDATE jobs SET due_ms = ?2, lease = ?3, attempt = ?4 WHERE id = ?1",
    [SQL_ACK] = "UPDATE jobs SET state = 1, lease = 0, payload = NULL"
                " WHERE id = ?1 AND state = 0 AND lease = ?2 AND due_ms > ?3",
    [SQL_ATTEMPT] =
        "SELECT attempt FROM jobs WHERE id = ?1 AND state = 0 AND lease = ?2 AND due_ms > ?3",
    [SQL_RETRY] = "UPDATE jobs SET due_ms = ?2, lease = 0 WHERE id = ?1",
    [SQL_BURY] = "UPDATE jobs SET state = 2, lease = 0 WHERE id = ?1",
    [SQL_FUTURE] = "SELECT count(*), total(lease <> 0) FROM jobs INDEXED BY jobs_due"
                   " WHERE state = 0 AND due_ms > ?1",
    [SQL_TRIM_NEXT] = "SELECT id, state FROM jobs WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT 1",
    [SQL_TRIM] = "DELETE FROM jobs WHERE id = ?1",
};

static int store_fail(struct fl_store *store, int sqlite_code, const char *doing,
                      struct fl_err *err)
{
    int code = (sqlite_code & 0xff) == SQLITE_FULL ? FL_EFULL : FL_EIO;
    return fl_err_set(err, code, "queue store %s: %s: %s", store->opts.path, doing,
                      store->db != NULL ? sqlite3_errmsg(store->db) : sqlite3_errstr(sqlite_code));
}

/** Reads the one number that a pragma gives, or -1. */
static int64_t store_pragma_number(struct fl_store *store, const char *pragma)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(store->db, pragma, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

/** A database of somebody else must not get our tables. */
static int store_check_owner(struct fl_store *store, bool *is_ours, struct fl_err *err)
{
    int64_t owner = store_pragma_number(store, "PRAGMA application_id");
    *is_ours = owner == STORE_APPLICATION_ID;
    if (*is_ours) return 0;
    if (owner == 0 && store_pragma_number(store, "SELECT count(*) FROM sqlite_schema") == 0)
        return 0;
    if (sqlite3_errcode(store->db) == SQLITE_NOTADB || sqlite3_errcode(store->db) == SQLITE_CORRUPT)
        return store_fail(store, sqlite3_errcode(store->db), "open", err);
    return fl_err_set(err, FL_EIO, "queue store %s: this is not a queue's database",
                      store->opts.path);
}

static int store_check_damage(struct fl_store *store, struct fl_err *err)
{
    struct stat st;
    if (stat(store->opts.path, &st) != 0 || st.st_size > STORE_CHECK_BYTES_MAX) return 0;

    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool sound = found != NULL && strcmp(found, "ok") == 0;
    int code = 0;
    if (!sound)
        code = fl_err_set(err, FL_EIO, "queue store %s: damaged: %s", store->opts.path,
                          found != NULL ? found : sqlite3_errmsg(store->db));
    sqlite3_finalize(stmt);
    return code;
}

/** is_ours: the tables are there (both came in one transaction); saying so again costs an fsync. */
static int store_prepare(struct fl_store *store, bool is_ours, struct fl_err *err)
{
    int rc = is_ours ? SQLITE_OK : sqlite3_exec(store->db, store_schema, NULL, NULL, NULL);
    if (rc != SQLITE_OK) return store_fail(store, rc, "schema", err);

    for (int i = 0; i < SQL_COUNT; i++) {
        rc = sqlite3_prepare_v3(store->db, store_sql_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &store->sql[i], NULL);
        if (rc != SQLITE_OK) return store_fail(store, rc, store_sql_text[i], err);
    }
    return 0;
}

static int store_set_limits(struct fl_store *store, struct fl_err *err)
{
    if (store->opts.pages_max == 0) return 0;
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA max_page_count=%lld", (long long)store->opts.pages_max);
    int rc = sqlite3_exec(store->db, pragma, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : store_fail(store, rc, "limit", err);
}

static void store_fill_opts(struct fl_store *store, const struct fl_store_opts *opts)
{
    store->opts = *opts;
    store->opts.path = fl_strdup(opts->path);
    if (store->opts.jobs_max == 0) store->opts.jobs_max = 1000000;
    if (store->opts.done_max == 0) store->opts.done_max = 500000;
    if (store->opts.attempts_max == 0) store->opts.attempts_max = 25;
    if (store->opts.retry_ms == 0) store->opts.retry_ms = 500;
    fl_rng_init(&store->rng, opts->seed != 0 ? opts->seed : fl_rng_fresh_seed());
}

int fl_store_open(struct fl_store **out, const struct fl_store_opts *opts, struct fl_err *err)
{
    FL_ASSERT(opts->path != NULL);
    struct fl_store *store = fl_new(struct fl_store);
    store_fill_opts(store, opts);

    const char *doing = "open";
    /* NOMUTEX: our callers take turns; the answer is a result code and never a silent wait */
    int rc = sqlite3_open_v2(store->opts.path, &store->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             NULL);
    if (rc != SQLITE_OK) goto fail;
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    /* Closing happens when something crashed or stops: the log stays, and whoever opens next goes
     * on with it, which is a few milliseconds and no fsync. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);

    bool is_ours;
    int code = store_check_owner(store, &is_ours, err);
    if (code != 0) goto fail_said;

    doing = "pragmas";
    rc = sqlite3_exec(store->db, store_pragmas, NULL, NULL, NULL);
    if (rc != SQLITE_OK) goto fail;

    if (!store->opts.unchecked) code = store_check_damage(store, err);
    if (code == 0) code = store_prepare(store, is_ours, err);
    if (code == 0) code = store_set_limits(store, err);
    if (code != 0) goto fail_said;

    *out = store;
    return 0;

fail:
    code = store_fail(store, rc, doing, err);
fail_said:
    fl_store_close(store);
    return code;
}

void fl_store_close(struct fl_store *store)
{
    if (store == NULL) return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(store->sql[i]);
    int rc = sqlite3_close(store->db);
    FL_ASSERT(rc == SQLITE_OK); /* everything prepared is finalized */
    free((char *)store->opts.path);
    free(store);
}

void fl_store_op_fini(struct fl_store_op *op)
{
    for (size_t i = 0; i < op->jobs_count; i++)
        free(op->jobs[i].bytes);
    free(op->jobs);
    op->jobs = NULL;
    op->jobs_count = 0;
}

/** Runs a statement that gives no rows. */
static int store_step(struct fl_store *store, enum store_sql which)
{
    int rc = sqlite3_step(store->sql[which]);
    int reset = sqlite3_reset(store->sql[which]);
    return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

static int store_counts_read(struct fl_store *store)
{
    sqlite3_stmt *stmt = store->sql[SQL_COUNTS_READ];
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        store->counts = (struct store_counts){
            .next_id = sqlite3_column_int64(stmt, 0),
            .open = sqlite3_column_int64(stmt, 1),
            .done = sqlite3_column_int64(stmt, 2),
            .dead = sqlite3_column_int64(stmt, 3),
            .trimmed = sqlite3_column_int64(stmt, 4),
        };
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static int store_counts_write(struct fl_store *store)
{
    sqlite3_stmt *stmt = store->sql[SQL_COUNTS_WRITE];
    sqlite3_bind_int64(stmt, 1, store->counts.next_id);
    sqlite3_bind_int64(stmt, 2, store->counts.open);
    sqlite3_bind_int64(stmt, 3, store->counts.done);
    sqlite3_bind_int64(stmt, 4, store->counts.dead);
    sqlite3_bind_int64(stmt, 5, store->counts.trimmed);
    return store_step(store, SQL_COUNTS_WRITE);
}

/** Everything between BEGIN and COMMIT. */
static int store_run_group(struct fl_store *store, struct fl_store_op *ops, size_t count,
                           int64_t now_ms, const char **doing)
{
    *doing = "read counts";
    store->dirty = false;
    int rc = store_counts_read(store);

    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        *doing = "operation";
        rc = fl_store_op_run(store, &ops[i], now_ms);
    }
    /* A group that changed nothing (a lease of an empty queue) writes nothing, so it costs no
     * fsync. */
    if (rc != SQLITE_OK || !store->dirty) return rc;

    *doing = "trim";
    rc = fl_store_trim(store);
    if (rc != SQLITE_OK) return rc;
    *doing = "write counts";
    return store_counts_write(store);
}

int fl_store_apply(struct fl_store *store, struct fl_store_op *ops, size_t count, int64_t now_ms,
                   struct fl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        FL_ASSERT(ops[i].jobs == NULL);
        ops[i].code = FL_EIO;
    }
    if (count > FL_STORE_GROUP_MAX)
        return fl_err_set(err, FL_ERANGE, "a group of %zu operations; at most %d", count,
                          FL_STORE_GROUP_MAX);
    if (count == 0) return 0;

    const char *doing = "begin";
    int rc = store_step(store, SQL_BEGIN);
    if (rc == SQLITE_OK) rc = store_run_group(store, ops, count, now_ms, &doing);
    if (rc == SQLITE_OK) {
        doing = "commit";
        rc = store_step(store, SQL_COMMIT);
    }
    if (rc == SQLITE_OK) return 0;

    int code = store_fail(store, rc, doing, err);
    if (!sqlite3_get_autocommit(store->db)) store_step(store, SQL_ROLLBACK);
    for (size_t i = 0; i < count; i++) {
        fl_store_op_fini(&ops[i]);
        ops[i].code = code;
    }
    return code;
}
