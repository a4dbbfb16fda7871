/* world.h: a node with a site on a thread of its own, and clients that talk to it over real
 * sockets. Waiting always has a deadline. */
#ifndef FL_TEST_WEB_WORLD_H
#define FL_TEST_WEB_WORLD_H

#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/node.h"
#include "services/wire/http.h"
#include "services/wire/ws.h"

#define WORLD_WITHIN fl_s(15)

struct world {
    /** Starts what is under test on `node`, on world->port. */
    int (*start)(struct world *world, struct fl_err *err);
    const void *cx; /* the test's */
    struct fl_node *node;
    int port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_up, is_down;
    int exit_code;
};

static inline void *world_run(void *arg)
{
    struct world *world = arg;
    struct fl_err err = {0};
    const struct fl_node_opts opts = {.name = "test"};
    int rc = fl_node_new(&world->node, &opts, &err);
    if (rc == 0) rc = world->start(world, &err);
    if (rc != 0) print_error("the node does not start: %s\n", err.text);
    pthread_mutex_lock(&world->lock);
    world->is_up = rc == 0;
    world->is_down = rc != 0;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
    if (rc == 0) world->exit_code = fl_node_run(world->node);
    return NULL;
}

static inline void world_up(struct world *world)
{
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&world->lock, NULL);
    pthread_cond_init(&world->changed, NULL);
    assert_int_equal(pthread_create(&world->thread, NULL, world_run, world), 0);
    pthread_mutex_lock(&world->lock);
    while (!world->is_up && !world->is_down)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
    assert_true(world->is_up);
}

static inline void world_down(struct world *world)
{
    fl_node_stop(world->node, 0);
    pthread_join(world->thread, NULL);
    fl_node_free(world->node);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->changed);
}

/* ---- a client: plain HTTP, and a WebSocket after client_upgrade */

struct client {
    int fd;
    struct fl_buf in; /* bytes not read yet */
    struct fl_ws ws;
    struct fl_buf frames; /* one whole message a line: text, or "close 1001" */
    uint32_t ref;
    bool ended;
};

static inline void client_open(struct client *client, const struct world *world)
{
    memset(client, 0, sizeof *client);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)world->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&addr, sizeof addr), 0);
}

static inline void client_close(struct client *client)
{
    if (client->fd >= 0) close(client->fd);
    client->fd = -1;
    fl_buf_fini(&client->in);
    fl_buf_fini(&client->frames);
    fl_ws_fini(&client->ws);
}

static inline void client_send(struct client *client, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t went = send(client->fd, at, len, MSG_NOSIGNAL);
        if (went <= 0) return; /* the server has closed: what it said can still be read */
        at += went;
        len -= (size_t)went;
    }
}

/** Reads what comes next; false at the end of the stream. Fails the test after its deadline. */
static inline bool client_read(struct client *client)
{
    struct pollfd pollfd = {.fd = client->fd, .events = POLLIN};
    char bytes[65536];
    if (poll(&pollfd, 1, (int)(WORLD_WITHIN / FL_NS_PER_MS)) != 1) fail_msg("nothing came");
    ssize_t got = recv(client->fd, bytes, sizeof bytes, 0);
    client->ended = got <= 0;
    if (got > 0) fl_buf_add(&client->in, bytes, (size_t)got);
    return got > 0;
}

/** Reads one response into `out` (fl_http_fini it). */
static inline void client_response(struct client *client, bool head_request, struct fl_http *out)
{
    fl_http_response_init(out, head_request, (size_t)64 << 20);
    for (;;) {
        size_t used = 0;
        int rc = fl_http_response_feed(out, client->in.at, client->in.len, &used);
        fl_buf_drop(&client->in, used);
        if (rc == FL_HTTP_DONE) return;
        assert_int_equal(rc, FL_HTTP_MORE);
        if (!client_read(client)) fail_msg("the server closed instead of answering");
    }
}

/** Sends text and returns the status of the answer; its body goes to body unless NULL. */
static inline int client_ask(struct client *client, const char *text, struct fl_buf *body)
{
    struct fl_http http;
    client_send(client, text, strlen(text));
    client_response(client, false, &http);
    int status = http.status;
    if (body != NULL) {
        body->len = 0;
        fl_buf_add(body, http.body.at, http.body.len);
    }
    fl_http_fini(&http);
    return status;
}

/** True once the server has closed; what it still says is dropped. */
static inline bool client_sees_end(struct client *client)
{
    while (client_read(client))
        client->in.len = 0;
    return true;
}

static inline void client_heard(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes,
                                size_t len)
{
    struct client *client = cx;
    if (opcode == FL_WS_CLOSE)
        fl_buf_printf(&client->frames, "close %d", len >= 2 ? bytes[0] << 8 | bytes[1] : 1005);
    else if (opcode == FL_WS_PONG)
        fl_buf_puts(&client->frames, "pong");
    else
        fl_buf_add(&client->frames, bytes, len);
    fl_buf_putc(&client->frames, '\n');
}

/** Opens the WebSocket of a path, `/socket`. */
static inline void client_upgrade_at(struct client *client, const struct world *world,
                                     const char *path)
{
    char target[256];
    snprintf(target, sizeof target, "%s/websocket?vsn=2.0.0", path);
    struct fl_buf text = {0};
    struct fl_http http;
    client_open(client, world);
    fl_http_put_upgrade(&text, "127.0.0.1", target, "dGhlIHNhbXBsZSBub25jZQ==", NULL);
    client_send(client, text.at, text.len);
    client_response(client, false, &http);
    assert_int_equal(http.status, 101);
    assert_true(
        fl_str_is(fl_http_header(&http, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    fl_http_fini(&http);
    fl_buf_fini(&text);
    fl_ws_init(&client->ws, false, (size_t)64 << 20);
}

static inline void client_upgrade(struct client *client, const struct world *world)
{
    client_upgrade_at(client, world, "/socket");
}

static inline void client_frame(struct client *client, enum fl_ws_opcode opcode, const void *bytes,
                                size_t len)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    uint8_t head[FL_WS_HEADER_MAX];
    struct fl_buf frame = {0};
    fl_buf_add(&frame, head, fl_ws_header(head, opcode, len, mask));
    size_t at = frame.len;
    fl_buf_add(&frame, bytes, len);
    fl_ws_mask((uint8_t *)frame.at + at, len, mask);
    client_send(client, frame.at, frame.len);
    fl_buf_fini(&frame);
}

static inline void client_say(struct client *client, const char *text)
{
    client_frame(client, FL_WS_TEXT, text, strlen(text));
}

/** The next message, into `out`; false at the end of the stream. */
static inline bool client_next(struct client *client, struct fl_buf *out)
{
    for (;;) {
        char *end = client->frames.len > 0 ? memchr(client->frames.at, '\n', client->frames.len)
                                           : NULL;
        if (end != NULL) {
            size_t len = (size_t)(end - client->frames.at);
            out->len = 0;
            fl_buf_add(out, client->frames.at, len);
            fl_buf_drop(&client->frames, len + 1);
            return true;
        }
        if (client->in.len == 0 && !client_read(client)) return false;
        int code = fl_ws_feed(&client->ws, client->in.at, client->in.len, client_heard, client,
                              NULL);
        assert_int_equal(code, 0);
        client->in.len = 0;
    }
}

/** Reads until a message holds `part`, which it then returns in client-owned memory. */
static inline void client_expect(struct client *client, const char *part)
{
    struct fl_buf text = {0};
    while (client_next(client, &text)) {
        bool found = strstr(text.at, part) != NULL;
        if (!found) continue;
        fl_buf_fini(&text);
        return;
    }
    fl_buf_fini(&text);
    fail_msg("the stream ended before: %s", part);
}

#endif
