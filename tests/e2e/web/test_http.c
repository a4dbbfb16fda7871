#include "tests/e2e/web/world.h"

#include "runtime/server.h"
#include "services/web/web.h"

/* A site with one of each: a server process that is asked, parameters, a body, an asset. */
enum { ASK = 1 };

static void slow_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_reply(self, msg->from, msg->ref, "42", 2);
}

static const struct fl_server answerer = {.name = "answerer", .on_call = slow_on_call};

static void route_ask(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    char reply[8];
    size_t len = 0;
    struct fl_pid to = fl_whereis(fl_self_node(self), "answerer");
    if (fl_call(self, to, ASK, NULL, 0, reply, sizeof reply, &len, fl_s(5)) != 0)
        fl_web_fail(self, web, 503, "nobody answers");
    else
        fl_web_respond(self, web, 200, "text/plain", reply, len);
}

static void route_param(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    char text[200];
    int64_t max = 0;
    int rc = fl_web_query_int(req, "max", 1, 10, 5, &max);
    struct fl_str id = fl_web_param(req, "id"), name = fl_web_query(req, "name");
    int len = snprintf(text, sizeof text, "%.*s|%.*s|%d|%lld|%.*s", FL_ARG(id), FL_ARG(name), rc,
                       (long long)max, FL_ARG(req->body));
    fl_web_set_header(web, "X-Args", fl_web_args(web));
    fl_web_respond(self, web, 200, "text/plain", text, (size_t)len);
}

static void route_rest(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct fl_str rest = fl_web_param(req, "rest");
    fl_web_respond(self, web, 200, "text/plain", rest.at, rest.len);
}

static void route_mute(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
}

static void route_die(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_exit(self, fl_self_pid(self), fl_reason_of(FL_EXIT_KILL));
    route_ask(self, web, req); /* blocks, and is killed while it does */
}

static const struct fl_web_route routes[] = {
    {"GET", "/ask", route_ask, NULL},
    {"PUT", "/jobs/:id/ack", route_mute, NULL},
    {"PATCH", "/jobs/:id/ack", route_mute, NULL},
    {"OPTIONS", "/jobs/:id/ack", route_mute, NULL},
    {"GET", "/jobs/:id/ack", route_param, NULL},
    {"POST", "/jobs/:id/ack", route_param, NULL},
    {"GET", "/files/*rest", route_rest, NULL},
    {"GET", "/mute", route_mute, NULL},
    {"GET", "/die", route_die, NULL},
    {0},
};
static const size_t page_len = 12;
static const struct fl_web_asset assets[] = {
    {"/", "text/html; charset=utf-8", "<p>hello</p>", &page_len},
    {0},
};
static const struct fl_web_site site = {
    .routes = routes,
    .assets = assets,
    .args = "the args",
    .body_max = 1000,
    .idle_ns = 2 * FL_NS_PER_S,
};

static int start(struct world *world, struct fl_err *err)
{
    struct fl_pid pid;
    const struct fl_spawn_opts opts = {.name = "answerer", .shard = -1};
    int rc = fl_node_spawn(world->node, &answerer, &opts, &pid);
    if (rc != 0) return rc;
    return fl_web_serve(world->node, &site, NULL, 0, &world->port, NULL, err);
}

static int set_up(void **state)
{
    static struct world world;
    world = (struct world){.start = start};
    world_up(&world);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_down(*state);
    return 0;
}

#define HOST "Host: a\r\n\r\n"
#define TEN "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void requests_find_their_route_or_are_told_why_not(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *body;
    } cases[] = {
        {"GET /ask HTTP/1.1\r\n" HOST, 200, "42"},
        {"GET /jobs/a%2Fb/ack?name=x+y%21&max=7 HTTP/1.1\r\n" HOST, 200, "a/b|x y!|0|7|"},
        {"GET /jobs/" LONG "/ack?name=eve HTTP/1.1\r\n" HOST, 200, LONG "|eve|0|5|"},
        {"GET /jobs/1/ack?max=11 HTTP/1.1\r\n" HOST, 200, "1||-10002|5|"},
        {"POST /jobs/1/ack HTTP/1.1\r\nContent-Length: 2\r\n" HOST "hi", 200, "1||0|5|"},
        {"GET /files/a/b%20c HTTP/1.1\r\n" HOST, 200, "a/b c"},
        {"GET /jobs//ack HTTP/1.1\r\n" HOST, 404, "nothing at this path"},
        {"GET /jobs/1/ack/ HTTP/1.1\r\n" HOST, 404, "nothing"},
        {"GET /jobs/%zz/ack HTTP/1.1\r\n" HOST, 404, "nothing"},
        {"DELETE /jobs/1/ack HTTP/1.1\r\n" HOST, 405, "method"},
        {"POST / HTTP/1.1\r\nContent-Length: 0\r\n" HOST, 405, "method"},
        {"GET /mute HTTP/1.1\r\n" HOST, 500, "no answer"},
    };
    struct client client;
    struct fl_buf body = {0};
    client_open(&client, *state); /* one connection for all: it is kept alive */
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        int status = client_ask(&client, cases[i].request, &body);
        if (status != cases[i].status || strstr(body.at, cases[i].body) == NULL)
            fail_msg("%s answered %d %s", cases[i].request, status, body.at);
    }
    client_close(&client);
    fl_buf_fini(&body);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct client client;
    struct fl_buf text = {0};
    client_open(&client, *state);
    for (int i = 0; i < 50; i++)
        fl_buf_printf(&text, "GET %s HTTP/1.1\r\n" HOST, i % 2 == 0 ? "/ask" : "/files/f");
    client_send(&client, text.at, text.len);
    for (int i = 0; i < 50; i++) {
        struct fl_http http;
        client_response(&client, false, &http);
        assert_string_equal(http.body.at, i % 2 == 0 ? "42" : "f");
        fl_http_fini(&http);
    }
    client_close(&client);
    fl_buf_fini(&text);
}

static void a_head_request_gets_the_head_of_the_page(void **state)
{
    struct client client;
    struct fl_http http;
    static const char head[] = "HEAD / HTTP/1.1\r\n" HOST;
    client_open(&client, *state);
    client_send(&client, head, sizeof head - 1);
    client_response(&client, true, &http);
    assert_int_equal(http.status, 200);
    assert_true(fl_str_is(fl_http_header(&http, "content-length"), "12"));
    assert_true(fl_str_is(fl_http_header(&http, "x-content-type-options"), "nosniff"));
    fl_http_fini(&http);
    assert_int_equal(client_ask(&client, "GET /ask HTTP/1.1\r\n" HOST, NULL), 200);
    client_close(&client);
}

static void a_page_that_the_browser_has_is_not_sent_again(void **state)
{
    struct client client;
    struct fl_http http;
    struct fl_buf again = {0}, body = {0};
    static const char get[] = "GET / HTTP/1.1\r\n" HOST;
    client_open(&client, *state);
    client_send(&client, get, sizeof get - 1);
    client_response(&client, false, &http);
    assert_string_equal(http.body.at, "<p>hello</p>");
    fl_buf_printf(&again, "GET / HTTP/1.1\r\nIf-None-Match: \"no\", %.*s\r\n" HOST,
                  FL_ARG(fl_http_header(&http, "etag")));
    fl_http_fini(&http);
    assert_int_equal(client_ask(&client, again.at, &body), 304);
    assert_int_equal(body.len, 0);
    assert_int_equal(client_ask(&client, "GET / HTTP/1.1\r\nIf-None-Match: \"no\"\r\n" HOST, &body),
                     200);
    client_close(&client);
    fl_buf_fini(&again);
    fl_buf_fini(&body);
}

static void what_is_too_large_or_nonsense_is_answered_and_closed(void **state)
{
    struct fl_buf large = {0};
    fl_buf_puts(&large, "GET / HTTP/1.1\r\nA: ");
    for (int i = 0; i < 17000; i++)
        fl_buf_putc(&large, 'x');
    const struct {
        const char *request;
        int status;
    } cases[] = {
        {"nonsense\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"POST /jobs/1/ack HTTP/1.1\r\nContent-Length: 1001\r\n" HOST, 413},
        {large.at, 431},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct client client;
        client_open(&client, *state);
        assert_int_equal(client_ask(&client, cases[i].request, NULL), cases[i].status);
        assert_true(client_sees_end(&client));
        client_close(&client);
    }
    fl_buf_fini(&large);
}

static void half_a_request_is_told_that_time_is_up_and_silence_is_closed(void **state)
{
    struct client half, silent;
    client_open(&half, *state);
    client_open(&silent, *state);
    assert_int_equal(client_ask(&half, "GET / HTTP/1.1\r\nHos", NULL), 408);
    assert_true(client_sees_end(&half));
    assert_true(client_sees_end(&silent));
    client_close(&half);
    client_close(&silent);
}

static void a_client_that_asks_to_close_is_closed(void **state)
{
    struct client client;
    client_open(&client, *state);
    assert_int_equal(client_ask(&client, "GET /ask HTTP/1.1\r\nConnection: close\r\n" HOST, NULL),
                     200);
    assert_true(client_sees_end(&client));
    client_close(&client);
    client_open(&client, *state);
    assert_int_equal(client_ask(&client, "GET /ask HTTP/1.0\r\n\r\n", NULL), 200);
    assert_true(client_sees_end(&client));
    client_close(&client);
}

static void a_client_that_waits_for_100_continue_gets_it(void **state)
{
    struct client client;
    struct fl_buf body = {0};
    static const char head[] = "POST /jobs/1/ack HTTP/1.1\r\nExpect: 100-continue\r\n"
                               "Content-Length: 4\r\n" HOST;
    client_open(&client, *state);
    client_send(&client, head, sizeof head - 1);
    while (client.in.len < 25)
        assert_true(client_read(&client));
    assert_memory_equal(client.in.at, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    assert_int_equal(client_ask(&client, "body", &body), 200);
    assert_string_equal(body.at, "1||0|5|body");
    client_close(&client);
    fl_buf_fini(&body);
}

static void a_handler_that_dies_ends_its_connection_and_no_other(void **state)
{
    struct client doomed, other;
    client_open(&doomed, *state);
    client_open(&other, *state);
    assert_int_equal(client_ask(&other, "GET /ask HTTP/1.1\r\n" HOST, NULL), 200);
    client_send(&doomed, "GET /die HTTP/1.1\r\n" HOST, strlen("GET /die HTTP/1.1\r\n" HOST));
    assert_true(client_sees_end(&doomed));
    assert_int_equal(doomed.in.len, 0);
    assert_int_equal(client_ask(&other, "GET /ask HTTP/1.1\r\n" HOST, NULL), 200);
    client_close(&doomed);
    client_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_find_their_route_or_are_told_why_not),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_head_request_gets_the_head_of_the_page),
        cmocka_unit_test(a_page_that_the_browser_has_is_not_sent_again),
        cmocka_unit_test(what_is_too_large_or_nonsense_is_answered_and_closed),
        cmocka_unit_test(half_a_request_is_told_that_time_is_up_and_silence_is_closed),
        cmocka_unit_test(a_client_that_asks_to_close_is_closed),
        cmocka_unit_test(a_client_that_waits_for_100_continue_gets_it),
        cmocka_unit_test(a_handler_that_dies_ends_its_connection_and_no_other),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
