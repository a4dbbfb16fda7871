/* main.c: bench_runtime [NAME…]: makes the measurements of these names or themes, else all, and
 * prints `name value unit` lines. bench_runtime --list [NAME…] prints their names instead. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/runtime/bench.h"

static const struct bench_theme *const themes[] = {
    &bench_spawn, &bench_messages, &bench_call, &bench_links, &bench_timers,
    &bench_misc,  &bench_memory,   &bench_sup,  &bench_tasks, &bench_broadcast,
};

static void main_report(const struct bench *bench, double value)
{
    printf(value >= 1000 ? "%s %.0f %s\n" : "%s %.3f %s\n", bench->name, value, bench->unit);
    fflush(stdout);
}

static void main_driver(struct fl_self *self, const void *args, size_t args_len)
{
    const struct bench *bench;
    memcpy(&bench, args, sizeof bench);
    bool is_rate = strstr(bench->unit, "/s") != NULL;
    int runs = bench->runs > 0 ? bench->runs : 3;
    double best = bench->run(self, bench);
    for (int i = 1; i < runs; i++) {
        double value = bench->run(self, bench);
        if (is_rate ? value > best : value < best) best = value;
    }
    main_report(bench, best);
    fl_node_stop(fl_self_node(self), 0);
}

static int main_node(const struct bench *bench)
{
    struct fl_node *node;
    struct fl_err err;
    if (fl_node_new(&node, &(struct fl_node_opts){.name = "bench", .shards = bench->shards},
                    &err) != 0) {
        fprintf(stderr, "bench_runtime: %s\n", err.text);
        return 1;
    }
    int rc = fl_node_spawn_run(
        node, main_driver, &bench, sizeof bench,
        &(struct fl_spawn_opts){.mailbox_max = FL_MAILBOX_UNBOUNDED, .shard = 0}, NULL);
    FL_ASSERT(rc == 0);
    rc = fl_node_run(node);
    fl_node_free(node);
    return rc;
}

/* In an OS process of its own: what one measurement leaves in memory is not there for the next. */
static bool main_measure(const struct bench *bench)
{
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(main_node(bench));
    }
    int status = -1;
    if (child > 0 && waitpid(child, &status, 0) == child && status == 0) return true;
    fprintf(stderr, "bench_runtime: %s failed, status 0x%x\n", bench->name, (unsigned)status);
    return false;
}

static bool main_is_wanted(const struct bench_theme *theme, const struct bench *bench, char **names)
{
    if (*names == NULL) return true;
    for (; *names != NULL; names++)
        if (strcmp(*names, bench->name) == 0 || strcmp(*names, theme->name) == 0) return true;
    return false;
}

int main(int argc, char **argv)
{
    char **names = argv + 1;
    bool is_list = argc > 1 && strcmp(argv[1], "--list") == 0;
    if (is_list) names++;
    int found = 0, failed = 0;
    for (size_t t = 0; t < FL_COUNT(themes); t++) {
        for (size_t i = 0; i < themes[t]->count; i++) {
            const struct bench *bench = &themes[t]->rows[i];
            if (!main_is_wanted(themes[t], bench, names)) continue;
            found++;
            if (is_list)
                puts(bench->name);
            else if (!main_measure(bench))
                failed++;
        }
    }
    if (found == 0) fputs("bench_runtime: no such measurement; see --list\n", stderr);
    return found == 0 ? 64 : failed > 0;
}
