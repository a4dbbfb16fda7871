#include "tests/support/testkit.h"

#include "runtime/server.h"
#include "runtime/sim_explore.h"

/* The deterministic world: orders that are found, written down and run again. */

enum { OPEN = 1, READY, USE, STEP };

/* ---- a bug of depth 2: a door must not be used between OPEN and READY.
 *
 * The owner says both in two steps, one right after the other; the client comes after many steps of
 * its own. So the client must do all of them between two steps of the owner. */

#define CHORES 14

struct house {
    struct fl_pid door, owner, client, idler;
    int chores;
    bool is_broken, is_used;
};
struct role {
    struct house *house;
    int step;
    bool is_half_open;
};

static int role_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct role *)state)->house = (struct house *)(uintptr_t)args;
    return 0;
}

static void door_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct role *role = state;
    if (msg->tag == OPEN) role->is_half_open = true;
    if (msg->tag == READY) role->is_half_open = false;
    if (msg->tag == USE) role->house->is_used = true;
    if (msg->tag == USE && role->is_half_open) role->house->is_broken = true;
}

static void owner_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct role *role = state;
    fl_send(self, role->house->door, role->step == 0 ? OPEN : READY, NULL, 0);
    if (role->step++ == 0) fl_send(self, fl_self_pid(self), STEP, NULL, 0);
}

static void client_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct role *role = state;
    if (role->step++ < role->house->chores)
        fl_send(self, fl_self_pid(self), STEP, NULL, 0);
    else
        fl_send(self, role->house->door, USE, NULL, 0);
}

static void idler_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct role *role = state;
    if (role->step++ < role->house->chores) fl_send(self, fl_self_pid(self), STEP, NULL, 0);
}

static const struct fl_server house_servers[] = {
    {"door", sizeof(struct role), role_on_init, .on_cast = door_on_cast},
    {"owner", sizeof(struct role), role_on_init, .on_cast = owner_on_cast},
    {"client", sizeof(struct role), role_on_init, .on_cast = client_on_cast},
    {"idler", sizeof(struct role), role_on_init, .on_cast = idler_on_cast},
};

static int house_setup(struct fl_node *node, void *cx)
{
    struct house *house = cx;
    struct fl_pid *pids[] = {&house->door, &house->owner, &house->client, &house->idler};
    struct fl_spawn_opts opts = {.args = house, .shard = -1};
    house->is_broken = house->is_used = false;
    if (house->chores == 0) house->chores = CHORES;
    for (size_t i = 0; i < FL_COUNT(pids); i++)
        assert_int_equal(fl_node_spawn(node, &house_servers[i], &opts, pids[i]), 0);
    for (size_t i = 1; i < FL_COUNT(pids); i++)
        fl_node_send(node, *pids[i], STEP, NULL, 0);
    return 0;
}

static int house_check(struct fl_node *node, void *cx)
{
    struct house *house = cx;
    assert_true(house->is_used);
    return house->is_broken ? -1 : 0;
}

static struct fl_sim_explore house_explore(enum fl_sim_scheduler scheduler, unsigned runs)
{
    return (struct fl_sim_explore){
        .node = {.name = "house", .seed = 1, .sim = {.scheduler = scheduler}},
        .runs = runs,
        .run_ns = fl_s(1),
        .is_quiet = true,
        .ignores_env = true,
    };
}

/* n processes and k steps: at least one run in n k^(d-1) finds it. */
static unsigned house_bound(void)
{
    struct house house = {0};
    struct fl_sim_explore explore = house_explore(FL_SIM_PCT, 2);
    struct fl_sim_found found;
    assert_int_equal(fl_sim_explore(&explore, house_setup, house_check, &house, &found), 0);
    unsigned bound = (unsigned)(found.runners * found.steps);
    assert_int_equal(found.runners, 4);
    fl_sim_found_fini(&found);
    return bound;
}

static void find_in_house(struct house *house, struct fl_sim_found *found)
{
    struct fl_sim_explore explore = house_explore(FL_SIM_PCT, 3 * house_bound());
    assert_int_equal(fl_sim_explore(&explore, house_setup, house_check, house, found), 0);
    assert_true(found->has_failed);
}

static void pct_finds_a_bug_of_depth_two_within_its_bound(void **state)
{
    struct house house = {0};
    struct fl_sim_found found, random;
    find_in_house(&house, &found);
    struct fl_sim_explore walk = house_explore(FL_SIM_RANDOM, 3 * house_bound());
    walk.shrink_runs = 1;
    assert_int_equal(fl_sim_explore(&walk, house_setup, house_check, &house, &random), 0);
    print_message("bound 1 in %u; pct: run %u; random walk: %s %u\n%s\n", house_bound(), found.runs,
                  random.has_failed ? "run" : "not in", random.runs, found.text);
    fl_sim_found_fini(&random);
    fl_sim_found_fini(&found);
}

/* Many runs, to hold the guarantee against the truth: three standard deviations below what is
 * promised would be a broken promise. */
static void pct_keeps_its_promise_over_many_runs(void **state)
{
    const unsigned promised = 12, least = promised - 3 * 3;
    struct house house = {0};
    unsigned bound = house_bound(), failed = 0;
    struct fl_sim_explore explore = house_explore(FL_SIM_PCT, 1);
    explore.node.sim.pct_steps = bound / 4;
    explore.shrink_runs = 1;
    for (unsigned i = 0; i < promised * bound; i++) {
        struct fl_sim_found found;
        explore.node.seed = 1000 + i;
        assert_int_equal(fl_sim_explore(&explore, house_setup, house_check, &house, &found), 0);
        failed += found.has_failed;
        fl_sim_found_fini(&found);
    }
    print_message("%u of %u runs failed; promised: %u\n", failed, promised * bound, promised);
    assert_true(failed >= least);
}

static void a_failing_order_replays_from_its_string(void **state)
{
    struct house house = {0};
    struct fl_sim_found found;
    find_in_house(&house, &found);
    assert_non_null(found.schedule);
    assert_true(strlen(found.schedule) < 64);
    assert_non_null(strstr(found.text, found.schedule));

    struct fl_node *node = NULL;
    struct fl_node_opts opts = {
        .name = "house",
        .simulated = true,
        .sim = {.scheduler = FL_SIM_REPLAY, .replay = found.schedule},
    };
    assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
    house_setup(node, &house);
    fl_sim_run(node, fl_s(1));
    assert_int_equal(house_check(node, &house), found.code);
    assert_int_equal(fl_sim_replayed(node, NULL), 0);
    assert_int_equal(fl_sim_trace_hash(node), found.trace_hash);
    char *again = fl_sim_schedule(node);
    assert_string_equal(again, found.schedule);
    free(again);
    fl_node_free(node);
    fl_sim_found_fini(&found);
}

static void the_environment_asks_for_one_order(void **state)
{
    struct house house = {0};
    struct fl_sim_found found, again;
    find_in_house(&house, &found);
    struct fl_sim_explore explore = house_explore(FL_SIM_FIFO, 5);
    explore.ignores_env = false;
    assert_int_equal(setenv("FL_SIM_REPLAY", found.schedule, 1), 0);
    assert_int_equal(fl_sim_explore(&explore, house_setup, house_check, &house, &again), 0);
    assert_true(again.has_failed);
    assert_int_equal(again.runs, 1);
    assert_string_equal(again.schedule, found.schedule);
    fl_sim_found_fini(&again);

    explore.node.name = "garden"; /* the string is not for this one: explored as usual */
    assert_int_equal(fl_sim_explore(&explore, house_setup, house_check, &house, &again), 0);
    assert_false(again.has_failed);
    assert_int_equal(again.runs, 5);
    fl_sim_found_fini(&again);
    assert_int_equal(unsetenv("FL_SIM_REPLAY"), 0);
    fl_sim_found_fini(&found);
}

static void expect_refused(const char *name, const char *schedule, int code, const char *words)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    struct fl_node_opts opts = {
        .name = name,
        .simulated = true,
        .sim = {.scheduler = FL_SIM_REPLAY, .replay = schedule},
    };
    assert_int_equal(fl_node_new(&node, &opts, &err), code);
    assert_string_equal(err.text, words);
}

static void a_string_of_something_else_is_refused_with_words(void **state)
{
    struct house house = {0};
    struct fl_sim_found found;
    find_in_house(&house, &found);
    expect_refused("garden", found.schedule, FL_ENOTFOUND,
                   "this schedule is of another program than \"garden\"");
    const char *cut = "this schedule was cut or mistyped: its check is wrong";
    found.schedule[strlen(found.schedule) - 3] ^= 1;
    expect_refused("house", found.schedule, FL_EPARSE, cut);
    found.schedule[strlen(found.schedule) - 3] = '\0';
    expect_refused("house", found.schedule, FL_EPARSE, cut);
    expect_refused("house", "hello", FL_EPARSE,
                   "this is no schedule: one starts with 1 and is longer");
    expect_refused("house", NULL, FL_EPARSE,
                   "this is no schedule: one starts with 1 and is longer");
    fl_sim_found_fini(&found);
}

static void a_replay_of_a_program_that_changed_says_so(void **state)
{
    struct house house = {0};
    struct fl_sim_found found;
    find_in_house(&house, &found);
    const int chores[] = {CHORES, CHORES - 1, CHORES + 1, 1};
    for (size_t i = 0; i < FL_COUNT(chores); i++) {
        struct house changed = {.chores = chores[i]};
        struct fl_node *node = NULL;
        struct fl_err err = {0};
        struct fl_node_opts opts = {
            .name = "house",
            .simulated = true,
            .sim = {.scheduler = FL_SIM_REPLAY, .replay = found.schedule},
        };
        assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
        house_setup(node, &changed);
        fl_sim_run(node, fl_s(1));
        int rc = fl_sim_replayed(node, &err);
        assert_int_equal(rc, i == 0 ? 0 : FL_EBADMSG);
        if (i > 0) assert_non_null(strstr(err.text, "program"));
        fl_node_free(node);
    }
    fl_sim_found_fini(&found);
}

static uint64_t house_hash(enum fl_sim_scheduler scheduler, uint64_t seed)
{
    struct house house = {0};
    struct fl_node *node = NULL;
    struct fl_node_opts opts = {
        .name = "house", .simulated = true, .seed = seed, .sim = {.scheduler = scheduler}};
    assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
    house_setup(node, &house);
    fl_sim_run(node, fl_s(1));
    uint64_t hash = fl_sim_trace_hash(node);
    fl_node_free(node);
    return hash;
}

static void one_seed_is_one_run(void **state)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        assert_int_equal(house_hash(FL_SIM_RANDOM, seed), house_hash(FL_SIM_RANDOM, seed));
        assert_int_equal(house_hash(FL_SIM_PCT, seed), house_hash(FL_SIM_PCT, seed));
        assert_int_not_equal(house_hash(FL_SIM_RANDOM, seed), house_hash(FL_SIM_RANDOM, seed + 1));
        assert_int_equal(house_hash(FL_SIM_FIFO, seed), house_hash(FL_SIM_FIFO, seed + 1));
    }
}

/* A long run goes into a string and back, whatever the gaps and places are. */
static void every_random_walk_replays(void **state)
{
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct house house = {.chores = (int)seed};
        struct fl_node_opts opts = {.name = "house", .simulated = true, .seed = seed << 40};
        struct fl_node *node = NULL;
        assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
        house_setup(node, &house);
        fl_sim_run(node, fl_s(1));
        char *schedule = fl_sim_schedule(node);
        uint64_t hash = fl_sim_trace_hash(node);
        fl_node_free(node);

        opts.seed = 0;
        opts.sim = (struct fl_sim_opts){.scheduler = FL_SIM_REPLAY, .replay = schedule};
        assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
        house_setup(node, &house);
        fl_sim_run(node, fl_s(1));
        assert_int_equal(fl_sim_trace_hash(node), hash);
        assert_int_equal(fl_sim_replayed(node, NULL), 0);
        assert_int_equal(fl_sim_stats(node).seed, seed << 40);
        fl_node_free(node);
        free(schedule);
    }
}

static void options_that_make_no_sense_are_refused(void **state)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    struct fl_node_opts opts = {.simulated = true, .sim = {.latency_least_ns = 1}};
    assert_int_equal(fl_node_new(&node, &opts, &err), FL_ERANGE);
    opts.sim = (struct fl_sim_opts){.scheduler = FL_SIM_PCT, .pct_depth = 1000};
    assert_int_equal(fl_node_new(&node, &opts, &err), FL_ERANGE);
    assert_string_equal(err.text, "a bug of depth 1000 is deeper than 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pct_finds_a_bug_of_depth_two_within_its_bound),
        cmocka_unit_test(pct_keeps_its_promise_over_many_runs),
        cmocka_unit_test(a_failing_order_replays_from_its_string),
        cmocka_unit_test(the_environment_asks_for_one_order),
        cmocka_unit_test(a_string_of_something_else_is_refused_with_words),
        cmocka_unit_test(a_replay_of_a_program_that_changed_says_so),
        cmocka_unit_test(one_seed_is_one_run),
        cmocka_unit_test(every_random_walk_replays),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests_name("schedules", tests, NULL, NULL);
}
