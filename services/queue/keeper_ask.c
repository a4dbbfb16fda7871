/* keeper_ask.c: the asking side of keeper.h. */
#include "services/queue/keeper.h"

#define ASK_WITHIN_NS fl_s(5)

void fl_keeper_put(struct fl_buf *request, const struct fl_store_op *op)
{
    const struct fl_str texts[] = {op->queue, op->key, op->unique, op->worker, op->payload};
    fl_buf_add(request, op, sizeof *op);
    for (size_t i = 0; i < FL_COUNT(texts); i++)
        if (texts[i].len > 0) fl_buf_add(request, texts[i].at, texts[i].len);
}

/** The longest wait that a request asks for. */
static int64_t ask_wait_ms(const struct fl_buf *request)
{
    struct fl_store_op op;
    if (request->len < sizeof op) return 0;
    memcpy(&op, request->at, sizeof op); /* a lease that waits is alone in its request */
    return op.kind == FL_STORE_LEASE ? op.wait_ms : 0;
}

int fl_keeper_read(const void *data, size_t len, size_t count,
                   const struct fl_keeper_answer **answers, struct fl_str *json)
{
    size_t rows = count * sizeof(struct fl_keeper_answer);
    if (len < rows) return FL_EBADMSG;
    *answers = data;
    *json = (struct fl_str){(const char *)data + rows, len - rows};
    return 0;
}

int fl_keeper_ask(struct fl_self *self, struct fl_buf *request, size_t count, size_t json_max,
                  struct fl_buf *hold, const struct fl_keeper_answer **answers, struct fl_str *json)
{
    struct fl_pid store = fl_whereis(fl_self_node(self), FL_KEEPER_NAME);
    size_t reply_max = count * sizeof(struct fl_keeper_answer) + json_max;
    fl_ns within_ns = ASK_WITHIN_NS + fl_ms(ask_wait_ms(request));
    fl_buf_reserve(hold, reply_max);
    /* Should I be killed while I wait, nobody else would free these. */
    fl_self_own(self, request->at, free);
    fl_self_own(self, hold->at, free);
    int code = fl_call(self, store, 0, request->at, request->len, hold->at, reply_max, &hold->len,
                       within_ns);
    fl_self_disown(self, request->at);
    fl_self_disown(self, hold->at);
    fl_buf_fini(request);
    return code != 0 ? code : fl_keeper_read(hold->at, hold->len, count, answers, json);
}

uint64_t fl_keeper_ask_async(struct fl_self *self, struct fl_buf *request)
{
    struct fl_pid store = fl_whereis(fl_self_node(self), FL_KEEPER_NAME);
    fl_ns within_ns = ASK_WITHIN_NS + fl_ms(ask_wait_ms(request));
    uint64_t ref = fl_call_async(self, store, 0, request->at, request->len, within_ns);
    fl_buf_fini(request);
    return ref;
}
