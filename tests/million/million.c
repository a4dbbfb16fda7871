/* million.c: a million supervised servers on all cores: each is called, 10,000 are killed at once
 * and come back, all are called again, and the tree is stopped in order. million [COUNT] prints
 * what each step took and what a process weighs; ends with 1 and a line that says what was wrong.
 * For the release build: tests/suites/million. */
#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>

#include "runtime/inspect.h"
#include "runtime/node.h"
#include "runtime/sup.h"

enum { SHARDS = 2, CROWDS_A_SHARD = 5, CROWDS = SHARDS * CROWDS_A_SHARD, KILL_EVERY = 100 };
enum { ASK = 1, START, CALL, KILL, CALL_AGAIN };
#define PATIENCE fl_s(120)

/* What all share. Each shard's driver and children touch their own half of it. */
struct million {
    struct fl_node *node;
    uint64_t count;      /* of all children */
    struct fl_pid *pids; /* by number; a child writes itself down when it starts */
    struct fl_pid drivers[SHARDS], top, director;
    uint64_t starts[SHARDS];
    atomic_int wrong;
    int marks_next; /* of the tree's stop, which goes backwards */
};

static void million_must(struct million *m, bool is_so, const char *what, uint64_t at)
{
    if (is_so || atomic_fetch_add(&m->wrong, 1) > 10) return;
    fprintf(stderr, "million: not so: %s (at %" PRIu64 ")\n", what, at);
}

static double million_rss(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    FL_ASSERT(statm != NULL && fscanf(statm, "%*d %ld", &pages) == 1);
    fclose(statm);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static struct million *million_of(const void *args)
{
    struct million *m;
    memcpy(&m, args, sizeof m);
    return m;
}

static int million_shard_of(uint64_t number)
{
    return (int)(number % SHARDS);
}

/* ---- one of the million */

struct member_args {
    struct million *million;
    uint64_t number;
};

static int member_on_init(struct fl_self *self, void *state, const void *args)
{
    struct member_args *member = state;
    memcpy(member, args, sizeof *member);
    member->million->pids[member->number] = fl_self_pid(self);
    member->million->starts[million_shard_of(member->number)]++;
    return 0;
}

static void member_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    const struct member_args *member = state;
    fl_self_reply(self, msg->from, msg->ref, &member->number, sizeof member->number);
}

static const struct fl_server member_server = {
    .name = "member",
    .state_bytes = sizeof(struct member_args),
    .on_init = member_on_init,
    .on_call = member_on_call,
};

/* ---- the tree: crowd/0, mark/0, crowd/1, mark/1 … A mark sees in which order they stop. */

struct mark_args {
    struct million *million;
    int number;
};

static char crowd_names[CROWDS][16], mark_names[CROWDS][16];

static int mark_on_init(struct fl_self *self, void *state, const void *args)
{
    memcpy(state, args, sizeof(struct mark_args));
    fl_self_trap_exits(self, true);
    return 0;
}

static void mark_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    const struct mark_args *mark = state;
    struct million *m = mark->million;
    int number = mark->number;
    million_must(m, reason->kind == FL_EXIT_SHUTDOWN, "a mark ends by shutdown", reason->kind);
    million_must(m, m->marks_next-- == number, "marks stop in reverse", (uint64_t)number);
    million_must(m, fl_whereis(m->node, crowd_names[number]).bits != 0,
                 "who started before it stops after it", (uint64_t)number);
    if (number + 1 < CROWDS)
        million_must(m, fl_whereis(m->node, crowd_names[number + 1]).bits == 0,
                     "who started after it stopped before it", (uint64_t)number);
}

static const struct fl_server mark_server = {
    .name = "mark",
    .state_bytes = sizeof(struct mark_args),
    .on_init = mark_on_init,
    .on_terminate = mark_on_terminate,
};

static void million_start_tree(struct fl_self *self, struct million *m)
{
    static const struct fl_child member = {.id = "member", .server = &member_server};
    static struct fl_sup_opts crowds[CROWDS];
    static struct mark_args marks[CROWDS];
    struct fl_child children[2 * CROWDS];
    for (int i = 0; i < CROWDS; i++) {
        snprintf(crowd_names[i], sizeof crowd_names[i], "crowd/%d", i);
        snprintf(mark_names[i], sizeof mark_names[i], "mark/%d", i);
        crowds[i] = (struct fl_sup_opts){.strategy = FL_SIMPLE_ONE_FOR_ONE,
                                         .max_restarts = INT32_MAX,
                                         .children = &member,
                                         .children_count = 1};
        marks[i] = (struct mark_args){.million = m, .number = i};
        children[2 * i] = (struct fl_child){.id = crowd_names[i],
                                            .name = crowd_names[i],
                                            .server = &fl_sup_server,
                                            .args = &crowds[i],
                                            .shard = FL_SHARD(i % SHARDS)};
        children[2 * i + 1] = (struct fl_child){
            .id = mark_names[i], .server = &mark_server, .args = &marks[i]};
    }
    struct fl_sup_opts top = {.children = children, .children_count = FL_COUNT(children)};
    int rc = fl_sup_start(m->node, self, &top, &m->top);
    million_must(m, rc == 0, "the tree starts", (uint64_t)-rc);
    m->marks_next = CROWDS - 1;
}

/* ---- a driver a shard: does one step with each of its half when the director says so */

struct driver_args {
    struct million *million;
    int shard;
};

static void driver_start(struct fl_self *self, struct million *m, int shard)
{
    struct fl_pid crowds[CROWDS_A_SHARD];
    for (int i = 0; i < CROWDS_A_SHARD; i++)
        crowds[i] = fl_whereis(m->node, crowd_names[i * SHARDS + shard]);
    for (uint64_t i = (uint64_t)shard; i < m->count; i += SHARDS) {
        struct member_args args = {.million = m, .number = i};
        struct fl_pid crowd = crowds[i / SHARDS % CROWDS_A_SHARD], pid;
        int rc = fl_dynamic_start_child(self, crowd, &args, sizeof args, &pid);
        million_must(m, rc == 0 && fl_pid_eq(pid, m->pids[i]), "a child starts", i);
    }
}

static void driver_call(struct fl_self *self, struct million *m, int shard)
{
    for (uint64_t i = (uint64_t)shard; i < m->count; i += SHARDS) {
        uint64_t answer = 0;
        int rc = fl_call(self, m->pids[i], ASK, NULL, 0, &answer, sizeof answer, NULL, PATIENCE);
        million_must(m, rc == 0 && answer == i, "a child answers with its number", i);
    }
}

static void driver_kill(struct fl_self *self, struct million *m, int shard)
{
    uint64_t killed = 0, before = m->starts[shard];
    for (uint64_t i = (uint64_t)shard; i < m->count; i += SHARDS) {
        if (i / SHARDS % KILL_EVERY != 0) continue;
        fl_exit(self, m->pids[i], fl_reason_of(FL_EXIT_KILL));
        killed++;
    }
    fl_ns until_ns = fl_self_now(self) + PATIENCE;
    while (*(volatile uint64_t *)&m->starts[shard] < before + killed &&
           fl_self_now(self) < until_ns)
        fl_yield(self);
    million_must(m, m->starts[shard] == before + killed, "the killed are back", m->starts[shard]);
}

static void driver_run(struct fl_self *self, const void *args, size_t len)
{
    struct driver_args driver;
    FL_ASSERT(len == sizeof driver);
    memcpy(&driver, args, len);
    struct million *m = driver.million;
    struct fl_msg msg;
    for (;;) {
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
        uint32_t step = msg.tag;
        if (step == START) driver_start(self, m, driver.shard);
        if (step == CALL || step == CALL_AGAIN) driver_call(self, m, driver.shard);
        if (step == KILL) driver_kill(self, m, driver.shard);
        fl_send(self, m->director, step, NULL, 0);
    }
}

/* ---- the director */

static void director_step(struct fl_self *self, struct million *m, uint32_t step, const char *words)
{
    fl_ns began_ns = fl_self_now(self);
    struct fl_msg msg;
    for (int i = 0; i < SHARDS; i++)
        fl_send(self, m->drivers[i], step, NULL, 0);
    for (int i = 0; i < SHARDS; i++)
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    printf("%-32s %6.2f s\n", words, (double)(fl_self_now(self) - began_ns) / 1e9);
    fflush(stdout);
}

static void director_count(struct fl_self *self, struct million *m)
{
    uint64_t active = 0;
    for (int i = 0; i < CROWDS; i++) {
        struct fl_sup_counts counts = {0};
        fl_sup_count_children(self, fl_whereis(m->node, crowd_names[i]), &counts);
        active += counts.active;
    }
    million_must(m, active == m->count, "supervisors count all of them", active);
}

static void director_stop(struct fl_self *self, struct million *m)
{
    struct fl_shard_info stats;
    fl_ns began_ns = fl_self_now(self);
    int rc = fl_sup_stop(self, m->top, fl_reason_of(FL_EXIT_SHUTDOWN), PATIENCE);
    million_must(m, rc == 0, "the tree stops", (uint64_t)-rc);
    printf("%-32s %6.2f s\n", "the tree is stopped", (double)(fl_self_now(self) - began_ns) / 1e9);
    million_must(m, m->marks_next == -1, "all marks have stopped", (uint64_t)m->marks_next);
    rc = fl_node_stats(m->node, &stats);
    million_must(m, rc == 0 && stats.procs == SHARDS + 1, "nobody is left", stats.procs);
    rc = fl_call(self, m->pids[0], ASK, NULL, 0, NULL, 0, NULL, PATIENCE);
    million_must(m, rc == FL_ENOPROC, "the dead do not answer", (uint64_t)-rc);
}

static void director_run(struct fl_self *self, const void *args, size_t len)
{
    struct million *m = million_of(args);
    m->director = fl_self_pid(self);
    double before = million_rss();
    million_start_tree(self, m);
    director_step(self, m, START, "started, each with its supervisor");
    printf("%-32s %6.0f bytes\n", "of memory each", (million_rss() - before) / (double)m->count);
    director_step(self, m, CALL, "each was called");
    director_step(self, m, KILL, "1 in 100 killed at once, all back");
    director_count(self, m);
    director_step(self, m, CALL_AGAIN, "each was called again");
    director_stop(self, m);
    fl_node_stop(m->node, 0);
}

int main(int argc, char **argv)
{
    struct million m = {.count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000}, *at = &m;
    struct fl_err err;
    if (fl_node_new(&m.node, &(struct fl_node_opts){.name = "million", .shards = SHARDS}, &err) !=
        0) {
        fprintf(stderr, "million: %s\n", err.text);
        return 1;
    }
    m.pids = fl_new_array(struct fl_pid, m.count);
    memset(m.pids, 0xff, m.count * sizeof *m.pids); /* in memory before anything is measured */
    for (int i = 0; i < SHARDS; i++) {
        struct driver_args args = {.million = &m, .shard = i};
        struct fl_spawn_opts opts = {.shard = i};
        int rc = fl_node_spawn_run(m.node, driver_run, &args, sizeof args, &opts, &m.drivers[i]);
        FL_ASSERT(rc == 0);
    }
    int rc = fl_node_spawn_run(m.node, director_run, &at, sizeof at, NULL, NULL);
    FL_ASSERT(rc == 0);
    printf("%" PRIu64 " servers on %d shards\n", m.count, SHARDS);
    rc = fl_node_run(m.node);
    fl_node_free(m.node);
    free(m.pids);
    return rc == 0 && atomic_load(&m.wrong) == 0 ? 0 : 1;
}
