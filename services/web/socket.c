/* socket.c: the WebSocket side of a connection: frames in and out, control frames, goodbyes. */
#include "services/web/inside.h"

/* Close codes: what cannot be read, and what is not text. */
enum { SOCKET_UNREADABLE = 1003, SOCKET_NOT_JSON = 1007 };

void web_socket_open(struct web_conn *conn, const struct fl_web_socket *row)
{
    conn->socket = fl_new(struct web_socket);
    conn->socket->row = row;
    fl_ws_init(&conn->socket->ws, true, conn->boot->site.message_max);
}

void web_socket_free(struct web_socket *socket)
{
    if (socket == NULL) return;
    for (size_t i = 0; i < socket->slots_count; i++) {
        web_flow_release(socket->slots[i].flow);
        free(socket->slots[i].topic);
        free(socket->slots[i].join_ref);
    }
    free(socket->slots);
    fl_buf_fini(&socket->scratch);
    fl_buf_fini(&socket->out);
    fl_ws_fini(&socket->ws);
    free(socket);
}

void web_socket_write(struct web_conn *conn, enum fl_ws_opcode opcode, const void *bytes,
                      size_t len)
{
    uint8_t head[FL_WS_HEADER_MAX];
    size_t head_len = fl_ws_header(head, opcode, len, NULL);
    struct fl_buf frame = {0}; /* nothing blocks before it is freed */
    fl_buf_add(&frame, head, head_len);
    fl_buf_add(&frame, bytes, len);
    web_conn_write(conn, frame.at, frame.len);
    fl_buf_fini(&frame);
}

void web_socket_close(struct web_conn *conn, int code)
{
    if (conn->closing) return;
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    web_socket_write(conn, FL_WS_CLOSE, payload, sizeof payload);
    if (!conn->closing) web_conn_finish(conn);
}

static void socket_on_close(struct web_conn *conn, const uint8_t *bytes, size_t len)
{
    web_socket_write(conn, FL_WS_CLOSE, bytes, len < 2 ? 0 : 2); /* the same code back */
    if (!conn->closing) web_conn_finish(conn);
}

static void socket_on_text(struct web_conn *conn, struct fl_str frame)
{
    struct fl_channel_msg msg;
    conn->socket->scratch.len = 0;
    if (fl_channel_parse(frame, &conn->socket->scratch, &msg) != 0) {
        web_socket_close(conn, SOCKET_NOT_JSON);
        return;
    }
    web_dispatch(conn, &msg);
}

static void socket_on_binary(struct web_conn *conn, struct fl_str frame)
{
    struct fl_channel_msg msg;
    if (fl_channel_parse_binary(frame, &msg) != 0) {
        web_socket_close(conn, SOCKET_UNREADABLE);
        return;
    }
    web_dispatch(conn, &msg);
}

static void socket_on_message(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes, size_t len)
{
    struct web_conn *conn = cx;
    struct fl_str frame = {(const char *)bytes, len};
    if (opcode == FL_WS_TEXT)
        socket_on_text(conn, frame);
    else if (opcode == FL_WS_BINARY)
        socket_on_binary(conn, frame);
    else if (opcode == FL_WS_PING)
        web_socket_write(conn, FL_WS_PONG, bytes, len);
    else if (opcode == FL_WS_CLOSE)
        socket_on_close(conn, bytes, len);
}

void web_socket_feed(struct web_conn *conn, const void *bytes, size_t len)
{
    struct web_socket *socket = conn->socket;
    int code = fl_ws_feed(&socket->ws, bytes, len, socket_on_message, conn, &conn->closing);
    if (code != 0 && !conn->closing) web_socket_close(conn, code);
    if (socket->scratch.cap > 4096) fl_buf_fini(&socket->scratch);
    if (socket->out.cap > 4096) fl_buf_fini(&socket->out);
}
