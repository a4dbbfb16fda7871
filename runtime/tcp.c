#include "runtime/tcp.h"

#include "runtime/base/failpoint.h"
#include "runtime/tcp_port.h"

#define OUT_MAX_DEFAULT ((size_t)4 * 1024 * 1024)
#define TCP_READ_BYTES ((size_t)64 * 1024)
/* bytes in the owner's mailbox above which we stop reading */
#define TCP_UNREAD_MAX ((size_t)256 * 1024)
#define TCP_BOX_HIGH 1000u /* the same for a mailbox that is long for other reasons */
#define TCP_DRAIN_WITHIN fl_ms(500)
#define TCP_FLUSH_WITHIN fl_s(5)
#define TCP_REFUSED_WITHIN fl_s(1)
#define TCP_REFUSED_MAX 1000u

struct write_req {
    uv_write_t req;
    struct fl_tcp *tcp;
    struct fl_shared *shared;
    size_t len;
    char bytes[];
};

static void tcp_release(struct fl_tcp *tcp)
{
    FL_ASSERT(tcp->references > 0);
    if (--tcp->references == 0) free(tcp);
}

static void tcp_on_close(uv_handle_t *handle)
{
    struct fl_tcp *tcp = FL_OWNER(handle, struct fl_tcp, handle);
    tcp->shard->handles_open--;
    tcp_release(tcp);
}

void fl_tcp_close_now(struct fl_tcp *tcp)
{
    if (tcp->is_closed) return;
    tcp->is_closed = true;
    fl_list_remove(&tcp->port.of_owner);
    fl_list_remove(&tcp->lingering);
    if (tcp->is_refused) tcp->shard->refused--;
    fl_timer_remove(tcp->shard, &tcp->timer);
    tcp->port.owner = NULL;
    fl_tcp_leave_listener(tcp);
    uv_close(&tcp->handle.any, tcp_on_close);
}

static void tcp_on_owner_end(struct fl_port *port)
{
    fl_tcp_close_now(FL_OWNER(port, struct fl_tcp, port));
}

static void tcp_linger(struct fl_tcp *tcp, fl_ns linger_ns);

/* ---- reading: what arrives becomes a message of the owner */

static void tcp_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fl_tcp *tcp = FL_OWNER(handle, struct fl_tcp, handle);
    struct fl_shard *shard = tcp->shard;
    FL_ASSERT(suggested > 0);
    if (shard->read_buf == NULL) shard->read_buf = fl_alloc(TCP_READ_BYTES);
    *buf = uv_buf_init(shard->read_buf, TCP_READ_BYTES);
}

static void tcp_push(struct fl_tcp *tcp, enum fl_sig_kind kind, int code, const void *bytes,
                     size_t len)
{
    struct fl_self *owner = tcp->port.owner;
    struct fl_sig *sig = fl_sig_new(tcp->shard, kind, owner->pid, owner->pid);
    sig->tcp = tcp;
    sig->code = code;
    sig->len = (uint32_t)len;
    sig->block = len == 0 ? NULL : malloc(len);
    sig->flags = FL_SIG_SPECIAL;
    if (len > 0) {
        FL_ASSERT(sig->block != NULL);
        sig->flags = FL_SIG_SPECIAL | FL_SIG_IN_BLOCK;
        memcpy(sig->block, bytes, len);
    }
    tcp->references++;
    tcp->unread_bytes += len;
    fl_box_push_sys(owner, sig);
}

static bool tcp_is_ahead(const struct fl_tcp *tcp)
{
    return tcp->unread_bytes > TCP_UNREAD_MAX || tcp->port.owner->box_len > TCP_BOX_HIGH;
}

static void tcp_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct fl_tcp *tcp = FL_OWNER(stream, struct fl_tcp, handle);
    if (got == 0) return;
    int failinfo = FL_FAIL("posix/io/net/recv");
    if (failinfo != 0) got = -failinfo;
    if (tcp->port.owner == NULL) { /* lingering: only its end matters */
        if (got < 0) fl_tcp_close_now(tcp);
        return;
    }
    if (got > 0) {
        tcp_push(tcp, FL_SIG_TCP_DATA, 0, buf->base, (size_t)got);
        if (!tcp_is_ahead(tcp)) return;
    } else if (!tcp->has_ended) {
        tcp->has_ended = true;
        tcp_push(tcp, FL_SIG_TCP_CLOSED, got == UV_EOF ? 0 : (int)got, NULL, 0);
    }
    tcp->is_reading = false;
    uv_read_stop(stream);
}

void fl_tcp_read_on(struct fl_tcp *tcp)
{
    if (tcp->is_closed || tcp->is_reading || tcp->has_ended) return;
    tcp->is_reading = uv_read_start(&tcp->handle.stream, tcp_on_alloc, tcp_on_read) == 0;
}

void fl_tcp_sig_drop(struct fl_sig *sig)
{
    if (sig->tcp == NULL) return;
    tcp_release(sig->tcp);
    sig->tcp = NULL;
}

void fl_tcp_handle(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_tcp *tcp = sig->tcp;
    const struct fl_server *server = self->server;
    tcp->unread_bytes -= sig->len;
    if (tcp->is_closed || tcp->port.owner != self) return;
    if (sig->kind == FL_SIG_TCP_CLOSED) {
        if (sig->code == 0 && tcp->out_bytes > 0)
            tcp_linger(tcp, TCP_FLUSH_WITHIN); /* a peer that closed one way still listens */
        else
            fl_tcp_close_now(tcp);
        if (server->on_tcp_closed != NULL)
            server->on_tcp_closed(self, fl_self_state(self), tcp, sig->code);
        return;
    }
    if (server->on_tcp_data != NULL)
        server->on_tcp_data(self, fl_self_state(self), tcp, sig->block, sig->len);
    /* Everything that was in the mailbox before it is handled, so one more read is fair. */
    if (!tcp->is_closed && tcp->port.owner == self && tcp->unread_bytes <= TCP_UNREAD_MAX)
        fl_tcp_read_on(tcp);
}

/* ---- writing */

static void tcp_finish(struct fl_tcp *tcp);

static void tcp_on_written(uv_write_t *req, int status)
{
    struct write_req *write = FL_OWNER(req, struct write_req, req);
    struct fl_tcp *tcp = write->tcp;
    tcp->out_bytes -= write->len;
    fl_shared_release(write->shared);
    free(write);
    if (tcp->is_closed) return;
    bool is_lingering = tcp->port.owner == NULL;
    if (tcp->wait_ref != 0 && (status != 0 || tcp->out_bytes <= tcp->wait_below)) {
        FL_ASSERT(!is_lingering);
        tcp->wait_ref = 0;
        fl_call_end_wait(tcp->port.owner, status != 0 ? FL_ESTATE : 0);
    }
    if (is_lingering && status != 0)
        fl_tcp_close_now(tcp);
    else if (is_lingering)
        tcp_finish(tcp);
    else if (status != 0 && !tcp->has_ended) {
        tcp->has_ended = true;
        tcp_push(tcp, FL_SIG_TCP_CLOSED, status, NULL, 0);
    }
}

static int tcp_broke(struct fl_tcp *tcp, int code)
{
    if (!tcp->has_ended) {
        tcp->has_ended = true;
        tcp_push(tcp, FL_SIG_TCP_CLOSED, code, NULL, 0);
    }
    return FL_ESTATE;
}

/* What did not go out at once: the rest of head is copied, the rest of body is retained. */
static int tcp_queue_rest(struct fl_tcp *tcp, uv_buf_t head, uv_buf_t body,
                          struct fl_shared *shared)
{
    size_t copied = head.len + (shared == NULL ? body.len : 0);
    struct write_req *write = malloc(sizeof *write + copied);
    FL_ASSERT(write != NULL);
    write->tcp = tcp;
    write->len = head.len + body.len;
    write->shared = shared == NULL ? NULL : fl_shared_retain(shared);
    if (head.len > 0) memcpy(write->bytes, head.base, head.len);
    if (shared == NULL && body.len > 0) memcpy(write->bytes + head.len, body.base, body.len);
    uv_buf_t bufs[2] = {uv_buf_init(write->bytes, (unsigned)copied), body};
    unsigned count = shared == NULL || body.len == 0 ? 1 : 2;
    bool only_body = count == 2 && copied == 0;
    int rc = uv_write(&write->req, &tcp->handle.stream, only_body ? bufs + 1 : bufs,
                      only_body ? 1 : count, tcp_on_written);
    if (rc != 0) {
        fl_shared_release(write->shared);
        free(write);
        return tcp_broke(tcp, rc);
    }
    tcp->out_bytes += write->len;
    return 0;
}

static void buf_skip(uv_buf_t *buf, size_t *skip)
{
    size_t len = *skip < buf->len ? *skip : buf->len;
    buf->base += len;
    buf->len -= len;
    *skip -= len;
}

static int tcp_write_both(struct fl_tcp *tcp, const void *head, size_t head_len, const void *body,
                          size_t body_len, struct fl_shared *shared)
{
    if (tcp->is_closed || tcp->has_ended || tcp->port.owner == NULL) return FL_ESTATE;
    if (head_len + body_len == 0) return 0;
    if (tcp->out_bytes + head_len + body_len > tcp->out_max && tcp->out_bytes > 0) return FL_EFULL;
    int failinfo = FL_FAIL("posix/io/net/send");
    if (failinfo != 0) return tcp_broke(tcp, -failinfo);
    uv_buf_t bufs[2] = {uv_buf_init((char *)head, (unsigned)head_len),
                        uv_buf_init((char *)body, (unsigned)body_len)};
    if (tcp->out_bytes == 0) {
        unsigned first = head_len == 0 ? 1 : 0;
        unsigned count = (head_len > 0 ? 1u : 0u) + (body_len > 0 ? 1u : 0u);
        int rc = uv_try_write(&tcp->handle.stream, bufs + first, count);
        if (rc < 0 && rc != UV_EAGAIN) return tcp_broke(tcp, rc);
        size_t went = rc > 0 ? (size_t)rc : 0;
        if (went == head_len + body_len) return 0;
        buf_skip(&bufs[0], &went);
        buf_skip(&bufs[1], &went);
    }
    return tcp_queue_rest(tcp, bufs[0], bufs[1], shared);
}

int fl_tcp_write(struct fl_self *self, struct fl_tcp *tcp, const void *bytes, size_t len)
{
    return tcp->port.owner == self ? tcp_write_both(tcp, bytes, len, NULL, 0, NULL) : FL_ESTATE;
}

int fl_tcp_write_shared(struct fl_self *self, struct fl_tcp *tcp, const void *head, size_t head_len,
                        struct fl_shared *body)
{
    if (tcp->port.owner != self) return FL_ESTATE;
    return tcp_write_both(tcp, head, head_len, fl_shared_data(body), fl_shared_len(body), body);
}

int fl_tcp_await_room(struct fl_self *self, struct fl_tcp *tcp, size_t below, fl_ns within_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    FL_ASSERT(shard->running == self);
    if (tcp->port.owner != self || tcp->is_closed) return FL_ESTATE;
    if (tcp->out_bytes <= below) return 0;
    tcp->wait_ref = fl_shard_next_ref(shard);
    tcp->wait_below = below;
    fl_call_arm_wait(self, tcp->wait_ref, fl_shard_due(shard, within_ns));
    fl_proc_park(self);
    int rc = stack->wait.code;
    stack->wait = (struct fl_wait){0};
    tcp->wait_ref = 0;
    return rc;
}

/* ---- closing */

static void tcp_on_shutdown(uv_shutdown_t *req, int status)
{
    struct fl_tcp *tcp = FL_OWNER(req, struct fl_tcp, shutdown);
    if (status != 0) fl_tcp_close_now(tcp);
    tcp_release(tcp);
}

/* Everything is written: say so, then wait a moment for the peer's end, because closing with unread
 * bytes would reset the connection and take back what was written. */
static void tcp_finish(struct fl_tcp *tcp)
{
    if (tcp->out_bytes > 0 || tcp->is_shutting || tcp->is_closed) return;
    tcp->is_shutting = true;
    tcp->references++;
    if (tcp->has_ended || uv_shutdown(&tcp->shutdown, &tcp->handle.stream, tcp_on_shutdown) != 0) {
        tcp_release(tcp);
        fl_tcp_close_now(tcp);
        return;
    }
    fl_ns drained_ns = fl_shard_now(tcp->shard) + TCP_DRAIN_WITHIN;
    if (drained_ns < tcp->timer.due_ns) {
        fl_timer_remove(tcp->shard, &tcp->timer);
        fl_timer_add(tcp->shard, &tcp->timer, drained_ns);
    }
    fl_tcp_read_on(tcp);
}

static void tcp_on_linger_over(struct fl_timer *timer)
{
    fl_tcp_close_now(FL_OWNER(timer, struct fl_tcp, timer));
}

/* From here on the shard owns it, and nobody hears of it. */
static void tcp_linger(struct fl_tcp *tcp, fl_ns linger_ns)
{
    fl_list_remove(&tcp->port.of_owner);
    tcp->port.owner = NULL;
    fl_list_push(&tcp->shard->lingering, &tcp->lingering);
    tcp->timer.kind = FL_TIMER_PORT;
    tcp->timer.fn = tcp_on_linger_over;
    fl_timer_add(tcp->shard, &tcp->timer, fl_shard_now(tcp->shard) + linger_ns);
    tcp_finish(tcp);
}

void fl_tcp_close(struct fl_self *self, struct fl_tcp *tcp, fl_ns linger_ns)
{
    if (tcp->is_closed) return;
    if (tcp->port.owner != self) return;
    if (linger_ns <= 0 || (tcp->has_ended && tcp->out_bytes == 0)) {
        fl_tcp_close_now(tcp);
        return;
    }
    tcp_linger(tcp, linger_ns);
}

void fl_tcp_close_lingering(struct fl_shard *shard)
{
    while (!fl_list_is_empty(&shard->lingering))
        fl_tcp_close_now(FL_OWNER(shard->lingering.next, struct fl_tcp, lingering));
}

/* Whoever opens connections faster than they are refused does not get more memory for it. */
void fl_tcp_refuse(struct fl_tcp *tcp, struct fl_str words)
{
    struct fl_shard *shard = tcp->shard;
    FL_ASSERT(tcp->port.owner == NULL && tcp->out_bytes == 0);
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)words.at, (unsigned)words.len);
    if (words.len == 0 || shard->refused == TCP_REFUSED_MAX ||
        uv_try_write(&tcp->handle.stream, &buf, 1) != (int)words.len) {
        fl_tcp_close_now(tcp);
        return;
    }
    tcp->is_refused = true;
    shard->refused++;
    tcp_linger(tcp, TCP_REFUSED_WITHIN);
}

size_t fl_tcp_queued(const struct fl_tcp *tcp)
{
    return tcp->out_bytes;
}

void fl_tcp_set_out_max(struct fl_tcp *tcp, size_t bytes)
{
    tcp->out_max = bytes;
}

struct fl_tcp *fl_tcp_new(struct fl_shard *shard, bool is_pipe)
{
    struct fl_tcp *tcp = fl_new(struct fl_tcp);
    tcp->shard = shard;
    tcp->is_pipe = is_pipe;
    tcp->out_max = OUT_MAX_DEFAULT;
    tcp->references = 1;
    tcp->port.close = tcp_on_owner_end;
    int rc = is_pipe ? uv_pipe_init(&shard->loop, &tcp->handle.pipe, 0)
                     : uv_tcp_init(&shard->loop, &tcp->handle.tcp);
    FL_ASSERT(rc == 0);
    shard->handles_open++;
    return tcp;
}
