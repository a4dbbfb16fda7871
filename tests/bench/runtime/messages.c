/* messages.c: how fast messages go from process to process. Each between servers, which hold no
 * stack, and between bodies, which wait on theirs. */
#include "tests/bench/runtime/bench.h"

enum { MSG_GO = 1, MSG_PING, MSG_PONG, MSG_HOP, MSG_DATA, MSG_DONE };
enum { RING_LEN = 1000, FAN_SENDERS = 100 };

/* ---- ping-pong ---- */

struct ping {
    struct fl_pid peer, driver;
    uint64_t left;
};

static int ping_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct ping *)state = *(const struct ping *)args;
    return 0;
}

static void ping_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct ping *ping = state;
    if (ping->left-- > 0)
        bench_send(self, ping->peer, MSG_PING);
    else
        bench_send(self, ping->driver, MSG_DONE);
}

static void pong_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    bench_send(self, msg->from, MSG_PONG);
}

static const struct fl_server ping_server = {
    .name = "ping",
    .state_bytes = sizeof(struct ping),
    .on_init = ping_on_init,
    .on_cast = ping_on_cast,
};
static const struct fl_server pong_server = {.name = "pong", .on_cast = pong_on_cast};

static double pingpong_servers(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid pong = bench_start(self, &pong_server, NULL);
    struct fl_pid ping = bench_start(
        self, &ping_server,
        &(struct ping){.peer = pong, .driver = fl_self_pid(self), .left = bench->n});
    fl_ns started = fl_now();
    bench_send(self, ping, MSG_GO);
    bench_receive_all(self, 1);
    double rate = bench_rate(bench->n, started);
    bench_kill(self, (struct fl_pid[]){ping, pong}, 2);
    return rate;
}

static void pong_body(struct fl_self *self, const void *args, size_t args_len)
{
    for (;;) {
        struct fl_msg msg;
        bench_receive(self, &msg);
        bench_send(self, msg.from, MSG_PONG);
    }
}

static double pingpong_bodies(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid pong = bench_body(self, pong_body, NULL, 0);
    struct fl_msg msg;
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        bench_send(self, pong, MSG_PING);
        bench_receive(self, &msg);
    }
    double rate = bench_rate(bench->n, started);
    bench_kill(self, &pong, 1);
    return rate;
}

/* ---- ring ---- */

struct ring {
    struct fl_pid next, driver;
};

static void ring_hop(struct fl_self *self, const struct ring *ring, const struct fl_msg *msg)
{
    uint64_t left;
    memcpy(&left, msg->data, sizeof left);
    if (left-- == 0)
        bench_send(self, ring->driver, MSG_DONE);
    else
        fl_send(self, ring->next, MSG_HOP, &left, sizeof left);
}

static void ring_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == MSG_GO)
        *(struct ring *)state = *(const struct ring *)msg->data;
    else
        ring_hop(self, state, msg);
}

static const struct fl_server ring_server = {
    .name = "ring",
    .state_bytes = sizeof(struct ring),
    .on_cast = ring_on_cast,
};

static void ring_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct ring ring;
    struct fl_msg msg;
    bench_receive(self, &msg);
    memcpy(&ring, msg.data, sizeof ring);
    for (;;) {
        bench_receive(self, &msg);
        ring_hop(self, &ring, &msg);
    }
}

static double ring_run(struct fl_self *self, uint64_t hops, bool of_bodies)
{
    struct fl_pid pids[RING_LEN];
    for (int i = 0; i < RING_LEN; i++)
        pids[i] = of_bodies ? bench_body(self, ring_body, NULL, 0)
                            : bench_start(self, &ring_server, NULL);
    for (int i = 0; i < RING_LEN; i++) {
        struct ring ring = {pids[(i + 1) % RING_LEN], fl_self_pid(self)};
        fl_send(self, pids[i], MSG_GO, &ring, sizeof ring);
    }
    fl_yield(self); /* they have read it */
    fl_ns started = fl_now();
    fl_send(self, pids[0], MSG_HOP, &hops, sizeof hops);
    bench_receive_all(self, 1);
    double rate = bench_rate(hops, started);
    bench_kill(self, pids, RING_LEN);
    return rate;
}

static double ring_servers(struct fl_self *self, const struct bench *bench)
{
    return ring_run(self, bench->n, false);
}

static double ring_bodies(struct fl_self *self, const struct bench *bench)
{
    return ring_run(self, bench->n, true);
}

/* ---- fan-in: many to one, whose mailbox grows ---- */

struct fan {
    struct fl_pid to, driver;
    uint64_t each;
};
struct fan_data { /* as much as the peer's tuple */
    uint64_t sender, i;
};

static void fan_sender(struct fl_self *self, const void *args, size_t args_len)
{
    struct fan fan;
    memcpy(&fan, args, sizeof fan);
    struct fan_data data = {fl_self_pid(self).bits, 0};
    for (; data.i < fan.each; data.i++) {
        int rc = fl_send(self, fan.to, MSG_DATA, &data, sizeof data);
        FL_ASSERT(rc == 0);
        if (data.i % BENCH_YIELD_EVERY == BENCH_YIELD_EVERY - 1) fl_yield(self);
    }
}

static void fan_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct fan fan;
    memcpy(&fan, args, sizeof fan);
    bench_receive_all(self, fan.each * FAN_SENDERS);
    bench_send(self, fan.driver, MSG_DONE);
}

/* Returns when it began. */
static fl_ns fan_start_senders(struct fl_self *self, struct fl_pid to, uint64_t each)
{
    struct fan fan = {to, FL_NO_PID, each};
    fl_ns started = fl_now();
    for (int i = 0; i < FAN_SENDERS; i++)
        bench_body(self, fan_sender, &fan, sizeof fan);
    return started;
}

static double fanin_server(struct fl_self *self, const struct bench *bench)
{
    uint64_t count = 0, *counter = &count;
    struct fl_pid to = bench_start(self, &bench_counter, &counter);
    fl_ns started = fan_start_senders(self, to, bench->n / FAN_SENDERS);
    bench_await(self, &count, bench->n);
    double rate = bench_rate(bench->n, started);
    bench_kill(self, &to, 1);
    return rate;
}

static double fanin_body(struct fl_self *self, const struct bench *bench)
{
    struct fan fan = {FL_NO_PID, fl_self_pid(self), bench->n / FAN_SENDERS};
    struct fl_pid to = bench_body(self, fan_body, &fan, sizeof fan);
    fl_ns started = fan_start_senders(self, to, fan.each);
    bench_receive_all(self, 1);
    return bench_rate(bench->n, started);
}

static const struct bench rows[] = {
    {"pingpong_servers", "rt/s", pingpong_servers, .n = 3000000},
    {"pingpong_bodies", "rt/s", pingpong_bodies, .n = 3000000},
    {"ring_servers", "msg/s", ring_servers, .n = 10000000},
    {"ring_bodies", "msg/s", ring_bodies, .n = 10000000},
    {"fanin_server", "msg/s", fanin_server, .n = 10000000},
    {"fanin_body", "msg/s", fanin_body, .n = 10000000},
};
const struct bench_theme bench_messages = {"messages", rows, FL_COUNT(rows)};
