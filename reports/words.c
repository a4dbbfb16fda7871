/* words.c: figures as people read them; shared by the renderers. */
#include <math.h>

#include "reports/render.h"
#include "runtime/base/units.h"

const char *fl_render_recovery(const struct fl_fault_view *fault, char *out, size_t out_len)
{
    if (fault->outcome == FL_FAULT_RECOVERED) return fl_show_ns(fault->recovery_ns, out, out_len);
    snprintf(out, out_len, "%s", fl_recovery_outcome_name(fault->outcome));
    return out;
}

const char *fl_render_figure(const struct fl_target_result *target, char *out, size_t out_len)
{
    if (target->measured) return fl_target_show(&target->target, target->figure, out, out_len);
    snprintf(out, out_len, "—");
    return out;
}

const char *fl_render_when(const struct fl_record *record, fl_ns at, char *out, size_t out_len)
{
    if (at == FL_NEVER)
        snprintf(out, out_len, "—");
    else
        snprintf(out, out_len, "%.3f s", (double)(at - record->zero_ns) / 1e9);
    return out;
}

const char *fl_render_clock(const struct fl_record *record, char *out, size_t out_len)
{
    char storm[40];
    snprintf(out, out_len, "since load began; the storm, from which a scenario counts, began at %s",
             fl_show_ns(record->warmup_ns, storm, sizeof storm));
    return out;
}

const char *fl_render_span(fl_ns from, fl_ns until, char *out, size_t out_len)
{
    if (from != FL_NEVER && until != FL_NEVER) return fl_show_ns(until - from, out, out_len);
    snprintf(out, out_len, "—");
    return out;
}

const char *fl_render_margin(const struct fl_target_result *target, char *out, size_t out_len)
{
    double percent = fabs(target->margin) * 100;
    bool budget = !fl_target_larger_is_worse(&target->target) &&
                  target->target.unit == FL_UNIT_SHARE;
    out[0] = '\0';
    if (!target->has_margin) return out;
    int decimals = percent < 10 ? 1 : 0;
    double times = 1 - target->margin; /* how much of the limit was used */
    bool missed = target->state == FL_TARGET_MISSED;
    if (missed && (budget || times >= 10))
        snprintf(out, out_len, "%.*f times the %s", times < 10 ? 1 : 0, times,
                 budget ? "error budget" : "limit");
    else if (missed)
        snprintf(out, out_len, "%.*f %% over", decimals, percent);
    else
        snprintf(out, out_len, "%.*f %% %s", decimals, percent,
                 budget ? "of the error budget left" : "to spare");
    return out;
}

int fl_render_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}
