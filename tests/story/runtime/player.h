/* player.h: a story told by processes that run a function each, on a simulated node, with one
 * diary. Header only; each test is one program. */
#ifndef FL_TESTS_RUNTIME_PLAYER_H
#define FL_TESTS_RUNTIME_PLAYER_H

#include "tests/story/runtime/diary.h"

#include "runtime/node.h"
#include "runtime/server.h"

struct world {
    struct fl_node *node;
    struct fl_pid last; /* the player that was started last */
    char diary[8192];
    void *cx; /* the test's own */
};

/** What a player does. */
typedef void (*player_fn)(struct fl_self *self, struct world *world);
struct player_args {
    player_fn fn;
    struct world *world;
};

static inline void player_body(struct fl_self *self, const void *args, size_t len)
{
    struct player_args player;
    assert_int_equal(len, sizeof player);
    memcpy(&player, args, sizeof player);
    player.fn(self, player.world);
}

static inline void world_open(struct world *world, uint64_t seed)
{
    struct fl_node_opts opts = {.simulated = true, .seed = seed};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
}

static inline int world_setup(void **state)
{
    struct world *world = fl_new(struct world);
    world_open(world, 5);
    *state = world;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *world = *state;
    fl_node_free(world->node);
    free(world->cx);
    free(world);
    return 0;
}

/** Starts a player; it runs with the next world_run. */
static inline struct fl_pid world_start(struct world *world, player_fn fn)
{
    struct player_args args = {.fn = fn, .world = world};
    int rc = fl_node_spawn_run(world->node, player_body, &args, sizeof args, NULL, &world->last);
    assert_int_equal(rc, 0);
    return world->last;
}

/** Starts a player and lets this much virtual time pass. */
static inline void world_play(struct world *world, player_fn fn, fl_ns ns)
{
    world_start(world, fn);
    fl_sim_run(world->node, ns);
}

static inline bool player_is_down(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN && msg->ref == *(uint64_t *)cx;
}

/** Waits for the DOWN of a monitor and writes down why. */
static inline void player_await_down(struct fl_self *self, struct world *world, uint64_t ref)
{
    char text[96];
    struct fl_msg msg;
    assert_int_equal(fl_receive(self, player_is_down, &ref, FL_NEVER, &msg), 0);
    write_down(world, "it ended: %s\n", fl_reason_show(msg.reason, text, sizeof text));
}

/** Waits for the end of another process and writes down why. */
static inline void player_await_end(struct fl_self *self, struct world *world, struct fl_pid who)
{
    player_await_down(self, world, fl_monitor(self, who));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
