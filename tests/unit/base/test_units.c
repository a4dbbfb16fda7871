#include "tests/support/testkit.h"

#include "runtime/base/units.h"

static void durations_read_as_people_write_them(void **state)
{
    (void)state;
    const struct {
        const char *text;
        fl_ns ns;
    } rows[] = {
        {"500ms", fl_ms(500)},
        {"2s", fl_s(2)},
        {"1.5s", fl_ms(1500)},
        {"3m", fl_s(180)},
        {"250us", 250000},
        {"1h", fl_s(3600)},
        {"0", 0},
        {" 7 ms ", fl_ms(7)},
        {".5s", fl_ms(500)},
        {"40ns", 40},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        fl_ns ns = -1;
        assert_int_equal(fl_parse_duration(fl_str_of(rows[i].text), &ns, NULL), 0);
        assert_int_equal(ns, rows[i].ns);
    }
}

static void what_is_no_duration_says_what_would_be(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "5",   "s",   "-1s",  "1 fortnight",
                                      "0x10s", "1s2", "nan", "9e99h"};
    for (size_t i = 0; i < FL_COUNT(bad); i++) {
        fl_ns ns = 0;
        struct fl_err err = {0};
        assert_int_not_equal(fl_parse_duration(fl_str_of(bad[i]), &ns, &err), 0);
        assert_int_not_equal(strlen(err.text), 0);
    }
    struct fl_err err = {0};
    fl_parse_duration(fl_str_of("5"), &(fl_ns){0}, &err);
    assert_string_equal(err.text, "\"5\" is not a duration; write 500ms, 2s or 3m");
}

static void rates_sizes_and_percentages(void **state)
{
    (void)state;
    double number = 0;
    uint64_t bytes = 0;
    int64_t whole = 0;
    assert_int_equal(fl_parse_rate(fl_str_of("30/m"), &number, NULL), 0);
    assert_true(number == 0.5);
    assert_int_not_equal(fl_parse_rate(fl_str_of("30"), &number, NULL), 0);
    assert_int_equal(fl_parse_size(fl_str_of("64k"), &bytes, NULL), 0);
    assert_int_equal(bytes, 65536);
    assert_int_equal(fl_parse_percent(fl_str_of("99.5%"), &number, NULL), 0);
    assert_true(number > 0.99499 && number < 0.99501);
    assert_int_not_equal(fl_parse_percent(fl_str_of("101%"), &number, NULL), 0);
    assert_int_equal(fl_parse_int(fl_str_of("42"), 0, 100, &whole, NULL), 0);
    assert_int_equal(whole, 42);
    assert_int_equal(fl_parse_int(fl_str_of("101"), 0, 100, &whole, NULL), FL_ERANGE);
    assert_int_equal(fl_parse_int(fl_str_of("4x"), 0, 100, &whole, NULL), FL_EPARSE);
}

static void spans_print_with_three_digits(void **state)
{
    (void)state;
    assert_string_equal(FL_SHOW_NS(0), "0");
    assert_string_equal(FL_SHOW_NS(45), "45 ns");
    assert_string_equal(FL_SHOW_NS(45678), "45.7 us");
    assert_string_equal(FL_SHOW_NS(fl_ms(812)), "812 ms");
    assert_string_equal(FL_SHOW_NS(999999999), "1.00 s");
    assert_string_equal(FL_SHOW_NS(fl_ms(1523)), "1.52 s");
    assert_string_equal(FL_SHOW_NS(fl_s(90)), "90.0 s");
    assert_string_equal(FL_SHOW_NS(fl_s(150)), "2.50 min");
    assert_string_equal(FL_SHOW_NS(-fl_ms(3)), "-3.00 ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_read_as_people_write_them),
        cmocka_unit_test(what_is_no_duration_says_what_would_be),
        cmocka_unit_test(rates_sizes_and_percentages),
        cmocka_unit_test(spans_print_with_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
