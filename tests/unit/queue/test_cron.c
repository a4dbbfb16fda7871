/* Five fields say when. What a calendar does to them, and what is no calendar. */
#include "tests/support/testkit.h"

#include <time.h>

#include "services/queue/cron.h"

/** `2026-11-22 11:42` in UTC as milliseconds. */
static int64_t at(const char *text)
{
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return (int64_t)timegm(&tm) * 1000;
}

static void expect_next(const char *cron, const char *after, const char *want)
{
    struct fl_cron parsed;
    struct fl_err err = {0};
    if (fl_cron_parse(fl_str_of(cron), &parsed, &err) != 0) fail_msg("%s: %s", cron, err.text);
    int64_t next_ms = fl_cron_next(&parsed, at(after));
    time_t seconds = (time_t)(next_ms / 1000);
    char got[32];
    strftime(got, sizeof got, "%Y-%m-%d %H:%M", gmtime(&seconds));
    if (next_ms != at(want)) fail_msg("%s after %s: %s, expected %s", cron, after, got, want);
}

static void the_next_time_is_the_one_that_a_calendar_shows(void **state)
{
    (void)state;
    static const struct {
        const char *cron, *after, *next;
    } rows[] = {
        {"* * * * *", "2026-03-01 10:59", "2026-03-01 11:00"},
        {"*/15 * * * *", "2026-03-01 10:46", "2026-03-01 11:00"},
        {"5/20 * * * *", "2026-03-01 10:06", "2026-03-01 10:25"},
        {"0 8-10 * * *", "2026-03-01 10:00", "2026-03-02 08:00"},
        {"30 6 1 * *", "2026-12-01 06:30", "2027-01-01 06:30"},
        {"0 0 31 * *", "2026-04-01 00:00", "2026-05-31 00:00"},
        {"0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00"},
        {"0 0 29 feb *", "2097-01-01 00:00", "2104-02-29 00:00"}, /* 2100 has none */
        {"0 12 * * mon-fri", "2026-11-20 12:00", "2026-11-23 12:00"},
        {"0 12 * * 0", "2026-11-20 12:00", "2026-11-22 12:00"},
        {"0 12 * * 7", "2026-11-20 12:00", "2026-11-22 12:00"},
        {"0 0 13 * fri", "2026-11-01 00:00", "2026-11-06 00:00"},  /* either is enough */
        {"0 0 */2 * fri", "2026-11-01 00:00", "2026-11-13 00:00"}, /* both, with a star */
        {"1,31 * * jan,DEC *", "2026-01-31 23:45", "2026-12-01 00:01"},
        {"@hourly", "2026-12-31 23:30", "2027-01-01 00:00"},
        {"@daily", "2026-12-30 00:00", "2026-12-31 00:00"},
        {"@weekly", "2026-11-20 12:00", "2026-11-22 00:00"},
        {"  @yearly ", "2026-11-20 12:00", "2027-01-01 00:00"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++)
        expect_next(rows[i].cron, rows[i].after, rows[i].next);
}

static void what_is_no_time_is_refused_by_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *cron, *word;
    } rows[] = {
        {"", "minute"},           {"* * * *", "weekday"},      {"60 * * * *", "minute"},
        {"* 24 * * *", "hour"},   {"* * 0 * *", "day"},        {"* * * 13 *", "month"},
        {"* * * * 8", "weekday"}, {"*/0 * * * *", "minute"},   {"5-1 * * * *", "minute"},
        {"1, * * * *", "minute"}, {"a * * * *", "minute"},     {"* * * * mon-xxx", "weekday"},
        {"-1 * * * *", "minute"}, {"* * * * * *", "behind"},   {"1-2-3 * * * *", "minute"},
        {"@often", "minute"},     {"99999 * * * *", "minute"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct fl_cron cron;
        struct fl_err err = {0};
        assert_int_equal(fl_cron_parse(fl_str_of(rows[i].cron), &cron, &err), FL_EPARSE);
        if (strstr(err.text, rows[i].word) == NULL) fail_msg("%s: %s", rows[i].cron, err.text);
    }
    struct fl_cron never;
    assert_int_equal(fl_cron_parse(FL_STR("0 0 30 2 *"), &never, NULL), 0);
    assert_int_equal(fl_cron_next(&never, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_time_is_the_one_that_a_calendar_shows),
        cmocka_unit_test(what_is_no_time_is_refused_by_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
