#include "tests/support/testkit.h"

#include "runtime/server.h"
#include "runtime/sim_explore.h"

/* The deterministic world: orders that are found, written down and run again; messages that
 * overtake each other as far as they may; timeouts that fire or do not. */

enum { OPEN = 1, READY, USE, STEP, NUMBER, GO, ASK, HINT };

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
    const unsigned promised = 16, least = promised - 3 * 4;
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

/* ---- delivery: each of three tells the others; the receiver writes down what came */

struct post {
    struct fl_pid sender, relay, receiver;
    char seen[64];
    size_t len;
    fl_ns last_ns;
    int code;
};
struct postman {
    struct post *post;
};

static int postman_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct postman *)state)->post = (struct post *)(uintptr_t)args;
    return 0;
}

/* Five letters to the receiver, then one to the relay, who adds five digits. */
static void postman_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct post *post = ((struct postman *)state)->post;
    bool is_sender = fl_pid_eq(fl_self_pid(self), post->sender);
    if (msg->tag == GO) {
        const char *text = is_sender ? "abcde" : "12345";
        for (size_t i = 0; i < 5; i++)
            fl_send(self, post->receiver, NUMBER, text + i, 1);
        if (is_sender) fl_send(self, post->relay, GO, NULL, 0);
        if (!is_sender) fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
    } else if (msg->tag == HINT) {
        fl_monitor(self, post->relay);
    } else {
        post->seen[post->len++] = *(const char *)msg->data;
        post->last_ns = fl_self_now(self);
    }
}

static void postman_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                            const struct fl_reason *reason)
{
    struct post *post = ((struct postman *)state)->post;
    post->seen[post->len++] = '!';
}

static const struct fl_server postman_server = {
    .name = "postman",
    .state_bytes = sizeof(struct postman),
    .on_init = postman_on_init,
    .on_cast = postman_on_cast,
    .on_down = postman_on_down,
};

static void post_run_keeping(struct post *post, const struct fl_node_opts *opts, char **schedule)
{
    struct fl_node *node = NULL;
    *post = (struct post){0};
    assert_int_equal(fl_node_new(&node, opts, NULL), 0);
    struct fl_pid *pids[] = {&post->sender, &post->relay, &post->receiver};
    struct fl_spawn_opts spawn = {.args = post, .shard = -1};
    for (size_t i = 0; i < FL_COUNT(pids); i++)
        assert_int_equal(fl_node_spawn(node, &postman_server, &spawn, pids[i]), 0);
    fl_node_send(node, post->receiver, HINT, NULL, 0);
    fl_sim_run(node, opts->sim.latency_most_ns);
    fl_node_send(node, post->sender, GO, NULL, 0);
    fl_sim_run(node, fl_s(10));
    if (schedule != NULL) *schedule = fl_sim_schedule(node);
    assert_int_equal(fl_sim_replayed(node, NULL), 0);
    fl_node_free(node);
}

static void post_run(struct post *post, const struct fl_node_opts *opts)
{
    post_run_keeping(post, opts, NULL);
}

static void expect_in_order(const char *seen, const char *letters)
{
    const char *at = seen;
    for (; *letters != '\0'; letters++) {
        at = strchr(at, *letters);
        assert_non_null(at);
    }
}

static void delayed_messages_keep_the_order_of_their_pair_and_no_other(void **state)
{
    int overtakes = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct post post;
        struct fl_node_opts opts = {.simulated = true, .seed = seed};
        post_run(&post, &opts); /* instant: what was sent first is there first */
        assert_string_equal(post.seen, "abcde12345!");

        opts.sim.delivery = FL_SIM_DELAYED;
        opts.sim.scheduler = seed % 2 == 0 ? FL_SIM_PCT : FL_SIM_RANDOM;
        opts.sim.pct_steps = 30;
        post_run(&post, &opts);
        assert_int_equal(post.len, 11);
        expect_in_order(post.seen, "abcde");
        expect_in_order(post.seen, "12345!"); /* and an end comes after what was said before it */
        overtakes += strncmp(post.seen, "abcde", 5) != 0;
    }
    print_message("%d of 60 orders with overtaking\n", overtakes);
    assert_true(overtakes > 10);
}

static void latency_is_virtual_time(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct post post;
        struct fl_node_opts opts = {.simulated = true, .seed = seed};
        opts.sim.delivery = FL_SIM_DELAYED;
        opts.sim.latency_least_ns = opts.sim.latency_most_ns = fl_ms(30);
        post_run(&post, &opts);
        assert_string_equal(post.seen, "abcde12345!"); /* all equally late: nobody overtakes */
        assert_int_equal(post.last_ns, fl_ms(30 + 60));

        opts.sim.latency_least_ns = 0;
        post_run(&post, &opts);
        expect_in_order(post.seen, "abcde");
        expect_in_order(post.seen, "12345!");
        assert_in_range(post.last_ns, fl_ms(30), fl_ms(30 + 60));
    }
}

/* Latencies are drawn, and the string knows from which seed; early timeouts are choices. */
static void a_replay_repeats_latencies_and_deliveries(void **state)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct post post, again;
        struct fl_node_opts opts = {.name = "post", .simulated = true, .seed = seed};
        opts.sim.scheduler = seed % 3 == 0 ? FL_SIM_PCT : FL_SIM_RANDOM;
        opts.sim.pct_steps = 30;
        opts.sim.delivery = FL_SIM_DELAYED;
        opts.sim.latency_most_ns = seed % 2 == 0 ? fl_ms(40) : 0;
        opts.sim.early_within_ns = fl_ms(20);
        char *schedule = NULL;
        post_run_keeping(&post, &opts, &schedule);

        opts.seed = 0;
        opts.sim.scheduler = FL_SIM_REPLAY;
        opts.sim.replay = schedule;
        post_run_keeping(&again, &opts, NULL);
        assert_string_equal(again.seen, post.seen);
        assert_int_equal(again.last_ns, post.last_ns);
        free(schedule);
    }
}

static void a_bad_latency_is_refused(void **state)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    struct fl_node_opts opts = {.simulated = true, .sim = {.latency_least_ns = 1}};
    assert_int_equal(fl_node_new(&node, &opts, &err), FL_ERANGE);
    opts.sim = (struct fl_sim_opts){.scheduler = FL_SIM_PCT, .pct_depth = 1000};
    assert_int_equal(fl_node_new(&node, &opts, &err), FL_ERANGE);
    assert_string_equal(err.text, "a bug of depth 1000 is deeper than 64");
}

/* ---- timeouts: somebody asks a clerk, who answers after some steps, or never */

struct office {
    struct fl_pid clerk, visitor;
    int steps;   /* -1: never answers */
    bool leaves; /* the clerk ends after the answer */
    int code;
    unsigned rings;
};
struct desk {
    struct office *office;
    struct fl_pid from;
    uint64_t ref;
    int step;
};

static int desk_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct desk *)state)->office = (struct office *)(uintptr_t)args;
    return 0;
}

static void clerk_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct desk *desk = state;
    desk->from = msg->from;
    desk->ref = msg->ref;
    if (desk->office->steps >= 0) fl_send(self, fl_self_pid(self), STEP, NULL, 0);
}

static void clerk_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct desk *desk = state;
    if (desk->step++ < desk->office->steps)
        fl_send(self, fl_self_pid(self), STEP, NULL, 0);
    else
        fl_self_reply(self, desk->from, desk->ref, NULL, 0);
    if (desk->step > desk->office->steps && desk->office->leaves)
        fl_self_exit(self, fl_reason_of(FL_EXIT_SHUTDOWN));
}

static void visitor_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct office *office = ((struct desk *)state)->office;
    fl_timer_start(self, fl_s(1), 1);
    fl_timer_start(self, fl_s(1), 2);
    office->code = fl_call(self, office->clerk, ASK, NULL, 0, NULL, 0, NULL, fl_s(5));
}

static void visitor_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    ((struct desk *)state)->office->rings |= tag;
}

static const struct fl_server clerk_server = {
    .name = "clerk",
    .state_bytes = sizeof(struct desk),
    .on_init = desk_on_init,
    .on_call = clerk_on_call,
    .on_cast = clerk_on_cast,
};
static const struct fl_server visitor_server = {
    .name = "visitor",
    .state_bytes = sizeof(struct desk),
    .on_init = desk_on_init,
    .on_cast = visitor_on_cast,
    .on_timer = visitor_on_timer,
};

static void office_run(struct office *office, int steps, uint64_t seed,
                       const struct fl_sim_opts *sim)
{
    struct fl_node *node = NULL;
    struct fl_node_opts opts = {.simulated = true, .seed = seed, .sim = *sim};
    *office = (struct office){.steps = steps, .leaves = office->leaves, .code = 1};
    struct fl_spawn_opts spawn = {.args = office, .shard = -1};
    assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
    assert_int_equal(fl_node_spawn(node, &clerk_server, &spawn, &office->clerk), 0);
    assert_int_equal(fl_node_spawn(node, &visitor_server, &spawn, &office->visitor), 0);
    fl_node_send(node, office->visitor, GO, NULL, 0);
    fl_sim_run(node, fl_s(3600));
    fl_node_free(node);
}

static void timeouts_of_a_kind_may_not_fire(void **state)
{
    struct office office = {0};
    office_run(&office, -1, 1, &(struct fl_sim_opts){0});
    assert_int_equal(office.code, FL_ETIMEOUT);
    assert_int_equal(office.rings, 3);

    office_run(&office, -1, 1, &(struct fl_sim_opts){.never = FL_SIM_CALL_WAITS});
    assert_int_equal(office.code, 1); /* it still waits, after an hour */
    assert_int_equal(office.rings, 0);

    office_run(&office, 3, 1, &(struct fl_sim_opts){.never = FL_SIM_USER_TIMERS});
    assert_int_equal(office.code, 0);
    assert_int_equal(office.rings, 0);
}

static bool only_the_second(void *cx, const struct fl_sim_timeout *timeout)
{
    const struct office *office = cx;
    if (timeout->kind != FL_SIM_USER_TIMERS) return true;
    assert_true(fl_pid_eq(timeout->owner, office->visitor));
    assert_int_equal(timeout->due_ns, fl_s(1));
    return timeout->tag == 2;
}

static void a_predicate_decides_for_each_timeout(void **state)
{
    struct office office = {0};
    struct fl_sim_opts sim = {.may_fire = only_the_second, .may_fire_cx = &office};
    office_run(&office, -1, 1, &sim);
    assert_int_equal(office.code, FL_ETIMEOUT);
    assert_int_equal(office.rings, 2);
}

static void a_timeout_overtakes_work_only_when_it_may(void **state)
{
    int late = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct office office = {0};
        office_run(&office, 10, seed, &(struct fl_sim_opts){0});
        assert_int_equal(office.code, 0); /* work takes no time at all */
        office_run(&office, 10, seed, &(struct fl_sim_opts){.early_within_ns = fl_ms(500)});
        assert_int_equal(office.code, 0); /* and that timeout is farther than this */
        office_run(&office, 0, seed, &(struct fl_sim_opts){.early_within_ns = FL_NEVER});
        assert_true(office.code == 0 || office.code == FL_ETIMEOUT);
        late += office.code == FL_ETIMEOUT;
    }
    print_message("%d of 40 orders with a late answer\n", late);
    assert_in_range(late, 5, 35);
}

static void an_answer_comes_before_the_end_of_who_gave_it(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct office office = {.leaves = true};
        struct fl_sim_opts sim = {.delivery = FL_SIM_DELAYED};
        if (seed % 2 == 0) sim.latency_most_ns = fl_ms(100);
        office_run(&office, 1, seed, &sim);
        assert_int_equal(office.code, 0);
    }
}

/* What is on its way when the world ends is freed with it. */
static void a_world_may_end_with_messages_on_their_way(void **state)
{
    struct post post = {0};
    struct fl_node *node = NULL;
    struct fl_node_opts opts = {.simulated = true};
    opts.sim.delivery = FL_SIM_DELAYED;
    opts.sim.latency_least_ns = opts.sim.latency_most_ns = fl_s(1);
    assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
    struct fl_spawn_opts spawn = {.args = &post, .shard = -1};
    assert_int_equal(fl_node_spawn(node, &postman_server, &spawn, &post.sender), 0);
    assert_int_equal(fl_node_spawn(node, &postman_server, &spawn, &post.receiver), 0);
    fl_node_send(node, post.sender, GO, NULL, 0);
    assert_int_equal(fl_sim_run(node, fl_ms(1)), 1);
    assert_int_equal(post.len, 0);
    fl_node_free(node);
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
        cmocka_unit_test(delayed_messages_keep_the_order_of_their_pair_and_no_other),
        cmocka_unit_test(latency_is_virtual_time),
        cmocka_unit_test(a_replay_repeats_latencies_and_deliveries),
        cmocka_unit_test(a_bad_latency_is_refused),
        cmocka_unit_test(timeouts_of_a_kind_may_not_fire),
        cmocka_unit_test(a_predicate_decides_for_each_timeout),
        cmocka_unit_test(a_timeout_overtakes_work_only_when_it_may),
        cmocka_unit_test(an_answer_comes_before_the_end_of_who_gave_it),
        cmocka_unit_test(a_world_may_end_with_messages_on_their_way),
    };
    return cmocka_run_group_tests_name("schedules", tests, NULL, NULL);
}
