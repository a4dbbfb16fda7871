#include "tests/support/testkit.h"

#include <cjson/cJSON.h>

#include "services/chat/roster.h"

static void expect_json(struct fl_buf *got, const char *want)
{
    cJSON *a = cJSON_Parse(got->at), *b = cJSON_Parse(want);
    assert_non_null(a);
    assert_non_null(b);
    if (!cJSON_Compare(a, b, true)) fail_msg("got %s", got->at);
    cJSON_Delete(a);
    cJSON_Delete(b);
    got->len = 0;
}

static void two_devices_of_a_user_are_one_key_with_two_metas(void **state)
{
    struct fl_roster roster = {0};
    struct fl_buf out = {0};
    fl_roster_put_state(&roster, &out);
    expect_json(&out, "{}");
    fl_roster_add(&roster, 1, FL_STR("ana"), FL_STR("\"online\""), "r1");
    struct fl_roster_member *second = fl_roster_add(&roster, 2, FL_STR("ana"), FL_STR("\"away\""),
                                                    "r2");
    fl_roster_add(&roster, 3, FL_STR("bob \"b\""), FL_STR("\"online\""), "r3");
    fl_roster_put_join(second, &out);
    expect_json(&out, "{\"joins\":{\"ana\":{\"metas\":[{\"phx_ref\":\"r2\",\"status\":\"away\"}]}},"
                      "\"leaves\":{}}");
    fl_roster_put_state(&roster, &out);
    expect_json(&out,
                "{\"ana\":{\"metas\":[{\"phx_ref\":\"r2\",\"status\":\"away\"},"
                "{\"phx_ref\":\"r1\",\"status\":\"online\"}]},"
                "\"bob \\\"b\\\"\":{\"metas\":[{\"phx_ref\":\"r3\",\"status\":\"online\"}]}}");
    fl_roster_put_leave(second, &out);
    expect_json(&out, "{\"joins\":{},\"leaves\":{\"ana\":{\"metas\":[{\"phx_ref\":\"r2\","
                      "\"status\":\"away\"}]}}}");
    fl_roster_remove(&roster, second);
    assert_int_equal(roster.users_count, 2);
    assert_null(fl_roster_find(&roster, 2));
    fl_roster_fini(&roster);
    fl_buf_fini(&out);
}

static void a_new_status_is_one_diff_with_both_halves(void **state)
{
    struct fl_roster roster = {0};
    struct fl_buf out = {0};
    struct fl_roster_member *ana = fl_roster_add(&roster, 1, FL_STR("ana"), FL_STR("\"online\""),
                                                 "r1");
    fl_roster_update(ana, FL_STR("\"away\""), "r2", &out);
    expect_json(&out,
                "{\"joins\":{\"ana\":{\"metas\":[{\"phx_ref\":\"r2\",\"phx_ref_prev\":\"r1\","
                "\"status\":\"away\"}]}},"
                "\"leaves\":{\"ana\":{\"metas\":[{\"phx_ref\":\"r1\",\"status\":\"online\"}]}}}");
    fl_roster_fini(&roster);
    fl_buf_fini(&out);
}

static void many_come_and_go_and_everyone_is_found(void **state)
{
    struct fl_roster roster = {0};
    char name[32], ref[32];
    for (uint64_t id = 1; id <= 2000; id++) {
        snprintf(name, sizeof name, "u%llu", (unsigned long long)(id % 500));
        snprintf(ref, sizeof ref, "r%llu", (unsigned long long)id);
        fl_roster_add(&roster, id, fl_str_of(name), FL_STR("\"online\""), ref);
    }
    assert_int_equal(roster.members_count, 2000);
    assert_int_equal(roster.users_count, 500);
    for (uint64_t id = 1; id <= 2000; id += 2)
        fl_roster_remove(&roster, fl_roster_find(&roster, id));
    assert_int_equal(roster.members_count, 1000);
    assert_int_equal(roster.users_count, 250);
    for (uint64_t id = 1; id <= 2000; id++)
        assert_int_equal(fl_roster_find(&roster, id) != NULL, id % 2 == 0);
    fl_roster_fini(&roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_devices_of_a_user_are_one_key_with_two_metas),
        cmocka_unit_test(a_new_status_is_one_diff_with_both_halves),
        cmocka_unit_test(many_come_and_go_and_everyone_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
