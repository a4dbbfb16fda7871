/* phoenix.h: a client of channels that waits with a deadline: one WebSocket, text in and out. */
#ifndef FL_TEST_SERVICES_PHOENIX_H
#define FL_TEST_SERVICES_PHOENIX_H

#include "tests/e2e/services/client.h"

#include "runtime/base/clock.h"
#include "services/wire/ws.h"

/** One socket. */
struct phoenix {
    struct client client;
    struct fl_ws ws;
    void (*on_text)(void *cx, struct fl_str text); /* each frame; may be NULL */
    void *cx;
    const char *a, *b; /* what a frame has to hold that is waited for */
    char *found;       /* the first that did */
};

static inline bool phoenix_holds(struct fl_str text, const char *part)
{
    return part == NULL || memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static inline void phoenix_on_frame(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes,
                                    size_t len)
{
    struct phoenix *phoenix = cx;
    struct fl_str text = {(const char *)bytes, len};
    if (opcode != FL_WS_TEXT) return;
    if (phoenix->on_text != NULL) phoenix->on_text(phoenix->cx, text);
    if (phoenix->a == NULL || phoenix->found != NULL) return;
    if (phoenix_holds(text, phoenix->a) && phoenix_holds(text, phoenix->b))
        phoenix->found = fl_str_dup(text);
}

/** Reads what is there, waiting for something. */
static inline void phoenix_read(struct phoenix *phoenix)
{
    char bytes[65536];
    ssize_t n = recv(phoenix->client.fd, bytes, sizeof bytes, 0);
    assert_true(n > 0);
    assert_int_equal(fl_ws_feed(&phoenix->ws, bytes, (size_t)n, phoenix_on_frame, phoenix, NULL),
                     0);
}

static inline void phoenix_send(struct phoenix *phoenix, const char *text)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    uint8_t head[FL_WS_HEADER_MAX];
    size_t len = strlen(text), head_len = fl_ws_header(head, FL_WS_TEXT, len, mask);
    uint8_t *body = (uint8_t *)fl_strdup(text);
    fl_ws_mask(body, len, mask);
    assert_int_equal(send(phoenix->client.fd, head, head_len, MSG_NOSIGNAL), head_len);
    assert_int_equal(send(phoenix->client.fd, body, len, MSG_NOSIGNAL), len);
    free(body);
}

/** Upgrades at `path`/websocket. origin NULL: none said. Returns the status, 101 when it is open.
 */
static inline int phoenix_open_at(struct phoenix *phoenix, int port, const char *path,
                                  const char *origin)
{
    *phoenix = (struct phoenix){0};
    fl_ws_init(&phoenix->ws, false, 8 << 20);
    assert_true(client_open(&phoenix->client, port));
    char *upgrade = fl_format("GET %s/websocket?vsn=2.0.0 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
                              "connection: upgrade\r\nupgrade: websocket\r\n%s%s%s"
                              "sec-websocket-version: 13\r\n"
                              "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                              path, port, origin != NULL ? "origin: " : "",
                              origin != NULL ? origin : "", origin != NULL ? "\r\n" : "");
    size_t len = strlen(upgrade);
    assert_int_equal(send(phoenix->client.fd, upgrade, len, MSG_NOSIGNAL), len);
    free(upgrade);
    assert_true(client_head(&phoenix->client) > 0);
    return atoi(phoenix->client.raw.at + strlen("HTTP/1.1 "));
}

/** The same at /socket. */
static inline int phoenix_open(struct phoenix *phoenix, int port, const char *origin)
{
    return phoenix_open_at(phoenix, port, "/socket", origin);
}

/** Reads until a frame held a and b (may be NULL). free() it. */
static inline char *phoenix_wait(struct phoenix *phoenix, const char *a, const char *b)
{
    fl_ns deadline_ns = fl_now() + fl_s(CLIENT_DEADLINE_S);
    phoenix->a = a;
    phoenix->b = b;
    while (phoenix->found == NULL) {
        if (fl_now() > deadline_ns) fail_msg("never saw %s … %s", a, b != NULL ? b : "");
        phoenix_read(phoenix);
    }
    char *found = phoenix->found;
    phoenix->found = NULL;
    phoenix->a = NULL;
    return found;
}

static inline void phoenix_close(struct phoenix *phoenix)
{
    fl_ws_fini(&phoenix->ws);
    free(phoenix->found);
    client_close(&phoenix->client);
}

#endif
