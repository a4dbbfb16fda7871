/* In which order a node ends its trees. */
#include "tests/e2e/runtime/stage.h"

#include <stdatomic.h>

#include "runtime/sup.h"

enum { ASK = 1 };

struct world {
    struct fl_node *node;
    int code;         /* of the question that the door asks while it ends */
    int inside_ended; /* after the door: 2 */
    int door_ended;   /* 1 */
    atomic_int clock;
};

struct part {
    struct world *world;
};

static int part_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct part *)state)->world = (struct world *)(uintptr_t)args;
    fl_self_trap_exits(self, true);
    return 0;
}

static void inside_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
}

static void inside_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct world *world = ((struct part *)state)->world;
    world->inside_ended = atomic_fetch_add(&world->clock, 1) + 1;
}

/* Somebody at the door still needs what is inside, and waits a little in between. */
static void door_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct world *world = ((struct part *)state)->world;
    for (int i = 0; i < 3 && world->code == 0; i++) {
        fl_pause(self, fl_ms(5));
        world->code = fl_call_name(self, "inside", ASK, NULL, 0, NULL, 0, NULL, fl_s(20));
    }
    world->door_ended = atomic_fetch_add(&world->clock, 1) + 1;
}

static const struct fl_server inside_server = {.name = "inside",
                                               .state_bytes = sizeof(struct part),
                                               .on_init = part_on_init,
                                               .on_call = inside_on_call,
                                               .on_terminate = inside_on_terminate};
static const struct fl_server door_server = {.name = "door",
                                             .state_bytes = sizeof(struct part),
                                             .on_init = part_on_init,
                                             .on_terminate = door_on_terminate};

static void start_tree(struct fl_self *self, struct world *world, const struct fl_server *server,
                       bool ends_first)
{
    const struct fl_child child = {.id = server->name,
                                   .name = server->name,
                                   .server = server,
                                   .args = world,
                                   .restart = FL_PERMANENT,
                                   .shutdown_ns = fl_s(20)};
    const struct fl_sup_opts opts = {
        .children = &child, .children_count = 1, .ends_first = ends_first};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(world->node, self, &opts, &pid), 0);
}

static void open_and_stop(struct fl_self *self, void *ptr)
{
    struct world *world = ptr;
    start_tree(self, world, &inside_server, false);
    start_tree(self, world, &door_server, true);
    fl_node_stop(world->node, 0);
}

static void play(struct world *world, int shard)
{
    struct fl_node_opts opts = {.shards = 2};
    struct scene scene = {.fn = open_and_stop, .world = world};
    struct fl_spawn_opts where = {.args = &scene, .shard = FL_SHARD(shard)};
    struct fl_spawn_opts plain = {.shard = 0};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &curtain_server, &plain, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &scene_server, &where, NULL), 0);
    stage_play(world->node);
}

static void a_tree_that_ends_first_can_still_ask_the_others(void **state)
{
    for (int shard = 0; shard < 2; shard++) {
        struct world world = {0};
        play(&world, shard);
        assert_int_equal(world.code, 0);
        assert_int_equal(world.door_ended, 1);
        assert_int_equal(world.inside_ended, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_that_ends_first_can_still_ask_the_others),
    };
    return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
