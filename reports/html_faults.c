/* html_faults.c: every fault with what happened when, from two chairs: what the supervisor saw
 * (upper lane) and what clients felt (lower lane). */
#include <math.h>

#include "reports/html.h"
#include "runtime/base/units.h"

/* A waterfall's scale: all of one kind share it, so that they can be compared by eye. */
struct scale {
    fl_ns from, span;
};

static fl_ns latest(const struct fl_fault_view *fault)
{
    fl_ns last = fault->at[FL_AT_REQUESTED];
    for (int i = 0; i < FL_INSTANTS; i++)
        if (fault->at[i] != FL_NEVER) last = fl_ns_max(last, fault->at[i]);
    if (fault->worst >= 0 && fault->at[FL_AT_STEADY] == FL_NEVER) {
        fl_ns over = fault->loads[fault->worst].over_ns;
        if (over != FL_NEVER && fault->at[FL_AT_FIRST_BAD] != FL_NEVER)
            last = fl_ns_max(last, over);
    }
    return last;
}

static fl_ns earliest(const struct fl_fault_view *fault)
{
    return fl_ns_min(fault->at[FL_AT_REQUESTED], fault->at[FL_AT_FIRST_BAD]);
}

static struct scale scale_of(const struct fl_judgement *judgement,
                             const struct fl_fault_view *fault)
{
    fl_ns span = FL_NS_PER_MS;
    for (size_t i = 0; i < judgement->record->faults_count; i++) {
        const struct fl_fault_view *one = &judgement->faults[i];
        if (strcmp(one->fault->kind, fault->fault->kind) != 0) continue;
        if (one->at[FL_AT_REQUESTED] != FL_NEVER)
            span = fl_ns_max(span, latest(one) - earliest(one));
    }
    return (struct scale){earliest(fault), span + span / 50};
}

static double percent(const struct scale *scale, fl_ns at)
{
    double share = (double)(at - scale->from) / (double)scale->span;
    return 100 * (share < 0 ? 0 : share > 1 ? 1 : share);
}

static void put_block(struct fl_buf *out, const struct scale *scale, fl_ns from, fl_ns until, int y,
                      const char *class, const char *label)
{
    if (from == FL_NEVER || until == FL_NEVER || until <= from) return;
    double x = percent(scale, from), width = percent(scale, until) - x;
    fl_buf_printf(out,
                  "<rect class=\"%s\" x=\"%.2f%%\" y=\"%d\" width=\"%.2f%%\" height=\"9\">"
                  "<title>%s: %s</title></rect>",
                  class, x, y, width < 0.6 ? 0.6 : width, label, FL_SHOW_NS(until - from));
}

static void put_waterfall(struct fl_buf *out, const struct fl_judgement *judgement,
                          const struct fl_fault_view *fault)
{
    const fl_ns *at = fault->at;
    struct scale scale = scale_of(judgement, fault);
    fl_buf_puts(out, "<svg class=\"fall\" width=\"100%\" height=\"26\" role=\"img\" aria-label=\"");
    for (int i = 0; i < FL_INSTANTS; i++)
        if (at[i] != FL_NEVER)
            fl_buf_printf(out, "%s %s; ", fl_instant_names[i],
                          FL_SHOW_NS(at[i] - at[FL_AT_REQUESTED]));
    fl_buf_puts(out, "\"><rect class=\"rail\" y=\"2\" width=\"100%\" height=\"9\"/><rect "
                     "class=\"rail\" y=\"15\" width=\"100%\" height=\"9\"/>");
    if (fault->fault->windowed) {
        fl_ns from = at[FL_AT_EFFECT] != FL_NEVER ? at[FL_AT_EFFECT] : at[FL_AT_REQUESTED];
        put_block(out, &scale, from, at[FL_AT_HEALED], 2, "held", "in effect");
    }
    fl_ns detected = at[FL_AT_DETECTED], restarted = at[FL_AT_RESTARTED];
    put_block(out, &scale, at[FL_AT_REQUESTED], detected, 2, "detect", "until detected");
    put_block(out, &scale, detected, restarted, 2, "restart", "until restarted");
    put_block(out, &scale, restarted, at[FL_AT_READY], 2, "ready", "until ready");

    fl_ns first_ok = at[FL_AT_FIRST_OK], steady = at[FL_AT_STEADY];
    if (first_ok != FL_NEVER && steady != FL_NEVER) first_ok = fl_ns_min(first_ok, steady);
    fl_ns end = steady != FL_NEVER || fault->worst < 0 ? steady
                                                       : fault->loads[fault->worst].over_ns;
    if (first_ok == FL_NEVER) first_ok = end;
    put_block(out, &scale, at[FL_AT_FIRST_BAD], first_ok, 15, "bad", "nothing good");
    put_block(out, &scale, first_ok, end, 15, "mixed", "good again, not steady");
    if (steady != FL_NEVER)
        fl_buf_printf(out,
                      "<circle class=\"steady\" cx=\"%.2f%%\" cy=\"19.5\" r=\"4\"><title>steady "
                      "%s after the request</title></circle>",
                      percent(&scale, steady), FL_SHOW_NS(steady - at[FL_AT_REQUESTED]));
    fl_buf_puts(out, "</svg>");
}

static const char *class_of(const struct fl_fault_view *fault)
{
    if (fault->outcome == FL_FAULT_NOT_RECOVERED) return "fail";
    return fl_recovery_measured(fault->outcome) ? "pass" : "unsure";
}

static void put_span(struct fl_buf *out, fl_ns from, fl_ns until)
{
    char text[40];
    fl_buf_printf(out, "<td class=\"n\">%s</td>", fl_render_span(from, until, text, sizeof text));
}

/* The lines under a fault's name: which load decided, what else is known. */
static void put_details(struct fl_buf *out, const struct fl_judgement *judgement,
                        const struct fl_fault_view *fault)
{
    fl_buf_puts(out, "<small>");
    if (!fl_recovery_measured(fault->outcome)) {
        fl_html_text(out, fault->why);
    } else if (fault->worst >= 0) {
        const struct fl_recovery *one = &fault->loads[fault->worst];
        fl_html_text(out, judgement->record->loads[fault->worst].name);
        if (fault->outcome == FL_FAULT_ABSORBED)
            fl_buf_puts(out, ": no operation was bad");
        else
            fl_buf_printf(out, ": %zu of %zu bad", one->bad, one->due);
        if (one->adaptation_ns > 0)
            fl_buf_printf(out, ", adapted in %s", FL_SHOW_NS(one->adaptation_ns));
        if (one->relapses > 0)
            fl_buf_printf(out, ", %u relapse%s", one->relapses, one->relapses > 1 ? "s" : "");
        fl_buf_printf(out, ", ± %s", FL_SHOW_NS(one->resolution_ns));
    }
    if (fault->rpo_ns != FL_NEVER) fl_buf_printf(out, ", RPO %s", FL_SHOW_NS(fault->rpo_ns));
    fl_buf_puts(out, "</small>");
}

static void put_fault(struct fl_buf *out, const struct fl_judgement *judgement, size_t i)
{
    const struct fl_fault_view *fault = &judgement->faults[i];
    const fl_ns *at = fault->at;
    char text[64];
    fl_buf_printf(out,
                  "<tr id=\"fault-%zu\" class=\"%s\"><td class=\"n\"><button type=\"button\" "
                  "class=\"zoom\" data-fault=\"%zu\" title=\"Show it in the timeline\">%zu</button>"
                  "</td><td class=\"n dim\">%s</td><td><b>",
                  i + 1, class_of(fault), i, i + 1,
                  fl_render_when(judgement->record, at[FL_AT_REQUESTED], text, sizeof text));
    fl_html_text(out, fault->fault->kind);
    fl_buf_puts(out, "</b> ");
    fl_html_text(out, fault->fault->pick != NULL ? fault->fault->pick : fault->fault->target);
    put_details(out, judgement, fault);
    fl_buf_puts(out, "</td><td class=\"n big\">");
    fl_html_text(out, fl_render_recovery(fault, text, sizeof text));
    fl_buf_puts(out, "</td><td class=\"wide\">");
    if (at[FL_AT_REQUESTED] != FL_NEVER) put_waterfall(out, judgement, fault);
    fl_buf_puts(out, "</td>");
    put_span(out, at[FL_AT_REQUESTED], at[FL_AT_DETECTED]);
    put_span(out, at[FL_AT_DETECTED], at[FL_AT_RESTARTED]);
    put_span(out, at[FL_AT_RESTARTED], at[FL_AT_READY]);
    fl_buf_puts(out, "</tr>\n");
}

void fl_html_faults(struct fl_buf *out, const struct fl_judgement *judgement)
{
    size_t count = judgement->record->faults_count;
    if (count == 0) return;
    fl_buf_puts(
        out,
        "<section id=\"recovery\" aria-labelledby=\"recovery-h\">\n<h2 id=\"recovery-h\">Recovery, "
        "fault by fault</h2>\n<div class=\"scroll\"><table class=\"faults\">\n<thead><tr><th "
        "class=\"n\">#</th><th class=\"n\">At</th><th>Fault</th><th class=\"n\">Recovery</th><th "
        "class=\"wide\">What happened</th><th class=\"n\">Detect</th><th class=\"n\">Restart</th>"
        "<th class=\"n\">Ready</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < count; i++)
        put_fault(out, judgement, i);
    fl_buf_puts(
        out,
        "</tbody></table></div>\n<p class=\"legend\"><span>Upper lane, the supervisor: <i "
        "class=\"k "
        "detect\"></i>until detected</span><span><i class=\"k restart\"></i>until restarted</span>"
        "<span><i class=\"k ready\"></i>until ready</span><span><i class=\"k held\"></i>in effect"
        "</span><span>Lower lane, the clients: <i class=\"k bad\"></i>nothing good</span><span><i "
        "class=\"k mixed\"></i>not steady yet</span><span><i class=\"k steady\"></i>steady</span>"
        "<span class=\"hint\">Faults of one kind share a scale.</span></p>\n");
    char text[160];
    fl_buf_printf(out, "<p class=\"hint\">At: %s.</p>\n</section>\n",
                  fl_render_clock(judgement->record, text, sizeof text));
}

/* Every recovery of a kind on one axis, with the limit of the strictest target. */
static void put_strip(struct fl_buf *out, const struct fl_judgement *judgement, const char *kind,
                      double axis, double limit)
{
    fl_buf_puts(out, "<svg class=\"strip\" width=\"100%\" height=\"22\" aria-hidden=\"true\"><rect "
                     "class=\"rail\" y=\"10\" width=\"100%\" height=\"2\"/>");
    if (limit > 0)
        fl_buf_printf(out, "<rect class=\"limit\" x=\"%.2f%%\" y=\"1\" width=\"2\" height=\"20\"/>",
                      98 * limit / axis);
    for (size_t i = 0; i < judgement->record->faults_count; i++) {
        const struct fl_fault_view *one = &judgement->faults[i];
        bool never = one->outcome == FL_FAULT_NOT_RECOVERED;
        if (strcmp(one->fault->kind, kind) != 0) continue;
        if (!never && !fl_recovery_measured(one->outcome)) continue;
        double x = never ? 99 : 98 * (double)one->recovery_ns / axis;
        fl_buf_printf(out, "<circle class=\"%s\" cx=\"%.2f%%\" cy=\"11\" r=\"5\"/>",
                      never || (limit > 0 && (double)one->recovery_ns > limit) ? "over" : "dot",
                      x < 0.8 ? 0.8 : x);
    }
    fl_buf_puts(out, "</svg>");
}

static double strictest(const struct fl_judgement *judgement, const char *kind)
{
    double limit = 0;
    for (size_t i = 0; i < judgement->targets_count; i++) {
        const struct fl_target *target = &judgement->targets[i].target;
        if (target->metric != FL_METRIC_RECOVERY || target->value_text[0] == '\0') continue;
        if (!fl_target_larger_is_worse(target)) continue;
        if (target->kind[0] != '\0' && strcmp(target->kind, kind) != 0) continue;
        if (limit == 0 || target->value < limit) limit = target->value;
    }
    return limit;
}

static void put_figure(struct fl_buf *out, double figure)
{
    if (isinf(figure))
        fl_buf_puts(out, "<td class=\"n\">never</td>");
    else
        fl_buf_printf(out, "<td class=\"n\">%s</td>", FL_SHOW_NS((fl_ns)llround(figure)));
}

void fl_html_kinds(struct fl_buf *out, const struct fl_judgement *judgement)
{
    double axis = 1;
    for (size_t i = 0; i < judgement->kinds_count; i++) {
        const struct fl_spread *spread = &judgement->kinds[i].spread;
        if (spread->count > 0 && isfinite(spread->max)) axis = fmax(axis, spread->max);
        axis = fmax(axis, strictest(judgement, judgement->kinds[i].kind));
    }
    if (judgement->kinds_count == 0) return;
    fl_buf_puts(
        out, "<section id=\"kinds\" aria-labelledby=\"kinds-h\">\n<h2 id=\"kinds-h\">Recovery by "
             "kind of fault</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>Kind</th><th "
             "class=\"n\">Judged</th><th class=\"wide\">Each recovery; the line is the target"
             "</th><th class=\"n\">Min</th><th class=\"n\">Median</th><th class=\"n\">p95</th><th "
             "class=\"n\">Max</th><th class=\"n\">95 % interval of the median</th></tr></thead>\n"
             "<tbody>\n");
    for (size_t i = 0; i < judgement->kinds_count; i++) {
        const struct fl_kind_spread *one = &judgement->kinds[i];
        fl_buf_puts(out, "<tr><td><b>");
        fl_html_text(out, one->kind);
        fl_buf_printf(out, "</b></td><td class=\"n\">%zu of %zu</td><td class=\"wide\">",
                      one->spread.count, one->faults);
        put_strip(out, judgement, one->kind, axis, strictest(judgement, one->kind));
        fl_buf_puts(out, "</td>");
        const double figures[] = {one->spread.min, one->spread.median, one->spread.p95,
                                  one->spread.max};
        for (size_t k = 0; k < FL_COUNT(figures); k++) {
            if (one->spread.count > 0)
                put_figure(out, figures[k]);
            else
                fl_buf_puts(out, "<td class=\"n\">—</td>");
        }
        if (one->spread.has_interval && isfinite(one->spread.median_high))
            fl_buf_printf(out, "<td class=\"n\">%s – %s</td></tr>\n",
                          FL_SHOW_NS((fl_ns)one->spread.median_low),
                          FL_SHOW_NS((fl_ns)one->spread.median_high));
        else
            fl_buf_puts(out, "<td class=\"n dim\">needs 6 recoveries</td></tr>\n");
    }
    fl_buf_puts(out, "</tbody></table></div>\n</section>\n");
}
