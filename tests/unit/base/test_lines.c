#include "tests/support/testkit.h"

#include "runtime/base/lines.h"

static void a_line_comes_whole_whatever_the_pieces(void **state)
{
    (void)state;
    static const char text[] = "{\"id\":1}\n\n{\"id\":22}\nrest";
    for (size_t piece = 1; piece <= sizeof text - 1; piece++) {
        struct fl_lines lines = {0};
        struct fl_buf seen = {0};
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t left = sizeof text - 1 - at;
            assert_true(fl_lines_feed(&lines, text + at, piece < left ? piece : left));
            const char *line;
            while ((line = fl_lines_next(&lines)) != NULL)
                fl_buf_printf(&seen, "[%s]", line);
        }
        assert_string_equal(seen.at, "[{\"id\":1}][][{\"id\":22}]");
        assert_null(fl_lines_next(&lines));
        fl_buf_fini(&seen);
        fl_lines_fini(&lines);
    }
}

static void a_line_without_an_end_is_refused(void **state)
{
    (void)state;
    struct fl_lines lines = {0};
    char *much = fl_alloc(FL_LINE_MAX);
    memset(much, 'x', FL_LINE_MAX);
    assert_true(fl_lines_feed(&lines, much, FL_LINE_MAX));
    assert_null(fl_lines_next(&lines));
    assert_false(fl_lines_feed(&lines, "x", 1));
    fl_lines_fini(&lines);

    /* many short ones are as many as come in one piece */
    for (size_t i = 0; i < FL_LINE_MAX; i += 2)
        much[i] = '\n';
    assert_true(fl_lines_feed(&lines, much, FL_LINE_MAX));
    size_t count = 0;
    while (fl_lines_next(&lines) != NULL)
        count++;
    assert_int_equal(count, FL_LINE_MAX / 2);
    fl_lines_fini(&lines);
    free(much);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_comes_whole_whatever_the_pieces),
        cmocka_unit_test(a_line_without_an_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
