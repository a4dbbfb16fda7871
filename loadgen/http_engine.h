/* http_engine.h: HTTP requests through libcurl's multi interface on a libuv loop.
 *
 * Poll handles stay armed across requests (arming costs more than a request), easy handles are
 * reused, deadlines are the caller's. A request is sent once: libcurl's silent second try on a
 * connection that died is turned into the error that a client would see. Thread: the loop's. */
#ifndef FL_LOADGEN_HTTP_ENGINE_H
#define FL_LOADGEN_HTTP_ENGINE_H

#include <curl/curl.h>
#include <uv.h>

#include "runtime/base/journal.h"

struct fl_http_engine;
struct fl_http_call;

struct fl_http_request {
    const char *method;
    const char *url;
    struct curl_slist *headers; /* borrowed until the answer */
    struct fl_str body;         /* borrowed until the answer; at NULL: none */
};

struct fl_http_answer {
    enum fl_op_error error; /* FL_OPERR_NONE: status and body are valid */
    bool was_sent;          /* with an error: may the service have seen it? */
    int status;
    struct fl_str body; /* valid until the callback returns */
    fl_ns done_ns;
};

/** Called once, unless the call is cancelled; may start new calls. */
typedef void (*fl_http_fn)(void *cx, const struct fl_http_answer *answer);

/** Makes an engine that keeps at most this many connections. */
int fl_http_engine_new(struct fl_http_engine **out, uv_loop_t *loop, size_t connections_max,
                       struct fl_err *err);
/** Ends what runs without calling back and closes every connection; run the loop, then free. */
void fl_http_engine_stop(struct fl_http_engine *engine);
/** Frees an engine that is stopped and whose loop has ended. NULL is fine. */
void fl_http_engine_free(struct fl_http_engine *engine);

/** Starts a request. sent_ns (may be NULL) is set when it goes out. */
struct fl_http_call *fl_http_engine_call(struct fl_http_engine *engine,
                                         const struct fl_http_request *request, fl_ns *sent_ns,
                                         fl_http_fn fn, void *cx);
/** Ends a request and its connection; fn is not called. */
void fl_http_engine_cancel(struct fl_http_call *call_take);
/** Pushes out what was started since: call it before the loop sleeps. */
void fl_http_engine_pump(struct fl_http_engine *engine);

/** What an answer means to an operation that expected it: 4xx and 503 did not happen, another 5xx
 * may have. */
enum fl_outcome fl_http_outcome(const struct fl_http_answer *answer, bool expected);

#endif
