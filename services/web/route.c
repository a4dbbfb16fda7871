/* route.c: which row of the site answers a request, and what its path and query say. */
#include "runtime/base/units.h"
#include "services/web/inside.h"

/* Decodes behind what is there; `decoded` has room for all of it and does not move. */
static int route_decode(struct fl_buf *decoded, struct fl_str raw, bool plus, struct fl_str *out)
{
    size_t from = decoded->len;
    int rc = fl_http_decode(decoded, raw, plus);
    if (rc != 0)
        decoded->len = from;
    else
        *out = (struct fl_str){decoded->at + from, decoded->len - from};
    return rc;
}

static void route_read_query(struct fl_web_headers *headers, struct fl_str query)
{
    while (query.len > 0 && headers->query_count < FL_WEB_QUERY_MAX) {
        struct fl_str value = fl_str_cut(&query, '&');
        struct fl_str name = fl_str_cut(&value, '=');
        struct web_pair pair = {0};
        if (route_decode(&headers->decoded, name, true, &pair.name) != 0) continue;
        if (value.len == 0)
            pair.value = FL_STR("");
        else if (route_decode(&headers->decoded, value, true, &pair.value) != 0)
            continue;
        headers->query[headers->query_count++] = pair;
    }
}

static void route_prepare(struct web_conn *conn, struct fl_web_request *req)
{
    struct fl_http *http = conn->http;
    struct fl_web_headers *headers = &conn->headers;
    headers->http = http;
    headers->params_count = headers->query_count = 0;
    headers->decoded.len = 0;
    fl_buf_reserve(&headers->decoded, http->target.len * 2 + 1);
    route_read_query(headers, http->query);
    *req = (struct fl_web_request){
        .method = strcmp(http->method, "HEAD") == 0 ? "GET" : http->method,
        .path = http->path,
        .query = http->query,
        .body = {http->body.at != NULL ? http->body.at : "", http->body.len},
        .headers = headers,
    };
}

/* Does the pattern match? Parameters found are in headers, undone when it does not. */
static bool route_matches(struct fl_web_headers *headers, const char *pattern, struct fl_str path)
{
    struct fl_str want = fl_str_of(pattern);
    size_t decoded_len = headers->decoded.len;
    headers->params_count = 0;
    while (want.len > 0 || path.len > 0) {
        struct fl_str part = fl_str_cut(&want, '/');
        bool rest = part.len > 0 && part.at[0] == '*';
        struct fl_str got = rest ? path : fl_str_cut(&path, '/');
        if (rest) path.len = 0;
        bool named = rest || (part.len > 0 && part.at[0] == ':');
        if (!named && !fl_str_eq(part, got)) goto no;
        if (!named) continue;
        if (!rest && got.len == 0) goto no;
        if (headers->params_count == FL_WEB_PARAMS_MAX) goto no;
        struct web_pair *pair = &headers->params[headers->params_count++];
        pair->name = (struct fl_str){part.at + 1, part.len - 1};
        pair->value = FL_STR("");
        if (got.len > 0 && route_decode(&headers->decoded, got, false, &pair->value) != 0) goto no;
    }
    return true;
no:
    headers->params_count = 0;
    headers->decoded.len = decoded_len;
    return false;
}

/* `/a` and `/a/` are different paths: both ends of a slash count. */
static bool route_same_slash(const char *pattern, struct fl_str path)
{
    size_t len = strlen(pattern);
    bool want = len > 0 && pattern[len - 1] == '/';
    bool got = path.len > 0 && path.at[path.len - 1] == '/';
    return strchr(pattern, '*') != NULL || want == got;
}

static bool route_try_assets(struct web_conn *conn, const struct fl_web_request *req,
                             struct fl_buf *allow)
{
    const struct fl_web_asset *assets = conn->boot->site.assets;
    for (size_t i = 0; assets != NULL && assets[i].path != NULL; i++) {
        if (!fl_str_is(req->path, assets[i].path)) continue;
        if (strcmp(req->method, "GET") == 0) {
            web_answer_asset(conn, &assets[i], conn->boot->etags[i]);
            return true;
        }
        fl_buf_puts(allow, "GET, HEAD");
    }
    return false;
}

static bool route_try_routes(struct web_conn *conn, const struct fl_web_request *req,
                             struct fl_buf *allow)
{
    const struct fl_web_route *route = conn->boot->site.routes;
    size_t decoded_len = conn->headers.decoded.len;
    for (; route != NULL && route->method != NULL; route++) {
        conn->headers.decoded.len = decoded_len; /* of a match with another method */
        if (!route_same_slash(route->path, req->path)) continue;
        if (!route_matches(&conn->headers, route->path, req->path)) continue;
        if (strcmp(route->method, req->method) == 0) {
            conn->web.route = route;
            route->handle(conn->self, &conn->web, req);
            if (!conn->web.answered && !conn->closing)
                fl_web_fail(conn->self, &conn->web, 500, "the handler gave no answer");
            return true;
        }
        fl_buf_printf(allow, "%s%s", allow->len > 0 ? ", " : "", route->method);
        if (strcmp(route->method, "GET") == 0) fl_buf_puts(allow, ", HEAD");
    }
    return false;
}

static void route_refuse(struct web_conn *conn, struct fl_buf *allow)
{
    if (allow->len == 0) {
        fl_web_fail(conn->self, &conn->web, 404, "there is nothing at this path");
        return;
    }
    fl_web_set_header(&conn->web, "Allow", allow->at);
    fl_web_fail(conn->self, &conn->web, 405, "this path does not take this method");
}

void web_route_request(struct web_conn *conn)
{
    struct fl_web_request req;
    route_prepare(conn, &req);
    conn->web.conn = conn;
    conn->web.answered = false;
    conn->web.head_only = strcmp(conn->http->method, "HEAD") == 0;
    conn->web.keep_alive = conn->http->keep_alive && !conn->http->upgrade;
    conn->web.extra.len = 0;

    const struct fl_web_socket *socket = web_upgrade_row(conn);
    if (socket != NULL) {
        web_upgrade(conn, socket, &req);
    } else {
        struct fl_buf *allow = &conn->headers.allow;
        allow->len = 0;
        bool found = route_try_assets(conn, &req, allow);
        if (!found) found = route_try_routes(conn, &req, allow);
        if (!found) route_refuse(conn, allow);
    }
    if (!conn->web.keep_alive && conn->socket == NULL && !conn->closing) web_conn_finish(conn);
}

static struct fl_str route_find(const struct web_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (fl_str_is(pairs[i].name, name)) return pairs[i].value;
    return (struct fl_str){0};
}

struct fl_str fl_web_param(const struct fl_web_request *req, const char *name)
{
    return route_find(req->headers->params, req->headers->params_count, name);
}

struct fl_str fl_web_query(const struct fl_web_request *req, const char *name)
{
    return route_find(req->headers->query, req->headers->query_count, name);
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
