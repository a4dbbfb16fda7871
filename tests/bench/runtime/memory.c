/* memory.c: what a process costs while it does nothing. */
#include "tests/bench/runtime/bench.h"

static double mem_server(struct fl_self *self, const struct bench *bench)
{
    double before = bench_rss();
    for (uint64_t i = 0; i < bench->n; i++)
        bench_start(self, &bench_counter, NULL);
    return (bench_rss() - before) / (double)bench->n;
}

/* ---- blocked in the middle of a handler: each keeps a stack ---- */

struct blocker {
    struct fl_pid to;
    uint64_t *count;
};

static int blocker_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct blocker *)state = *(const struct blocker *)args;
    return 0;
}

static void blocker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct blocker *blocker = state;
    ++*blocker->count;
    fl_call(self, blocker->to, 0, NULL, 0, NULL, 0, NULL, FL_NEVER);
}

static void silent_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}

static const struct fl_server blocker_server = {
    .name = "blocker",
    .state_bytes = sizeof(struct blocker),
    .on_init = blocker_on_init,
    .on_cast = blocker_on_cast,
};
static const struct fl_server silent_server = {.name = "silent", .on_call = silent_on_call};

static double mem_blocked(struct fl_self *self, const struct bench *bench)
{
    uint64_t count = 0;
    struct blocker args = {bench_start(self, &silent_server, NULL), &count};
    double before = bench_rss();
    struct fl_pid *pids = bench_array(self, struct fl_pid, bench->n);
    for (uint64_t i = 0; i < bench->n; i++)
        pids[i] = bench_start(self, &blocker_server, &args);
    for (uint64_t i = 0; i < bench->n; i++)
        bench_send(self, pids[i], 0);
    bench_await(self, &count, bench->n);
    double bytes = (bench_rss() - before) / (double)bench->n;
    fl_self_free(self, pids);
    return bytes;
}

static const struct bench rows[] = {
    {"mem_server", "B/proc", mem_server, .n = 1000000, .runs = 1},
    {"mem_blocked", "B/proc", mem_blocked, .n = 100000, .runs = 1},
};
const struct bench_theme bench_memory = {"memory", rows, FL_COUNT(rows)};
