#include "services/queue/scan.h"

#include <errno.h>

#define SCAN_DEPTH_MAX 64

/** What is left to read. */
struct scan {
    const char *at, *end;
};

static void scan_space(struct scan *scan)
{
    while (scan->at < scan->end && memchr(" \t\r\n", *scan->at, 4) != NULL)
        scan->at++;
}

static bool scan_take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c) return false;
    scan->at++;
    return true;
}

static int scan_hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/** Reads four hex digits, or -1. */
static int scan_hex4(struct scan *scan)
{
    if (scan->end - scan->at < 4) return -1;
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = scan_hex(*scan->at++);
        if (digit < 0) return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool scan_skip_string(struct scan *scan)
{
    if (!scan_take(scan, '"')) return false;
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == '"') return true;
        if ((unsigned char)c < 0x20) return false;
        if (c != '\\') continue;
        if (scan->at == scan->end) return false;
        char escape = *scan->at++;
        if (escape == 'u' ? scan_hex4(scan) < 0 : memchr("\"\\/bfnrt", escape, 8) == NULL)
            return false;
    }
    return false;
}

static bool scan_skip_digits(struct scan *scan)
{
    const char *from = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > from;
}

static bool scan_skip_number(struct scan *scan)
{
    scan_take(scan, '-');
    if (!scan_take(scan, '0') && !scan_skip_digits(scan)) return false;
    if (scan_take(scan, '.') && !scan_skip_digits(scan)) return false;
    if (!scan_take(scan, 'e') && !scan_take(scan, 'E')) return true;
    if (!scan_take(scan, '+')) scan_take(scan, '-');
    return scan_skip_digits(scan);
}

static bool scan_skip_word(struct scan *scan, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0) return false;
    scan->at += len;
    return true;
}

static bool scan_skip_value(struct scan *scan, int depth);

/** The items between the brackets; objects have names before theirs. */
static bool scan_skip_items(struct scan *scan, bool named, char close, int depth)
{
    if (depth > SCAN_DEPTH_MAX) return false;
    scan->at++;
    scan_space(scan);
    if (scan_take(scan, close)) return true;
    for (;;) {
        scan_space(scan);
        if (named) {
            if (!scan_skip_string(scan)) return false;
            scan_space(scan);
            if (!scan_take(scan, ':')) return false;
        }
        if (!scan_skip_value(scan, depth)) return false;
        if (scan_take(scan, close)) return true;
        if (!scan_take(scan, ',')) return false;
    }
}

/** Skips one value and the space around it. */
static bool scan_skip_value(struct scan *scan, int depth)
{
    scan_space(scan);
    if (scan->at == scan->end) return false;
    bool ok;
    switch (*scan->at) {
    case '{':
        ok = scan_skip_items(scan, true, '}', depth + 1);
        break;
    case '[':
        ok = scan_skip_items(scan, false, ']', depth + 1);
        break;
    case '"':
        ok = scan_skip_string(scan);
        break;
    case 't':
        ok = scan_skip_word(scan, "true");
        break;
    case 'f':
        ok = scan_skip_word(scan, "false");
        break;
    case 'n':
        ok = scan_skip_word(scan, "null");
        break;
    default:
        ok = scan_skip_number(scan);
    }
    scan_space(scan);
    return ok;
}

int fl_scan_check(struct fl_str text)
{
    struct scan scan = {text.at, text.at + text.len};
    if (text.len == 0 || !scan_skip_value(&scan, 0) || scan.at != scan.end) return FL_EBADMSG;
    return fl_utf8_ok(text.at, text.len) ? 0 : FL_EBADMSG;
}

/** Takes a value off the front, without the space around it. */
static struct fl_str scan_take_value(struct scan *scan)
{
    scan_space(scan);
    const char *from = scan->at;
    bool ok = scan_skip_value(scan, 0);
    FL_ASSERT(ok); /* fl_scan_check said so */
    return fl_str_trim((struct fl_str){from, (size_t)(scan->at - from)});
}

struct fl_str fl_scan_member(struct fl_str object, const char *name)
{
    struct fl_str found = {0};
    struct scan scan = {object.at, object.at + object.len};
    scan_space(&scan);
    if (!scan_take(&scan, '{')) return found;
    for (;;) {
        scan_space(&scan);
        if (scan.at == scan.end || *scan.at != '"') return found;
        struct fl_str key = scan_take_value(&scan);
        scan.at++; /* the colon */
        struct fl_str value = scan_take_value(&scan);
        if (fl_str_is((struct fl_str){key.at + 1, key.len - 2}, name)) found = value;
        scan_take(&scan, ',');
    }
}

bool fl_scan_item(struct fl_str *rest, struct fl_str *out)
{
    struct scan scan = {rest->at, rest->at + rest->len};
    scan_space(&scan);
    if (!scan_take(&scan, '[') && !scan_take(&scan, ',')) return false;
    scan_space(&scan);
    if (scan.at == scan.end || *scan.at == ']') return false;
    *out = scan_take_value(&scan);
    *rest = (struct fl_str){scan.at, (size_t)(scan.end - scan.at)};
    return true;
}

static void scan_put_utf8(struct fl_buf *out, uint32_t point)
{
    char bytes[4];
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; point >>= 6)
        bytes[i] = (char)(0x80 | (point & 0x3f));
    bytes[0] = (char)(lead[len] | point);
    fl_buf_add(out, bytes, len);
}

/** Decodes what follows `\u`; a high surrogate takes its low one along. */
static int scan_put_escape(struct scan *scan, struct fl_buf *out)
{
    int unit = scan_hex4(scan);
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return FL_EBADMSG;
    uint32_t point = (uint32_t)unit;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (!scan_skip_word(scan, "\\u")) return FL_EBADMSG;
        int low = scan_hex4(scan);
        if (low < 0xdc00 || low > 0xdfff) return FL_EBADMSG;
        point = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    }
    scan_put_utf8(out, point);
    return 0;
}

int fl_scan_string(struct fl_str raw, struct fl_buf *out)
{
    static const char escapes[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    if (raw.len < 2 || raw.at[0] != '"') return FL_EBADMSG;
    struct scan scan = {raw.at + 1, raw.at + raw.len - 1};
    while (scan.at < scan.end) {
        char c = *scan.at++;
        if (c != '\\') {
            fl_buf_putc(out, c);
            continue;
        }
        char escape = *scan.at++;
        if (escape != 'u') {
            fl_buf_putc(out, means[strchr(escapes, escape) - escapes]);
            continue;
        }
        int rc = scan_put_escape(&scan, out);
        if (rc != 0) return rc;
    }
    return 0;
}

int fl_scan_int(struct fl_str raw, int64_t *out)
{
    char digits[24];
    if (raw.len == 0 || raw.len >= sizeof digits) return FL_EBADMSG;
    for (size_t i = 0; i < raw.len; i++)
        if (memchr("-0123456789", raw.at[i], 11) == NULL) return FL_EBADMSG;
    memcpy(digits, raw.at, raw.len);
    digits[raw.len] = '\0';
    errno = 0;
    long long number = strtoll(digits, NULL, 10);
    if (errno != 0) return FL_EBADMSG;
    *out = number;
    return 0;
}
