#include "tests/support/testkit.h"

#include <cjson/cJSON.h>

#include "runtime/base/rng.h"
#include "services/wire/jscan.h"

static uint64_t below(struct fl_rng *rng, uint64_t most)
{
    return (uint64_t)fl_rng_between(rng, 0, (int64_t)most - 1);
}

static void valid_json_is_taken_and_invalid_json_is_not(void **state)
{
    static const char *const good[] = {
        "{}",
        "[]",
        "null",
        "true",
        "-0",
        "0.5e-7",
        "1E+2",
        "\"\"",
        " [ 1 , { \"a\" : [ ] } ] ",
        "\"\\u0000\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "123456789012345678901234567890",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"\"}",
    };
    static const char *const bad[] = {
        "",          "{",       "[1,]",   "{\"a\":}",    "{\"a\" 1}", "{,}",        "[1 2]",
        "01",        "1.",      ".5",     "-",           "1e",        "nul",        "tru",
        "\"",        "\"\\x\"", "\"\n\"", "\"\\u12g4\"", "{a:1}",     "{\"a\":1,}", "[1]]",
        "{\"a\":1]", "+1",      "'a'",    "NaN",         "{\"a\"}",   "\"\\",       "[\"a\":1]",
    };
    for (size_t i = 0; i < FL_COUNT(good); i++)
        if (!fl_jscan_ok(fl_str_of(good[i]))) fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < FL_COUNT(bad); i++)
        if (fl_jscan_ok(fl_str_of(bad[i]))) fail_msg("taken: %s", bad[i]);
}

static void depth_is_limited_without_using_our_stack(void **state)
{
    struct fl_buf text = {0};
    for (int i = 0; i < FL_JSCAN_DEPTH_MAX; i++)
        fl_buf_putc(&text, '[');
    fl_buf_putc(&text, '1');
    for (int i = 0; i < FL_JSCAN_DEPTH_MAX; i++)
        fl_buf_putc(&text, ']');
    assert_true(fl_jscan_ok((struct fl_str){text.at, text.len}));
    struct fl_buf deeper = {0};
    fl_buf_printf(&deeper, "[%s]", text.at);
    assert_false(fl_jscan_ok((struct fl_str){deeper.at, deeper.len}));
    for (int i = 0; i < 1000000; i++)
        fl_buf_putc(&deeper, '[');
    assert_false(fl_jscan_ok((struct fl_str){deeper.at, deeper.len}));
    fl_buf_fini(&text);
    fl_buf_fini(&deeper);
}

static void values_stay_as_they_stand(void **state)
{
    struct fl_str object = FL_STR("{ \"n\" : 1.50e3 , \"s\":\"a\\u0000b\", \"o\" : {\"n\":2} ,"
                                  "\"\\u006b\":7, \"n2\":[1, 2]}");
    assert_true(fl_str_is(fl_jscan_get(object, "n"), "1.50e3"));
    assert_true(fl_str_is(fl_jscan_get(object, "o"), "{\"n\":2}"));
    assert_true(fl_str_is(fl_jscan_get(object, "n2"), "[1, 2]"));
    assert_true(fl_str_is(fl_jscan_get(object, "k"), "7"));
    assert_null(fl_jscan_get(object, "absent").at);
    struct fl_buf text = {0};
    struct fl_str s = fl_jscan_get_text(object, "s", &text);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.at, "a\0b", 3);
    assert_null(fl_jscan_get_text(object, "o", &text).at);
    fl_buf_fini(&text);
}

static void escapes_become_the_text_they_mean(void **state)
{
    static const char *const cases[][2] = {
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\u00e9\\u20ac\"", "\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83dx\"", "\xef\xbf\xbdx"},
        {"\"\\ude00\"", "\xef\xbf\xbd"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
        {"\"\\\"\\\\\\/\\n\"", "\"\\/\n"},
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_buf out = {0};
        assert_true(fl_jscan_ok(fl_str_of(cases[i][0])));
        assert_int_equal(fl_jscan_text(fl_str_of(cases[i][0]), &out), 0);
        assert_string_equal(out.at, cases[i][1]);
        fl_buf_fini(&out);
    }
}

/* cJSON takes a little more than the standard does; what it refuses, we refuse. */
static void damaged_json_that_cjson_refuses_is_refused(void **state)
{
    static const char whole[] = "{\"a\":[1,2.5e3,\"x\\u00e9\",true,null],\"b\":{\"c\":\"\"}}";
    struct fl_rng rng;
    fl_rng_init(&rng, 3);
    int taken = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        size_t at = (size_t)below(&rng, sizeof whole - 1);
        text[at] = (char)(32 + below(&rng, 95));
        cJSON *tree = cJSON_ParseWithOpts(text, NULL, true);
        bool ours = fl_jscan_ok(fl_str_of(text));
        if (ours && tree == NULL) fail_msg("we take what cJSON does not: %s", text);
        taken += ours;
        cJSON_Delete(tree);
    }
    assert_true(taken > 1000);
    assert_true(taken < 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_json_is_taken_and_invalid_json_is_not),
        cmocka_unit_test(depth_is_limited_without_using_our_stack),
        cmocka_unit_test(values_stay_as_they_stand),
        cmocka_unit_test(escapes_become_the_text_they_mean),
        cmocka_unit_test(damaged_json_that_cjson_refuses_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
