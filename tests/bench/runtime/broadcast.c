/* broadcast.c: one message to many. */
#include "runtime/pubsub.h"
#include "tests/bench/runtime/bench.h"

enum { ROUNDS_WARM = 10, ROUNDS = 100 };

struct subscriber {
    struct fl_pubsub *pubsub;
    uint64_t *received;
};

static int subscriber_on_init(struct fl_self *self, void *state, const void *args)
{
    struct subscriber *subscriber = state;
    *subscriber = *(const struct subscriber *)args;
    fl_pubsub_subscribe(self, subscriber->pubsub, "all");
    return 0;
}

static void subscriber_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    ++*((struct subscriber *)state)->received;
}

static const struct fl_server subscriber_server = {
    .name = "subscriber",
    .state_bytes = sizeof(struct subscriber),
    .on_init = subscriber_on_init,
    .on_cast = subscriber_on_cast,
};

static void broadcast_rounds(struct fl_self *self, const struct subscriber *all, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        fl_pubsub_broadcast(self, all->pubsub, "all", 1, "payload", 7);
        fl_yield(self);
    }
}

static double broadcast(struct fl_self *self, const struct bench *bench)
{
    uint64_t received = 0;
    struct subscriber all = {.received = &received};
    int rc = fl_pubsub_start(fl_self_node(self), self, &all.pubsub);
    FL_ASSERT(rc == 0);
    struct fl_pid *pids = bench_array(self, struct fl_pid, bench->n);
    for (uint64_t i = 0; i < bench->n; i++)
        pids[i] = bench_start(self, &subscriber_server, &all);

    broadcast_rounds(self, &all, ROUNDS_WARM);
    bench_await(self, &received, bench->n * ROUNDS_WARM);
    received = 0;
    fl_ns started = fl_now();
    broadcast_rounds(self, &all, ROUNDS);
    bench_await(self, &received, bench->n * ROUNDS);
    double rate = bench_rate(bench->n * ROUNDS, started);
    bench_kill(self, pids, bench->n);
    fl_self_free(self, pids);
    return rate;
}

static const struct bench rows[] = {
    {"broadcast_10000", "delivery/s", broadcast, .n = 10000},
};
const struct bench_theme bench_broadcast = {"broadcast", rows, FL_COUNT(rows)};
