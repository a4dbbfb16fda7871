#include "services/editor/archive_inside.h"

#include <sys/stat.h>

#define ARCHIVE_APPLICATION_ID 0x464c4531 /* "FLE1" */
#define ARCHIVE_BUSY_MS 5000
/* A file up to this size is checked whole when it is opened, which takes a few milliseconds;
 * damage in a larger one shows when it is read. */
#define ARCHIVE_CHECK_BYTES_MAX (8 << 20)

static const char archive_pragmas[] = "PRAGMA journal_mode=WAL;"
                                      "PRAGMA synchronous=FULL;"
                                      "PRAGMA cell_size_check=ON;"
                                      "PRAGMA temp_store=MEMORY;"
                                      "PRAGMA journal_size_limit=67108864;";

static const char archive_schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, head INTEGER NOT NULL,"
    "  floor INTEGER NOT NULL, changed_ms INTEGER NOT NULL);"
    "CREATE INDEX docs_changed ON docs(changed_ms);"
    "CREATE TABLE ops(doc INTEGER NOT NULL, rev INTEGER NOT NULL, client BLOB NOT NULL,"
    "  seq INTEGER NOT NULL, by BLOB NOT NULL, at_ms INTEGER NOT NULL, inserted INTEGER NOT NULL,"
    "  deleted INTEGER NOT NULL, edit BLOB NOT NULL, PRIMARY KEY(doc, rev)) WITHOUT ROWID;"
    "CREATE TABLE snaps(doc INTEGER NOT NULL, rev INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  text BLOB NOT NULL, PRIMARY KEY(doc, rev));"
    "CREATE TABLE seen(doc INTEGER NOT NULL, client BLOB NOT NULL, seq INTEGER NOT NULL,"
    "  rev INTEGER NOT NULL, PRIMARY KEY(doc, client)) WITHOUT ROWID;"
    "PRAGMA application_id = 1179403569;"
    "COMMIT;";

static const char *const archive_sql_text[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_FIND] = "SELECT id, head, floor FROM docs WHERE name = ?1",
    [SQL_COUNT_DOCS] = "SELECT count(*) FROM docs",
    [SQL_MAKE] = "INSERT INTO docs(name, head, floor, changed_ms) VALUES(?1, 0, 0, 0)",
    [SQL_HEAD] = "UPDATE docs SET head = ?2, changed_ms = ?3 WHERE id = ?1",
    [SQL_APPEND] = "INSERT INTO ops(doc, rev, client, seq, by, at_ms, inserted, deleted, edit)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_SNAP] = "INSERT OR REPLACE INTO snaps(doc, rev, at_ms, text) VALUES(?1, ?2, ?3, ?4)",
    [SQL_OLD_SNAP] = "SELECT max(rev) FROM snaps WHERE doc = ?1 AND rev <= ?2",
    [SQL_KEEP_SEEN] = "INSERT INTO seen(doc, client, seq, rev)"
                      " SELECT doc, client, max(seq), max(rev) FROM ops"
                      " WHERE doc = ?1 AND rev <= ?2 GROUP BY client"
                      " ON CONFLICT(doc, client) DO UPDATE SET"
                      " seq = max(seq, excluded.seq), rev = max(rev, excluded.rev)",
    [SQL_DROP_OPS] = "DELETE FROM ops WHERE doc = ?1 AND rev <= ?2",
    [SQL_DROP_SNAPS] = "DELETE FROM snaps WHERE doc = ?1 AND rev < ?2",
    /* of clients that were last heard of long ago, all but 10,000 go */
    [SQL_DROP_SEEN] = "DELETE FROM seen WHERE doc = ?1 AND rev < coalesce((SELECT rev FROM seen"
                      " WHERE doc = ?1 ORDER BY rev DESC LIMIT 1 OFFSET 10000), 0)",
    [SQL_FLOOR] = "UPDATE docs SET floor = ?2 WHERE id = ?1",
    [SQL_TEXT] = "SELECT rev, text FROM snaps WHERE doc = ?1 AND rev <= ?2 ORDER BY rev DESC"
                 " LIMIT 1",
    [SQL_ROWS] = "SELECT rev, seq, at_ms, inserted, deleted, client, by, edit FROM ops"
                 " WHERE doc = ?1 AND rev > ?2 AND rev <= ?3 ORDER BY rev",
    [SQL_RECENT] = "SELECT rev, seq, at_ms, inserted, deleted, client, by, x'' FROM ops"
                   " WHERE doc = ?1 AND rev < ?2 ORDER BY rev DESC",
    [SQL_SEEN] =
        "SELECT max((SELECT coalesce(max(seq), 0) FROM ops WHERE doc = ?1 AND client = ?2),"
        " (SELECT coalesce(max(seq), 0) FROM seen WHERE doc = ?1 AND client = ?2))",
    [SQL_LIST] = "SELECT name, head, changed_ms FROM docs ORDER BY changed_ms DESC LIMIT ?1",
};

int fl_doc_archive_fail(struct fl_doc_archive *archive, int sqlite_code, const char *doing,
                        struct fl_err *err)
{
    int code = (sqlite_code & 0xff) == SQLITE_FULL ? FL_EFULL : FL_EIO;
    return fl_err_set(err, code, "editor store %s: %s: %s", archive->opts.path, doing,
                      archive->db != NULL ? sqlite3_errmsg(archive->db)
                                          : sqlite3_errstr(sqlite_code));
}

/** Reads the one number that a pragma gives, or -1. */
static int64_t archive_number(struct fl_doc_archive *archive, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(archive->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

/** A database of somebody else must not get our tables. */
static int archive_check_owner(struct fl_doc_archive *archive, bool *is_ours, struct fl_err *err)
{
    int64_t owner = archive_number(archive, "PRAGMA application_id");
    *is_ours = owner == ARCHIVE_APPLICATION_ID;
    if (*is_ours) return 0;
    if (owner == 0 && archive_number(archive, "SELECT count(*) FROM sqlite_schema") == 0) return 0;
    int said = sqlite3_errcode(archive->db) & 0xff;
    if (said == SQLITE_NOTADB || said == SQLITE_CORRUPT)
        return fl_doc_archive_fail(archive, said, "open", err);
    return fl_err_set(err, FL_EIO, "editor store %s: this is not an editor's database",
                      archive->opts.path);
}

static int archive_check_damage(struct fl_doc_archive *archive, struct fl_err *err)
{
    struct stat st;
    if (stat(archive->opts.path, &st) != 0 || st.st_size > ARCHIVE_CHECK_BYTES_MAX) return 0;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(archive->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    int code = 0;
    if (found == NULL || strcmp(found, "ok") != 0)
        code = fl_err_set(err, FL_EIO, "editor store %s: damaged: %s", archive->opts.path,
                          found != NULL ? found : sqlite3_errmsg(archive->db));
    sqlite3_finalize(stmt);
    return code;
}

static int archive_prepare(struct fl_doc_archive *archive, bool is_ours, struct fl_err *err)
{
    int rc = is_ours ? SQLITE_OK : sqlite3_exec(archive->db, archive_schema, NULL, NULL, NULL);
    if (rc != SQLITE_OK) return fl_doc_archive_fail(archive, rc, "schema", err);
    if (archive->opts.pages_max > 0) {
        char pragma[64];
        snprintf(pragma, sizeof pragma, "PRAGMA max_page_count=%lld",
                 (long long)archive->opts.pages_max);
        rc = sqlite3_exec(archive->db, pragma, NULL, NULL, NULL);
        if (rc != SQLITE_OK) return fl_doc_archive_fail(archive, rc, "limit", err);
    }
    for (int i = 0; i < SQL_COUNT; i++) {
        rc = sqlite3_prepare_v3(archive->db, archive_sql_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &archive->sql[i], NULL);
        if (rc != SQLITE_OK) return fl_doc_archive_fail(archive, rc, archive_sql_text[i], err);
    }
    return 0;
}

int fl_doc_archive_open(struct fl_doc_archive **out, const struct fl_doc_archive_opts *opts,
                        struct fl_err *err)
{
    FL_ASSERT(opts->path != NULL);
    struct fl_doc_archive *archive = fl_new(struct fl_doc_archive);
    archive->opts = *opts;
    archive->opts.path = fl_strdup(opts->path);
    if (archive->opts.docs_max == 0) archive->opts.docs_max = 100000;
    if (archive->opts.keep_revs == 0) archive->opts.keep_revs = 10000;

    /* NOMUTEX: our callers take turns; the answer is a result code and never a silent wait */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(archive->opts.path, &archive->db, flags, NULL), code = 0;
    if (rc != SQLITE_OK) {
        code = fl_doc_archive_fail(archive, rc, "open", err);
        goto fail;
    }
    sqlite3_extended_result_codes(archive->db, 1);
    sqlite3_busy_timeout(archive->db, ARCHIVE_BUSY_MS);
    /* Closing happens when something crashed or stops: whoever opens next goes on with the log. */
    sqlite3_db_config(archive->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);

    bool is_ours;
    code = archive_check_owner(archive, &is_ours, err);
    if (code != 0) goto fail;
    rc = sqlite3_exec(archive->db, archive_pragmas, NULL, NULL, NULL);
    if (rc != SQLITE_OK) code = fl_doc_archive_fail(archive, rc, "pragmas", err);
    if (code == 0) code = archive_check_damage(archive, err);
    if (code == 0) code = archive_prepare(archive, is_ours, err);
    if (code != 0) goto fail;
    *out = archive;
    return 0;

fail:
    fl_doc_archive_close(archive);
    return code;
}

void fl_doc_archive_close(struct fl_doc_archive *archive)
{
    if (archive == NULL) return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(archive->sql[i]);
    int rc = sqlite3_close(archive->db);
    FL_ASSERT(rc == SQLITE_OK); /* everything prepared is finalized */
    free((char *)archive->opts.path);
    free(archive);
}
