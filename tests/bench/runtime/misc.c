/* misc.c: what a process does in passing. */
#include "tests/bench/runtime/bench.h"

static double whereis(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid pid;
    int rc = fl_spawn(self, &bench_counter,
                      &(struct fl_spawn_opts){.name = "bench_named", .shard = -1}, &pid);
    FL_ASSERT(rc == 0);
    struct fl_node *node = fl_self_node(self);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++)
        fl_whereis(node, "bench_named");
    double rate = bench_rate(bench->n, started);
    bench_kill(self, &pid, 1);
    return rate;
}

static double alias(struct fl_self *self, const struct bench *bench)
{
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++)
        fl_unalias(self, fl_alias(self, FL_ALIAS_EXPLICIT));
    return bench_rate(bench->n, started);
}

static double monitor_demonitor(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid pid = bench_start(self, &bench_counter, NULL);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++)
        fl_demonitor(self, fl_monitor(self, pid));
    double rate = bench_rate(bench->n, started);
    bench_kill(self, &pid, 1);
    return rate;
}

static double link_unlink(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid pid = bench_start(self, &bench_counter, NULL);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        fl_link(self, pid);
        fl_unlink(self, pid);
    }
    double rate = bench_rate(bench->n, started);
    bench_kill(self, &pid, 1);
    return rate;
}

static double yield(struct fl_self *self, const struct bench *bench)
{
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++)
        fl_yield(self);
    return bench_rate(bench->n, started);
}

static const struct bench rows[] = {
    {"whereis", "op/s", whereis, .n = 3000000},
    {"alias", "op/s", alias, .n = 1000000},
    {"monitor_demonitor", "op/s", monitor_demonitor, .n = 1000000},
    {"link_unlink", "op/s", link_unlink, .n = 1000000},
    {"yield", "op/s", yield, .n = 3000000},
};
const struct bench_theme bench_misc = {"misc", rows, FL_COUNT(rows)};
