/* `faultline serve` as a reader uses it: links, the tree, and a button that crashes things which
 * are then back. */
#include "tests/e2e/services/phoenix.h"

#include "runtime/base/json.h"
#include "tests/support/program.h"

struct world {
    char *folder;
    struct program *serve;
    int landing, queue; /* ports */
    char *id, *session; /* of a page */
};

static int port_after(const char *text, const char *words)
{
    const char *at = strstr(text, words);
    assert_non_null(at);
    at = strstr(at, "127.0.0.1:");
    assert_non_null(at);
    return atoi(at + strlen("127.0.0.1:"));
}

static char *output_of(const struct program *program)
{
    char *path = fl_format("%s/stdout.txt", program->folder), *text = NULL;
    if (fl_file_read(&text, NULL, path, NULL) != 0) fail_msg("no %s", path);
    free(path);
    return text;
}

static char *attr_of(const char *page, const char *name)
{
    const char *at = strstr(page, name);
    if (at == NULL) fail_msg("no %s in %s", name, page);
    at += strlen(name);
    return fl_str_dup((struct fl_str){at, strcspn(at, "\"")});
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    world->folder = testkit_folder();
    setenv("XDG_RUNTIME_DIR", world->folder, 1); /* nobody else's nodes */
    world->serve = program_new();
    program_start(world->serve, (const char *const[]){NULL, "serve", "queue", NULL});
    program_expect_output(world->serve, "all are up", 60000);
    char *text = output_of(world->serve);
    world->landing = port_after(text, "open this");
    world->queue = port_after(text, "queue ");
    free(text);
    int status;
    char *page = client_once(world->landing, "GET", "/", "", &status);
    assert_int_equal(status, 403); /* the test's client calls itself "test" */
    free(page);
    struct client client;
    assert_true(client_open(&client, world->landing));
    const char request[] = "GET / HTTP/1.1\r\nhost: localhost:1\r\nconnection: close\r\n\r\n";
    assert_int_equal(send(client.fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while (client_fill(&client, client.raw.len + 1))
        continue;
    world->id = attr_of(client.raw.at, "<div id=\"");
    world->session = attr_of(client.raw.at, "data-phx-session=\"");
    assert_non_null(strstr(client.raw.at, "<li id=\"service-queue\"")); /* without any script */
    client_close(&client);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    kill(world->serve->pid, SIGINT);
    program_wait(world->serve, 30000);
    assert_int_equal(world->serve->code, 0);
    program_expect_none_alive(world->serve->folder, 5000);
    program_free(world->serve);
    testkit_remove(world->folder);
    free(world->id);
    free(world->session);
    free(world);
    return 0;
}

static void join(struct phoenix *phoenix, const char *topic)
{
    char *text = fl_format("[\"1\",\"1\",\"%s\",\"phx_join\",{}]", topic);
    phoenix_send(phoenix, text);
    free(text);
}

/** Joins the page's view with this session; the reply. free() it. */
static char *join_page(struct phoenix *phoenix, const struct world *world, const char *session)
{
    assert_int_equal(phoenix_open_at(phoenix, world->landing, "/live", NULL), 101);
    char *text = fl_format("[\"4\",\"4\",\"lv:%s\",\"phx_join\",{\"url\":\"http://127.0.0.1/\","
                           "\"params\":{\"_mounts\":0},\"session\":\"%s\",\"static\":null}]",
                           world->id, session);
    phoenix_send(phoenix, text);
    free(text);
    return phoenix_wait(phoenix, "phx_reply", "\"4\"");
}

/** Opens the page: its view is joined. */
static void open_page(struct phoenix *phoenix, const struct world *world)
{
    char *reply = join_page(phoenix, world, world->session);
    if (strstr(reply, "\"rendered\"") == NULL) fail_msg("%s", reply);
    free(reply);
}

/** What its hooks push. */
static void push(struct phoenix *phoenix, const struct world *world, const char *event,
                 const char *value)
{
    char *text = fl_format("[\"4\",\"9\",\"lv:%s\",\"event\",{\"type\":\"hook\",\"event\":\"%s\","
                           "\"value\":%s}]",
                           world->id, event, value);
    phoenix_send(phoenix, text);
    free(text);
}

static void the_page_links_what_runs_and_shows_the_tree_of_all(void **state)
{
    struct world *world = *state;
    struct phoenix page, phoenix;
    char *reply = join_page(&page, world, world->session);
    char *port = fl_format("%d", world->queue);
    assert_non_null(strstr(reply, port));
    free(port);
    free(reply);
    phoenix_close(&page);
    assert_int_equal(phoenix_open(&phoenix, world->landing, NULL), 101);
    join(&phoenix, "look:tree");
    /* serve's own tree, and what is inside the queue's OS process */
    char *tree = phoenix_wait(&phoenix, "\"name\":\"services\"", "\"name\":\"store\"");
    assert_non_null(strstr(tree, "\"name\":\"landing_sup\""));
    free(tree);
    phoenix_close(&phoenix);
}

static void only_a_page_of_ours_may_crash_anything(void **state)
{
    struct world *world = *state;
    struct phoenix phoenix;
    assert_int_equal(phoenix_open_at(&phoenix, world->landing, "/live", "http://example.org"), 403);
    phoenix_close(&phoenix);
    char *reply = join_page(&phoenix, world, "AAAA.BBBB");
    assert_null(strstr(reply, "\"rendered\""));
    free(reply);
    phoenix_close(&phoenix);
}

static void what_cannot_be_crashed_is_said(void **state)
{
    struct world *world = *state;
    struct phoenix page;
    open_page(&page, world);
    push(&page, world, "service", "{\"instance\":\"nobody\"}");
    free(phoenix_wait(&page, "not crashed: no such service", NULL));
    push(&page, world, "process", "{\"node\":2,\"pid\":\"<0.1.1>\"}");
    free(phoenix_wait(&page, "not crashed: no such process", NULL));
    push(&page, world, "process", "{\"node\":\"x\"}");
    free(phoenix_wait(&page, "not crashed: no such process", NULL));
    phoenix_close(&page);
}

/** The first item of this name in a tree, and the node that it is in. */
static const cJSON *find_item(const cJSON *items, const char *name)
{
    const cJSON *item, *found = NULL;
    cJSON_ArrayForEach(item, items)
    {
        if (strcmp(fl_json_text(item, "name", ""), name) == 0) return item;
        found = find_item(cJSON_GetObjectItem(item, "children"), name);
        if (found != NULL) return found;
    }
    return NULL;
}

static void a_crashed_process_is_back_and_the_time_it_took_is_said(void **state)
{
    struct world *world = *state;
    struct phoenix phoenix;
    assert_int_equal(phoenix_open(&phoenix, world->landing, NULL), 101);
    join(&phoenix, "look:tree");
    char *frame = phoenix_wait(&phoenix, "\"name\":\"services\"", "\"name\":\"store\"");
    cJSON *json = cJSON_Parse(frame);
    const cJSON *nodes = cJSON_GetObjectItem(cJSON_GetArrayItem(json, 4), "nodes"), *node, *store;
    int os_pid = 0;
    char pid[48] = "";
    cJSON_ArrayForEach(node, nodes)
    {
        store = find_item(cJSON_GetObjectItem(node, "tree"), "store");
        if (store == NULL) continue;
        os_pid = (int)fl_json_int(node, "os_pid", 0);
        snprintf(pid, sizeof pid, "%s", fl_json_text(store, "pid", ""));
    }
    cJSON_Delete(json);
    free(frame);

    struct phoenix page;
    open_page(&page, world);
    char *order = fl_format("{\"node\":%d,\"pid\":\"%s\",\"id\":\"store\",\"name\":\"store\","
                            "\"label\":\"store\"}",
                            os_pid, pid);
    push(&page, world, "process", order);
    free(order);
    free(phoenix_wait(&page, "back after ", " ms"));
    phoenix_close(&page);
    /* and the picture counts it */
    free(phoenix_wait(&phoenix, "\"look:tree\"", "\"restarts\":1"));
    phoenix_close(&phoenix);
}

static void a_killed_service_is_back_on_its_port(void **state)
{
    struct world *world = *state;
    struct phoenix page;
    open_page(&page, world);
    push(&page, world, "service", "{\"instance\":\"queue\"}");
    free(phoenix_wait(&page, "back after ", NULL));
    int status;
    free(client_once(world->queue, "GET", "/health", "", &status));
    assert_int_equal(status, 200);
    phoenix_close(&page);
}

static void lines_of_json_say_where_everything_is(void **state)
{
    struct program *program = *state;
    program_start(program, (const char *const[]){NULL, "serve", "queue", "--json", NULL});
    program_expect_output(program, "{\"event\":\"ready\",\"instance\":\"landing\",\"url\":", 60000);
    kill(program->pid, SIGTERM);
    program_wait(program, 30000);
    assert_int_equal(program->code, 0);
    assert_non_null(strstr(program->out, "{\"event\":\"up\",\"instance\":\"queue\",\"url\":"));
    assert_non_null(strstr(program->out, "{\"event\":\"stopping\"}"));
}

static void what_cannot_be_served_is_said(void **state)
{
    struct program *program = *state;
    program_run(program, (const char *const[]){NULL, "serve", "landing", NULL});
    assert_int_equal(program->code, 64);
    program_run(program, (const char *const[]){NULL, "serve", "queue", "queue", NULL});
    assert_int_equal(program->code, 64);
    assert_non_null(strstr(program->err, "said twice"));
    program_run(program,
                (const char *const[]){NULL, "serve", "dashboard", "--source", "prc", NULL});
    assert_int_equal(program->code, 64);
    assert_non_null(strstr(program->err, "--source: \"prc\" is no source"));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_page_links_what_runs_and_shows_the_tree_of_all),
        STORY(only_a_page_of_ours_may_crash_anything),
        STORY(what_cannot_be_crashed_is_said),
        STORY(a_crashed_process_is_back_and_the_time_it_took_is_said),
        STORY(a_killed_service_is_back_on_its_port),
        story(lines_of_json_say_where_everything_is),
        story(what_cannot_be_served_is_said),
    };
    return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
