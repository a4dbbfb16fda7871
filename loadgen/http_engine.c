#include "loadgen/http_engine.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"

#define BODY_MAX ((size_t)1 << 20)   /* kept of an answer; the rest is read and dropped */
#define BODY_KEPT ((size_t)16 << 10) /* room that a spare call keeps: there may be thousands */

struct http_socket {
    uv_poll_t poll;
    struct fl_http_engine *engine;
    int fd, armed, wanted; /* libuv masks */
};

struct fl_http_call {
    CURL *easy;
    struct fl_http_engine *engine;
    fl_http_fn fn;
    void *cx;
    fl_ns *sent_ns;
    int sends;         /* how often libcurl has been about to send it */
    bool out_of_files; /* our own limit, not the service's no */
    bool head_ended;   /* the empty line after the headers came */
    struct fl_buf body;
    struct fl_http_call *prev, *next; /* running, or spare (next only) */
};

struct fl_http_engine {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    bool due_now; /* libcurl wants to be called at once */
    struct http_socket **sockets;
    size_t sockets_count; /* by descriptor */
    struct fl_http_call *running, *spare;
};

static void engine_collect(struct fl_http_engine *engine);

static void engine_act(struct fl_http_engine *engine, int fd, int events)
{
    int running = 0;
    curl_multi_socket_action(engine->multi, fd, events, &running);
    engine_collect(engine);
}

static void socket_on_poll(uv_poll_t *poll, int status, int events)
{
    struct http_socket *sock = FL_OWNER(poll, struct http_socket, poll);
    if (sock->wanted == 0) {
        /* An idle connection stirs: the peer closed it. libcurl finds out when it wants it again;
         * an armed poll would spin until then. */
        uv_poll_stop(poll);
        sock->armed = 0;
        return;
    }
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if ((events & UV_READABLE) != 0) flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0) flags |= CURL_CSELECT_OUT;
    engine_act(sock->engine, sock->fd, flags);
}

static struct http_socket *engine_socket(struct fl_http_engine *engine, int fd)
{
    return fd >= 0 && (size_t)fd < engine->sockets_count ? engine->sockets[fd] : NULL;
}

static struct http_socket *engine_add_socket(struct fl_http_engine *engine, int fd)
{
    size_t needed = (size_t)fd + 1;
    if (needed > engine->sockets_count) {
        size_t count = needed * 2;
        struct http_socket **larger = fl_new_array(struct http_socket *, count);
        for (size_t i = 0; i < engine->sockets_count; i++)
            larger[i] = engine->sockets[i];
        free(engine->sockets);
        engine->sockets = larger;
        engine->sockets_count = count;
    }
    struct http_socket *sock = fl_new(struct http_socket);
    sock->engine = engine;
    sock->fd = fd;
    if (uv_poll_init_socket(engine->loop, &sock->poll, fd) != 0) {
        free(sock);
        return NULL;
    }
    engine->sockets[fd] = sock;
    return sock;
}

static int engine_on_socket(CURL *easy, curl_socket_t fd, int what, void *cx, void *socket_cx)
{
    (void)easy, (void)socket_cx;
    struct fl_http_engine *engine = cx;
    struct http_socket *sock = engine_socket(engine, fd);
    int wanted = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) wanted |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) wanted |= UV_WRITABLE;
    if (sock == NULL && wanted == 0) return 0;
    if (sock == NULL) sock = engine_add_socket(engine, fd);
    if (sock == NULL) return -1;

    sock->wanted = wanted;
    if (wanted == 0 || sock->armed == wanted) return 0; /* between two requests: stays armed */
    sock->armed = wanted;
    return uv_poll_start(&sock->poll, wanted, socket_on_poll);
}

static void socket_on_closed(uv_handle_t *handle)
{
    free(FL_OWNER(handle, struct http_socket, poll));
}

/* libuv must let go of a descriptor before it is closed. */
static int engine_on_close(void *cx, curl_socket_t fd)
{
    struct fl_http_engine *engine = cx;
    struct http_socket *sock = engine_socket(engine, fd);
    if (sock != NULL) {
        engine->sockets[fd] = NULL;
        uv_close((uv_handle_t *)&sock->poll, socket_on_closed);
    }
    return close(fd);
}

static void engine_on_timer(uv_timer_t *timer)
{
    engine_act(FL_OWNER(timer, struct fl_http_engine, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int engine_on_timeout(CURLM *multi, long timeout_ms, void *cx)
{
    (void)multi;
    struct fl_http_engine *engine = cx;
    engine->due_now = timeout_ms == 0;
    if (timeout_ms <= 0)
        uv_timer_stop(&engine->timer);
    else
        uv_timer_start(&engine->timer, engine_on_timer, (uint64_t)timeout_ms, 0);
    /* Not from in here: libcurl must not be entered twice. The loop must not sleep either. */
    if (timeout_ms == 0) uv_timer_start(&engine->timer, engine_on_timer, 0, 0);
    return 0;
}

void fl_http_engine_pump(struct fl_http_engine *engine)
{
    while (engine->due_now) {
        engine->due_now = false;
        uv_timer_stop(&engine->timer);
        engine_act(engine, CURL_SOCKET_TIMEOUT, 0);
    }
}

static size_t call_on_body(char *bytes, size_t size, size_t count, void *cx)
{
    struct fl_http_call *call = cx;
    size_t len = size * count;
    size_t room = BODY_MAX - call->body.len;
    fl_buf_add(&call->body, bytes, len < room ? len : room);
    return len;
}

/* libcurl takes a head that breaks off for a whole one. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's signature */
static size_t call_on_head(char *bytes, size_t size, size_t count, void *cx)
{
    struct fl_http_call *call = cx;
    size_t len = size * count;
    call->head_ended = len <= 2 && (bytes[0] == '\r' || bytes[0] == '\n');
    return len;
}

/* libcurl is about to send the request, on a fresh connection or a kept one. A second time means
 * that the kept one died under it: whether the first was acted upon, nobody knows, and sending it
 * again would hide that. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's signature */
static int call_on_send(void *cx, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    struct fl_http_call *call = cx;
    if (call->sends++ > 0) return CURL_PREREQFUNC_ABORT;
    if (call->sent_ns != NULL) *call->sent_ns = fl_now();
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t call_on_open(void *cx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct fl_http_call *call = cx;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) call->out_of_files = errno == EMFILE || errno == ENFILE;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static struct fl_http_call *call_new(struct fl_http_engine *engine)
{
    struct fl_http_call *call = fl_new(struct fl_http_call);
    call->engine = engine;
    call->easy = curl_easy_init();
    FL_ASSERT(call->easy != NULL);
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* what is measured is the path in the scenario */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, call_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, call_on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, call_on_send);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, call_on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, engine_on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, engine);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return call;
}

static void call_set_request(CURL *easy, const struct fl_http_request *request)
{
    bool is_head = strcmp(request->method, "HEAD") == 0;
    bool has_body = request->body.at != NULL;
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* undoes what the last request set */
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.at);
    }
    if (is_head)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(request->method, has_body ? "POST" : "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
}

struct fl_http_call *fl_http_engine_call(struct fl_http_engine *engine,
                                         const struct fl_http_request *request, fl_ns *sent_ns,
                                         fl_http_fn fn, void *cx)
{
    struct fl_http_call *call = engine->spare;
    if (call != NULL)
        engine->spare = call->next;
    else
        call = call_new(engine);

    call->fn = fn;
    call->cx = cx;
    call->sent_ns = sent_ns;
    call->sends = 0;
    call->head_ended = call->out_of_files = false;
    call->body.len = 0;
    call->prev = NULL;
    call->next = engine->running;
    if (engine->running != NULL) engine->running->prev = call;
    engine->running = call;

    call_set_request(call->easy, request);
    CURLMcode rc = curl_multi_add_handle(engine->multi, call->easy);
    FL_ASSERT(rc == CURLM_OK);
    return call;
}

static void call_unlink(struct fl_http_call *call)
{
    struct fl_http_engine *engine = call->engine;
    curl_multi_remove_handle(engine->multi, call->easy);
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        engine->running = call->next;
    if (call->next != NULL) call->next->prev = call->prev;
}

static void call_spare(struct fl_http_call *call)
{
    if (call->body.cap > BODY_KEPT) fl_buf_fini(&call->body);
    call->next = call->engine->spare;
    call->engine->spare = call;
}

void fl_http_engine_cancel(struct fl_http_call *call_take)
{
    call_unlink(call_take);
    call_spare(call_take);
}

static enum fl_op_error error_of(CURLcode result)
{
    switch (result) {
    case CURLE_OK:
        return FL_OPERR_NONE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
        return FL_OPERR_REFUSED;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
        return FL_OPERR_CONTENT; /* bytes came, but they are no HTTP */
    default:
        return FL_OPERR_RESET;
    }
}

static void call_finish(struct fl_http_call *call, CURLcode result)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    struct fl_http_answer answer = {
        .error = error_of(result),
        .was_sent = call->sends > 0,
        .status = (int)status,
        .body = {call->body.len > 0 ? call->body.at : "", call->body.len},
        .done_ns = fl_now(),
    };
    if (answer.error == FL_OPERR_REFUSED && call->out_of_files) answer.error = FL_OPERR_UNSENT;
    if (result == CURLE_OK && !call->head_ended) answer.error = FL_OPERR_RESET;
    /* After it was sent, a refused second connect is still the loss of the first one. */
    if (answer.was_sent && answer.error == FL_OPERR_REFUSED) answer.error = FL_OPERR_RESET;
    call_unlink(call);
    call->fn(call->cx, &answer);
    call_spare(call);
}

static void engine_collect(struct fl_http_engine *engine)
{
    int left = 0;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(engine->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE) continue;
        CURLcode result = msg->data.result;
        struct fl_http_call *call = NULL;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        call_finish(call, result);
    }
}

int fl_http_engine_new(struct fl_http_engine **out, uv_loop_t *loop, size_t connections_max,
                       struct fl_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return fl_err_set(err, FL_EIO, "libcurl cannot start");
    struct fl_http_engine *engine = fl_new(struct fl_http_engine);
    engine->loop = loop;
    engine->multi = curl_multi_init();
    FL_ASSERT(engine->multi != NULL);
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, engine_on_socket);
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, engine_on_timeout);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    uv_timer_init(loop, &engine->timer);
    *out = engine;
    return 0;
}

void fl_http_engine_stop(struct fl_http_engine *engine)
{
    while (engine->running != NULL)
        fl_http_engine_cancel(engine->running);
    while (engine->spare != NULL) {
        struct fl_http_call *call = engine->spare;
        engine->spare = call->next;
        curl_easy_cleanup(call->easy);
        fl_buf_fini(&call->body);
        free(call);
    }
    curl_multi_cleanup(engine->multi); /* closes the kept connections through engine_on_close */
    engine->multi = NULL;
    uv_close((uv_handle_t *)&engine->timer, NULL);
}

void fl_http_engine_free(struct fl_http_engine *engine)
{
    if (engine == NULL) return;
    FL_ASSERT(engine->multi == NULL);
    free(engine->sockets);
    free(engine);
    curl_global_cleanup();
}

enum fl_outcome fl_http_outcome(const struct fl_http_answer *answer, bool expected)
{
    if (answer->error != FL_OPERR_NONE) return answer->was_sent ? FL_UNKNOWN : FL_FAIL;
    if (expected) return FL_OK;
    bool refused = (answer->status >= 400 && answer->status < 500) || answer->status == 503;
    return refused ? FL_FAIL : FL_UNKNOWN;
}
