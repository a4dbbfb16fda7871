#include "services/editor/doc_inside.h"

#include "runtime/base/clock.h"

#define DOC_APPEND_NS fl_s(10)
#define DOC_BATCH_BYTES_MAX ((size_t)4 << 20)
#define DOC_PAST_MAX 2000
#define DOC_PAST_BYTES_MAX ((size_t)2 << 20)
#define DOC_SNAP_REVS 500
#define DOC_SNAP_BYTES ((size_t)256 << 10)
#define DOC_IDLE_NS fl_s(300)

enum { DOC_LOAD = 1 };

static void doc_fini(void *ptr)
{
    struct doc *doc = ptr;
    fl_text_fini(&doc->text);
    fl_text_fini(&doc->saved);
    fl_past_fini(&doc->past);
    free(doc->waiters);
    free(doc->syncs);
    fl_edit_fini(&doc->incoming);
    fl_edit_fini(&doc->moved);
    fl_edit_fini(&doc->other);
    fl_buf_fini(&doc->out);
}

static int doc_on_init(struct fl_self *self, void *state, const void *args)
{
    struct doc *doc = state;
    memcpy(&doc->args, args, sizeof doc->args);
    fl_doc_full_name(doc->args.name, doc->full_name);
    /* By itself and not by its supervisor: after a crash somebody who needs it may be quicker to
     * have it started than the supervisor, and then one of the two is enough. */
    int code = fl_self_register(self, doc->full_name);
    if (code != 0) return code == FL_ETAKEN ? FL_EIGNORE : code;
    doc->wall_ns = fl_wall_now() - fl_self_now(self);
    fl_self_own(self, doc, doc_fini);
    fl_self_continue(self, DOC_LOAD);
    return 0;
}

static void doc_on_continue(struct fl_self *self, void *state, uint32_t tag)
{
    struct doc *doc = state;
    if (!doc_load(self, doc)) return;
    char head[48];
    int len = snprintf(head, sizeof head, "{\"rev\":%lld}", (long long)doc->committed);
    fl_pubsub_broadcast(self, doc->args.docs->pubsub, doc->full_name, FL_DOC_HEAD, head,
                        (size_t)len);
    fl_self_timeout(self, DOC_IDLE_NS);
}

/* ---- to the disk */

static void doc_append(struct fl_self *self, struct doc *doc)
{
    if (doc->append_ref != 0 || doc->sent == doc->past.head) return;
    struct fl_scribe_ask ask = {.kind = FL_SCRIBE_APPEND, .rev = doc->committed};
    doc->out.len = 0;
    fl_scribe_put_ask(&doc->out, ask, fl_str_of(doc->args.name), FL_STR(""));
    while (doc->sent < doc->past.head && doc->out.len < DOC_BATCH_BYTES_MAX) {
        struct fl_doc_archive_row row = fl_past_row(&doc->past, ++doc->sent);
        fl_scribe_put_row(&doc->out, &row);
        doc->snap_bytes += row.edit.len;
        ask.rows++;
    }
    bool due = doc->sent - doc->snap_rev >= DOC_SNAP_REVS || doc->snap_bytes >= DOC_SNAP_BYTES;
    if (due && doc->sent == doc->past.head) {
        fl_text_put_utf8(&doc->text, &doc->out);
        ask.has_text = true;
        doc->snap_rev = doc->sent;
        doc->snap_bytes = 0;
    }
    ask.name_len = (uint32_t)strlen(doc->args.name);
    memcpy(doc->out.at, &ask, sizeof ask);
    struct fl_pid scribe = fl_whereis(fl_self_node(self), FL_SCRIBE_NAME);
    doc->append_ref = fl_call_async(self, scribe, FL_SCRIBE_ASK, doc->out.at, doc->out.len,
                                    DOC_APPEND_NS);
    if (doc->out.cap > (size_t)1 << 20) fl_buf_fini(&doc->out);
}

/** Answers those who wait for revisions up to this one. */
static void doc_answer(struct fl_self *self, struct doc *doc, int64_t rev, int code)
{
    size_t done = 0;
    for (; done < doc->waiters_count && doc->waiters[done].rev <= rev; done++) {
        const struct doc_waiter *waiter = &doc->waiters[done];
        if (code == 0)
            fl_self_reply(self, waiter->from, waiter->ref, NULL, 0);
        else
            fl_self_reply_error(self, waiter->from, waiter->ref, code);
    }
    doc->waiters_count -= done;
    memmove(doc->waiters, doc->waiters + done, doc->waiters_count * sizeof *doc->waiters);
}

/** What was sent is on the disk: now it may be told. */
static void doc_committed(struct fl_self *self, struct doc *doc)
{
    while (doc->committed < doc->sent) {
        const struct fl_past_op *op = fl_past_get(&doc->past, ++doc->committed);
        fl_edit_apply(&op->edit, &doc->saved);
        fl_pubsub_broadcast(self, doc->args.docs->pubsub, doc->full_name, FL_DOC_OP, op->wire,
                            op->wire_len);
        doc_answer(self, doc, doc->committed, 0);
    }
    while (doc->past.count > DOC_PAST_MAX || doc->past.bytes > DOC_PAST_BYTES_MAX) {
        if (fl_past_oldest(&doc->past) >= doc->committed) break;
        fl_past_drop(&doc->past);
    }
}

static void doc_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                         const void *data, size_t len)
{
    struct doc *doc = state;
    fl_self_timeout(self, DOC_IDLE_NS);
    if (doc_on_archive(self, doc, ref, code, data, len)) return;
    if (ref != doc->append_ref || doc->broken) return;
    doc->append_ref = 0;
    if (code == 0) {
        doc_committed(self, doc);
        doc_append(self, doc);
        return;
    }
    /* What is on the disk, nobody knows; and what was applied here may not be there. */
    bool is_full = code == FL_EFULL || code == FL_ERANGE;
    doc_answer(self, doc, INT64_MAX, is_full ? FL_EFULL : FL_EDIED);
    fl_self_continue(self, DOC_LOAD);
}

/* ---- edits */

static int doc_wait_for(struct doc *doc, const struct fl_msg *msg, int64_t rev)
{
    if (doc->waiters_count == DOC_WAITERS_MAX) return FL_EFULL;
    if (doc->waiters_count == doc->waiters_cap) {
        doc->waiters_cap = doc->waiters_cap == 0 ? 16 : doc->waiters_cap * 2;
        doc->waiters = fl_realloc(doc->waiters, doc->waiters_cap * sizeof *doc->waiters);
    }
    /* in order of revisions: only one that was sent twice is not the last */
    size_t at = doc->waiters_count++;
    for (; at > 0 && doc->waiters[at - 1].rev > rev; at--)
        doc->waiters[at] = doc->waiters[at - 1];
    doc->waiters[at] = (struct doc_waiter){msg->from, msg->ref, rev};
    return 0;
}

/** Reads the edit of a text that was `base`'s into doc->incoming, moved to the head. */
static int doc_take_edit(struct doc *doc, int64_t base, struct fl_str op)
{
    if (fl_edit_parse(op, &doc->incoming) != 0) return FL_EBADMSG;
    size_t base_len = base == doc->past.head ? doc->text.len
                                             : fl_past_get(&doc->past, base + 1)->edit.base_len;
    if (doc->incoming.count > FL_DOC_PARTS_MAX || doc->incoming.base_len != base_len)
        return FL_EBADMSG;
    for (int64_t rev = base + 1; rev <= doc->past.head; rev++) {
        const struct fl_edit *first = &fl_past_get(&doc->past, rev)->edit;
        fl_edit_transform(first, &doc->incoming, &doc->other, &doc->moved);
        struct fl_edit swap = doc->incoming;
        doc->incoming = doc->moved;
        doc->moved = swap;
    }
    if (fl_edit_check(&doc->incoming, &doc->text) != 0) return FL_EBADMSG;
    bool too_much = doc->incoming.target_len > FL_TEXT_UNITS_MAX ||
                    doc->incoming.count > FL_EDIT_PARTS_MAX;
    return too_much ? FL_ERANGE : 0;
}

/** 0: it is a revision now, and whoever asked waits for it. */
static int doc_submit(struct fl_self *self, struct doc *doc, const struct fl_msg *msg)
{
    struct doc_request request;
    struct fl_str client, by, op;
    if (!doc_read_request(msg, &request, &client, &by, &op)) return FL_EBADMSG;
    int64_t base = request.number;
    if (client.len == 0 || request.seq < 1 || base < 0) return FL_EBADMSG;
    if (base > doc->past.head || base < fl_past_oldest(&doc->past)) return FL_ESTATE;

    int64_t rev = fl_past_find(&doc->past, base, client, request.seq);
    if (rev != 0) return doc_wait_for(doc, msg, rev);
    if (doc->past.head - doc->committed >= DOC_PENDING_MAX) return FL_EFULL;
    if (doc->waiters_count == DOC_WAITERS_MAX) return FL_EFULL;
    int code = doc_take_edit(doc, base, op);
    if (code != 0) return code;

    struct fl_doc_archive_row row = {
        .seq = request.seq,
        .at_ms = (doc->wall_ns + fl_self_now(self)) / FL_NS_PER_MS,
        .client = client,
        .by = by,
    };
    fl_edit_apply(&doc->incoming, &doc->text);
    fl_past_push(&doc->past, &row, &doc->incoming);
    return doc_wait_for(doc, msg, doc->past.head);
}

static void doc_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct doc *doc = state;
    fl_self_timeout(self, DOC_IDLE_NS);
    if (msg->tag == FL_DOC_SYNC && !doc->broken) {
        doc_on_sync(self, doc, msg);
        return;
    }
    int code = doc->broken ? FL_EIO : FL_EBADMSG;
    if (msg->tag == FL_DOC_SUBMIT && !doc->broken) code = doc_submit(self, doc, msg);
    if (code != 0) {
        fl_self_reply_error(self, msg->from, msg->ref, code);
        return;
    }
    doc_answer(self, doc, doc->committed, 0); /* it may have been sent twice and be in long since */
    doc_append(self, doc);
}

static void doc_on_timeout(struct fl_self *self, void *state)
{
    struct doc *doc = state;
    bool idle = doc->append_ref == 0 && doc->waiters_count == 0 && doc->syncs_count == 0;
    if (idle)
        fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL)); /* who needs it opens it again */
    else
        fl_self_timeout(self, DOC_IDLE_NS);
}

const struct fl_server fl_doc_server = {
    .name = "doc",
    .state_bytes = sizeof(struct doc),
    .on_init = doc_on_init,
    .on_continue = doc_on_continue,
    .on_timeout = doc_on_timeout,
    .on_call = doc_on_call,
    .on_reply = doc_on_reply,
};
