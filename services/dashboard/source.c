#include "services/dashboard/source.h"

#include <math.h>
#include <stdarg.h>

static const struct fl_source *const source_rows[] = {
    &fl_source_run, &fl_source_node, &fl_source_proc, &fl_source_prometheus, &fl_source_simulated};

void fl_sample_add(struct fl_sample *sample, const char *group, const char *unit, double value,
                   const char *name_format, ...)
{
    if (sample->count == FL_SOURCE_VALUES_MAX) {
        sample->dropped++;
        return;
    }
    struct fl_source_value *one = &sample->values[sample->count++];
    *one = (struct fl_source_value){.value = value};
    snprintf(one->series.group, sizeof one->series.group, "%s", group);
    snprintf(one->series.unit, sizeof one->series.unit, "%s", unit);
    va_list args;
    va_start(args, name_format);
    vsnprintf(one->series.name, sizeof one->series.name, name_format, args);
    va_end(args);
}

double fl_rate_of(struct fl_rate *rate, double counter, fl_ns now_ns)
{
    double per_s = NAN;
    if (rate->at_ns != 0 && now_ns > rate->at_ns && counter >= rate->last)
        per_s = (counter - rate->last) / ((double)(now_ns - rate->at_ns) / 1e9);
    *rate = (struct fl_rate){.last = counter, .at_ns = now_ns};
    return per_s;
}

static const struct fl_source *source_find(struct fl_str kind)
{
    for (size_t i = 0; i < FL_COUNT(source_rows); i++)
        if (fl_str_is(kind, source_rows[i]->kind)) return source_rows[i];
    return NULL;
}

static bool is_url(struct fl_str text)
{
    return (text.len > 7 && memcmp(text.at, "http://", 7) == 0) ||
           (text.len > 8 && memcmp(text.at, "https://", 8) == 0);
}

static int parse_one(struct fl_str word, struct fl_source_spec *out, struct fl_err *err)
{
    struct fl_str what = word, kind = is_url(word) ? FL_STR("prometheus") : fl_str_cut(&what, ':');
    *out = (struct fl_source_spec){.source = source_find(kind)};
    if (out->source == NULL)
        return fl_err_set(err, FL_EPARSE,
                          "\"%.*s\" is no source; there are: run, node, proc, prometheus:URL, "
                          "simulated",
                          (int)(kind.len < 60 ? kind.len : 60), kind.at);
    if (what.len >= sizeof out->what)
        return fl_err_set(err, FL_EPARSE, "a source is at most %zu bytes", sizeof out->what - 1);
    memcpy(out->what, what.at, what.len);
    return 0;
}

static struct fl_str take_word(struct fl_str *rest)
{
    size_t from = 0;
    while (from < rest->len && strchr(" ,\t\n", rest->at[from]) != NULL)
        from++;
    size_t to = from;
    while (to < rest->len && strchr(" ,\t\n", rest->at[to]) == NULL)
        to++;
    struct fl_str word = {rest->at + from, to - from};
    *rest = (struct fl_str){rest->at + to, rest->len - to};
    return word;
}

int fl_source_parse(struct fl_str text, struct fl_source_spec out[FL_SOURCES_MAX], size_t *count,
                    struct fl_err *err)
{
    *count = 0;
    for (struct fl_str word; (word = take_word(&text)).len > 0;) {
        if (*count == FL_SOURCES_MAX)
            return fl_err_set(err, FL_EPARSE, "more than %d sources", FL_SOURCES_MAX);
        struct fl_source_spec *spec = &out[*count];
        int code = parse_one(word, spec, err);
        if (code != 0) return code;
        int same = 1;
        for (size_t i = 0; i < *count; i++)
            same += out[i].source == spec->source;
        if (same == 1)
            snprintf(spec->label, sizeof spec->label, "%s", spec->source->kind);
        else
            snprintf(spec->label, sizeof spec->label, "%s %d", spec->source->kind, same);
        ++*count;
    }
    return 0;
}
