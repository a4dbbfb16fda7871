/* sup.c: how soon a supervisor has its child back. A child says when it starts, as the peer's does
 * in its init. */
#include <inttypes.h>

#include "runtime/sup.h"
#include "tests/bench/runtime/bench.h"

enum { SUP_SAMPLES = 300 };

struct inited {
    struct fl_pid pid;
    fl_ns at_ns;
};

static int child_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct fl_pid *driver = args;
    struct inited inited = {fl_self_pid(self), fl_now()};
    return fl_send(self, *driver, 0, &inited, sizeof inited);
}

static const struct fl_server child_server = {
    .name = "child",
    .state_bytes = 16,
    .on_init = child_on_init,
};

static struct inited sup_receive(struct fl_self *self)
{
    struct inited inited;
    struct fl_msg msg;
    bench_receive(self, &msg);
    FL_ASSERT(msg.kind == FL_MSG_CAST && msg.len == sizeof inited);
    memcpy(&inited, msg.data, sizeof inited);
    return inited;
}

/* What every supervisor here has; the peer's too. */
static const struct fl_sup_opts sup_common = {.max_restarts = 10000000,
                                              .within_ns = INT64_C(1000000000)};

static struct fl_pid sup_start_static(struct fl_self *self, uint64_t n, struct fl_child child)
{
    struct fl_child *children = bench_array(self, struct fl_child, n);
    char(*ids)[16] = fl_self_alloc(self, n * sizeof *ids);
    for (uint64_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%" PRIu64, i);
        children[i] = child;
        children[i].id = ids[i];
    }
    struct fl_sup_opts opts = sup_common;
    opts.children = children;
    opts.children_count = n;
    struct fl_pid sup;
    int rc = fl_sup_start(fl_self_node(self), self, &opts, &sup);
    FL_ASSERT(rc == 0);
    fl_self_free(self, children);
    fl_self_free(self, ids);
    return sup;
}

static struct fl_pid sup_start_dynamic(struct fl_self *self, uint64_t n, struct fl_child child)
{
    struct fl_sup_opts opts = sup_common;
    opts.strategy = FL_SIMPLE_ONE_FOR_ONE;
    opts.children = &child;
    opts.children_count = 1;
    struct fl_pid sup;
    int rc = fl_sup_start(fl_self_node(self), self, &opts, &sup);
    FL_ASSERT(rc == 0);
    for (uint64_t i = 0; i < n; i++) {
        struct fl_pid pid;
        rc = fl_dynamic_start_child(self, sup, NULL, 0, &pid);
        FL_ASSERT(rc == 0);
    }
    return sup;
}

/* Starts n children; *driver lives as long as the supervisor. Returns their pids. */
static struct fl_pid *sup_start(struct fl_self *self, const struct bench *bench,
                                const struct fl_pid *driver)
{
    struct fl_child child = {
        .id = "child",
        .server = &child_server,
        .args = driver,
        .restart = FL_PERMANENT,
        .shutdown_ns = FL_SHUTDOWN_BRUTAL,
    };
    if (strstr(bench->name, "dynamic") != NULL)
        sup_start_dynamic(self, bench->n, child);
    else
        sup_start_static(self, bench->n, child);
    struct fl_pid *pids = bench_array(self, struct fl_pid, bench->n);
    for (uint64_t i = 0; i < bench->n; i++)
        pids[i] = sup_receive(self).pid;
    return pids;
}

static double sup_restart(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid me = fl_self_pid(self);
    struct fl_pid *pids = sup_start(self, bench, &me);
    double *samples = fl_new_array(double, SUP_SAMPLES);
    for (uint64_t i = 0; i < SUP_SAMPLES; i++) {
        struct fl_pid *victim = &pids[(i + 1) * 7919 % bench->n];
        fl_ns killed_ns = fl_now();
        fl_exit(self, *victim, fl_reason_of(FL_EXIT_KILL));
        struct inited inited = sup_receive(self);
        samples[i] = (double)(inited.at_ns - killed_ns) / 1000;
        *victim = inited.pid;
    }
    return bench_quantile(samples, SUP_SAMPLES, bench->quantile);
}

/* All of them at once. */
static double sup_storm(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid me = fl_self_pid(self);
    struct fl_pid *pids = sup_start(self, bench, &me);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++)
        fl_exit(self, pids[i], fl_reason_of(FL_EXIT_KILL));
    bench_receive_all(self, bench->n);
    return bench_rate(bench->n, started);
}

static double sup_dynamic_start(struct fl_self *self, const struct bench *bench)
{
    struct fl_pid me = fl_self_pid(self);
    fl_ns started = fl_now();
    sup_start(self, bench, &me);
    return bench_rate(bench->n, started);
}

static double mem_server_supervised(struct fl_self *self, const struct bench *bench)
{
    double before = bench_rss();
    sup_start_dynamic(self, bench->n, (struct fl_child){.id = "child", .server = &bench_counter});
    return (bench_rss() - before) / (double)bench->n;
}

static const struct bench rows[] = {
    {"sup_restart_1_p50", "us", sup_restart, .n = 1, .quantile = 0.5, .runs = 1},
    {"sup_restart_1_p99", "us", sup_restart, .n = 1, .quantile = 0.99, .runs = 1},
    {"sup_restart_1000_p50", "us", sup_restart, .n = 1000, .quantile = 0.5, .runs = 1},
    {"sup_restart_1000_p99", "us", sup_restart, .n = 1000, .quantile = 0.99, .runs = 1},
    {"sup_restart_100000_p50", "us", sup_restart, .n = 100000, .quantile = 0.5, .runs = 1},
    {"sup_restart_100000_p99", "us", sup_restart, .n = 100000, .quantile = 0.99, .runs = 1},
    {"sup_storm_10000", "restart/s", sup_storm, .n = 10000, .runs = 1},
    {"sup_dynamic_restart_1_p50", "us", sup_restart, .n = 1, .quantile = 0.5, .runs = 1},
    {"sup_dynamic_restart_1_p99", "us", sup_restart, .n = 1, .quantile = 0.99, .runs = 1},
    {"sup_dynamic_restart_1000_p50", "us", sup_restart, .n = 1000, .quantile = 0.5, .runs = 1},
    {"sup_dynamic_restart_1000_p99", "us", sup_restart, .n = 1000, .quantile = 0.99, .runs = 1},
    {"sup_dynamic_restart_100000_p50", "us", sup_restart, .n = 100000, .quantile = 0.5, .runs = 1},
    {"sup_dynamic_restart_100000_p99", "us", sup_restart, .n = 100000, .quantile = 0.99, .runs = 1},
    {"sup_dynamic_storm_10000", "restart/s", sup_storm, .n = 10000, .runs = 1},
    {"sup_dynamic_start_100000", "child/s", sup_dynamic_start, .n = 100000, .runs = 1},
    {"mem_server_supervised", "B/proc", mem_server_supervised, .n = 1000000, .runs = 1},
};
const struct bench_theme bench_sup = {"sup", rows, FL_COUNT(rows)};
