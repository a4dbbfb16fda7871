#include "services/chat/archive_inside.h"

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

static const struct fl_disk_kind archive_kind = {
    .called = "chat archive",
    .whose = "a chat's",
    .application_id = 0x464c4331, /* "FLC1" */
    .schema = archive_schema,
    .sql = archive_sql_text,
    .sql_count = SQL_COUNT,
};

int fl_archive_open(struct fl_archive **out, const struct fl_archive_opts *opts, struct fl_err *err)
{
    struct fl_archive *archive = fl_new(struct fl_archive);
    archive->kept_max = opts->kept_max != 0 ? opts->kept_max : 2000;
    archive->rooms_max = opts->rooms_max != 0 ? opts->rooms_max : 100000;
    const struct fl_disk_opts disk = {
        .path = opts->path,
        .pages_max = opts->pages_max != 0 ? opts->pages_max : 262144,
        .relaxed = opts->relaxed,
        .unchecked = opts->unchecked,
    };
    int code = fl_disk_open(&archive->disk, &archive_kind, &disk, err);
    if (code == 0)
        *out = archive;
    else
        free(archive);
    return code;
}

void fl_archive_close(struct fl_archive *archive)
{
    if (archive == NULL) return;
    fl_disk_close(&archive->disk);
    free(archive);
}

void fl_archive_op_fini(struct fl_archive_op *op)
{
    fl_buf_fini(&op->rows);
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
    int rc = fl_statement_run(
        archive->disk.sql[archive_only_reads(ops, count) ? SQL_BEGIN_READ : SQL_BEGIN]);
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        doing = "operation";
        rc = fl_archive_op_run(archive, &ops[i], now_ms);
    }
    if (rc == SQLITE_OK) {
        doing = "commit";
        rc = fl_statement_run(archive->disk.sql[SQL_COMMIT]);
    }
    if (rc == SQLITE_OK) return 0;

    int code = fl_disk_fail(&archive->disk, rc, doing, err);
    fl_disk_rollback(&archive->disk);
    for (size_t i = 0; i < count; i++) {
        fl_archive_op_fini(&ops[i]);
        ops[i].code = code;
    }
    return code;
}
