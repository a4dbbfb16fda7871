#include "services/queue/cron.h"

#include <ctype.h>
#include <strings.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MINUTES 1440
#define DAYS_MAX (12 * 366) /* between two leap days there may be eight years */

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct cron_field {
    const char *name;
    int least, most;
    const char *const *names;
    int names_count, names_first; /* what the first name stands for */
};
static const struct cron_field cron_fields[] = {
    {"minute", 0, 59, NULL, 0, 0},
    {"hour", 0, 23, NULL, 0, 0},
    {"day", 1, 31, NULL, 0, 0},
    {"month", 1, 12, month_names, 12, 1},
    {"weekday", 0, 7, weekday_names, 7, 0},
};

static const struct {
    const char *name, *text;
} cron_short[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

/** A number or a name of the field, off the front of `at`; -1: neither, or outside. */
static int cron_take_value(const struct cron_field *field, struct fl_str *at)
{
    int value = -1;
    for (int i = 0; i < field->names_count && value < 0; i++)
        if (at->len >= 3 && strncasecmp(at->at, field->names[i], 3) == 0)
            value = field->names_first + i;
    size_t used = value >= 0 ? 3 : 0;
    while (used < at->len && used < 4 && isdigit((unsigned char)at->at[used])) {
        value = (value < 0 ? 0 : value) * 10 + (at->at[used] - '0');
        used++;
    }
    *at = (struct fl_str){at->at + used, at->len - used};
    return value >= field->least && value <= field->most ? value : -1;
}

static bool cron_take_char(struct fl_str *at, char c)
{
    if (at->len == 0 || at->at[0] != c) return false;
    *at = (struct fl_str){at->at + 1, at->len - 1};
    return true;
}

/** One of a list: star, value or range, perhaps with a step. */
static int cron_parse_part(const struct cron_field *field, struct fl_str part, uint64_t *bits)
{
    int from = field->least, until = field->most, step = 1;
    if (!cron_take_char(&part, '*')) {
        from = cron_take_value(field, &part);
        until = from;
        if (from >= 0 && cron_take_char(&part, '-'))
            until = cron_take_value(field, &part);
        else if (part.len > 0 && part.at[0] == '/')
            until = field->most;
        if (from < 0 || until < from) return FL_EPARSE;
    }
    if (cron_take_char(&part, '/')) {
        const struct cron_field any = {NULL, 1, field->most > 1 ? field->most : 1, NULL, 0, 0};
        step = cron_take_value(&any, &part);
        if (step < 1) return FL_EPARSE;
    }
    if (part.len > 0) return FL_EPARSE;
    for (int i = from; i <= until; i += step)
        *bits |= UINT64_C(1) << i;
    return 0;
}

static int cron_parse_field(const struct cron_field *field, struct fl_str text, uint64_t *bits)
{
    *bits = 0;
    if (text.len == 0) return FL_EPARSE;
    int rc = 0;
    while (rc == 0 && text.len > 0) {
        bool ends_open = text.at[text.len - 1] == ',';
        rc = ends_open ? FL_EPARSE : cron_parse_part(field, fl_str_cut(&text, ','), bits);
    }
    return rc;
}

/** The next word, spaces around it dropped. */
static struct fl_str cron_word(struct fl_str *rest)
{
    *rest = fl_str_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != '\t')
        len++;
    struct fl_str word = {rest->at, len};
    *rest = (struct fl_str){rest->at + len, rest->len - len};
    return word;
}

int fl_cron_parse(struct fl_str text, struct fl_cron *out, struct fl_err *err)
{
    text = fl_str_trim(text);
    for (size_t i = 0; i < FL_COUNT(cron_short); i++)
        if (fl_str_is(text, cron_short[i].name)) text = fl_str_of(cron_short[i].text);

    uint64_t bits[FL_COUNT(cron_fields)];
    bool any[FL_COUNT(cron_fields)];
    struct fl_str rest = text;
    for (size_t i = 0; i < FL_COUNT(cron_fields); i++) {
        struct fl_str word = cron_word(&rest);
        if (word.len == 0)
            return fl_err_set(err, FL_EPARSE,
                              "cron wants five fields (minute hour day month weekday, in UTC), "
                              "such as \"*/15 8-18 * * mon-fri\"; the %s is missing",
                              cron_fields[i].name);
        if (cron_parse_field(&cron_fields[i], word, &bits[i]) != 0)
            return fl_err_set(
                err, FL_EPARSE, "cron: \"%.*s\" is no %s; from %d to %d, as 5, 1-5, */10 or 1,3,5",
                FL_ARG(word), cron_fields[i].name, cron_fields[i].least, cron_fields[i].most);
        any[i] = word.at[0] == '*';
    }
    if (fl_str_trim(rest).len > 0)
        return fl_err_set(err, FL_EPARSE, "cron: five fields, and behind them is \"%.*s\"",
                          FL_ARG(fl_str_trim(rest)));
    if (bits[4] & 1 << 7) bits[4] |= 1; /* 7 is Sunday too */
    *out = (struct fl_cron){
        .minutes = bits[0],
        .hours = (uint32_t)bits[1],
        .days = (uint32_t)bits[2],
        .months = (uint32_t)bits[3],
        .weekdays = (uint32_t)bits[4] & 0x7f,
        .any_day = any[2],
        .any_weekday = any[4],
    };
    return 0;
}

/** Month and day of a day since 1970 (Howard Hinnant's civil_from_days). */
static void cron_civil(int64_t days, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t shifted = (5 * of_year + 2) / 153; /* March is 0 */
    *day = (int)(of_year - (153 * shifted + 2) / 5) + 1;
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
}

static bool cron_is_day(const struct fl_cron *cron, int64_t days)
{
    int month, day;
    cron_civil(days, &month, &day);
    if (!(cron->months >> month & 1)) return false;
    bool on_day = cron->days >> day & 1;
    bool on_weekday = cron->weekdays >> (days + 4) % 7 & 1; /* 1970 began with a Thursday */
    if (cron->any_day || cron->any_weekday) return on_day && on_weekday;
    return on_day || on_weekday;
}

/** The first minute of the day from `from` on, or -1. */
static int cron_minute(const struct fl_cron *cron, int from)
{
    for (int hour = from / 60; hour < 24; hour++) {
        if (!(cron->hours >> hour & 1)) continue;
        for (int minute = hour == from / 60 ? from % 60 : 0; minute < 60; minute++)
            if (cron->minutes >> minute & 1) return hour * 60 + minute;
    }
    return -1;
}

int64_t fl_cron_next(const struct fl_cron *cron, int64_t after_ms)
{
    if (after_ms < 0) after_ms = 0;
    int64_t minutes = after_ms / MINUTE_MS + 1;
    int64_t first = minutes / DAY_MINUTES;
    int from = (int)(minutes % DAY_MINUTES);
    for (int64_t days = first; days < first + DAYS_MAX; days++, from = 0) {
        if (!cron_is_day(cron, days)) continue;
        int minute = cron_minute(cron, from);
        if (minute >= 0) return (days * DAY_MINUTES + minute) * MINUTE_MS;
    }
    return -1;
}
