/* Who opens the page late sees the last minute, and never a line under the wrong name. */
#include "tests/support/testkit.h"

#include "services/dashboard/history.h"

static void add(struct fl_history *history, const char *name, double rate, fl_ns t_ns)
{
    char *text = fl_format("{\"loads\":[{\"name\":\"%s\",\"rate\":%g,\"errors\":0.5,"
                           "\"p99_ns\":4100000}]}",
                           name, rate);
    cJSON *tree = cJSON_Parse(text);
    fl_history_add(history, tree, t_ns);
    cJSON_Delete(tree);
    free(text);
}

static cJSON *put(const struct fl_history *history)
{
    struct fl_buf out = {0};
    fl_history_put(&out, history);
    cJSON *tree = cJSON_Parse(out.at);
    assert_non_null(tree);
    fl_buf_fini(&out);
    return tree;
}

static void points_are_half_a_second_apart_and_oldest_first(void **state)
{
    (void)state;
    struct fl_history history = {0};
    struct fl_buf out = {0};
    fl_history_put(&out, &history);
    assert_string_equal(out.at, "{\"t_ns\":[],\"loads\":[]}");
    out.len = 0;
    for (int i = 0; i <= 10; i++)
        add(&history, "a\\\"b", i, fl_ms(100 * i));
    fl_history_put(&out, &history);
    assert_string_equal(out.at,
                        "{\"t_ns\":[0,500000000,1000000000],\"loads\":[{\"name\":\"a\\\"b\","
                        "\"rate\":[0,5,10],\"errors\":[0.5,0.5,0.5],"
                        "\"p99_ns\":[4100000,4100000,4100000]}]}");
    fl_buf_fini(&out);
}

static void it_keeps_the_last_minute_only(void **state)
{
    (void)state;
    struct fl_history *history = fl_new(struct fl_history);
    for (int i = 0; i < 300; i++)
        add(history, "a", i, fl_s(i));
    cJSON *tree = put(history);
    const cJSON *times = cJSON_GetObjectItem(tree, "t_ns");
    assert_int_equal(cJSON_GetArraySize(times), FL_HISTORY_POINTS);
    assert_true(cJSON_GetArrayItem(times, 0)->valuedouble == 180e9);
    assert_true(cJSON_GetArrayItem(times, FL_HISTORY_POINTS - 1)->valuedouble == 299e9);
    cJSON_Delete(tree);
    free(history);
}

static void other_loads_begin_a_new_history(void **state)
{
    (void)state;
    struct fl_history history = {0};
    add(&history, "a", 1, 0);
    add(&history, "b", 2, fl_ms(1));
    cJSON *tree = put(&history), *loads = cJSON_GetObjectItem(tree, "loads");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "t_ns")), 1);
    assert_string_equal(fl_json_text(cJSON_GetArrayItem(loads, 0), "name", ""), "b");
    cJSON_Delete(tree);
    fl_history_add(&history, NULL, fl_s(1));
    assert_int_equal(history.loads_count, 0);
}

static void more_loads_than_lines_are_cut_and_not_mixed(void **state)
{
    (void)state;
    struct fl_history history = {0};
    cJSON *tree = cJSON_Parse("{\"loads\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}");
    fl_history_add(&history, tree, 0);
    fl_history_add(&history, tree, fl_s(1));
    cJSON_Delete(tree);
    assert_int_equal(history.loads_count, FL_HISTORY_LOADS);
    assert_int_equal(history.points_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_half_a_second_apart_and_oldest_first),
        cmocka_unit_test(it_keeps_the_last_minute_only),
        cmocka_unit_test(other_loads_begin_a_new_history),
        cmocka_unit_test(more_loads_than_lines_are_cut_and_not_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
