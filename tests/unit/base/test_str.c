#include "tests/support/testkit.h"

#include "runtime/base/str.h"

static void globs_match_whole_texts(void **state)
{
    (void)state;
    assert_true(fl_glob("room/*", "room/lobby"));
    assert_true(fl_glob("*", ""));
    assert_true(fl_glob("r*m/l?b*", "room/lobby"));
    assert_true(fl_glob("*a*b*c", "xxaxxbxbxc"));
    assert_false(fl_glob("room/*", "rooms"));
    assert_false(fl_glob("room", "room/lobby"));
    assert_false(fl_glob("?", ""));
    assert_false(fl_glob("*ab", "abc"));
    assert_false(fl_glob("*ab", "xb")); /* what stands behind a star is looked for whole */
    assert_true(fl_glob("*ab", "aab"));
}

static void a_typing_slip_gets_its_word_and_nonsense_gets_none(void **state)
{
    (void)state;
    static const char *const words[] = {"kill", "pause", "latency", "cut"};
    assert_string_equal(fl_nearest("kil", words, 4), "kill");
    assert_string_equal(fl_nearest("latnecy", words, 4), "latency");
    assert_string_equal(fl_nearest("puase", words, 4), "pause");
    assert_null(fl_nearest("elephant", words, 4));
    assert_null(fl_nearest("", words, 0));
}

static void utf8_is_told_from_garbage(void **state)
{
    (void)state;
    assert_true(fl_utf8_ok("plain", 5));
    assert_true(fl_utf8_ok("\xc3\xa6\xe6\xbc\xa2\xf0\x9f\xa7\xaa", 9));
    assert_true(fl_utf8_ok("a\0b", 3));
    assert_false(fl_utf8_ok("\xc3", 1));             /* cut short */
    assert_false(fl_utf8_ok("\xc0\x80", 2));         /* overlong */
    assert_false(fl_utf8_ok("\xed\xa0\x80", 3));     /* surrogate */
    assert_false(fl_utf8_ok("\xf4\x90\x80\x80", 4)); /* above U+10FFFF */
    assert_false(fl_utf8_ok("\x80", 1));
}

static void cutting_takes_pieces_off_the_front(void **state)
{
    (void)state;
    struct fl_str rest = fl_str_of("a:bc::d");
    assert_true(fl_str_is(fl_str_cut(&rest, ':'), "a"));
    assert_true(fl_str_is(fl_str_cut(&rest, ':'), "bc"));
    assert_true(fl_str_is(fl_str_cut(&rest, ':'), ""));
    assert_true(fl_str_is(fl_str_cut(&rest, ':'), "d"));
    assert_int_equal(rest.len, 0);
    assert_true(fl_str_is(fl_str_trim(fl_str_of(" \t x y\r\n")), "x y"));
}

static void a_buffer_grows_and_gives_its_text_away(void **state)
{
    (void)state;
    struct fl_buf buf = {0};
    for (int i = 0; i < 1000; i++)
        fl_buf_printf(&buf, "%d,", i);
    assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
    fl_buf_drop(&buf, 2);
    assert_memory_equal(buf.at, "1,2,3,", 6);
    char *text = fl_buf_take(&buf);
    assert_null(buf.at);
    assert_int_equal(strlen(text), 10 * 2 + 90 * 3 + 900 * 4 - 2);
    free(text);
}

static void a_buffer_with_a_maximum_drops_what_is_beyond(void **state)
{
    (void)state;
    struct fl_buf buf = {.max = 5};
    fl_buf_puts(&buf, "abc");
    fl_buf_printf(&buf, "%d", 123456);
    assert_string_equal(buf.at, "abc12");
    fl_buf_puts(&buf, "more");
    fl_buf_putc(&buf, '!');
    fl_buf_printf(&buf, "%s", "more");
    assert_string_equal(buf.at, "abc12");
    assert_int_equal(buf.len, 5);
    fl_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_whole_texts),
        cmocka_unit_test(a_typing_slip_gets_its_word_and_nonsense_gets_none),
        cmocka_unit_test(utf8_is_told_from_garbage),
        cmocka_unit_test(cutting_takes_pieces_off_the_front),
        cmocka_unit_test(a_buffer_grows_and_gives_its_text_away),
        cmocka_unit_test(a_buffer_with_a_maximum_drops_what_is_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
