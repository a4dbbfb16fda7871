/* phoenix.h: a small Phoenix server in a thread of this process: connections, joins, frames. What
 * is said on a channel, and what goes wrong, is the story's. */
#ifndef FL_LOADGEN_PHOENIX_H
#define FL_LOADGEN_PHOENIX_H

#include "tests/e2e/loadgen/rig.h"

#include "services/wire/channel.h"
#include "services/wire/http.h"
#include "services/wire/ws.h"

#define CLIENTS_MAX 64

struct phoenix;
struct client {
    int fd;
    struct phoenix *server;
    struct fl_http http;
    struct fl_ws ws;
    bool upgraded, closing;
    char topic[64], join_ref[16]; /* "" before it has joined */
    char user[64];                /* of the join's params, or "" */
    int island;                   /* the story's */
};

/** What the story does; all run in the server's thread, and each may be NULL. */
struct phoenix_story {
    void (*on_accept)(struct client *client);
    /** After the yes to a join. */
    void (*on_join)(struct client *client);
    void (*on_event)(struct client *client, const struct fl_channel_msg *msg);
    /** Whenever something came. */
    void (*on_turn)(struct phoenix *server);
    /** Twenty times a second. */
    void (*on_tick)(struct phoenix *server);
};

struct phoenix {
    struct side side;
    const struct phoenix_story *story;
    struct client clients[CLIENTS_MAX];
    int count, connections, joins;
};

static inline void client_send(struct client *client, const struct fl_buf *text)
{
    uint8_t head[FL_WS_HEADER_MAX];
    struct fl_buf frame = {0};
    fl_buf_add(&frame, head, fl_ws_header(head, FL_WS_TEXT, text->len, NULL));
    fl_buf_add(&frame, text->at, text->len);
    if (send(client->fd, frame.at, frame.len, MSG_NOSIGNAL) < 0) client->closing = true;
    fl_buf_fini(&frame);
}

static inline void client_push(struct client *client, const char *event, struct fl_str payload)
{
    struct fl_buf text = {0};
    fl_channel_put(&text, (struct fl_str){0}, (struct fl_str){0}, fl_str_of(client->topic), event,
                   payload);
    client_send(client, &text);
    fl_buf_fini(&text);
}

static inline void client_reply(struct client *client, const struct fl_channel_msg *msg,
                                const char *status)
{
    struct fl_buf text = {0};
    fl_channel_put_reply(&text, msg->join_ref, msg->ref, msg->topic, status, FL_STR("{}"));
    client_send(client, &text);
    fl_buf_fini(&text);
}

static inline void client_crash(struct client *client)
{
    struct fl_buf text = {0};
    struct fl_str ref = fl_str_of(client->join_ref);
    fl_channel_put(&text, ref, ref, fl_str_of(client->topic), "phx_error",
                   FL_STR("{\"reason\":\"channel_crash\"}"));
    client_send(client, &text);
    client->topic[0] = '\0';
    fl_buf_fini(&text);
}

static inline void client_join(struct client *client, const struct fl_channel_msg *msg)
{
    struct phoenix *server = client->server;
    cJSON *params = cJSON_ParseWithLength(msg->payload.at, msg->payload.len);
    snprintf(client->user, sizeof client->user, "%s", fl_json_text(params, "user", ""));
    cJSON_Delete(params);
    snprintf(client->topic, sizeof client->topic, "%.*s", FL_ARG(msg->topic));
    snprintf(client->join_ref, sizeof client->join_ref, "%.*s", FL_ARG(msg->join_ref));
    server->joins++;
    client_reply(client, msg, "ok");
    if (server->story->on_join != NULL) server->story->on_join(client);
}

static inline void client_on_message(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes,
                                     size_t len)
{
    struct client *client = cx;
    if (opcode != FL_WS_TEXT) return;
    struct fl_buf scratch = {0};
    struct fl_channel_msg msg;
    int rc = fl_channel_parse((struct fl_str){(const char *)bytes, len}, &scratch, &msg);
    if (rc == 0 && fl_str_is(msg.event, "phx_join")) {
        client_join(client, &msg);
    } else if (rc == 0 && client->server->story->on_event != NULL) {
        client->server->story->on_event(client, &msg);
    }
    fl_buf_fini(&scratch);
}

static inline void client_upgrade(struct client *client, const char *bytes, size_t len)
{
    size_t used = 0;
    if (fl_http_request_feed(&client->http, bytes, len, &used) != FL_HTTP_DONE) return;
    struct fl_str key = fl_http_header(&client->http, "Sec-WebSocket-Key");
    char accept[29], answer[256];
    bool right = client->http.upgrade && key.len == 24 &&
                 fl_str_is(client->http.path, "/socket/websocket") &&
                 fl_str_is(client->http.query, "vsn=2.0.0");
    fl_ws_accept_key(key, accept);
    int answer_len = snprintf(answer, sizeof answer,
                              "HTTP/1.1 %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: %s\r\n\r\n",
                              right ? "101 Switching Protocols" : "400 Bad Request", accept);
    send(client->fd, answer, (size_t)answer_len, MSG_NOSIGNAL);
    client->upgraded = right;
    client->closing = !right;
}

static inline void client_read(struct client *client)
{
    char bytes[65536];
    ssize_t got = recv(client->fd, bytes, sizeof bytes, 0);
    if (got <= 0)
        client->closing = true;
    else if (!client->upgraded)
        client_upgrade(client, bytes, (size_t)got);
    else if (fl_ws_feed(&client->ws, bytes, (size_t)got, client_on_message, client, NULL) != 0)
        client->closing = true;
}

static inline void client_accept(struct phoenix *server)
{
    int fd = accept(server->side.listener, NULL, NULL);
    if (fd < 0 || server->count == CLIENTS_MAX) {
        if (fd >= 0) close(fd);
        return;
    }
    server->connections++;
    struct client *client = &server->clients[server->count++];
    memset(client, 0, sizeof *client);
    client->fd = fd;
    client->server = server;
    fl_http_request_init(&client->http, 16384, 0);
    fl_ws_init(&client->ws, true, 1 << 20);
    if (server->story->on_accept != NULL) server->story->on_accept(client);
}

static inline void phoenix_sweep(struct phoenix *server, bool all)
{
    for (int i = server->count; i-- > 0;) {
        struct client *client = &server->clients[i];
        if (!all && !client->closing) continue;
        close(client->fd);
        fl_http_fini(&client->http);
        fl_ws_fini(&client->ws);
        server->clients[i] = server->clients[--server->count];
    }
}

static inline void *phoenix_main(void *cx)
{
    struct phoenix *server = cx;
    fl_ns tick_ns = fl_now();
    for (;;) {
        struct pollfd fds[CLIENTS_MAX + 2] = {{.fd = server->side.stop_pipe[0], .events = POLLIN},
                                              {.fd = server->side.listener, .events = POLLIN}};
        int watched = server->count;
        for (int i = 0; i < watched; i++)
            fds[i + 2] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
        if (poll(fds, (nfds_t)watched + 2, 50) < 0 || fds[0].revents != 0) break;
        for (int i = 0; i < watched; i++)
            if (fds[i + 2].revents != 0) client_read(&server->clients[i]);
        if (server->story->on_turn != NULL) server->story->on_turn(server);
        phoenix_sweep(server, false);
        if (fds[1].revents != 0) client_accept(server);
        if (fl_now() - tick_ns >= fl_ms(50)) {
            tick_ns = fl_now();
            if (server->story->on_tick != NULL) server->story->on_tick(server);
        }
    }
    phoenix_sweep(server, true);
    return NULL;
}

/** The server is zero, or part of what is. */
static inline void phoenix_start(struct phoenix *server, const struct phoenix_story *story)
{
    *server = (struct phoenix){.story = story};
    side_start(&server->side, phoenix_main, server);
}

static inline void phoenix_stop(struct phoenix *server)
{
    side_stop(&server->side);
}

#endif
