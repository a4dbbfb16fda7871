/* stream.c: answers of unknown length, made piece by piece at the pace of their reader. */
#include "services/web/inside.h"

#define STREAM_QUEUED_MAX ((size_t)256 * 1024)
#define STREAM_ROOM_WITHIN fl_s(30)

void fl_web_begin(struct fl_self *self, struct fl_web *web, int status, const char *content_type)
{
    struct web_conn *conn = web->conn;
    bool is_old = conn->request->http.minor < 1; /* knows no chunks */
    if (is_old) web->keep_alive = false;
    size_t body_len = is_old ? FL_HTTP_UNTIL_CLOSE : FL_HTTP_CHUNKED;
    if (!web_answer_head(web, status, content_type, body_len)) return;
    web->body = is_old ? WEB_UNTIL_CLOSE : WEB_CHUNKS;
    web_conn_write(conn, conn->request->out.at, conn->request->out.len);
}

static bool stream_is_open(const struct fl_web *web)
{
    if (web->conn->tcp == NULL || web->conn->closing) return false;
    return web->body == WEB_CHUNKS || web->body == WEB_UNTIL_CLOSE;
}

int fl_web_chunk(struct fl_self *self, struct fl_web *web, const void *bytes, size_t len)
{
    struct web_conn *conn = web->conn;
    if (!stream_is_open(web)) return FL_ESTATE;
    if (len == 0 || web->head_only) return 0; /* an empty chunk would be the last one */
    fl_ns within_ns = fl_ns_min(STREAM_ROOM_WITHIN, conn->boot->site.idle_ns);
    int rc = fl_tcp_await_room(self, conn->tcp, STREAM_QUEUED_MAX, within_ns);
    if (rc != 0) {
        web_conn_end(conn, fl_reason_of(FL_EXIT_SHUTDOWN));
        return rc == FL_ETIMEOUT ? FL_EFULL : FL_ESTATE;
    }
    struct fl_buf *out = &conn->request->out;
    out->len = 0;
    if (web->body == WEB_CHUNKS) fl_buf_printf(out, "%zx\r\n", len);
    fl_buf_add(out, bytes, len);
    if (web->body == WEB_CHUNKS) fl_buf_puts(out, "\r\n");
    web_conn_write(conn, out->at, out->len);
    return conn->closing ? FL_EFULL : 0;
}

void fl_web_end(struct fl_self *self, struct fl_web *web)
{
    if (!stream_is_open(web)) return;
    if (web->body == WEB_CHUNKS && !web->head_only) web_conn_write(web->conn, "0\r\n\r\n", 5);
    web->body = WEB_ANSWERED;
}

void web_stream_check(struct web_conn *conn)
{
    if (stream_is_open(&conn->request->web)) web_conn_end(conn, fl_reason_of(FL_EXIT_SHUTDOWN));
}
