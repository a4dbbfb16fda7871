#include "tests/story/runtime/diary.h"

#include "runtime/base/json.h"
#include "runtime/inspect.h"
#include "runtime/node.h"
#include "runtime/pid.h"
#include "runtime/server.h"
#include "runtime/sup.h"

/* Who lives on a node, and how it is doing. */

struct world {
    struct fl_node *node;
    struct fl_pid asker;
    char diary[8192];
};

enum { NOTHING = 1, ACT, ALLOC };
typedef void (*act_fn)(struct fl_self *self, struct world *world);
struct act {
    act_fn fn;
    struct world *world;
};

static void man_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct act act;
    if (msg->tag == ALLOC) fl_self_alloc(self, 100000);
    if (msg->tag != ACT) return;
    memcpy(&act, msg->data, sizeof act);
    act.fn(self, act.world);
}

static void man_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}

static void man_on_format(const void *state, struct fl_buf *out)
{
    fl_buf_puts(out, "a \"man\"");
}

static const struct fl_server man_server = {.name = "man",
                                            .state_bytes = 16,
                                            .on_cast = man_on_cast,
                                            .on_call = man_on_call,
                                            .on_format = man_on_format};
static const struct fl_server other_server = {.name = "other", .on_cast = man_on_cast};

static struct fl_pid start(struct world *world, const struct fl_server *server, const char *name)
{
    struct fl_spawn_opts spawn = {.name = name};
    struct fl_pid pid;
    assert_int_equal(fl_node_spawn(world->node, server, &spawn, &pid), 0);
    return pid;
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 3};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    world->asker = start(world, &man_server, "asker");
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

static void say(struct world *world, const struct fl_inspect_opts *opts)
{
    struct fl_inspect seen;
    assert_int_equal(fl_inspect(world->node, opts, &seen), 0);
    for (size_t i = 0; i < seen.procs_count; i++) {
        const struct fl_proc_info *info = &seen.procs[i];
        char pid[FL_PID_TEXT_MAX];
        write_down(world, "%s %s%s%s, %u waiting", fl_pid_show(info->pid, pid, sizeof pid),
                   info->name[0] != '\0' ? info->name : info->server, " ",
                   fl_proc_state_word(info->state), info->mailbox_len);
        if (info->waits_for.bits != 0)
            write_down(world, ", for %s", fl_pid_show(info->waits_for, pid, sizeof pid));
        write_down(world, "\n");
    }
    write_down(world, "%d of %d\n", (int)seen.procs_count, (int)seen.procs_total);
    fl_inspect_fini(&seen);
}

/* ---- the list */

static void call_the_third(struct fl_self *self, struct world *world)
{
    fl_call(self, fl_whereis(world->node, "c"), NOTHING, NULL, 0, NULL, 0, NULL, fl_s(10));
}

static void wait_in_the_middle(struct fl_self *self, struct world *world)
{
    fl_pause(self, fl_s(10));
}

static void every_process_says_what_it_waits_for(void **state)
{
    struct world *world = *state;
    struct fl_pid b = start(world, &other_server, "b"), c = start(world, &man_server, "c");
    struct fl_pid d = start(world, &other_server, NULL);
    act(world, world->asker, call_the_third);
    act(world, b, wait_in_the_middle);
    fl_node_send(world->node, b, NOTHING, NULL, 0);
    fl_sim_run(world->node, 0);
    fl_node_send(world->node, d, NOTHING, NULL, 0);
    say(world, NULL); /* what was sent from outside has not arrived */
    fl_node_exit(world->node, c, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(world->node, 0);
    say(world, &(struct fl_inspect_opts){.glob = "o*"});
    expect_diary(world, "<0.0.1> asker calls, 0 waiting, for <0.2.1>\n"
                        "<0.1.1> b blocked, 1 waiting\n"
                        "<0.2.1> c idle, 0 waiting\n"
                        "<0.3.1> other idle, 0 waiting\n"
                        "4 of 4\n"
                        "<0.1.1> b blocked, 1 waiting\n"
                        "<0.3.1> other idle, 0 waiting\n"
                        "2 of 2\n");
}

static void the_largest_come_first_and_only_as_many_as_asked_for(void **state)
{
    struct world *world = *state;
    struct fl_pid procs[40];
    act(world, world->asker, wait_in_the_middle);
    for (unsigned i = 0; i < 40; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%u", i);
        procs[i] = start(world, &other_server, name);
        for (unsigned j = 0; j < i * 7 % 40; j++)
            fl_node_send(world->node, procs[i], NOTHING, NULL, 0);
    }
    fl_node_send(world->node, world->asker, NOTHING, NULL, 0);
    fl_node_send(world->node, procs[3], ALLOC, NULL, 0);
    fl_sim_run(world->node, 0);
    say(world, &(struct fl_inspect_opts){.order = FL_BY_MAILBOX, .max = 2});
    say(world, &(struct fl_inspect_opts){.order = FL_BY_MEMORY, .max = 1});
    say(world, &(struct fl_inspect_opts){.order = FL_BY_HANDLED, .max = 3});
    expect_diary(world, "<0.0.1> asker blocked, 1 waiting\n<0.1.1> p0 idle, 0 waiting\n2 of 41\n"
                        "<0.4.1> p3 idle, 0 waiting\n1 of 41\n"
                        "<0.18.1> p17 idle, 0 waiting\n<0.35.1> p34 idle, 0 waiting\n"
                        "<0.12.1> p11 idle, 0 waiting\n3 of 41\n");
}

static void say_counts(struct fl_self *self, struct world *world)
{
    struct fl_shard_info info;
    say(world, &(struct fl_inspect_opts){.glob = "asker"}); /* in the middle of a handler */
    assert_int_equal(fl_node_stats(world->node, &info), 0);
    write_down(world, "%u processes, %d spawned, %d dropped\n", info.procs,
               (int)info.counts.spawned, (int)info.counts.dropped_dead);
}

static void a_process_can_ask_too(void **state)
{
    struct world *world = *state;
    fl_node_exit(world->node, start(world, &man_server, NULL), fl_reason_of(FL_EXIT_KILL));
    fl_node_send(world->node, start(world, &man_server, NULL), NOTHING, NULL, 0);
    fl_node_send(world->node, (struct fl_pid){77}, NOTHING, NULL, 0);
    fl_sim_run(world->node, 0);
    act(world, world->asker, say_counts);
    expect_diary(world, "<0.0.1> asker blocked, 0 waiting\n1 of 1\n"
                        "2 processes, 3 spawned, 1 dropped\n");
}

static void asks_and_is_killed(struct fl_self *self, struct world *world)
{
    fl_exit(self, fl_self_pid(self), fl_reason_of(FL_EXIT_KILL));
    struct fl_shard_info info;
    fl_node_stats(world->node, &info);
    write_down(world, "alive\n");
}

static void an_asker_that_is_killed_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    act(world, world->asker, asks_and_is_killed);
    expect_diary(world, "");
}

/* ---- as JSON */

static void expect_json(struct fl_buf *text, const char *expected)
{
    cJSON *tree = cJSON_Parse(text->at);
    assert_non_null(tree);
    cJSON_Delete(tree);
    for (char *at; (at = strstr(text->at, "\"memory\":")) != NULL;)
        memmove(at, strchr(at, ',') + 1, strlen(strchr(at, ',')));
    assert_string_equal(text->at, expected);
    fl_buf_fini(text);
}

static void one_process_is_told_in_detail(void **state)
{
    struct world *world = *state;
    struct fl_buf text = {0};
    act(world, world->asker, wait_in_the_middle);
    fl_node_send(world->node, world->asker, 9, "abc", 3);
    fl_sim_run(world->node, 0);
    assert_int_equal(fl_inspect_one(world->node, world->asker, &text), 0);
    expect_json(&text, "{\"pid\":\"<0.0.1>\",\"name\":\"asker\",\"server\":\"man\",\"state\":"
                       "\"blocked\",\"mailbox\":1,\"handled\":0,\"links\":0,\"monitors\":0,"
                       "\"linked\":[],\"monitored\":[],\"messages\":[{\"kind\":\"cast\",\"tag\":9,"
                       "\"len\":3,\"from\":\"<>\"}],\"status\":\"a \\\"man\\\"\"}");
    assert_int_equal(fl_inspect_one(world->node, (struct fl_pid){77}, &text), FL_ENOPROC);
    assert_int_equal(fl_inspect_one(world->node, FL_NO_PID, &text), FL_ENOPROC);
}

static void a_list_is_json(void **state)
{
    struct world *world = *state;
    struct fl_inspect seen;
    struct fl_buf text = {0};
    assert_int_equal(fl_inspect(world->node, NULL, &seen), 0);
    fl_inspect_put_json(&seen, &text);
    fl_inspect_fini(&seen);
    expect_json(&text, "{\"at_ns\":0,\"total\":1,\"shards\":[{\"id\":0,\"procs\":1,\"timers\":0,"
                       "\"waiting\":0,\"handled\":0,\"sent\":0,\"dropped_dead\":0,"
                       "\"dropped_full\":0,\"late_replies\":0,\"spawned\":1,\"timers_fired\":0}],"
                       "\"processes\":[{\"pid\":\"<0.0.1>\",\"name\":\"asker\",\"server\":\"man\","
                       "\"state\":\"idle\",\"mailbox\":0,\"handled\":0,\"links\":0,\"monitors\":0}]"
                       "}");
}

static const cJSON *child_at(const cJSON *sup, int at)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(sup, "children"), at);
}

static void a_tree_has_its_supervisors_children_and_restarts(void **state)
{
    struct world *world = *state;
    static const struct fl_child leaves[] = {
        {.id = "leaf", .server = &man_server, .name = "leaf", .shutdown_ns = INT64_C(1000000000)}};
    static const struct fl_sup_opts below = {.max_restarts = 3,
                                             .within_ns = INT64_C(5000000000),
                                             .children = leaves,
                                             .children_count = 1};
    const struct fl_child children[] = {
        {.id = "one", .server = &other_server, .name = "one"},
        {.id = "below", .server = &fl_sup_server, .args = &below, .shutdown_ns = FL_NEVER},
    };
    const struct fl_sup_opts top = {.max_restarts = 2,
                                    .within_ns = INT64_C(5000000000),
                                    .children = children,
                                    .children_count = 2,
                                    .name = "top"};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(world->node, NULL, &top, &pid), 0);
    fl_node_exit(world->node, fl_whereis(world->node, "one"), fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(world->node, 0);
    struct fl_buf text = {0};
    assert_int_equal(fl_inspect_tree(world->node, &text), 0);
    cJSON *tree = cJSON_Parse(text.at);
    assert_int_equal(cJSON_GetArraySize(tree), 1); /* one that is below is not a root */
    const cJSON *root = cJSON_GetArrayItem(tree, 0);
    assert_string_equal(fl_json_text(root, "name", ""), "top");
    assert_string_equal(fl_json_text(root, "strategy", ""), "one_for_one");
    assert_int_equal(fl_json_int(root, "restarts", 0), 1);
    assert_int_equal(fl_json_int(root, "restarts_max", 0), 2);
    const cJSON *deep = child_at(child_at(root, 1), 0);
    assert_string_equal(fl_json_text(deep, "id", ""), "leaf");
    assert_string_equal(fl_json_text(deep, "state", ""), "running");
    cJSON_Delete(tree);
    fl_buf_fini(&text);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(every_process_says_what_it_waits_for),
        STORY(the_largest_come_first_and_only_as_many_as_asked_for),
        STORY(a_process_can_ask_too),
        STORY(an_asker_that_is_killed_leaves_nothing_behind),
        STORY(one_process_is_told_in_detail),
        STORY(a_list_is_json),
        STORY(a_tree_has_its_supervisors_children_and_restarts),
    };
    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
