/* The same scenario and seed give the same plan; and what stands in it. */
#include "tests/support/testkit.h"

#include "engine/plan.h"
#include "runtime/base/json.h"

#define HEAD                                                                                  \
    "faultline: 1\nname: p\nduration: 60s\n"                                                  \
    "services: {chat: {use: chat, instances: 2}, queue: {use: queue}, own: {command: [x]}}\n" \
    "links: {front: {to: chat}, one: {to: chat.1}}\n"                                         \
    "load:\n"                                                                                 \
    "  talkers: {workload: chat, through: front, rate: 10/s}\n"                               \
    "  direct: {workload: chat, to: chat.2, rate: 10/s}\n"                                    \
    "  first: {workload: chat, through: one, rate: 10/s}\n"                                   \
    "  jobs: {workload: queue, to: queue, rate: 10/s}\n"                                      \
    "faults:\n"

static struct fl_scenario *scenario_of(const char *text)
{
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "p.yaml", .skip_programs = true};
    if (fl_scenario_parse(&scenario, fl_str_of(text), &opts, &problems) != 0)
        fail_msg("%s", problems.lines[0]);
    return scenario;
}

static cJSON *plan_of(const char *text, uint64_t seed)
{
    struct fl_scenario *scenario = scenario_of(text);
    cJSON *plan = fl_plan_make(scenario, seed);
    fl_scenario_free(scenario);
    return plan;
}

static char *plan_text_of(const char *text, uint64_t seed)
{
    cJSON *plan = plan_of(text, seed);
    char *out = fl_plan_text(plan);
    cJSON_Delete(plan);
    return out;
}

static const char three[] = HEAD "  - {every: 5s, jitter: 2s, from: 3s, crash: \"chat:room/*\"}\n"
                                 "  - {at: 9s, kill: queue}\n";

static void one_seed_gives_the_same_bytes_and_another_gives_others(void **state)
{
    (void)state;
    char *a = plan_text_of(three, 7), *b = plan_text_of(three, 7), *c = plan_text_of(three, 8);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    free(a), free(b), free(c);
}

static void overrides_stand_in_the_plan_and_only_then(void **state)
{
    (void)state;
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    const char *const sets[] = {"duration=30s", "load.jobs.rate=5/s", NULL};
    struct fl_scenario_opts opts = {.path = "p.yaml", .skip_programs = true, .sets = sets};
    assert_int_equal(fl_scenario_parse(&scenario, fl_str_of(three), &opts, &problems), 0);
    cJSON *plan = fl_plan_make(scenario, 7), *plain = plan_of(three, 7);
    fl_scenario_free(scenario);
    const cJSON *set = cJSON_GetObjectItemCaseSensitive(plan, "set");
    assert_int_equal(cJSON_GetArraySize(set), 2);
    assert_string_equal(cJSON_GetArrayItem(set, 1)->valuestring, "load.jobs.rate=5/s");
    assert_null(cJSON_GetObjectItemCaseSensitive(plain, "set"));
    cJSON_Delete(plan);
    cJSON_Delete(plain);
}

static const cJSON *item_of(const cJSON *plan, const char *list, int index)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(plan, list), index);
}

/* The picks and times of every injection of a kind, as text. */
static char *draws_of(const cJSON *plan, const char *kind)
{
    struct fl_buf out = {0};
    const cJSON *fault = cJSON_GetObjectItemCaseSensitive(plan, "faults")->child;
    for (; fault != NULL; fault = fault->next)
        if (strcmp(fl_json_text(fault, "kind", ""), kind) == 0)
            fl_buf_printf(&out, "%lld %s\n", (long long)fl_json_int(fault, "at_ns", 0),
                          fl_json_text(fault, "pick", ""));
    return fl_buf_take(&out);
}

static void one_more_fault_moves_no_draw_of_the_others(void **state)
{
    (void)state;
    cJSON *before = plan_of(three, 7);
    cJSON *after = plan_of(HEAD "  - {every: 5s, jitter: 2s, from: 3s, crash: \"chat:room/*\"}\n"
                                "  - {at: 9s, kill: queue}\n"
                                "  - {every: 3s, jitter: 1s, for: 500ms, pause: chat.2}\n",
                           7);
    static const char *const kinds[] = {"crash", "kill"};
    for (size_t i = 0; i < FL_COUNT(kinds); i++) {
        char *a = draws_of(before, kinds[i]), *b = draws_of(after, kinds[i]);
        assert_string_equal(a, b);
        free(a), free(b);
    }
    const cJSON *load = item_of(before, "loads", 0), *same = item_of(after, "loads", 0);
    assert_string_equal(fl_json_text(load, "seed", "a"), fl_json_text(same, "seed", "b"));
    cJSON_Delete(before);
    cJSON_Delete(after);
}

static void a_fault_that_strikes_more_often_moves_no_draw_of_the_one_below(void **state)
{
    (void)state;
    cJSON *before = plan_of(three, 7);
    cJSON *after = plan_of(HEAD "  - {every: 2s, jitter: 1s, from: 3s, crash: \"chat:room/*\"}\n"
                                "  - {at: 9s, kill: queue}\n",
                           7);
    char *a = draws_of(before, "kill"), *b = draws_of(after, "kill");
    char *c = draws_of(before, "crash"), *d = draws_of(after, "crash");
    assert_string_equal(a, b);
    assert_true(strlen(d) > strlen(c));
    free(a), free(b), free(c), free(d);
    cJSON_Delete(before);
    cJSON_Delete(after);
}

static void injections_come_in_order_and_stay_inside_their_limits(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        cJSON *plan = plan_of(HEAD
                              "  - {every: 4s, jitter: 2s, from: 10s, until: 30s, kill: queue}\n"
                              "  - {every: 7s, jitter: 1s, for: 2s, cut: front}\n",
                              seed);
        const cJSON *faults = cJSON_GetObjectItemCaseSensitive(plan, "faults");
        int64_t last_ns = 0, index = 0, kills = 0;
        for (const cJSON *fault = faults->child; fault != NULL; fault = fault->next) {
            int64_t at_ns = fl_json_int(fault, "at_ns", -1);
            assert_true(at_ns >= last_ns);
            assert_int_equal(fl_json_int(fault, "index", -1), index++);
            bool kill = strcmp(fl_json_text(fault, "kind", ""), "kill") == 0;
            if (kill) {
                kills++;
                assert_true(at_ns >= fl_s(10) && at_ns < fl_s(30));
            } else {
                assert_true(at_ns >= fl_s(7) && at_ns + fl_s(2) <= fl_s(60));
            }
            last_ns = at_ns;
        }
        assert_int_equal(kills, 5);
        cJSON_Delete(plan);
    }
}

static void at_the_same_instant_the_order_of_the_scenario_counts(void **state)
{
    (void)state;
    cJSON *plan = plan_of(HEAD "  - {at: 9s, kill: queue}\n"
                               "  - {at: 3s, kill: chat.2}\n"
                               "  - {at: 9s, kill: chat.1}\n"
                               "  - {at: 9s, kill: own}\n",
                          1);
    static const char *const order[] = {"chat.2", "queue", "chat.1", "own"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(fl_json_text(item_of(plan, "faults", i), "target", ""), order[i]);
    cJSON_Delete(plan);
}

static void the_path_of_a_fault_is_the_loads_that_it_can_touch(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *path;
    } rows[] = {
        {"{at: 1s, kill: chat.1}", "[\"talkers\",\"first\"]"},
        {"{at: 1s, kill: chat.2}", "[\"talkers\",\"direct\"]"},
        {"{at: 1s, kill: chat}", "[\"talkers\",\"direct\",\"first\"]"},
        {"{at: 1s, kill: \"chat.*\"}", "[\"talkers\",\"direct\",\"first\"]"},
        {"{at: 1s, kill: own}", "[]"},
        {"{at: 1s, kill: queue}", "[\"jobs\"]"},
        {"{at: 1s, crash: \"chat.1:room/*\"}", "[\"talkers\",\"first\"]"},
        {"{at: 1s, crash: \"chat:room/*\"}", "[\"talkers\",\"direct\",\"first\"]"},
        {"{at: 1s, for: 1s, cut: front}", "[\"talkers\"]"},
        {"{at: 1s, for: 1s, cut: one}", "[\"first\"]"},
        {"{at: 1s, kill: queue, watch: [direct, jobs]}", "[\"direct\",\"jobs\"]"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        char *text = fl_format(HEAD "  - %s\n", rows[i].fault);
        cJSON *plan = plan_of(text, 1);
        const cJSON *fault = item_of(plan, "faults", 0);
        char *path = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(fault, "path"));
        assert_string_equal(path, rows[i].path);
        cJSON_free(path);
        cJSON_Delete(plan);
        free(text);
    }
}

static void a_plan_read_again_fits_its_scenario_and_an_edited_one_must_too(void **state)
{
    (void)state;
    struct fl_scenario *scenario = scenario_of(three);
    char *folder = testkit_folder();
    char *path = fl_format("%s/plan.json", folder), *text = plan_text_of(three, 7);
    cJSON *back = NULL;
    struct fl_err err;
    assert_int_equal(fl_file_write(path, text, strlen(text), &err), 0);
    assert_int_equal(fl_plan_load(&back, path, scenario, &err), 0);
    char *again = fl_plan_text(back);
    assert_string_equal(again, text);

    cJSON *fault = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(back, "faults"), 0);
    cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(fault, "at_ns"), 4e9);
    assert_int_equal(fl_plan_check(back, scenario, &err), 0);
    cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(fault, "at_ns"), 61e9);
    assert_int_not_equal(fl_plan_check(back, scenario, &err), 0);
    assert_string_equal(err.text, "fault 0 (crash): at_ns is outside the storm");
    cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(fault, "at_ns"), 4e9);
    cJSON_SetValuestring(cJSON_GetObjectItemCaseSensitive(fault, "kind"), "fire");
    assert_int_not_equal(fl_plan_check(back, scenario, &err), 0);
    assert_string_equal(err.text, "fault 0: unknown kind \"fire\"");

    free(again), free(text), free(path);
    cJSON_Delete(back);
    fl_scenario_free(scenario);
    testkit_remove(folder);
}

static void a_person_sees_each_fault_with_its_time_and_a_picture(void **state)
{
    (void)state;
    cJSON *plan = plan_of(HEAD "  - {at: 30s, kill: queue}\n  - {at: 0, for: 15s, pause: own}\n",
                          7);
    char *table = fl_plan_table(plan);
    assert_string_equal(
        table,
        "p, seed 7: warm-up 3s, storm 60s, calm 5s\n\n"
        "          at       for  fault      target               on the path of\n"
        "           0       15s  pause      own                  no load: it cannot be judged\n"
        "         30s         -  kill       queue                jobs\n"
        "\n"
        "  storm  x at once  = lasts 0                                                          "
        "60s\n"
        "  pause own                "
        "|================............................................|\n"
        "  kill queue               "
        "|..............................x.............................|\n"
        "\n"
        "  at: since the storm began; a run and its report count from the start of load, 3s "
        "earlier\n");
    free(table);
    cJSON_Delete(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_the_same_bytes_and_another_gives_others),
        cmocka_unit_test(overrides_stand_in_the_plan_and_only_then),
        cmocka_unit_test(one_more_fault_moves_no_draw_of_the_others),
        cmocka_unit_test(a_fault_that_strikes_more_often_moves_no_draw_of_the_one_below),
        cmocka_unit_test(injections_come_in_order_and_stay_inside_their_limits),
        cmocka_unit_test(at_the_same_instant_the_order_of_the_scenario_counts),
        cmocka_unit_test(the_path_of_a_fault_is_the_loads_that_it_can_touch),
        cmocka_unit_test(a_plan_read_again_fits_its_scenario_and_an_edited_one_must_too),
        cmocka_unit_test(a_person_sees_each_fault_with_its_time_and_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
