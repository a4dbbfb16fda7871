#include "tests/support/testkit.h"

#include "loadgen/health.h"
#include "runtime/base/json.h"

static cJSON *read_fields(struct fl_buf *fields)
{
    char *text = fl_format("{%s}", fields->at);
    cJSON *json = cJSON_Parse(text);
    free(text);
    fl_buf_fini(fields);
    assert_non_null(json);
    return json;
}

static cJSON *read_gauge(const struct fl_gauge *gauge)
{
    struct fl_buf fields = {0};
    fl_gauge_put(gauge, &fields);
    return read_fields(&fields);
}

static void live_figures_cover_the_last_second_and_no_more(void **state)
{
    (void)state;
    struct fl_gauge *gauge = fl_new(struct fl_gauge);
    for (int fifth = 0; fifth < 5; fifth++) {
        for (int i = 0; i < 40; i++)
            fl_gauge_add(gauge, fifth == 0 ? fl_ms(100) : fl_ms(1), fifth != 0);
        if (fifth < 4) fl_gauge_turn(gauge);
    }
    cJSON *full = read_gauge(gauge);
    assert_int_equal(fl_json_int(full, "rate", -1), 200);
    assert_int_equal(fl_json_int(full, "errors", -1), 40);
    assert_true(fl_json_int(full, "p50_ns", -1) < fl_ms(2));
    assert_true(fl_json_int(full, "p99_ns", -1) > fl_ms(99));
    cJSON_Delete(full);

    fl_gauge_turn(gauge); /* the first fifth, with its errors, is more than a second ago */
    cJSON *later = read_gauge(gauge);
    assert_int_equal(fl_json_int(later, "rate", -1), 160);
    assert_int_equal(fl_json_int(later, "errors", -1), 0);
    assert_true(fl_json_int(later, "p99_ns", -1) < fl_ms(2));
    cJSON_Delete(later);
    free(gauge);
}

static void a_second_of_health_says_how_late_and_how_busy_the_generator_was(void **state)
{
    (void)state;
    struct fl_health *health = fl_new(struct fl_health);
    fl_health_start(health, fl_s(10), fl_s(3));
    health->due = 100;
    health->sent = 98;
    health->unsent = 2;
    for (int i = 0; i < 100; i++)
        fl_hist_add(&health->lag, i < 97 ? 50 * FL_NS_PER_US : fl_ms(7));
    struct fl_buf fields = {0};
    fl_health_put(health, fl_s(11), fl_s(3) + fl_ms(250), &fields);
    cJSON *fact = read_fields(&fields);
    assert_int_equal(fl_json_int(fact, "due", -1), 100);
    assert_int_equal(fl_json_int(fact, "sent", -1), 98);
    assert_int_equal(fl_json_int(fact, "unsent", -1), 2);
    assert_true(fl_json_num(fact, "cpu", -1) == 0.25);
    assert_true(fl_json_int(fact, "lag_p50_ns", -1) < fl_ms(1));
    assert_true(fl_json_int(fact, "lag_p99_ns", -1) > fl_ms(6));
    assert_int_equal(fl_json_int(fact, "lag_max_ns", -1), fl_ms(7));
    cJSON_Delete(fact);

    fl_health_start(health, fl_s(11), 0);
    fl_health_put(health, fl_s(11), 0, &fields); /* a second of no length is no trouble */
    fact = read_fields(&fields);
    assert_int_equal(fl_json_int(fact, "due", -1), 0);
    cJSON_Delete(fact);
    free(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_figures_cover_the_last_second_and_no_more),
        cmocka_unit_test(a_second_of_health_says_how_late_and_how_busy_the_generator_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
