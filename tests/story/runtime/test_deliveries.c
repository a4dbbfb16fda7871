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
    fl_send_after_name(self, "nobody", fl_s(1), 2);
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
    assert_true(fl_pid_eq(timeout->owner, office->visitor) || timeout->owner.bits == 0);
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

/* ---- bodies: every fl_receive is a step, and every end is a message on its way */

struct street {
    struct fl_node *node;
    struct fl_pid a, b, c;
    char seen[32];
    size_t len;
    int phase, code;
};

static struct fl_pid street_start(struct street *street, fl_run_fn fn)
{
    struct fl_pid pid = FL_NO_PID;
    assert_int_equal(
        fl_node_spawn_run(street->node, fn, &street, sizeof(struct street *), NULL, &pid), 0);
    return pid;
}

static struct street *street_of(const void *args)
{
    struct street *street;
    memcpy(&street, args, sizeof street);
    return street;
}

static void street_open(struct street *street, uint64_t seed, const struct fl_sim_opts *sim)
{
    struct fl_node_opts opts = {.simulated = true, .seed = seed, .sim = *sim};
    *street = (struct street){0};
    assert_int_equal(fl_node_new(&street->node, &opts, NULL), 0);
}

static void takes_two(struct fl_self *self, const void *args, size_t len)
{
    struct street *street = street_of(args);
    struct fl_msg msg;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fl_receive(self, NULL, NULL, FL_NEVER, &msg), 0);
        street->seen[street->len++] = (char)('0' + street->phase);
    }
}

static void moves_on(struct fl_self *self, const void *args, size_t len)
{
    street_of(args)->phase = 1;
}

static void another_runs_between_two_messages_of_a_body(void **state)
{
    int counts[3] = {0};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct street street;
        street_open(&street, seed, &(struct fl_sim_opts){0});
        street.a = street_start(&street, takes_two);
        street_start(&street, moves_on);
        fl_node_send(street.node, street.a, GO, NULL, 0);
        fl_node_send(street.node, street.a, GO, NULL, 0);
        fl_sim_run(street.node, 0);
        counts[0] += strcmp(street.seen, "00") == 0;
        counts[1] += strcmp(street.seen, "01") == 0;
        counts[2] += strcmp(street.seen, "11") == 0;
        fl_node_free(street.node);
    }
    for (size_t i = 0; i < FL_COUNT(counts); i++)
        assert_true(counts[i] > 0);
    assert_int_equal(counts[0] + counts[1] + counts[2], 60);
}

static void waits_a_second(struct fl_self *self, const void *args, size_t len)
{
    struct street *street = street_of(args);
    struct fl_msg msg;
    fl_pause(self, fl_s(1));
    street->phase = 1;
    street->code = fl_receive(self, NULL, NULL, fl_s(1), &msg);
    street->phase = 2;
}

static void a_receive_may_wait_for_ever_and_a_pause_may_not(void **state)
{
    struct street street;
    street_open(&street, 1, &(struct fl_sim_opts){.never = FL_SIM_RECEIVE_WAITS});
    street_start(&street, waits_a_second);
    fl_sim_run(street.node, fl_s(3600));
    assert_int_equal(street.phase, 1);
    fl_node_free(street.node);

    street_open(&street, 1, &(struct fl_sim_opts){.never = FL_SIM_CALL_WAITS});
    street_start(&street, waits_a_second);
    fl_sim_run(street.node, fl_s(2));
    assert_int_equal(street.phase, 2);
    assert_int_equal(street.code, FL_ETIMEOUT);
    fl_node_free(street.node);
}

/* Writes down tags; `!` for a DOWN. */
static void writes_down(struct fl_self *self, const void *args, size_t len)
{
    struct street *street = street_of(args);
    struct fl_msg msg;
    fl_monitor(self, street->a);
    while (fl_receive(self, NULL, NULL, FL_NEVER, &msg) == 0)
        street->seen[street->len++] = msg.kind == FL_MSG_DOWN ? '!' : (char)msg.tag;
}

static void ends_when_told(struct fl_self *self, const void *args, size_t len)
{
    struct fl_msg msg;
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
}

static void tells_of_the_end(struct fl_self *self, const void *args, size_t len)
{
    struct street *street = street_of(args);
    struct fl_msg msg;
    fl_monitor(self, street->a);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    fl_send(self, street->b, 'x', NULL, 0);
}

/* News of an end, by somebody who has seen it, may be there before the end is. */
static void an_end_may_be_seen_late(void **state)
{
    int late = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        for (int delivery = FL_SIM_INSTANT; delivery <= FL_SIM_DELAYED; delivery++) {
            struct street street;
            street_open(&street, seed,
                        &(struct fl_sim_opts){.delivery = (enum fl_sim_delivery)delivery});
            street.a = street_start(&street, ends_when_told);
            street.b = street_start(&street, writes_down);
            street.c = street_start(&street, tells_of_the_end);
            fl_sim_run(street.node, 0);
            fl_node_send(street.node, street.a, GO, NULL, 0);
            fl_sim_run(street.node, 0);
            bool is_late = strcmp(street.seen, "x!") == 0;
            if (delivery == FL_SIM_INSTANT) assert_false(is_late);
            if (!is_late) assert_string_equal(street.seen, "!x");
            late += is_late;
            fl_node_free(street.node);
        }
    }
    assert_in_range(late, 1, 39);
}

/* Its link breaks when a ends; c has seen that, and tells it to unlink. */
static void unlinks_when_told(struct fl_self *self, const void *args, size_t len)
{
    struct street *street = street_of(args);
    struct fl_msg msg;
    fl_link(self, street->a);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    fl_unlink(self, street->a);
    fl_yield(self);
    street->phase = 1;
}

static void fails_when_told(struct fl_self *self, const void *args, size_t len)
{
    struct fl_msg msg;
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
}

static void no_exit_of_a_link_comes_after_its_unlink(void **state)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct street street;
        street_open(&street, seed, &(struct fl_sim_opts){.delivery = FL_SIM_DELAYED});
        street.a = street_start(&street, fails_when_told);
        street.b = street_start(&street, unlinks_when_told);
        street.c = street_start(&street, tells_of_the_end);
        fl_sim_run(street.node, 0);
        fl_node_send(street.node, street.a, GO, NULL, 0);
        fl_sim_run(street.node, fl_s(10));
        assert_int_equal(street.phase, 0); /* a had ended before it was told */
        fl_node_free(street.node);
    }
}

static void sends_over_both(struct fl_self *self, const void *args, size_t len)
{
    struct street *street = street_of(args);
    struct fl_msg msg;
    struct fl_pid alias;
    assert_int_equal(fl_receive(self, NULL, NULL, FL_NEVER, &msg), 0);
    memcpy(&alias, msg.data, sizeof alias);
    for (uint32_t i = 0; i < 6; i++)
        fl_send(self, i % 2 == 0 ? street->b : alias, 'a' + i, NULL, 0);
}

static void has_an_alias(struct fl_self *self, const void *args, size_t len)
{
    struct street *street = street_of(args);
    struct fl_msg msg;
    struct fl_pid alias = fl_alias(self, FL_ALIAS_EXPLICIT);
    fl_send(self, street->a, HINT, &alias, sizeof alias);
    while (fl_receive(self, NULL, NULL, FL_NEVER, &msg) == 0)
        street->seen[street->len++] = (char)msg.tag;
}

static void a_pair_keeps_its_order_over_an_alias(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct street street;
        street_open(&street, seed, &(struct fl_sim_opts){.delivery = FL_SIM_DELAYED});
        street.a = street_start(&street, sends_over_both);
        street.b = street_start(&street, has_an_alias);
        fl_sim_run(street.node, 0);
        assert_string_equal(street.seen, "abcdef");
        fl_node_free(street.node);
    }
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
        cmocka_unit_test(another_runs_between_two_messages_of_a_body),
        cmocka_unit_test(a_receive_may_wait_for_ever_and_a_pause_may_not),
        cmocka_unit_test(an_end_may_be_seen_late),
        cmocka_unit_test(no_exit_of_a_link_comes_after_its_unlink),
        cmocka_unit_test(a_pair_keeps_its_order_over_an_alias),
    };
    return cmocka_run_group_tests_name("deliveries", tests, NULL, NULL);
}
