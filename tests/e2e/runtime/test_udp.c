#include "tests/e2e/runtime/stage.h"

#include <sys/socket.h>
#include <unistd.h>

#include "runtime/udp.h"

/* A process that owns a socket; what it does with a datagram is chosen by the test. */
struct world {
    struct fl_node *node;
    struct fl_udp *udp;
    struct fl_udp_opts opts;
    struct fl_addr addr;
    struct fl_pid owner, mute;
    char heard[64];
    int code, datagrams;
    struct fl_udp_counts counts;
    bool is_from_right;
};

static int owner_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = (struct world *)(uintptr_t)args;
    *(struct world **)state = world;
    world->code = fl_udp_open(self, &world->opts, &world->udp, NULL);
    if (world->code == 0) world->addr = *fl_udp_addr(world->udp);
    return 0;
}

static void mute_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}

static const struct fl_server owner_server = {
    .name = "owner", .state_bytes = sizeof(struct world *), .on_init = owner_on_init};
static const struct fl_server mute_server = {.name = "mute", .on_call = mute_on_call};

static struct world *world_of(void *state)
{
    return *(struct world **)state;
}

static void open_world(struct world *world)
{
    struct fl_spawn_opts owner = {.args = world}, mute = {.shard = 0};
    world->node = stage_open();
    assert_int_equal(fl_node_spawn(world->node, &mute_server, &mute, &world->mute), 0);
    assert_int_equal(fl_node_spawn(world->node, &owner_server, &owner, &world->owner), 0);
}

/* From outside, with a plain socket: on loopback it is in the receiver's buffer when this returns.
 */
static void throw_in(const struct world *world, const char *const *words, size_t count)
{
    int fd = socket(world->addr.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof world->addr;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sendto(fd, words[i], strlen(words[i]), 0, &world->addr.any, len),
                         (ssize_t)strlen(words[i]));
    close(fd);
}

/* ---- a datagram comes with its sender, who can be answered */

static void answer(struct fl_self *self, void *state, struct fl_udp *udp,
                   const struct fl_addr *from, const void *bytes, size_t len)
{
    char text[80];
    int n = snprintf(text, sizeof text, "you said %.*s", (int)len, (const char *)bytes);
    assert_int_equal(fl_udp_send(self, udp, from, text, (size_t)n), 0);
}

static struct world *asker_world; /* of the one test that has two sockets */

static void hear_answer(struct fl_self *self, void *state, struct fl_udp *udp,
                        const struct fl_addr *from, const void *bytes, size_t len)
{
    struct world *world = asker_world;
    snprintf(world->heard, sizeof world->heard, "%.*s", (int)len, (const char *)bytes);
    world->is_from_right = fl_addr_eq(from, &world->addr);
    if (++world->datagrams < 3)
        assert_int_equal(fl_udp_send(self, udp, from, "again", 5), 0);
    else
        fl_node_stop(world->node, 0);
}

static void ask(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_udp_opts opts = {.host = asker_world->opts.host, .on_data = hear_answer};
    struct fl_udp *udp = NULL;
    assert_int_equal(fl_udp_open(self, &opts, &udp, NULL), 0);
    assert_int_equal(fl_udp_send(self, udp, &asker_world->addr, "hello", 5), 0);
}

static const struct fl_server asker_server = {.name = "asker", .on_cast = ask};

static void ask_over(const char *host)
{
    struct world world = {.opts = {.host = host, .on_data = answer}};
    struct fl_spawn_opts opts = {.shard = 0};
    struct fl_pid asker;
    asker_world = &world;
    open_world(&world);
    if (world.code == UV_EADDRNOTAVAIL || world.code == UV_EAFNOSUPPORT) { /* no IPv6 here */
        fl_node_free(world.node);
        return;
    }
    assert_int_equal(world.code, 0);
    assert_int_equal(fl_node_spawn(world.node, &asker_server, &opts, &asker), 0);
    fl_node_send(world.node, asker, 0, NULL, 0);
    stage_play(world.node);
    assert_string_equal(world.heard, "you said again");
    assert_true(world.is_from_right);
}

static void a_datagram_comes_with_its_sender_who_can_be_answered(void **state)
{
    ask_over("127.0.0.1");
    ask_over("::1");
}

/* ---- what an owner does not read in time is dropped, and counted */

static void hear(struct fl_self *self, void *state, struct fl_udp *udp, const struct fl_addr *from,
                 const void *bytes, size_t len)
{
    struct world *world = world_of(state);
    world->counts = fl_udp_counts(udp);
    size_t at = strlen(world->heard);
    snprintf(world->heard + at, sizeof world->heard - at, "%.*s;", (int)len, (const char *)bytes);
    if (++world->datagrams == 2) fl_node_stop(world->node, 0);
}

static void what_does_not_fit_into_the_queue_is_dropped_and_counted(void **state)
{
    static const char *const words[] = {"one", "", "three", "four", "five"};
    struct world world = {.opts = {.on_data = hear, .queue_max = 2}};
    open_world(&world);
    throw_in(&world, words, FL_COUNT(words)); /* before the loop looks even once */
    stage_play(world.node);
    assert_string_equal(world.heard, "one;;"); /* an empty one is one */
    assert_int_equal(world.counts.received, 2);
    assert_int_equal(world.counts.dropped, 3);
}

/* ---- closed by its own handler, which then waits: what it holds is still there */

static void close_and_wait(struct fl_self *self, void *state, struct fl_udp *udp,
                           const struct fl_addr *from, const void *bytes, size_t len)
{
    struct world *world = world_of(state);
    fl_udp_close(self, udp);
    fl_udp_close(self, udp);
    world->code = fl_udp_send(self, udp, from, "x", 1);
    fl_call(self, world->mute, 1, NULL, 0, NULL, 0, NULL,
            fl_ms(2)); /* the loop closes it meanwhile */
    snprintf(world->heard, sizeof world->heard, "%.*s", (int)len, (const char *)bytes);
    world->datagrams++;
    fl_node_stop(world->node, 0);
}

static void a_handler_that_closes_its_socket_keeps_its_datagram(void **state)
{
    static const char *const words[] = {"kept", "never read"};
    struct world world = {.opts = {.on_data = close_and_wait}};
    open_world(&world);
    throw_in(&world, words, FL_COUNT(words));
    stage_play(world.node);
    assert_string_equal(world.heard, "kept");
    assert_int_equal(world.datagrams, 1);
    assert_int_equal(world.code, FL_ESTATE);
}

/* ---- when the DOWN of its owner comes, the port is free: also killed in the middle of a datagram
 */

static void wait_for_ever(struct fl_self *self, void *state, struct fl_udp *udp,
                          const struct fl_addr *from, const void *bytes, size_t len)
{
    struct world *world = world_of(state);
    fl_node_exit(world->node, fl_self_pid(self), fl_reason_of(FL_EXIT_KILL));
    fl_call(self, world->mute, 1, NULL, 0, NULL, 0, NULL, FL_NEVER);
}

static int heir_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = (struct world *)(uintptr_t)args;
    *(struct world **)state = world;
    fl_monitor(self, world->owner);
    return 0;
}

static void heir_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    struct world *world = world_of(state);
    struct fl_udp_opts opts = {.port = fl_addr_port(&world->addr)};
    world->code = fl_udp_open(self, &opts, &world->udp, NULL);
    fl_node_stop(world->node, 0);
}

static const struct fl_server heir_server = {.name = "heir",
                                             .state_bytes = sizeof(struct world *),
                                             .on_init = heir_on_init,
                                             .on_down = heir_on_down};

static void a_killed_owner_frees_its_port_before_its_down(void **state)
{
    static const char *const words[] = {"a", "b", "c"};
    struct world world = {.opts = {.on_data = wait_for_ever}};
    struct fl_spawn_opts opts = {.args = &world};
    open_world(&world);
    assert_int_equal(fl_node_spawn(world.node, &heir_server, &opts, NULL), 0);
    world.code = 1;
    throw_in(&world, words, FL_COUNT(words));
    stage_play(world.node);
    assert_int_equal(world.code, 0);
}

/* ---- what cannot be */

static void errors_are_values(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    struct fl_udp_opts name = {.host = "localhost"}, taken = {.port = fl_addr_port(&world->addr)};
    struct fl_udp *udp = NULL;
    struct fl_err err = {0};
    assert_int_equal(fl_udp_open(self, &name, &udp, &err), FL_ERANGE);
    assert_string_equal(err.text, "\"localhost\" is not an IPv4 or IPv6 address");
    assert_int_equal(fl_udp_open(self, &taken, &udp, &err), UV_EADDRINUSE);
    assert_non_null(strstr(err.text, "cannot bind UDP on 127.0.0.1:"));
    assert_null(udp);
    assert_int_equal(fl_udp_send(self, world->udp, &world->addr, "x", 1), FL_ESTATE); /* not mine */
    fl_node_stop(world->node, 0);
}

static void what_cannot_be_is_an_error_value(void **state)
{
    struct world world = {.opts = {.on_data = hear}};
    open_world(&world);
    stage_add(world.node, errors_are_values, &world);
    stage_play(world.node);
}

/* ---- a body hears while it receives */

#define HEARD 5

static void note_and_tell(struct fl_self *self, void *state, struct fl_udp *udp,
                          const struct fl_addr *from, const void *bytes, size_t len)
{
    struct fl_msg msg;
    assert_null(state);
    fl_pause(self, fl_ms(1)); /* it may wait, and take mail: nothing of the receive is lost */
    assert_int_equal(fl_receive(self, NULL, NULL, 0, &msg), 0);
    assert_int_equal(msg.tag, 1);
    fl_send(self, fl_self_pid(self), HEARD, bytes, len);
}

static bool is_heard(void *cx, const struct fl_msg *msg)
{
    return msg->tag == HEARD;
}

static void hear_as_a_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct world *world;
    struct fl_udp_opts opts = {.on_data = note_and_tell};
    struct fl_udp *udp = NULL;
    memcpy(&world, args, sizeof world);
    assert_int_equal(fl_udp_open(self, &opts, &udp, NULL), 0);
    for (int i = 0; i < 3; i++) {
        char word = (char)('a' + i);
        struct fl_msg msg;
        fl_send(self, fl_self_pid(self), 1, NULL, 0); /* not what is waited for */
        assert_int_equal(fl_udp_send(self, udp, fl_udp_addr(udp), &word, 1), 0);
        assert_int_equal(fl_receive(self, is_heard, NULL, fl_s(20), &msg), 0);
        world->heard[i] = *(const char *)msg.data;
    }
    assert_int_equal(fl_self_mailbox_len(self), 0);
    fl_node_stop(world->node, 0);
}

static void a_body_hears_while_it_receives(void **state)
{
    struct world world = {.node = stage_open()}, *at = &world;
    struct fl_spawn_opts opts = {.shard = 0};
    assert_int_equal(fl_node_spawn_run(world.node, hear_as_a_body, &at, sizeof at, &opts, NULL), 0);
    stage_play(world.node);
    assert_string_equal(world.heard, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_comes_with_its_sender_who_can_be_answered),
        cmocka_unit_test(what_does_not_fit_into_the_queue_is_dropped_and_counted),
        cmocka_unit_test(a_handler_that_closes_its_socket_keeps_its_datagram),
        cmocka_unit_test(a_killed_owner_frees_its_port_before_its_down),
        cmocka_unit_test(a_body_hears_while_it_receives),
        cmocka_unit_test(what_cannot_be_is_an_error_value),
    };
    return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
