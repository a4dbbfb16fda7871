/* The crash fault against real nodes: each instance is an OS process of its own that serves the
 * control seam over a socketpair, as a hosted service does. */
#include "tests/support/testkit.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/injector.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/node.h"
#include "runtime/server.h"

enum { WORLD_INSTANCES = 2, WORLD_WAIT_S = 20, WORLD_FACTS = 16 };

struct instance {
    const char *name;
    pid_t pid;
    struct fl_control_client *control;
};

struct world {
    uv_loop_t loop;
    uv_timer_t deadline;
    char *folder;
    struct fl_journal *journal;
    struct fl_injector *injector;
    cJSON *plan;
    struct instance instances[WORLD_INSTANCES];
    bool healed, listed;
    char names[256];
    cJSON *facts[WORLD_FACTS];
    size_t facts_count;
};

static const struct fl_server idle_server = {.name = "idle"};

/* The process of an instance: named processes that do nothing, and the control seam. */
static void instance_main(const char *const *names, int fd)
{
    struct fl_node *node = NULL;
    struct fl_node_opts opts = {.shards = 1};
    if (fl_node_new(&node, &opts, NULL) != 0) _exit(1);
    for (; *names != NULL; names++) {
        struct fl_pid pid = FL_NO_PID;
        if (fl_node_spawn(node, &idle_server, &(struct fl_spawn_opts){.name = *names}, &pid) != 0)
            _exit(2);
    }
    if (fl_control_serve(node, fd, NULL) != 0) _exit(3);
    fl_node_run(node);
    _exit(0);
}

static void instance_start(struct world *w, size_t at, const char *name, const char *const *names)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        instance_main(names, pair[1]);
    }
    close(pair[1]);
    struct instance *instance = &w->instances[at];
    *instance = (struct instance){.name = name, .pid = pid};
    assert_int_equal(
        fl_control_client_open(&instance->control, &w->loop, pair[0], NULL, NULL, NULL), 0);
}

static pid_t world_pid_of(void *cx, const char *instance)
{
    return 0;
}

static struct fl_control_client *world_control_of(void *cx, const char *instance)
{
    struct world *w = cx;
    for (size_t i = 0; i < WORLD_INSTANCES; i++)
        if (strcmp(w->instances[i].name, instance) == 0) return w->instances[i].control;
    return NULL;
}

static void world_instances_of(void *cx, const char *service,
                               void (*fn)(void *cx, const char *instance), void *fn_cx)
{
    struct world *w = cx;
    if (strcmp(service, "chat") != 0) return;
    for (size_t i = 0; i < WORLD_INSTANCES; i++)
        fn(fn_cx, w->instances[i].name);
}

static int world_open(void **state)
{
    static const char *const first[] = {"room/b", "desk", "room/a", NULL};
    static const char *const second[] = {"room/c", NULL};
    signal(SIGPIPE, SIG_IGN);
    struct world *w = fl_new(struct world);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->deadline);
    w->folder = testkit_folder();
    assert_int_equal(fl_journal_open(&w->journal, w->folder, "engine", NULL), 0);
    instance_start(w, 0, "chat.1", first);
    instance_start(w, 1, "chat.2", second);
    *state = w;
    return 0;
}

static void world_drop_facts(struct world *w)
{
    for (size_t i = 0; i < w->facts_count; i++)
        cJSON_Delete(w->facts[i]);
    w->facts_count = 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    fl_injector_free(w->injector);
    for (size_t i = 0; i < WORLD_INSTANCES; i++) {
        fl_control_client_close(w->instances[i].control);
        kill(w->instances[i].pid, SIGKILL);
        waitpid(w->instances[i].pid, NULL, 0);
    }
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&w->loop);
    world_drop_facts(w);
    fl_journal_close(w->journal);
    testkit_remove(w->folder);
    cJSON_Delete(w->plan);
    free(w);
    return rc;
}

static void world_on_fact(void *cx, const char *writer, const char *line)
{
    struct world *w = cx;
    assert_true(w->facts_count < WORLD_FACTS);
    w->facts[w->facts_count++] = cJSON_Parse(line);
}

static void on_deadline(uv_timer_t *timer)
{
    fail_msg("nothing came within %d s", WORLD_WAIT_S);
}

static void world_patience(struct world *w)
{
    uv_update_time(&w->loop);
    uv_timer_start(&w->deadline, on_deadline, WORLD_WAIT_S * 1000, 0);
}

/* Begins the storm, and reads the journal once the fault has met its end. */
static void world_begin(struct world *w, const char *target, const char *pick)
{
    char *plan = fl_format("{\"faults\":[{\"index\":0,\"kind\":\"crash\",\"at_ns\":0,"
                           "\"target\":\"%s\",\"pick\":\"%s\"}]}",
                           target, pick);
    w->plan = cJSON_Parse(plan);
    free(plan);
    struct fl_injector_world world = {
        .cx = w,
        .pid_of = world_pid_of,
        .control_of = world_control_of,
        .instances_of = world_instances_of,
    };
    assert_int_equal(fl_injector_new(&w->injector, &w->loop, w->plan, &world, w->journal, NULL), 0);
    fl_injector_start(w->injector, fl_now());
}

static void world_on_healed(void *cx)
{
    ((struct world *)cx)->healed = true;
}

static void world_finish(struct world *w)
{
    world_patience(w);
    while (w->facts_count < 2) {
        uv_run(&w->loop, UV_RUN_ONCE);
        world_drop_facts(w);
        assert_int_equal(fl_journal_read_facts(w->folder, world_on_fact, w, NULL), 0);
    }
    fl_injector_heal(w->injector, fl_s(5), world_on_healed, w);
    while (!w->healed)
        uv_run(&w->loop, UV_RUN_ONCE);
    uv_timer_stop(&w->deadline);
}

static void world_on_names(void *cx, bool ok, const char *answer_json)
{
    struct world *w = cx;
    assert_true(ok);
    w->listed = true;
    cJSON *answer = cJSON_Parse(answer_json);
    const cJSON *name = NULL;
    struct fl_buf names = {0};
    cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(answer, "names"))
    {
        fl_buf_printf(&names, "%s%s", names.len > 0 ? " " : "", name->valuestring);
    }
    snprintf(w->names, sizeof w->names, "%s", names.len > 0 ? names.at : "");
    fl_buf_fini(&names);
    cJSON_Delete(answer);
}

static void expect_names(struct world *w, size_t at, const char *expected)
{
    w->listed = false;
    fl_control_ask(w->instances[at].control, "\"op\":\"list\",\"glob\":\"*\"", fl_s(WORLD_WAIT_S),
                   world_on_names, w);
    world_patience(w);
    while (!w->listed)
        uv_run(&w->loop, UV_RUN_ONCE);
    uv_timer_stop(&w->deadline);
    assert_string_equal(w->names, expected);
}

static void expect_fact(struct world *w, size_t at, const char *fact, const char *key,
                        const char *part)
{
    assert_true(at < w->facts_count);
    assert_string_equal(fl_json_text(w->facts[at], "fact", ""), fact);
    const char *text = fl_json_text(w->facts[at], key, "");
    if (strstr(text, part) == NULL) fail_msg("%s.%s is \"%s\"", fact, key, text);
}

static void the_name_that_the_pick_says_is_gone_and_nobody_else(void **state)
{
    struct world *w = *state;
    world_begin(w, "chat:room/*", "4"); /* 4 mod 3, of room/a room/b room/c */
    world_finish(w);
    expect_fact(w, 0, "fault.requested", "pick", "chat.1:room/b");
    expect_fact(w, 1, "fault.effect", "evidence", "room/b");
    assert_true(fl_json_int(w->facts[1], "at_ns", 0) >= fl_json_int(w->facts[0], "t", FL_NEVER));
    expect_names(w, 0, "desk room/a");
    expect_names(w, 1, "room/c");
}

static void an_instance_can_be_named(void **state)
{
    struct world *w = *state;
    world_begin(w, "chat.2:*", "11");
    world_finish(w);
    expect_fact(w, 1, "fault.effect", "evidence", "chat.2:room/c");
    expect_names(w, 0, "desk room/a room/b");
    expect_names(w, 1, "");
}

static void a_glob_that_matches_nothing_is_missed(void **state)
{
    struct world *w = *state;
    world_begin(w, "chat:kitchen/*", "0");
    world_finish(w);
    expect_fact(w, 1, "fault.missed", "why", "no process matches chat:kitchen/*");
}

static void a_service_that_is_down_is_missed(void **state)
{
    struct world *w = *state;
    world_begin(w, "mail:*", "0");
    world_finish(w);
    expect_fact(w, 1, "fault.missed", "why", "mail is down");
}

static void an_instance_that_dies_while_it_is_asked_is_missed(void **state)
{
    struct world *w = *state;
    kill(w->instances[1].pid, SIGSTOP);
    world_begin(w, "chat.2:room/*", "0");
    kill(w->instances[1].pid, SIGKILL);
    world_finish(w);
    expect_fact(w, 1, "fault.missed", "why", "");
    expect_names(w, 0, "desk room/a room/b");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_name_that_the_pick_says_is_gone_and_nobody_else),
        STORY(an_instance_can_be_named),
        STORY(a_glob_that_matches_nothing_is_missed),
        STORY(a_service_that_is_down_is_missed),
        STORY(an_instance_that_dies_while_it_is_asked_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
