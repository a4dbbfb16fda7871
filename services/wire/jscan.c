#include "services/wire/jscan.h"

/* Where the scanner stands. It never looks behind `end`. */
struct jscan {
    const char *at, *end;
};

static void jscan_space(struct jscan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static int jscan_hex4(const char *at, const char *end)
{
    if (end - at < 4) return -1;
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10;
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool jscan_string(struct jscan *s)
{
    s->at++;
    while (s->at < s->end) {
        unsigned char c = (unsigned char)*s->at++;
        if (c == '"') return true;
        if (c < 0x20) return false;
        if (c != '\\') continue;
        if (s->at == s->end) return false;
        char kind = *s->at++;
        if (kind == 'u') {
            if (jscan_hex4(s->at, s->end) < 0) return false;
            s->at += 4;
        } else if (kind == '\0' || strchr("\"\\/bfnrt", kind) == NULL) {
            return false;
        }
    }
    return false;
}

static bool jscan_digits(struct jscan *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > from;
}

static bool jscan_number(struct jscan *s)
{
    if (*s->at == '-') s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!jscan_digits(s))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!jscan_digits(s)) return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
        if (!jscan_digits(s)) return false;
    }
    return true;
}

static bool jscan_word(struct jscan *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) return false;
    s->at += len;
    return true;
}

static bool jscan_scalar(struct jscan *s)
{
    if (s->at == s->end) return false;
    char c = *s->at;
    if (c == '"') return jscan_string(s);
    if (c == 't') return jscan_word(s, "true");
    if (c == 'f') return jscan_word(s, "false");
    if (c == 'n') return jscan_word(s, "null");
    return (c == '-' || (c >= '0' && c <= '9')) && jscan_number(s);
}

/* `"key" :` */
static bool jscan_key(struct jscan *s)
{
    jscan_space(s);
    if (s->at == s->end || *s->at != '"' || !jscan_string(s)) return false;
    jscan_space(s);
    if (s->at == s->end || *s->at != ':') return false;
    s->at++;
    return true;
}

/* Behind a value: closes what ends here; true once a next value must follow or depth is 0. */
static bool jscan_after(struct jscan *s, const bool *in_object, int *depth)
{
    while (*depth > 0) {
        jscan_space(s);
        if (s->at == s->end) return false;
        char c = *s->at++;
        bool object = in_object[*depth - 1];
        if (c == ',') return !object || jscan_key(s);
        if (c != (object ? '}' : ']')) return false;
        (*depth)--;
    }
    return true;
}

/* One value without recursion: depth is a peer's choice, our stack is not. */
static bool jscan_value(struct jscan *s)
{
    bool in_object[FL_JSCAN_DEPTH_MAX];
    int depth = 0;
    do {
        jscan_space(s);
        if (s->at == s->end) return false;
        char c = *s->at;
        if (c == '{' || c == '[') {
            s->at++;
            jscan_space(s);
            if (s->at == s->end) return false;
            if (*s->at == (c == '{' ? '}' : ']')) {
                s->at++;
            } else {
                if (depth == FL_JSCAN_DEPTH_MAX) return false;
                in_object[depth++] = c == '{';
                if (c == '{' && !jscan_key(s)) return false;
                continue;
            }
        } else if (!jscan_scalar(s)) {
            return false;
        }
        if (!jscan_after(s, in_object, &depth)) return false;
    } while (depth > 0);
    return true;
}

int fl_jscan_take(struct fl_str *rest, struct fl_str *out_value)
{
    struct jscan s = {rest->at, rest->at + rest->len};
    jscan_space(&s);
    const char *from = s.at;
    if (!jscan_value(&s)) return FL_EBADMSG;
    *out_value = (struct fl_str){from, (size_t)(s.at - from)};
    jscan_space(&s);
    *rest = (struct fl_str){s.at, (size_t)(s.end - s.at)};
    return 0;
}

bool fl_jscan_ok(struct fl_str text)
{
    struct fl_str value;
    return text.len > 0 && fl_jscan_take(&text, &value) == 0 && text.len == 0;
}

bool fl_jscan_is_object(struct fl_str value)
{
    return value.len > 0 && value.at[0] == '{';
}

bool fl_jscan_punct(struct fl_str *rest, char c)
{
    struct jscan s = {rest->at, rest->at + rest->len};
    jscan_space(&s);
    if (s.at == s.end || *s.at != c) return false;
    s.at++;
    jscan_space(&s);
    *rest = (struct fl_str){s.at, (size_t)(s.end - s.at)};
    return true;
}

static void jscan_put_utf8(struct fl_buf *out, uint32_t point)
{
    if (point < 0x80) {
        fl_buf_putc(out, (char)point);
    } else if (point < 0x800) {
        fl_buf_putc(out, (char)(unsigned char)(0xc0 | point >> 6));
        fl_buf_putc(out, (char)(unsigned char)(0x80 | (point & 0x3f)));
    } else if (point < 0x10000) {
        fl_buf_putc(out, (char)(unsigned char)(0xe0 | point >> 12));
        fl_buf_putc(out, (char)(unsigned char)(0x80 | (point >> 6 & 0x3f)));
        fl_buf_putc(out, (char)(unsigned char)(0x80 | (point & 0x3f)));
    } else {
        fl_buf_putc(out, (char)(unsigned char)(0xf0 | point >> 18));
        fl_buf_putc(out, (char)(unsigned char)(0x80 | (point >> 12 & 0x3f)));
        fl_buf_putc(out, (char)(unsigned char)(0x80 | (point >> 6 & 0x3f)));
        fl_buf_putc(out, (char)(unsigned char)(0x80 | (point & 0x3f)));
    }
}

/* `at` is behind \u; returns behind what was used: four digits, or ten with the other half. */
static const char *jscan_unescape_u(const char *at, const char *end, struct fl_buf *out)
{
    uint32_t point = (uint32_t)jscan_hex4(at, end);
    at += 4;
    if (point >= 0xd800 && point < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        int low = jscan_hex4(at + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            point = 0x10000 + ((point - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
            at += 6;
        }
    }
    if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
    jscan_put_utf8(out, point);
    return at;
}

int fl_jscan_text(struct fl_str value, struct fl_buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (value.len < 2 || value.at[0] != '"') return FL_EBADMSG;
    const char *at = value.at + 1;
    const char *end = value.at + value.len - 1;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        if (slash == NULL) slash = end;
        fl_buf_add(out, at, (size_t)(slash - at));
        if (slash == end) break;
        at = slash + 2;
        if (slash[1] == 'u')
            at = jscan_unescape_u(at, end, out);
        else
            fl_buf_putc(out, to[strchr(from, slash[1]) - from]);
    }
    return 0;
}

/* Does this raw string say `key`? Keys are short; escapes in them are rare but allowed. */
static bool jscan_key_is(struct fl_str raw, const char *key)
{
    if (memchr(raw.at, '\\', raw.len) == NULL)
        return fl_str_is((struct fl_str){raw.at + 1, raw.len - 2}, key);
    struct fl_buf text = {0};
    bool same = fl_jscan_text(raw, &text) == 0 &&
                fl_str_is((struct fl_str){text.at, text.len}, key);
    fl_buf_fini(&text);
    return same;
}

struct fl_str fl_jscan_get(struct fl_str object, const char *key)
{
    struct fl_str found = {0};
    struct fl_str rest = object;
    if (!fl_jscan_punct(&rest, '{')) return found;
    while (rest.len > 0 && rest.at[0] == '"') {
        struct fl_str name, value;
        if (fl_jscan_take(&rest, &name) != 0 || !fl_jscan_punct(&rest, ':')) break;
        if (fl_jscan_take(&rest, &value) != 0) break;
        if (jscan_key_is(name, key)) found = value;
        if (!fl_jscan_punct(&rest, ',')) break;
    }
    return found;
}

struct fl_str fl_jscan_get_text(struct fl_str object, const char *key, struct fl_buf *out)
{
    struct fl_str value = fl_jscan_get(object, key);
    size_t from = out->len;
    fl_buf_reserve(out, value.len + 1); /* decoded text is never longer: it will not move */
    if (value.at == NULL || fl_jscan_text(value, out) != 0) return (struct fl_str){0};
    return (struct fl_str){out->at + from, out->len - from};
}
