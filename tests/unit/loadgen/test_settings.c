#include "tests/support/testkit.h"

#include "loadgen/endpoints.h"
#include "loadgen/loadgen.h"
#include "loadgen/settings.h"

static const struct fl_param rows[] = {
    {"rooms", FL_PARAM_INT, false, 1, 100, "5", "rooms"},
    {"visibility", FL_PARAM_DURATION, false, 0, 0, "5s", "hidden for"},
    {"expect", FL_PARAM_TEXT, false, 0, 0, "2xx", "status"},
    {"body", FL_PARAM_TEXT, false, 0, 0, NULL, "body"},
    {0},
};

static double number_of(const char *json, const char *name)
{
    cJSON *object = cJSON_Parse(json);
    struct fl_settings settings = {.object = object, .params = rows};
    struct fl_err err = {0};
    double value = -1;
    int rc = fl_settings_number(&settings, name, &value, &err);
    cJSON_Delete(object);
    return rc == 0 ? value : -1;
}

static void what_the_plan_leaves_out_is_the_standard_of_the_table(void **state)
{
    (void)state;
    assert_true(number_of("{}", "rooms") == 5);
    assert_true(number_of("{\"rooms\":8}", "rooms") == 8);
    assert_true(number_of("{}", "visibility") == 5e9);
    assert_true(number_of("{\"visibility\":2000000000}", "visibility") == 2e9);
    assert_true(number_of("{\"visibility\":\"250ms\"}", "visibility") == 250e6);
}

static void a_number_outside_its_limits_is_an_error_that_names_it(void **state)
{
    (void)state;
    cJSON *object = cJSON_Parse("{\"rooms\":0}");
    struct fl_settings settings = {.object = object, .params = rows};
    struct fl_err err = {0};
    double value = -1;
    assert_int_equal(fl_settings_number(&settings, "rooms", &value, &err), FL_ERANGE);
    assert_non_null(strstr(err.text, "rooms"));
    assert_true(value == -1);
    cJSON_Delete(object);
}

static void a_status_may_be_a_number_or_a_text(void **state)
{
    (void)state;
    cJSON *object = cJSON_Parse("{\"expect\":204}");
    struct fl_settings settings = {.object = object, .params = rows};
    char *expect = fl_settings_text(&settings, "expect");
    assert_string_equal(expect, "204");
    free(expect);
    assert_null(fl_settings_text(&settings, "body"));
    settings.object = NULL;
    expect = fl_settings_text(&settings, "expect");
    assert_string_equal(expect, "2xx");
    free(expect);
    cJSON_Delete(object);
}

static void escapes_become_bytes_and_everything_else_stays(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes;
        size_t len;
    } rows_ok[] = {
        {"PING\\r\\n", "PING\r\n", 6},
        {"PING\r\n", "PING\r\n", 6},
        {"a\\tb\\\\n", "a\tb\\n", 5},
        {"\\x00\\xfFz", "\0\377z", 3},
        {"\\0", "\0", 1},
        {"\\\"ä", "\"ä", 3},
    };
    for (size_t i = 0; i < FL_COUNT(rows_ok); i++) {
        struct fl_buf buf = {0};
        assert_int_equal(fl_settings_unescape(rows_ok[i].text, &buf, NULL), 0);
        assert_int_equal(buf.len, rows_ok[i].len);
        assert_memory_equal(buf.at, rows_ok[i].bytes, buf.len);
        fl_buf_fini(&buf);
    }
}

static void a_broken_escape_is_an_error_and_reads_nothing_behind_the_end(void **state)
{
    (void)state;
    static const char *const broken[] = {"\\", "a\\x", "a\\x1", "a\\xg0", "\\q"};
    for (size_t i = 0; i < FL_COUNT(broken); i++) {
        struct fl_buf buf = {0};
        struct fl_err err = {0};
        char *exact = fl_strdup(broken[i]); /* so that a sanitizer sees the end */
        assert_int_equal(fl_settings_unescape(exact, &buf, &err), FL_EPARSE);
        free(exact);
        fl_buf_fini(&buf);
    }
}

static void connections_go_in_turn_over_those_that_are_up(void **state)
{
    (void)state;
    struct fl_endpoints endpoints = {0};
    cJSON *list = cJSON_Parse(
        "[{\"instance\":\"a.1\",\"port\":1},{\"instance\":\"a.2\",\"port\":2},"
        "{\"instance\":\"a.3\",\"port\":3}]");
    assert_int_equal(fl_endpoints_read(&endpoints, list, NULL), 0);
    assert_int_equal(fl_endpoints_pick(&endpoints), 0);
    assert_int_equal(fl_endpoints_pick(&endpoints), 1);
    assert_int_equal(fl_endpoints_pick(&endpoints), 2);
    fl_endpoints_set(&endpoints, "a.1", false, 0);
    assert_int_equal(fl_endpoints_pick(&endpoints), 1);
    assert_int_equal(fl_endpoints_pick(&endpoints), 2);
    assert_int_equal(fl_endpoints_pick(&endpoints), 1);
    fl_endpoints_set(&endpoints, "a.1", true, 0);
    assert_int_equal(fl_endpoints_pick(&endpoints), 2);
    assert_int_equal(fl_endpoints_pick(&endpoints), 0);
    fl_endpoints_fini(&endpoints);
    cJSON_Delete(list);
}

static void with_all_down_the_load_still_knocks(void **state)
{
    (void)state;
    struct fl_endpoints endpoints = {0};
    cJSON *list = cJSON_Parse(
        "[{\"instance\":\"a.1\",\"port\":1},{\"instance\":\"a.2\",\"port\":2}]");
    assert_int_equal(fl_endpoints_read(&endpoints, list, NULL), 0);
    fl_endpoints_set(&endpoints, "a.1", false, 0);
    fl_endpoints_set(&endpoints, "a.2", false, 0);
    assert_int_equal(fl_endpoints_pick(&endpoints), 0);
    assert_int_equal(fl_endpoints_pick(&endpoints), 1);
    assert_int_equal(fl_endpoints_pick(&endpoints), 0);
    fl_endpoints_fini(&endpoints);
    cJSON_Delete(list);
}

static void every_standard_in_the_workload_tables_can_be_read(void **state)
{
    (void)state;
    for (const struct fl_workload *workload = fl_workloads; workload->name != NULL; workload++) {
        assert_ptr_equal(fl_workload_find(workload->name), workload);
        assert_non_null(workload->help);
        struct fl_settings settings = {.params = workload->params};
        for (const struct fl_param *row = workload->params; row->name != NULL; row++) {
            double value = 0;
            assert_non_null(row->help);
            if (row->kind != FL_PARAM_TEXT && row->kind != FL_PARAM_MAP)
                assert_int_equal(fl_settings_number(&settings, row->name, &value, NULL), 0);
        }
    }
    assert_null(fl_workload_find("nonsense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_plan_leaves_out_is_the_standard_of_the_table),
        cmocka_unit_test(a_number_outside_its_limits_is_an_error_that_names_it),
        cmocka_unit_test(a_status_may_be_a_number_or_a_text),
        cmocka_unit_test(escapes_become_bytes_and_everything_else_stays),
        cmocka_unit_test(a_broken_escape_is_an_error_and_reads_nothing_behind_the_end),
        cmocka_unit_test(connections_go_in_turn_over_those_that_are_up),
        cmocka_unit_test(with_all_down_the_load_still_knocks),
        cmocka_unit_test(every_standard_in_the_workload_tables_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
