/* upgrade.c: from HTTP to a WebSocket (RFC 6455, 4.2), as Phoenix would have it. */
#include "services/web/inside.h"
#include "services/wire/ws_deflate.h"

const struct fl_web_socket *web_upgrade_row(const struct web_conn *conn)
{
    const struct fl_web_socket *row = conn->boot->site.sockets;
    struct fl_str path = conn->request->http.path;
    for (; row != NULL && row->path != NULL; row++) {
        size_t len = strlen(row->path);
        if (path.len < len || memcmp(path.at, row->path, len) != 0) continue;
        if (row->raw != NULL && path.len == len) return row;
        if (row->raw != NULL) continue;
        if (fl_str_is((struct fl_str){path.at + len, path.len - len}, "/websocket")) return row;
    }
    return NULL;
}

static bool upgrade_version_ok(const struct fl_web_request *req)
{
    struct fl_str vsn = fl_web_query(req, "vsn");
    return vsn.len >= 4 && memcmp(vsn.at, "2.0.", 4) == 0;
}

static bool upgrade_key_ok(struct fl_str key)
{
    return key.len == 24 && key.at[22] == '=' && key.at[23] == '=';
}

/* 0, or the status and words of the refusal. */
static int upgrade_check(const struct web_conn *conn, const struct fl_web_socket *row,
                         const struct fl_web_request *req, const char **words)
{
    *words = "a WebSocket is opened with GET";
    if (strcmp(conn->request->http.method, "GET") != 0) return 400;
    *words = "this path is for WebSockets";
    if (!conn->request->http.upgrade) return 426;
    *words = "only version 13 of the WebSocket protocol is known";
    if (!fl_str_is(fl_web_header(req, "sec-websocket-version"), "13")) return 426;
    *words = "Sec-WebSocket-Key must be 16 bytes in base64";
    if (!upgrade_key_ok(fl_web_header(req, "sec-websocket-key"))) return 400;
    *words = "only version 2.0.0 of the channel protocol is known (vsn)";
    if (row->raw == NULL && !upgrade_version_ok(req)) return 403;
    *words = "this page may not open the socket";
    if (!web_origin_ok(req)) return 403;
    *words = "you may not open this socket";
    if (row->on_connect == NULL) return 0;
    return row->on_connect(conn->self, req, conn->boot->site.args) == 0 ? 0 : 403;
}

/* Takes the client's offer of compression, where it can be taken. */
static bool upgrade_deflate(struct web_conn *conn, const struct fl_web_request *req)
{
    struct fl_buf answer = {0}; /* nothing waits before it is freed */
    struct fl_str offers = fl_web_header(req, "sec-websocket-extensions");
    bool taken = offers.at != NULL && fl_ws_deflate_accept(offers, &answer);
    if (taken) fl_buf_printf(&conn->request->out, "Sec-WebSocket-Extensions: %s\r\n", answer.at);
    fl_buf_fini(&answer);
    return taken;
}

void web_upgrade(struct web_conn *conn, const struct fl_web_socket *row,
                 const struct fl_web_request *req)
{
    struct fl_web *web = &conn->request->web;
    struct fl_buf *out = &conn->request->out;
    const char *words = NULL;
    int status = upgrade_check(conn, row, req, &words);
    if (status != 0) {
        if (status == 426) {
            fl_web_set_header(web, "Upgrade", "websocket");
            fl_web_set_header(web, "Sec-WebSocket-Version", "13");
        }
        web->keep_alive = false;
        fl_web_fail(conn->self, web, status, words);
        return;
    }
    char accept[29];
    fl_ws_accept_key(fl_web_header(req, "sec-websocket-key"), accept);
    out->len = 0;
    fl_buf_printf(out,
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                  accept);
    /* A client with a token offers two protocols and fails without this answer; one that did not
     * ask fails with it. */
    if (fl_http_has_token(fl_web_header(req, "sec-websocket-protocol"), "phoenix"))
        fl_buf_puts(out, "Sec-WebSocket-Protocol: phoenix\r\n");
    bool deflates = conn->boot->site.deflate && upgrade_deflate(conn, req);
    fl_buf_puts(out, "\r\n");
    web->body = WEB_ANSWERED;
    web_conn_write(conn, out->at, out->len);
    if (conn->closing) return;
    web_socket_open(conn, row, deflates);
    if (row->raw != NULL) web_raw_open(conn, req);
}
