#include "tests/support/testkit.h"

#include "runtime/pid.h"

static void a_pid_is_read_back_from_its_text(void **state)
{
    const struct {
        uint64_t bits;
        const char *text;
    } rows[] = {
        {UINT64_C(3) << 24 | 17, "<0.17.3>"},
        {UINT64_C(63) << 56 | UINT64_C(0x7fffffff) << 24 | 0xffffff, "<63.16777215.2147483647>"},
        {UINT64_C(1) << 56 | UINT64_C(1) << 55 | UINT64_C(5) << 24 | 2, "<1.2.5a>"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        char text[FL_PID_TEXT_MAX];
        struct fl_pid pid = {rows[i].bits}, back = FL_NO_PID;
        assert_string_equal(fl_pid_show(pid, text, sizeof text), rows[i].text);
        assert_true(fl_pid_parse(text, &back));
        assert_true(fl_pid_eq(pid, back));
    }
}

static void anything_else_is_no_pid(void **state)
{
    static const char *const texts[] = {
        "",
        "<>",
        "room/a",
        "<0.17>",
        "<0.17.3",
        "<0.17.3>x",
        "<0.17.3b>",
        "<256.1.1>",
        "<0.16777216.1>",
        "<0.1.2147483648>",
        "<0.1.99999999999999999999999>",
        "< 0.1.1>",
        "<-1.1.1>",
    };
    for (size_t i = 0; i < FL_COUNT(texts); i++) {
        struct fl_pid pid = {42};
        assert_false(fl_pid_parse(texts[i], &pid));
        assert_int_equal(pid.bits, 42);
    }
}

static void no_process_has_a_text_too(void **state)
{
    char text[FL_PID_TEXT_MAX];
    assert_string_equal(fl_pid_show(FL_NO_PID, text, sizeof text), "<>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pid_is_read_back_from_its_text),
        cmocka_unit_test(anything_else_is_no_pid),
        cmocka_unit_test(no_process_has_a_text_too),
    };
    return cmocka_run_group_tests_name("pid", tests, NULL, NULL);
}
