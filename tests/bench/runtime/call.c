/* call.c: how fast a server answers. Every call has a time limit and sees the server's end. */
#include "tests/bench/runtime/bench.h"

enum { CALL_PING = 1, CALLERS = 1000 };

static void call_ping(struct fl_self *self, struct fl_pid server, uint64_t times)
{
    uint64_t answer;
    for (uint64_t i = 0; i < times; i++) {
        int rc = fl_call(self, server, CALL_PING, &i, sizeof i, &answer, sizeof answer, NULL,
                         fl_s(5));
        FL_ASSERT(rc == 0);
    }
}

static double call(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid server = bench_start(self, &bench_counter, NULL);
    fl_ns started = fl_now();
    call_ping(self, server, bench->n);
    double rate = bench_rate(bench->n, started);
    bench_kill(self, &server, 1);
    return rate;
}

static double cast(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid server = bench_start(self, &bench_counter, NULL);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        int rc = fl_send(self, server, CALL_PING, &i, sizeof i);
        FL_ASSERT(rc == 0);
        if (i % BENCH_YIELD_EVERY == BENCH_YIELD_EVERY - 1) fl_yield(self);
    }
    call_ping(self, server, 1);
    double rate = bench_rate(bench->n, started);
    bench_kill(self, &server, 1);
    return rate;
}

/* The caller's mailbox is full of what it does not want now. */
static double call_junk(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid server = bench_start(self, &bench_counter, NULL);
    for (int i = 0; i < 100000; i++)
        bench_send(self, fl_self_pid(self), 0);
    fl_ns started = fl_now();
    call_ping(self, server, bench->n);
    return bench_rate(bench->n, started);
}

static double call_latency(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid server = bench_start(self, &bench_counter, NULL);
    double *samples = fl_new_array(double, bench->n);
    for (uint64_t i = 0; i < bench->n; i++) {
        fl_ns started = fl_now();
        call_ping(self, server, 1);
        samples[i] = (double)(fl_now() - started) / 1000;
    }
    return bench_quantile(samples, bench->n, bench->quantile);
}

/* ---- a server that asks another one before it answers ---- */

static int nested_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct fl_pid *)state = *(const struct fl_pid *)args;
    return 0;
}

static void nested_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    uint64_t answer;
    int rc = fl_call(self, *(struct fl_pid *)state, CALL_PING, msg->data, msg->len, &answer,
                     sizeof answer, NULL, fl_s(5));
    FL_ASSERT(rc == 0);
    fl_self_reply(self, msg->from, msg->ref, &answer, sizeof answer);
}

static const struct fl_server nested_server = {
    .name = "nested",
    .state_bytes = sizeof(struct fl_pid),
    .on_init = nested_on_init,
    .on_call = nested_on_call,
};

static double call_nested(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid inner = bench_start(self, &bench_counter, NULL);
    struct fl_pid outer = bench_start(self, &nested_server, &inner);
    fl_ns started = fl_now();
    call_ping(self, outer, bench->n);
    double rate = bench_rate(bench->n, started);
    bench_kill(self, (struct fl_pid[]){outer, inner}, 2);
    return rate;
}

/* ---- many callers ---- */

struct caller {
    struct fl_pid server, driver;
    uint64_t times;
};

static void caller_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct caller caller;
    memcpy(&caller, args, sizeof caller);
    call_ping(self, caller.server, caller.times);
    bench_send(self, caller.driver, 0);
}

/* Callers call each the server of its number, round and round. */
static double callers_run(struct fl_self *self, const struct fl_pid *servers, size_t servers_count,
                          uint64_t calls)
{
    fl_ns started = fl_now();
    for (size_t i = 0; i < CALLERS; i++) {
        struct caller caller = {servers[i % servers_count], fl_self_pid(self), calls / CALLERS};
        bench_body(self, caller_body, &caller, sizeof caller);
    }
    bench_receive_all(self, CALLERS);
    double rate = bench_rate(calls, started);
    bench_kill(self, servers, servers_count);
    return rate;
}

static double call_1000_callers(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid server = bench_start(self, &bench_counter, NULL);
    return callers_run(self, &server, 1, bench->n);
}

/* With two shards the servers are on the other one, so that each call crosses twice. */
static double call_1000_pairs(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid servers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        int rc = fl_spawn(self, &bench_counter,
                          &(struct fl_spawn_opts){.shard = bench->shards == 2 ? 1 : 0},
                          &servers[i]);
        FL_ASSERT(rc == 0);
    }
    return callers_run(self, servers, CALLERS, bench->n);
}

static const struct bench rows[] = {
    {"call", "call/s", call, .n = 1000000},
    {"cast", "msg/s", cast, .n = 1000000},
    {"call_junk", "call/s", call_junk, .n = 200000, .runs = 1},
    {"call_p50", "us", call_latency, .n = 200000, .quantile = 0.5, .runs = 1},
    {"call_p99", "us", call_latency, .n = 200000, .quantile = 0.99, .runs = 1},
    {"call_nested", "call/s", call_nested, .n = 1000000},
    {"call_1000_callers", "call/s", call_1000_callers, .n = 1000000},
    {"call_1000_pairs", "call/s", call_1000_pairs, .n = 1000000},
    {"call_2_shards", "call/s", call_1000_pairs, .n = 1000000, .shards = 2},
};
const struct bench_theme bench_call = {"calls", rows, FL_COUNT(rows)};
