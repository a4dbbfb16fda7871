/* formats.c: the formats that a report can be written in, by name. */
#include "reports/reports.h"

static const struct {
    const char *name;
    unsigned bit;
} formats[] = {{"html", FL_FORMAT_HTML},
               {"json", FL_FORMAT_JSON},
               {"junit", FL_FORMAT_JUNIT},
               {"md", FL_FORMAT_MD},
               {"csv", FL_FORMAT_CSV}};

static unsigned format_bit(struct fl_str name)
{
    for (size_t i = 0; i < FL_COUNT(formats); i++)
        if (fl_str_is(name, formats[i].name)) return formats[i].bit;
    return 0;
}

int fl_formats_parse(struct fl_str text, unsigned *out_mask, struct fl_err *err)
{
    unsigned mask = 0;
    struct fl_str rest = text;
    do {
        struct fl_str name = fl_str_trim(fl_str_cut(&rest, ','));
        unsigned bit = format_bit(name);
        if (bit == 0)
            return fl_err_set(err, FL_EPARSE,
                              "unknown format \"%.*s\"; use html, json, junit, md or csv",
                              FL_ARG(name));
        mask |= bit;
    } while (rest.len > 0);
    *out_mask = mask;
    return 0;
}
