/* tasks.c: a function over many inputs at once, a process each. */
#include "runtime/task.h"
#include "tests/bench/runtime/bench.h"

static void task_add_one(struct fl_self *self, const void *args, size_t len)
{
    uint64_t i;
    memcpy(&i, args, sizeof i);
    i++;
    fl_task_return(self, &i, sizeof i);
}

static double pmap(struct fl_self *self, const struct bench *bench)
{
    struct fl_task *tasks = bench_array(self, struct fl_task, bench->n);
    fl_ns started = fl_now();
    for (uint64_t i = 0; i < bench->n; i++) {
        int rc = fl_task_async(self, task_add_one, &i, sizeof i, &tasks[i]);
        FL_ASSERT(rc == 0);
    }
    for (uint64_t i = 0; i < bench->n; i++) {
        uint64_t result;
        int rc = fl_task_await(self, &tasks[i], &result, sizeof result, NULL, FL_NEVER);
        FL_ASSERT(rc == 0 && result == i + 1);
    }
    double rate = bench_rate(bench->n, started);
    fl_self_free(self, tasks);
    return rate;
}

static const struct bench rows[] = {
    {"pmap_100k", "task/s", pmap, .n = 100000},
};
const struct bench_theme bench_tasks = {"tasks", rows, FL_COUNT(rows)};
