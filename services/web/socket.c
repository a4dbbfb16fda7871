/* socket.c: the WebSocket side of a connection: frames in and out, control frames, goodbyes. */
#include "services/web/inside.h"

/* Close codes: what cannot be read, what is not text, a client that is sent away, one that went. */
enum {
    SOCKET_GOING_AWAY = 1001,
    SOCKET_UNREADABLE = 1003,
    SOCKET_NO_CODE = 1005,
    SOCKET_GONE = 1006,
    SOCKET_NOT_JSON = 1007
};

#define SOCKET_OUT_HIGH ((size_t)256 * 1024)

/* A client is heard again once it takes what it asked for. */
static size_t socket_out_high(const struct web_conn *conn)
{
    size_t most = conn->boot->site.out_max / 4;
    return most < SOCKET_OUT_HIGH ? most : SOCKET_OUT_HIGH;
}

void web_socket_open(struct web_conn *conn, const struct fl_web_socket *row, bool deflates)
{
    struct web_socket *socket = fl_new(struct web_socket);
    conn->socket = socket;
    socket->row = row;
    socket->deflates = deflates;
    socket->slots = &socket->first;
    socket->slots_cap = 1;
    fl_ws_init(&socket->ws, true, conn->boot->site.message_max);
    socket->ws.inflates = deflates;
    /* From here on there are few words at a time, and often to many. */
    fl_tcp_set_delay_send(conn->tcp, true);
    fl_tcp_set_out_high(conn->tcp, socket_out_high(conn));
}

void web_socket_free(struct web_socket *socket)
{
    if (socket == NULL) return;
    for (size_t i = 0; i < socket->slots_count; i++)
        web_seat_release(socket->slots[i].seat);
    if (socket->slots != &socket->first) free(socket->slots);
    fl_buf_fini(&socket->scratch);
    fl_ws_fini(&socket->ws);
    free(socket);
}

void web_socket_write(struct web_conn *conn, enum fl_ws_opcode opcode, const void *bytes,
                      size_t len)
{
    uint8_t head[FL_WS_HEADER_MAX];
    size_t head_len = fl_ws_header(head, opcode, len, NULL);
    web_conn_write_both(conn, head, head_len, bytes, len);
}

void web_socket_gone(struct web_conn *conn, int code)
{
    struct web_socket *socket = conn->socket;
    if (socket == NULL || socket->is_gone) return;
    socket->is_gone = true;
    const struct fl_socket_server *raw = socket->row->raw;
    if (raw != NULL && raw->on_close != NULL) raw->on_close(&socket->raw, socket->raw.state, code);
}

void web_socket_close(struct web_conn *conn, int code)
{
    if (conn->closing) return;
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    web_socket_write(conn, FL_WS_CLOSE, payload, sizeof payload);
    if (conn->closing) return;
    web_socket_gone(conn, code);
    web_conn_finish(conn);
}

static void socket_on_close(struct web_conn *conn, const uint8_t *bytes, size_t len)
{
    web_socket_write(conn, FL_WS_CLOSE, bytes, len < 2 ? 0 : 2); /* the same code back */
    if (conn->closing) return;
    web_socket_gone(conn, len < 2 ? SOCKET_NO_CODE : bytes[0] << 8 | bytes[1]);
    web_conn_finish(conn);
}

static void socket_on_text(struct web_conn *conn, struct fl_str frame)
{
    struct fl_channel_msg msg;
    fl_buf_fini(&conn->socket->scratch);
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
    if (opcode == FL_WS_PING)
        web_socket_write(conn, FL_WS_PONG, bytes, len);
    else if (opcode == FL_WS_CLOSE)
        socket_on_close(conn, bytes, len);
    else if (opcode == FL_WS_PONG)
        return; /* it was heard, and that is all */
    else if (conn->socket->row->raw != NULL)
        web_raw_on_frame(conn, frame, opcode == FL_WS_BINARY);
    else if (opcode == FL_WS_TEXT)
        socket_on_text(conn, frame);
    else
        socket_on_binary(conn, frame);
}

void web_socket_feed(struct web_conn *conn, const void *bytes, size_t len)
{
    struct web_socket *socket = conn->socket;
    int code = fl_ws_feed(&socket->ws, bytes, len, socket_on_message, conn, &conn->closing);
    if (code != 0 && !conn->closing) web_socket_close(conn, code);
    fl_buf_fini(&socket->scratch);
}

void web_socket_on_message(struct web_conn *conn, const struct fl_msg *msg)
{
    const struct fl_socket_server *raw = conn->socket->row->raw;
    if (msg->tag == WEB_FRAME && msg->shared != NULL)
        web_conn_write_shared(conn, NULL, 0, msg->shared);
    else if (msg->tag == WEB_FRAME)
        web_conn_write(conn, msg->data, msg->len);
    else if (msg->tag == WEB_JOINED)
        web_dispatch_joined(conn, msg->from, true);
    else if (msg->tag == WEB_REFUSED)
        web_dispatch_joined(conn, msg->from, false);
    else if (msg->tag == WEB_DISCONNECT)
        web_socket_close(conn, SOCKET_GOING_AWAY);
    else if (raw != NULL && raw->on_info != NULL)
        raw->on_info(&conn->socket->raw, conn->socket->raw.state, msg);
}

void web_socket_is_silent(struct web_conn *conn, fl_ns silent_ns)
{
    if (silent_ns >= conn->boot->site.idle_ns)
        web_socket_close(conn, SOCKET_GOING_AWAY);
    else if (silent_ns >= conn->boot->site.idle_ns / 2)
        web_socket_write(conn, FL_WS_PING, NULL, 0);
}
