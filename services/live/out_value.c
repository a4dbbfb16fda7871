/* out_value.c: puts values into a tree. They are copied once, escaped, into its memory. */
#include "services/live/escape.h"
#include "services/live/tree_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A value, as it is named when it is an attribute; at NULL: nothing. */
static void out_value(struct fl_live_out *out, enum fl_live_escape how, struct fl_str text)
{
    const char *name = out->name;
    out->name = NULL;
    struct fl_live_slot *slot = fl_live_out_next(out);
    if (slot == NULL) return;
    *slot = (struct fl_live_slot){.kind = FL_SLOT_EMPTY};
    if (text.at == NULL || (text.len == 0 && name == NULL)) return;
    if (text.len > FL_LIVE_TREE_MAX) {
        out->is_full = true;
        return;
    }
    size_t name_len = name == NULL ? 0 : strlen(name);
    size_t around = name == NULL ? 0 : name_len + sizeof(" =\"\"") - 1;
    size_t escaped = fl_live_escape_len(how, text), len = escaped + around;
    char *at = fl_live_out_take(out, len, 1);
    if (at == NULL) return;
    *slot = (struct fl_live_slot){.kind = FL_SLOT_TEXT, .len = (uint32_t)len, .is.text = at};
    if (name == NULL) {
        if (escaped == text.len) {
            memcpy(at, text.at, text.len); /* whatever is escaped becomes longer */
        } else {
            fl_live_escape_write(how, text, at);
        }
        return;
    }
    *at++ = ' ';
    memcpy(at, name, name_len);
    at += name_len;
    *at++ = '=';
    *at++ = '"';
    at = fl_live_escape_write(how, text, at);
    *at = '"';
}

void fl_out_name(struct fl_live_out *out, const char *name)
{
    out->name = name;
}

void fl_out_is(struct fl_live_out *out, bool is)
{
    fl_out_str(out, is ? FL_STR("") : (struct fl_str){NULL, 0});
}

void fl_out_text(struct fl_live_out *out, const char *text)
{
    out_value(out, FL_ESCAPE_TEXT, (struct fl_str){text, text == NULL ? 0 : strlen(text)});
}

void fl_out_str(struct fl_live_out *out, struct fl_str text)
{
    out_value(out, FL_ESCAPE_TEXT, text);
}

static void out_digits(struct fl_live_out *out, uint64_t number, bool is_negative)
{
    char digits[24], *at = digits + sizeof(digits);
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    if (is_negative) *--at = '-';
    out_value(out, FL_ESCAPE_NOTHING, (struct fl_str){at, (size_t)(digits + sizeof(digits) - at)});
}

void fl_out_int(struct fl_live_out *out, int64_t number)
{
    out_digits(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, number < 0);
}

void fl_out_uint(struct fl_live_out *out, uint64_t number)
{
    out_digits(out, number, false);
}

void fl_out_real(struct fl_live_out *out, double number)
{
    char text[40];
    int len = 0;
    for (int digits = 6; digits <= 17; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, number);
        double back;
        if (sscanf(text, "%lf", &back) == 1 && !(back < number || back > number)) break;
    }
    out_value(out, FL_ESCAPE_NOTHING, (struct fl_str){text, (size_t)len});
}

void fl_out_bool(struct fl_live_out *out, bool is)
{
    out_value(out, FL_ESCAPE_NOTHING, is ? FL_STR("true") : FL_STR("false"));
}

void fl_out_printf(struct fl_live_out *out, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0) len = 0, small[0] = 0;
    if ((size_t)len < sizeof(small)) {
        out_value(out, FL_ESCAPE_TEXT, (struct fl_str){small, (size_t)len});
        return;
    }
    /* In the tree's memory, where nobody forgets to free it. */
    char *large = fl_live_out_take(out, (size_t)len + 1, 1);
    if (large == NULL) return;
    va_start(args, format);
    vsnprintf(large, (size_t)len + 1, format, args);
    va_end(args);
    out_value(out, FL_ESCAPE_TEXT, (struct fl_str){large, (size_t)len});
}

void fl_out_html_text(struct fl_live_out *out, const char *html)
{
    fl_out_html_str(out, fl_str_of(html));
}

void fl_out_html_str(struct fl_live_out *out, struct fl_str html)
{
    out_value(out, FL_ESCAPE_NOTHING, html);
}

void fl_out_url_text(struct fl_live_out *out, const char *url)
{
    fl_out_url_str(out, (struct fl_str){url, url == NULL ? 0 : strlen(url)});
}

void fl_out_url_str(struct fl_live_out *out, struct fl_str url)
{
    fl_out_str(out, fl_live_url_is_script(url) ? FL_STR("#") : url);
}
