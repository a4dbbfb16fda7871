/* store_schema.c: the tables, and how a file of an older version gets them. */
#include "services/queue/store_inside.h"

#define STORE_VERSION 2 /* user_version; files of the first one have 0 */

/* payload is last, so that reading the rest of a row never touches its overflow pages. */
static const char schema_tables[] =
    "CREATE TABLE queues("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, handler TEXT NOT NULL DEFAULT '',"
    "  max_jobs INTEGER NOT NULL DEFAULT 0, keep_done INTEGER NOT NULL DEFAULT 0,"
    "  keep_done_ms INTEGER NOT NULL DEFAULT 0, concurrency INTEGER NOT NULL DEFAULT 0,"
    "  rate INTEGER NOT NULL DEFAULT 0, visibility_ms INTEGER NOT NULL DEFAULT 0,"
    "  max_attempts INTEGER NOT NULL DEFAULT 0, backoff_ms INTEGER NOT NULL DEFAULT 0,"
    "  backoff_max_ms INTEGER NOT NULL DEFAULT 0, paused INTEGER NOT NULL DEFAULT 0,"
    "  workers INTEGER NOT NULL DEFAULT 0, scheduled INTEGER NOT NULL DEFAULT 0,"
    "  ready INTEGER NOT NULL DEFAULT 0, leased INTEGER NOT NULL DEFAULT 0,"
    "  done INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0,"
    "  n_enqueued INTEGER NOT NULL DEFAULT 0, n_leases INTEGER NOT NULL DEFAULT 0,"
    "  n_done INTEGER NOT NULL DEFAULT 0, n_failed INTEGER NOT NULL DEFAULT 0,"
    "  n_died INTEGER NOT NULL DEFAULT 0, n_expired INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE jobs("
    "  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, state INTEGER NOT NULL,"
    "  rank INTEGER NOT NULL, priority INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    "  lease INTEGER NOT NULL, created_ms INTEGER NOT NULL, attempts_max INTEGER,"
    "  backoff_ms INTEGER, backoff_max_ms INTEGER, key BLOB, uniq BLOB, worker BLOB, error BLOB,"
    "  result BLOB, payload BLOB);"
    "CREATE TABLE repeats("
    "  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, name TEXT NOT NULL, cron TEXT NOT NULL,"
    "  priority INTEGER NOT NULL, misfire INTEGER NOT NULL, next_ms INTEGER NOT NULL,"
    "  last_ms INTEGER NOT NULL, fired INTEGER NOT NULL, payload BLOB NOT NULL,"
    "  UNIQUE(queue, name));"
    "CREATE INDEX repeats_next ON repeats(next_ms);"
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one = 1), next_id INTEGER NOT NULL,"
    "  clock_ms INTEGER NOT NULL);";

/* After the rows are there, which is faster for a file that is brought up to date. */
static const char schema_indexes[] =
    "CREATE INDEX jobs_order ON jobs(queue, state, rank, id);"
    "CREATE UNIQUE INDEX jobs_key ON jobs(queue, key) WHERE key IS NOT NULL;"
    "CREATE UNIQUE INDEX jobs_unique ON jobs(queue, uniq) WHERE uniq IS NOT NULL AND state < 3;"
    "PRAGMA application_id = 1179406641;"
    "PRAGMA user_version = 2;";

/* The first version knew one queue; a job that waited for its time was told from one that was ready
 * only by the time. State 0 was open, 1 done, 2 dead; a lease of 0 is none. */
static const char schema_from_1[] =
    "INSERT INTO queues(id, name, max_jobs, keep_done, visibility_ms, max_attempts, backoff_ms,"
    "  backoff_max_ms, scheduled, leased, done, dead)"
    "  SELECT 1, 'default', 0, 0, 0, 0, 0, 0, coalesce(sum(state = 0 AND lease = 0), 0),"
    "  coalesce(sum(state = 0 AND lease <> 0), 0), coalesce(sum(state = 1), 0),"
    "  coalesce(sum(state = 2), 0) FROM jobs_1;"
    "UPDATE queues SET n_enqueued = scheduled + leased + done + dead, n_done = done, n_died = dead;"
    "INSERT INTO jobs(id, queue, state, rank, priority, attempt, lease, created_ms, key, payload)"
    "  SELECT id, 1, CASE WHEN state = 1 THEN 3 WHEN state = 2 THEN 4 WHEN lease <> 0 THEN 2"
    "  ELSE 0 END, due_ms, 0, attempt, lease, due_ms, key, payload FROM jobs_1 ORDER BY id;"
    "INSERT INTO meta SELECT 1, next_id, 0 FROM counts;"
    "DROP TABLE jobs_1;"
    "DROP TABLE counts;";

static int schema_run(struct fl_store *store, const char *sql)
{
    return sqlite3_exec(store->disk.db, sql, NULL, NULL, NULL);
}

/** A queue of the first version gets the settings of a new one. */
static int schema_standard_settings(struct fl_store *store)
{
    struct fl_buf sql = {0};
    struct fl_queue_config config;
    fl_queue_config_init(&config);
    config.values[FL_SET_DONE_MAX] = store->opts.done_max;
    config.values[FL_SET_ATTEMPTS_MAX] = store->opts.attempts_max;
    fl_buf_puts(&sql, "UPDATE queues SET handler = ''");
    for (int i = 0; i < FL_SET_COUNT; i++)
        fl_buf_printf(&sql, ", %s = %lld", fl_queue_settings[i].name, (long long)config.values[i]);
    int rc = schema_run(store, sql.at);
    fl_buf_fini(&sql);
    return rc;
}

static int schema_make(struct fl_store *store, bool from_1, const char **doing)
{
    *doing = "begin";
    int rc = schema_run(store, "BEGIN IMMEDIATE");
    if (rc != SQLITE_OK) return rc;
    /* somebody else may have been faster */
    if (fl_disk_number(&store->disk, "PRAGMA user_version") == STORE_VERSION)
        return schema_run(store, "COMMIT");
    *doing = "schema";
    if (from_1)
        rc = schema_run(store, "DROP INDEX IF EXISTS jobs_due;"
                               "ALTER TABLE jobs RENAME TO jobs_1;");
    if (rc == SQLITE_OK) rc = schema_run(store, schema_tables);
    *doing = from_1 ? "jobs of version 1" : "schema";
    if (rc == SQLITE_OK)
        rc = schema_run(store, from_1 ? schema_from_1 : "INSERT INTO meta VALUES(1, 1, 0);");
    if (rc == SQLITE_OK && from_1) rc = schema_standard_settings(store);
    if (rc == SQLITE_OK) rc = schema_run(store, schema_indexes);
    if (rc == SQLITE_OK) rc = schema_run(store, "COMMIT");
    return rc;
}

int fl_store_schema(struct fl_disk *disk, bool is_new, void *cx, struct fl_err *err)
{
    struct fl_store *store = cx;
    int64_t version = fl_disk_number(disk, "PRAGMA user_version");
    if (!is_new && version == STORE_VERSION) return 0;
    if (version > STORE_VERSION)
        return fl_err_set(err, FL_EIO,
                          "queue store %s: the file is of version %lld, this program knows %d; run "
                          "the newer program that wrote it",
                          disk->path, (long long)version, STORE_VERSION);
    const char *doing = "";
    int rc = schema_make(store, !is_new, &doing);
    if (rc == SQLITE_OK) return 0;
    int code = fl_disk_fail(disk, rc, doing, err);
    fl_disk_rollback(disk);
    return code;
}
