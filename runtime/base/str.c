#include "runtime/base/str.h"

struct fl_str fl_str_of(const char *text)
{
    return (struct fl_str){text, text == NULL ? 0 : strlen(text)};
}

bool fl_str_eq(struct fl_str a, struct fl_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool fl_str_is(struct fl_str str, const char *text)
{
    return fl_str_eq(str, fl_str_of(text));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct fl_str fl_str_trim(struct fl_str str)
{
    while (str.len > 0 && is_blank(str.at[0]))
        str.at++, str.len--;
    while (str.len > 0 && is_blank(str.at[str.len - 1]))
        str.len--;
    return str;
}

struct fl_str fl_str_cut(struct fl_str *rest, char separator)
{
    const char *hit = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);
    struct fl_str head = *rest;
    if (hit == NULL) {
        rest->at += rest->len;
        rest->len = 0;
        return head;
    }
    head.len = (size_t)(hit - rest->at);
    rest->at = hit + 1;
    rest->len -= head.len + 1;
    return head;
}

char *fl_str_dup(struct fl_str str)
{
    char *copy = fl_alloc(str.len + 1);
    if (str.len > 0) memcpy(copy, str.at, str.len);
    return copy;
}

/* Linear in practice: on a mismatch it goes back only to the last star. */
bool fl_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++, text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

#define NEAREST_LEN_MAX 63

/* Damerau-Levenshtein without the triangle: insert, delete, replace, swap of neighbours. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t an = strlen(a), bn = strlen(b);
    if (an > NEAREST_LEN_MAX || bn > NEAREST_LEN_MAX) return NEAREST_LEN_MAX;
    size_t rows[3][NEAREST_LEN_MAX + 1];
    for (size_t j = 0; j <= bn; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= an; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= bn; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[an % 3][bn];
}

const char *fl_nearest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2; /* farther is not a typing slip */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, words[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = words[i];
        }
    }
    return best;
}

bool fl_utf8_ok(const void *bytes, size_t len)
{
    const unsigned char *p = bytes, *end = p + len;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        size_t more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
        if (*p < 0xC2 || *p > 0xF4 || (size_t)(end - p) <= more) return false;
        unsigned char second = p[1];
        if ((*p == 0xE0 && second < 0xA0) || (*p == 0xED && second > 0x9F) ||
            (*p == 0xF0 && second < 0x90) || (*p == 0xF4 && second > 0x8F))
            return false;
        for (size_t i = 1; i <= more; i++)
            if ((p[i] & 0xC0) != 0x80) return false;
        p += more + 1;
    }
    return true;
}

void fl_buf_reserve(struct fl_buf *buf, size_t more)
{
    size_t need = buf->len + more + 1;
    if (need <= buf->cap) return;
    size_t cap = buf->cap == 0 ? 64 : buf->cap;
    while (cap < need)
        cap *= 2;
    buf->at = fl_realloc(buf->at, cap);
    buf->cap = cap;
}

void fl_buf_add(struct fl_buf *buf, const void *bytes, size_t len)
{
    if (buf->max != 0 && len > buf->max - buf->len) len = buf->max - buf->len;
    fl_buf_reserve(buf, len);
    if (len > 0) memcpy(buf->at + buf->len, bytes, len);
    buf->len += len;
    buf->at[buf->len] = '\0';
}

void fl_buf_puts(struct fl_buf *buf, const char *text)
{
    fl_buf_add(buf, text, strlen(text));
}

void fl_buf_putc(struct fl_buf *buf, char c)
{
    fl_buf_add(buf, &c, 1);
}

static void buf_vprintf(struct fl_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    fl_buf_reserve(buf, 0);
    int len = vsnprintf(buf->at + buf->len, buf->cap - buf->len, format, args);
    FL_ASSERT(len >= 0);
    if ((size_t)len >= buf->cap - buf->len) {
        fl_buf_reserve(buf, (size_t)len);
        vsnprintf(buf->at + buf->len, buf->cap - buf->len, format, again);
    }
    va_end(again);
    buf->len += (size_t)len;
    if (buf->max == 0 || buf->len <= buf->max) return;
    buf->len = buf->max;
    buf->at[buf->len] = '\0';
}

void fl_buf_printf(struct fl_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void fl_buf_drop(struct fl_buf *buf, size_t len)
{
    FL_ASSERT(len <= buf->len);
    if (len == 0) return;
    memmove(buf->at, buf->at + len, buf->len - len);
    buf->len -= len;
    buf->at[buf->len] = '\0';
}

void fl_buf_fini(struct fl_buf *buf)
{
    free(buf->at);
    *buf = (struct fl_buf){0};
}

char *fl_buf_take(struct fl_buf *buf)
{
    fl_buf_reserve(buf, 0);
    buf->at[buf->len] = '\0';
    char *text = buf->at;
    *buf = (struct fl_buf){0};
    return text;
}
