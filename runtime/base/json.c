#include "runtime/base/json.h"

const char *fl_json_text(const cJSON *object, const char *key, const char *fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

double fl_json_num(const cJSON *object, const char *key, double fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}

int64_t fl_json_int(const cJSON *object, const char *key, int64_t fallback)
{
    double number = fl_json_num(object, key, 0x1.0p80);
    return number > -0x1.0p62 && number < 0x1.0p62 ? (int64_t)number : fallback;
}

bool fl_json_bool(const cJSON *object, const char *key, bool fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) != 0 : fallback;
}

int fl_json_load(cJSON **out, const char *path, struct fl_err *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc = fl_file_read(&text, &len, path, err);
    if (rc != 0) return rc;
    const char *stopped = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, len + 1, &stopped, 1);
    if (tree == NULL)
        rc = fl_err_set(err, FL_EPARSE, "%s: not JSON at byte %ld", path,
                        stopped == NULL ? 0L : (long)(stopped - text));
    else
        *out = tree;
    free(text);
    return rc;
}

/* Bytes of the well-formed UTF-8 character at the front, or 0. */
static size_t utf8_char_len(struct fl_str str)
{
    for (size_t len = 1; len <= 4 && len <= str.len; len++)
        if (fl_utf8_ok(str.at, len)) return len;
    return 0;
}

void fl_json_put_str(struct fl_buf *buf, struct fl_str text)
{
    fl_buf_putc(buf, '"');
    while (text.len > 0) {
        unsigned char c = (unsigned char)text.at[0];
        size_t len = c < 0x80 ? 1 : utf8_char_len(text);
        if (c == '"' || c == '\\')
            fl_buf_printf(buf, "\\%c", c);
        else if (c == '\n')
            fl_buf_puts(buf, "\\n");
        else if (c < 0x20 || c == 0x7f)
            fl_buf_printf(buf, "\\u%04x", c);
        else if (len == 0)
            fl_buf_puts(buf, "\\ufffd");
        else
            fl_buf_add(buf, text.at, len);
        if (len == 0) len = 1;
        text.at += len;
        text.len -= len;
    }
    fl_buf_putc(buf, '"');
}
