/* Faults on real processes and real links, and what the journal says of them afterwards. */
#include "tests/e2e/chaos/chaos_kit.h"

#include "chaos/injector.h"
#include "runtime/base/proc_state.h"

enum { WORLD_CHILDREN = 2, WORLD_FACTS = 32 };

struct world;

/* /bin/cat on a pipe: it waits for ever and does nothing. */
struct child {
    struct world *world;
    const char *instance;
    uv_process_t process;
    uv_pipe_t input;
    pid_t pid; /* 0: not running */
    bool end_asked, exited;
    int signal;
    fl_ns exit_ns;
};

struct world {
    struct kit *kit;
    char *folder;
    struct fl_journal *journal;
    cJSON *plan;
    struct fl_injector *injector;
    struct child children[WORLD_CHILDREN]; /* chat.1, chat.2 */
    bool healed;
    char *facts[WORLD_FACTS];
    size_t facts_count;
};

static pid_t world_pid_of(void *cx, const char *instance)
{
    struct world *w = cx;
    for (size_t i = 0; i < WORLD_CHILDREN; i++)
        if (strcmp(w->children[i].instance, instance) == 0) return w->children[i].pid;
    return 0;
}

static struct fl_control_client *world_control_of(void *cx, const char *instance)
{
    return NULL;
}

static void world_instances_of(void *cx, const char *service,
                               void (*fn)(void *cx, const char *instance), void *fn_cx)
{
    struct world *w = cx;
    if (strcmp(service, "chat") != 0) return;
    for (size_t i = 0; i < WORLD_CHILDREN; i++)
        fn(fn_cx, w->children[i].instance);
}

static void world_will_end(void *cx, const char *instance, bool will)
{
    struct world *w = cx;
    for (size_t i = 0; i < WORLD_CHILDREN; i++)
        if (strcmp(w->children[i].instance, instance) == 0) w->children[i].end_asked = will;
}

static void child_on_exit(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = FL_OWNER(process, struct child, process);
    pid_t pid = child->pid;
    child->pid = 0;
    child->exited = true;
    child->signal = signal;
    child->exit_ns = fl_now();
    if (child->world->injector != NULL)
        fl_injector_on_exit(child->world->injector, child->instance, pid, child->exit_ns);
}

static void child_start(struct world *w, size_t at, const char *instance)
{
    struct child *child = &w->children[at];
    child->world = w;
    child->instance = instance;
    uv_pipe_init(&w->kit->loop, &child->input, 0);
    uv_stdio_container_t stdio[] = {{.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_READABLE_PIPE),
                                     .data.stream = (uv_stream_t *)&child->input}};
    char *args[] = {(char[]){"cat"}, NULL};
    uv_process_options_t options = {.file = "/bin/cat",
                                    .args = args,
                                    .stdio = stdio,
                                    .stdio_count = 1,
                                    .exit_cb = child_on_exit};
    assert_int_equal(uv_spawn(&w->kit->loop, &child->process, &options), 0);
    child->pid = child->process.pid;
}

static int world_open(void **state)
{
    struct world *w = fl_new(struct world);
    assert_int_equal(kit_start((void **)&w->kit), 0);
    w->folder = testkit_folder();
    assert_int_equal(fl_journal_open(&w->journal, w->folder, "engine", NULL), 0);
    child_start(w, 0, "chat.1");
    child_start(w, 1, "chat.2");
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    fl_injector_free(w->injector);
    w->injector = NULL;
    for (size_t i = 0; i < WORLD_CHILDREN; i++) {
        struct child *child = &w->children[i];
        if (child->pid != 0) uv_process_kill(&child->process, SIGKILL);
        kit_run_until(w->kit, &child->exited);
        uv_close((uv_handle_t *)&child->process, NULL);
        uv_close((uv_handle_t *)&child->input, NULL);
    }
    fl_journal_close(w->journal);
    for (size_t i = 0; i < w->facts_count; i++)
        free(w->facts[i]);
    cJSON_Delete(w->plan);
    testkit_remove(w->folder);
    int rc = kit_stop((void **)&w->kit);
    free(w);
    return rc;
}

/* Begins the storm now. */
static void world_storm(struct world *w, const char *faults)
{
    char *plan = fl_format("{\"faults\":[%s]}", faults);
    w->plan = cJSON_Parse(plan);
    assert_non_null(w->plan);
    free(plan);
    struct fl_injector_world world = {
        .cx = w,
        .pid_of = world_pid_of,
        .control_of = world_control_of,
        .instances_of = world_instances_of,
        .will_end = world_will_end,
        .links = w->kit->links,
    };
    assert_int_equal(
        fl_injector_new(&w->injector, &w->kit->loop, w->plan, &world, w->journal, NULL), 0);
    fl_injector_start(w->injector, fl_now());
}

static void world_on_fact(void *cx, const char *writer, const char *line)
{
    struct world *w = cx;
    assert_true(w->facts_count < WORLD_FACTS);
    w->facts[w->facts_count++] = fl_strdup(line);
}

static void world_read_facts(struct world *w)
{
    for (size_t i = 0; i < w->facts_count; i++)
        free(w->facts[i]);
    w->facts_count = 0;
    assert_int_equal(fl_journal_read_facts(w->folder, world_on_fact, w, NULL), 0);
}

/* The nth fact of this name, parsed; delete it. NULL: there are fewer. */
static cJSON *world_fact(struct world *w, const char *name, int nth)
{
    world_read_facts(w);
    for (size_t i = 0; i < w->facts_count; i++) {
        cJSON *fact = cJSON_Parse(w->facts[i]);
        if (strcmp(fl_json_text(fact, "fact", ""), name) == 0 && nth-- == 0) return fact;
        cJSON_Delete(fact);
    }
    return NULL;
}

/* `fault.requested 0, fault.effect 0`: names and fault numbers, as they were written. */
static void expect_facts(struct world *w, const char *expected)
{
    world_read_facts(w);
    struct fl_buf story = {0};
    for (size_t i = 0; i < w->facts_count; i++) {
        cJSON *fact = cJSON_Parse(w->facts[i]);
        fl_buf_printf(&story, "%s%s %lld", i > 0 ? ", " : "", fl_json_text(fact, "fact", ""),
                      (long long)fl_json_int(fact, "fault", -1));
        cJSON_Delete(fact);
    }
    assert_string_equal(story.at, expected);
    fl_buf_fini(&story);
}

static void expect_text(struct world *w, const char *fact_name, const char *key, const char *part)
{
    cJSON *fact = world_fact(w, fact_name, 0);
    assert_non_null(fact);
    const char *text = fl_json_text(fact, key, "");
    if (strstr(text, part) == NULL) fail_msg("%s.%s is \"%s\"", fact_name, key, text);
    cJSON_Delete(fact);
}

/* Turns the loop until the journal holds this many facts of this name. */
static void world_wait_for(struct world *w, const char *fact_name, int count)
{
    uv_update_time(&w->kit->loop);
    uv_timer_start(&w->kit->deadline, kit_on_deadline, KIT_WAIT_S * 1000, 0);
    for (;;) {
        cJSON *fact = world_fact(w, fact_name, count - 1);
        cJSON_Delete(fact);
        if (fact != NULL) break;
        uv_run(&w->kit->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&w->kit->deadline);
}

static void world_on_healed(void *cx)
{
    struct world *w = cx;
    assert_false(w->healed);
    w->healed = true;
}

static void world_heal(struct world *w, fl_ns within_ns)
{
    fl_injector_heal(w->injector, within_ns, world_on_healed, w);
    assert_false(w->healed); /* never inside the call */
    kit_run_until(w->kit, &w->healed);
}

static void a_kill_takes_effect_when_the_exit_is_seen(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"kill\",\"at_ns\":3000000,\"target\":\"chat.2\","
                   "\"pick\":\"0\",\"settings\":{\"signal\":9}}");
    world_wait_for(w, "fault.effect", 1);
    world_heal(w, fl_s(5));
    expect_facts(w, "fault.requested 0, fault.effect 0");
    assert_true(w->children[1].end_asked);
    assert_false(w->children[0].end_asked);
    assert_int_equal(w->children[1].signal, SIGKILL);

    cJSON *requested = world_fact(w, "fault.requested", 0);
    cJSON *effect = world_fact(w, "fault.effect", 0);
    assert_string_equal(fl_json_text(requested, "kind", ""), "kill");
    assert_string_equal(fl_json_text(requested, "pick", ""), "chat.2");
    fl_ns planned_ns = fl_json_int(requested, "planned_ns", 0);
    fl_ns requested_ns = fl_json_int(requested, "t", 0);
    assert_true(planned_ns > 0 && requested_ns >= planned_ns);
    assert_true(fl_json_int(effect, "at_ns", 0) == w->children[1].exit_ns);
    assert_true(w->children[1].exit_ns >= requested_ns);
    cJSON_Delete(requested);
    cJSON_Delete(effect);
}

static void a_kill_of_a_service_picks_one_of_its_running_instances(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"kill\",\"at_ns\":0,\"target\":\"chat\",\"pick\":\"3\"},"
                   "{\"index\":1,\"kind\":\"kill\",\"at_ns\":1000000,\"target\":\"nobody\"}");
    world_wait_for(w, "fault.effect", 1);
    world_wait_for(w, "fault.missed", 1);
    world_heal(w, fl_s(5));
    expect_text(w, "fault.requested", "pick", "chat.2"); /* 3 mod 2, sorted */
    expect_text(w, "fault.missed", "why", "nobody is down");
}

static void after_a_kill_that_failed_the_next_exit_is_a_surprise(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"kill\",\"at_ns\":0,\"target\":\"chat.1\","
                   "\"settings\":{\"signal\":99}}");
    world_wait_for(w, "fault.missed", 1);
    assert_false(w->children[0].end_asked);
    world_heal(w, fl_s(5));
    expect_facts(w, "fault.requested 0, fault.missed 0");
}

static void a_signal_that_ends_nothing_is_missed(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"kill\",\"at_ns\":0,\"target\":\"chat.1\","
                   "\"settings\":{\"signal\":18}}");
    world_wait_for(w, "fault.requested", 1);
    world_heal(w, fl_ms(30));
    expect_facts(w, "fault.requested 0, fault.missed 0");
    assert_false(w->children[0].exited);
}

static void a_pause_is_seen_stopped_and_seen_going_on(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"pause\",\"at_ns\":0,\"for_ns\":60000000000,"
                   "\"target\":\"chat.1\"}");
    world_wait_for(w, "fault.effect", 1);
    assert_int_equal(fl_proc_state(w->children[0].pid), 'T');
    char active[64];
    assert_string_equal(fl_injector_active(w->injector, active, sizeof active), "pause chat.1");

    world_heal(w, fl_s(5));
    assert_int_not_equal(fl_proc_state(w->children[0].pid), 'T');
    expect_facts(w, "fault.requested 0, fault.effect 0, fault.healed 0");
    assert_string_equal(fl_injector_active(w->injector, active, sizeof active), "");
}

static void a_pause_ends_at_its_time(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"pause\",\"at_ns\":0,\"for_ns\":40000000,"
                   "\"target\":\"chat.1\"}");
    world_wait_for(w, "fault.healed", 1);
    cJSON *requested = world_fact(w, "fault.requested", 0);
    cJSON *healed = world_fact(w, "fault.healed", 0);
    assert_true(fl_json_int(healed, "t", 0) >=
                fl_json_int(requested, "planned_ns", 0) + 40 * FL_NS_PER_MS);
    cJSON_Delete(requested);
    cJSON_Delete(healed);
    world_heal(w, fl_s(5));
}

static void a_paused_process_that_is_killed_heals_by_its_end(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"pause\",\"at_ns\":0,\"for_ns\":60000000000,"
                   "\"target\":\"chat.1\"}");
    world_wait_for(w, "fault.effect", 1);
    kill(w->children[0].pid, SIGKILL);
    world_wait_for(w, "fault.healed", 1);
    expect_text(w, "fault.healed", "evidence", "ended");
    world_heal(w, fl_s(5));
    expect_facts(w, "fault.requested 0, fault.effect 0, fault.healed 0");
}

static void of_two_pauses_the_last_to_end_lets_the_process_go_on(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"pause\",\"at_ns\":0,\"for_ns\":60000000,"
                   "\"target\":\"chat.1\"},"
                   "{\"index\":1,\"kind\":\"pause\",\"at_ns\":20000000,\"for_ns\":60000000000,"
                   "\"target\":\"chat.1\"}");
    world_wait_for(w, "fault.healed", 1);
    assert_int_equal(fl_proc_state(w->children[0].pid), 'T');
    world_heal(w, fl_s(5));
    assert_int_not_equal(fl_proc_state(w->children[0].pid), 'T');
    expect_text(w, "fault.healed", "evidence", "kept stopped");
}

static void healing_undoes_what_is_there_and_starts_nothing_more(void **state)
{
    struct world *w = *state;
    world_storm(w, "{\"index\":0,\"kind\":\"pause\",\"at_ns\":0,\"for_ns\":60000000000,"
                   "\"target\":\"chat.1\"},"
                   "{\"index\":1,\"kind\":\"kill\",\"at_ns\":60000000000,\"target\":\"chat.2\"}");
    world_wait_for(w, "fault.effect", 1);
    world_heal(w, fl_s(5));
    expect_facts(w, "fault.requested 0, fault.effect 0, fault.healed 0");
    assert_false(w->children[1].end_asked);
}

static void healing_nothing_is_done_too(void **state)
{
    struct world *w = *state;
    world_storm(w, "");
    world_heal(w, fl_s(5));
    world_read_facts(w);
    assert_int_equal(w->facts_count, 0);
}

static void a_cut_link_refuses_and_comes_back(void **state)
{
    struct world *w = *state;
    int port = kit_listen(w->kit, "front");
    world_storm(w, "{\"index\":4,\"kind\":\"cut\",\"at_ns\":0,\"for_ns\":60000000000,"
                   "\"target\":\"front\",\"settings\":{}}");
    world_wait_for(w, "fault.effect", 1);
    int refused = -1;
    assert_int_equal(kit_try_connect(port, &refused), ECONNREFUSED);
    world_heal(w, fl_s(5));
    close(kit_connect(port));
    expect_facts(w, "fault.requested 4, fault.effect 4, fault.healed 4");
    expect_text(w, "fault.effect", "evidence", "refuses");
    expect_text(w, "fault.healed", "evidence", "accepts");
}

static void latency_takes_effect_at_the_first_chunk_and_misses_where_none_passes(void **state)
{
    struct world *w = *state;
    int server_port = 0;
    int server = kit_server(&server_port);
    int port = kit_listen(w->kit, "front");
    kit_listen(w->kit, "idle");
    fl_links_upstream(w->kit->links, "front", "chat", "127.0.0.1", server_port, true);
    world_storm(w, "{\"index\":0,\"kind\":\"latency\",\"at_ns\":0,\"for_ns\":60000000000,"
                   "\"target\":\"idle\",\"settings\":{\"latency\":1000000}},"
                   "{\"index\":1,\"kind\":\"latency\",\"at_ns\":0,\"for_ns\":60000000000,"
                   "\"target\":\"front\",\"settings\":{\"latency\":1000000}}");
    world_wait_for(w, "fault.requested", 2);
    struct kit_answer order = {0}; /* the links process answers in turn: the toxics are there */
    fl_links_listen(w->kit->links, "last", 0, kit_on_answer, &order);
    kit_take(w->kit, &order, "port");

    int client = kit_connect(port);
    int service = kit_accept(server);
    kit_send(service, "hello", 5);
    kit_expect(client, "hello", 5);
    world_wait_for(w, "fault.effect", 1);
    world_heal(w, fl_s(5));
    expect_facts(w, "fault.requested 0, fault.requested 1, fault.effect 1, fault.missed 0, "
                    "fault.healed 0, fault.healed 1");
    expect_text(w, "fault.missed", "why", "nothing passed");
    close(client);
    close(service);
    close(server);
}

static void what_cannot_be_undone_in_time_is_trouble_and_safe_to_free(void **state)
{
    struct world *w = *state;
    kit_listen(w->kit, "front");
    world_storm(w, "{\"index\":0,\"kind\":\"cut\",\"at_ns\":0,\"for_ns\":60000000000,"
                   "\"target\":\"front\"}");
    world_wait_for(w, "fault.effect", 1);
    kill(w->kit->worker, SIGSTOP);
    world_heal(w, fl_ms(30));
    expect_facts(w, "fault.requested 0, fault.effect 0, harness.trouble -1");
    fl_injector_free(w->injector);
    w->injector = NULL;
    kill(w->kit->worker, SIGCONT);
    kit_listen(w->kit, "after"); /* the late answer came before this one, to nobody */
}

static void a_plan_with_a_fault_nobody_knows_is_an_error(void **state)
{
    struct world *w = *state;
    w->plan = cJSON_Parse("{\"faults\":[{\"index\":0,\"kind\":\"gremlin\",\"at_ns\":0}]}");
    struct fl_injector_world world = {.cx = w};
    struct fl_err err = {0};
    struct fl_injector *injector = NULL;
    assert_int_equal(fl_injector_new(&injector, &w->kit->loop, w->plan, &world, w->journal, &err),
                     FL_EPARSE);
    assert_null(injector);
    assert_non_null(strstr(err.text, "gremlin"));
}

static void faults_are_requested_in_the_order_of_their_times(void **state)
{
    struct world *w = *state;
    struct fl_buf faults = {0};
    for (int i = 0; i < 8; i++) /* nobody's process: each is missed at once */
        fl_buf_printf(&faults,
                      "%s{\"index\":%d,\"kind\":\"kill\",\"at_ns\":%d,\"target\":\"nobody\"}",
                      i > 0 ? "," : "", i, (7 - i) / 2 * 1000000);
    world_storm(w, faults.at);
    fl_buf_fini(&faults);
    world_wait_for(w, "fault.missed", 8);
    world_heal(w, fl_s(5));
    static const int order[] = {6, 7, 4, 5, 2, 3, 0, 1};
    for (int i = 0; i < 8; i++) {
        cJSON *fact = world_fact(w, "fault.requested", i);
        assert_int_equal(fl_json_int(fact, "fault", -1), order[i]);
        assert_true(fl_json_int(fact, "t", 0) >= fl_json_int(fact, "planned_ns", 0));
        cJSON_Delete(fact);
    }
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_kill_takes_effect_when_the_exit_is_seen),
        STORY(a_kill_of_a_service_picks_one_of_its_running_instances),
        STORY(after_a_kill_that_failed_the_next_exit_is_a_surprise),
        STORY(a_signal_that_ends_nothing_is_missed),
        STORY(a_pause_is_seen_stopped_and_seen_going_on),
        STORY(a_pause_ends_at_its_time),
        STORY(a_paused_process_that_is_killed_heals_by_its_end),
        STORY(of_two_pauses_the_last_to_end_lets_the_process_go_on),
        STORY(healing_undoes_what_is_there_and_starts_nothing_more),
        STORY(healing_nothing_is_done_too),
        STORY(a_cut_link_refuses_and_comes_back),
        STORY(latency_takes_effect_at_the_first_chunk_and_misses_where_none_passes),
        STORY(what_cannot_be_undone_in_time_is_trouble_and_safe_to_free),
        STORY(a_plan_with_a_fault_nobody_knows_is_an_error),
        STORY(faults_are_requested_in_the_order_of_their_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
