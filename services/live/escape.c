/* escape.c: most text needs nothing, so it is looked at once, by a table, and copied in runs. */
#include "services/live/escape.h"

#include <string.h>

/* What a byte is to HTML and to JSON: nothing, or a reason to stop copying. */
enum { PLAIN = 0, MARKUP = 1, BROKEN = 2, HIGH = 4, QUOTED = 8 };
#define Q6_ QUOTED, QUOTED, QUOTED, QUOTED, QUOTED, QUOTED
#define H8_ HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH
#define H64_ H8_, H8_, H8_, H8_, H8_, H8_, H8_, H8_
static const unsigned char classes[256] = {
    [0] = BROKEN | QUOTED,
    [1] = Q6_,
    [7] = Q6_,
    ['\r'] = MARKUP | QUOTED,
    [14] = Q6_,
    [20] = Q6_,
    [26] = Q6_,
    ['"'] = MARKUP | QUOTED,
    ['&'] = MARKUP,
    ['\''] = MARKUP,
    ['<'] = MARKUP,
    ['>'] = MARKUP,
    ['\\'] = QUOTED,
    [0x80] = H64_,
    [0xc0] = H64_,
};
static const struct fl_str replacement = {"\xef\xbf\xbd", 3};

static struct fl_str escape_markup(char c)
{
    switch (c) {
    case '&':
        return FL_STR("&amp;");
    case '<':
        return FL_STR("&lt;");
    case '>':
        return FL_STR("&gt;");
    case '"':
        return FL_STR("&quot;");
    case '\'':
        return FL_STR("&#39;");
    default:
        return FL_STR("&#13;"); /* a bare one would become a line feed */
    }
}

/* The length of the character that starts here, 0 when it is no UTF-8. */
static size_t escape_char_len(const char *at, size_t left)
{
    unsigned char lead = (unsigned char)*at;
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    return len <= left && fl_utf8_ok(at, len) ? len : 0;
}

/* What stands for the bytes at `at`, of which it says how many they are. */
static struct fl_str escape_step(const char *at, size_t left, size_t *used)
{
    unsigned char class = classes[(unsigned char)*at];
    *used = 1;
    if (class & MARKUP) return escape_markup(*at);
    if (class & BROKEN) return replacement;
    size_t len = escape_char_len(at, left);
    if (len == 0) return replacement;
    *used = len;
    return (struct fl_str){at, len};
}

static unsigned char escape_stops(enum fl_live_escape how)
{
    return how == FL_ESCAPE_TEXT ? MARKUP | BROKEN | HIGH : BROKEN | HIGH;
}

static size_t escape_run(unsigned char stops, struct fl_str text)
{
    size_t len = 0;
    while (len < text.len && !(classes[(unsigned char)text.at[len]] & stops))
        len++;
    return len;
}

size_t fl_live_escape_len(enum fl_live_escape how, struct fl_str text)
{
    size_t len = 0;
    while (true) {
        size_t run = escape_run(escape_stops(how), text);
        len += run;
        if (run == text.len) return len;
        text.at += run, text.len -= run;
        size_t used;
        len += escape_step(text.at, text.len, &used).len;
        text.at += used, text.len -= used;
    }
}

char *fl_live_escape_write(enum fl_live_escape how, struct fl_str text, char *to)
{
    while (text.len > 0) {
        size_t run = escape_run(escape_stops(how), text);
        memcpy(to, text.at, run);
        to += run;
        if (run == text.len) break;
        text.at += run, text.len -= run;
        size_t used;
        struct fl_str step = escape_step(text.at, text.len, &used);
        memcpy(to, step.at, step.len);
        to += step.len;
        text.at += used, text.len -= used;
    }
    return to;
}

bool fl_live_url_is_script(struct fl_str url)
{
    static const char *const schemes[] = {"javascript", "vbscript", "data"};
    char scheme[12];
    size_t len = 0;
    bool has_begun = false;
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.at[i];
        /* A browser drops line ends and tabs anywhere, and controls and spaces in front; NUL and
         * broken bytes are dropped here too, although what is shown of them is U+FFFD. */
        if (c == '\t' || c == '\n' || c == '\r' || c == 0) continue;
        if (!has_begun && (c <= ' ' || c == 0x7f)) continue;
        has_begun = true;
        if (c == ':') {
            for (size_t s = 0; s < FL_COUNT(schemes); s++)
                if (fl_str_is((struct fl_str){scheme, len}, schemes[s])) return true;
            return false;
        }
        if (len == sizeof(scheme)) return false;
        scheme[len++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return false;
}

void fl_live_json_string(struct fl_buf *out, struct fl_str text)
{
    static const char hex[] = "0123456789abcdef";
    fl_buf_reserve(out, text.len + 2);
    fl_buf_putc(out, '"');
    while (text.len > 0) {
        size_t run = escape_run(QUOTED, text);
        if (run > 0) fl_buf_add(out, text.at, run);
        if (run == text.len) break;
        unsigned char c = (unsigned char)text.at[run];
        if (c == '"' || c == '\\') {
            fl_buf_add(out, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            fl_buf_add(out, "\\n", 2);
        } else {
            fl_buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
        text.at += run + 1, text.len -= run + 1;
    }
    fl_buf_putc(out, '"');
}
