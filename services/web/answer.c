/* answer.c: heads, bodies and errors of HTTP answers. */
#include "runtime/base/clock.h"
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
    fl_buf_puts(&web->extra, name);
    fl_buf_puts(&web->extra, ": ");
    size_t from = web->extra.len;
    fl_buf_puts(&web->extra, value);
    for (size_t i = from; i < web->extra.len; i++) /* no value ends its line */
        if ((unsigned char)web->extra.at[i] < ' ') web->extra.at[i] = ' ';
    fl_buf_puts(&web->extra, "\r\n");
}

enum { ANSWER_COPIED_MAX = 4096 }; /* one buffer is written faster than two */

/* Pages of ours need nothing from elsewhere and no script or style inside, so the browser may
 * refuse everything else. 'self' covers WebSockets of this address. */
static const char answer_page_policy[] =
    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: same-origin\r\n";

static void answer_put_date(struct fl_web *web)
{
    int64_t now_s = fl_wall_now() / FL_NS_PER_S;
    if (now_s != web->date_s) fl_http_date(now_s, web->date);
    web->date_s = now_s;
    fl_buf_puts(&web->extra, "Date: ");
    fl_buf_add(&web->extra, web->date, sizeof web->date);
    fl_buf_puts(&web->extra, "\r\n");
}

bool web_answer_head(struct fl_web *web, int status, const char *content_type, size_t body_len)
{
    struct web_conn *conn = web->conn;
    struct web_request *request = conn->request;
    if (web->body != WEB_NO_ANSWER || conn->tcp == NULL) return false;
    answer_put_date(web);
    fl_buf_puts(&web->extra, "X-Content-Type-Options: nosniff\r\n");
    if (content_type != NULL && strncmp(content_type, "text/html", 9) == 0)
        fl_buf_puts(&web->extra, answer_page_policy);
    /* while the handler was at work the node may have been told to stop */
    if (atomic_load_explicit(&conn->boot->is_draining, memory_order_relaxed))
        web->keep_alive = false;
    /* HTTP/1.0 clients that asked to stay must be told that they may */
    if (web->keep_alive && request->http.minor == 0)
        fl_buf_puts(&web->extra, "Connection: keep-alive\r\n");
    request->out.len = 0;
    fl_http_put_head(&request->out, status, content_type, body_len, web->keep_alive, web->extra.at);
    return true;
}

void fl_web_respond(struct fl_self *self, struct fl_web *web, int status, const char *content_type,
                    const void *bytes, size_t len)
{
    if (!web_answer_head(web, status, content_type, len)) return;
    web->body = WEB_ANSWERED;
    struct fl_buf *out = &web->conn->request->out;
    if (web->head_only) len = 0;
    bool is_small = len < ANSWER_COPIED_MAX;
    if (is_small) fl_buf_add(out, bytes, len);
    web_conn_write_both(web->conn, out->at, out->len, bytes, is_small ? 0 : len);
}

void fl_web_respond_json(struct fl_self *self, struct fl_web *web, int status, struct fl_str json)
{
    fl_web_respond(self, web, status, "application/json", json.at, json.len);
}

void fl_web_fail(struct fl_self *self, struct fl_web *web, int status, const char *words)
{
    if (web->body != WEB_NO_ANSWER) return;
    struct fl_buf json = {0}; /* nothing blocks before it is freed */
    fl_buf_puts(&json, "{\"error\":");
    fl_json_put_str(&json, fl_str_of(words));
    fl_buf_puts(&json, "}\n");
    fl_web_respond_json(self, web, status, (struct fl_str){json.at, json.len});
    fl_buf_fini(&json);
}

void fl_web_redirect(struct fl_self *self, struct fl_web *web, const char *path)
{
    fl_web_set_header(web, "Location", path);
    fl_web_respond(self, web, 303, NULL, "", 0);
}

static const struct {
    int status;
    const char *words;
} answer_errors[] = {
    {400, "this is not a valid HTTP request"},
    {408, "the request took too long to arrive"},
    {413, "the body is larger than this server takes"},
    {414, "the address is longer than this server takes"},
    {431, "the head is larger than this server takes"},
    {501, "this server does not do that"},
    {505, "this server speaks HTTP/1.0 and HTTP/1.1"},
};

void web_answer_error(struct web_conn *conn, int status)
{
    const char *words = fl_http_reason(status);
    for (size_t i = 0; i < FL_COUNT(answer_errors); i++)
        if (answer_errors[i].status == status) words = answer_errors[i].words;
    struct fl_web *web = &web_request_of(conn)->web;
    web->body = WEB_NO_ANSWER;
    web->keep_alive = web->head_only = false;
    web->extra.len = web->session.len = 0;
    fl_web_fail(conn->self, web, status, words);
    if (!conn->closing) web_conn_finish(conn);
}
