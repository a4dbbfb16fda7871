#include "services/chat/ask.h"

void fl_chat_ask_put(const struct fl_archive_op *op, struct fl_buf *out)
{
    struct fl_chat_ask ask = {
        .kind = op->kind,
        .room_len = (uint32_t)op->room.len,
        .user_len = (uint32_t)op->user.len,
        .id_len = (uint32_t)op->id.len,
        .body_len = (uint32_t)op->body.len,
        .limit = op->limit,
        .seq = op->seq,
    };
    const struct fl_str parts[] = {op->room, op->user, op->id, op->body};
    fl_buf_add(out, &ask, sizeof ask);
    for (size_t i = 0; i < FL_COUNT(parts); i++)
        if (parts[i].len > 0) fl_buf_add(out, parts[i].at, parts[i].len);
}

bool fl_chat_ask_read(struct fl_str bytes, struct fl_archive_op *out)
{
    struct fl_chat_ask ask;
    if (bytes.len < sizeof ask) return false;
    memcpy(&ask, bytes.at, sizeof ask);
    size_t parts = (size_t)ask.room_len + ask.user_len + ask.id_len + ask.body_len;
    if (ask.kind < FL_ARCHIVE_SAY || ask.kind > FL_ARCHIVE_ROOMS) return false;
    if (bytes.len - sizeof ask != parts) return false;
    const char *at = bytes.at + sizeof ask;
    *out = (struct fl_archive_op){
        .kind = (enum fl_archive_kind)ask.kind,
        .room = {at, ask.room_len},
        .user = {at + ask.room_len, ask.user_len},
        .id = {at + ask.room_len + ask.user_len, ask.id_len},
        .body = {at + ask.room_len + ask.user_len + ask.id_len, ask.body_len},
        .limit = ask.limit,
        .seq = ask.seq,
    };
    return true;
}

void fl_chat_answer_put(const struct fl_archive_op *op, struct fl_buf *out)
{
    struct fl_chat_answer answer = {
        .code = op->code,
        .existed = op->existed,
        .more = op->more,
        .seq = op->seq,
        .number = op->number,
        .last = op->last,
        .at_ms = op->at_ms,
        .said_ms = op->said_ms,
        .rows_len = (uint32_t)op->rows.len,
    };
    fl_buf_add(out, &answer, sizeof answer);
    if (op->rows.len > 0) fl_buf_add(out, op->rows.at, op->rows.len);
}

bool fl_chat_answer_read(const void *data, size_t len, struct fl_chat_answer *out,
                         struct fl_str *rows)
{
    if (len < sizeof *out) return false;
    memcpy(out, data, sizeof *out);
    *rows = (struct fl_str){(const char *)data + sizeof *out, len - sizeof *out};
    return rows->len == out->rows_len;
}

bool fl_chat_row_next(struct fl_str *rows, struct fl_archive_row *row, struct fl_str *json)
{
    if (rows->len < sizeof *row) return false;
    memcpy(row, rows->at, sizeof *row);
    if (row->json_len > rows->len - sizeof *row) return false;
    *json = (struct fl_str){rows->at + sizeof *row, row->json_len};
    rows->at += sizeof *row + row->json_len;
    rows->len -= sizeof *row + row->json_len;
    return true;
}
