#include <arpa/inet.h>
#include <stdatomic.h>
#include <unistd.h>

#include "runtime/pipe.h"
#include "runtime/sup.h"
#include "runtime/tcp.h"
#include "tests/e2e/runtime/stage.h"

/* Where processes go, on a node with three shards: as told, one after the other, or where there are
 * fewest. */

#define SHARDS 3
#define CLIENTS 6

struct world {
    struct fl_node *node;
    int port;
    atomic_int on[SHARDS];
    atomic_int closed;
    int seen;
};

static int shard_of(struct fl_pid pid)
{
    return (int)(pid.bits >> 56);
}

static void play(scene_fn scene, struct world *world)
{
    struct fl_node_opts opts = {.shards = SHARDS};
    struct fl_spawn_opts plain = {.shard = FL_SHARD(0)};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &curtain_server, &plain, NULL), 0);
    stage_add(world->node, scene, world);
    stage_play(world->node);
    assert_int_equal(world->seen, 1);
}

static void mute_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg) {}
static const struct fl_server mute_server = {.name = "mute", .on_cast = mute_on_cast};

static int placed(struct fl_self *self, int where)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = where};
    int rc = fl_spawn(self, &mute_server, &opts, &pid);
    return rc == 0 ? shard_of(pid) : rc;
}

static void body(struct fl_self *self, const void *args, size_t args_len)
{
    fl_pause(self, FL_NEVER);
}

static int body_placed(struct fl_self *self, int where)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = where};
    int rc = fl_spawn_run(self, body, NULL, 0, &opts, &pid);
    return rc == 0 ? shard_of(pid) : rc;
}

static void spawn_scene(struct fl_self *self, void *ptr)
{
    struct world *world = ptr;
    assert_int_equal(placed(self, FL_SHARD_SAME), 0);
    assert_int_equal(placed(self, -1), 0);
    for (int i = 0; i < 2 * SHARDS; i++) /* fl_spawn and fl_spawn_run take turns together */
        assert_int_equal(i % 2 == 0 ? placed(self, FL_SHARD_SPREAD)
                                    : body_placed(self, FL_SHARD_SPREAD),
                         i % SHARDS);
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(placed(self, FL_SHARD(i)), i);
        assert_int_equal(placed(self, i), i);
    }
    assert_int_equal(placed(self, FL_SHARD(SHARDS)), FL_ERANGE);
    assert_int_equal(body_placed(self, SHARDS), FL_ERANGE);
    assert_int_equal(placed(self, FL_SHARD_LEAST - 1), FL_ERANGE);
    for (int i = 0; i < 20; i++) { /* two shards have many, the third one few */
        placed(self, FL_SHARD(0));
        placed(self, FL_SHARD(2));
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(placed(self, FL_SHARD_LEAST), 1);
    world->seen = 1;
    fl_node_stop(world->node, 0);
}

static void a_process_goes_where_it_is_told(void **state)
{
    struct world world = {0};
    play(spawn_scene, &world);
}

static void child_scene(struct fl_self *self, void *ptr)
{
    struct world *world = ptr;
    struct fl_child children[5];
    static const int where[] = {0, FL_SHARD_SAME, FL_SHARD(0), FL_SHARD(2), FL_SHARD_LEAST};
    static const int want[] = {0, 0, 0, 2, 1};
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct fl_sup_opts opts = {.children = children, .children_count = FL_COUNT(children)};
    for (size_t i = 0; i < FL_COUNT(children); i++)
        children[i] = (struct fl_child){
            .id = names[i], .name = names[i], .server = &mute_server, .shard = where[i]};
    struct fl_pid sup = FL_NO_PID;
    assert_int_equal(fl_sup_start(world->node, self, &opts, &sup), 0);
    for (size_t i = 0; i < FL_COUNT(children); i++)
        assert_int_equal(shard_of(fl_whereis(world->node, names[i])), want[i]);
    children[0].id = "f";
    children[0].name = NULL;
    children[0].shard = 1; /* a number is no policy here: 0 must mean "with the supervisor" */
    assert_int_equal(fl_sup_start_child(self, sup, &children[0], NULL), FL_ERANGE);
    world->seen = 1;
    fl_node_stop(world->node, 0);
}

static void so_does_a_child(void **state)
{
    struct world world = {0};
    play(child_scene, &world);
}

/* ---- connections */

struct conn {
    struct world *world;
    struct fl_tcp *tcp;
};

static int conn_on_init(struct fl_self *self, void *state, const void *args)
{
    struct conn *conn = state;
    conn->world = (struct world *)(uintptr_t)((const struct fl_tcp_args *)args)->args;
    conn->tcp = fl_tcp_accept(self, args);
    atomic_fetch_add(&conn->world->on[shard_of(fl_self_pid(self))], 1);
    return 0;
}

/* Answers with its shard's number. */
static void conn_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    char answer = (char)('0' + shard_of(fl_self_pid(self)));
    assert_int_equal(fl_tcp_write(self, tcp, &answer, 1), 0);
}

static void conn_on_tcp_closed(struct fl_self *self, void *state, struct fl_tcp *tcp, int code)
{
    struct world *world = ((struct conn *)state)->world;
    if (atomic_fetch_add(&world->closed, 1) + 1 < CLIENTS) return;
    world->seen = 1;
    fl_node_stop(world->node, 0);
}

static const struct fl_server conn_server = {
    .name = "conn",
    .state_bytes = sizeof(struct conn),
    .on_init = conn_on_init,
    .on_tcp_data = conn_on_tcp_data,
    .on_tcp_closed = conn_on_tcp_closed,
};

/* A blocking client asks one after the other, then closes all. */
static int ask_all(void *arg)
{
    const struct world *world = arg;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)world->port),
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fds[CLIENTS + 1], shard_sum = 0;
    for (int i = 0; i < CLIENTS + 1; i++) {
        char answer = 0;
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fds[i], (struct sockaddr *)&addr, sizeof addr) != 0) return -1;
        bool is_one_too_many = i == CLIENTS;
        if (!is_one_too_many && write(fds[i], "?", 1) != 1) return -2;
        ssize_t got = read(fds[i], &answer, 1);
        if (got != (is_one_too_many ? 0 : 1)) return -3;
        if (got == 1) shard_sum += answer - '0';
    }
    for (int i = 0; i < CLIENTS + 1; i++)
        close(fds[i]);
    return shard_sum;
}

static int listener_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = (struct world *)(uintptr_t)args;
    struct fl_listen_opts opts = {.server = &conn_server,
                                  .args = world,
                                  .connections_max = CLIENTS,
                                  .shard = FL_SHARD_SPREAD};
    struct fl_listen_opts nowhere = opts;
    nowhere.shard = FL_SHARD(SHARDS);
    assert_int_equal(fl_listen(self, &nowhere, NULL, NULL), FL_ERANGE);
    struct fl_pipe_listen_opts pipe = {
        .path = "unused", .server = &conn_server, .shard = FL_SHARD(SHARDS)};
    assert_int_equal(fl_pipe_listen(self, &pipe, NULL), FL_ERANGE);
    return fl_listen(self, &opts, &world->port, NULL);
}

static const struct fl_server listener_server = {.name = "listener", .on_init = listener_on_init};

static void connection_scene(struct fl_self *self, void *ptr)
{
    struct world *world = ptr;
    struct fl_spawn_opts opts = {.args = world, .shard = FL_SHARD(0)};
    assert_int_equal(fl_spawn(self, &listener_server, &opts, NULL), 0);
    /* limits hold over all shards; each shard got its share */
    assert_int_equal(fl_blocking(self, ask_all, world, NULL), (0 + 1 + 2) * CLIENTS / SHARDS);
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(atomic_load(&world->on[i]), CLIENTS / SHARDS);
}

static void connections_are_spread_over_the_shards(void **state)
{
    struct world world = {0};
    play(connection_scene, &world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_goes_where_it_is_told),
        cmocka_unit_test(so_does_a_child),
        cmocka_unit_test(connections_are_spread_over_the_shards),
    };
    return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
