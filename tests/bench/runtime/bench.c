/* bench.c: the common steps of the measurements. */
#include <unistd.h>

#include "tests/bench/runtime/bench.h"

double bench_rate(uint64_t n, fl_ns started_ns)
{
    return (double)n * 1e9 / (double)(fl_now() - started_ns);
}

static int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(double *samples_take, size_t count, double quantile)
{
    FL_ASSERT(count > 0);
    qsort(samples_take, count, sizeof *samples_take, bench_compare);
    size_t at = (size_t)((double)count * quantile);
    double value = samples_take[at < count ? at : count - 1];
    free(samples_take);
    return value;
}

double bench_rss(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    FL_ASSERT(statm != NULL && fscanf(statm, "%*d %ld", &pages) == 1);
    fclose(statm);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct fl_pid bench_start(struct fl_self *self, const struct fl_server *server, const void *args)
{
    struct fl_pid pid;
    int rc = fl_spawn(
        self, server,
        &(struct fl_spawn_opts){.args = args, .mailbox_max = FL_MAILBOX_UNBOUNDED, .shard = -1},
        &pid);
    FL_ASSERT(rc == 0);
    return pid;
}

struct fl_pid bench_body(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len)
{
    struct fl_pid pid;
    int rc = fl_spawn_run(self, fn, args, args_len,
                          &(struct fl_spawn_opts){.mailbox_max = FL_MAILBOX_UNBOUNDED, .shard = -1},
                          &pid);
    FL_ASSERT(rc == 0);
    return pid;
}

void bench_kill(struct fl_self *self, const struct fl_pid *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fl_exit(self, pids[i], fl_reason_of(FL_EXIT_KILL));
    if (count == 0) return;
    uint64_t ref = fl_monitor(self, pids[count - 1]);
    struct fl_msg msg;
    bench_receive(self, &msg);
    FL_ASSERT(msg.kind == FL_MSG_DOWN && msg.ref == ref);
}

void bench_receive_all(struct fl_self *self, uint64_t count)
{
    struct fl_msg msg;
    for (uint64_t i = 0; i < count; i++)
        bench_receive(self, &msg);
}

void bench_await(struct fl_self *self, const uint64_t *counter, uint64_t until)
{
    while (*(const volatile uint64_t *)counter < until)
        fl_yield(self);
}

struct counter {
    uint64_t count;
    uint64_t *also; /* or NULL */
};

static int counter_on_init(struct fl_self *self, void *state, const void *args)
{
    struct counter *counter = state;
    if (args != NULL) counter->also = *(uint64_t *const *)args;
    return 0;
}

static void counter_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct counter *counter = state;
    counter->count++;
    fl_self_reply(self, msg->from, msg->ref, &counter->count, sizeof counter->count);
}

static void counter_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct counter *counter = state;
    counter->count++;
    if (counter->also != NULL) ++*counter->also;
}

const struct fl_server bench_counter = {
    .name = "counter",
    .state_bytes = sizeof(struct counter),
    .on_init = counter_on_init,
    .on_call = counter_on_call,
    .on_cast = counter_on_cast,
};
