/* doc_sync.c: what a client gets that was away, or has just come. */
#include "services/editor/doc_inside.h"

#include "runtime/base/json.h"

#define SYNC_BYTES_MAX ((size_t)512 << 10) /* of revisions in one answer; one always fits */
#define SYNC_ARCHIVE_NS fl_s(10)

static void sync_answer(struct fl_self *self, struct doc *doc, struct fl_pid to, uint64_t ref)
{
    fl_self_reply(self, to, ref, doc->out.at, doc->out.len);
    if (doc->out.cap > (size_t)1 << 20) fl_buf_fini(&doc->out); /* that was a whole text */
}

static void sync_put_text(struct doc *doc)
{
    doc->out.len = 0;
    fl_buf_printf(&doc->out, "{\"rev\":%lld,\"text\":", (long long)doc->committed);
    fl_text_put_json(&doc->saved, &doc->out);
}

/** The last seq of a client that is in the text as it is told now. */
static int64_t sync_seen(const struct doc *doc, struct fl_str client, int64_t in_archive)
{
    int64_t seen = in_archive;
    for (int64_t rev = fl_past_oldest(&doc->past) + 1; rev <= doc->committed; rev++) {
        const struct fl_past_op *op = fl_past_get(&doc->past, rev);
        struct fl_str its = {op->client, op->client_len};
        if (op->seq > seen && fl_str_eq(its, client)) seen = op->seq;
    }
    return seen;
}

static void sync_put_past(struct doc *doc, int64_t since)
{
    doc->out.len = 0;
    fl_buf_printf(&doc->out, "{\"rev\":%lld,\"ops\":[", (long long)doc->committed);
    int64_t rev = since + 1;
    for (size_t bytes = 0; rev <= doc->committed; rev++) {
        const struct fl_past_op *op = fl_past_get(&doc->past, rev);
        bytes += op->wire_len;
        if (rev > since + 1 && bytes > SYNC_BYTES_MAX) break;
        if (rev > since + 1) fl_buf_putc(&doc->out, ',');
        fl_buf_add(&doc->out, op->wire, op->wire_len);
    }
    fl_buf_printf(&doc->out, "],\"more\":%s}", rev <= doc->committed ? "true" : "false");
}

static void sync_ask_archive(struct fl_self *self, struct doc *doc, const struct fl_msg *msg,
                             int64_t since, struct fl_str client)
{
    if (doc->syncs_count == DOC_SYNCS_MAX) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EFULL);
        return;
    }
    if (doc->syncs_count == doc->syncs_cap) {
        doc->syncs_cap = doc->syncs_cap == 0 ? 8 : doc->syncs_cap * 2;
        doc->syncs = fl_realloc(doc->syncs, doc->syncs_cap * sizeof *doc->syncs);
    }
    doc->out.len = 0;
    struct fl_scribe_ask ask = {.kind = FL_SCRIBE_SINCE, .rev = since, .most = SYNC_BYTES_MAX};
    fl_scribe_put_ask(&doc->out, ask, fl_str_of(doc->args.name), client);
    struct fl_pid scribe = fl_whereis(fl_self_node(self), FL_SCRIBE_NAME);
    struct doc_sync *sync = &doc->syncs[doc->syncs_count++];
    *sync = (struct doc_sync){.from = msg->from, .ref = msg->ref, .client_len = client.len};
    memcpy(sync->client, client.at, client.len);
    sync->ask_ref = fl_call_async(self, scribe, FL_SCRIBE_ASK, doc->out.at, doc->out.len,
                                  SYNC_ARCHIVE_NS);
}

void doc_on_sync(struct fl_self *self, struct doc *doc, const struct fl_msg *msg)
{
    struct doc_request request;
    struct fl_str client, by, op;
    if (!doc_read_request(msg, &request, &client, &by, &op)) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
        return;
    }
    int64_t since = request.number;
    if (since < 0) {
        sync_put_text(doc);
        fl_buf_putc(&doc->out, '}');
    } else if (since >= fl_past_oldest(&doc->past) && since <= doc->committed) {
        sync_put_past(doc, since);
    } else {
        sync_ask_archive(self, doc, msg, since, client);
        return;
    }
    sync_answer(self, doc, msg->from, msg->ref);
}

/** Revisions as the archive has them, as JSON. */
static bool sync_put_rows(struct doc *doc, const struct fl_scribe_answer *answer,
                          struct fl_str rows)
{
    doc->out.len = 0;
    fl_buf_printf(&doc->out, "{\"rev\":%lld,\"ops\":[", (long long)doc->committed);
    for (uint32_t i = 0; i < answer->rows; i++) {
        struct fl_doc_archive_row row;
        if (!fl_scribe_take_row(&rows, &row)) return false;
        fl_buf_printf(&doc->out, "%s{\"rev\":%lld,\"client\":", i > 0 ? "," : "",
                      (long long)row.rev);
        fl_json_put_str(&doc->out, row.client);
        fl_buf_printf(&doc->out, ",\"seq\":%lld,\"by\":", (long long)row.seq);
        fl_json_put_str(&doc->out, row.by);
        fl_buf_puts(&doc->out, ",\"op\":");
        fl_buf_add(&doc->out, row.edit.at, row.edit.len);
        fl_buf_putc(&doc->out, '}');
    }
    fl_buf_printf(&doc->out, "],\"more\":%s}", answer->more ? "true" : "false");
    return true;
}

/** Takes the sync that asked with this ref out of the list; false: none did. */
static bool sync_take(struct doc *doc, uint64_t ref, struct doc_sync *out)
{
    for (size_t i = 0; i < doc->syncs_count; i++) {
        if (doc->syncs[i].ask_ref != ref) continue;
        *out = doc->syncs[i];
        doc->syncs[i] = doc->syncs[--doc->syncs_count];
        return true;
    }
    return false;
}

bool doc_on_archive(struct fl_self *self, struct doc *doc, uint64_t ref, int code, const void *data,
                    size_t len)
{
    struct doc_sync sync;
    if (!sync_take(doc, ref, &sync)) return false;
    struct fl_scribe_answer answer;
    struct fl_str text, rows, client = {sync.client, sync.client_len};
    if (code == 0 && !fl_scribe_read_answer(data, len, &answer, &text, &rows)) code = FL_EBADMSG;
    if (code == 0 && answer.rows > 0) {
        if (!sync_put_rows(doc, &answer, rows)) code = FL_EBADMSG;
    } else if (code == 0) { /* too old, or from a future that is lost */
        sync_put_text(doc);
        fl_buf_printf(&doc->out, ",\"reset\":true,\"seen\":%lld}",
                      (long long)sync_seen(doc, client, answer.seen));
    }
    if (code == 0)
        sync_answer(self, doc, sync.from, sync.ref);
    else
        fl_self_reply_error(self, sync.from, sync.ref, code);
    return true;
}
