#include "tests/story/runtime/diary.h"

#include "runtime/base/rng.h"
#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/server.h"

/* Starting and ending servers: on_init, on_terminate, suspension, and that a seed is a seed. */

struct world {
    struct fl_node *node;
    struct fl_pid parent, child, stranger;
    char diary[4096];
    int code, exits;
    uint64_t hash;
};

struct kid_args {
    struct world *world;
    bool traps, spawns_slowly;
    int init_code;
};

typedef void (*act_fn)(struct fl_self *self, struct world *world);
struct act {
    act_fn fn;
    struct world *world;
};
enum { ACT = 1, WORD, SLOW };

static int kid_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct kid_args *kid = args;
    *(struct world **)state = kid->world;
    fl_self_trap_exits(self, kid->traps);
    if (kid->spawns_slowly) {
        write_down(kid->world, "init begins\n");
        fl_call(self, kid->world->stranger, SLOW, NULL, 0, NULL, 0, NULL, fl_s(1));
        write_down(kid->world, "init ends\n");
    }
    return kid->init_code;
}

static void kid_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct act act;
    if (msg->tag == WORD) {
        write_down(*(struct world **)state, "word %.*s\n", (int)msg->len, (const char *)msg->data);
        return;
    }
    memcpy(&act, msg->data, sizeof act);
    act.fn(self, act.world);
}

static void kid_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}

static void kid_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                        const struct fl_reason *reason)
{
    char text[96];
    struct world *world = *(struct world **)state;
    world->exits++;
    write_down(world, "exit %s\n", fl_reason_show(reason, text, sizeof text));
}

static void kid_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    char text[96];
    write_down(*(struct world **)state, "terminate %s\n",
               fl_reason_show(reason, text, sizeof text));
}

static const struct fl_server kid_server = {
    .name = "kid",
    .state_bytes = sizeof(struct world *),
    .on_init = kid_on_init,
    .on_cast = kid_on_cast,
    .on_call = kid_on_call,
    .on_exit = kid_on_exit,
    .on_terminate = kid_on_terminate,
};

static const struct fl_server bare_server = {.name = "bare"};

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 9};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    struct kid_args args = {.world = world, .traps = true};
    struct fl_spawn_opts spawn = {.args = &args};
    assert_int_equal(fl_node_spawn(world->node, &kid_server, &spawn, &world->parent), 0);
    args.traps = false;
    assert_int_equal(fl_node_spawn(world->node, &kid_server, &spawn, &world->stranger), 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fl_node_free(world->node);
    free(world);
    return 0;
}

static void act(struct world *world, struct fl_pid who, act_fn fn)
{
    struct act act = {.fn = fn, .world = world};
    assert_int_equal(fl_node_send(world->node, who, ACT, &act, sizeof act), 0);
    fl_sim_run(world->node, 0);
}

static void spawn_child(struct fl_self *self, struct world *world, bool traps, int init_code,
                        bool slow)
{
    struct kid_args args = {
        .world = world, .traps = traps, .init_code = init_code, .spawns_slowly = slow};
    struct fl_spawn_opts opts = {
        .args = &args, .name = "child", .link_to = fl_self_pid(self), .shard = -1};
    world->code = fl_spawn(self, &kid_server, &opts, &world->child);
    if (slow) write_down(world, "spawned %d\n", world->code);
}

static void spawn_plain(struct fl_self *self, struct world *world)
{
    spawn_child(self, world, false, 0, false);
}
static void spawn_trapping(struct fl_self *self, struct world *world)
{
    spawn_child(self, world, true, 0, false);
}
static void spawn_failing(struct fl_self *self, struct world *world)
{
    spawn_child(self, world, false, FL_EREFUSED, false);
}
static void spawn_slow(struct fl_self *self, struct world *world)
{
    spawn_child(self, world, false, 0, true);
}

static void c59_a_start_waits_until_on_init_is_done(void **state)
{
    struct world *w = *state;
    act(w, w->parent, spawn_slow);
    expect_diary(w, "init begins\n"); /* its on_init waits; others can run */
    fl_node_send(w->node, w->stranger, WORD, "free", 4);
    fl_sim_run(w->node, 0);
    expect_diary(w, "word free\n");
    fl_sim_run(w->node, fl_s(1));
    expect_diary(w, "init ends\nspawned 0\n");
}

static void c61_a_failing_on_init_frees_the_name_and_tells_the_linked(void **state)
{
    struct world *w = *state;
    act(w, w->parent, spawn_failing);
    assert_int_equal(w->code, FL_EREFUSED);
    assert_int_equal(fl_whereis(w->node, "child").bits, 0);
    expect_diary(w, "exit error: refused\n");
    assert_int_equal(w->exits, 1);
}

static void c65_a_starter_that_is_killed_takes_the_half_started_child_along(void **state)
{
    struct world *w = *state;
    act(w, w->parent, spawn_slow);
    assert_true(fl_whereis(w->node, "child").bits != 0);
    fl_node_exit(w->node, w->parent, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, fl_s(2));
    assert_int_equal(fl_whereis(w->node, "child").bits, 0);
    expect_diary(w, "init begins\n");
}

static void c68_a_taken_name_refuses_the_start(void **state)
{
    struct world *w = *state;
    act(w, w->parent, spawn_plain);
    act(w, w->parent, spawn_plain);
    assert_int_equal(w->code, FL_ETAKEN);
    expect_diary(w, "");
}

/* Case 96: who says what to a server that traps or not, and what it runs. */
static void exit_child(struct fl_self *self, struct world *world, enum fl_exit_kind kind)
{
    fl_exit(self, world->child, fl_reason_of(kind));
}
static void exit_normal(struct fl_self *self, struct world *world)
{
    exit_child(self, world, FL_EXIT_NORMAL);
}
static void exit_error(struct fl_self *self, struct world *world)
{
    exit_child(self, world, FL_EXIT_ERROR);
}
static void exit_shutdown(struct fl_self *self, struct world *world)
{
    exit_child(self, world, FL_EXIT_SHUTDOWN);
}
static void exit_kill(struct fl_self *self, struct world *world)
{
    exit_child(self, world, FL_EXIT_KILL);
}
static void stop_itself(struct fl_self *self, struct world *world)
{
    fl_self_exit(self, fl_reason_of(FL_EXIT_SHUTDOWN));
}
static void fail_itself(struct fl_self *self, struct world *world)
{
    fl_self_fail(self, FL_EBADMSG);
}

enum who { PARENT, STRANGER, ITSELF };
struct row {
    bool traps;
    enum who who;
    act_fn fn;
    const char *diary; /* the parent, which traps, notes the end of its linked child */
};

static void c96_who_ends_it_and_how_decides_what_it_runs(void **state)
{
    static const struct row rows[] = {
        {false, PARENT, exit_normal, ""},
        {true, PARENT, exit_normal, "terminate normal\nexit normal\n"},
        {false, PARENT, exit_error, "exit error\n"},
        {true, PARENT, exit_error, "terminate error\nexit error\n"},
        {false, STRANGER, exit_shutdown, "exit shutdown\n"},
        {true, STRANGER, exit_shutdown, "exit shutdown\n"}, /* as a message; it lives */
        {false, STRANGER, exit_kill, "exit killed\n"},
        {true, STRANGER, exit_kill, "exit killed\n"},
        {false, STRANGER, exit_normal, ""},
        {true, STRANGER, exit_normal, "exit normal\n"}, /* as a message; it lives */
        {false, ITSELF, stop_itself, "terminate shutdown\nexit shutdown\n"},
        {true, ITSELF, stop_itself, "terminate shutdown\nexit shutdown\n"},
        {false, ITSELF, fail_itself, "terminate error: bad message\nexit error: bad message\n"},
        {true, ITSELF, fail_itself, "terminate error: bad message\nexit error: bad message\n"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        act(w, w->parent, rows[i].traps ? spawn_trapping : spawn_plain);
        assert_int_equal(w->code, 0);
        struct fl_pid whos[] = {w->parent, w->stranger, w->child};
        act(w, whos[rows[i].who], rows[i].fn);
        expect_diary(w, rows[i].diary);
        fl_node_exit(w->node, w->child, fl_reason_of(FL_EXIT_KILL));
        fl_sim_run(w->node, 0);
        w->diary[0] = '\0';
    }
}

static void a_missing_callback_ends_the_process_and_says_which(void **state)
{
    struct world *w = *state;
    struct fl_spawn_opts opts = {.link_to = w->parent, .shard = -1};
    struct fl_pid bare = FL_NO_PID;
    assert_int_equal(fl_node_spawn(w->node, &bare_server, &opts, &bare), 0);
    fl_node_send(w->node, bare, WORD, NULL, 0);
    fl_sim_run(w->node, 0);
    expect_diary(w, "exit error: bare has no on_cast\n");
}

static void d103_suspension_keeps_messages_and_their_order(void **state)
{
    struct world *w = *state;
    act(w, w->parent, spawn_plain);
    assert_int_equal(fl_control_suspend(w->node, "child"), 0);
    assert_int_equal(fl_control_suspend(w->node, "nobody"), FL_ENOPROC);
    fl_node_send(w->node, w->child, WORD, "1", 1);
    fl_node_send(w->node, w->child, WORD, "2", 1);
    fl_sim_run(w->node, fl_s(1));
    expect_diary(w, "");
    assert_int_equal(fl_control_resume(w->node, "child"), 0);
    fl_sim_run(w->node, 0);
    expect_diary(w, "word 1\nword 2\n");
}

static void d104_a_suspended_process_obeys_its_parent(void **state)
{
    struct world *w = *state;
    act(w, w->parent, spawn_trapping);
    fl_control_suspend(w->node, "child");
    fl_sim_run(w->node, 0);
    act(w, w->parent, exit_shutdown);
    expect_diary(w, "terminate shutdown\nexit shutdown\n");
}

static void a_crash_cannot_be_trapped_and_keeps_its_name(void **state)
{
    struct world *w = *state;
    act(w, w->parent, spawn_trapping);
    assert_int_equal(fl_control_exit(w->node, "child", fl_reason_of(FL_EXIT_CRASH)), 0);
    fl_sim_run(w->node, 0);
    expect_diary(w, "exit crash\n");
    assert_int_equal(fl_control_exit(w->node, "child", fl_reason_of(FL_EXIT_CRASH)), FL_ENOPROC);
}

/* ---- the same seed gives the same run, another seed another one */

struct talker {
    uint64_t *hash;
    uint32_t id;
};

static int talker_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct talker *)state = *(const struct talker *)args;
    return 0;
}

static void talker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct talker *talker = state;
    uint32_t hops;
    memcpy(&hops, msg->data, sizeof hops);
    *talker->hash = fl_hash_bytes(&(uint64_t[]){*talker->hash, talker->id}, 16);
    if (hops == 0) return;
    char name[16];
    snprintf(name, sizeof name, "%u", (talker->id * 7 + hops) % 20);
    hops--;
    fl_send(self, fl_whereis(fl_self_node(self), name), WORD, &hops, sizeof hops);
}

static const struct fl_server talker_server = {
    .name = "talker",
    .state_bytes = sizeof(struct talker),
    .on_init = talker_on_init,
    .on_cast = talker_on_cast,
};

static uint64_t run_talk(uint64_t seed)
{
    uint64_t hash = 1;
    struct fl_node *node = NULL;
    struct fl_node_opts opts = {.simulated = true, .seed = seed};
    assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
    for (uint32_t i = 0; i < 20; i++) {
        struct talker args = {.hash = &hash, .id = i};
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        struct fl_spawn_opts spawn = {.name = name, .args = &args};
        struct fl_pid pid;
        assert_int_equal(fl_node_spawn(node, &talker_server, &spawn, &pid), 0);
        fl_node_send(node, pid, WORD, &(uint32_t){50}, sizeof(uint32_t));
    }
    assert_int_equal(fl_sim_run(node, fl_s(1)), 20 * 51);
    fl_node_free(node);
    return hash;
}

static void one_seed_is_one_order(void **state)
{
    assert_int_equal(run_talk(1), run_talk(1));
    assert_true(run_talk(1) != run_talk(2));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(c59_a_start_waits_until_on_init_is_done),
        STORY(c61_a_failing_on_init_frees_the_name_and_tells_the_linked),
        STORY(c65_a_starter_that_is_killed_takes_the_half_started_child_along),
        STORY(c68_a_taken_name_refuses_the_start),
        STORY(c96_who_ends_it_and_how_decides_what_it_runs),
        STORY(a_missing_callback_ends_the_process_and_says_which),
        STORY(d103_suspension_keeps_messages_and_their_order),
        STORY(d104_a_suspended_process_obeys_its_parent),
        STORY(a_crash_cannot_be_trapped_and_keeps_its_name),
        cmocka_unit_test(one_seed_is_one_order),
    };
    return cmocka_run_group_tests_name("servers", tests, NULL, NULL);
}
