/* The tables that others walk, the pick, and the alarm clock's order. */
#include "tests/support/testkit.h"

#include "chaos/alarms.h"
#include "chaos/fault.h"
#include "chaos/proxy.h"
#include "chaos/target.h"
#include "chaos/toxic.h"
#include "runtime/base/clock.h"

static void expect_params_complete(const struct fl_param *params)
{
    for (; params != NULL && params->name != NULL; params++) {
        assert_true(params->kind >= FL_PARAM_INT && params->kind <= FL_PARAM_MAP);
        assert_non_null(params->help);
        assert_true(params->most == 0 || params->least <= params->most);
        if (params->required) assert_null(params->standard);
    }
}

static void every_fault_has_all_that_its_readers_need(void **state)
{
    size_t count = 0;
    for (const struct fl_fault *fault = fl_faults; fault->name != NULL; fault++, count++) {
        assert_ptr_equal(fl_fault_find(fault->name), fault);
        assert_non_null(fault->help);
        assert_non_null(fault->begin);
        assert_int_equal(fault->end != NULL, fault->fault_class == FL_FAULT_WINDOWED);
        assert_string_not_equal(fl_aim_name(fault->aim), "none");
        assert_non_null(fl_fault_class_name(fault->fault_class));
        expect_params_complete(fault->params);
    }
    assert_int_equal(count, 5);
    assert_null(fl_fault_find("gremlin"));
}

static void every_toxic_has_all_that_its_readers_need(void **state)
{
    for (size_t i = 0; fl_toxic_types[i] != NULL; i++) {
        const struct fl_toxic_type *type = fl_toxic_types[i];
        assert_ptr_equal(fl_toxic_find(type->name), type);
        assert_non_null(type->help);
        assert_true(type->cuts || type->hold != NULL);
        assert_int_equal(type->settings_bytes > 0, type->read != NULL);
        expect_params_complete(type->params);
        assert_non_null(fl_fault_find(type->name)); /* each can be planned */
    }
    assert_null(fl_toxic_find("glue"));
}

static void a_chunk_is_held_from_when_it_came_and_never_overtakes(void **state)
{
    fl_ns settings[4] = {0}; /* at least settings_bytes */
    assert_true(sizeof settings >= fl_toxic_latency.settings_bytes);
    cJSON *json = cJSON_Parse("{\"latency\":1000,\"jitter\":900}");
    fl_toxic_latency.read(settings, json);
    cJSON_Delete(json);

    struct fl_toxic_memory memory = {0};
    struct fl_toxic_memory again = {0};
    fl_rng_init(&memory.rng, 7);
    fl_rng_init(&again.rng, 7);
    fl_ns last_ns = 0;
    size_t waited = 0; /* chunks that drew less than the one before them */
    for (fl_ns now_ns = 5000; now_ns < 25000; now_ns += 20) {
        fl_ns due_ns = fl_toxic_latency.hold(settings, &memory, now_ns);
        assert_true(due_ns >= last_ns);
        assert_true(due_ns >= now_ns + 100 && due_ns <= now_ns + 1900);
        assert_int_equal(due_ns, fl_toxic_latency.hold(settings, &again, now_ns));
        if (due_ns == last_ns) waited++;
        last_ns = due_ns;
    }
    assert_true(waited > 0);
}

static void without_jitter_latency_is_exact(void **state)
{
    fl_ns settings[4] = {0};
    cJSON *json = cJSON_Parse("{\"latency\":200000000}");
    fl_toxic_latency.read(settings, json);
    cJSON_Delete(json);
    struct fl_toxic_memory memory = {0};
    fl_rng_init(&memory.rng, 1);
    assert_int_equal(fl_toxic_latency.hold(settings, &memory, 17), 200000017);
    assert_int_equal(fl_toxic_latency.hold(settings, &memory, 18), 200000018);
}

static void a_pick_is_the_same_whatever_the_order_of_discovery(void **state)
{
    struct fl_target_names one = {0};
    struct fl_target_names two = {0};
    fl_target_add(&one, "room/b", "chat.1");
    fl_target_add(&one, "room/a", "chat.2");
    fl_target_add(&one, "room/a", "chat.1");
    fl_target_add(&two, "room/a", "chat.1");
    fl_target_add(&two, "room/b", "chat.1");
    fl_target_add(&two, "room/a", "chat.2");
    for (uint64_t pick = 0; pick < 6; pick++) {
        const struct fl_target_name *a = fl_target_pick(&one, pick);
        const struct fl_target_name *b = fl_target_pick(&two, pick);
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->instance, b->instance);
        assert_string_equal(a->name, pick % 3 == 2 ? "room/b" : "room/a");
        assert_string_equal(a->instance, pick % 3 == 1 ? "chat.2" : "chat.1");
    }
    fl_target_fini(&one);
    fl_target_fini(&two);
    assert_null(fl_target_pick(&one, 0));
}

static void upstreams_take_turns_and_the_dead_only_when_all_are(void **state)
{
    struct fl_proxy_link *link = fl_proxy_link_new(NULL, NULL, NULL, "front");
    assert_null(fl_proxy_link_choose(link));
    fl_proxy_link_upstream(link, "a", "127.0.0.1", 1, true);
    fl_proxy_link_upstream(link, "b", "127.0.0.1", 2, false);
    fl_proxy_link_upstream(link, "c", "localhost", 3, true);
    fl_proxy_link_upstream(link, "d", "no address", 4, true);
    assert_string_equal(fl_proxy_link_choose(link)->instance, "a");
    assert_string_equal(fl_proxy_link_choose(link)->instance, "c");
    assert_string_equal(fl_proxy_link_choose(link)->instance, "a");
    fl_proxy_link_upstream(link, "a", "127.0.0.1", 1, false);
    assert_string_equal(fl_proxy_link_choose(link)->instance, "c");
    assert_string_equal(fl_proxy_link_choose(link)->instance, "c");
    fl_proxy_link_upstream(link, "c", "127.0.0.1", 3, false);
    assert_string_equal(fl_proxy_link_choose(link)->instance, "a");
    assert_string_equal(fl_proxy_link_choose(link)->instance, "b");
    fl_proxy_link_free(link);
}

struct bell {
    struct fl_alarm alarm;
    int number;
    struct fl_buf *heard;
};

static void bell_ring(struct fl_alarm *alarm)
{
    struct bell *bell = FL_OWNER(alarm, struct bell, alarm);
    assert_true(fl_now() >= alarm->at_ns);
    fl_buf_printf(bell->heard, "%d ", bell->number);
}

static void alarms_ring_in_order_of_time_and_then_of_setting(void **state)
{
    static const int delays_us[] = {3000, 1000, 2000, 1000, 0, 2000, 500, 900};
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct fl_alarms *alarms = NULL;
    assert_int_equal(fl_alarms_open(&alarms, &loop, NULL), 0);
    struct fl_buf heard = {0};
    struct bell bells[FL_COUNT(delays_us)] = {0};
    fl_ns zero_ns = fl_now();
    for (size_t i = 0; i < FL_COUNT(delays_us); i++) {
        bells[i] = (struct bell){.alarm.fn = bell_ring, .number = (int)i, .heard = &heard};
        fl_alarms_set(alarms, &bells[i].alarm, zero_ns + delays_us[i] * FL_NS_PER_US);
    }
    assert_int_equal(heard.len, 0);
    fl_alarms_unset(alarms, &bells[2].alarm);
    fl_alarms_set(alarms, &bells[7].alarm, zero_ns + 4 * FL_NS_PER_MS);
    while (bells[7].alarm.place != 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_string_equal(heard.at, "4 6 1 3 5 0 7 ");
    fl_buf_fini(&heard);
    fl_alarms_close(alarms);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_all_that_its_readers_need),
        cmocka_unit_test(every_toxic_has_all_that_its_readers_need),
        cmocka_unit_test(a_chunk_is_held_from_when_it_came_and_never_overtakes),
        cmocka_unit_test(without_jitter_latency_is_exact),
        cmocka_unit_test(a_pick_is_the_same_whatever_the_order_of_discovery),
        cmocka_unit_test(upstreams_take_turns_and_the_dead_only_when_all_are),
        cmocka_unit_test(alarms_ring_in_order_of_time_and_then_of_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
