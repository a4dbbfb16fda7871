/* Everything has a maximum, and full is an answer. */
#include "tests/e2e/web/world.h"

#include "runtime/server.h"
#include "services/web/web.h"

#define BIG ((size_t)24 << 20) /* more than kernel and server may hold for one reader */
#define PIECE ((size_t)32 * 1024)

static int outcome[2]; /* a pipe: what fl_web_chunk said at the end, an int */

static void route_ok(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_web_respond(self, web, 200, "text/plain", "ok", 2);
}

static void route_busy(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_web_busy(self, web);
}

/* Byte i of a stream is i % 251. */
static void route_stream(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    char *piece = fl_self_alloc(self, PIECE); /* goes with the connection if we are killed */
    int rc = 0;
    fl_web_begin(self, web, 200, "application/octet-stream");
    for (size_t at = 0; at < BIG && rc == 0; at += PIECE) {
        for (size_t i = 0; i < PIECE; i++)
            piece[i] = (char)((at + i) % 251);
        rc = fl_web_chunk(self, web, piece, PIECE);
    }
    fl_web_end(self, web);
    fl_self_free(self, piece);
    if (fl_web_query(req, "tell").at != NULL && write(outcome[1], &rc, sizeof rc) < 0) return;
}

static void route_cut(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_web_begin(self, web, 200, "text/plain");
    fl_web_chunk(self, web, "half", 4);
}

static const struct fl_web_route routes[] = {
    {"GET", "/ok", route_ok, NULL},
    {"GET", "/busy", route_busy, NULL},
    {"GET", "/stream", route_stream, NULL},
    {"GET", "/cut", route_cut, NULL},
    {0},
};
static const struct fl_web_site plain = {.routes = routes, .idle_ns = 2 * FL_NS_PER_S};
static const struct fl_web_site few = {.routes = routes, .connections_max = 2};
static const struct fl_web_site strict = {
    .routes = routes, .requests_per_s = 2, .requests_max = 40};

static int start(struct world *world, struct fl_err *err)
{
    return fl_web_serve(world->node, world->cx, NULL, 0, &world->port, NULL, err);
}

static void up(struct world *world, const struct fl_web_site *site)
{
    *world = (struct world){.start = start, .cx = site};
    world_up(world);
}

#define HOST "Host: a\r\n\r\n"

static void one_connection_too_many_is_told_to_come_back(void **state)
{
    struct world world;
    struct client inside[2], third, later;
    struct fl_http http;
    up(&world, &few);
    for (int i = 0; i < 2; i++) {
        client_open(&inside[i], &world);
        assert_int_equal(client_ask(&inside[i], "GET /ok HTTP/1.1\r\n" HOST, NULL), 200);
    }
    client_open(&third, &world);
    client_response(&third, false, &http); /* before it asked anything */
    assert_int_equal(http.status, 503);
    assert_true(fl_str_is(fl_http_header(&http, "retry-after"), "1"));
    assert_string_equal(http.body.at, "{\"error\":\"overloaded\"}\n");
    assert_false(http.keep_alive);
    fl_http_fini(&http);
    assert_true(client_sees_end(&third));
    client_close(&third);

    assert_int_equal(client_ask(&inside[0], "GET /ok HTTP/1.1\r\nConnection: close\r\n" HOST, NULL),
                     200);
    assert_true(client_sees_end(&inside[0]));
    client_close(&inside[0]);
    int status = 503;
    for (int tries = 0; status == 503 && tries < 1000; tries++) { /* until its place is free */
        client_open(&later, &world);
        status = client_ask(&later, "GET /ok HTTP/1.1\r\n" HOST, NULL);
        client_close(&later);
    }
    assert_int_equal(status, 200);
    client_close(&inside[1]);
    world_down(&world);
}

static void a_client_that_asks_too_often_is_told_to_wait_and_later_to_go(void **state)
{
    struct world world;
    struct client client;
    struct fl_buf text = {0};
    int answers[2] = {0}; /* 200, 429 */
    up(&world, &strict);
    client_open(&client, &world);
    for (int i = 0; i < 60; i++)
        fl_buf_puts(&text, "GET /ok HTTP/1.1\r\n" HOST);
    client_send(&client, text.at, text.len);
    for (int i = 0; i < 40; i++) {
        struct fl_http http;
        client_response(&client, false, &http);
        assert_true(http.status == 200 || http.status == 429);
        if (i < 2) assert_int_equal(http.status, 200);
        if (http.status == 429) assert_true(fl_str_is(fl_http_header(&http, "retry-after"), "1"));
        assert_true(http.keep_alive == (i < 39)); /* requests_max */
        answers[http.status == 429]++;
        fl_http_fini(&http);
    }
    assert_true(answers[1] > 0);
    client.in.len = 0;
    assert_true(client_sees_end(&client));
    client_close(&client);
    fl_buf_fini(&text);
    world_down(&world);
}

static void a_full_server_behind_a_handler_is_503(void **state)
{
    struct client client;
    struct fl_http http;
    client_open(&client, *state);
    client_send(&client, "GET /busy HTTP/1.1\r\n" HOST, strlen("GET /busy HTTP/1.1\r\n" HOST));
    client_response(&client, false, &http);
    assert_int_equal(http.status, 503);
    assert_string_equal(http.body.at, "{\"error\":\"overloaded\"}\n");
    assert_true(fl_str_is(fl_http_header(&http, "retry-after"), "1"));
    assert_true(http.keep_alive);
    fl_http_fini(&http);
    client_close(&client);
}

static void an_address_that_is_too_long_is_414(void **state)
{
    struct client client;
    struct fl_buf text = {0};
    fl_buf_puts(&text, "GET /");
    for (int i = 0; i < 13000; i++)
        fl_buf_putc(&text, 'x');
    client_open(&client, *state);
    assert_int_equal(client_ask(&client, text.at, NULL), 414);
    assert_true(client_sees_end(&client));
    client_close(&client);
    fl_buf_fini(&text);
}

/* A byte now and then keeps a connection from being idle, not a request from being late. */
static void a_request_that_comes_a_byte_at_a_time_is_late(void **state)
{
    struct client client;
    struct fl_http http;
    client_open(&client, *state);
    client_send(&client, "GET /ok HTTP/1.1\r\nA: ", 21);
    struct pollfd pollfd = {.fd = client.fd, .events = POLLIN};
    int steps = 0;
    while (poll(&pollfd, 1, 50) == 0 && ++steps < 600)
        client_send(&client, "x", 1);
    client_response(&client, false, &http);
    assert_int_equal(http.status, 408);
    fl_http_fini(&http);
    assert_true(client_sees_end(&client));
    client_close(&client);
}

static void expect_stream(const struct fl_buf *body)
{
    assert_int_equal(body->len, BIG);
    for (size_t i = 0; i < BIG; i++)
        if (body->at[i] != (char)(i % 251)) fail_msg("byte %zu is another", i);
}

static void a_stream_keeps_to_the_pace_of_its_reader(void **state)
{
    static const char get[] = "GET /stream?tell HTTP/1.1\r\n" HOST;
    struct client client;
    struct fl_http http;
    int rc = -1;
    assert_int_equal(pipe(outcome), 0);
    client_open(&client, *state);
    client_send(&client, get, sizeof get - 1);
    struct pollfd pollfd = {.fd = outcome[0], .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, 300), 0); /* it is not made before somebody reads it */
    client_response(&client, false, &http);
    assert_true(fl_str_is(fl_http_header(&http, "transfer-encoding"), "chunked"));
    expect_stream(&http.body);
    fl_http_fini(&http);
    assert_int_equal(read(outcome[0], &rc, sizeof rc), sizeof rc);
    assert_int_equal(rc, 0);
    close(outcome[0]);
    close(outcome[1]);
    assert_int_equal(client_ask(&client, "GET /ok HTTP/1.1\r\n" HOST, NULL), 200);
    client_close(&client);
}

static void a_stream_for_an_old_client_ends_with_the_connection(void **state)
{
    static const char get[] = "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    struct client client;
    struct fl_http http;
    size_t used = 0;
    client_open(&client, *state);
    client_send(&client, get, sizeof get - 1);
    while (client_read(&client))
        continue;
    fl_http_response_init(&http, false, BIG);
    assert_int_equal(fl_http_response_feed(&http, client.in.at, client.in.len, &used),
                     FL_HTTP_MORE);
    assert_int_equal(fl_http_response_eof(&http), FL_HTTP_DONE);
    assert_null(fl_http_header(&http, "transfer-encoding").at);
    assert_false(http.keep_alive);
    expect_stream(&http.body);
    fl_http_fini(&http);
    client_close(&client);
}

static void a_head_request_gets_no_piece_of_a_stream(void **state)
{
    static const char head[] = "HEAD /stream HTTP/1.1\r\n" HOST;
    struct client client;
    struct fl_http http;
    client_open(&client, *state);
    client_send(&client, head, sizeof head - 1);
    client_response(&client, true, &http);
    assert_int_equal(http.status, 200);
    fl_http_fini(&http);
    assert_int_equal(client_ask(&client, "GET /ok HTTP/1.1\r\n" HOST, NULL), 200);
    client_close(&client);
}

static void a_stream_that_is_not_ended_does_not_look_whole(void **state)
{
    static const char get[] = "GET /cut HTTP/1.1\r\n" HOST "GET /ok HTTP/1.1\r\n" HOST;
    struct client client;
    struct fl_http http;
    size_t used = 0;
    client_open(&client, *state);
    client_send(&client, get, sizeof get - 1);
    while (client_read(&client))
        continue;
    fl_http_response_init(&http, false, BIG);
    assert_int_equal(fl_http_response_feed(&http, client.in.at, client.in.len, &used),
                     FL_HTTP_MORE);
    assert_string_equal(http.body.at, "half");
    assert_int_equal(used, client.in.len); /* and nothing that could be taken for the rest */
    assert_int_equal(fl_http_response_eof(&http), FL_EBADMSG);
    fl_http_fini(&http);
    client_close(&client);
}

static void a_reader_that_does_not_read_is_disconnected(void **state)
{
    static const char get[] = "GET /stream?tell HTTP/1.1\r\n" HOST;
    struct client client;
    int rc = 0;
    assert_int_equal(pipe(outcome), 0);
    client_open(&client, *state);
    client_send(&client, get, sizeof get - 1);
    struct pollfd pollfd = {.fd = outcome[0], .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, (int)(WORLD_WITHIN / FL_NS_PER_MS)), 1);
    assert_int_equal(read(outcome[0], &rc, sizeof rc), sizeof rc);
    assert_int_equal(rc, FL_EFULL);
    assert_true(client_sees_end(&client));
    client_close(&client);
    close(outcome[0]);
    close(outcome[1]);
}

static int set_up(void **state)
{
    static struct world world;
    up(&world, &plain);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_down(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_too_many_is_told_to_come_back),
        cmocka_unit_test(a_client_that_asks_too_often_is_told_to_wait_and_later_to_go),
        cmocka_unit_test(a_full_server_behind_a_handler_is_503),
        cmocka_unit_test(an_address_that_is_too_long_is_414),
        cmocka_unit_test(a_request_that_comes_a_byte_at_a_time_is_late),
        cmocka_unit_test(a_stream_keeps_to_the_pace_of_its_reader),
        cmocka_unit_test(a_stream_for_an_old_client_ends_with_the_connection),
        cmocka_unit_test(a_head_request_gets_no_piece_of_a_stream),
        cmocka_unit_test(a_stream_that_is_not_ended_does_not_look_whole),
        cmocka_unit_test(a_reader_that_does_not_read_is_disconnected),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
