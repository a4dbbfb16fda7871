/* links.c: links, monitors, and what goes over them when a process ends. */
#include "tests/bench/runtime/bench.h"

enum { LINKS_GO = 1, LINKS_DIE };

/* ---- 100,000 that trap exits, linked to one that does not ---- */

struct trapper {
    uint64_t *exits;
};

static int trapper_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct trapper *)state)->exits = *(uint64_t *const *)args;
    fl_self_trap_exits(self, true);
    return 0;
}

static void trapper_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                            const struct fl_reason *reason)
{
    ++*((struct trapper *)state)->exits;
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static const struct fl_server trapper_server = {
    .name = "trapper",
    .state_bytes = sizeof(struct trapper),
    .on_init = trapper_on_init,
    .on_exit = trapper_on_exit,
};

struct hub {
    const struct fl_pid *pids;
    size_t count;
    struct fl_pid driver;
};

static void hub_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct hub hub;
    memcpy(&hub, args, sizeof hub);
    bench_receive_all(self, 1);
    for (size_t i = 0; i < hub.count; i++)
        fl_link(self, hub.pids[i]);
    bench_send(self, hub.driver, LINKS_GO);
    bench_receive_all(self, 1);
    fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_EIO, "boom"));
}

/* Returns the rate of links, or of exits that went over them. */
static double hub_run(struct fl_self *self, uint64_t n, bool of_exits)
{
    uint64_t exits = 0, *counter = &exits;
    struct fl_pid *pids = bench_array(self, struct fl_pid, n);
    for (uint64_t i = 0; i < n; i++)
        pids[i] = bench_start(self, &trapper_server, &counter);
    struct hub args = {pids, n, fl_self_pid(self)};
    struct fl_pid hub = bench_body(self, hub_body, &args, sizeof args);

    fl_ns started = fl_now();
    bench_send(self, hub, LINKS_GO);
    bench_receive_all(self, 1);
    double links = bench_rate(n, started);

    started = fl_now();
    bench_send(self, hub, LINKS_DIE);
    bench_await(self, &exits, n);
    double signals = bench_rate(n, started);
    fl_self_free(self, pids);
    return of_exits ? signals : links;
}

static double link_many(struct fl_self *self, const struct bench *bench)
{
    return hub_run(self, bench->n, false);
}

static double exit_propagation(struct fl_self *self, const struct bench *bench)
{
    return hub_run(self, bench->n, true);
}

/* ---- monitors ---- */

static void idle_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static const struct fl_server idle_server = {.name = "idle", .on_cast = idle_on_cast};

static double monitor_run(struct fl_self *self, uint64_t n, bool of_downs)
{
    struct fl_pid *pids = bench_array(self, struct fl_pid, n);
    for (uint64_t i = 0; i < n; i++)
        pids[i] = bench_start(self, &idle_server, NULL);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < n; i++)
        fl_monitor(self, pids[i]);
    double monitors = bench_rate(n, started);

    started = fl_now();
    for (uint64_t i = 0; i < n; i++)
        bench_send(self, pids[i], LINKS_DIE);
    bench_receive_all(self, n);
    double downs = bench_rate(n, started);
    fl_self_free(self, pids);
    return of_downs ? downs : monitors;
}

static double monitor_many(struct fl_self *self, const struct bench *bench)
{
    return monitor_run(self, bench->n, false);
}

static double down_many(struct fl_self *self, const struct bench *bench)
{
    return monitor_run(self, bench->n, true);
}

static const struct bench rows[] = {
    {"link_100k", "link/s", link_many, .n = 100000},
    {"exit_propagation_100k", "sig/s", exit_propagation, .n = 100000},
    {"monitor_100k", "mon/s", monitor_many, .n = 100000},
    {"down_100k", "down/s", down_many, .n = 100000},
};
const struct bench_theme bench_links = {"links", rows, FL_COUNT(rows)};
