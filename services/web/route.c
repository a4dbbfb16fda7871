/* route.c: which row of the site answers a request, and what its path and query say. */
#include "services/web/inside.h"

/* False: it was answered. */
static bool route_prepare(struct web_conn *conn, struct fl_web_request *req)
{
    struct web_request *request = conn->request;
    struct fl_http *http = &request->http;
    struct fl_web_headers *headers = &request->headers;
    struct fl_web *web = &request->web;
    const struct fl_web_site *site = &conn->boot->site;
    headers->http = http;
    headers->params_count = 0;
    headers->decoded.len = 0;
    fl_buf_reserve(&headers->decoded, http->path.len + 1);
    web->body = WEB_NO_ANSWER;
    web->head_only = strcmp(http->method, "HEAD") == 0;
    bool is_last = site->requests_max > 0 && ++conn->requests >= (uint32_t)site->requests_max;
    web->keep_alive = http->keep_alive && !http->upgrade && !is_last;
    web->extra.len = web->session.len = 0;
    *req = (struct fl_web_request){
        .method = web->head_only ? "GET" : http->method,
        .path = http->path,
        .query = http->query,
        .body = {http->body.at != NULL ? http->body.at : "", http->body.len},
        .headers = headers,
    };
    if (!web_limit_rate(conn)) return false;
    const char *words = NULL;
    if (web_pairs_read(&headers->query, http->query, FL_WEB_QUERY_MAX) != 0)
        words = "the query has more parameters than this server takes";
    else if (web_form_read(headers) != 0)
        words = "the form has more fields than this server takes";
    if (words != NULL) fl_web_fail(conn->self, web, 400, words);
    return words == NULL;
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
        if (got.len > 0 && web_decode(&headers->decoded, got, false, &pair->value) != 0) goto no;
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
    const struct fl_web_asset *rows = conn->boot->site.assets;
    for (size_t i = 0; rows != NULL && rows[i].path != NULL; i++) {
        if (!fl_str_is(req->path, rows[i].path)) continue;
        if (strcmp(req->method, "GET") == 0) {
            web_answer_asset(conn, req, i);
            return true;
        }
        fl_buf_puts(allow, "GET, HEAD");
    }
    return false;
}

static void route_run(struct web_conn *conn, const struct fl_web_route *route,
                      const struct fl_web_request *req)
{
    struct fl_web *web = &conn->request->web;
    bool is_safe = strcmp(req->method, "GET") == 0 || strcmp(req->method, "OPTIONS") == 0;
    if (!is_safe && !web_origin_ok(req)) {
        fl_web_fail(conn->self, web, 403, "a page of another site may not do this");
        return;
    }
    web->route = route;
    route->handle(conn->self, web, req);
    if (web->body == WEB_NO_ANSWER && !conn->closing)
        fl_web_fail(conn->self, web, 500, "the handler gave no answer");
    else
        web_stream_check(conn);
}

static bool route_try_routes(struct web_conn *conn, const struct fl_web_request *req,
                             struct fl_buf *allow)
{
    const struct fl_web_route *route = conn->boot->site.routes;
    struct fl_web_headers *headers = &conn->request->headers;
    for (; route != NULL && route->method != NULL; route++) {
        headers->decoded.len = 0; /* of a match with another method */
        if (!route_same_slash(route->path, req->path)) continue;
        if (!route_matches(headers, route->path, req->path)) continue;
        if (strcmp(route->method, req->method) == 0) {
            route_run(conn, route, req);
            return true;
        }
        fl_buf_printf(allow, "%s%s", allow->len > 0 ? ", " : "", route->method);
        if (strcmp(route->method, "GET") == 0) fl_buf_puts(allow, ", HEAD");
    }
    return false;
}

static void route_refuse(struct web_conn *conn, struct fl_buf *allow)
{
    struct fl_web *web = &conn->request->web;
    if (allow->len == 0) {
        fl_web_fail(conn->self, web, 404, "there is nothing at this path");
        return;
    }
    fl_web_set_header(web, "Allow", allow->at);
    fl_web_fail(conn->self, web, 405, "this path does not take this method");
}

static void route_answer(struct web_conn *conn, const struct fl_web_request *req)
{
    const struct fl_web_socket *socket = web_upgrade_row(conn);
    if (socket != NULL) {
        web_upgrade(conn, socket, req);
        return;
    }
    struct fl_buf *allow = &conn->request->headers.allow;
    allow->len = 0;
    bool found = route_try_assets(conn, req, allow);
    if (!found) found = route_try_routes(conn, req, allow);
    if (!found) route_refuse(conn, allow);
}

void web_route_request(struct web_conn *conn)
{
    struct fl_web_request req;
    if (route_prepare(conn, &req)) route_answer(conn, &req);
    if (!conn->request->web.keep_alive && conn->socket == NULL && !conn->closing)
        web_conn_finish(conn);
}
