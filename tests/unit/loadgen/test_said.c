/* What the worker said of itself, and what a page may show of it. Times are seconds. */
#include "tests/support/testkit.h"

#include "loadgen/said.h"

static void say(struct fl_said *said, int at_s, int rate)
{
    char text[64];
    int len = snprintf(text, sizeof text, "[{\"name\":\"a\",\"rate\":%d}]", rate);
    fl_said_add(said, fl_s(at_s), (struct fl_str){text, (size_t)len});
}

static bool is_true(const struct fl_said *said, const char *loads, int from_s, int until_s)
{
    cJSON *tree = cJSON_Parse(loads);
    bool within = fl_said_within(said, tree, fl_s(from_s), fl_s(until_s));
    cJSON_Delete(tree);
    return within;
}

static void a_page_may_show_what_was_so_within_the_span_and_nothing_else(void **state)
{
    (void)state;
    struct fl_said said = {0};
    say(&said, 10, 100);
    say(&said, 20, 200);
    say(&said, 30, 300);
    assert_true(is_true(&said, "[{\"name\":\"a\",\"rate\":300}]", 31, 33));
    assert_true(is_true(&said, "[{\"rate\":200,\"name\":\"a\"}]", 29, 31));
    assert_true(is_true(&said, "[{\"name\":\"a\",\"rate\":200}]", 12, 21));
    assert_false(is_true(&said, "[{\"name\":\"a\",\"rate\":200}]", 31, 33)); /* too old */
    assert_false(is_true(&said, "[{\"name\":\"a\",\"rate\":300}]", 21, 29)); /* not yet */
    assert_false(is_true(&said, "[{\"name\":\"a\",\"rate\":250}]", 5, 33));  /* never */
    assert_false(is_true(&said, "[{\"name\":\"b\",\"rate\":300}]", 31, 33));
    fl_said_fini(&said);
}

static void before_the_first_word_a_page_shows_no_loads(void **state)
{
    (void)state;
    struct fl_said said = {0};
    assert_true(is_true(&said, "[]", 1, 3));
    assert_false(is_true(&said, "[{\"name\":\"a\",\"rate\":1}]", 1, 3));
    say(&said, 10, 1);
    assert_true(is_true(&said, "[]", 9, 11));
    assert_false(is_true(&said, "[]", 11, 13));
    fl_said_fini(&said);
}

static void what_is_forgotten_is_not_held_against_a_page(void **state)
{
    (void)state;
    struct fl_said said = {0};
    for (int i = 1; i <= FL_SAID_MAX + 10; i++)
        say(&said, i, i);
    assert_true(is_true(&said, "[{\"name\":\"a\",\"rate\":5}]", 4, 6));
    assert_false(is_true(&said, "[{\"name\":\"a\",\"rate\":5}]", 50, 52));
    fl_said_fini(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_may_show_what_was_so_within_the_span_and_nothing_else),
        cmocka_unit_test(before_the_first_word_a_page_shows_no_loads),
        cmocka_unit_test(what_is_forgotten_is_not_held_against_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
