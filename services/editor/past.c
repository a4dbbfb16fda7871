#include "services/editor/past.h"

#include "runtime/base/json.h"

static void past_op_fini(struct fl_past_op *op)
{
    fl_edit_fini(&op->edit);
    free(op->wire);
}

void fl_past_fini(struct fl_past *past)
{
    for (size_t i = 0; i < past->count; i++)
        past_op_fini(&past->ops[past->first + i]);
    free(past->ops);
    *past = (struct fl_past){0};
}

static struct fl_past_op *past_room(struct fl_past *past)
{
    if (past->first + past->count == past->cap) {
        if (past->first > past->count) { /* mostly gaps: move down, which is rare */
            memmove(past->ops, past->ops + past->first, past->count * sizeof *past->ops);
            past->first = 0;
        } else {
            past->cap = past->cap == 0 ? 16 : past->cap * 2;
            past->ops = fl_realloc(past->ops, past->cap * sizeof *past->ops);
        }
    }
    return &past->ops[past->first + past->count++];
}

static size_t past_keep(char *to, size_t max, struct fl_str text)
{
    FL_ASSERT(text.len <= max);
    memcpy(to, text.at, text.len);
    return text.len;
}

void fl_past_push(struct fl_past *past, const struct fl_doc_archive_row *row,
                  struct fl_edit *edit_take)
{
    struct fl_past_op *op = past_room(past);
    *op = (struct fl_past_op){.seq = row->seq, .at_ms = row->at_ms};
    op->client_len = past_keep(op->client, sizeof op->client, row->client);
    op->by_len = past_keep(op->by, sizeof op->by, row->by);
    fl_edit_move(&op->edit, edit_take);

    struct fl_buf wire = {0};
    fl_buf_printf(&wire, "{\"rev\":%lld,\"client\":", (long long)++past->head);
    fl_json_put_str(&wire, row->client);
    fl_buf_printf(&wire, ",\"seq\":%lld,\"by\":", (long long)row->seq);
    fl_json_put_str(&wire, row->by);
    fl_buf_puts(&wire, ",\"op\":");
    op->edit_at = wire.len;
    fl_edit_print(&op->edit, &wire);
    op->edit_len = wire.len - op->edit_at;
    fl_buf_putc(&wire, '}');
    op->wire_len = wire.len;
    op->wire = fl_buf_take(&wire);
    past->bytes += op->wire_len;
}

int64_t fl_past_oldest(const struct fl_past *past)
{
    return past->head - (int64_t)past->count;
}

const struct fl_past_op *fl_past_get(const struct fl_past *past, int64_t rev)
{
    FL_ASSERT(rev > fl_past_oldest(past) && rev <= past->head);
    return &past->ops[past->first + (size_t)(rev - fl_past_oldest(past) - 1)];
}

void fl_past_drop(struct fl_past *past)
{
    FL_ASSERT(past->count > 0);
    struct fl_past_op *op = &past->ops[past->first];
    past->bytes -= op->wire_len;
    past_op_fini(op);
    past->first++;
    past->count--;
}

int64_t fl_past_find(const struct fl_past *past, int64_t since, struct fl_str client, int64_t seq)
{
    for (int64_t rev = since + 1; rev <= past->head; rev++) {
        const struct fl_past_op *op = fl_past_get(past, rev);
        struct fl_str its = {op->client, op->client_len};
        if (op->seq == seq && fl_str_eq(its, client)) return rev;
    }
    return 0;
}

struct fl_doc_archive_row fl_past_row(const struct fl_past *past, int64_t rev)
{
    const struct fl_past_op *op = fl_past_get(past, rev);
    size_t inserted, deleted;
    fl_edit_sizes(&op->edit, &inserted, &deleted);
    return (struct fl_doc_archive_row){
        .rev = rev,
        .seq = op->seq,
        .at_ms = op->at_ms,
        .inserted = (uint32_t)inserted,
        .deleted = (uint32_t)deleted,
        .client = {op->client, op->client_len},
        .by = {op->by, op->by_len},
        .edit = {op->wire + op->edit_at, op->edit_len},
    };
}
