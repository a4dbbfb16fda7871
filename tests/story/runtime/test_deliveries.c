#include "tests/support/testkit.h"

#include "runtime/node.h"
#include "runtime/server.h"

/* What the deterministic world may do to messages and timeouts: messages that overtake each other
 * as far as they may, ends that are seen late, timeouts that do not fire, or early. */

enum { STEP = 1, NUMBER, GO, ASK, HINT };

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
        cmocka_unit_test(delayed_messages_keep_the_order_of_their_pair_and_no_other),
        cmocka_unit_test(latency_is_virtual_time),
        cmocka_unit_test(a_replay_repeats_latencies_and_deliveries),
        cmocka_unit_test(timeouts_of_a_kind_may_not_fire),
        cmocka_unit_test(a_predicate_decides_for_each_timeout),
        cmocka_unit_test(a_timeout_overtakes_work_only_when_it_may),
        cmocka_unit_test(an_answer_comes_before_the_end_of_who_gave_it),
        cmocka_unit_test(a_world_may_end_with_messages_on_their_way),
    };
    return cmocka_run_group_tests_name("deliveries", tests, NULL, NULL);
}
