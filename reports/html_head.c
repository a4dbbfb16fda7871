/* html_head.c: the verdict, the figures that matter most, and the targets. */
#include <math.h>

#include "reports/html.h"
#include "runtime/base/units.h"

static const char *const verdict_classes[] = {"pass", "fail", "unsure"};
static const char *const state_classes[] = {"pass", "fail", "unsure"};

static void put_tile(struct fl_buf *out, const char *value, const char *label, const char *class)
{
    fl_buf_printf(out, "<div class=\"tile %s\"><b>", class);
    fl_html_text(out, value);
    fl_buf_puts(out, "</b><span>");
    fl_html_text(out, label);
    fl_buf_puts(out, "</span></div>\n");
}

static void put_recovery_tile(struct fl_buf *out, const struct fl_judgement *judgement)
{
    const struct fl_fault_view *slowest = NULL;
    size_t measured = 0, count = judgement->record->faults_count;
    for (size_t i = 0; i < count; i++) {
        const struct fl_fault_view *one = &judgement->faults[i];
        if (one->outcome == FL_FAULT_NOT_RECOVERED) {
            put_tile(out, "never", "slowest recovery", "fail");
            return;
        }
        if (!fl_recovery_measured(one->outcome)) continue;
        measured++;
        if (slowest == NULL || one->recovery_ns > slowest->recovery_ns) slowest = one;
    }
    if (slowest == NULL) return;
    char label[300];
    snprintf(label, sizeof label, "slowest recovery: %s %s", slowest->fault->kind,
             slowest->fault->target);
    put_tile(out, FL_SHOW_NS(slowest->recovery_ns), measured > 1 ? label : "recovery", "");
}

static void put_tiles(struct fl_buf *out, const struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    char value[64], label[160];
    fl_buf_puts(out, "<div class=\"tiles\">\n");
    if (judgement->targets_count > 0) {
        size_t met = fl_judge_targets_in(judgement, FL_TARGET_MET);
        snprintf(value, sizeof value, "%zu of %zu", met, judgement->targets_count);
        put_tile(out, value, "targets met", "");
    }
    put_recovery_tile(out, judgement);
    const struct fl_availability *worst = NULL;
    size_t worst_load = 0;
    for (size_t i = 0; i < record->loads_count; i++) {
        const struct fl_availability *one = &judgement->availability[i];
        if (one->due == 0 || (worst != NULL && one->availability >= worst->availability)) continue;
        worst = one;
        worst_load = i;
    }
    if (worst != NULL) {
        snprintf(value, sizeof value, "%.2f %%", 100 * worst->availability);
        snprintf(label, sizeof label, "availability of %s", record->loads[worst_load].name);
        put_tile(out, value, label, "");
    }
    uint64_t lost = 0, checked = 0;
    for (size_t i = 0; i < judgement->checks.count; i++) {
        const struct fl_check_result *row = &judgement->checks.rows[i];
        if (row->metric == NULL || strcmp(row->metric, "lost") != 0) continue;
        lost += row->count;
        checked += row->looked_at;
    }
    if (checked > 0) {
        snprintf(value, sizeof value, "%llu", (unsigned long long)lost);
        snprintf(label, sizeof label, "lost of %llu acknowledged", (unsigned long long)checked);
        put_tile(out, value, label, lost > 0 ? "fail" : "");
    }
    snprintf(value, sizeof value, "%zu", record->faults_count);
    snprintf(label, sizeof label, "fault%s, %zu restart%s", record->faults_count == 1 ? "" : "s",
             judgement->restarts, judgement->restarts == 1 ? "" : "s");
    put_tile(out, value, label, "");
    fl_buf_puts(out, "</div>\n");
}

void fl_html_head(struct fl_buf *out, const struct fl_judgement *judgement)
{
    static const char *const words[] = {"PASS", "FAIL", "CANNOT TELL"};
    const struct fl_record *record = judgement->record;
    fl_buf_printf(out,
                  "<header class=\"%s\"><div class=\"wrap\">\n<p class=\"brand\">Faultline "
                  "recovery report</p>\n<h1><span class=\"badge\">%s</span> <span>",
                  verdict_classes[judgement->verdict], words[judgement->verdict]);
    fl_html_text(out, record->scenario);
    fl_buf_puts(out, "</span></h1>\n<p class=\"why\">");
    /* a sentence begins with a capital letter, unless it begins with a name */
    fl_html_text(out, judgement->why);
    fl_buf_puts(out, ".</p>\n");
    put_tiles(out, judgement);
    fl_buf_puts(out, "<p class=\"meta\">");
    if (record->wall != NULL) {
        const char *wall = record->wall; /* 2026-01-31T12:00:00.000Z */
        if (strlen(wall) >= 19 && wall[10] == 'T')
            fl_buf_printf(out, "%.10s %.8s UTC · ", wall, wall + 11);
    }
    fl_buf_puts(out, "seed ");
    fl_html_text(out, record->seed);
    fl_buf_printf(out, " · %zu operations", record->ops_total);
    if (record->host != NULL) {
        fl_buf_puts(out, " · ");
        fl_html_text(out, record->host);
        if (record->cpus > 0) fl_buf_printf(out, ", %d cores", record->cpus);
    }
    fl_buf_puts(out, "</p>\n</div></header>\n");
}

/* How much of the limit was used, as a bar. */
static void put_gauge(struct fl_buf *out, const struct fl_target_result *one)
{
    if (!one->has_margin) return;
    double used = 1 - one->margin;
    double shown = used < 0 ? 0 : used > 1.25 ? 1.25 : used;
    fl_buf_printf(out,
                  "<svg class=\"gauge\" width=\"100%%\" height=\"8\" aria-hidden=\"true\"><rect "
                  "class=\"rail\" width=\"100%%\" height=\"8\" rx=\"4\"/><rect class=\"used\" "
                  "width=\"%.1f%%\" height=\"8\" rx=\"4\"/><rect class=\"limit\" x=\"80%%\" "
                  "width=\"2\" height=\"8\"/></svg>",
                  shown * 80);
}

void fl_html_targets(struct fl_buf *out, const struct fl_judgement *judgement)
{
    static const char *const marks[] = {"✓", "✗", "?"};
    if (judgement->targets_count == 0) return;
    fl_buf_puts(out, "<section id=\"targets\" aria-labelledby=\"targets-h\">\n<h2 "
                     "id=\"targets-h\">Targets</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>"
                     "</th><th>Target</th><th class=\"n\">Measured</th><th class=\"wide\">Used; "
                     "the line is the limit</th><th></th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < judgement->targets_count; i++) {
        const struct fl_target_result *one = &judgement->targets[i];
        char text[64];
        fl_buf_printf(out,
                      "<tr class=\"%s\"><td class=\"mark\"><span role=\"img\" aria-label=\"%s\">%s"
                      "</span></td><td><code>",
                      state_classes[one->state], fl_judge_state_name(one->state),
                      marks[one->state]);
        fl_html_text(out, one->rec->text);
        fl_buf_puts(out, "</code></td><td class=\"n big\">");
        fl_html_text(out, fl_render_figure(one, text, sizeof text));
        fl_buf_puts(out, "</td><td class=\"wide\">");
        put_gauge(out, one);
        fl_buf_puts(out, "</td><td class=\"dim\">");
        fl_html_text(out, fl_render_margin(one, text, sizeof text));
        if (text[0] != '\0' && one->why[0] != '\0') fl_buf_puts(out, "; ");
        fl_html_text(out, one->why);
        fl_buf_puts(out, "</td></tr>\n");
    }
    fl_buf_puts(out, "</tbody></table></div>\n</section>\n");
}
