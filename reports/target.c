#include "reports/target.h"

#include <math.h>

#include "reports/reports.h"
#include "runtime/base/units.h"

const struct fl_metric fl_metrics[] = {
    {"recovery",
     "time from a fault until its loads are steady again; (kind), (kind target), (load)"},
    {"availability", "share of good operations over storm and calm; (load), phase"},
    {"latency",
     "time from due to done of operations; needs a statistic such as p99; (load), phase"},
    {"lost", "acknowledged work that never arrived, by the checkers; (load)"},
    {"duplicated", "work that arrived more than once, by the checkers; (load)"},
    {"reordered", "messages heard against their sender's order, by the checkers; (load)"},
    {"diverged", "copies and views that were not equal to the state, by the checkers; (load)"},
    {"errors", "share of operations that did not end in ok; (load), phase"},
    {"unavailable", "sum of the spans in which operations were bad; (load)"},
    {"restarts", "how often the supervisor restarted an instance"},
    {NULL, NULL},
};

/* What a metric of this row accepts; same order as fl_metrics. */
static const struct traits {
    enum fl_unit unit;
    bool takes_load, takes_fault, takes_stat, needs_stat, takes_phase;
} traits[FL_METRIC_COUNT] = {
    [FL_METRIC_RECOVERY] = {FL_UNIT_NS, true, true, true, false, false},
    [FL_METRIC_AVAILABILITY] = {FL_UNIT_SHARE, true, false, false, false, true},
    [FL_METRIC_LATENCY] = {FL_UNIT_NS, true, false, true, true, true},
    [FL_METRIC_LOST] = {FL_UNIT_COUNT, true, false, false, false, false},
    [FL_METRIC_DUPLICATED] = {FL_UNIT_COUNT, true, false, false, false, false},
    [FL_METRIC_REORDERED] = {FL_UNIT_COUNT, true, false, false, false, false},
    [FL_METRIC_DIVERGED] = {FL_UNIT_COUNT, true, false, false, false, false},
    [FL_METRIC_ERRORS] = {FL_UNIT_SHARE, true, false, false, false, true},
    [FL_METRIC_UNAVAILABLE] = {FL_UNIT_NS, true, false, false, false, false},
    [FL_METRIC_RESTARTS] = {FL_UNIT_COUNT, false, false, false, false, false},
};

static const char *const phase_names[] = {"", "outside faults", "during faults", "in baseline"};
static const char *const cmp_names[] = {"<", "<=", ">", ">=", "="};

struct scan {
    const char *text, *at;
    int *column;
    struct fl_err *err;
};

static void skip_spaces(struct scan *scan)
{
    while (*scan->at == ' ' || *scan->at == '\t')
        scan->at++;
}

static int fail_at(struct scan *scan, const char *at, const char *format, ...) FL_PRINTF(3, 4);
static int fail_at(struct scan *scan, const char *at, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (scan->column != NULL) *scan->column = (int)(at - scan->text);
    return fl_err_set(scan->err, FL_EPARSE, "%s", text);
}

/* A run of letters, digits, dots and underscores. */
static struct fl_str take_word(struct scan *scan)
{
    skip_spaces(scan);
    const char *from = scan->at;
    while ((*scan->at >= 'a' && *scan->at <= 'z') || (*scan->at >= 'A' && *scan->at <= 'Z') ||
           (*scan->at >= '0' && *scan->at <= '9') || *scan->at == '_' || *scan->at == '.' ||
           *scan->at == '-')
        scan->at++;
    return (struct fl_str){from, (size_t)(scan->at - from)};
}

/* `; did you mean "x"?`, or the list of what there is. */
static const char *hint(struct fl_str word, const char *const *names, size_t count, char *out,
                        size_t out_len)
{
    char *copy = fl_str_dup(word);
    const char *nearest = fl_nearest(copy, names, count);
    free(copy);
    out[0] = '\0';
    if (nearest != NULL) {
        snprintf(out, out_len, "; did you mean \"%s\"?", nearest);
        return out;
    }
    size_t used = 0;
    for (size_t i = 0; i < count && used < out_len; i++)
        used += (size_t)snprintf(out + used, out_len - used, "%s%s", i == 0 ? "; use " : ", ",
                                 names[i]);
    return out;
}

static int parse_metric(struct scan *scan, struct fl_target *out)
{
    const char *names[FL_METRIC_COUNT];
    struct fl_str word = take_word(scan);
    if (word.len == 0)
        return fail_at(scan, word.at, "expected a metric such as recovery, latency or lost");
    for (int i = 0; i < FL_METRIC_COUNT; i++) {
        names[i] = fl_metrics[i].name;
        if (!fl_str_is(word, names[i])) continue;
        out->metric = (enum fl_metric_id)i;
        out->unit = traits[i].unit;
        return 0;
    }
    char near[200];
    return fail_at(scan, word.at, "unknown metric \"%.*s\"%s", FL_ARG(word),
                   hint(word, names, FL_METRIC_COUNT, near, sizeof near));
}

static bool contains(const char *const *names, size_t count, struct fl_str word)
{
    for (size_t i = 0; i < count; i++)
        if (fl_str_is(word, names[i])) return true;
    return false;
}

static void copy_str(char *out, size_t out_len, struct fl_str str)
{
    snprintf(out, out_len, "%.*s", FL_ARG(str));
}

/* The names that may stand in this metric's parentheses, for a message; free() the array. */
static const char **allowed_names(const struct traits *can, const struct fl_target_names *names,
                                  size_t *count)
{
    const char **all = fl_new_array(const char *, names->loads_count + names->faults_count + 1);
    *count = 0;
    for (size_t i = 0; can->takes_load && i < names->loads_count; i++)
        all[(*count)++] = names->loads[i];
    for (size_t i = 0; can->takes_fault && i < names->faults_count; i++)
        all[(*count)++] = names->faults[i];
    return all;
}

static int parse_selector(struct scan *scan, struct fl_target *out,
                          const struct fl_target_names *names)
{
    skip_spaces(scan);
    if (*scan->at != '(') return 0;
    const char *open = scan->at++;
    const struct traits *can = &traits[out->metric];
    const char *metric = fl_metrics[out->metric].name;
    if (!can->takes_load && !can->takes_fault)
        return fail_at(scan, open, "%s takes no selector in parentheses", metric);
    const char *close = strchr(scan->at, ')');
    if (close == NULL) return fail_at(scan, open, "\"(\" without \")\"");
    struct fl_str inside = fl_str_trim((struct fl_str){scan->at, (size_t)(close - scan->at)});
    scan->at = close + 1;
    if (inside.len == 0) return fail_at(scan, open, "\"()\" selects nothing; leave it out");

    if (can->takes_load && contains(names->loads, names->loads_count, inside)) {
        copy_str(out->load, sizeof out->load, inside);
        return 0;
    }
    struct fl_str rest = inside, kind = fl_str_cut(&rest, ' ');
    if (can->takes_fault && contains(names->faults, names->faults_count, kind)) {
        copy_str(out->kind, sizeof out->kind, kind);
        copy_str(out->aim, sizeof out->aim, fl_str_trim(rest));
        return 0;
    }
    if (contains(names->faults, names->faults_count, kind))
        return fail_at(scan, inside.at, "%s can be selected by load, not by fault", metric);
    size_t count = 0;
    const char **all = allowed_names(can, names, &count);
    char near[200];
    int rc = fail_at(scan, inside.at, "%s: no load%s is called \"%.*s\"%s", metric,
                     can->takes_fault ? " and no fault" : "", FL_ARG(inside),
                     hint(inside, all, count, near, sizeof near));
    free(all);
    return rc;
}

/* min mean median max, p50 … p99.9. */
static bool stat_of(struct fl_str word, enum fl_stat *stat, double *quantile)
{
    static const struct {
        const char *name;
        enum fl_stat stat;
        double quantile;
    } words[] = {{"min", FL_STAT_MIN, 0},
                 {"mean", FL_STAT_MEAN, 0},
                 {"median", FL_STAT_QUANTILE, 0.5},
                 {"max", FL_STAT_MAX, 1}};
    for (size_t i = 0; i < FL_COUNT(words); i++) {
        if (!fl_str_is(word, words[i].name)) continue;
        *stat = words[i].stat;
        *quantile = words[i].quantile;
        return true;
    }
    char digits[16], *end = NULL;
    if (word.len < 2 || word.len > sizeof digits - 1 || word.at[0] != 'p') return false;
    copy_str(digits, sizeof digits, (struct fl_str){word.at + 1, word.len - 1});
    if (digits[0] < '0' || digits[0] > '9') return false;
    double percent = strtod(digits, &end);
    if (*end != '\0' || !(percent > 0 && percent < 100)) return false;
    *stat = FL_STAT_QUANTILE;
    *quantile = percent / 100;
    return true;
}

static int parse_stat(struct scan *scan, struct fl_target *out)
{
    const struct traits *can = &traits[out->metric];
    const char *metric = fl_metrics[out->metric].name;
    struct fl_str word = take_word(scan);
    if (word.len == 0) {
        if (can->needs_stat)
            return fail_at(scan, scan->at, "%s needs a statistic such as p99 or max", metric);
        out->stat = can->takes_stat ? FL_STAT_MAX : FL_STAT_NONE;
        snprintf(out->stat_name, sizeof out->stat_name, "%s", can->takes_stat ? "max" : "");
        return 0;
    }
    if (!stat_of(word, &out->stat, &out->quantile))
        return fail_at(scan, word.at,
                       "\"%.*s\" is not a statistic; use min, mean, median, max or p50 to p99.9",
                       FL_ARG(word));
    if (!can->takes_stat)
        return fail_at(scan, word.at, "%s is one figure and takes no statistic", metric);
    copy_str(out->stat_name, sizeof out->stat_name, word);
    return 0;
}

static int parse_cmp(struct scan *scan, struct fl_target *out)
{
    skip_spaces(scan);
    for (int i = (int)FL_COUNT(cmp_names) - 1; i >= 0; i--) {
        static const int longest_first[] = {FL_CMP_LT, FL_CMP_GT, FL_CMP_EQ, FL_CMP_LE, FL_CMP_GE};
        const char *name = cmp_names[longest_first[i]];
        if (strncmp(scan->at, name, strlen(name)) != 0) continue;
        out->cmp = (enum fl_cmp)longest_first[i];
        scan->at += strlen(name);
        return 0;
    }
    return fail_at(scan, scan->at, "expected < <= > >= or = and a value");
}

/* The text up to the phase, if one follows; the phase is left for parse_phase. */
static struct fl_str take_value(struct scan *scan)
{
    skip_spaces(scan);
    const char *from = scan->at;
    while (*scan->at != '\0' && *scan->at != ' ' && *scan->at != '\t')
        scan->at++;
    return (struct fl_str){from, (size_t)(scan->at - from)};
}

static int parse_number(struct fl_str text, double *out)
{
    char copy[32], *end = NULL;
    if (text.len == 0 || text.len >= sizeof copy) return FL_EPARSE;
    copy_str(copy, sizeof copy, text);
    if (copy[0] < '0' || copy[0] > '9') return FL_EPARSE;
    *out = strtod(copy, &end);
    return *end == '\0' && isfinite(*out) ? 0 : FL_EPARSE;
}

static int parse_value(struct scan *scan, struct fl_target *out)
{
    static const char *const examples[] = {
        [FL_UNIT_NS] = "a duration such as 800ms or 2s",
        [FL_UNIT_SHARE] = "a percentage such as 99.5%",
        [FL_UNIT_COUNT] = "a whole number such as 0",
    };
    struct fl_str word = take_value(scan);
    fl_ns ns = 0;
    int rc = 0;
    if (out->unit == FL_UNIT_NS) {
        rc = fl_parse_duration(word, &ns, NULL);
        out->value = (double)ns;
    } else if (out->unit == FL_UNIT_SHARE) {
        rc = fl_parse_percent(word, &out->value, NULL);
        if (rc != 0 && parse_number(word, &out->value) == 0 && out->value <= 1) rc = 0;
    } else {
        rc = parse_number(word, &out->value);
        if (rc == 0 && out->value != floor(out->value)) rc = FL_EPARSE;
    }
    if (rc != 0)
        return fail_at(scan, word.at, "%s is compared with %s, not with \"%.*s\"",
                       fl_metrics[out->metric].name, examples[out->unit], FL_ARG(word));
    copy_str(out->value_text, sizeof out->value_text, word);
    return 0;
}

static int parse_phase(struct scan *scan, struct fl_target *out)
{
    skip_spaces(scan);
    struct fl_str rest = fl_str_trim(fl_str_of(scan->at));
    if (rest.len == 0) return 0;
    for (size_t i = 1; i < FL_COUNT(phase_names); i++) {
        if (!fl_str_is(rest, phase_names[i])) continue;
        if (!traits[out->metric].takes_phase)
            return fail_at(scan, rest.at, "%s takes no phase", fl_metrics[out->metric].name);
        out->phase = (enum fl_target_phase)i;
        return 0;
    }
    char near[200];
    return fail_at(scan, rest.at, "\"%.*s\" after the value makes no sense%s", FL_ARG(rest),
                   hint(rest, phase_names + 1, FL_COUNT(phase_names) - 1, near, sizeof near));
}

int fl_target_parse(struct fl_target *out, const char *text, const struct fl_target_names *names,
                    /* NOLINTNEXTLINE(readability-non-const-parameter): written by way of scan */
                    int *out_column, struct fl_err *err)
{
    struct fl_target target = {0};
    struct scan scan = {.text = text, .at = text, .column = out_column, .err = err};
    int rc = parse_metric(&scan, &target);
    if (rc == 0) rc = parse_selector(&scan, &target, names);
    if (rc == 0) rc = parse_stat(&scan, &target);
    if (rc == 0) rc = parse_cmp(&scan, &target);
    if (rc == 0) rc = parse_value(&scan, &target);
    if (rc == 0) rc = parse_phase(&scan, &target);
    if (rc == 0) *out = target;
    return rc;
}

int fl_target_check(const char *text, const char *const *loads, size_t loads_count,
                    const char *const *faults, size_t faults_count, int *out_column,
                    struct fl_err *err)
{
    struct fl_target ignored;
    struct fl_target_names names = {loads, loads_count, faults, faults_count};
    return fl_target_parse(&ignored, text, &names, out_column, err);
}

bool fl_target_holds(const struct fl_target *target, double measured)
{
    switch (target->cmp) {
    case FL_CMP_LT:
        return measured < target->value;
    case FL_CMP_LE:
        return measured <= target->value;
    case FL_CMP_GT:
        return measured > target->value;
    case FL_CMP_GE:
        return measured >= target->value;
    case FL_CMP_EQ:
        return fabs(measured - target->value) < 1e-9;
    }
    return false;
}

bool fl_target_larger_is_worse(const struct fl_target *target)
{
    return target->cmp != FL_CMP_GT && target->cmp != FL_CMP_GE;
}

const char *fl_target_show(const struct fl_target *target, double figure, char *out, size_t out_len)
{
    if (isinf(figure))
        snprintf(out, out_len, "never");
    else if (target->unit == FL_UNIT_NS)
        fl_show_ns((fl_ns)llround(figure), out, out_len);
    else if (target->unit == FL_UNIT_SHARE)
        snprintf(out, out_len, "%.*f %%", figure > 0.9995 && figure < 1 ? 4 : 2, figure * 100);
    else
        snprintf(out, out_len, "%.0f", figure);
    return out;
}
