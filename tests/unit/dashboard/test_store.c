/* Who opens the page late sees what was, at the right instants, and memory does not grow. */
#include "tests/support/testkit.h"

#include <math.h>

#include "runtime/base/json.h"
#include "services/dashboard/store.h"

static bool add(struct fl_store *store, const char *name, double value, fl_ns at_ns)
{
    struct fl_series series = {.source = "s", .group = "g", .unit = "/s"};
    snprintf(series.name, sizeof series.name, "%s", name);
    return fl_store_put(store, &series, value, at_ns);
}

static char *points(const struct fl_store *store, int ring, fl_ns now_ns)
{
    struct fl_buf out = {0};
    fl_store_put_points(store, ring, now_ns, &out);
    return fl_buf_take(&out);
}

static void points_stand_in_their_slots_and_gaps_are_gaps(void **state)
{
    (void)state;
    struct fl_store *store = fl_store_new();
    add(store, "a", 1, fl_s(100));
    add(store, "a", 2, fl_s(100) + fl_ms(300));
    add(store, "b", 9, fl_s(100) + fl_ms(300));
    add(store, "a", NAN, fl_s(100) + fl_ms(400));
    char *text = points(store, 0, fl_s(100) + fl_ms(420));
    assert_string_equal(text, "{\"generation\":2,\"span\":\"1m\",\"from_ns\":100000000000,"
                              "\"step_ns\":100000000,\"points\":[[1,null,null,2,null],"
                              "[null,null,null,9,null]]}");
    free(text);
    fl_store_free(store);
}

static void what_falls_into_one_slot_is_averaged(void **state)
{
    (void)state;
    struct fl_store *store = fl_store_new();
    for (int i = 0; i < 10; i++)
        add(store, "a", i, fl_s(50) + fl_ms(100 * i));
    char *text = points(store, 1, fl_s(50));
    assert_non_null(strstr(text, "\"points\":[[4.5]]"));
    free(text);
    fl_store_free(store);
}

static void it_keeps_as_much_as_a_ring_has_and_forgets_what_is_older(void **state)
{
    (void)state;
    struct fl_store *store = fl_store_new();
    for (int i = 0; i < 5000; i++)
        add(store, "a", i, fl_ms(100) * i);
    char *text = points(store, 0, fl_ms(100) * 4999);
    cJSON *json = cJSON_Parse(text);
    const cJSON *line = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "points"), 0);
    assert_int_equal(cJSON_GetArraySize(line), fl_store_rings[0].slots);
    assert_true(cJSON_GetArrayItem(line, 0)->valuedouble == 4400);
    assert_true(cJSON_GetArrayItem(line, 599)->valuedouble == 4999);
    cJSON_Delete(json);
    free(text);

    add(store, "a", 7, fl_s(10000)); /* after a long silence nothing old shows up as new */
    text = points(store, 0, fl_s(10000));
    assert_non_null(strstr(text, "\"points\":[[7]]"));
    free(text);
    fl_store_free(store);
}

static void a_late_value_changes_nothing_and_an_old_one_is_no_value_now(void **state)
{
    (void)state;
    struct fl_store *store = fl_store_new();
    add(store, "a", 1, fl_s(5));
    add(store, "b", 2, fl_s(9));
    struct fl_buf out = {0};
    fl_store_put_values(store, fl_s(9), fl_s(3), &out);
    assert_string_equal(out.at, "[null,2]");
    fl_buf_fini(&out);
    add(store, "a", 8, fl_s(4));
    char *text = points(store, 0, fl_s(5));
    assert_non_null(strstr(text, "[1]"));
    free(text);
    fl_store_free(store);
}

static void series_have_a_limit_and_forgotten_ones_make_room(void **state)
{
    (void)state;
    struct fl_store *store = fl_store_new();
    char name[16];
    for (int i = 0; i < FL_STORE_SERIES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_true(add(store, name, i, fl_s(i)));
    }
    assert_false(add(store, "one more", 1, fl_s(1)));
    assert_int_equal(fl_store_dropped(store), 1);
    uint64_t before = fl_store_generation(store);
    fl_store_drop_before(store, fl_s(10));
    assert_int_equal(fl_store_count(store), FL_STORE_SERIES - 10);
    assert_true(fl_store_generation(store) > before);
    assert_true(add(store, "one more", 1, fl_s(300)));
    fl_store_free(store);
}

static void names_are_quoted_and_spans_are_found(void **state)
{
    (void)state;
    struct fl_store *store = fl_store_new();
    add(store, "a\"b", 1, 0);
    struct fl_buf out = {0};
    fl_store_put_table(store, &out);
    assert_string_equal(out.at, "{\"generation\":1,\"series\":[{\"source\":\"s\",\"group\":\"g\","
                                "\"name\":\"a\\\"b\",\"unit\":\"/s\"}]}");
    fl_buf_fini(&out);
    fl_store_free(store);
    assert_int_equal(fl_store_ring_find(FL_STR("15m")), 1);
    assert_int_equal(fl_store_ring_find(FL_STR("2m")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_stand_in_their_slots_and_gaps_are_gaps),
        cmocka_unit_test(what_falls_into_one_slot_is_averaged),
        cmocka_unit_test(it_keeps_as_much_as_a_ring_has_and_forgets_what_is_older),
        cmocka_unit_test(a_late_value_changes_nothing_and_an_old_one_is_no_value_now),
        cmocka_unit_test(series_have_a_limit_and_forgotten_ones_make_room),
        cmocka_unit_test(names_are_quoted_and_spans_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
