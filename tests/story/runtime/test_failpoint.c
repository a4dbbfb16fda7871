#include "tests/story/runtime/diary.h"

#include "runtime/base/failpoint.h"
#include "runtime/node.h"
#include "runtime/sup.h"

/* The runtime's own limits are made to be reached: what its users see is what they would see of a
 * full mailbox or a full node. Time is virtual. */

struct world {
    struct fl_node *node;
    struct fl_pid hearer;
    char diary[4096];
};

static struct world *world_of(const void *ptr)
{
    return *(struct world *const *)ptr;
}

static int hearer_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct world **)state = (struct world *)(uintptr_t)args;
    return 0;
}

static void hearer_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    write_down(world_of(state), "heard %u %.*s\n", msg->tag, (int)msg->len,
               (const char *)msg->data);
}

static const struct fl_server hearer_server = {.name = "hearer",
                                               .state_bytes = sizeof(struct world *),
                                               .on_init = hearer_on_init,
                                               .on_cast = hearer_on_cast};

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 1};
    struct fl_spawn_opts named = {.name = "hearer", .args = world};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &hearer_server, &named, &world->hearer), 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fl_failpoint_disable_all();
    fl_node_free(world->node);
    free(world);
    return 0;
}

static void run(struct world *world, fl_run_fn fn)
{
    assert_int_equal(fl_node_spawn_run(world->node, fn, &world, sizeof world, NULL, NULL), 0);
    fl_sim_run(world->node, fl_s(10));
}

static void enable(const char *name, uint64_t nth)
{
    struct fl_failpoint_opts opts = {.nth = nth, .once = true};
    assert_int_equal(fl_failpoint_enable(name, &opts), 0);
}

/* ---- sending */

static void send_in_all_ways(struct fl_self *self, const void *args, size_t args_len)
{
    struct world *world = world_of(args);
    struct fl_shared *block = fl_shared_new("many", 4);
    for (int i = 0; i < 2; i++) {
        if (i == 0) enable("faultline/send", 1);
        write_down(world, "send %s\n", fl_code_name(fl_send(self, world->hearer, 1, "one", 3)));
        if (i == 0) enable("faultline/send", 1);
        int code = fl_send_shared(self, world->hearer, 2, fl_shared_retain(block));
        write_down(world, "send_shared %s\n", fl_code_name(code));
        if (i == 0) enable("faultline/send", 1);
        code = fl_send_name(self, "hearer", 3, "name", 4);
        write_down(world, "send_name %s\n", fl_code_name(code));
        if (i == 0) enable("faultline/send", 1);
        code = fl_node_send(world->node, world->hearer, 4, "node", 4);
        write_down(world, "node_send %s\n", fl_code_name(code));
    }
    fl_shared_release(block);
}

static void a_send_that_fails_is_told_as_a_full_mailbox_and_nothing_arrives(void **state)
{
    struct world *world = *state;
    run(world, send_in_all_ways);
    expect_diary(world, "send full\nsend_shared full\nsend_name full\nnode_send full\n"
                        "send ok\nsend_shared ok\nsend_name ok\nnode_send ok\n"
                        "heard 1 one\nheard 2 many\nheard 3 name\nheard 4 node\n");
}

/* ---- spawning */

static int kid_on_init(struct fl_self *self, void *state, const void *args)
{
    write_down((struct world *)(uintptr_t)args, "kid starts\n");
    return 0;
}

static void kid_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_fail(self, FL_EIO);
}

static const struct fl_server kid_server = {
    .name = "kid", .on_init = kid_on_init, .on_cast = kid_on_cast};

static void nothing(struct fl_self *self, const void *args, size_t args_len) {}

static void spawn_in_all_ways(struct fl_self *self, const void *args, size_t args_len)
{
    struct world *world = world_of(args);
    struct fl_spawn_opts opts = {.args = world, .shard = -1};
    struct fl_pid pid;
    uint64_t ref;
    for (int i = 0; i < 2; i++) {
        if (i == 0) enable("faultline/spawn", 1);
        int code = fl_spawn(self, &kid_server, &opts, &pid);
        write_down(world, "spawn %s\n", fl_code_name(code));
        if (i == 0) enable("faultline/spawn", 1);
        code = fl_spawn_run(self, nothing, NULL, 0, NULL, NULL);
        write_down(world, "spawn_run %s\n", fl_code_name(code));
        if (i == 0) enable("faultline/spawn", 1);
        code = fl_spawn_run_link(self, nothing, NULL, 0, NULL, NULL);
        write_down(world, "spawn_run_link %s\n", fl_code_name(code));
        if (i == 0) enable("faultline/spawn", 1);
        code = fl_spawn_run_monitor(self, nothing, NULL, 0, NULL, &pid, &ref);
        write_down(world, "spawn_run_monitor %s\n", fl_code_name(code));
    }
}

static void a_spawn_that_fails_is_told_as_a_full_node_and_leaves_nothing(void **state)
{
    struct world *world = *state;
    run(world, spawn_in_all_ways);
    expect_diary(world,
                 "spawn full\nspawn_run full\nspawn_run_link full\nspawn_run_monitor full\n"
                 "kid starts\nspawn ok\nspawn_run ok\nspawn_run_link ok\nspawn_run_monitor ok\n");
    enable("faultline/spawn", 1);
    assert_int_equal(fl_node_spawn_run(world->node, nothing, NULL, 0, NULL, NULL), FL_EFULL);
    enable("faultline/spawn", 1);
    assert_int_equal(
        fl_node_spawn(world->node, &kid_server, &(struct fl_spawn_opts){.shard = -1}, NULL),
        FL_EFULL);
}

static void fail_the_kid(struct fl_self *self, const void *args, size_t args_len)
{
    enable("faultline/spawn", 1);
    fl_send_name(self, "kid", 1, NULL, 0);
}

static void a_child_that_cannot_be_started_again_is_tried_once_more(void **state)
{
    struct world *world = *state;
    const struct fl_child kid = {.id = "kid", .name = "kid", .server = &kid_server, .args = world};
    const struct fl_sup_opts sup = {
        .max_restarts = 5, .within_ns = fl_s(5), .children = &kid, .children_count = 1};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(world->node, NULL, &sup, &pid), 0);
    expect_diary(world, "kid starts\n");
    run(world, fail_the_kid);
    assert_int_equal(fl_failpoint_hits("faultline/spawn"), 1);
    expect_diary(world, "kid starts\n");
    assert_true(fl_whereis(world->node, "kid").bits != 0);

    enable("faultline/spawn", 2); /* the supervisor itself is the first */
    assert_int_equal(fl_sup_start(world->node, NULL, &sup, &pid), FL_EFULL);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_send_that_fails_is_told_as_a_full_mailbox_and_nothing_arrives),
        STORY(a_spawn_that_fails_is_told_as_a_full_node_and_leaves_nothing),
        STORY(a_child_that_cannot_be_started_again_is_tried_once_more),
    };
    return cmocka_run_group_tests_name("failpoint", tests, NULL, NULL);
}
