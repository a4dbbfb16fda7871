/* spawn.c: how fast processes come and go. */
#include "tests/bench/runtime/bench.h"

static void count_body(struct fl_self *self, const void *args, size_t args_len)
{
    uint64_t *count;
    memcpy(&count, args, sizeof count);
    ++*count;
}

static double spawn_flood(struct fl_self *self, uint64_t n, uint64_t yield_every)
{
    uint64_t count = 0, *counter = &count;
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < n; i++) {
        int rc = fl_spawn_run(self, count_body, &counter, sizeof counter, NULL, NULL);
        FL_ASSERT(rc == 0);
        if (i % yield_every == yield_every - 1) fl_yield(self);
    }
    bench_await(self, &count, n);
    return bench_rate(n, started);
}

static double spawn_exit_flood(struct fl_self *self, const struct bench *bench)
{
    return spawn_flood(self, bench->n, BENCH_YIELD_EVERY);
}

/* All of them are there at once before the first one runs. */
static double spawn_exit_at_once(struct fl_self *self, const struct bench *bench)
{
    return spawn_flood(self, bench->n, bench->n);
}

static void reply_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_pid to;
    memcpy(&to, args, sizeof to);
    bench_send(self, to, 0);
}

static double spawn_reply(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid me = fl_self_pid(self);
    struct fl_msg msg;
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        int rc = fl_spawn_run(self, reply_body, &me, sizeof me, NULL, NULL);
        FL_ASSERT(rc == 0);
        bench_receive(self, &msg);
    }
    return bench_rate(bench->n, started);
}

static void nop_body(struct fl_self *self, const void *args, size_t args_len) {}

static bool spawn_is_down_of(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN && msg->ref == *(uint64_t *)cx;
}

static double spawn_monitor_down(struct fl_self *self, const struct bench *bench)
{
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        uint64_t ref;
        struct fl_msg msg;
        int rc = fl_spawn_run_monitor(self, nop_body, NULL, 0, NULL, NULL, &ref);
        FL_ASSERT(rc == 0);
        rc = fl_receive(self, spawn_is_down_of, &ref, FL_NEVER, &msg);
        FL_ASSERT(rc == 0);
    }
    return bench_rate(bench->n, started);
}

static bool spawn_is_exit_of(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_EXIT && fl_pid_eq(msg->from, *(struct fl_pid *)cx);
}

static double spawn_link_exit(struct fl_self *self, const struct bench *bench)
{
    fl_self_trap_exits(self, true);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        struct fl_pid child;
        struct fl_msg msg;
        int rc = fl_spawn_run_link(self, nop_body, NULL, 0, NULL, &child);
        FL_ASSERT(rc == 0);
        rc = fl_receive(self, spawn_is_exit_of, &child, FL_NEVER, &msg);
        FL_ASSERT(rc == 0);
    }
    return bench_rate(bench->n, started);
}

/* As gen_server:stop does it: a monitor, then a request to end, then its end. */
static double server_start_stop(struct fl_self *self, const struct bench *bench)
{
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        struct fl_msg msg;
        struct fl_pid server = bench_start(self, &bench_counter, NULL);
        uint64_t ref = fl_monitor(self, server);
        fl_exit(self, server, fl_reason_of(FL_EXIT_SHUTDOWN));
        int rc = fl_receive(self, spawn_is_down_of, &ref, FL_NEVER, &msg);
        FL_ASSERT(rc == 0);
    }
    return bench_rate(bench->n, started);
}

static double server_start(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid *pids = bench_array(self, struct fl_pid, bench->n);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++)
        pids[i] = bench_start(self, &bench_counter, NULL);
    double rate = bench_rate(bench->n, started);
    bench_kill(self, pids, bench->n);
    fl_self_free(self, pids);
    return rate;
}

static const struct bench rows[] = {
    {"spawn_exit_flood", "proc/s", spawn_exit_flood, .n = 1000000},
    {"spawn_exit_at_once", "proc/s", spawn_exit_at_once, .n = 1000000},
    {"spawn_reply", "proc/s", spawn_reply, .n = 1000000},
    {"spawn_monitor_down", "proc/s", spawn_monitor_down, .n = 1000000},
    {"spawn_link_exit", "proc/s", spawn_link_exit, .n = 1000000},
    {"server_start_stop", "proc/s", server_start_stop, .n = 200000},
    {"server_start", "proc/s", server_start, .n = 200000},
};
const struct bench_theme bench_spawn = {"spawn", rows, FL_COUNT(rows)};
