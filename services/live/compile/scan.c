/* scan.c */
#include "services/live/compile/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool tpl_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

bool tpl_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool tpl_is_word(char c)
{
    return tpl_is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

int tpl_line(const struct tpl_scan *scan, size_t at, int *col)
{
    int line = 1;
    size_t start = 0;
    for (size_t i = 0; i < at && i < scan->source.len; i++)
        if (scan->source.at[i] == '\n') line++, start = i + 1;
    if (col != NULL) *col = (int)(at - start) + 1;
    return line;
}

int tpl_fail(struct tpl_scan *scan, size_t at, const char *format, ...)
{
    if (scan->rc != 0) return scan->rc;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    int col, line = tpl_line(scan, at, &col);
    scan->rc = fl_err_set(scan->err, FL_EPARSE, "%s:%d:%d: %s", scan->file, line, col, text);
    return scan->rc;
}

char tpl_peek(const struct tpl_scan *scan)
{
    return scan->at < scan->source.len ? scan->source.at[scan->at] : '\0';
}

bool tpl_is_next(const struct tpl_scan *scan, const char *text)
{
    size_t len = strlen(text);
    return scan->source.len - scan->at >= len && memcmp(scan->source.at + scan->at, text, len) == 0;
}

bool tpl_accept(struct tpl_scan *scan, const char *text)
{
    if (!tpl_is_next(scan, text)) return false;
    scan->at += strlen(text);
    return true;
}

void tpl_skip_space(struct tpl_scan *scan)
{
    while (scan->at < scan->source.len && tpl_is_space(scan->source.at[scan->at]))
        scan->at++;
}

struct fl_str tpl_take_word(struct tpl_scan *scan)
{
    size_t from = scan->at;
    while (scan->at < scan->source.len && tpl_is_word(scan->source.at[scan->at]))
        scan->at++;
    return (struct fl_str){scan->source.at + from, scan->at - from};
}

/* ---- C ---- */

static size_t scan_quoted(struct fl_str code, size_t at)
{
    char quote = code.at[at];
    for (size_t i = at + 1; i < code.len && code.at[i] != '\n'; i++) {
        if (code.at[i] == '\\') {
            i++;
        } else if (code.at[i] == quote) {
            return i + 1;
        }
    }
    return SIZE_MAX;
}

static size_t scan_comment(struct fl_str code, size_t at)
{
    for (size_t i = at + 2; i + 1 < code.len; i++)
        if (code.at[i] == '*' && code.at[i + 1] == '/') return i + 2;
    return SIZE_MAX;
}

static bool scan_is_comment(struct fl_str code, size_t at)
{
    return code.at[at] == '/' && at + 1 < code.len && code.at[at + 1] == '*';
}

size_t tpl_skip_nested(struct fl_str code, size_t at)
{
    enum { NESTED_MAX = 64 };
    char closers[NESTED_MAX];
    size_t depth = 0;
    while (at < code.len) {
        char c = code.at[at];
        size_t next = at + 1;
        if (c == '"' || c == '\'') {
            next = scan_quoted(code, at);
        } else if (scan_is_comment(code, at)) {
            next = scan_comment(code, at);
        } else if (c == '(' || c == '[' || c == '{') {
            if (depth == NESTED_MAX) return SIZE_MAX;
            closers[depth++] = c == '(' ? ')' : c == '[' ? ']' : '}';
        } else if (c == ')' || c == ']' || c == '}') {
            if (depth == 0 || closers[--depth] != c) return SIZE_MAX;
        }
        if (next == SIZE_MAX || depth == 0) return next;
        at = next;
    }
    return SIZE_MAX;
}

static bool scan_is_nested(struct fl_str code, size_t at)
{
    return strchr("\"'([{", code.at[at]) != NULL || scan_is_comment(code, at);
}

struct tpl_code tpl_take_code(struct tpl_scan *scan, size_t from, const char *what)
{
    struct fl_str source = scan->source;
    size_t start = scan->at, at = start;
    while (at < source.len && source.at[at] != '}') {
        char c = source.at[at];
        if (c == ')' || c == ']') {
            tpl_fail(scan, at, "%c without its opening bracket", c);
            return (struct tpl_code){0};
        }
        if (c == ';' || c == '#' || c == '\0') {
            tpl_fail(scan, at, "an expression cannot hold %s",
                     c == 0     ? "a NUL"
                     : c == ';' ? ";"
                                : "#");
            return (struct tpl_code){0};
        }
        if (c != '\0' && scan_is_nested(source, at)) {
            size_t next = tpl_skip_nested(source, at);
            if (next == SIZE_MAX) {
                tpl_fail(scan, at,
                         c == '"' || c == '\'' ? "%c without its end on this line"
                         : c == '/'            ? "%c* without */"
                                               : "%c without its closing bracket",
                         c);
                return (struct tpl_code){0};
            }
            at = next;
        } else {
            at++;
        }
    }
    if (at >= source.len) {
        tpl_fail(scan, from, "{ without }; one brace as text is written {{");
        return (struct tpl_code){0};
    }
    scan->at = at + 1;
    while (start < at && tpl_is_space(source.at[start]))
        start++;
    struct tpl_code code = {.text = fl_str_trim((struct fl_str){source.at + start, at - start})};
    code.line = tpl_line(scan, start, &code.col);
    if (code.text.len == 0) tpl_fail(scan, from, "expected %s", what);
    return code;
}

size_t tpl_find_last(struct fl_str code, const char *what)
{
    size_t len = strlen(what), found = SIZE_MAX;
    bool is_word = tpl_is_word(what[0]);
    for (size_t at = 0; at < code.len;) {
        if (code.len - at >= len && memcmp(code.at + at, what, len) == 0 &&
            (!is_word || ((at == 0 || !tpl_is_word(code.at[at - 1])) &&
                          (at + len == code.len || !tpl_is_word(code.at[at + len])))))
            found = at;
        size_t next = scan_is_nested(code, at) ? tpl_skip_nested(code, at) : at + 1;
        if (next == SIZE_MAX) return found;
        at = next;
    }
    return found;
}
