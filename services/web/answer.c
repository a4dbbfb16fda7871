/* answer.c: heads, bodies and errors of HTTP answers. */
#include "runtime/base/json.h"
#include "services/web/inside.h"

const void *fl_web_args(const struct fl_web *web)
{
    return web->conn->boot->site.args;
}

const struct fl_web_secret *fl_web_secret(const struct fl_web *web)
{
    return &web->conn->boot->secret;
}

const void *fl_web_cx(const struct fl_web *web)
{
    return web->route->cx;
}

void fl_web_set_header(struct fl_web *web, const char *name, const char *value)
{
    FL_ASSERT(strpbrk(value, "\r\n") == NULL);
    fl_buf_printf(&web->extra, "%s: %s\r\n", name, value);
}

/* Pages of ours need nothing from elsewhere, so the browser may refuse everything else. */
static const char answer_page_policy[] =
    "Content-Security-Policy: default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'\r\n";

void fl_web_respond(struct fl_self *self, struct fl_web *web, int status, const char *content_type,
                    const void *bytes, size_t len)
{
    struct web_conn *conn = web->conn;
    if (web->answered || conn->tcp == NULL) return;
    web->answered = true;
    fl_buf_puts(&web->extra, "X-Content-Type-Options: nosniff\r\n");
    if (content_type != NULL && strncmp(content_type, "text/html", 9) == 0)
        fl_buf_puts(&web->extra, answer_page_policy);
    /* HTTP/1.0 clients that asked to stay must be told that they may */
    if (web->keep_alive && conn->http != NULL && conn->http->minor == 0)
        fl_buf_puts(&web->extra, "Connection: keep-alive\r\n");
    conn->out.len = 0;
    fl_http_put_head(&conn->out, status, content_type, len, web->keep_alive, web->extra.at);
    if (!web->head_only) fl_buf_add(&conn->out, bytes, len);
    web_conn_write(conn, conn->out.at, conn->out.len);
}

void fl_web_respond_json(struct fl_self *self, struct fl_web *web, int status, struct fl_str json)
{
    fl_web_respond(self, web, status, "application/json", json.at, json.len);
}

void fl_web_fail(struct fl_self *self, struct fl_web *web, int status, const char *words)
{
    if (web->answered) return;
    struct fl_buf json = {0}; /* nothing blocks before it is freed */
    fl_buf_puts(&json, "{\"error\":");
    fl_json_put_str(&json, fl_str_of(words));
    fl_buf_puts(&json, "}\n");
    fl_web_respond_json(self, web, status, (struct fl_str){json.at, json.len});
    fl_buf_fini(&json);
}

static const struct {
    int status;
    const char *words;
} answer_errors[] = {
    {400, "this is not a valid HTTP request"},
    {408, "the request took too long to arrive"},
    {413, "the body is larger than this server takes"},
    {431, "the head is larger than this server takes"},
    {505, "this server speaks HTTP/1.0 and HTTP/1.1"},
};

void web_answer_error(struct web_conn *conn, int status)
{
    const char *words = fl_http_reason(status);
    for (size_t i = 0; i < FL_COUNT(answer_errors); i++)
        if (answer_errors[i].status == status) words = answer_errors[i].words;
    conn->web = (struct fl_web){.conn = conn, .extra = conn->web.extra};
    conn->web.extra.len = 0;
    fl_web_fail(conn->self, &conn->web, status, words);
    if (!conn->closing) web_conn_finish(conn);
}

static bool answer_has_etag(struct fl_str list, const char *etag)
{
    while (list.len > 0) {
        struct fl_str one = fl_str_trim(fl_str_cut(&list, ','));
        if (one.len > 2 && one.at[0] == 'W' && one.at[1] == '/') {
            one.at += 2;
            one.len -= 2;
        }
        if (fl_str_is(one, etag) || fl_str_is(one, "*")) return true;
    }
    return false;
}

void web_answer_asset(struct web_conn *conn, const struct fl_web_asset *asset, const char *etag)
{
    fl_web_set_header(&conn->web, "ETag", etag);
    fl_web_set_header(&conn->web, "Cache-Control", "no-cache"); /* keep it, but ask each time */
    bool known = answer_has_etag(fl_http_header(conn->http, "if-none-match"), etag);
    if (known)
        fl_web_respond(conn->self, &conn->web, 304, NULL, NULL, 0);
    else
        fl_web_respond(conn->self, &conn->web, 200, asset->content_type, asset->bytes, *asset->len);
}
