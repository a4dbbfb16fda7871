/* http.h: HTTP/1.1 bytes to requests and responses, and back; no I/O.
 *
 * Incremental: feed what arrived, pieces of any size. One message at a time: what follows it
 * (pipelining, WebSocket frames after an upgrade) is left to the caller.
 * Knows: libhttp-parser, behind this header. Does not know: sockets, routes. */
#ifndef FL_WIRE_HTTP_H
#define FL_WIRE_HTTP_H

#include "runtime/base/str.h"

#define FL_HTTP_HEADERS_MAX 100
#define FL_HTTP_TARGET_MAX 12000 /* of a request: a longer one is answered 414 */

/** What fl_http_request_feed and fl_http_response_feed say; a request may also earn a status. */
enum fl_http_feed {
    FL_HTTP_MORE = 0, /* feed the next bytes */
    FL_HTTP_DONE = 1, /* one message is complete */
};

struct fl_http_header {
    struct fl_str name, value;  /* value is trimmed */
    uint32_t name_at, value_at; /* private: where in head, which moves while it grows */
};

/* Where the strict look at a request's bytes is (http_check.h). */
struct fl_http_check {
    uint64_t left;   /* of a chunk */
    size_t line_len; /* of the line under way */
    uint32_t lines;
    uint8_t state;
    char last; /* byte of that line */
    bool has_size;
};

/** A message being parsed. Fields are valid once it is complete, until reset or fini. */
struct fl_http {
    /* a request */
    const char *method; /* "GET": static text */
    struct fl_str target, path, query;
    bool expect_continue; /* Expect: 100-continue, known before the body (see head_done) */
    /* a response */
    int status;
    /* both */
    struct fl_http_header *headers;
    size_t headers_count;
    struct fl_buf body;
    bool head_done;  /* the head is parsed, headers may be read */
    bool complete;   /* all of it is here */
    bool keep_alive; /* the connection may be used for another message */
    bool upgrade;    /* WebSocket: what follows the head is not HTTP */
    int minor;       /* HTTP/1.x */

    /* private */
    size_t head_max, body_max, head_seen;
    struct fl_buf head; /* target, names and values, one after another */
    size_t headers_cap;
    size_t target_len;
    bool is_response, head_request, in_value;
    bool is_chunked;
    struct fl_http_check check;
    int refused; /* the status this request deserves, or an error value of a response */
    _Alignas(8) unsigned char parser[32];
};

/** Prepares a request parser: a head over head_max is answered 431, a body over body_max 413. */
void fl_http_request_init(struct fl_http *http, size_t head_max, size_t body_max);
/** Takes bytes of a client. Returns FL_HTTP_MORE, FL_HTTP_DONE (the first *used bytes belong to
 * this request), or the status that the bytes deserve: 400, 413, 414, 431, 501, 505. Strict where
 * leniency lets requests be smuggled. */
int fl_http_request_feed(struct fl_http *http, const void *bytes, size_t len, size_t *used);

/** Prepares a response parser; head_request: the answer to HEAD, which has no body. */
void fl_http_response_init(struct fl_http *http, bool head_request, size_t body_max);
/** Takes bytes of a server. Returns FL_HTTP_MORE, FL_HTTP_DONE (the first *used bytes belong to
 * this response), FL_EBADMSG, or FL_EFULL (a body over body_max). */
int fl_http_response_feed(struct fl_http *http, const void *bytes, size_t len, size_t *used);
/** The server closed. FL_HTTP_DONE: that ended a body without a length; else FL_EBADMSG. */
int fl_http_response_eof(struct fl_http *http);

/** Gets ready for the next message on the same connection; memory is kept when small. */
void fl_http_reset(struct fl_http *http);
/** Frees what it holds. */
void fl_http_fini(struct fl_http *http);
/** A header's value by its name in any case; at NULL: absent. */
struct fl_str fl_http_header(const struct fl_http *http, const char *name);
/** Is this word among the comma-separated ones of a value, in any case? (Connection, Upgrade) */
bool fl_http_has_token(struct fl_str value, const char *token);

/** The reason phrase, "Not Found"; "" for an unknown one. */
const char *fl_http_reason(int status);
#define FL_HTTP_CHUNKED SIZE_MAX           /* a body_len: Transfer-Encoding: chunked */
#define FL_HTTP_UNTIL_CLOSE (SIZE_MAX - 1) /* a body_len: the body ends with the connection */
/** Appends `HTTP/1.1 STATUS …` with Content-Length and Connection: close unless kept alive, up to
 * the empty line. content_type NULL: none; extra: whole `Name: value\r\n` lines or NULL. */
void fl_http_put_head(struct fl_buf *buf, int status, const char *content_type, size_t body_len,
                      bool keep_alive, const char *extra);
#define FL_HTTP_DATE_LEN 29
/** Writes `Sun, 06 Nov 1994 08:49:37 GMT`, without a NUL; wall_s: seconds since 1970, not
 * negative. */
void fl_http_date(int64_t wall_s, char out[FL_HTTP_DATE_LEN]);
/** Appends a client's WebSocket upgrade request; key is 24 characters of base64. */
void fl_http_put_upgrade(struct fl_buf *buf, const char *host, const char *target, const char *key,
                         const char *subprotocol);

/** Appends text with %XX decoded, and + as a space when `plus`. FL_EBADMSG: a broken escape. */
int fl_http_decode(struct fl_buf *buf, struct fl_str text, bool plus);

#endif
