#include "services/chat/archive_inside.h"

#include <stdio.h>
#include <sys/stat.h>

#define ARCHIVE_APPLICATION_ID 0x464c4331 /* "FLC1" */
#define ARCHIVE_BUSY_MS 5000
/* A file up to this size is checked whole when it is opened; damage in a larger one shows when it
 * is read. */
#define ARCHIVE_CHECK_BYTES_MAX (8 << 20)

static const char archive_pragmas[] = "PRAGMA journal_mode=WAL;"
                                      "PRAGMA cell_size_check=ON;"
                                      "PRAGMA temp_store=MEMORY;"
                                      "PRAGMA journal_size_limit=67108864;";

/* The id of a message is its room and its seq in one number, so that a room's messages lie in a row
 * and need no index. Only edited ones are found by their number. */
static const char archive_schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS rooms("
    "  id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, last INTEGER NOT NULL,"
    "  count INTEGER NOT NULL, pruned INTEGER NOT NULL, at_ms INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS rooms_at ON rooms(at_ms);"
    "CREATE TABLE IF NOT EXISTS messages("
    "  id INTEGER PRIMARY KEY, room INTEGER NOT NULL, user BLOB NOT NULL, client BLOB NOT NULL,"
    "  number INTEGER NOT NULL, at_ms INTEGER NOT NULL, edited_ms INTEGER NOT NULL, body BLOB);"
    "CREATE UNIQUE INDEX IF NOT EXISTS messages_client ON messages(room, user, client);"
    "CREATE INDEX IF NOT EXISTS messages_edited ON messages(room, number) WHERE edited_ms > 0;"
    "PRAGMA application_id = 1179403057;"
    "COMMIT;";

#define ARCHIVE_ROW "id, user, client, number, at_ms, edited_ms, body"

static const char *const archive_sql_text[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_ROOM] = "SELECT id, last, count, pruned, at_ms FROM rooms WHERE name = ?1",
    [SQL_ROOMS] = "SELECT count(*) FROM rooms",
    [SQL_ROOM_NEW] = "INSERT INTO rooms(name, last, count, pruned, at_ms) VALUES(?1, 0, 0, 0, 0)",
    [SQL_ROOM_SET] =
        "UPDATE rooms SET last = ?2, count = ?3, pruned = ?4, at_ms = ?5 WHERE id = ?1",
    [SQL_SAID] = "SELECT " ARCHIVE_ROW
                 " FROM messages WHERE room = ?1 AND user = ?2 AND client = ?3",
    [SQL_SAY] = "INSERT INTO messages(id, room, user, client, number, at_ms, edited_ms, body)"
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
    [SQL_ONE] = "SELECT " ARCHIVE_ROW " FROM messages WHERE id = ?1",
    [SQL_CHANGE] = "UPDATE messages SET number = ?2, edited_ms = ?3, body = ?4 WHERE id = ?1",
    [SQL_OLDEST] = "SELECT id FROM messages WHERE id > ?1 ORDER BY id LIMIT 1",
    [SQL_DROP] = "DELETE FROM messages WHERE id = ?1",
    [SQL_BEFORE] = "SELECT " ARCHIVE_ROW
                   " FROM messages WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
    [SQL_AFTER] = "SELECT " ARCHIVE_ROW
                  " FROM messages WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
    [SQL_EDITED] = "SELECT " ARCHIVE_ROW " FROM messages INDEXED BY messages_edited"
                   " WHERE room = ?1 AND number > ?2 AND edited_ms > 0 AND id <= ?3"
                   " ORDER BY number LIMIT ?4",
    [SQL_LATEST] = "SELECT name, count, at_ms FROM rooms ORDER BY at_ms DESC LIMIT ?1",
};

static int archive_fail(struct fl_archive *archive, int sqlite_code, const char *doing,
                        struct fl_err *err)
{
    int code = (sqlite_code & 0xff) == SQLITE_FULL ? FL_EFULL : FL_EIO;
    return fl_err_set(err, code, "chat archive %s: %s: %s", archive->opts.path, doing,
                      archive->db != NULL ? sqlite3_errmsg(archive->db)
                                          : sqlite3_errstr(sqlite_code));
}

/* The one number that a pragma gives, or -1. */
static int64_t archive_number(struct fl_archive *archive, const char *pragma)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(archive->db, pragma, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

/* A database of somebody else must not get our tables. */
static int archive_check_owner(struct fl_archive *archive, bool *is_ours, struct fl_err *err)
{
    int64_t owner = archive_number(archive, "PRAGMA application_id");
    *is_ours = owner == ARCHIVE_APPLICATION_ID;
    if (*is_ours) return 0;
    if (owner == 0 && archive_number(archive, "SELECT count(*) FROM sqlite_schema") == 0) return 0;
    int code = sqlite3_errcode(archive->db);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return archive_fail(archive, code, "open", err);
    return fl_err_set(err, FL_EIO, "chat archive %s: this is not a chat's database",
                      archive->opts.path);
}

static int archive_check_damage(struct fl_archive *archive, struct fl_err *err)
{
    struct stat st;
    if (stat(archive->opts.path, &st) != 0 || st.st_size > ARCHIVE_CHECK_BYTES_MAX) return 0;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(archive->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    int code = 0;
    if (found == NULL || strcmp(found, "ok") != 0)
        code = fl_err_set(err, FL_EIO, "chat archive %s: damaged: %s", archive->opts.path,
                          found != NULL ? found : sqlite3_errmsg(archive->db));
    sqlite3_finalize(stmt);
    return code;
}

/* is_ours: the tables are there; saying so again costs an fsync. */
static int archive_prepare(struct fl_archive *archive, bool is_ours, struct fl_err *err)
{
    int rc = is_ours ? SQLITE_OK : sqlite3_exec(archive->db, archive_schema, NULL, NULL, NULL);
    if (rc != SQLITE_OK) return archive_fail(archive, rc, "schema", err);
    for (int i = 0; i < SQL_COUNT; i++) {
        rc = sqlite3_prepare_v3(archive->db, archive_sql_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &archive->sql[i], NULL);
        if (rc != SQLITE_OK) return archive_fail(archive, rc, archive_sql_text[i], err);
    }
    return 0;
}

static int archive_set_up(struct fl_archive *archive, struct fl_err *err)
{
    char pragma[96];
    int rc = sqlite3_exec(archive->db, archive_pragmas, NULL, NULL, NULL);
    snprintf(pragma, sizeof pragma, "PRAGMA synchronous=%s; PRAGMA max_page_count=%lld",
             archive->opts.relaxed ? "NORMAL" : "FULL", (long long)archive->opts.pages_max);
    if (rc == SQLITE_OK) rc = sqlite3_exec(archive->db, pragma, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : archive_fail(archive, rc, "pragmas", err);
}

static struct fl_archive *archive_new(const struct fl_archive_opts *opts)
{
    struct fl_archive *archive = fl_new(struct fl_archive);
    archive->opts = *opts;
    archive->opts.path = fl_strdup(opts->path);
    if (archive->opts.kept_max == 0) archive->opts.kept_max = 2000;
    if (archive->opts.rooms_max == 0) archive->opts.rooms_max = 100000;
    if (archive->opts.pages_max == 0) archive->opts.pages_max = 262144;
    return archive;
}

int fl_archive_open(struct fl_archive **out, const struct fl_archive_opts *opts, struct fl_err *err)
{
    FL_ASSERT(opts->path != NULL);
    struct fl_archive *archive = archive_new(opts);
    bool is_ours = false;
    /* NOMUTEX: our callers take turns */
    int rc = sqlite3_open_v2(archive->opts.path, &archive->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             NULL);
    int code = rc == SQLITE_OK ? 0 : archive_fail(archive, rc, "open", err);
    if (code == 0) {
        sqlite3_extended_result_codes(archive->db, 1);
        sqlite3_busy_timeout(archive->db, ARCHIVE_BUSY_MS);
        /* Closing happens when something crashed or stops: the log stays, whoever opens next goes
         * on with it. */
        sqlite3_db_config(archive->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        code = archive_check_owner(archive, &is_ours, err);
    }
    if (code == 0) code = archive_set_up(archive, err);
    if (code == 0 && !archive->opts.unchecked) code = archive_check_damage(archive, err);
    if (code == 0) code = archive_prepare(archive, is_ours, err);
    if (code == 0)
        *out = archive;
    else
        fl_archive_close(archive);
    return code;
}

void fl_archive_close(struct fl_archive *archive)
{
    if (archive == NULL) return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(archive->sql[i]);
    int rc = sqlite3_close(archive->db);
    FL_ASSERT(rc == SQLITE_OK); /* everything prepared is finalized */
    free((char *)archive->opts.path);
    free(archive);
}

void fl_archive_op_fini(struct fl_archive_op *op)
{
    fl_buf_fini(&op->rows);
}

static int archive_step(struct fl_archive *archive, enum archive_sql which)
{
    int rc = sqlite3_step(archive->sql[which]);
    int reset = sqlite3_reset(archive->sql[which]);
    return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

static bool archive_only_reads(const struct fl_archive_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ops[i].kind < FL_ARCHIVE_PAGE) return false;
    return true;
}

int fl_archive_apply(struct fl_archive *archive, struct fl_archive_op *ops, size_t count,
                     int64_t now_ms, struct fl_err *err)
{
    FL_ASSERT(count <= FL_ARCHIVE_GROUP_MAX);
    const char *doing = "begin";
    int rc = archive_step(archive, archive_only_reads(ops, count) ? SQL_BEGIN_READ : SQL_BEGIN);
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        doing = "operation";
        rc = fl_archive_op_run(archive, &ops[i], now_ms);
    }
    if (rc == SQLITE_OK) {
        doing = "commit";
        rc = archive_step(archive, SQL_COMMIT);
    }
    if (rc == SQLITE_OK) return 0;

    int code = archive_fail(archive, rc, doing, err);
    if (!sqlite3_get_autocommit(archive->db)) archive_step(archive, SQL_ROLLBACK);
    for (size_t i = 0; i < count; i++) {
        fl_archive_op_fini(&ops[i]);
        ops[i].code = code;
    }
    return code;
}
