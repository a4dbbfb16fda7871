/* What a good scenario becomes. */
#include "tests/support/testkit.h"

#include <signal.h>

#include "engine/scenario.h"
#include "runtime/base/json.h"

static const char whole[] =
    "faultline: 1\n"
    "name: whole\n"
    "seed: 2a\n"
    "duration: 1.5m\n"
    "services:\n"
    "  chat: {use: chat, instances: 2, port: 7000}\n"
    "  redis:\n"
    "    command: [redis-server, --port, \"${port}\"]\n"
    "    env: {LOG: \"a=b\", WHERE: \"${dir}\"}\n"
    "    ready: {log: \"[Rr]eady to accept\", within: 3s}\n"
    "    stop: {signal: SIGINT, within: 2s}\n"
    "  plain: {command: [thing]}\n"
    "supervision: {max_restarts: 3}\n"
    "links: {front: {to: chat.2}}\n"
    "load:\n"
    "  talkers: {workload: chat, through: front, users: 50, rate: 120/m, slow: 80ms}\n"
    "  pings: {workload: tcp, to: redis, rate: 10/s, send: \"PING\\r\\n\", timeout: 500ms}\n"
    "faults:\n"
    "  - {at: 5s, kill: chat.1}\n"
    "  - {every: 4s, crash: \"chat:room/*\"}\n"
    "  - {at: 26s, for: 2s, toxic: latency, on: front, latency: 200ms, jitter: 50ms}\n"
    "targets: [lost = 0]\n";

static struct fl_scenario *parse_with(const char *text, const char *const *sets)
{
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "a/b/t.yaml", .sets = sets, .skip_programs = true};
    int rc = fl_scenario_parse(&scenario, fl_str_of(text), &opts, &problems);
    for (size_t i = 0; i < problems.count; i++)
        print_error("%s\n", problems.lines[i]);
    fl_problems_fini(&problems);
    assert_int_equal(rc, 0);
    return scenario;
}

static void what_is_written_is_what_is_meant(void **state)
{
    (void)state;
    struct fl_scenario *s = parse_with(whole, NULL);
    assert_string_equal(s->name, "whole");
    assert_true(s->has_seed);
    assert_int_equal(s->seed, 0x2a);
    assert_int_equal(s->duration_ns, fl_s(90));
    assert_string_equal(s->source, whole);

    assert_int_equal(s->services_count, 3);
    assert_string_equal(s->services[0].instances[1], "chat.2");
    assert_int_equal(s->services[0].port, 7000);
    assert_ptr_equal(s->services[0].row, fl_service_find("chat"));
    const struct fl_scenario_service *redis = &s->services[1];
    assert_string_equal(redis->instances[0], "redis");
    assert_string_equal(redis->argv[2], "${port}");
    assert_null(redis->argv[3]);
    assert_string_equal(redis->env[0], "LOG=a=b");
    assert_string_equal(redis->env[1], "WHERE=${dir}");
    assert_null(redis->env[2]);
    assert_int_equal(redis->ready.kind, FL_READY_LOG);
    assert_int_equal(redis->ready.within_ns, fl_s(3));
    assert_int_equal(redis->stop.signal, SIGINT);
    assert_int_equal(redis->stop.within_ns, fl_s(2));

    assert_int_equal(s->links[0].instance, 1);
    assert_int_equal(s->loads_count, 2);
    assert_int_equal(s->loads[0].users, 50);
    assert_true(s->loads[0].rate_per_s == 2.0);
    assert_int_equal(s->loads[0].slow_ns, fl_ms(80));
    assert_ptr_equal(s->loads[0].link, &s->links[0]);
    assert_ptr_equal(s->loads[0].service, &s->services[0]);
    assert_string_equal(fl_json_text(s->loads[1].settings, "send", ""), "PING\r\n");

    assert_int_equal(s->faults_count, 3);
    assert_ptr_equal(s->faults[0].service, &s->services[0]);
    assert_int_equal(s->faults[2].for_ns, fl_s(2));
    assert_ptr_equal(s->faults[2].link, &s->links[0]);
    assert_int_equal(fl_json_int(s->faults[2].settings, "latency", 0), fl_ms(200));
    assert_int_equal(fl_json_int(s->faults[2].settings, "jitter", 0), fl_ms(50));
    assert_int_equal(s->faults[2].jitter_ns, 0);
    assert_string_equal(s->targets[0].text, "lost = 0");
    fl_scenario_free(s);
}

static void what_is_not_written_has_its_standard(void **state)
{
    (void)state;
    struct fl_scenario *s = parse_with(whole, NULL);
    assert_int_equal(s->warmup_ns, fl_s(3));
    assert_int_equal(s->calm_ns, fl_s(5));
    assert_int_equal(s->supervision.strategy, FL_ONE_FOR_ONE);
    assert_int_equal(s->supervision.max_restarts, 3);
    assert_int_equal(s->supervision.within_ns, fl_s(10));
    assert_int_equal(s->recovery.window_ns, fl_s(1));
    assert_true(s->recovery.epsilon == 0.01);
    assert_int_equal(s->recovery.settle_ns, fl_s(5));
    assert_int_equal(s->loads[0].timeout_ns, fl_s(2));
    assert_int_equal(s->loads[1].timeout_ns, fl_ms(500));
    /* every: from one period on, to the end of the storm */
    assert_int_equal(s->faults[1].from_ns, fl_s(4));
    assert_int_equal(s->faults[1].until_ns, fl_s(90));
    /* ready: a reference service answers HTTP; a program that never heard of a port just runs */
    assert_int_equal(s->services[0].ready.kind, FL_READY_HTTP);
    assert_int_equal(s->services[0].ready.within_ns, fl_s(15));
    assert_int_equal(s->services[2].ready.kind, FL_READY_STARTED);
    fl_scenario_free(s);
}

static void the_least_that_a_file_may_say_has_a_name_and_times(void **state)
{
    (void)state;
    struct fl_scenario *s = parse_with("faultline: 1\nservices: {q: {use: queue}}\n", NULL);
    assert_string_equal(s->name, "t");
    assert_false(s->has_seed);
    assert_int_equal(s->warmup_ns, fl_s(3));
    assert_int_equal(s->duration_ns, fl_s(30));
    assert_int_equal(s->calm_ns, fl_s(5));
    fl_scenario_free(s);
}

static void json_is_yaml_too(void **state)
{
    (void)state;
    struct fl_scenario *s = parse_with("{\"faultline\": 1, \"duration\": \"5s\", \"services\": "
                                       "{\"q\": {\"use\": \"queue\"}}}",
                                       NULL);
    assert_int_equal(s->duration_ns, fl_s(5));
    fl_scenario_free(s);
}

static void set_changes_adds_and_appends(void **state)
{
    (void)state;
    const char *const sets[] = {
        "duration=2m",    "load.talkers.rate=7/s",          "calm=1s", "recovery.window=2s",
        "faults.0.at=6s", "faults.3={at: 9s, kill: redis}", NULL};
    struct fl_scenario *s = parse_with(whole, sets);
    assert_int_equal(s->duration_ns, fl_s(120));
    assert_true(s->loads[0].rate_per_s == 7.0);
    assert_int_equal(s->calm_ns, fl_s(1));
    assert_int_equal(s->recovery.window_ns, fl_s(2));
    assert_int_equal(s->faults[0].at_ns, fl_s(6));
    assert_int_equal(s->faults_count, 4);
    assert_string_equal(s->faults[3].target, "redis");
    fl_scenario_free(s);
}

static void what_set_broke_is_said_of_set(void **state)
{
    (void)state;
    static const struct {
        const char *set, *problem;
    } rows[] = {
        {"duration=soon",
         "--set duration=soon: \"duration\": \"soon\" is not a duration; write 500ms, 2s or 3m"},
        {"nmae=x", "--set nmae=x: unknown key \"nmae\" in a scenario; did you mean \"name\"?"},
        {"duration", "--set duration: expected key.path=value, such as duration=10s"},
        {"faults.9.at=1s",
         "--set faults.9.at=1s: \"9\" is no place in a list of 3; the first is 0"},
        {"name.x=1", "--set name.x=1: \"x\" cannot be set inside the text \"whole\""},
        {"load..rate=1", "--set load..rate=1: a part of the path is empty"},
        {"name=[", "--set name=[: the value is not YAML: did not find expected node content while "
                   "parsing a flow node"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        const char *const sets[] = {rows[i].set, NULL};
        struct fl_scenario *s = NULL;
        struct fl_problems problems = {0};
        struct fl_scenario_opts opts = {.path = "t.yaml", .sets = sets, .skip_programs = true};
        assert_int_equal(fl_scenario_parse(&s, fl_str_of(whole), &opts, &problems), FL_EPARSE);
        assert_string_equal(problems.lines[0], rows[i].problem);
        fl_problems_fini(&problems);
    }
}

static void variables_are_put_in_and_a_doubled_dollar_keeps_one_out(void **state)
{
    (void)state;
    struct fl_scenario_vars vars = {.port = 8080, .dir = "/d", .instance = "web.2"};
    char *text = fl_scenario_expand("${dir}/${instance}:${port} $${port} $x ${", &vars);
    assert_string_equal(text, "/d/web.2:8080 ${port} $x ${");
    free(text);
}

static void a_seed_reads_as_it_is_shown(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {0, 7, 0x42, 0x9e3779b97f4a7c15, UINT64_MAX};
    for (size_t i = 0; i < FL_COUNT(seeds); i++) {
        char text[24];
        uint64_t back = 1;
        fl_seed_show(seeds[i], text, sizeof text);
        assert_int_equal(fl_seed_parse(fl_str_of(text), &back, NULL), 0);
        assert_true(back == seeds[i]);
    }
    uint64_t seed = 0;
    assert_int_equal(fl_seed_parse(FL_STR("0xFF"), &seed, NULL), 0);
    assert_int_equal(seed, 255);
    assert_int_not_equal(fl_seed_parse(FL_STR("12345678901234567"), &seed, NULL), 0);
    assert_int_not_equal(fl_seed_parse(FL_STR("-1"), &seed, NULL), 0);
}

/* The fenced parts of the manual: whole scenarios on their own, the others put together. */
static void the_examples_of_the_manual_are_good(void **state)
{
    (void)state;
    char *manual = NULL;
    assert_int_equal(fl_file_read(&manual, NULL, FL_SOURCE_DIR "/docs/scenario.md", NULL), 0);
    struct fl_buf parts = {0};
    fl_buf_puts(&parts, "faultline: 1\nduration: 60s\n");
    int whole_count = 0, parts_count = 0;
    const char *at = manual;
    while ((at = strstr(at, "\n```yaml\n")) != NULL) {
        at += strlen("\n```yaml\n");
        const char *end = strstr(at, "\n```");
        assert_non_null(end);
        char *text = fl_str_dup((struct fl_str){at, (size_t)(end - at) + 1});
        if (strncmp(text, "faultline:", 10) == 0) {
            fl_scenario_free(parse_with(text, NULL));
            whole_count++;
        } else {
            fl_buf_puts(&parts, text);
            parts_count++;
        }
        free(text);
    }
    struct fl_scenario *s = parse_with(parts.at, NULL);
    assert_int_equal(s->faults_count, 8);
    assert_int_equal(s->targets_count, 5);
    fl_scenario_free(s);
    assert_true(whole_count >= 1 && parts_count >= 7);
    fl_buf_fini(&parts);
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_is_meant),
        cmocka_unit_test(what_is_not_written_has_its_standard),
        cmocka_unit_test(the_least_that_a_file_may_say_has_a_name_and_times),
        cmocka_unit_test(json_is_yaml_too),
        cmocka_unit_test(set_changes_adds_and_appends),
        cmocka_unit_test(what_set_broke_is_said_of_set),
        cmocka_unit_test(variables_are_put_in_and_a_doubled_dollar_keeps_one_out),
        cmocka_unit_test(a_seed_reads_as_it_is_shown),
        cmocka_unit_test(the_examples_of_the_manual_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
