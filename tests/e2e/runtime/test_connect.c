#include "tests/e2e/runtime/stage.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/addr.h"
#include "runtime/pipe.h"
#include "runtime/tcp.h"

#define BIG (4u * 1024 * 1024) /* more than the kernel buffers for us */

/* A door that echoes, over TCP or a path, and a client process that connects to it. */
struct world {
    struct fl_node *node;
    char *folder, *path; /* NULL: TCP */
    const char *host, *ask_host;
    int port, open_code, code;
    size_t sent, echoed, wrong;
    int closed;
    struct fl_pid door;
    struct fl_err err;
};

static struct world *world_of(void *state)
{
    return *(struct world **)state;
}

/* ---- the side that listens */

static int conn_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_tcp_set_out_max(fl_tcp_accept(self, args), 2 * BIG);
    return 0;
}

static void conn_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    assert_int_equal(fl_tcp_write(self, tcp, bytes, len), 0);
}

static const struct fl_server conn_server = {
    .name = "conn", .on_init = conn_on_init, .on_tcp_data = conn_on_tcp_data};

static int door_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = (struct world *)(uintptr_t)args;
    struct fl_listen_opts tcp = {.host = world->host, .server = &conn_server};
    struct fl_pipe_listen_opts pipe = {.path = world->path, .server = &conn_server};
    world->open_code = world->path != NULL ? fl_pipe_listen(self, &pipe, &world->err)
                                           : fl_listen(self, &tcp, &world->port, &world->err);
    return 0;
}

static const struct fl_server door_server = {.name = "door", .on_init = door_on_init};

/* ---- the side that connects */

static int client_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct world **)state = (struct world *)(uintptr_t)args;
    return fl_node_send(fl_self_node(self), fl_self_pid(self), 0, NULL, 0);
}

static void client_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = world_of(state);
    struct fl_tcp *tcp = NULL;
    struct fl_tcp_connect_opts to = {
        .host = world->ask_host, .port = world->port, .within_ns = fl_s(20)};
    world->code = world->path != NULL ? fl_pipe_connect(self, world->path, &tcp, &world->err)
                                      : fl_tcp_connect(self, &to, &tcp, &world->err);
    if (world->code != 0) {
        assert_null(tcp);
        fl_node_stop(world->node, 0);
        return;
    }
    char *text = fl_alloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        text[i] = (char)('a' + i % 26);
    assert_int_equal(fl_tcp_write(self, tcp, text, BIG), 0);
    world->sent = BIG;
    free(text);
}

static void client_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                               const void *bytes, size_t len)
{
    struct world *world = world_of(state);
    for (size_t i = 0; i < len; i++)
        world->wrong += ((const char *)bytes)[i] != (char)('a' + (world->echoed + i) % 26);
    world->echoed += len;
    if (world->echoed < world->sent) return;
    fl_exit(self, world->door, fl_reason_of(FL_EXIT_KILL));
    fl_tcp_close(self, tcp, 0);
    fl_node_stop(world->node, 0);
}

static const struct fl_server client_server = {.name = "client",
                                               .state_bytes = sizeof(struct world *),
                                               .on_init = client_on_init,
                                               .on_cast = client_on_cast,
                                               .on_tcp_data = client_on_tcp_data};

static void open_door(struct world *world)
{
    struct fl_spawn_opts opts = {.args = world};
    world->node = stage_open();
    assert_int_equal(fl_node_spawn(world->node, &door_server, &opts, &world->door), 0);
}

static void knock(struct world *world)
{
    struct fl_spawn_opts opts = {.args = world};
    assert_int_equal(fl_node_spawn(world->node, &client_server, &opts, NULL), 0);
    stage_play(world->node);
}

static void expect_echo(const struct world *world)
{
    assert_string_equal(world->err.text, "");
    assert_int_equal(world->code, 0);
    assert_int_equal(world->echoed, BIG);
    assert_int_equal(world->wrong, 0);
}

static void a_process_connects_and_hears_its_echo(void **state)
{
    static const char *const hosts[][2] = {
        {"127.0.0.1", NULL}, {"127.0.0.1", "127.0.0.1"}, {"::1", "[::1]"}};
    for (size_t i = 0; i < FL_COUNT(hosts); i++) {
        struct world world = {.host = hosts[i][0], .ask_host = hosts[i][1]};
        open_door(&world);
        if (world.open_code == UV_EADDRNOTAVAIL || world.open_code == UV_EAFNOSUPPORT) {
            fl_node_free(world.node); /* no IPv6 here */
            continue;
        }
        assert_int_equal(world.open_code, 0);
        knock(&world);
        expect_echo(&world);
    }
}

static void a_name_is_looked_up_off_the_shard(void **state)
{
    struct world world = {.host = "127.0.0.1", .ask_host = "localhost"};
    open_door(&world);
    knock(&world);
    expect_echo(&world);
}

static void nobody_there_is_an_error_value(void **state)
{
    struct world world = {.ask_host = "127.0.0.1"};
    world.node = stage_open();
    world.port = testkit_free_port();
    knock(&world);
    assert_int_equal(world.code, UV_ECONNREFUSED);
    assert_non_null(strstr(world.err.text, "cannot connect to 127.0.0.1:"));
}

/* ---- UNIX sockets */

static void use_path(struct world *world)
{
    world->folder = testkit_folder();
    world->path = fl_format("%s/door.sock", world->folder);
}

static void forget_path(struct world *world)
{
    testkit_remove(world->folder);
    free(world->path);
}

static void a_path_does_what_a_port_does_and_goes_with_its_listener(void **state)
{
    struct world world = {0};
    use_path(&world);
    open_door(&world);
    assert_int_equal(world.open_code, 0);
    assert_int_equal(access(world.path, F_OK), 0);
    knock(&world);
    expect_echo(&world);
    assert_int_equal(access(world.path, F_OK), -1);
    forget_path(&world);
}

/* A socket file whose listener is gone without closing it: what a killed OS process leaves. */
static void leave_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
}

static void a_path_that_a_dead_process_left_is_taken_over(void **state)
{
    struct world world = {0};
    use_path(&world);
    leave_socket(world.path);
    open_door(&world);
    assert_int_equal(world.open_code, 0);
    knock(&world);
    expect_echo(&world);
    forget_path(&world);
}

static void taken(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    struct fl_pipe_listen_opts opts = {.path = world->path, .server = &conn_server};
    world->code = fl_pipe_listen(self, &opts, &world->err);
    char too_long[200];
    memset(too_long, 'x', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    struct fl_tcp *tcp = NULL;
    assert_int_equal(fl_pipe_connect(self, too_long, &tcp, NULL), FL_ERANGE);
    assert_int_equal(fl_pipe_connect(self, "/nowhere/at/all", &tcp, NULL), UV_ENOENT);
    fl_node_stop(world->node, 0);
}

static void a_path_where_somebody_listens_is_taken_and_so_is_any_other_file(void **state)
{
    struct world world = {0};
    use_path(&world);
    open_door(&world);
    stage_add(world.node, taken, &world);
    stage_play(world.node);
    assert_int_equal(world.code, FL_ETAKEN);
    int fd = open(world.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); /* somebody's data */
    close(fd);
    world.node = stage_open();
    stage_add(world.node, taken, &world);
    stage_play(world.node);
    assert_int_equal(world.code, FL_ETAKEN);
    assert_int_equal(access(world.path, F_OK), 0);
    forget_path(&world);
}

/* ---- killed while it connects */

struct victim {
    struct world *world;
    struct fl_pid pid;
};

static void connect_for_ever(struct fl_self *self, void *cx)
{
    struct victim *victim = cx;
    struct fl_tcp *tcp = NULL;
    fl_node_exit(victim->world->node, fl_self_pid(self), fl_reason_of(FL_EXIT_KILL));
    fl_pipe_connect(self, victim->world->path, &tcp, NULL);
    victim->world->closed++; /* never */
}

static void then_stop(struct fl_self *self, void *cx)
{
    fl_node_stop(fl_self_node(self), 0);
}

static void a_process_that_is_killed_while_it_connects_is_gone_at_once(void **state)
{
    struct world world = {0};
    struct victim victim = {.world = &world};
    use_path(&world);
    open_door(&world);
    stage_add(world.node, connect_for_ever, &victim);
    stage_add(world.node, then_stop, NULL);
    stage_play(world.node);
    assert_int_equal(world.closed, 0);
    forget_path(&world);
}

/* ---- a peer that takes nothing: the deadline holds */

static void connect_within(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    struct fl_tcp *tcp = NULL;
    /* a full backlog drops what knocks, so it hangs until its time is over */
    struct fl_tcp_connect_opts to = {.port = world->port, .within_ns = fl_ms(20)};
    world->code = fl_tcp_connect(self, &to, &tcp, &world->err);
    fl_node_stop(world->node, 0);
}

static void a_peer_that_does_not_answer_is_a_timeout(void **state)
{
    struct world world = {0};
    struct fl_addr addr;
    socklen_t len = sizeof addr;
    int fds[4], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(fl_addr_parse(&addr, NULL, 0, NULL), 0);
    assert_int_equal(bind(listener, &addr.any, sizeof addr.v4), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, &addr.any, &len), 0);
    world.port = fl_addr_port(&addr);
    for (size_t i = 0; i < FL_COUNT(fds); i++) { /* nobody accepts them */
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fds[i], &addr.any, sizeof addr.v4);
    }
    world.node = stage_open();
    stage_add(world.node, connect_within, &world);
    stage_play(world.node);
    assert_int_equal(world.code, FL_ETIMEOUT);
    for (size_t i = 0; i < FL_COUNT(fds); i++)
        close(fds[i]);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_connects_and_hears_its_echo),
        cmocka_unit_test(a_name_is_looked_up_off_the_shard),
        cmocka_unit_test(nobody_there_is_an_error_value),
        cmocka_unit_test(a_path_does_what_a_port_does_and_goes_with_its_listener),
        cmocka_unit_test(a_path_that_a_dead_process_left_is_taken_over),
        cmocka_unit_test(a_path_where_somebody_listens_is_taken_and_so_is_any_other_file),
        cmocka_unit_test(a_process_that_is_killed_while_it_connects_is_gone_at_once),
        cmocka_unit_test(a_peer_that_does_not_answer_is_a_timeout),
    };
    return cmocka_run_group_tests_name("connect", tests, NULL, NULL);
}
