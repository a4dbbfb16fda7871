#include "engine/scenario_value.h"

#include <math.h>
#include <signal.h>

#include "runtime/base/units.h"

static int value_duration(struct fl_str text, double *out, struct fl_err *err)
{
    fl_ns ns = 0;
    int rc = fl_parse_duration(text, &ns, err);
    if (rc == 0) *out = (double)ns;
    return rc;
}

static int value_size(struct fl_str text, double *out, struct fl_err *err)
{
    uint64_t bytes = 0;
    int rc = fl_parse_size(text, &bytes, err);
    if (rc == 0) *out = (double)bytes;
    return rc;
}

static int value_int(struct fl_str text, double *out, struct fl_err *err)
{
    int64_t number = 0;
    const int64_t exact = INT64_C(1) << 53; /* plan.json carries doubles */
    int rc = fl_parse_int(text, -exact, exact, &number, err);
    if (rc == 0) *out = (double)number;
    return rc;
}

static int value_bool(struct fl_str text, double *out, struct fl_err *err)
{
    bool yes = fl_str_is(text, "true") || fl_str_is(text, "yes") || fl_str_is(text, "on");
    bool no = fl_str_is(text, "false") || fl_str_is(text, "no") || fl_str_is(text, "off");
    if (!yes && !no)
        return fl_err_set(err, FL_EPARSE, "\"%.*s\" is neither true nor false", FL_ARG(text));
    *out = yes ? 1 : 0;
    return 0;
}

static int value_signal(struct fl_str text, double *out, struct fl_err *err)
{
    int64_t number = 0;
    struct fl_str name = text;
    if (name.len > 3 && memcmp(name.at, "SIG", 3) == 0) name.at += 3, name.len -= 3;
    if (fl_parse_int(text, 1, NSIG - 1, &number, NULL) != 0) {
        for (int sig = 1; sig < NSIG && number == 0; sig++)
            if (sigabbrev_np(sig) != NULL && fl_str_is(name, sigabbrev_np(sig))) number = sig;
        if (number == 0)
            return fl_err_set(err, FL_EPARSE,
                              "\"%.*s\" is not a signal; write TERM, KILL or a number",
                              FL_ARG(text));
    }
    *out = (double)number;
    return 0;
}

static const struct value_kind {
    int kind;
    const char *such_as;
    int (*parse)(struct fl_str text, double *out, struct fl_err *err);
} value_kinds[] = {
    {FL_PARAM_INT, "a whole number", value_int},
    {FL_PARAM_DURATION, "a duration such as 500ms or 2s", value_duration},
    {FL_PARAM_SIZE, "a size such as 64k", value_size},
    {FL_PARAM_RATE, "a rate such as 200/s", fl_parse_rate},
    {FL_PARAM_PERCENT, "a percentage such as 99.5%", fl_parse_percent},
    {FL_PARAM_TEXT, "text", NULL},
    {FL_PARAM_SIGNAL, "a signal such as TERM", value_signal},
    {FL_PARAM_BOOL, "true or false", value_bool},
    {FL_PARAM_MAP, "a map of texts", NULL},
};

static const struct value_kind *value_kind_of(int kind)
{
    for (size_t i = 0; i < FL_COUNT(value_kinds); i++)
        if (value_kinds[i].kind == kind) return &value_kinds[i];
    return NULL;
}

const char *scn_such_as(int kind)
{
    const struct value_kind *row = value_kind_of(kind);
    FL_ASSERT(row != NULL);
    return row->such_as;
}

const char *scn_show(int kind, double value, char *out, size_t out_len)
{
    static const struct {
        const char *name;
        double ns;
    } steps[] = {{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};
    if (kind == FL_PARAM_DURATION) {
        size_t i = 0;
        /* the largest unit in which it is a whole number, but 1.5s rather than 1500ms */
        while (i + 1 < FL_COUNT(steps) &&
               (value < steps[i].ns || fabs(fmod(value * 10, steps[i].ns)) > 0))
            i++;
        snprintf(out, out_len, value > 0 ? "%.10g%s" : "0", value / steps[i].ns, steps[i].name);
    } else if (kind == FL_PARAM_PERCENT) {
        snprintf(out, out_len, "%.10g%%", value * 100);
    } else {
        snprintf(out, out_len, kind == FL_PARAM_RATE ? "%.10g/s" : "%.10g", value);
    }
    return out;
}

int scn_number(int kind, struct fl_str text, double least, double most, double *out,
               struct fl_err *err)
{
    const struct value_kind *row = value_kind_of(kind);
    FL_ASSERT(row != NULL && row->parse != NULL);
    double value = 0;
    int rc = row->parse(text, &value, err);
    if (rc != 0) return rc;

    char low[32], high[32];
    scn_show(kind, least, low, sizeof low);
    scn_show(kind, most, high, sizeof high);
    if (most != 0 && (value < least || value > most))
        return fl_err_set(err, FL_ERANGE, "%.*s is not between %s and %s", FL_ARG(text), low, high);
    if (value < least) return fl_err_set(err, FL_ERANGE, "%.*s is less than %s", FL_ARG(text), low);
    *out = value;
    return 0;
}
