/* timers.c: timers of one process. */
#include "tests/bench/runtime/bench.h"

/* The peer spreads a million over 100 seconds, a minute from now. */
static fl_ns timers_after(uint64_t i)
{
    return fl_ms(60000 + (int64_t)(i * 7919 % 100000));
}

static double timer_start_cancel(struct fl_self *self, const struct bench *bench)
{
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++)
        fl_timer_cancel(self, fl_timer_start(self, fl_ms(60000 + (int64_t)(i % 1000)), 0));
    return bench_rate(bench->n, started);
}

static double timers_run(struct fl_self *self, uint64_t n, bool of_cancels)
{
    uint64_t *refs = bench_array(self, uint64_t, n);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < n; i++)
        refs[i] = fl_timer_start(self, timers_after(i), 0);
    double starts = bench_rate(n, started);
    started = fl_now();
    for (uint64_t i = 0; i < n; i++)
        fl_timer_cancel(self, refs[i]);
    double cancels = bench_rate(n, started);
    fl_self_free(self, refs);
    return of_cancels ? cancels : starts;
}

static double timer_start(struct fl_self *self, const struct bench *bench)
{
    return timers_run(self, bench->n, false);
}

static double timer_cancel(struct fl_self *self, const struct bench *bench)
{
    return timers_run(self, bench->n, true);
}

static double timer_memory(struct fl_self *self, const struct bench *bench)
{
    double before = bench_rss();
    for (uint64_t i = 0; i < bench->n; i++)
        fl_timer_start(self, timers_after(i), 0);
    return (bench_rss() - before) / (double)bench->n;
}

static const struct bench rows[] = {
    {"timer_start_cancel", "op/s", timer_start_cancel, .n = 1000000},
    {"timer_start_1M", "op/s", timer_start, .n = 1000000},
    {"timer_cancel_1M", "op/s", timer_cancel, .n = 1000000},
    {"timer_memory", "B/timer", timer_memory, .n = 1000000, .runs = 1},
};
const struct bench_theme bench_timers = {"timers", rows, FL_COUNT(rows)};
