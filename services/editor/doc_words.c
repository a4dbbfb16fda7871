/* doc_words.c: names of documents, and requests to them as bytes. */
#include "services/editor/doc_inside.h"

#include "runtime/sup.h"

bool fl_doc_name_ok(struct fl_str name)
{
    if (name.at == NULL || name.len == 0 || name.len > FL_DOC_ARCHIVE_NAME_MAX) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i], small = (char)(c | 0x20);
        bool ok = (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
        if (!ok) return false;
    }
    return true;
}

void fl_doc_full_name(const char *name, char out[FL_DOC_FULL_NAME_MAX])
{
    snprintf(out, FL_DOC_FULL_NAME_MAX, "doc/%s", name);
}

int fl_doc_open(struct fl_self *self, const struct fl_docs *docs, const char *name,
                struct fl_pid *out)
{
    char full[FL_DOC_FULL_NAME_MAX];
    fl_doc_full_name(name, full);
    *out = fl_whereis(fl_self_node(self), full);
    if (out->bits != 0) return 0;

    struct doc_args args = {.docs = docs};
    snprintf(args.name, sizeof args.name, "%s", name);
    const struct fl_child child = {
        .server = &fl_doc_server,
        .args = &args,
        .args_bytes = sizeof args,
        .restart = FL_TRANSIENT, /* it ends by itself when nobody needs it */
        .shutdown_ns = fl_s(1),
        .mailbox_max = DOC_MAILBOX_MAX,
        .shard = FL_SHARD_SAME,
    };
    struct fl_pid sup = fl_whereis(fl_self_node(self), FL_DOCS_NAME);
    if (sup.bits == 0) return FL_ENOPROC;
    int rc = fl_dynamic_start_child_spec(self, sup, &child, out);
    if (rc != FL_EIGNORE) return rc;
    *out = fl_whereis(fl_self_node(self), full); /* somebody else was quicker */
    return out->bits != 0 ? 0 : FL_ENOPROC;
}

void fl_doc_put_submit(struct fl_buf *out, struct fl_str client, int64_t seq, int64_t base,
                       struct fl_str by, struct fl_str op)
{
    struct doc_request request = {
        .number = base,
        .seq = seq,
        .client_len = (uint32_t)client.len,
        .by_len = (uint32_t)by.len,
        .op_len = (uint32_t)op.len,
    };
    fl_buf_add(out, &request, sizeof request);
    fl_buf_add(out, client.at, client.len);
    fl_buf_add(out, by.at != NULL ? by.at : "", by.len);
    fl_buf_add(out, op.at, op.len);
}

void fl_doc_put_sync(struct fl_buf *out, int64_t since, struct fl_str client)
{
    struct doc_request request = {.number = since, .client_len = (uint32_t)client.len};
    fl_buf_add(out, &request, sizeof request);
    fl_buf_add(out, client.at != NULL ? client.at : "", client.len);
}

bool doc_read_request(const struct fl_msg *msg, struct doc_request *request, struct fl_str *client,
                      struct fl_str *by, struct fl_str *op)
{
    if (msg->len < sizeof *request) return false;
    memcpy(request, msg->data, sizeof *request);
    size_t left = msg->len - sizeof *request;
    if (request->client_len > FL_DOC_ARCHIVE_CLIENT_MAX ||
        request->by_len > FL_DOC_ARCHIVE_BY_MAX ||
        (size_t)request->client_len + request->by_len + request->op_len != left)
        return false;
    const char *at = (const char *)msg->data + sizeof *request;
    *client = (struct fl_str){at, request->client_len};
    *by = (struct fl_str){at + client->len, request->by_len};
    *op = (struct fl_str){at + client->len + by->len, request->op_len};
    return true;
}
