#include "loadgen/settings.h"

#include "runtime/base/units.h"

static const struct fl_param *settings_row(const struct fl_settings *settings, const char *name)
{
    const struct fl_param *row = settings->params;
    while (row->name != NULL && strcmp(row->name, name) != 0)
        row++;
    FL_ASSERT(row->name != NULL); /* a driver asks for nothing that its workload does not list */
    return row;
}

static int settings_convert(const struct fl_param *row, const char *text, double *out,
                            struct fl_err *err)
{
    struct fl_str str = fl_str_of(text);
    int64_t whole = 0;
    fl_ns ns = 0;
    uint64_t bytes = 0;
    int rc;
    switch (row->kind) {
    case FL_PARAM_DURATION:
        rc = fl_parse_duration(str, &ns, err);
        *out = (double)ns;
        return rc;
    case FL_PARAM_SIZE:
        rc = fl_parse_size(str, &bytes, err);
        *out = (double)bytes;
        return rc;
    case FL_PARAM_RATE:
        return fl_parse_rate(str, out, err);
    case FL_PARAM_PERCENT:
        return fl_parse_percent(str, out, err);
    default:
        rc = fl_parse_int(str, INT64_MIN, INT64_MAX, &whole, err);
        *out = (double)whole;
        return rc;
    }
}

int fl_settings_number(const struct fl_settings *settings, const char *name, double *out,
                       struct fl_err *err)
{
    const struct fl_param *row = settings_row(settings, name);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(settings->object, name);
    double value = 0;
    int rc = 0;
    if (cJSON_IsNumber(item))
        value = item->valuedouble;
    else if (cJSON_IsString(item))
        rc = settings_convert(row, item->valuestring, &value, err);
    else if (item != NULL)
        rc = fl_err_set(err, FL_EPARSE, "not a number");
    else if (row->standard != NULL)
        rc = settings_convert(row, row->standard, &value, err);
    if (rc == 0 && (value < row->least || (row->most > 0 && value > row->most)))
        rc = fl_err_set(err, FL_ERANGE, "%g is outside %g … %g", value, row->least, row->most);
    if (rc != 0) {
        fl_err_prefix(err, "%s: ", name);
        return rc;
    }
    *out = value;
    return 0;
}

char *fl_settings_text(const struct fl_settings *settings, const char *name)
{
    const struct fl_param *row = settings_row(settings, name);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(settings->object, name);
    if (cJSON_IsString(item)) return fl_strdup(item->valuestring);
    if (cJSON_IsNumber(item)) return fl_format("%.15g", item->valuedouble);
    return row->standard != NULL ? fl_strdup(row->standard) : NULL;
}

const cJSON *fl_settings_map(const struct fl_settings *settings, const char *name)
{
    settings_row(settings, name);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(settings->object, name);
    return cJSON_IsObject(item) ? item : NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static const struct {
    char letter, byte;
} escapes[] = {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'\\', '\\'}, {'"', '"'}, {'0', '\0'}};

int fl_settings_unescape(const char *text, struct fl_buf *out, struct fl_err *err)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '\\') {
            fl_buf_putc(out, *at);
            continue;
        }
        at++;
        if (*at == 'x') {
            int high = hex_digit(at[1]);
            int low = high < 0 ? -1 : hex_digit(at[2]);
            if (low < 0)
                return fl_err_set(err, FL_EPARSE, "\\x needs two hexadecimal digits, as in \\x0a");
            fl_buf_putc(out, (char)(high * 16 + low));
            at += 2;
            continue;
        }
        size_t i = 0;
        while (i < FL_COUNT(escapes) && escapes[i].letter != *at)
            i++;
        if (i == FL_COUNT(escapes))
            return fl_err_set(err, FL_EPARSE, "unknown escape; known: \\r \\n \\t \\\\ \\0 \\xHH");
        fl_buf_putc(out, escapes[i].byte);
    }
    return 0;
}
