/* conn.c: a connection's process: bytes in, requests one after another, time limits. */
#include "services/web/inside.h"

#define CONN_REQUEST_WITHIN fl_s(30) /* from its first byte to its last */

enum { CONN_TICK = 1 };

static void conn_fini(void *ptr)
{
    struct web_conn *conn = ptr;
    web_drain_remove(conn);
    web_request_free(conn);
    web_socket_free(conn->socket);
    web_boot_release(conn->boot);
}

static fl_ns conn_tick_ns(const struct web_conn *conn)
{
    return fl_ns_max(conn->boot->site.idle_ns / 4, fl_ms(1));
}

static int conn_on_init(struct fl_self *self, void *state, const void *args)
{
    struct web_conn *conn = state;
    const struct fl_tcp_args *tcp_args = args;
    /* the boot is counted by everyone who can still hand it on */
    conn->boot = web_boot_retain((struct web_boot *)(uintptr_t)tcp_args->args);
    conn->self = self;
    web_drain_add(conn);
    fl_self_own(self, conn, conn_fini);
    fl_self_trap_exits(self, true); /* to say goodbye when the node stops */
    conn->tcp = fl_tcp_accept(self, args);
    fl_tcp_set_out_max(conn->tcp, conn->boot->site.out_max);
    conn->heard_ns = fl_self_now(self);
    fl_timer_start(self, conn_tick_ns(conn), CONN_TICK);
    return 0;
}

void web_conn_end(struct web_conn *conn, struct fl_reason reason)
{
    conn->closing = true;
    if (conn->tcp != NULL) fl_tcp_close(conn->self, conn->tcp, 0);
    conn->tcp = NULL;
    web_socket_gone(conn, 1006);
    fl_self_exit(conn->self, reason);
}

/* While the node stops, what is still queued goes out first: nothing lingers after that. */
static void conn_flush(struct web_conn *conn)
{
    if (conn->tcp == NULL || !atomic_load(&conn->boot->is_draining)) return;
    fl_tcp_await_room(conn->self, conn->tcp, 0, conn->boot->site.drain_ns);
}

void web_conn_finish(struct web_conn *conn)
{
    conn->closing = true;
    conn_flush(conn);
    /* The port waits for the peer's end by itself: no reset takes our last words back. */
    if (conn->tcp != NULL) fl_tcp_close(conn->self, conn->tcp, fl_s(2));
    conn->tcp = NULL;
    fl_self_exit(conn->self, fl_reason_of(FL_EXIT_NORMAL));
}

static void conn_wrote(struct web_conn *conn, int rc)
{
    if (rc != FL_EFULL || conn->closing) return;
    size_t waiting = fl_tcp_queued(conn->tcp);
    web_conn_end(conn,
                 fl_reason_with(FL_EXIT_SHUTDOWN, FL_EFULL, "slow reader, %zu bytes", waiting));
}

void web_conn_write(struct web_conn *conn, const void *bytes, size_t len)
{
    if (conn->tcp != NULL) conn_wrote(conn, fl_tcp_write(conn->self, conn->tcp, bytes, len));
}

void web_conn_write_both(struct web_conn *conn, const void *head, size_t head_len,
                         const void *bytes, size_t len)
{
    if (conn->tcp == NULL) return;
    conn_wrote(conn, fl_tcp_write_both(conn->self, conn->tcp, head, head_len, bytes, len));
}

void web_conn_write_shared(struct web_conn *conn, const void *head, size_t head_len,
                           struct fl_shared *body)
{
    if (conn->tcp == NULL) return;
    conn_wrote(conn, fl_tcp_write_shared(conn->self, conn->tcp, head, head_len, body));
}

static void conn_say_continue(struct web_conn *conn)
{
    const struct fl_http *http = &conn->request->http;
    if (!http->head_done || !http->expect_continue || conn->said_continue) return;
    if (http->minor < 1) return;
    conn->said_continue = true;
    web_conn_write(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static void conn_next_request(struct web_conn *conn)
{
    conn->said_continue = false;
    conn->request_ns = 0;
    conn->heard_ns = fl_self_now(conn->self); /* a handler may have waited long */
    if (conn->socket != NULL)
        web_request_free(conn);
    else
        web_request_reset(conn);
}

/* Pipelined requests are answered one after another: a handler that blocks holds up only these. */
static void conn_on_data(struct fl_self *self, void *state, struct fl_tcp *tcp, const void *bytes,
                         size_t len)
{
    struct web_conn *conn = state;
    const char *at = bytes;
    conn->heard_ns = fl_self_now(self);
    while (len > 0 && !conn->closing) {
        if (conn->socket != NULL) {
            web_socket_feed(conn, at, len);
            return;
        }
        if (conn->request_ns == 0) conn->request_ns = conn->heard_ns;
        size_t used = 0;
        int rc = fl_http_request_feed(&web_request_of(conn)->http, at, len, &used);
        at += used;
        len -= used;
        if (rc == FL_HTTP_MORE) {
            conn_say_continue(conn);
            return;
        }
        if (rc != FL_HTTP_DONE) {
            web_answer_error(conn, rc);
            return;
        }
        web_route_request(conn);
        conn_next_request(conn);
    }
}

static void conn_on_closed(struct fl_self *self, void *state, struct fl_tcp *tcp, int code)
{
    struct web_conn *conn = state;
    conn->tcp = NULL;
    web_conn_end(conn, fl_reason_of(FL_EXIT_NORMAL));
}

static void conn_on_drain(struct web_conn *conn)
{
    if (conn->socket != NULL)
        web_socket_close(conn, 1012);
    else if (conn->request_ns == 0)
        web_conn_finish(conn);
    /* else: after the answer */
}

static void conn_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct web_conn *conn = state;
    if (conn->closing) return;
    if (msg->tag == WEB_DRAIN)
        conn_on_drain(conn);
    else if (conn->socket != NULL)
        web_socket_on_message(conn, msg);
}

/* One slow timer a connection looks at both limits. */
static void conn_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct web_conn *conn = state;
    if (conn->closing) return;
    fl_ns now = fl_self_now(self);
    fl_ns idle_ns = conn->boot->site.idle_ns;
    fl_ns request_within = fl_ns_min(CONN_REQUEST_WITHIN, idle_ns);
    if (conn->request_ns != 0 && now - conn->request_ns >= request_within) {
        web_answer_error(conn, 408);
        return;
    }
    fl_ns silent_ns = now - conn->heard_ns;
    if (conn->socket != NULL)
        web_socket_is_silent(conn, silent_ns);
    else if (silent_ns >= idle_ns)
        web_conn_finish(conn);
    else if (conn->request_ns == 0 && silent_ns >= conn_tick_ns(conn))
        web_request_free(conn);
    if (conn->closing) return;
    if (conn->request_ns == 0 && silent_ns >= conn_tick_ns(conn)) web_request_free(conn);
    fl_timer_start(self, conn_tick_ns(conn), CONN_TICK);
}

static void conn_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    struct web_conn *conn = state;
    if (conn->socket != NULL && !conn->closing) web_dispatch_down(conn, who, reason);
}

/* The node stops: clients are told to come back (1012, service restart), never 1000, after which
 * some of them would not. */
static void conn_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct web_conn *conn = state;
    if (conn->closing) return;
    if (conn->socket != NULL)
        web_socket_close(conn, 1012);
    else
        web_conn_finish(conn);
}

const struct fl_server web_conn_server = {
    .name = "web.connection",
    .state_bytes = sizeof(struct web_conn),
    .on_init = conn_on_init,
    .on_cast = conn_on_cast,
    .on_timer = conn_on_timer,
    .on_down = conn_on_down,
    .on_terminate = conn_on_terminate,
    .on_tcp_data = conn_on_data,
    .on_tcp_closed = conn_on_closed,
};
