#include "tests/story/runtime/diary.h"

#include "runtime/node.h"
#include "runtime/sup.h"

/* Children write what happens to them; the world reads it like a diary. Time is virtual. */

struct world;

struct kid {
    struct world *world;
    const char *name;
    bool traps, ignores_shutdown, refuses, is_counted;
};

struct world {
    struct fl_node *node;
    struct fl_pid sup, client, watcher;
    char diary[8192];
    char limit_id[32];
    struct kid kids[64]; /* outlive the test's own frame: the teardown still ends them */
    size_t kids_count;
    int starts_left; /* of a child that may refuse to start; below zero: never refuses */
};

static int kid_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct kid *kid = args;
    *(const struct kid **)state = kid;
    if (kid->refuses || (kid->is_counted && kid->world->starts_left-- <= 0)) {
        write_down(kid->world, "refuse %s\n", kid->name);
        return FL_EREFUSED;
    }
    fl_self_trap_exits(self, kid->traps);
    write_down(kid->world, "start %s\n", kid->name);
    return 0;
}

static void kid_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_exit(self, fl_reason_of((enum fl_exit_kind)msg->tag));
}

static void kid_gone(void *ptr)
{
    const struct kid *kid = *(const struct kid **)ptr;
    write_down(kid->world, "gone %s\n", kid->name);
}

static void kid_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    const struct kid *kid = *(const struct kid **)state;
    char text[96];
    write_down(kid->world, "terminate %s %s\n", kid->name,
               fl_reason_show(reason, text, sizeof text));
    /* one that takes for ever: it waits for an answer that never comes */
    if (kid->ignores_shutdown)
        fl_call(self, fl_whereis(kid->world->node, "mute"), 1, NULL, 0, NULL, 0, NULL, FL_NEVER);
}

static int kid_on_init_owned(struct fl_self *self, void *state, const void *args)
{
    int rc = kid_on_init(self, state, args);
    if (rc == 0) fl_self_own(self, state, kid_gone);
    return rc;
}

static const struct fl_server kid_server = {
    .name = "kid",
    .state_bytes = sizeof(struct kid *),
    .on_init = kid_on_init_owned,
    .on_cast = kid_on_cast,
    .on_terminate = kid_on_terminate,
};

static void mute_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}
static const struct fl_server mute_server = {.name = "mute", .on_call = mute_on_call};

/* Watches the supervisor and says how it ended. */
static void watcher_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world;
    memcpy(&world, msg->data, sizeof world);
    *(struct world **)state = world;
    fl_monitor(self, world->sup);
}

static void watcher_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                            const struct fl_reason *reason)
{
    char text[96];
    write_down(*(struct world **)state, "sup %s\n", fl_reason_show(reason, text, sizeof text));
}
static const struct fl_server watcher_server = {
    .name = "watcher",
    .state_bytes = sizeof(struct world *),
    .on_cast = watcher_on_cast,
    .on_down = watcher_on_down,
};

/* Asks the supervisor on behalf of the test. */
struct request {
    struct world *world;
    const struct fl_child *start;
    const char *stop;
    int *code;
};

static void client_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct request request;
    memcpy(&request, msg->data, sizeof request);
    struct fl_pid pid = FL_NO_PID;
    if (request.start != NULL)
        *request.code = fl_sup_start_child(self, request.world->sup, request.start, &pid);
    else
        *request.code = fl_sup_stop_child(self, request.world->sup, request.stop);
}
static const struct fl_server client_server = {.name = "client", .on_cast = client_on_cast};

static void on_note(void *cx, const struct fl_note *note)
{
    struct world *world = cx;
    if (note->kind == FL_NOTE_RESTART)
        write_down(world, "restart %s, %d of %d\n", note->name, note->restarts, note->restarts_max);
    if (note->kind == FL_NOTE_LIMIT) write_down(world, "limit %s\n", note->name);
}

static void on_limit(void *cx, const char *child_id)
{
    struct world *world = cx;
    snprintf(world->limit_id, sizeof world->limit_id, "%s", child_id);
}

static struct fl_pid spawn(struct world *world, const struct fl_server *server, const char *name)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.name = name};
    assert_int_equal(fl_node_spawn(world->node, server, &opts, &pid), 0);
    return pid;
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 5, .on_note = on_note, .note_cx = world};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    spawn(world, &mute_server, "mute");
    world->client = spawn(world, &client_server, NULL);
    world->watcher = spawn(world, &watcher_server, NULL);
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

static void run(struct world *world, fl_ns ns)
{
    fl_sim_run(world->node, ns);
}

static struct fl_child child_of(const struct kid *model, enum fl_restart restart, fl_ns shutdown_ns)
{
    struct world *world = model->world;
    assert_true(world->kids_count < FL_COUNT(world->kids));
    struct kid *kid = &world->kids[world->kids_count++];
    *kid = *model;
    return (struct fl_child){
        .id = kid->name,
        .name = kid->name,
        .server = &kid_server,
        .args = kid,
        .restart = restart,
        .shutdown_ns = shutdown_ns,
    };
}

static int start_sup(struct world *world, const struct fl_child *children, size_t count,
                     int max_restarts)
{
    struct fl_sup_opts opts = {
        .max_restarts = max_restarts,
        .within_ns = fl_s(5),
        .children = children,
        .children_count = count,
        .on_limit = on_limit,
        .limit_cx = world,
    };
    int rc = fl_sup_start(world->node, NULL, &opts, &world->sup);
    if (rc == 0) fl_node_send(world->node, world->watcher, 1, &world, sizeof world);
    run(world, 0);
    return rc;
}

static void tell(struct world *world, const char *name, enum fl_exit_kind kind)
{
    fl_node_send(world->node, fl_whereis(world->node, name), (uint32_t)kind, NULL, 0);
    run(world, 0);
}

static bool is_alive(struct world *world, const char *name)
{
    return fl_whereis(world->node, name).bits != 0;
}

static int ask_start(struct world *world, const struct fl_child *child)
{
    int code = 1;
    struct request request = {.world = world, .start = child, .code = &code};
    fl_node_send(world->node, world->client, 1, &request, sizeof request);
    run(world, 0);
    return code;
}

static int ask_stop(struct world *world, const char *id)
{
    int code = 1;
    struct request request = {.world = world, .stop = id, .code = &code};
    fl_node_send(world->node, world->client, 1, &request, sizeof request);
    run(world, fl_s(1));
    return code;
}

static void shut_down(struct world *world)
{
    fl_node_exit(world->node, world->sup, fl_reason_of(FL_EXIT_SHUTDOWN));
}

static void e117_e124_children_start_in_order_and_stop_in_reverse(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a"}, b = {.world = w, .name = "b"},
               c = {.world = w, .name = "c"};
    struct fl_child children[] = {child_of(&a, FL_PERMANENT, fl_s(5)),
                                  child_of(&b, FL_PERMANENT, fl_s(5)),
                                  child_of(&c, FL_PERMANENT, fl_s(5))};
    assert_int_equal(start_sup(w, children, 3, 1), 0);
    expect_diary(w, "start a\nstart b\nstart c\n");
    shut_down(w);
    run(w, 0);
    expect_diary(w, "gone c\ngone b\ngone a\nsup shutdown\n");
}

static void e118_a_failing_start_unwinds_in_reverse_with_the_childs_code(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a"}, b = {.world = w, .name = "b", .traps = true},
               c = {.world = w, .name = "c", .refuses = true}, d = {.world = w, .name = "d"};
    struct fl_child children[] = {
        child_of(&a, FL_PERMANENT, fl_s(5)), child_of(&b, FL_PERMANENT, fl_s(5)),
        child_of(&c, FL_PERMANENT, fl_s(5)), child_of(&d, FL_PERMANENT, fl_s(5))};
    assert_int_equal(start_sup(w, children, 4, 1), FL_EREFUSED);
    expect_diary(w, "start a\nstart b\nrefuse c\nterminate b shutdown\ngone b\ngone a\n");
}

static void e125_shutdown_infinity_waits(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a", .traps = true, .ignores_shutdown = true};
    struct fl_child child = child_of(&a, FL_PERMANENT, FL_SHUTDOWN_INFINITY);
    assert_int_equal(start_sup(w, &child, 1, 1), 0);
    shut_down(w);
    run(w, fl_s(100000));
    expect_diary(w, "start a\nterminate a shutdown\n");
    fl_node_exit(w->node, fl_whereis(w->node, "a"), fl_reason_of(FL_EXIT_KILL));
    run(w, 0);
    expect_diary(w, "gone a\nsup shutdown\n");
}

static void e126_one_that_does_not_stop_in_time_is_killed_exactly_then(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a", .traps = true, .ignores_shutdown = true};
    struct fl_child child = child_of(&a, FL_PERMANENT, fl_ms(700));
    assert_int_equal(start_sup(w, &child, 1, 1), 0);
    shut_down(w);
    run(w, fl_ms(699));
    expect_diary(w, "start a\nterminate a shutdown\n");
    run(w, fl_ms(1));
    expect_diary(w, "gone a\nsup shutdown\n");
}

static void e127_brutal_runs_no_terminate(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a", .traps = true};
    struct fl_child child = child_of(&a, FL_PERMANENT, FL_SHUTDOWN_BRUTAL);
    assert_int_equal(start_sup(w, &child, 1, 1), 0);
    shut_down(w);
    run(w, 0);
    expect_diary(w, "start a\ngone a\nsup shutdown\n");
}

static void e131_start_child_refuses_what_is_there_and_forgets_what_fails(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a"}, bad = {.world = w, .name = "bad", .refuses = true};
    struct fl_child good = child_of(&a, FL_PERMANENT, fl_s(5)),
                    failing = child_of(&bad, FL_PERMANENT, fl_s(5));
    assert_int_equal(start_sup(w, NULL, 0, 1), 0);
    assert_int_equal(ask_start(w, &good), 0);
    assert_int_equal(ask_start(w, &good), FL_ETAKEN);
    assert_int_equal(ask_start(w, &failing), FL_EREFUSED);
    assert_int_equal(ask_stop(w, "bad"), FL_ENOTFOUND); /* not saved */
    expect_diary(w, "start a\nrefuse bad\n");
}

static void e132_stop_child_stops_and_forgets(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a"}, b = {.world = w, .name = "b"};
    struct fl_child children[] = {child_of(&a, FL_PERMANENT, fl_s(5)),
                                  child_of(&b, FL_TRANSIENT, fl_s(5))};
    assert_int_equal(start_sup(w, children, 2, 1), 0);
    tell(w, "b", FL_EXIT_NORMAL);
    expect_diary(w, "start a\nstart b\nterminate b normal\ngone b\n");
    assert_int_equal(ask_stop(w, "a"), 0);
    assert_int_equal(ask_stop(w, "b"), 0); /* stopped before: its spec goes */
    assert_int_equal(ask_stop(w, "b"), FL_ENOTFOUND);
    assert_int_equal(ask_stop(w, "unknown"), FL_ENOTFOUND);
    expect_diary(w, "gone a\n"); /* and no restart */
}

struct rule {
    enum fl_restart restart;
    enum fl_exit_kind kind;
    bool is_restarted;
};

static void f141_to_f152_restart_type_and_reason_decide(void **state)
{
    static const struct rule rules[] = {
        {FL_PERMANENT, FL_EXIT_NORMAL, true},  {FL_PERMANENT, FL_EXIT_SHUTDOWN, true},
        {FL_PERMANENT, FL_EXIT_ERROR, true},   {FL_PERMANENT, FL_EXIT_KILL, true},
        {FL_TRANSIENT, FL_EXIT_NORMAL, false}, {FL_TRANSIENT, FL_EXIT_SHUTDOWN, false},
        {FL_TRANSIENT, FL_EXIT_ERROR, true},   {FL_TRANSIENT, FL_EXIT_KILL, true},
        {FL_TEMPORARY, FL_EXIT_NORMAL, false}, {FL_TEMPORARY, FL_EXIT_SHUTDOWN, false},
        {FL_TEMPORARY, FL_EXIT_ERROR, false},  {FL_TEMPORARY, FL_EXIT_KILL, false},
    };
    struct world *w = *state;
    for (size_t i = 0; i < FL_COUNT(rules); i++) {
        struct kid a = {.world = w, .name = "a"};
        struct fl_child child = child_of(&a, rules[i].restart, fl_s(5));
        assert_int_equal(start_sup(w, &child, 1, 3), 0);
        tell(w, "a", rules[i].kind);
        assert_int_equal(is_alive(w, "a"), rules[i].is_restarted);
        bool is_forgotten = rules[i].restart == FL_TEMPORARY;
        assert_int_equal(ask_stop(w, "a"), is_forgotten ? FL_ENOTFOUND : 0);
        shut_down(w);
        run(w, fl_s(1));
    }
}

static void f153_one_for_one_leaves_the_siblings(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a"}, b = {.world = w, .name = "b"},
               c = {.world = w, .name = "c"};
    struct fl_child children[] = {child_of(&a, FL_PERMANENT, fl_s(5)),
                                  child_of(&b, FL_PERMANENT, fl_s(5)),
                                  child_of(&c, FL_PERMANENT, fl_s(5))};
    assert_int_equal(start_sup(w, children, 3, 1), 0);
    w->diary[0] = '\0';
    tell(w, "b", FL_EXIT_ERROR);
    expect_diary(w, "terminate b error\ngone b\nrestart b, 1 of 1\nstart b\n");
}

static void f158_intensity_0_1_3_ends_at_death_1_2_4(void **state)
{
    struct world *w = *state;
    static const int limits[] = {0, 1, 3};
    for (size_t i = 0; i < FL_COUNT(limits); i++) {
        struct kid a = {.world = w, .name = "a"}, b = {.world = w, .name = "b"},
                   c = {.world = w, .name = "c"};
        struct fl_child children[] = {child_of(&a, FL_PERMANENT, fl_s(5)),
                                      child_of(&b, FL_PERMANENT, fl_s(5)),
                                      child_of(&c, FL_PERMANENT, fl_s(5))};
        assert_int_equal(start_sup(w, children, 3, limits[i]), 0);
        for (int death = 1; death <= limits[i]; death++) {
            tell(w, "b", FL_EXIT_ERROR);
            assert_true(is_alive(w, "b"));
        }
        w->diary[0] = '\0';
        tell(w, "b", FL_EXIT_ERROR);
        expect_diary(w, "terminate b error\ngone b\nlimit b\ngone c\ngone a\nsup shutdown\n");
        assert_string_equal(w->limit_id, "b");
    }
}

static void f159_deaths_farther_apart_than_the_period_never_escalate(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a"};
    struct fl_child child = child_of(&a, FL_PERMANENT, fl_s(5));
    assert_int_equal(start_sup(w, &child, 1, 1), 0);
    for (int death = 0; death < 50; death++) {
        tell(w, "a", FL_EXIT_ERROR);
        assert_true(is_alive(w, "a"));
        run(w, fl_s(5) + 1);
    }
    tell(w, "a", FL_EXIT_ERROR);
    run(w, fl_s(5)); /* exactly the period still counts */
    tell(w, "a", FL_EXIT_ERROR);
    assert_false(is_alive(w, "a"));
}

static void f161_a_supervisor_that_gave_up_is_restarted_by_its_own(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a"};
    struct fl_child leaf = child_of(&a, FL_PERMANENT, fl_s(5));
    struct fl_sup_opts inner = {
        .max_restarts = 0, .within_ns = fl_s(5), .children = &leaf, .children_count = 1};
    struct fl_child branch = {.id = "inner",
                              .server = &fl_sup_server,
                              .args = &inner,
                              .shutdown_ns = FL_SHUTDOWN_INFINITY};
    assert_int_equal(start_sup(w, &branch, 1, 3), 0);
    tell(w, "a", FL_EXIT_ERROR);
    expect_diary(w,
                 "start a\nterminate a error\ngone a\nlimit a\nrestart inner, 1 of 3\nstart a\n");
    shut_down(w);
    run(w, 0);
    expect_diary(w, "gone a\nsup shutdown\n");
}

static void f162_a_failing_restart_counts_until_the_limit(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a", .is_counted = true};
    struct fl_child child = child_of(&a, FL_PERMANENT, fl_s(5));
    w->starts_left = 1;
    assert_int_equal(start_sup(w, &child, 1, 3), 0);
    tell(w, "a", FL_EXIT_ERROR);
    expect_diary(w, "start a\nterminate a error\ngone a\n"
                    "restart a, 1 of 3\nrefuse a\n"
                    "restart a, 2 of 3\nrefuse a\n"
                    "restart a, 3 of 3\nrefuse a\n"
                    "limit a\nsup shutdown\n");
}

static void a_node_that_stops_ends_its_trees_in_order_first(void **state)
{
    struct world *w = *state;
    struct kid a = {.world = w, .name = "a", .traps = true},
               b = {.world = w, .name = "b", .traps = true};
    struct fl_child children[] = {child_of(&a, FL_PERMANENT, fl_s(5)),
                                  child_of(&b, FL_PERMANENT, fl_s(5))};
    assert_int_equal(start_sup(w, children, 2, 1), 0);
    fl_node_stop(w->node, 0);
    run(w, fl_s(1));
    expect_diary(w, "start a\nstart b\nterminate b shutdown\ngone b\nterminate a shutdown\ngone a\n"
                    "sup shutdown\n");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(e117_e124_children_start_in_order_and_stop_in_reverse),
        STORY(e118_a_failing_start_unwinds_in_reverse_with_the_childs_code),
        STORY(e125_shutdown_infinity_waits),
        STORY(e126_one_that_does_not_stop_in_time_is_killed_exactly_then),
        STORY(e127_brutal_runs_no_terminate),
        STORY(e131_start_child_refuses_what_is_there_and_forgets_what_fails),
        STORY(e132_stop_child_stops_and_forgets),
        STORY(f141_to_f152_restart_type_and_reason_decide),
        STORY(f153_one_for_one_leaves_the_siblings),
        STORY(f158_intensity_0_1_3_ends_at_death_1_2_4),
        STORY(f159_deaths_farther_apart_than_the_period_never_escalate),
        STORY(f161_a_supervisor_that_gave_up_is_restarted_by_its_own),
        STORY(f162_a_failing_restart_counts_until_the_limit),
        STORY(a_node_that_stops_ends_its_trees_in_order_first),
    };
    return cmocka_run_group_tests_name("supervisors", tests, NULL, NULL);
}
