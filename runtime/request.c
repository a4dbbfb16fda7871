#include "runtime/request.h"

uint64_t fl_requests_send(struct fl_self *self, struct fl_requests *requests, struct fl_pid to,
                          uint32_t tag, const void *data, size_t len, uint64_t label)
{
    uint64_t ref = fl_call_async(self, to, tag, data, len, FL_NEVER);
    bool is_new = fl_refs_add(self, &requests->refs, ref, label);
    FL_ASSERT(is_new);
    return ref;
}

int fl_requests_add(struct fl_self *self, struct fl_requests *requests, uint64_t ref,
                    uint64_t label)
{
    FL_ASSERT(ref != 0);
    return fl_refs_add(self, &requests->refs, ref, label) ? 0 : FL_ETAKEN;
}

size_t fl_requests_count(const struct fl_requests *requests)
{
    return requests->refs.count;
}

static bool request_is_one(void *cx, const struct fl_msg *msg)
{
    const struct fl_requests *requests = cx;
    return msg->kind == FL_MSG_REPLY && fl_refs_get(&requests->refs, msg->ref, NULL);
}

int fl_requests_check(struct fl_requests *requests, const struct fl_msg *msg,
                      struct fl_response *out)
{
    uint64_t label;
    if (requests->refs.count == 0) return FL_ENOTFOUND;
    if (!request_is_one(requests, msg)) return FL_EBADMSG;
    bool is_there = fl_refs_get(&requests->refs, msg->ref, &label);
    FL_ASSERT(is_there);
    fl_refs_drop(&requests->refs, msg->ref);
    *out = (struct fl_response){
        .ref = msg->ref, .label = label, .code = msg->code, .data = msg->data, .len = msg->len};
    return 0;
}

int fl_requests_wait(struct fl_self *self, struct fl_requests *requests, fl_ns timeout_ns,
                     struct fl_response *out)
{
    struct fl_msg msg;
    if (requests->refs.count == 0) return FL_ENOTFOUND;
    int rc = fl_receive(self, request_is_one, requests, timeout_ns, &msg);
    if (rc != 0) return rc;
    rc = fl_requests_check(requests, &msg, out);
    FL_ASSERT(rc == 0);
    return rc;
}

int fl_requests_receive(struct fl_self *self, struct fl_requests *requests, fl_ns timeout_ns,
                        struct fl_response *out)
{
    int rc = fl_requests_wait(self, requests, timeout_ns, out);
    if (rc == FL_ETIMEOUT) fl_requests_abandon(self, requests);
    return rc;
}

static fl_ns request_left(const struct fl_self *self, fl_ns deadline_ns)
{
    if (deadline_ns == FL_NEVER) return FL_NEVER;
    return fl_ns_max(deadline_ns - fl_self_now(self), 0);
}

int fl_requests_receive_until(struct fl_self *self, struct fl_requests *requests, fl_ns deadline_ns,
                              struct fl_response *out)
{
    return fl_requests_receive(self, requests, request_left(self, deadline_ns), out);
}

int fl_requests_wait_until(struct fl_self *self, struct fl_requests *requests, fl_ns deadline_ns,
                           struct fl_response *out)
{
    return fl_requests_wait(self, requests, request_left(self, deadline_ns), out);
}

void fl_requests_abandon(struct fl_self *self, struct fl_requests *requests)
{
    for (size_t i = 0; i < requests->refs.cap; i++)
        if (requests->refs.slots[i].ref != 0) fl_call_abandon(self, requests->refs.slots[i].ref);
    FL_ASSERT(requests->refs.count <= requests->refs.cap);
    fl_refs_fini(self, &requests->refs);
}

int fl_call_view(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len,
                 fl_ns timeout_ns, struct fl_response *out)
{
    struct fl_requests asked = {0};
    FL_ASSERT(out != NULL);
    fl_requests_send(self, &asked, to, tag, data, len, 0);
    int rc = fl_requests_receive(self, &asked, timeout_ns, out);
    fl_requests_abandon(self, &asked);
    return rc != 0 ? rc : out->code;
}

size_t fl_abcast(struct fl_self *self, const char *const *names, size_t count, uint32_t tag,
                 const void *data, size_t len)
{
    size_t reached = 0;
    FL_ASSERT(names != NULL || count == 0);
    for (size_t i = 0; i < count; i++)
        if (fl_send_name(self, names[i], tag, data, len) == 0) reached++;
    return reached;
}

size_t fl_multi_call(struct fl_self *self, const struct fl_pid *targets, size_t count, uint32_t tag,
                     const void *data, size_t len, fl_ns timeout_ns, fl_multi_fn on_reply, void *cx,
                     size_t *bad)
{
    struct fl_requests requests = {0};
    struct fl_response response;
    bool *is_good = fl_self_alloc(self, count + 1);
    fl_ns now_ns = fl_self_now(self);
    fl_ns deadline_ns = timeout_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + timeout_ns;
    size_t good = 0;
    for (size_t i = 0; i < count; i++)
        fl_requests_send(self, &requests, targets[i], tag, data, len, i);
    while (fl_requests_receive_until(self, &requests, deadline_ns, &response) == 0) {
        FL_ASSERT(response.label < count);
        if (response.code != 0) continue;
        is_good[response.label] = true;
        good++;
        if (on_reply != NULL) on_reply(cx, response.label, response.data, response.len);
    }
    fl_requests_abandon(self, &requests);
    for (size_t i = 0, at = 0; bad != NULL && i < count; i++)
        if (!is_good[i]) bad[at++] = i;
    fl_self_free(self, is_good);
    return good;
}
