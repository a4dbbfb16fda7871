#include "engine/observe_view.h"
#include "tests/support/testkit.h"

/* What a person sees of two nodes. */

static const char chat_before[] =
    "{\"at_ns\":1000000000,\"total\":3,\"shards\":[{\"id\":0,\"procs\":3,\"handled\":10}],"
    "\"processes\":[{\"pid\":\"<0.1.1>\",\"handled\":4}]}";
static const char chat_now[] =
    "{\"at_ns\":3000000000,\"total\":5,\"shards\":[{\"id\":0,\"procs\":5,\"memory\":2048,"
    "\"waiting\":7,\"handled\":30,\"dropped_full\":2}],\"processes\":["
    "{\"pid\":\"<0.1.1>\",\"name\":\"room/\\u001b[2Jä\",\"server\":\"room\",\"state\":\"calls\","
    "\"waits_for\":\"<0.2.1>\",\"mailbox\":7,\"memory\":1536,\"handled\":24},"
    "{\"pid\":\"<0.2.1>\",\"name\":\"store\",\"server\":\"store\",\"state\":\"idle\","
    "\"mailbox\":0,\"memory\":5242880,\"handled\":6},"
    "{\"pid\":\"<0.3.1>\",\"server\":\"os\",\"state\":\"suspended\",\"mailbox\":9,\"memory\":99,"
    "\"handled\":0}]}";
static const char chat_tree[] =
    "{\"tree\":[{\"pid\":\"<0.9.1>\",\"name\":\"top\",\"server\":\"supervisor\",\"strategy\":"
    "\"one_for_all\",\"restarts\":1,\"restarts_max\":3,\"within_ns\":5000000000,\"children\":["
    "{\"id\":\"a\",\"server\":\"room\",\"state\":\"running\",\"pid\":\"<0.1.1>\"},"
    "{\"id\":\"b\",\"server\":\"supervisor\",\"state\":\"running\",\"pid\":\"<0.8.1>\","
    "\"strategy\":\"one_for_one\",\"restarts\":0,\"restarts_max\":0,\"within_ns\":1500000000,"
    "\"children\":[{\"state\":\"restarting\",\"server\":\"room\"}],\"more\":12},"
    "{\"id\":\"c\",\"server\":\"os\",\"state\":\"undefined\"}]}]}";
static const char empty[] = "{\"total\":0,\"shards\":[{\"id\":0}],\"processes\":[]}";

struct world {
    struct fl_view view;
    struct fl_view_node nodes[2];
    struct fl_buf out;
};

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    world->nodes[0] = (struct fl_view_node){.name = "chat",
                                            .os_pid = 7,
                                            .now = cJSON_Parse(chat_now),
                                            .before = cJSON_Parse(chat_before),
                                            .tree = cJSON_Parse(chat_tree)};
    world->nodes[1] = (struct fl_view_node){.name = "q", .os_pid = 8, .now = cJSON_Parse(empty)};
    world->view = (struct fl_view){.nodes = world->nodes, .count = 1, .width = 100};
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < FL_COUNT(world->nodes); i++) {
        cJSON_Delete((cJSON *)world->nodes[i].now);
        cJSON_Delete((cJSON *)world->nodes[i].before);
        cJSON_Delete((cJSON *)world->nodes[i].tree);
    }
    fl_buf_fini(&world->out);
    free(world);
    return 0;
}

static void expect(struct world *world, const char *text)
{
    fl_buf_fini(&world->out);
    fl_view_render(&world->view, &world->out);
    assert_string_equal(world->out.at, text);
}

static void the_largest_process_is_first_and_no_name_is_a_command(void **state)
{
    struct world *world = *state;
    expect(world,
           "chat shard 0  5 processes, 2.0 KiB, 7 waiting, 10 messages/s, 2 dropped, restarts "
           "lately: 1\n"
           "PID          PROCESS                      STATE               MAILBOX    MEMORY     "
           "HANDLED    MSG/S\n"
           "<0.2.1>      store                        idle                      0   5.0 MiB        "
           "   6         \n"
           "<0.1.1>      room/?[2Jä (room)            calls <0.2.1>             7   1.5 KiB        "
           "  24       10\n"
           "<0.3.1>      os                           suspended                 9      99 B        "
           "   0         \n"
           "and 2 more on chat\n");
}

static void a_narrow_screen_shows_less_and_is_filled_to_its_height(void **state)
{
    struct world *world = *state;
    world->view.width = 72;
    world->view.height = 5;
    world->view.sort = FL_VIEW_MAILBOX;
    world->view.top = 99; /* beyond the end: the last lines */
    expect(world, "chat shard 0  5 processes, 2.0 KiB, 7 waiting, 10 messages/s, 2 dropped,\n"
                  "PID          PROCESS               STATE      MAILBOX    MEMORY    MSG/S\n"
                  "<0.2.1>      store                 idle             0   5.0 MiB         \n"
                  "and 2 more on chat\n"
                  "q quit   t tree   s sort: mailbox   arrows: line 3 of 4\n");
    assert_int_equal(world->view.top, 2);
    world->view.message = "chat is gone";
    world->view.count = 0;
    expect(world, "PID          PROCESS               STATE      MAILBOX    MEMORY    MSG/S\n\n\n\n"
                  "chat is gone\n");
}

static void a_tree_shows_states_and_what_is_left_of_the_limit(void **state)
{
    struct world *world = *state;
    world->view.tree = world->view.only_body = true;
    world->view.count = 2;
    expect(world, "chat, pid 7\n"
                  "top (one_for_all)  <0.9.1>  restarts 1 of 3 in 5 s\n"
                  "├─ a (room)  <0.1.1>\n"
                  "├─ b (one_for_one)  <0.8.1>  restarts 0 of 0 in 1.5 s\n"
                  "│  ├─ room    restarting\n"
                  "│  └─ and 12 more\n"
                  "└─ c (os)    undefined\n"
                  "q, pid 8\n"
                  "no supervisor\n");
}

static void colours_say_what_is_wrong(void **state)
{
    struct world *world = *state;
    world->view.colour = world->view.tree = world->view.only_body = true;
    world->view.width = 20;
    fl_view_render(&world->view, &world->out);
    assert_non_null(strstr(world->out.at, "\x1b[7mchat, pid 7         \x1b[0m\n"));
    assert_non_null(strstr(world->out.at, "\x1b[33mtop (one_for_all)  <\x1b[0m\n"));
    assert_non_null(strstr(world->out.at, "\n├─ a (room)  <0.1.1>\n"));
}

static void sorts_have_names(void **state)
{
    enum fl_view_sort sort = FL_VIEW_MEMORY;
    assert_true(fl_view_sort_find("handled", &sort));
    assert_int_equal(sort, FL_VIEW_HANDLED);
    assert_false(fl_view_sort_find("size", &sort));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_largest_process_is_first_and_no_name_is_a_command),
        STORY(a_narrow_screen_shows_less_and_is_filled_to_its_height),
        STORY(a_tree_shows_states_and_what_is_left_of_the_limit),
        STORY(colours_say_what_is_wrong),
        cmocka_unit_test(sorts_have_names),
    };
    return cmocka_run_group_tests_name("observe_view", tests, NULL, NULL);
}
