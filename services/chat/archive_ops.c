#include "services/chat/archive_inside.h"

#include "runtime/base/json.h"

#define SEQ_BITS 40
#define SEQ_MAX ((INT64_C(1) << SEQ_BITS) - 1)

struct room_row {
    int64_t id, last, count;
    int64_t pruned; /* the newest seq that is not kept any more */
    int64_t at_ms;  /* when something was said last */
};

void fl_message_put(const struct fl_message *message, struct fl_buf *out)
{
    fl_buf_puts(out, "{\"user\":");
    fl_json_put_str(out, message->user);
    fl_buf_puts(out, ",\"body\":");
    if (message->is_erased)
        fl_buf_puts(out, "null,\"deleted\":true");
    else
        fl_buf_add(out, message->body.at, message->body.len);
    if (message->id.len > 0 && message->id.at[0] != '~') {
        fl_buf_puts(out, ",\"id\":");
        fl_buf_add(out, message->id.at, message->id.len);
    }
    fl_buf_printf(out, ",\"at\":%lld", (long long)message->at_ms);
    if (message->edited_ms != 0)
        fl_buf_printf(out, ",\"edited_at\":%lld", (long long)message->edited_ms);
    fl_buf_printf(out, ",\"seq\":%lld,\"ver\":%lld}", (long long)message->seq,
                  (long long)message->number);
}

static int64_t ops_id(const struct room_row *room, int64_t seq)
{
    return room->id << SEQ_BITS | seq;
}

/* The message that a statement over ARCHIVE_ROW stands on; views live until it moves. */
static struct fl_message ops_message(sqlite3_stmt *stmt)
{
    return (struct fl_message){
        .seq = sqlite3_column_int64(stmt, 0) & SEQ_MAX,
        .user = fl_statement_bytes(stmt, 1),
        .id = fl_statement_bytes(stmt, 2),
        .number = sqlite3_column_int64(stmt, 3),
        .at_ms = sqlite3_column_int64(stmt, 4),
        .edited_ms = sqlite3_column_int64(stmt, 5),
        .body = fl_statement_bytes(stmt, 6),
        .is_erased = sqlite3_column_type(stmt, 6) == SQLITE_NULL,
    };
}

/* ---- rooms */

/* The room, with id 0 when nothing was ever said there. */
static int room_find(struct fl_archive *archive, struct fl_str name, struct room_row *out)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_ROOM];
    *out = (struct room_row){0};
    fl_statement_bind(stmt, 1, name);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = (struct room_row){
            .id = sqlite3_column_int64(stmt, 0),
            .last = sqlite3_column_int64(stmt, 1),
            .count = sqlite3_column_int64(stmt, 2),
            .pruned = sqlite3_column_int64(stmt, 3),
            .at_ms = sqlite3_column_int64(stmt, 4),
        };
    return fl_statement_ended(stmt, rc);
}

/* Leaves id 0 when there are too many. */
static int room_make(struct fl_archive *archive, struct fl_str name, struct room_row *out)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_ROOMS];
    int rc = sqlite3_step(stmt);
    int64_t count = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    fl_statement_ended(stmt, rc);
    if (rc != SQLITE_ROW) return rc;
    if (count >= archive->rooms_max) return SQLITE_OK;
    fl_statement_bind(archive->disk.sql[SQL_ROOM_NEW], 1, name);
    rc = fl_statement_run(archive->disk.sql[SQL_ROOM_NEW]);
    return rc == SQLITE_OK ? room_find(archive, name, out) : rc;
}

static int room_write(struct fl_archive *archive, const struct room_row *room)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_ROOM_SET];
    sqlite3_bind_int64(stmt, 1, room->id);
    sqlite3_bind_int64(stmt, 2, room->last);
    sqlite3_bind_int64(stmt, 3, room->count);
    sqlite3_bind_int64(stmt, 4, room->pruned);
    sqlite3_bind_int64(stmt, 5, room->at_ms);
    return fl_statement_run(stmt);
}

/* Drops the oldest messages beyond kept_max. */
static int room_prune(struct fl_archive *archive, struct room_row *room)
{
    while (room->count > archive->kept_max) {
        sqlite3_stmt *oldest = archive->disk.sql[SQL_OLDEST];
        sqlite3_bind_int64(oldest, 1, ops_id(room, 0));
        int rc = sqlite3_step(oldest);
        int64_t id = rc == SQLITE_ROW ? sqlite3_column_int64(oldest, 0) : 0;
        fl_statement_ended(oldest, rc);
        if (rc != SQLITE_ROW) return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
        sqlite3_bind_int64(archive->disk.sql[SQL_DROP], 1, id);
        rc = fl_statement_run(archive->disk.sql[SQL_DROP]);
        if (rc != SQLITE_OK) return rc;
        room->pruned = id & SEQ_MAX;
        room->count--;
    }
    return SQLITE_OK;
}

/* ---- changes */

static int ops_find_said(struct fl_archive *archive, const struct room_row *room,
                         struct fl_archive_op *op)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_SAID];
    sqlite3_bind_int64(stmt, 1, room->id);
    fl_statement_bind(stmt, 2, op->user);
    fl_statement_bind(stmt, 3, op->id);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        struct fl_message said = ops_message(stmt);
        op->existed = true;
        op->seq = op->number = said.seq;
        op->at_ms = op->said_ms = said.at_ms;
    }
    return fl_statement_ended(stmt, rc);
}

static int ops_say_new(struct fl_archive *archive, struct room_row *room, struct fl_archive_op *op,
                       int64_t now_ms)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_SAY];
    op->seq = op->number = ++room->last;
    op->at_ms = op->said_ms = room->at_ms = now_ms;
    sqlite3_bind_int64(stmt, 1, ops_id(room, op->seq));
    sqlite3_bind_int64(stmt, 2, room->id);
    fl_statement_bind(stmt, 3, op->user);
    fl_statement_bind(stmt, 4, op->id);
    sqlite3_bind_int64(stmt, 5, op->number);
    sqlite3_bind_int64(stmt, 6, now_ms);
    fl_statement_bind(stmt, 7, op->body);
    int rc = fl_statement_run(stmt);
    room->count++;
    if (rc == SQLITE_OK) rc = room_prune(archive, room);
    return rc == SQLITE_OK ? room_write(archive, room) : rc;
}

static int ops_say(struct fl_archive *archive, struct room_row *room, struct fl_archive_op *op,
                   int64_t now_ms)
{
    if (op->id.len == 0 || op->id.len > FL_ARCHIVE_ID_MAX || op->body.len == 0 ||
        op->body.len > FL_ARCHIVE_BODY_MAX) {
        op->code = FL_ERANGE;
        return SQLITE_OK;
    }
    int rc = SQLITE_OK;
    if (room->id == 0) rc = room_make(archive, op->room, room);
    if (rc != SQLITE_OK || room->id == 0) {
        op->code = FL_EFULL;
        return rc;
    }
    rc = ops_find_said(archive, room, op);
    return rc != SQLITE_OK || op->existed ? rc : ops_say_new(archive, room, op, now_ms);
}

/* What an edit or erasure finds: a code, or that nothing is to be done, or neither. */
static int ops_look_at(struct fl_archive *archive, const struct room_row *room,
                       struct fl_archive_op *op)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_ONE];
    bool may_be = room->id != 0 && op->seq > 0 && op->seq <= SEQ_MAX;
    sqlite3_bind_int64(stmt, 1, may_be ? ops_id(room, op->seq) : 0);
    int rc = sqlite3_step(stmt);
    op->code = FL_ENOTFOUND;
    if (rc == SQLITE_ROW) {
        struct fl_message found = ops_message(stmt);
        bool erases = op->kind == FL_ARCHIVE_ERASE;
        op->code = !fl_str_eq(found.user, op->user) ? FL_EREFUSED
                   : found.is_erased && !erases     ? FL_ENOTFOUND
                                                    : 0;
        op->existed = erases ? found.is_erased : fl_str_eq(found.body, op->body);
        op->number = found.number;
        op->at_ms = found.edited_ms;
        op->said_ms = found.at_ms;
    }
    return fl_statement_ended(stmt, rc);
}

static int ops_change(struct fl_archive *archive, struct room_row *room, struct fl_archive_op *op,
                      int64_t now_ms)
{
    if (op->kind == FL_ARCHIVE_EDIT && (op->body.len == 0 || op->body.len > FL_ARCHIVE_BODY_MAX)) {
        op->code = FL_ERANGE;
        return SQLITE_OK;
    }
    int rc = ops_look_at(archive, room, op);
    if (rc != SQLITE_OK || op->code != 0 || op->existed) return rc;
    sqlite3_stmt *stmt = archive->disk.sql[SQL_CHANGE];
    op->number = ++room->last;
    op->at_ms = now_ms;
    sqlite3_bind_int64(stmt, 1, ops_id(room, op->seq));
    sqlite3_bind_int64(stmt, 2, op->number);
    sqlite3_bind_int64(stmt, 3, now_ms);
    if (op->kind == FL_ARCHIVE_EDIT) fl_statement_bind(stmt, 4, op->body);
    rc = fl_statement_run(stmt);
    return rc == SQLITE_OK ? room_write(archive, room) : rc;
}

/* ---- reading */

static void ops_put_row(sqlite3_stmt *stmt, struct fl_buf *out)
{
    struct fl_message message = ops_message(stmt);
    struct fl_archive_row row = {
        .seq = message.seq, .number = message.number, .is_erased = message.is_erased};
    size_t from = out->len;
    fl_buf_add(out, &row, sizeof row);
    fl_message_put(&message, out);
    row.json_len = (uint32_t)(out->len - from - sizeof row);
    memcpy(out->at + from, &row, sizeof row);
}

/* Takes the rows of a bound statement, until there are too many, or too many bytes. */
static int ops_take_rows(sqlite3_stmt *stmt, int limit, int *count, struct fl_archive_op *op)
{
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        op->more = *count == limit || op->rows.len > FL_ARCHIVE_PAGE_BYTES;
        if (op->more) break;
        ops_put_row(stmt, &op->rows);
        ++*count;
    }
    return fl_statement_ended(stmt, rc);
}

/* Rows come newest first and are wanted oldest first. */
static void ops_turn_rows(struct fl_buf *rows)
{
    struct fl_buf turned = {0};
    size_t starts[FL_ARCHIVE_PAGE_MAX], count = 0;
    for (size_t at = 0; at < rows->len; count++) {
        struct fl_archive_row row;
        FL_ASSERT(count < FL_COUNT(starts));
        memcpy(&row, rows->at + at, sizeof row);
        starts[count] = at;
        at += sizeof row + row.json_len;
    }
    for (size_t i = count, end = rows->len; i-- > 0; end = starts[i])
        fl_buf_add(&turned, rows->at + starts[i], end - starts[i]);
    fl_buf_fini(rows);
    *rows = turned;
}

static int ops_limit(const struct fl_archive_op *op)
{
    return op->limit < 0 ? 0 : op->limit > FL_ARCHIVE_PAGE_MAX ? FL_ARCHIVE_PAGE_MAX : op->limit;
}

static int ops_page(struct fl_archive *archive, const struct room_row *room, int64_t before,
                    struct fl_archive_op *op)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_BEFORE];
    int count = 0, limit = ops_limit(op);
    if (before <= 0 || before > SEQ_MAX) before = SEQ_MAX;
    op->more = false;
    if (room->id == 0 || limit == 0) return SQLITE_OK;
    sqlite3_bind_int64(stmt, 1, ops_id(room, 0));
    sqlite3_bind_int64(stmt, 2, ops_id(room, before));
    sqlite3_bind_int(stmt, 3, limit + 1);
    int rc = ops_take_rows(stmt, limit, &count, op);
    ops_turn_rows(&op->rows);
    return rc;
}

static int ops_since(struct fl_archive *archive, const struct room_row *room,
                     struct fl_archive_op *op)
{
    int count = 0, limit = ops_limit(op), rc = SQLITE_OK;
    int64_t since = op->seq;
    if (limit == 0 || since == room->last) return SQLITE_OK;
    op->more = since < room->pruned || since > room->last;
    if (!op->more) {
        sqlite3_stmt *after = archive->disk.sql[SQL_AFTER];
        sqlite3_bind_int64(after, 1, ops_id(room, since));
        sqlite3_bind_int64(after, 2, ops_id(room, SEQ_MAX));
        sqlite3_bind_int(after, 3, limit + 1);
        rc = ops_take_rows(after, limit, &count, op);
    }
    if (rc == SQLITE_OK && !op->more) {
        sqlite3_stmt *edited = archive->disk.sql[SQL_EDITED];
        sqlite3_bind_int64(edited, 1, room->id);
        sqlite3_bind_int64(edited, 2, since);
        sqlite3_bind_int64(edited, 3, ops_id(room, since));
        sqlite3_bind_int(edited, 4, limit + 1);
        rc = ops_take_rows(edited, limit, &count, op);
    }
    if (rc != SQLITE_OK || !op->more) return rc;
    op->rows.len = 0;
    rc = ops_page(archive, room, 0, op);
    op->more = true;
    return rc;
}

static int ops_rooms(struct fl_archive *archive, struct fl_archive_op *op)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_LATEST];
    sqlite3_bind_int(stmt, 1, ops_limit(op));
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct fl_str name = fl_statement_bytes(stmt, 0);
        struct fl_archive_row row = {
            .seq = sqlite3_column_int64(stmt, 1),
            .number = sqlite3_column_int64(stmt, 2),
            .json_len = (uint32_t)name.len,
        };
        fl_buf_add(&op->rows, &row, sizeof row);
        fl_buf_add(&op->rows, name.at, name.len);
    }
    return fl_statement_ended(stmt, rc);
}

static bool ops_name_ok(struct fl_str name)
{
    return name.len > 0 && name.len <= FL_ARCHIVE_NAME_MAX;
}

int fl_archive_op_run(struct fl_archive *archive, struct fl_archive_op *op, int64_t now_ms)
{
    struct room_row room;
    FL_ASSERT(op->rows.len == 0);
    op->code = 0;
    if (op->kind == FL_ARCHIVE_ROOMS) return ops_rooms(archive, op);
    bool changes = op->kind < FL_ARCHIVE_PAGE;
    if (!ops_name_ok(op->room) || (changes && !ops_name_ok(op->user)) || op->seq < 0) {
        op->code = FL_ERANGE;
        return SQLITE_OK;
    }
    int rc = room_find(archive, op->room, &room);
    if (rc != SQLITE_OK) return rc;
    if (op->kind == FL_ARCHIVE_SAY) rc = ops_say(archive, &room, op, now_ms);
    if (op->kind == FL_ARCHIVE_EDIT) rc = ops_change(archive, &room, op, now_ms);
    if (op->kind == FL_ARCHIVE_ERASE) rc = ops_change(archive, &room, op, now_ms);
    if (op->kind == FL_ARCHIVE_PAGE) rc = ops_page(archive, &room, op->seq, op);
    if (op->kind == FL_ARCHIVE_SINCE) rc = ops_since(archive, &room, op);
    op->last = room.last;
    return rc;
}
