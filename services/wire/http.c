#include "services/wire/http.h"

#include "services/wire/http_check.h"

#include <http_parser.h>
#include <strings.h>

_Static_assert(sizeof(struct http_parser) <= sizeof(((struct fl_http *)0)->parser),
               "the room kept for http_parser");

enum { HTTP_KEEP_BYTES = 4096 }; /* what a connection keeps between messages */

static http_parser *http_core(struct fl_http *http)
{
    return (http_parser *)(void *)http->parser;
}

static struct fl_http *http_of(http_parser *core)
{
    return core->data;
}

/* Names, values and the target lie one after another in `head`, which moves while it grows;
 * headers remember offsets until the head is complete. */
static int http_head_add(struct fl_http *http, const char *at, size_t len, size_t *part_len)
{
    if (http->head.len + len + 4 * http->headers_count > http->head_max) {
        http->refused = http->is_response ? FL_EFULL : 431;
        return 1;
    }
    fl_buf_add(&http->head, at, len);
    *part_len += len;
    return 0;
}

static int http_on_url(http_parser *core, const char *at, size_t len)
{
    struct fl_http *http = http_of(core);
    if (!http->is_response && http->target_len + len > FL_HTTP_TARGET_MAX) {
        http->refused = 414;
        return 1;
    }
    return http_head_add(http, at, len, &http->target_len);
}

static struct fl_http_header *http_next_header(struct fl_http *http)
{
    if (http->headers_count == http->headers_cap) {
        http->headers_cap = http->headers_cap == 0 ? 8 : http->headers_cap * 2;
        http->headers = fl_realloc(http->headers, http->headers_cap * sizeof *http->headers);
    }
    struct fl_http_header *fresh = &http->headers[http->headers_count++];
    *fresh = (struct fl_http_header){.name_at = (uint32_t)http->head.len};
    http->in_value = false;
    return fresh;
}

static int http_on_field(http_parser *core, const char *at, size_t len)
{
    struct fl_http *http = http_of(core);
    if (http->head_done) return 0; /* trailers of a chunked body: read over */
    bool is_next = http->headers_count == 0 || http->in_value;
    if (is_next && http->headers_count == FL_HTTP_HEADERS_MAX) {
        http->refused = http->is_response ? FL_EFULL : 431;
        return 1;
    }
    struct fl_http_header *header = is_next ? http_next_header(http)
                                            : &http->headers[http->headers_count - 1];
    return http_head_add(http, at, len, &header->name.len);
}

static int http_on_value(http_parser *core, const char *at, size_t len)
{
    struct fl_http *http = http_of(core);
    if (http->head_done) return 0;
    struct fl_http_header *header = &http->headers[http->headers_count - 1];
    if (!http->in_value) header->value_at = (uint32_t)http->head.len;
    http->in_value = true;
    return http_head_add(http, at, len, &header->value.len);
}

/* `http://host/path?query` is allowed in a request line; what counts is the path. *authority is
 * that host, or at NULL. False: there is no path in it. */
static bool http_split_target(struct fl_http *http, struct fl_str *authority)
{
    struct fl_str rest = {http->head.at != NULL ? http->head.at : "", http->target_len};
    http->target = rest;
    bool is_absolute = rest.len > 0 && rest.at[0] != '/' && rest.at[0] != '*';
    if (is_absolute) {
        const char *after = memmem(rest.at, rest.len, "://", 3);
        if (after == NULL) return false;
        size_t skip = (size_t)(after - rest.at) + 3;
        struct fl_str host = {rest.at + skip, rest.len - skip};
        size_t len = 0;
        while (len < host.len && strchr("/?#", host.at[len]) == NULL)
            len++;
        *authority = (struct fl_str){host.at, len};
        rest = (struct fl_str){host.at + len, host.len - len};
    }
    struct fl_str no_fragment = fl_str_cut(&rest, '#');
    http->query = no_fragment;
    http->path = fl_str_cut(&http->query, '?');
    if (is_absolute && http->path.len == 0) http->path = FL_STR("/");
    if (http->path.len == 0) return false;
    return http->path.at[0] == '/' || strcmp(http->method, "OPTIONS") == 0;
}

static void http_resolve_headers(struct fl_http *http)
{
    for (size_t i = 0; i < http->headers_count; i++) {
        struct fl_http_header *header = &http->headers[i];
        header->name.at = http->head.at + header->name_at;
        header->value.at = http->head.at + header->value_at;
        header->value = fl_str_trim(header->value);
    }
}

static int http_on_head(http_parser *core)
{
    struct fl_http *http = http_of(core);
    http_resolve_headers(http);
    http->head_done = true;
    http->minor = core->http_major == 1 ? core->http_minor : -1;
    http->keep_alive = http_should_keep_alive(core) != 0;
    if (http->is_response) {
        http->status = (int)core->status_code;
        http->upgrade = http->status == 101;
        core->upgrade = http->upgrade;
        return http->head_request ? 1 : 0;
    }
    http->method = http_method_str((enum http_method)core->method);
    http->is_chunked = (core->flags & F_CHUNKED) != 0;
    http->upgrade = core->upgrade &&
                    fl_http_has_token(fl_http_header(http, "upgrade"), "websocket");
    core->upgrade = http->upgrade; /* offers of h2c and the like are left unanswered */
    http->expect_continue = fl_http_has_token(fl_http_header(http, "expect"), "100-continue");
    struct fl_str authority = {0};
    if (http->minor < 0)
        http->refused = 505;
    else if (core->method == HTTP_CONNECT)
        http->refused = 501;
    else if (!http_split_target(http, &authority))
        http->refused = 400;
    else
        http->refused = fl_http_check_headers(http, authority);
    if (http->refused == 0 && core->content_length != UINT64_MAX &&
        core->content_length > http->body_max)
        http->refused = 413;
    /* 0 goes on, 3 is an error of ours: `refused` says which */
    return http->refused != 0 ? 3 : 0;
}

static int http_on_body(http_parser *core, const char *at, size_t len)
{
    struct fl_http *http = http_of(core);
    if (http->body.len + len > http->body_max) {
        http->refused = http->is_response ? FL_EFULL : 413;
        return 1;
    }
    fl_buf_add(&http->body, at, len);
    return 0;
}

static int http_on_complete(http_parser *core)
{
    struct fl_http *http = http_of(core);
    /* An answer like 100 Continue comes before the real one. */
    if (http->is_response && http->status < 200 && http->status != 101) {
        http->head_done = false;
        http->head.len = 0;
        http->headers_count = 0;
        http->in_value = false;
        return 0;
    }
    http->complete = true;
    http_parser_pause(core, 1); /* what follows belongs to the next message */
    return 0;
}

static const http_parser_settings http_settings = {
    .on_url = http_on_url,
    .on_header_field = http_on_field,
    .on_header_value = http_on_value,
    .on_headers_complete = http_on_head,
    .on_body = http_on_body,
    .on_message_complete = http_on_complete,
};

static void http_start(struct fl_http *http)
{
    http_parser_init(http_core(http), http->is_response ? HTTP_RESPONSE : HTTP_REQUEST);
    http_core(http)->data = http;
}

void fl_http_request_init(struct fl_http *http, size_t head_max, size_t body_max)
{
    memset(http, 0, sizeof *http);
    http->head_max = head_max;
    http->body_max = body_max;
    http_start(http);
}

void fl_http_response_init(struct fl_http *http, bool head_request, size_t body_max)
{
    memset(http, 0, sizeof *http);
    http->is_response = true;
    http->head_request = head_request;
    http->head_max = (size_t)64 * 1024;
    http->body_max = body_max;
    http_start(http);
}

/* 0 more, 1 complete, or what is wrong: `otherwise` unless something better is known. */
static int http_feed(struct fl_http *http, const void *bytes, size_t len, size_t *used,
                     int otherwise)
{
    *used = 0;
    if (http->complete) return FL_HTTP_DONE;
    if (http->refused != 0) return http->refused;
    http_parser *core = http_core(http);
    core->data = http; /* the struct may have moved since */
    *used = http_parser_execute(core, &http_settings, bytes, len);
    if (http->complete) return FL_HTTP_DONE;
    if (http->refused != 0) return http->refused;
    enum http_errno wrong = HTTP_PARSER_ERRNO(core);
    if (wrong == HPE_OK) return FL_HTTP_MORE;
    http->refused = otherwise;
    if (!http->is_response && wrong == HPE_HEADER_OVERFLOW) http->refused = 431;
    if (!http->is_response && wrong == HPE_INVALID_VERSION) http->refused = 505;
    return http->refused;
}

/* What is left of this piece, up to what may not be there. */
static int http_feed_strictly(struct fl_http *http, const char *bytes, size_t len, size_t *used,
                              bool is_ok)
{
    int rc = FL_HTTP_MORE;
    *used = 0;
    if (len > 0) rc = http_feed(http, bytes, len, used, 400); /* 0 would mean the end */
    if (rc == FL_HTTP_MORE && !is_ok) rc = http->refused = 400;
    return rc;
}

/* Head and body apart: how the body is looked at is known only then. */
int fl_http_request_feed(struct fl_http *http, const void *bytes, size_t len, size_t *used)
{
    FL_ASSERT(!http->is_response);
    *used = 0;
    if (http->complete) return FL_HTTP_DONE;
    if (http->refused != 0) return http->refused;
    size_t head = 0;
    if (!http->head_done) {
        head = len;
        bool is_ok = fl_http_check_head(&http->check, bytes, &head) == 0;
        int rc = http_feed_strictly(http, bytes, head, used, is_ok);
        if (rc != FL_HTTP_MORE || head == len) return rc;
    }
    const char *rest = (const char *)bytes + head;
    len -= head;
    bool is_ok = !http->is_chunked || fl_http_check_chunks(&http->check, rest, &len) == 0;
    int rc = http_feed_strictly(http, rest, len, used, is_ok);
    *used += head;
    return rc;
}

int fl_http_response_feed(struct fl_http *http, const void *bytes, size_t len, size_t *used)
{
    FL_ASSERT(http->is_response);
    *used = 0;
    if (len == 0) return http->complete ? FL_HTTP_DONE : FL_HTTP_MORE; /* 0 would mean the end */
    return http_feed(http, bytes, len, used, FL_EBADMSG);
}

int fl_http_response_eof(struct fl_http *http)
{
    FL_ASSERT(http->is_response);
    if (http->complete) return FL_HTTP_DONE;
    if (!http->head_done || http->refused != 0) return FL_EBADMSG;
    size_t used;
    return http_feed(http, "", 0, &used, FL_EBADMSG) == FL_HTTP_DONE ? FL_HTTP_DONE : FL_EBADMSG;
}

void fl_http_reset(struct fl_http *http)
{
    if (http->head.cap > HTTP_KEEP_BYTES) fl_buf_fini(&http->head);
    if (http->body.cap > HTTP_KEEP_BYTES) fl_buf_fini(&http->body);
    http->head.len = http->body.len = 0;
    http->method = NULL;
    http->target = http->path = http->query = (struct fl_str){0};
    http->expect_continue = http->head_done = http->complete = http->keep_alive = false;
    http->upgrade = http->in_value = http->is_chunked = false;
    http->check = (struct fl_http_check){0};
    http->status = http->minor = http->refused = 0;
    http->headers_count = 0;
    http->target_len = 0;
    http_start(http);
}

void fl_http_fini(struct fl_http *http)
{
    fl_buf_fini(&http->head);
    fl_buf_fini(&http->body);
    free(http->headers);
    http->headers = NULL;
    http->headers_cap = http->headers_count = 0;
}

struct fl_str fl_http_header(const struct fl_http *http, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < http->headers_count; i++) {
        const struct fl_http_header *header = &http->headers[i];
        if (header->name.len == len && strncasecmp(header->name.at, name, len) == 0)
            return header->value;
    }
    return (struct fl_str){0};
}

bool fl_http_has_token(struct fl_str value, const char *token)
{
    size_t len = strlen(token);
    while (value.len > 0) {
        struct fl_str word = fl_str_trim(fl_str_cut(&value, ','));
        if (word.len == len && strncasecmp(word.at, token, len) == 0) return true;
    }
    return false;
}
