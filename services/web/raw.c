/* raw.c: a WebSocket that speaks something of its own: callbacks in its connection's process. */
#include "services/web/inside.h"
#include "services/wire/ws_deflate.h"

#define RAW_DEFLATE_FROM 128

void web_raw_open(struct web_conn *conn, const struct fl_web_request *req)
{
    struct fl_socket *socket = &conn->socket->raw;
    const struct fl_socket_server *raw = conn->socket->row->raw;
    socket->conn = conn;
    if (raw->state_bytes > 0) socket->state = fl_self_alloc(conn->self, raw->state_bytes);
    if (raw->on_open != NULL) raw->on_open(socket, socket->state, req);
}

void web_raw_on_frame(struct web_conn *conn, struct fl_str bytes, bool binary)
{
    struct fl_socket *socket = &conn->socket->raw;
    const struct fl_socket_server *raw = conn->socket->row->raw;
    if (raw->on_message != NULL) raw->on_message(socket, socket->state, bytes, binary);
}

struct fl_self *fl_socket_self(struct fl_socket *socket)
{
    return socket->conn->self;
}

const void *fl_socket_cx(const struct fl_socket *socket)
{
    return socket->conn->socket->row->raw->cx;
}

const void *fl_socket_args(const struct fl_socket *socket)
{
    return socket->conn->boot->site.args;
}

static bool raw_send_deflated(struct web_conn *conn, enum fl_ws_opcode opcode, struct fl_str bytes)
{
    struct fl_buf shorter = {0}; /* nothing waits before it is freed */
    if (bytes.len < RAW_DEFLATE_FROM || !fl_ws_deflate(bytes, &shorter)) return false;
    uint8_t head[FL_WS_HEADER_MAX];
    size_t head_len = fl_ws_header(head, opcode, shorter.len, NULL);
    head[0] |= FL_WS_DEFLATED;
    web_conn_write_both(conn, head, head_len, shorter.at, shorter.len);
    fl_buf_fini(&shorter);
    return true;
}

void fl_socket_send(struct fl_socket *socket, struct fl_str bytes, bool binary)
{
    struct web_conn *conn = socket->conn;
    enum fl_ws_opcode opcode = binary ? FL_WS_BINARY : FL_WS_TEXT;
    if (conn->closing) return;
    if (conn->socket->deflates && raw_send_deflated(conn, opcode, bytes)) return;
    web_socket_write(conn, opcode, bytes.at, bytes.len);
}

void fl_socket_close(struct fl_socket *socket, int code)
{
    web_socket_close(socket->conn, code);
}
