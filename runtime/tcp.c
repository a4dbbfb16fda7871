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

static void tcp_release(struct fl_tcp *tcp)
{
    FL_ASSERT(tcp->references > 0);
    if (--tcp->references > 0) return;
    free(tcp->edge);
    free(tcp);
}

struct fl_tcp_edge *fl_tcp_edge_of(struct fl_tcp *tcp)
{
    FL_ASSERT(!tcp->is_closed);
    if (tcp->edge == NULL) {
        tcp->edge = fl_new(struct fl_tcp_edge);
        tcp->edge->tcp = tcp;
    }
    return tcp->edge;
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
    fl_list_remove(&tcp->port.of_owner);
    if (tcp->edge != NULL) {
        fl_list_remove(&tcp->edge->lingering);
        fl_timer_remove(tcp->shard, &tcp->edge->timer);
    }
    if (tcp->is_refused) tcp->shard->refused--;
    tcp->port.owner = NULL;
    fl_tcp_uncork(tcp);
    tcp->is_closed = true;
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

void fl_tcp_push(struct fl_tcp *tcp, enum fl_sig_kind kind, int code, const void *bytes, size_t len)
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

bool fl_tcp_is_ahead(const struct fl_tcp *tcp)
{
    if (tcp->out_high > 0 && tcp->out_bytes > tcp->out_high) return true;
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
        fl_tcp_push(tcp, FL_SIG_TCP_DATA, 0, buf->base, (size_t)got);
        if (!fl_tcp_is_ahead(tcp)) return;
    } else if (!tcp->has_ended) {
        tcp->has_ended = true;
        fl_tcp_push(tcp, FL_SIG_TCP_CLOSED, got == UV_EOF ? 0 : (int)got, NULL, 0);
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
        if (sig->code == 0 && fl_tcp_queued(tcp) > 0)
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
    if (tcp->is_closed || tcp->port.owner != self || tcp->unread_bytes > TCP_UNREAD_MAX) return;
    if (tcp->out_high == 0 || tcp->out_bytes <= tcp->out_high) fl_tcp_read_on(tcp);
}

int fl_tcp_await_room(struct fl_self *self, struct fl_tcp *tcp, size_t below, fl_ns within_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    FL_ASSERT(shard->running == self);
    if (tcp->port.owner != self || tcp->is_closed) return FL_ESTATE;
    if (fl_tcp_uncork(tcp) != 0) return FL_ESTATE;
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
    struct fl_tcp *tcp = FL_OWNER(req, struct fl_tcp_edge, shutdown)->tcp;
    if (status != 0) fl_tcp_close_now(tcp);
    tcp_release(tcp);
}

/* Everything is written: say so, then wait a moment for the peer's end, because closing with unread
 * bytes would reset the connection and take back what was written. */
void fl_tcp_finish(struct fl_tcp *tcp)
{
    if (tcp->out_bytes > 0 || tcp->is_shutting || tcp->is_closed) return;
    tcp->is_shutting = true;
    tcp->references++;
    if (tcp->has_ended ||
        uv_shutdown(&fl_tcp_edge_of(tcp)->shutdown, &tcp->handle.stream, tcp_on_shutdown) != 0) {
        tcp_release(tcp);
        fl_tcp_close_now(tcp);
        return;
    }
    fl_ns drained_ns = fl_shard_now(tcp->shard) + TCP_DRAIN_WITHIN;
    struct fl_timer *timer = &tcp->edge->timer;
    if (drained_ns < timer->due_ns) {
        fl_timer_remove(tcp->shard, timer);
        fl_timer_add(tcp->shard, timer, drained_ns);
    }
    fl_tcp_read_on(tcp);
}

static void tcp_on_linger_over(struct fl_timer *timer)
{
    fl_tcp_close_now(FL_OWNER(timer, struct fl_tcp_edge, timer)->tcp);
}

/* From here on the shard owns it, and nobody hears of it. */
static void tcp_linger(struct fl_tcp *tcp, fl_ns linger_ns)
{
    fl_list_remove(&tcp->port.of_owner);
    tcp->port.owner = NULL;
    fl_tcp_uncork(tcp);
    struct fl_tcp_edge *edge = fl_tcp_edge_of(tcp);
    fl_list_push(&tcp->shard->lingering, &edge->lingering);
    edge->timer.kind = FL_TIMER_PORT;
    edge->timer.fn = tcp_on_linger_over;
    fl_timer_add(tcp->shard, &edge->timer, fl_shard_now(tcp->shard) + linger_ns);
    fl_tcp_finish(tcp);
}

void fl_tcp_close(struct fl_self *self, struct fl_tcp *tcp, fl_ns linger_ns)
{
    if (tcp->is_closed) return;
    if (tcp->port.owner != self) return;
    fl_tcp_uncork(tcp);
    if (linger_ns <= 0 || (tcp->has_ended && tcp->out_bytes == 0)) {
        fl_tcp_close_now(tcp);
        return;
    }
    tcp_linger(tcp, linger_ns);
}

void fl_tcp_close_lingering(struct fl_shard *shard)
{
    while (!fl_list_is_empty(&shard->lingering))
        fl_tcp_close_now(FL_OWNER(shard->lingering.next, struct fl_tcp_edge, lingering)->tcp);
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
