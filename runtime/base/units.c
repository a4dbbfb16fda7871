#include "runtime/base/units.h"

#include <errno.h>
#include <math.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit duration_units[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6}, {"s", 1e9},
                                             {"m", 60e9}, {"h", 3600e9}, {NULL, 0}};
static const struct unit rate_units[] = {
    {"/s", 1}, {"/m", 1.0 / 60}, {"/h", 1.0 / 3600}, {NULL, 0}};
static const struct unit size_units[] = {{"", 1},        {"k", 1024},         {"K", 1024},
                                         {"M", 1048576}, {"G", 1073741824.0}, {NULL, 0}};
static const struct unit percent_units[] = {{"%", 0.01}, {NULL, 0}};

/* A number, then one of the units; nothing else. */
static int parse_with_unit(struct fl_str text, const struct unit *units, double *out)
{
    char copy[48];
    text = fl_str_trim(text);
    if (text.len == 0 || text.len >= sizeof copy) return FL_EPARSE;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (copy[0] != '.' && (copy[0] < '0' || copy[0] > '9')) return FL_EPARSE;
    if (copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X')) return FL_EPARSE;

    char *end = NULL;
    double number = strtod(copy, &end);
    if (end == copy || !isfinite(number)) return FL_EPARSE;
    while (*end == ' ')
        end++;
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(end, unit->name) != 0) continue;
        *out = number * unit->factor;
        return 0;
    }
    if (*end == '\0' && number == 0) {
        *out = 0;
        return 0;
    }
    return FL_EPARSE;
}

int fl_parse_duration(struct fl_str text, fl_ns *out_ns, struct fl_err *err)
{
    double ns = 0;
    if (parse_with_unit(text, duration_units, &ns) != 0)
        return fl_err_set(err, FL_EPARSE, "\"%.*s\" is not a duration; write 500ms, 2s or 3m",
                          FL_ARG(text));
    if (ns > 365.0 * 24 * 3600e9)
        return fl_err_set(err, FL_ERANGE, "\"%.*s\" is longer than a year", FL_ARG(text));
    *out_ns = (fl_ns)llround(ns);
    return 0;
}

int fl_parse_rate(struct fl_str text, double *out_per_s, struct fl_err *err)
{
    if (parse_with_unit(text, rate_units, out_per_s) != 0)
        return fl_err_set(err, FL_EPARSE, "\"%.*s\" is not a rate; write 200/s or 30/m",
                          FL_ARG(text));
    if (*out_per_s > 1e7)
        return fl_err_set(err, FL_ERANGE, "\"%.*s\" is more than 10,000,000/s", FL_ARG(text));
    return 0;
}

int fl_parse_size(struct fl_str text, uint64_t *out_bytes, struct fl_err *err)
{
    double bytes = 0;
    if (parse_with_unit(text, size_units, &bytes) != 0)
        return fl_err_set(err, FL_EPARSE, "\"%.*s\" is not a size; write 512, 64k or 1M",
                          FL_ARG(text));
    if (bytes > 1e15) return fl_err_set(err, FL_ERANGE, "\"%.*s\" is too large", FL_ARG(text));
    *out_bytes = (uint64_t)bytes;
    return 0;
}

int fl_parse_percent(struct fl_str text, double *out_share, struct fl_err *err)
{
    if (parse_with_unit(text, percent_units, out_share) != 0)
        return fl_err_set(err, FL_EPARSE, "\"%.*s\" is not a percentage; write 99.5%%",
                          FL_ARG(text));
    if (*out_share > 1)
        return fl_err_set(err, FL_ERANGE, "\"%.*s\" is more than 100%%", FL_ARG(text));
    return 0;
}

int fl_parse_int(struct fl_str text, int64_t least, int64_t most, int64_t *out, struct fl_err *err)
{
    char copy[32];
    text = fl_str_trim(text);
    char *end = copy;
    long long number = 0;
    errno = 0;
    if (text.len > 0 && text.len < sizeof copy) {
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        number = strtoll(copy, &end, 10);
    }
    if (end == copy || *end != '\0')
        return fl_err_set(err, FL_EPARSE, "\"%.*s\" is not a whole number", FL_ARG(text));
    if (errno == ERANGE || number < least || number > most)
        return fl_err_set(err, FL_ERANGE, "%.*s is not between %lld and %lld", FL_ARG(text),
                          (long long)least, (long long)most);
    *out = number;
    return 0;
}

const char *fl_show_ns(fl_ns ns, char *out, size_t out_len)
{
    static const struct unit steps[] = {{"h", 3600e9}, {"min", 60e9}, {"s", 1e9},
                                        {"ms", 1e6},   {"us", 1e3},   {"ns", 1}};
    if (ns == 0) {
        snprintf(out, out_len, "0");
        return out;
    }
    double size = fabs((double)ns);
    const struct unit *unit = &steps[FL_COUNT(steps) - 1];
    for (size_t i = 0; i < FL_COUNT(steps); i++) {
        /* 0.9995 so that 999.6 ms reads 1.00 s and not 1000 ms */
        double from = steps[i].factor * (i < 2 ? 2.0 : 0.9995);
        if (size >= from) {
            unit = &steps[i];
            break;
        }
    }
    double value = (double)ns / unit->factor, magnitude = fabs(value);
    int decimals = magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : 2;
    if (unit->factor == 1) decimals = 0;
    snprintf(out, out_len, "%.*f %s", decimals, value, unit->name);
    return out;
}
