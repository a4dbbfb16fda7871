/* stage.h: a real node on which a test's scenes are played, each by a process of its own that may
 * wait; after 40 s without an end it is over, with code 99. */
#ifndef TESTS_E2E_RUNTIME_STAGE_H
#define TESTS_E2E_RUNTIME_STAGE_H

#include "tests/support/testkit.h"

#include "runtime/node.h"
#include "runtime/server.h"

typedef void (*scene_fn)(struct fl_self *self, void *world);
struct scene {
    scene_fn fn;
    void *world;
};

static inline int scene_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct scene *)state = *(const struct scene *)args;
    return fl_node_send(fl_self_node(self), fl_self_pid(self), 0, NULL, 0);
}

static inline void scene_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct scene *scene = state;
    scene->fn(self, scene->world);
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static inline int curtain_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_timer_start(self, fl_s(40), 0);
    return 0;
}

static inline void curtain_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    fl_node_stop(fl_self_node(self), 99);
}

static const struct fl_server scene_server = {.name = "scene",
                                              .state_bytes = sizeof(struct scene),
                                              .on_init = scene_on_init,
                                              .on_cast = scene_on_cast};
static const struct fl_server curtain_server = {
    .name = "curtain", .on_init = curtain_on_init, .on_timer = curtain_on_timer};

static inline struct fl_node *stage_open(void)
{
    struct fl_node *node = NULL;
    struct fl_node_opts opts = {.shards = 1};
    struct fl_spawn_opts plain = {.shard = 0};
    assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
    assert_int_equal(fl_node_spawn(node, &curtain_server, &plain, NULL), 0);
    return node;
}

/** A process that plays fn(self, world) once the node runs, and ends. */
static inline struct fl_pid stage_add(struct fl_node *node, scene_fn fn, void *world)
{
    struct scene scene = {.fn = fn, .world = world};
    struct fl_spawn_opts opts = {.args = &scene};
    struct fl_pid pid = FL_NO_PID;
    assert_int_equal(fl_node_spawn(node, &scene_server, &opts, &pid), 0);
    return pid;
}

/** Runs until a scene calls fl_node_stop(node, 0). */
static inline void stage_play(struct fl_node *node)
{
    assert_int_equal(fl_node_run(node), 0);
    fl_node_free(node);
}

#endif
