#include "reports/jsonw.h"

#include <math.h>

#include "runtime/base/json.h"

static void put_key(struct fl_jsonw *w, const char *key)
{
    if (w->comma) fl_buf_putc(w->out, ',');
    w->comma = true;
    if (key == NULL) return;
    fl_json_put_str(w->out, fl_str_of(key));
    fl_buf_putc(w->out, ':');
}

void fl_jsonw_open(struct fl_jsonw *w, const char *key, char bracket)
{
    put_key(w, key);
    fl_buf_putc(w->out, bracket);
    w->comma = false;
}

void fl_jsonw_close(struct fl_jsonw *w, char bracket)
{
    fl_buf_putc(w->out, bracket);
    w->comma = true;
}

void fl_jsonw_break(struct fl_jsonw *w)
{
    if (w->comma) fl_buf_putc(w->out, ',');
    w->comma = false;
    fl_buf_putc(w->out, '\n');
}

void fl_jsonw_text(struct fl_jsonw *w, const char *key, const char *text)
{
    put_key(w, key);
    if (text == NULL)
        fl_buf_puts(w->out, "null");
    else
        fl_json_put_str(w->out, fl_str_of(text));
}

void fl_jsonw_int(struct fl_jsonw *w, const char *key, int64_t number)
{
    put_key(w, key);
    fl_buf_printf(w->out, "%lld", (long long)number);
}

void fl_jsonw_num(struct fl_jsonw *w, const char *key, double number)
{
    put_key(w, key);
    if (isfinite(number))
        fl_buf_printf(w->out, "%.10g", number);
    else
        fl_buf_puts(w->out, "null");
}

void fl_jsonw_bool(struct fl_jsonw *w, const char *key, bool truth)
{
    put_key(w, key);
    fl_buf_puts(w->out, truth ? "true" : "false");
}

void fl_jsonw_ns(struct fl_jsonw *w, const char *key, fl_ns ns)
{
    put_key(w, key);
    if (ns == FL_NEVER)
        fl_buf_puts(w->out, "null");
    else
        fl_buf_printf(w->out, "%lld", (long long)ns);
}
