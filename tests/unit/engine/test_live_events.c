/* Who watches a run sees what happened last, and how long things took to come back. */
#include "tests/support/testkit.h"

#include "engine/live_events.h"
#include "runtime/base/json.h"

static void add(struct fl_live_events *events, const char *text, const char *words)
{
    cJSON *fact = cJSON_Parse(text);
    assert_non_null(fact);
    fl_live_events_add(events, fact, words, "m");
    cJSON_Delete(fact);
}

static void the_way_back_is_measured_from_the_first_exit(void **state)
{
    (void)state;
    struct fl_live_events events = {0};
    add(&events, "{\"fact\":\"proc.ready\",\"t\":1000,\"instance\":\"a\"}", "a ready");
    add(&events, "{\"fact\":\"proc.exit\",\"t\":5000,\"instance\":\"a\"}", "a \"ended\"");
    add(&events, "{\"fact\":\"proc.exit\",\"t\":6000,\"instance\":\"a\"}", "again");
    add(&events, "{\"fact\":\"proc.restart\",\"t\":6100,\"instance\":\"a\"}", "of no interest");
    add(&events, "{\"fact\":\"proc.ready\",\"t\":7500,\"instance\":\"a\"}", "a ready");
    struct fl_buf out = {0};
    fl_live_events_put(&events, 2000, &out);
    assert_string_equal(out.at,
                        "[{\"kind\":\"back\",\"t_ns\":1000,\"at_ns\":0,\"took_ns\":0,\"text\":"
                        "\"a ready\",\"short\":\"m\"},"
                        "{\"kind\":\"down\",\"t_ns\":5000,\"at_ns\":3000,\"took_ns\":0,\"text\":"
                        "\"a \\\"ended\\\"\",\"short\":\"m\"},"
                        "{\"kind\":\"down\",\"t_ns\":6000,\"at_ns\":4000,\"took_ns\":0,\"text\":"
                        "\"again\",\"short\":\"m\"},"
                        "{\"kind\":\"back\",\"t_ns\":7500,\"at_ns\":5500,\"took_ns\":2500,\"text\":"
                        "\"a ready\",\"short\":\"m\"}]");
    fl_buf_fini(&out);
}

static void only_the_last_ones_are_kept_oldest_first(void **state)
{
    (void)state;
    struct fl_live_events events = {0};
    for (int i = 0; i < 100; i++) {
        char text[96];
        snprintf(text, sizeof text, "{\"fact\":\"fault.effect\",\"t\":%d,\"fault\":1}", i);
        add(&events, text, "f");
    }
    struct fl_buf out = {0};
    fl_live_events_put(&events, 0, &out);
    cJSON *json = cJSON_Parse(out.at);
    assert_int_equal(cJSON_GetArraySize(json), FL_LIVE_EVENTS_MAX);
    assert_int_equal(fl_json_int(cJSON_GetArrayItem(json, 0), "t_ns", 0), 100 - FL_LIVE_EVENTS_MAX);
    cJSON_Delete(json);
    fl_buf_fini(&out);
}

static void more_instances_than_there_is_room_for_are_no_harm(void **state)
{
    (void)state;
    struct fl_live_events events = {0};
    for (int i = 0; i < FL_LIVE_DOWN_MAX + 5; i++) {
        char text[96];
        snprintf(text, sizeof text, "{\"fact\":\"proc.exit\",\"t\":9,\"instance\":\"n%d\"}", i);
        add(&events, text, "down");
    }
    assert_int_equal(events.downs_count, FL_LIVE_DOWN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_back_is_measured_from_the_first_exit),
        cmocka_unit_test(only_the_last_ones_are_kept_oldest_first),
        cmocka_unit_test(more_instances_than_there_is_room_for_are_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
