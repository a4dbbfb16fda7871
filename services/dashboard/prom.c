#include "services/dashboard/prom.h"

#include <ctype.h>

/* Where the reader is, and what the last comments said. */
struct prom {
    struct fl_str rest; /* of the line */
    int line;
    struct fl_str type_family, help_family, help;
    enum fl_prom_type type;
    struct fl_buf values; /* label values without escapes; does not move while one line is read */
    struct fl_prom_sample sample;
    struct fl_err *err;
};

static int prom_fail(struct prom *prom, const char *why)
{
    return fl_err_set(prom->err, FL_EPARSE, "line %d: %s", prom->line, why);
}

static void skip_blanks(struct prom *prom)
{
    while (prom->rest.len > 0 && (prom->rest.at[0] == ' ' || prom->rest.at[0] == '\t'))
        prom->rest = (struct fl_str){prom->rest.at + 1, prom->rest.len - 1};
}

static bool take(struct prom *prom, char c)
{
    if (prom->rest.len == 0 || prom->rest.at[0] != c) return false;
    prom->rest = (struct fl_str){prom->rest.at + 1, prom->rest.len - 1};
    return true;
}

/* [a-zA-Z_:][a-zA-Z0-9_:]* */
static struct fl_str take_name(struct prom *prom)
{
    size_t len = 0;
    while (len < prom->rest.len) {
        unsigned char c = (unsigned char)prom->rest.at[len];
        if (!isalpha(c) && c != '_' && c != ':' && !(len > 0 && isdigit(c))) break;
        len++;
    }
    struct fl_str name = {prom->rest.at, len};
    prom->rest = (struct fl_str){prom->rest.at + len, prom->rest.len - len};
    return name;
}

static struct fl_str take_word(struct prom *prom)
{
    size_t len = 0;
    while (len < prom->rest.len && prom->rest.at[len] != ' ' && prom->rest.at[len] != '\t')
        len++;
    struct fl_str word = {prom->rest.at, len};
    prom->rest = (struct fl_str){prom->rest.at + len, prom->rest.len - len};
    return word;
}

/* ---- comments ---- */

static enum fl_prom_type type_of(struct fl_str word)
{
    static const struct {
        const char *word;
        enum fl_prom_type type;
    } types[] = {{"counter", FL_PROM_COUNTER},
                 {"gauge", FL_PROM_GAUGE},
                 {"histogram", FL_PROM_HISTOGRAM},
                 {"summary", FL_PROM_SUMMARY}};
    for (size_t i = 0; i < FL_COUNT(types); i++)
        if (fl_str_is(word, types[i].word)) return types[i].type;
    return FL_PROM_UNTYPED;
}

static void read_comment(struct prom *prom)
{
    skip_blanks(prom);
    struct fl_str word = take_word(prom);
    bool is_type = fl_str_is(word, "TYPE");
    if (!is_type && !fl_str_is(word, "HELP")) return;
    skip_blanks(prom);
    struct fl_str family = take_word(prom);
    skip_blanks(prom);
    if (is_type) {
        prom->type_family = family;
        prom->type = type_of(fl_str_trim(prom->rest));
    } else {
        prom->help_family = family;
        prom->help = prom->rest;
        if (prom->help.len > FL_PROM_HELP_MAX) prom->help.len = FL_PROM_HELP_MAX;
    }
}

/* ---- samples ---- */

static int read_label_value(struct prom *prom, struct fl_str *out)
{
    if (!take(prom, '"')) return prom_fail(prom, "a label's value begins with a quote");
    size_t from = prom->values.len;
    while (prom->rest.len > 0 && prom->rest.at[0] != '"') {
        char c = prom->rest.at[0];
        take(prom, c);
        if (c == '\\' && prom->rest.len > 0) {
            c = prom->rest.at[0];
            take(prom, c);
            if (c == 'n') c = '\n';
        }
        fl_buf_putc(&prom->values, c);
    }
    *out = (struct fl_str){prom->values.at + from, prom->values.len - from};
    return take(prom, '"') ? 0 : prom_fail(prom, "a label's value has no end");
}

static int read_labels(struct prom *prom)
{
    struct fl_prom_sample *sample = &prom->sample;
    if (!take(prom, '{')) return 0;
    for (skip_blanks(prom); !take(prom, '}'); skip_blanks(prom)) {
        if (sample->labels_count == FL_PROM_LABELS_MAX) return prom_fail(prom, "too many labels");
        struct fl_prom_label *label = &sample->labels[sample->labels_count];
        label->name = take_name(prom);
        if (label->name.len == 0) return prom_fail(prom, "expected the name of a label");
        skip_blanks(prom);
        if (!take(prom, '=')) return prom_fail(prom, "expected = after the name of a label");
        skip_blanks(prom);
        int code = read_label_value(prom, &label->value);
        if (code != 0) return code;
        sample->labels_count++;
        skip_blanks(prom);
        if (!take(prom, ',') && (prom->rest.len == 0 || prom->rest.at[0] != '}'))
            return prom_fail(prom, "expected , or } after a label");
    }
    return 0;
}

static int read_value(struct prom *prom)
{
    char text[64], *end;
    skip_blanks(prom);
    struct fl_str word = take_word(prom);
    if (word.len == 0 || word.len >= sizeof text) return prom_fail(prom, "expected a number");
    snprintf(text, sizeof text, "%.*s", FL_ARG(word));
    prom->sample.value = strtod(text, &end); /* also NaN, +Inf and -Inf */
    if (*end != '\0') return prom_fail(prom, "expected a number");
    return 0;
}

/* latency_bucket, _sum, _count and requests_total belong to latency and requests. */
static void find_family(struct prom *prom)
{
    static const char *const endings[] = {"", "_bucket", "_sum", "_count", "_total"};
    struct fl_prom_sample *sample = &prom->sample;
    sample->family = sample->name;
    for (size_t i = 0; i < FL_COUNT(endings); i++) {
        size_t len = strlen(endings[i]);
        if (sample->name.len <= len ||
            memcmp(sample->name.at + sample->name.len - len, endings[i], len) != 0)
            continue;
        struct fl_str stem = {sample->name.at, sample->name.len - len};
        if (fl_str_eq(stem, prom->type_family)) {
            sample->family = stem;
            sample->type = prom->type;
        }
        if (fl_str_eq(stem, prom->help_family)) sample->help = prom->help;
    }
}

static int read_sample(struct prom *prom, void (*fn)(void *cx, const struct fl_prom_sample *sample),
                       void *cx)
{
    prom->sample = (struct fl_prom_sample){0};
    prom->values.len = 0;
    fl_buf_reserve(&prom->values, prom->rest.len + 1);
    prom->sample.name = take_name(prom);
    if (prom->sample.name.len == 0) return prom_fail(prom, "expected the name of a metric");
    if (prom->sample.name.len > FL_PROM_NAME_MAX) return prom_fail(prom, "a name is too long");
    skip_blanks(prom);
    int code = read_labels(prom);
    if (code == 0) code = read_value(prom);
    if (code != 0) return code;
    find_family(prom);
    fn(cx, &prom->sample); /* a timestamp, and an exemplar, may follow */
    return 0;
}

int fl_prom_parse(struct fl_str text, void (*fn)(void *cx, const struct fl_prom_sample *sample),
                  void *cx, struct fl_err *err)
{
    struct prom prom = {.err = err};
    int code = 0;
    while (text.len > 0 && code == 0) {
        prom.rest = fl_str_cut(&text, '\n');
        prom.line++;
        if (prom.rest.len > 0 && prom.rest.at[prom.rest.len - 1] == '\r') prom.rest.len--;
        skip_blanks(&prom);
        if (prom.rest.len == 0) continue;
        if (take(&prom, '#'))
            read_comment(&prom);
        else
            code = read_sample(&prom, fn, cx);
    }
    fl_buf_fini(&prom.values);
    return code;
}
