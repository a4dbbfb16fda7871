#include "services/disk/disk.h"

#include <stdio.h>
#include <sys/stat.h>

#define DISK_BUSY_MS 5000
/* A file up to this size is checked whole when it is opened, which takes a few milliseconds;
 * damage in a larger one shows when it is read. */
#define DISK_CHECK_BYTES_MAX (8 << 20)

static const char disk_pragmas[] = "PRAGMA journal_mode=WAL;"
                                   "PRAGMA cell_size_check=ON;"
                                   "PRAGMA temp_store=MEMORY;"
                                   "PRAGMA journal_size_limit=67108864;";

static bool disk_is_damage(int sqlite_code)
{
    int base = sqlite_code & 0xff;
    return base == SQLITE_NOTADB || base == SQLITE_CORRUPT;
}

static const char *or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

int fl_disk_fail(const struct fl_disk *disk, int sqlite_code, const char *doing, struct fl_err *err)
{
    const struct fl_disk_kind *kind = disk->kind;
    /* SQLITE_INTERNAL is ours: a row where there must be none, of which the database knows nothing
     */
    const char *words = disk->db != NULL && sqlite_code != SQLITE_INTERNAL
                            ? sqlite3_errmsg(disk->db)
                            : sqlite3_errstr(sqlite_code);
    if ((sqlite_code & 0xff) != SQLITE_FULL)
        return fl_err_set(err, FL_EIO, "%s %s: %s: %s%s", kind->called, disk->path, doing, words,
                          disk_is_damage(sqlite_code) ? or_nothing(kind->when_damaged) : "");
    int code = kind->full_code != 0 ? kind->full_code : FL_EFULL;
    if (kind->when_full != NULL)
        return fl_err_set(err, code, "%s %s: %s: %s (%s)", kind->called, disk->path, doing,
                          kind->when_full, words);
    return fl_err_set(err, code, "%s %s: %s: %s", kind->called, disk->path, doing, words);
}

int64_t fl_disk_number(const struct fl_disk *disk, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(disk->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

void fl_disk_rollback(struct fl_disk *disk)
{
    if (!sqlite3_get_autocommit(disk->db)) sqlite3_exec(disk->db, "ROLLBACK", NULL, NULL, NULL);
}

static int disk_exec(struct fl_disk *disk, const char *sql, const char *doing, struct fl_err *err)
{
    int rc = sqlite3_exec(disk->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fl_disk_fail(disk, rc, doing, err);
}

static int disk_open_file(struct fl_disk *disk, struct fl_err *err)
{
    /* NOMUTEX: our callers take turns; the answer is a result code and never a silent wait */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(disk->path, &disk->db, flags, NULL);
    if (rc != SQLITE_OK) return fl_disk_fail(disk, rc, "open", err);
    sqlite3_extended_result_codes(disk->db, 1);
    sqlite3_busy_timeout(disk->db, DISK_BUSY_MS);
    /* Closing happens when something crashed or stops: the log stays, and whoever opens next goes
     * on with it, which is a few milliseconds and no fsync. */
    sqlite3_db_config(disk->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return 0;
}

/** A database of somebody else must not get our tables. */
static int disk_check_owner(struct fl_disk *disk, bool *is_new, struct fl_err *err)
{
    int64_t owner = fl_disk_number(disk, "PRAGMA application_id");
    *is_new = false;
    if (owner == disk->kind->application_id) return 0;
    *is_new = owner == 0 && fl_disk_number(disk, "SELECT count(*) FROM sqlite_schema") == 0;
    if (*is_new) return 0;
    int rc = sqlite3_errcode(disk->db);
    if (disk_is_damage(rc)) return fl_disk_fail(disk, rc, "open", err);
    return fl_err_set(err, FL_EIO, "%s %s: this is not %s database", disk->kind->called, disk->path,
                      disk->kind->whose);
}

static int disk_set_up(struct fl_disk *disk, bool relaxed, struct fl_err *err)
{
    int code = disk_exec(disk, disk_pragmas, "pragmas", err);
    if (code != 0) return code;
    return disk_exec(disk, relaxed ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL",
                     "pragmas", err);
}

static int disk_check_damage(struct fl_disk *disk, struct fl_err *err)
{
    struct stat st;
    if (stat(disk->path, &st) != 0 || st.st_size > DISK_CHECK_BYTES_MAX) return 0;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(disk->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    int code = 0;
    if (found == NULL || strcmp(found, "ok") != 0)
        code = fl_err_set(err, FL_EIO, "%s %s: damaged: %s%s", disk->kind->called, disk->path,
                          found != NULL ? found : sqlite3_errmsg(disk->db),
                          or_nothing(disk->kind->when_damaged));
    sqlite3_finalize(stmt);
    return code;
}

/** The tables of a file that has some are not made again: that costs an fsync. */
static int disk_make(struct fl_disk *disk, const struct fl_disk_opts *opts, bool is_new,
                     struct fl_err *err)
{
    if (opts->make != NULL) return opts->make(disk, is_new, opts->cx, err);
    return is_new ? disk_exec(disk, disk->kind->schema, "schema", err) : 0;
}

static int disk_limit(struct fl_disk *disk, int64_t pages_max, struct fl_err *err)
{
    if (pages_max == 0) return 0;
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA max_page_count=%lld", (long long)pages_max);
    return disk_exec(disk, pragma, "limit", err);
}

static int disk_compile(struct fl_disk *disk, struct fl_err *err)
{
    const struct fl_disk_kind *kind = disk->kind;
    disk->sql = fl_new_array(sqlite3_stmt *, (size_t)kind->sql_count);
    for (int i = 0; i < kind->sql_count; i++) {
        int rc = sqlite3_prepare_v3(disk->db, kind->sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &disk->sql[i], NULL);
        if (rc != SQLITE_OK) return fl_disk_fail(disk, rc, kind->sql[i], err);
    }
    return 0;
}

int fl_disk_open(struct fl_disk *disk, const struct fl_disk_kind *kind,
                 const struct fl_disk_opts *opts, struct fl_err *err)
{
    FL_ASSERT(opts->path != NULL);
    FL_ASSERT(kind->schema != NULL || opts->make != NULL);
    *disk = (struct fl_disk){.kind = kind, .path = fl_strdup(opts->path)};
    bool is_new = false;
    int code = disk_open_file(disk, err);
    if (code == 0) code = disk_check_owner(disk, &is_new, err);
    if (code == 0) code = disk_set_up(disk, opts->relaxed, err);
    if (code == 0 && !opts->unchecked) code = disk_check_damage(disk, err);
    if (code == 0) code = disk_make(disk, opts, is_new, err);
    if (code == 0) code = disk_limit(disk, opts->pages_max, err);
    if (code == 0) code = disk_compile(disk, err);
    if (code != 0) fl_disk_close(disk);
    return code;
}

void fl_disk_close(struct fl_disk *disk)
{
    for (int i = 0; disk->sql != NULL && i < disk->kind->sql_count; i++)
        sqlite3_finalize(disk->sql[i]);
    int rc = sqlite3_close(disk->db);
    FL_ASSERT(rc == SQLITE_OK); /* everything prepared is finalized */
    free(disk->sql);
    free(disk->path);
    *disk = (struct fl_disk){0};
}
