/* What the page offers is what runs, and the place of a process is found in any tree. */
#include "tests/support/testkit.h"

#include "services/landing/crash.h"
#include "services/landing/list.h"

static const char figures_text[] =
    "{\"processes\":[{\"instance\":\"chat\",\"service\":\"chat\",\"help\":\"talk\",\"state\":"
    "\"ready\",\"pid\":7,\"port\":80,\"restarts\":2},"
    "{\"instance\":\"landing\",\"service\":\"landing\",\"state\":\"ready\",\"pid\":9},"
    "{\"instance\":\"redis\",\"state\":\"starting\",\"pid\":0}]}";

static void the_page_itself_is_not_offered(void **state)
{
    (void)state;
    cJSON *figures = cJSON_Parse(figures_text);
    struct fl_list_row rows[4];
    assert_int_equal(fl_list_rows(figures, rows, 4), 2);
    assert_string_equal(rows[0].instance, "chat");
    assert_string_equal(rows[0].help, "talk");
    assert_int_equal(rows[0].restarts, 2);
    assert_string_equal(rows[1].instance, "redis");
    assert_string_equal(rows[1].state, "starting");
    assert_int_equal(fl_list_rows(figures, rows, 1), 1);
    assert_true(fl_list_find(figures, "landing", rows));
    assert_int_equal(rows[0].pid, 9);
    assert_false(fl_list_find(figures, "queue", rows));
    cJSON_Delete(figures);
    assert_int_equal(fl_list_rows(NULL, rows, 4), 0);
}

static void a_place_is_an_id_below_a_supervisor(void **state)
{
    (void)state;
    cJSON *tree = cJSON_Parse(
        "[{\"pid\":\"<1>\",\"name\":\"top\",\"children\":["
        "{\"id\":\"a\",\"pid\":\"<2>\",\"children\":[{\"id\":\"x\",\"pid\":\"<3>\"}]},"
        "{\"id\":\"b\",\"pid\":\"<4>\",\"children\":[{\"id\":\"x\",\"pid\":\"<5>\"}]},"
        "{\"id\":\"c\",\"state\":\"restarting\"}]}]");
    assert_string_equal(fl_crash_find(tree, "<2>", "x"), "<3>");
    assert_string_equal(fl_crash_find(tree, "<4>", "x"), "<5>");
    assert_string_equal(fl_crash_find(tree, "<1>", "b"), "<4>");
    assert_string_equal(fl_crash_find(tree, "", "top"), "<1>");
    assert_null(fl_crash_find(tree, "<1>", "c")); /* between two lives */
    assert_null(fl_crash_find(tree, "<1>", "x")); /* not directly below */
    assert_null(fl_crash_find(tree, "<9>", "x"));
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_itself_is_not_offered),
        cmocka_unit_test(a_place_is_an_id_below_a_supervisor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
