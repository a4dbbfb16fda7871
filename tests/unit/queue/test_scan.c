/* What a client sent comes through byte for byte, and what is not JSON is refused. */
#include "tests/support/testkit.h"

#include "services/queue/scan.h"

static void text_that_is_not_json_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "01",
        "1.",
        "1e",
        "-",
        "tru",
        "truefalse",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"open",
        "{'a':1}",
        "{a:1}",
        "\"\xff\"",
        "[1]]",
        "nul",
        "\"\\",
        "+1",
        "\"\xed\xa0\x80\"",
        "{\"a\":1 \"b\":2}",
        "NaN",
    };
    for (size_t i = 0; i < FL_COUNT(bad); i++)
        if (fl_scan_check(fl_str_of(bad[i])) == 0) fail_msg("accepted: %s", bad[i]);

    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    assert_int_equal(fl_scan_check((struct fl_str){deep, 400}), FL_EBADMSG);
    assert_int_equal(fl_scan_check((struct fl_str){deep + 140, 120}), 0);
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    static const char *const good[] = {
        "0",
        "-0.5e+10",
        " [ ] ",
        "{}",
        "{ \"a\" : [1 , {\"b\":null}] , \"c\":\"\\u00e9\\n\" }",
        "true",
        "\"\xc3\xa9\"",
        "[[],{}]",
    };
    for (size_t i = 0; i < FL_COUNT(good); i++)
        if (fl_scan_check(fl_str_of(good[i])) != 0) fail_msg("refused: %s", good[i]);
}

static void a_member_is_its_raw_text(void **state)
{
    (void)state;
    struct fl_str body = FL_STR(
        " {\"key\":\"a\", \"payload\" : {\"key\" : [1, 2.50]} ,\"n\":3,\"n\":4}");
    assert_int_equal(fl_scan_check(body), 0);
    assert_true(fl_str_is(fl_scan_member(body, "key"), "\"a\""));
    assert_true(fl_str_is(fl_scan_member(body, "payload"), "{\"key\" : [1, 2.50]}"));
    assert_true(fl_str_is(fl_scan_member(body, "n"), "4"));
    assert_null(fl_scan_member(body, "absent").at);
    assert_null(fl_scan_member(FL_STR("[1]"), "key").at);
    assert_null(fl_scan_member(FL_STR("{ }"), "key").at);
}

static void an_array_is_walked_item_by_item(void **state)
{
    (void)state;
    struct fl_str rest = FL_STR("[ {\"id\":1}, 2 ,\"x\" ]"), item;
    assert_true(fl_scan_item(&rest, &item));
    assert_true(fl_str_is(item, "{\"id\":1}"));
    assert_true(fl_scan_item(&rest, &item));
    assert_true(fl_str_is(item, "2"));
    assert_true(fl_scan_item(&rest, &item));
    assert_true(fl_str_is(item, "\"x\""));
    assert_false(fl_scan_item(&rest, &item));
    rest = FL_STR("[]");
    assert_false(fl_scan_item(&rest, &item));
    rest = FL_STR("{}");
    assert_false(fl_scan_item(&rest, &item));
}

static void a_string_says_all_its_bytes(void **state)
{
    (void)state;
    struct fl_buf out = {0};
    assert_int_equal(fl_scan_string(FL_STR("\"a\\u0000b\\n\\u00e9\\ud83d\\ude00\""), &out), 0);
    assert_int_equal(out.len, 10);
    assert_memory_equal(out.at, "a\0b\n\xc3\xa9\xf0\x9f\x98\x80", 10);
    static const char *const bad[] = {"\"\\ud83d\"",        "\"\\ude00\"", "\"\\ud83dx\"",
                                      "\"\\ud83d\\u0041\"", "12",          "\""};
    for (size_t i = 0; i < FL_COUNT(bad); i++)
        assert_int_equal(fl_scan_string(fl_str_of(bad[i]), &out), FL_EBADMSG);
    fl_buf_fini(&out);
}

static void a_whole_number_is_exact_or_refused(void **state)
{
    (void)state;
    int64_t n = 0;
    assert_int_equal(fl_scan_int(FL_STR("9223372036854775807"), &n), 0);
    assert_true(n == INT64_MAX);
    assert_int_equal(fl_scan_int(FL_STR("-7"), &n), 0);
    assert_int_equal(n, -7);
    static const char *const bad[] = {"", "1.5", "1e3", "9223372036854775808", "\"1\"", "null"};
    for (size_t i = 0; i < FL_COUNT(bad); i++)
        assert_int_equal(fl_scan_int(fl_str_of(bad[i]), &n), FL_EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_not_json_is_refused),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(a_member_is_its_raw_text),
        cmocka_unit_test(an_array_is_walked_item_by_item),
        cmocka_unit_test(a_string_says_all_its_bytes),
        cmocka_unit_test(a_whole_number_is_exact_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
