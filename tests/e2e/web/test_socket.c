#include "tests/e2e/web/world.h"

#include <stdatomic.h>

#include "runtime/pubsub.h"
#include "runtime/server.h"
#include "services/web/web.h"

/* One site for all: a raw socket at /echo, channels at /socket, small limits. */
struct args {
    struct fl_pubsub *pubsub;
    atomic_int closed_with; /* the last code that on_close got */
    atomic_int left;        /* channels whose on_leave ran */
    atomic_int waits;       /* channels that came to wait */
};

/* ---- somebody who answers late: calls wait until it is let go */

enum { GATE_WAIT = 1, GATE_OPEN };
struct gate {
    struct fl_pid from[64];
    uint64_t refs[64];
    int waiting;
};

static void gate_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct gate *gate = state;
    if (msg->tag == GATE_WAIT) {
        gate->from[gate->waiting] = msg->from;
        gate->refs[gate->waiting++] = msg->ref;
        return;
    }
    for (int i = 0; i < gate->waiting; i++)
        fl_self_reply(self, gate->from[i], gate->refs[i], NULL, 0);
    gate->waiting = 0;
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
}

static const struct fl_server gate_server = {
    .name = "gate", .state_bytes = sizeof(struct gate), .on_call = gate_on_call};

static void gate_ask(struct fl_self *self, uint32_t tag)
{
    fl_call(self, fl_whereis(fl_self_node(self), "gate"), tag, NULL, 0, NULL, 0, NULL, fl_s(30));
}

/* ---- the raw socket */

struct echo {
    int messages;
};

static void echo_on_open(struct fl_socket *socket, void *state, const struct fl_web_request *req)
{
    struct fl_str name = fl_web_query(req, "name");
    if (name.at != NULL) fl_socket_send(socket, name, false);
}

static void echo_on_message(struct fl_socket *socket, void *state, struct fl_str bytes, bool binary)
{
    struct echo *echo = state;
    char text[40];
    echo->messages++;
    if (fl_str_is(bytes, "count")) {
        int len = snprintf(text, sizeof text, "%d", echo->messages);
        fl_socket_send(socket, (struct fl_str){text, (size_t)len}, false);
    } else if (fl_str_is(bytes, "bye")) {
        fl_socket_close(socket, 4321);
    } else if (fl_str_is(bytes, "crash")) {
        fl_self_fail(fl_socket_self(socket), FL_EBADMSG);
    } else if (fl_str_is(bytes, "later")) {
        fl_send(fl_socket_self(socket), fl_self_pid(fl_socket_self(socket)), 77, "now", 3);
    } else {
        fl_socket_send(socket, bytes, binary);
    }
}

static void echo_on_info(struct fl_socket *socket, void *state, const struct fl_msg *msg)
{
    fl_socket_send(socket, (struct fl_str){msg->data, msg->len}, false);
}

static void echo_on_close(struct fl_socket *socket, void *state, int code)
{
    struct args *args = (struct args *)(uintptr_t)fl_socket_args(socket);
    atomic_store(&args->closed_with, code);
}

static const struct fl_socket_server echo_server = {
    .state_bytes = sizeof(struct echo),
    .on_open = echo_on_open,
    .on_message = echo_on_message,
    .on_info = echo_on_info,
    .on_close = echo_on_close,
};

static int echo_on_connect(struct fl_self *self, const struct fl_web_request *req, const void *args)
{
    return fl_web_query(req, "banned").at != NULL ? FL_EREFUSED : 0;
}

/* ---- the channels */

static int room_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    const struct args *args = fl_channel_args(ch);
    fl_channel_subscribe(ch, args->pubsub, NULL);
    fl_channel_push(ch, "hello", FL_STR("{}"));
    return 0;
}

static void room_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    struct args *args = (struct args *)(uintptr_t)fl_channel_args(ch);
    struct fl_self *self = fl_channel_self(ch);
    const char *topic = fl_channel_topic(ch).at;
    if (fl_str_is(event->event, "wait")) {
        atomic_fetch_add(&args->waits, 1);
        gate_ask(self, GATE_WAIT);
    } else if (fl_str_is(event->event, "open"))
        gate_ask(self, GATE_OPEN);
    else if (fl_str_is(event->event, "say"))
        fl_web_broadcast(self, args->pubsub, topic, "said", event->payload);
    else if (fl_str_is(event->event, "whisper"))
        fl_web_broadcast_from(self, args->pubsub, topic, "said", event->payload);
    else if (fl_str_is(event->event, "bytes"))
        fl_channel_push_binary(ch, "some", FL_STR("\0\1\2"));
    else if (fl_str_is(event->event, "end"))
        fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
    else if (fl_str_is(event->event, "crash"))
        fl_self_fail(self, FL_EBADMSG);
    else if (fl_str_is(event->event, "away"))
        fl_channel_disconnect(ch);
    fl_channel_reply(ch, event->ref, "ok", event->payload);
}

static void room_on_leave(struct fl_channel *ch, void *state)
{
    struct args *args = (struct args *)(uintptr_t)fl_channel_args(ch);
    atomic_fetch_add(&args->left, 1);
}

static int bad_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    if (fl_str_is(fl_channel_topic(ch), "bad:crash")) fl_self_fail(fl_channel_self(ch), FL_EBADMSG);
    return fl_str_is(fl_channel_topic(ch), "bad:full") ? FL_EFULL : 0;
}

static const struct fl_channel_server channels[] = {
    {.topic = "bad:*", .on_join = bad_on_join},
    {.topic = "room:*",
     .on_join = room_on_join,
     .on_event = room_on_event,
     .on_leave = room_on_leave},
    {0},
};

static const struct fl_web_socket sockets[] = {
    {.path = "/socket", .channels = channels},
    {.path = "/echo", .raw = &echo_server, .on_connect = echo_on_connect},
    {0},
};

struct stage {
    struct world world;
    struct args args;
    struct fl_web_site site;
};

static int start(struct world *world, struct fl_err *err)
{
    struct stage *stage = (struct stage *)world;
    struct fl_pid pid;
    const struct fl_spawn_opts opts = {.name = "gate", .shard = -1};
    int rc = fl_node_spawn(world->node, &gate_server, &opts, &pid);
    if (rc == 0) rc = fl_pubsub_start(world->node, NULL, &stage->args.pubsub);
    if (rc != 0) return rc;
    stage->site.sockets = sockets;
    stage->site.args = &stage->args;
    return fl_web_serve(world->node, &stage->site, NULL, 0, &world->port, NULL, err);
}

static struct stage *stage_up(struct fl_web_site site)
{
    struct stage *stage = fl_new(struct stage);
    stage->site = site;
    stage->world.start = start;
    world_up(&stage->world);
    return stage;
}

static void stage_down(struct stage *stage)
{
    world_down(&stage->world);
    fl_pubsub_free(stage->args.pubsub);
    free(stage);
}

/* Waits for what another thread will do soon. */
static void expect_soon(atomic_int *value, int wanted)
{
    fl_ns end = fl_now() + WORLD_WITHIN;
    while (atomic_load(value) != wanted && fl_now() < end)
        poll(NULL, 0, 5);
    assert_int_equal(atomic_load(value), wanted);
}

/* Opens a WebSocket and returns the status of the answer; *extensions is what it agreed to. */
static int open_at(struct client *client, const struct world *world, const char *path,
                   const char *header, char extensions[200])
{
    struct fl_buf text = {0};
    struct fl_http http;
    client_open(client, world);
    fl_buf_printf(&text,
                  "GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "%s\r\n",
                  path, header);
    client_send(client, text.at, text.len);
    client_response(client, false, &http);
    int status = http.status;
    struct fl_str agreed = fl_http_header(&http, "sec-websocket-extensions");
    if (extensions != NULL) snprintf(extensions, 200, "%.*s", FL_ARG(agreed));
    fl_http_fini(&http);
    fl_buf_fini(&text);
    fl_ws_init(&client->ws, false, (size_t)64 << 20);
    client->ws.inflates = agreed.len > 0;
    return status;
}

#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

static void join(struct client *client, const struct world *world, const char *ref,
                 const char *header)
{
    char text[100];
    assert_int_equal(open_at(client, world, "/socket/websocket?vsn=2.0.0", header, NULL), 101);
    snprintf(text, sizeof text, "[\"%s\",\"%s\",\"room:a\",\"phx_join\",{}]", ref, ref);
    client_say(client, text);
    client_expect(client, "\"status\":\"ok\"");
    client_expect(client, "\"hello\"");
}

/* ---- sockets of their own */

static void a_socket_of_its_own_hears_and_says_what_it_likes(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){0});
    struct client client;
    struct fl_buf text = {0};
    assert_int_equal(open_at(&client, &stage->world, "/echo?name=ana%20b", "", NULL), 101);
    client_expect(&client, "ana b");
    client_say(&client, "hi");
    client_expect(&client, "hi");
    client_frame(&client, FL_WS_BINARY, "\xff\xfe", 2);
    client_expect(&client, "\xff\xfe");
    client_say(&client, "");
    assert_true(client_next(&client, &text));
    assert_int_equal(text.len, 0);
    client_say(&client, "later");
    client_expect(&client, "now");
    client_say(&client, "count");
    client_expect(&client, "5");
    client_say(&client, "bye");
    client_expect(&client, "close 4321");
    assert_true(client_sees_end(&client));
    expect_soon(&stage->args.closed_with, 4321);
    client_close(&client);

    assert_int_equal(open_at(&client, &stage->world, "/echo", "", NULL), 101);
    client_frame(&client, FL_WS_CLOSE, "\x0f\xa1", 2);
    client_expect(&client, "close 4001");
    expect_soon(&stage->args.closed_with, 4001);
    client_close(&client);

    assert_int_equal(open_at(&client, &stage->world, "/echo", "", NULL), 101);
    client_close(&client);
    expect_soon(&stage->args.closed_with, 1006);
    fl_buf_fini(&text);
    stage_down(stage);
}

static void a_socket_that_crashes_ends_alone_and_one_may_be_refused(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){0});
    struct client doomed, other;
    assert_int_equal(open_at(&doomed, &stage->world, "/echo", "", NULL), 101);
    assert_int_equal(open_at(&other, &stage->world, "/echo", "", NULL), 101);
    client_say(&doomed, "crash");
    assert_true(client_sees_end(&doomed));
    client_close(&doomed);
    client_say(&other, "fine");
    client_expect(&other, "fine");
    client_close(&other);
    assert_int_equal(open_at(&other, &stage->world, "/echo?banned=1", "", NULL), 403);
    client_close(&other);
    assert_int_equal(open_at(&other, &stage->world, "/echo/websocket", "", NULL), 404);
    client_close(&other);
    stage_down(stage);
}

/* ---- broadcasts */

static void a_broadcast_reaches_who_deflates_and_who_does_not(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){.deflate = true});
    struct client plain, small;
    struct fl_buf big = {0}, a = {0}, b = {0};
    join(&plain, &stage->world, "1", "");
    join(&small, &stage->world, "2", OFFER);
    assert_true(small.ws.inflates);
    assert_false(plain.ws.inflates);
    fl_buf_puts(&big, "[\"1\",\"2\",\"room:a\",\"say\",{\"text\":\"");
    for (int i = 0; i < 2000; i++)
        fl_buf_puts(&big, i % 7 == 0 ? "say " : "it ");
    fl_buf_puts(&big, "\"}]");
    client_say(&plain, big.at);
    client_expect(&plain, "phx_reply");
    client_say(&small, "[\"2\",\"3\",\"room:a\",\"say\",{\"short\":1}]");
    client_expect(&plain, "\"short\""); /* the long one was before the reply to it */
    while (small.in.len == 0)
        assert_true(client_read(&small));
    assert_int_equal((uint8_t)small.in.at[0], 0xc1);
    assert_true(small.in.len < big.len / 2);
    while (client_next(&small, &b) && strstr(b.at, "\"said\"") == NULL)
        continue;
    assert_int_equal(b.len, big.len - strlen("\"1\",\"2\"") - strlen("say") + strlen("null,null") +
                                strlen("said"));
    client_expect(&small, "\"short\"");
    client_say(&small, "[\"2\",\"4\",\"room:a\",\"whisper\",{\"w\":1}]");
    client_expect(&plain, "\"w\":1");
    client_expect(&small, "\"4\"");
    client_say(&small, "[\"2\",\"5\",\"room:a\",\"bytes\",{}]");
    while (client_next(&small, &b) && strstr(b.at, "said") == NULL && b.at[0] != 0)
        continue;
    assert_int_equal(b.len, 4 + 1 + 6 + 4 + 3);
    assert_memory_equal(b.at,
                        "\0\1\6\4"
                        "2room:asome"
                        "\0\1\2",
                        b.len);
    client_close(&plain);
    client_close(&small);
    fl_buf_fini(&big);
    fl_buf_fini(&a);
    fl_buf_fini(&b);
    stage_down(stage);
}

static void compression_is_agreed_on_only_where_the_site_allows_it(void **state)
{
    char agreed[200];
    struct client client;
    struct stage *stage = stage_up((struct fl_web_site){0});
    assert_int_equal(open_at(&client, &stage->world, "/echo", OFFER, agreed), 101);
    assert_string_equal(agreed, "");
    client_close(&client);
    stage_down(stage);

    stage = stage_up((struct fl_web_site){.deflate = true, .message_max = 100000});
    assert_int_equal(open_at(&client, &stage->world, "/echo", OFFER, agreed), 101);
    assert_string_equal(
        agreed, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    struct fl_buf text = {0};
    for (int i = 0; i < 50; i++)
        fl_buf_puts(&text, "again and ");
    client_say(&client, text.at);
    while (client.in.len == 0)
        assert_true(client_read(&client));
    assert_int_equal((uint8_t)client.in.at[0], 0xc1); /* deflated, and short */
    assert_true(client.in.len < 60);
    client_expect(&client, text.at);
    fl_buf_fini(&text);
    client_close(&client);
    stage_down(stage);
}

/* ---- limits */

static void a_channel_that_is_behind_says_overloaded_and_goes_on_later(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){.events_max = 4});
    struct client busy, other;
    char text[100];
    join(&busy, &stage->world, "1", "");
    join(&other, &stage->world, "1", "");
    client_say(&busy, "[\"1\",\"w\",\"room:a\",\"wait\",{}]");
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "[\"1\",\"n%d\",\"room:a\",\"echo\",{\"n\":%d}]", i, i);
        client_say(&busy, text);
    }
    client_expect(&busy, "\"n7\",\"room:a\",\"phx_reply\",{\"status\":\"error\",\"response\":"
                         "{\"reason\":\"overloaded\"}}");
    client_say(&other, "[\"1\",\"o\",\"room:a\",\"open\",{}]"); /* others are not held up */
    client_expect(&other, "\"o\"");
    client_expect(&busy, "\"w\"");
    client_expect(&busy, "\"n0\",\"room:a\",\"phx_reply\",{\"status\":\"ok\"");
    client_expect(&busy, "\"n1\",\"room:a\",\"phx_reply\",{\"status\":\"ok\"");
    client_say(&busy, "[\"1\",\"e\",\"room:a\",\"echo\",{}]");
    client_expect(&busy, "\"e\",\"room:a\",\"phx_reply\",{\"status\":\"ok\"");
    client_close(&busy);
    client_close(&other);
    stage_down(stage);
}

static void joins_and_ends_are_told_as_they_are(void **state)
{
    static const struct {
        const char *said, *heard;
    } cases[] = {
        {"[\"1\",\"1\",\"bad:crash\",\"phx_join\",{}]",
         "[\"1\",\"1\",\"bad:crash\",\"phx_reply\",{\"status\":\"error\",\"response\":"
         "{\"reason\":\"join crashed\"}}]"},
        {"[\"2\",\"2\",\"bad:full\",\"phx_join\",{}]",
         "[\"2\",\"2\",\"bad:full\",\"phx_reply\",{\"status\":\"error\",\"response\":{\"reason\":"},
        {"[null,\"3\",\"bad:ok\",\"phx_join\",{}]",
         "[null,\"3\",\"bad:ok\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]"},
        {"[\"4\",\"4\",\"room:b\",\"phx_join\",{}]", "[\"4\",null,\"room:b\",\"hello\",{}]"},
        {"[\"4\",\"5\",\"room:b\",\"end\",{}]", "[\"4\",\"4\",\"room:b\",\"phx_close\",{}]"},
        {"[\"6\",\"6\",\"room:b\",\"phx_join\",{}]", "[\"6\",null,\"room:b\",\"hello\",{}]"},
        {"[\"6\",\"7\",\"room:b\",\"crash\",{}]",
         "[\"6\",\"6\",\"room:b\",\"phx_error\",{\"reason\":\"channel_crash\"}]"},
        {"[\"8\",\"8\",\"room:nul\\u0000\",\"phx_join\",{}]", "\"reason\":\"unmatched topic\""},
    };
    struct stage *stage = stage_up((struct fl_web_site){0});
    struct client client;
    join(&client, &stage->world, "0", "");
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        client_say(&client, cases[i].said);
        client_expect(&client, cases[i].heard);
    }
    client_say(&client, "[\"0\",\"e\",\"room:a\",\"echo\",{}]"); /* and nobody else noticed */
    client_expect(&client, "\"e\"");
    client_close(&client);
    stage_down(stage);
}

static void who_joins_without_end_is_told_to_wait(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){0});
    struct client client;
    struct fl_buf text = {0};
    char line[100];
    bool refused = false;
    join(&client, &stage->world, "0", "");
    for (int i = 0; i < 3000 && !refused; i++) {
        snprintf(line, sizeof line, "[\"%d\",\"%d\",\"room:b\",\"phx_join\",{}]", i, i);
        client_say(&client, line);
        client_say(&client, "[null,\"l\",\"room:b\",\"phx_leave\",{}]");
        do {
            assert_true(client_next(&client, &text));
            refused |= strstr(text.at, "overloaded") != NULL;
        } while (strstr(text.at, "\"l\"") == NULL);
    }
    assert_true(refused);
    client_say(&client, "[\"0\",\"e\",\"room:a\",\"echo\",{}]");
    client_expect(&client, "\"e\"");
    client_close(&client);
    fl_buf_fini(&text);
    stage_down(stage);
}

static void a_channel_that_is_full_can_be_left_and_joined_again(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){.events_max = 2});
    struct client busy;
    join(&busy, &stage->world, "1", "");
    client_say(&busy, "[\"1\",\"w\",\"room:a\",\"wait\",{}]");
    expect_soon(&stage->args.waits, 1); /* it is out of the mailbox, which two more fill */
    for (int i = 0; i < 4; i++)
        client_say(&busy, "[\"1\",\"n\",\"room:a\",\"echo\",{}]");
    client_say(&busy, "[\"1\",\"l\",\"room:a\",\"phx_leave\",{}]");
    client_expect(&busy, "[\"1\",\"l\",\"room:a\",\"phx_reply\",{\"status\":\"ok\"");
    client_expect(&busy, "[\"1\",\"1\",\"room:a\",\"phx_close\",{}]");
    client_say(&busy, "[\"2\",\"2\",\"room:a\",\"phx_join\",{}]");
    client_expect(&busy, "[\"2\",\"2\",\"room:a\",\"phx_reply\",{\"status\":\"ok\"");
    client_expect(&busy, "\"hello\"");
    client_say(&busy, "[\"2\",\"w\",\"room:a\",\"wait\",{}]");
    expect_soon(&stage->args.waits, 2);
    for (int i = 0; i < 4; i++)
        client_say(&busy, "[\"2\",\"n\",\"room:a\",\"echo\",{}]");
    client_say(&busy, "[\"3\",\"3\",\"room:a\",\"phx_join\",{}]");
    client_expect(&busy, "[\"2\",\"2\",\"room:a\",\"phx_close\",{}]");
    client_expect(&busy, "[\"3\",\"3\",\"room:a\",\"phx_reply\",{\"status\":\"ok\"");
    client_close(&busy);
    stage_down(stage);
}

static void a_client_may_be_sent_away(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){0});
    struct client client;
    join(&client, &stage->world, "1", "");
    client_say(&client, "[\"1\",\"2\",\"room:a\",\"away\",{}]");
    client_expect(&client, "close 1001");
    expect_soon(&stage->args.left, 1);
    client_close(&client);
    stage_down(stage);
}

static void who_does_not_read_is_cut_off_and_nobody_else_misses_a_word(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){.out_max = 65536});
    struct client slow, talker;
    struct fl_buf text = {0}, heard = {0};
    join(&slow, &stage->world, "1", "");
    join(&talker, &stage->world, "1", "");
    fl_buf_puts(&text, "[\"1\",null,\"room:a\",\"say\",{\"text\":\"");
    for (int i = 0; i < 1000; i++)
        fl_buf_puts(&text, "0123456789");
    fl_buf_puts(&text, "\"}]");
    int said = 0;
    while (atomic_load(&stage->args.left) == 0) {
        assert_true(++said < 10000);
        client_say(&talker, text.at);
        client_expect(&talker, "\"said\"");
    }
    int got = 0;
    while (client_next(&slow, &heard))
        got++;
    assert_true(got < said);
    client_say(&talker, "[\"1\",\"e\",\"room:a\",\"echo\",{}]");
    client_expect(&talker, "\"e\"");
    client_close(&slow);
    client_close(&talker);
    fl_buf_fini(&text);
    fl_buf_fini(&heard);
    stage_down(stage);
}

/* ---- silence, and the end */

static void who_is_silent_is_asked_and_who_does_not_answer_is_gone(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){.idle_ns = 400 * FL_NS_PER_MS});
    struct client gone, there;
    struct fl_buf text = {0};
    assert_int_equal(open_at(&there, &stage->world, "/echo", "", NULL), 101);
    assert_int_equal(open_at(&gone, &stage->world, "/echo", "", NULL), 101);
    for (int i = 0; i < 6; i++) { /* half the time each: it lives longer than a silent one may */
        assert_true(client_next(&there, &text));
        assert_int_equal(text.len, 0); /* a ping */
        client_frame(&there, FL_WS_PONG, "", 0);
    }
    client_expect(&gone, "close 1001");
    assert_true(client_sees_end(&gone));
    client_say(&there, "here");
    client_expect(&there, "here");
    client_close(&gone);
    client_close(&there);
    fl_buf_fini(&text);
    stage_down(stage);
}

static void a_node_that_stops_says_come_back(void **state)
{
    struct stage *stage = stage_up((struct fl_web_site){0});
    struct client channel, raw;
    join(&channel, &stage->world, "1", "");
    assert_int_equal(open_at(&raw, &stage->world, "/echo", "", NULL), 101);
    fl_node_stop(stage->world.node, 0);
    client_expect(&channel, "close 1012");
    client_expect(&raw, "close 1012");
    client_close(&channel);
    client_close(&raw);
    stage_down(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_of_its_own_hears_and_says_what_it_likes),
        cmocka_unit_test(a_socket_that_crashes_ends_alone_and_one_may_be_refused),
        cmocka_unit_test(a_broadcast_reaches_who_deflates_and_who_does_not),
        cmocka_unit_test(compression_is_agreed_on_only_where_the_site_allows_it),
        cmocka_unit_test(a_channel_that_is_behind_says_overloaded_and_goes_on_later),
        cmocka_unit_test(a_channel_that_is_full_can_be_left_and_joined_again),
        cmocka_unit_test(joins_and_ends_are_told_as_they_are),
        cmocka_unit_test(who_joins_without_end_is_told_to_wait),
        cmocka_unit_test(a_client_may_be_sent_away),
        cmocka_unit_test(who_does_not_read_is_cut_off_and_nobody_else_misses_a_word),
        cmocka_unit_test(who_is_silent_is_asked_and_who_does_not_answer_is_gone),
        cmocka_unit_test(a_node_that_stops_says_come_back),
    };
    return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
