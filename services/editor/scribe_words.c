/* scribe_words.c: requests and answers as bytes. */
#include "services/editor/scribe.h"

struct packed_row {
    int64_t rev, seq, at_ms;
    uint32_t inserted, deleted, client_len, by_len, edit_len;
};

static void put(struct fl_buf *out, struct fl_str bytes)
{
    if (bytes.len > 0) fl_buf_add(out, bytes.at, bytes.len);
}

static bool take(struct fl_str *rest, size_t len, struct fl_str *out)
{
    if (rest->len < len) return false;
    *out = (struct fl_str){rest->at, len};
    *rest = (struct fl_str){rest->at + len, rest->len - len};
    return true;
}

void fl_scribe_put_row(struct fl_buf *out, const struct fl_doc_archive_row *row)
{
    struct packed_row packed = {
        .rev = row->rev,
        .seq = row->seq,
        .at_ms = row->at_ms,
        .inserted = row->inserted,
        .deleted = row->deleted,
        .client_len = (uint32_t)row->client.len,
        .by_len = (uint32_t)row->by.len,
        .edit_len = (uint32_t)row->edit.len,
    };
    fl_buf_add(out, &packed, sizeof packed);
    put(out, row->client);
    put(out, row->by);
    put(out, row->edit);
}

bool fl_scribe_take_row(struct fl_str *rest, struct fl_doc_archive_row *row)
{
    struct packed_row packed;
    struct fl_str bytes;
    if (!take(rest, sizeof packed, &bytes)) return false;
    memcpy(&packed, bytes.at, sizeof packed);
    *row = (struct fl_doc_archive_row){
        .rev = packed.rev,
        .seq = packed.seq,
        .at_ms = packed.at_ms,
        .inserted = packed.inserted,
        .deleted = packed.deleted,
    };
    return take(rest, packed.client_len, &row->client) && take(rest, packed.by_len, &row->by) &&
           take(rest, packed.edit_len, &row->edit);
}

void fl_scribe_put_ask(struct fl_buf *out, struct fl_scribe_ask ask, struct fl_str name,
                       struct fl_str client)
{
    ask.name_len = (uint32_t)name.len;
    ask.client_len = (uint32_t)client.len;
    fl_buf_add(out, &ask, sizeof ask);
    put(out, name);
    put(out, client);
}

bool fl_scribe_read_answer(const void *data, size_t len, struct fl_scribe_answer *answer,
                           struct fl_str *text, struct fl_str *rows)
{
    if (len < sizeof *answer) return false;
    memcpy(answer, data, sizeof *answer);
    struct fl_str rest = {(const char *)data + sizeof *answer, len - sizeof *answer};
    if (!take(&rest, answer->text_len, text)) return false;
    *rows = rest;
    return true;
}
