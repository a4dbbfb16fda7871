/* request.c: a request's memory, and the pairs in queries, forms and cookies. */
#include <strings.h>

#include "runtime/base/units.h"
#include "services/web/inside.h"

#define REQUEST_HEAD_MAX ((size_t)16 * 1024)
#define REQUEST_KEEP_BYTES ((size_t)64 * 1024)

struct web_request *web_request_of(struct web_conn *conn)
{
    if (conn->request != NULL) return conn->request;
    conn->request = fl_new(struct web_request);
    conn->request->web.conn = conn;
    fl_http_request_init(&conn->request->http, REQUEST_HEAD_MAX, conn->boot->site.body_max);
    return conn->request;
}

static void pairs_fini(struct web_pairs *pairs)
{
    free(pairs->at);
    fl_buf_fini(&pairs->decoded);
    *pairs = (struct web_pairs){0};
}

void web_request_reset(struct web_conn *conn)
{
    struct web_request *request = conn->request;
    fl_http_reset(&request->http);
    if (request->out.cap > REQUEST_KEEP_BYTES) fl_buf_fini(&request->out);
    if (request->headers.form.at != NULL) pairs_fini(&request->headers.form);
    request->headers.query.count = 0;
}

void web_request_free(struct web_conn *conn)
{
    struct web_request *request = conn->request;
    if (request == NULL) return;
    conn->request = NULL;
    fl_http_fini(&request->http);
    fl_buf_fini(&request->web.extra);
    fl_buf_fini(&request->web.session);
    fl_buf_fini(&request->headers.decoded);
    fl_buf_fini(&request->headers.allow);
    pairs_fini(&request->headers.query);
    pairs_fini(&request->headers.form);
    fl_buf_fini(&request->out);
    free(request);
}

/* ---- pairs */

int web_decode(struct fl_buf *decoded, struct fl_str raw, bool plus, struct fl_str *out)
{
    size_t from = decoded->len;
    int rc = fl_http_decode(decoded, raw, plus);
    if (rc != 0)
        decoded->len = from;
    else
        *out = (struct fl_str){decoded->at + from, decoded->len - from};
    return rc;
}

int web_pairs_read(struct web_pairs *pairs, struct fl_str text, size_t max)
{
    pairs->count = 0;
    pairs->decoded.len = 0;
    if (text.len == 0) return 0;
    if (pairs->at == NULL) pairs->at = fl_new_array(struct web_pair, max);
    fl_buf_reserve(&pairs->decoded, text.len + 1);
    while (text.len > 0) {
        struct fl_str value = fl_str_cut(&text, '&');
        struct fl_str name = fl_str_cut(&value, '=');
        struct web_pair pair = {.value = FL_STR("")};
        if (web_decode(&pairs->decoded, name, true, &pair.name) != 0) continue;
        if (value.len > 0 && web_decode(&pairs->decoded, value, true, &pair.value) != 0) continue;
        if (pairs->count == max) return FL_EFULL;
        pairs->at[pairs->count++] = pair;
    }
    return 0;
}

/* `application/x-www-form-urlencoded; charset=utf-8` */
static bool is_form(struct fl_str content_type)
{
    static const char form[] = "application/x-www-form-urlencoded";
    struct fl_str kind = fl_str_trim(fl_str_cut(&content_type, ';'));
    return kind.len == sizeof form - 1 && strncasecmp(kind.at, form, kind.len) == 0;
}

int web_form_read(struct fl_web_headers *headers)
{
    const struct fl_http *http = headers->http;
    if (http->body.len == 0 || !is_form(fl_http_header(http, "content-type"))) return 0;
    struct fl_str body = {http->body.at, http->body.len};
    return web_pairs_read(&headers->form, body, FL_WEB_FORM_MAX);
}

static struct fl_str pair_find(const struct web_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (fl_str_is(pairs[i].name, name)) return pairs[i].value;
    return (struct fl_str){0};
}

struct fl_str fl_web_param(const struct fl_web_request *req, const char *name)
{
    return pair_find(req->headers->params, req->headers->params_count, name);
}

struct fl_str fl_web_query(const struct fl_web_request *req, const char *name)
{
    return pair_find(req->headers->query.at, req->headers->query.count, name);
}

struct fl_str fl_web_form(const struct fl_web_request *req, const char *name)
{
    return pair_find(req->headers->form.at, req->headers->form.count, name);
}

int fl_web_query_int(const struct fl_web_request *req, const char *name, int64_t least,
                     int64_t most, int64_t fallback, int64_t *out)
{
    struct fl_str text = fl_web_query(req, name);
    *out = fallback;
    if (text.at == NULL) return 0;
    int64_t value = 0;
    if (fl_parse_int(text, least, most, &value, NULL) != 0) return FL_ERANGE;
    *out = value;
    return 0;
}

struct fl_str fl_web_header(const struct fl_web_request *req, const char *name)
{
    return fl_http_header(req->headers->http, name);
}

struct fl_str fl_web_cookie(const struct fl_web_request *req, const char *name)
{
    struct fl_str cookies = fl_web_header(req, "cookie");
    while (cookies.len > 0) {
        struct fl_str value = fl_str_trim(fl_str_cut(&cookies, ';'));
        struct fl_str key = fl_str_cut(&value, '=');
        if (fl_str_is(key, name)) return value.at != NULL ? value : FL_STR("");
    }
    return (struct fl_str){0};
}
