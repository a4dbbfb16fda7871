/* A node that is told to stop answers what it was asked, and lets nobody in. */
#include "tests/e2e/web/world.h"

#include <errno.h>

#include "runtime/server.h"
#include "runtime/sup.h"
#include "services/web/web.h"

enum { ASK = 1, LET_GO };

static int asked[2]; /* a pipe: a byte when the keeper was asked */

/* Answers a question only when it is let go. Part of a tree that the site's requests need. */
struct keeper {
    struct fl_pid from;
    uint64_t ref;
};

static void keeper_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    *keeper = (struct keeper){.from = msg->from, .ref = msg->ref};
    if (write(asked[1], "?", 1) != 1) fl_self_fail(self, FL_EIO);
}

static void keeper_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    fl_self_reply(self, keeper->from, keeper->ref, "done", 4);
}

static const struct fl_server keeper_server = {
    .name = "keeper",
    .state_bytes = sizeof(struct keeper),
    .on_call = keeper_on_call,
    .on_cast = keeper_on_cast,
};

static void route_slow(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    char reply[8];
    size_t len = 0;
    struct fl_pid to = fl_whereis(fl_self_node(self), "keeper");
    if (fl_call(self, to, ASK, NULL, 0, reply, sizeof reply, &len, fl_s(60)) != 0)
        fl_web_busy(self, web);
    else
        fl_web_respond(self, web, 200, "text/plain", reply, len);
}

static void route_quick(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_web_respond(self, web, 200, "text/plain", "ok", 2);
}

static const struct fl_web_route routes[] = {
    {"GET", "/slow", route_slow, NULL},
    {"GET", "/quick", route_quick, NULL},
    {0},
};
static const struct fl_channel_server channels[] = {{.topic = "room:*"}, {0}};
static const struct fl_web_socket sockets[] = {{.path = "/socket", .channels = channels}, {0}};
static const struct fl_web_site patient = {
    .routes = routes, .sockets = sockets, .drain_ns = 25 * FL_NS_PER_S};
static const struct fl_web_site hasty = {
    .routes = routes, .sockets = sockets, .drain_ns = FL_NS_PER_MS};

static int start(struct world *world, struct fl_err *err)
{
    const struct fl_child keeper = {
        .id = "keeper",
        .name = "keeper",
        .server = &keeper_server,
        .restart = FL_PERMANENT,
        .shutdown_ns = fl_s(1),
    };
    const struct fl_sup_opts sup = {.children = &keeper, .children_count = 1, .err = err};
    struct fl_pid pid;
    int rc = fl_sup_start(world->node, NULL, &sup, &pid);
    if (rc != 0) return rc;
    return fl_web_serve(world->node, world->cx, NULL, 0, &world->port, NULL, err);
}

#define HOST "Host: a\r\n\r\n"
static const char slow[] = "GET /slow HTTP/1.1\r\n" HOST "GET /quick HTTP/1.1\r\n" HOST;

static void up(struct world *world, const struct fl_web_site *site, struct client *client)
{
    char byte;
    *world = (struct world){.start = start, .cx = site};
    assert_int_equal(pipe(asked), 0);
    world_up(world);
    client_open(client, world);
    client_send(client, slow, sizeof slow - 1);
    struct pollfd pollfd = {.fd = asked[0], .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, (int)(WORLD_WITHIN / FL_NS_PER_MS)), 1);
    assert_int_equal(read(asked[0], &byte, 1), 1);
}

static void down(struct world *world)
{
    world_down(world);
    close(asked[0]);
    close(asked[1]);
}

/* Until the listener is closed; the kernel may still take connections before that. */
static void expect_refused(const struct world *world)
{
    const struct sockaddr_in addr = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)world->port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int rc = 0, why = 0;
    /* a reset: it was in the queue when the listener closed */
    for (int tries = 0; (rc == 0 || why == ECONNRESET) && tries < 100000; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        rc = connect(fd, (const struct sockaddr *)&addr, sizeof addr);
        why = rc == 0 ? 0 : errno;
        close(fd);
    }
    assert_int_equal(rc, -1);
    assert_int_equal(why, ECONNREFUSED);
}

static void what_was_asked_before_the_stop_is_answered(void **state)
{
    struct world world;
    struct client client, idle, socket;
    struct fl_http http;
    up(&world, &patient, &client);
    client_open(&idle, &world);
    assert_int_equal(client_ask(&idle, "GET /quick HTTP/1.1\r\n" HOST, NULL), 200);
    client_upgrade(&socket, &world);

    fl_node_stop(world.node, 0);
    expect_refused(&world);
    assert_true(client_sees_end(&idle));
    client_expect(&socket, "close 1012");
    fl_node_send(world.node, fl_whereis(world.node, "keeper"), LET_GO, NULL, 0);
    client_response(&client, false, &http);
    assert_int_equal(http.status, 200);
    assert_string_equal(http.body.at, "done");
    assert_false(http.keep_alive); /* the next one has to be asked elsewhere */
    fl_http_fini(&http);
    assert_int_equal(client.in.len, 0);
    assert_true(client_sees_end(&client));

    client_close(&client);
    client_close(&idle);
    client_close(&socket);
    down(&world);
    assert_int_equal(world.exit_code, 0);
}

static void a_request_that_takes_too_long_does_not_hold_the_stop_up(void **state)
{
    struct world world;
    struct client client;
    struct fl_http http;
    up(&world, &hasty, &client);
    fl_node_stop(world.node, 0);
    client_response(&client, false, &http); /* its server has gone: the handler says so */
    assert_int_equal(http.status, 503);
    assert_false(http.keep_alive);
    fl_http_fini(&http);
    assert_true(client_sees_end(&client));
    client_close(&client);
    down(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_before_the_stop_is_answered),
        cmocka_unit_test(a_request_that_takes_too_long_does_not_hold_the_stop_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
