#include <sys/socket.h>

#include "chaos/proxy.h"

static void conn_on_handle_close(uv_handle_t *handle)
{
    struct fl_proxy_flow *flow = handle->data;
    struct fl_proxy_conn *conn = flow->conn;
    FL_ASSERT(conn->closing);
    FL_ASSERT(conn->handles_open > 0);
    if (--conn->handles_open == 0) free(conn);
}

static void conn_reset_handle(uv_tcp_t *tcp, uv_close_cb on_close)
{
    if (uv_tcp_close_reset(tcp, on_close) == 0) return;
    /* It refuses while a shutdown is under way; the kernel does not. */
    uv_os_fd_t fd = -1;
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (uv_fileno((uv_handle_t *)tcp, &fd) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    uv_close((uv_handle_t *)tcp, on_close);
}

/* Takes the connection off its link; the handles are the caller's to close. */
static void conn_leave(struct fl_proxy_conn *conn)
{
    FL_ASSERT(!conn->closing);
    conn->closing = true;
    *conn->prev = conn->next;
    if (conn->next != NULL) conn->next->prev = conn->prev;
    conn->link->conns_open--;
    fl_proxy_flow_fini(&conn->up);
    fl_proxy_flow_fini(&conn->down);
}

void fl_proxy_conn_reset(struct fl_proxy_conn *conn)
{
    if (conn->closing) return;
    conn_leave(conn);
    conn_reset_handle(&conn->client, conn_on_handle_close);
    conn_reset_handle(&conn->service, conn_on_handle_close);
}

void fl_proxy_conn_flow_over(struct fl_proxy_conn *conn)
{
    if (conn->closing || !conn->up.over || !conn->down.over) return;
    conn_leave(conn);
    uv_close((uv_handle_t *)&conn->client, conn_on_handle_close);
    uv_close((uv_handle_t *)&conn->service, conn_on_handle_close);
}

static void conn_on_connect(uv_connect_t *connect, int status)
{
    struct fl_proxy_conn *conn = FL_OWNER(connect, struct fl_proxy_conn, connect);
    if (conn->closing) return;
    if (status < 0) {
        fl_proxy_conn_reset(conn);
        return;
    }
    uv_tcp_nodelay(&conn->client, 1);
    uv_tcp_nodelay(&conn->service, 1);
    fl_proxy_flow_start(&conn->up);
    if (!conn->closing) fl_proxy_flow_start(&conn->down);
}

static struct fl_proxy_conn *conn_new(struct fl_proxy_link *link)
{
    struct fl_proxy_conn *conn = fl_new(struct fl_proxy_conn);
    conn->link = link;
    conn->number = ++link->conns_made;
    int rc = uv_tcp_init(link->loop, &conn->client);
    FL_ASSERT(rc == 0);
    rc = uv_tcp_init(link->loop, &conn->service);
    FL_ASSERT(rc == 0);
    conn->handles_open = 2;
    fl_proxy_flow_init(&conn->up, conn, &conn->client, &conn->service, FL_STREAM_UP);
    fl_proxy_flow_init(&conn->down, conn, &conn->service, &conn->client, FL_STREAM_DOWN);

    conn->prev = &link->conns;
    conn->next = link->conns;
    if (conn->next != NULL) conn->next->prev = &conn->next;
    link->conns = conn;
    link->conns_open++;
    return conn;
}

void fl_proxy_conn_accept(struct fl_proxy_link *link, uv_stream_t *door)
{
    FL_ASSERT(link->cuts == 0);
    struct fl_proxy_conn *conn = conn_new(link);
    if (uv_accept(door, (uv_stream_t *)&conn->client) != 0) {
        fl_proxy_conn_reset(conn);
        return;
    }
    if (fl_proxy_probe_is(link, &conn->client)) {
        conn->up.over = conn->down.over = true;
        fl_proxy_conn_flow_over(conn);
        return;
    }
    const struct fl_proxy_upstream *upstream = fl_proxy_link_choose(link);
    if (upstream == NULL ||
        uv_tcp_connect(&conn->connect, &conn->service, (const struct sockaddr *)&upstream->addr,
                       conn_on_connect) != 0)
        fl_proxy_conn_reset(conn);
}
