#include <pthread.h>
#include <stdatomic.h>

#include "runtime/inspect.h"
#include "runtime/node.h"
#include "runtime/server.h"
#include "runtime/sys.h"
#include "runtime/trace.h"
#include "tests/support/testkit.h"

/* Questions and inspection between shards, and from a thread that is none's. */

enum { ADD = 1, PROCS = 3000 };

struct world {
    pthread_t outside;
    struct fl_node *node;
    struct fl_pid there;
    atomic_int events, ends;
    int failures;
};

static void sum_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    *(int64_t *)state += 1;
}

static void sum_on_format(const void *state, struct fl_buf *out)
{
    fl_buf_printf(out, "%d", (int)*(const int64_t *)state);
}

static const struct fl_server sum_server = {
    .name = "sum", .state_bytes = 8, .on_cast = sum_on_cast, .on_format = sum_on_format};

static int make_hundred(void *state, void *cx)
{
    *(int64_t *)state = 100;
    return *(int *)cx;
}

static void on_event(void *cx, const struct fl_trace_event *event)
{
    atomic_fetch_add(&((struct world *)cx)->events, 1);
}

static void on_end(void *cx, int code)
{
    atomic_fetch_add(&((struct world *)cx)->ends, 1);
}

#define EXPECT(condition)                                               \
    do {                                                                \
        if (condition) break;                                           \
        world->failures++;                                              \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
    } while (0)

static void ask_there(struct fl_self *self, struct world *world)
{
    char text[64];
    int ok = 0;
    struct fl_spawn_opts opts = {.shard = 1, .name = "there"};
    EXPECT(fl_spawn(self, &sum_server, &opts, &world->there) == 0);
    struct fl_trace_opts trace = {.on_event = on_event, .on_end = on_end, .cx = world};
    EXPECT(fl_trace_start(world->node, world->there, &trace) == 0);
    for (int i = 0; i < 5; i++)
        fl_send(self, world->there, ADD, NULL, 0);
    EXPECT(fl_sys_get_state(self, world->there, text, sizeof text, fl_s(30)) == 0);
    EXPECT(strcmp(text, "5") == 0);
    EXPECT(fl_sys_replace_state(self, world->there, make_hundred, &ok, fl_s(30)) == 0);
    EXPECT(fl_sys_suspend(self, world->there, fl_s(30)) == 0);
    fl_send(self, world->there, ADD, NULL, 0);
    EXPECT(fl_sys_get_state(self, world->there, text, sizeof text, fl_s(30)) == 0);
    EXPECT(strcmp(text, "100") == 0);
    EXPECT(fl_sys_resume(self, world->there, fl_s(30)) == 0);
    EXPECT(fl_sys_get_state(self, world->there, text, sizeof text, fl_s(30)) == 0);
    EXPECT(strcmp(text, "101") == 0);
    EXPECT(fl_stop(self, world->there, fl_reason_of(FL_EXIT_SHUTDOWN), fl_s(30)) == 0);
    EXPECT(fl_stop(self, world->there, fl_reason_of(FL_EXIT_SHUTDOWN), fl_s(30)) == FL_ENOPROC);
    EXPECT(atomic_load(&world->events) == 6 * 2 + 1);
    EXPECT(atomic_load(&world->ends) == 1);
}

static void inspect_here(struct world *world)
{
    struct fl_inspect seen;
    struct fl_inspect_opts opts = {.glob = "s*", .max = 10};
    EXPECT(fl_inspect(world->node, &opts, &seen) == 0);
    EXPECT(seen.procs_total == 2 * PROCS);
    EXPECT(seen.procs_count == 10);
    EXPECT(seen.shards_count == 2);
    EXPECT(seen.shards[0].procs == PROCS + 1);
    EXPECT(seen.shards[1].procs == PROCS);
    fl_inspect_fini(&seen);
    struct fl_shard_info sum;
    EXPECT(fl_node_stats(world->node, &sum) == 0);
    EXPECT(sum.procs == 2 * PROCS + 1);
}

static void *outside(void *cx)
{
    struct world *world = cx;
    inspect_here(world);
    struct fl_buf text = {0};
    EXPECT(fl_inspect_one(world->node, world->there, &text) == FL_ENOPROC);
    EXPECT(fl_inspect_tree(world->node, &text) == 0);
    EXPECT(strcmp(text.at, "[]") == 0);
    fl_buf_fini(&text);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void asker_run(struct fl_self *self, const void *args, size_t args_len)
{
    struct world *world = *(struct world *const *)args;
    struct fl_msg msg;
    ask_there(self, world);
    inspect_here(world);
    pthread_create(&world->outside, NULL, outside, world);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
}

static void shards_are_asked_from_each_other_and_from_outside(void **state)
{
    struct world world = {0}, *at = &world;
    struct fl_node_opts opts = {.shards = 2};
    assert_int_equal(fl_node_new(&world.node, &opts, NULL), 0);
    for (int i = 0; i < 2 * PROCS; i++) {
        struct fl_spawn_opts spawn = {.shard = i % 2};
        assert_int_equal(fl_node_spawn(world.node, &sum_server, &spawn, NULL), 0);
    }
    assert_int_equal(fl_node_spawn_run(world.node, asker_run, &at, sizeof at,
                                       &(struct fl_spawn_opts){.shard = 0}, NULL),
                     0);
    inspect_here(&world);
    assert_int_equal(fl_node_run(world.node), 0);
    pthread_join(world.outside, NULL); /* it may still be in fl_node_stop */
    assert_int_equal(world.failures, 0);
    fl_node_free(world.node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_asked_from_each_other_and_from_outside),
    };
    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
