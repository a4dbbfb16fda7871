/* html_lists.c: loads, checks, supervision, the generator, the definition and how to replay. */
#include <math.h>

#include "reports/budget.h"
#include "reports/html.h"
#include "runtime/base/units.h"

#define EVENTS_SHOWN 500

static void put_errors(struct fl_buf *out, const struct fl_availability *one)
{
    bool any = false;
    for (int i = 1; i < FL_OPERR_COUNT; i++) {
        if (one->errors[i] == 0) continue;
        fl_buf_printf(out, "%s%zu %s", any ? ", " : "", one->errors[i], fl_op_error_names[i]);
        any = true;
    }
    if (one->slow > 0) fl_buf_printf(out, "%s%zu slow", any ? ", " : "", one->slow);
    if (!any && one->slow == 0) fl_buf_puts(out, "none");
}

/* `kill queue 234 (42 %), …`: who spent it, the greatest first. */
static void put_spenders(struct fl_buf *out, const struct fl_judgement *judgement,
                         struct fl_budget *budget)
{
    const char *between = "";
    for (int shown = 0; shown < 5; shown++) {
        size_t most = 0;
        for (size_t k = 1; k < judgement->record->faults_count; k++)
            if (budget->by_fault[k] > budget->by_fault[most]) most = k;
        if (judgement->record->faults_count == 0 || budget->by_fault[most] == 0) break;
        const struct fl_rec_fault *fault = &judgement->record->faults[most];
        fl_buf_printf(out, "%s<a href=\"#fault-%zu\">%zu</a> ", between, most + 1, most + 1);
        fl_html_text(out, fault->kind);
        fl_buf_putc(out, ' ');
        fl_html_text(out, fault->target);
        fl_buf_printf(out, ": %zu", budget->by_fault[most]);
        budget->by_fault[most] = 0;
        between = ", ";
    }
    if (budget->unexplained > 0)
        fl_buf_printf(out, "%s%zu unexplained", between, budget->unexplained);
}

static void put_budgets(struct fl_buf *out, const struct fl_judgement *judgement)
{
    bool any = false;
    for (size_t i = 0; i < judgement->targets_count; i++) {
        struct fl_budget budget;
        if (!fl_budget_of(&budget, judgement, i)) continue;
        if (!any)
            fl_buf_puts(out, "<h3>Error budget</h3>\n<div class=\"scroll\"><table>\n<thead><tr><th>"
                             "Objective</th><th>Load</th><th class=\"n\">May be bad</th><th "
                             "class=\"n\">Were bad</th><th class=\"n\">Burn</th><th>Spent by</th>"
                             "</tr></thead>\n<tbody>\n");
        any = true;
        fl_buf_printf(out, "<tr class=\"%s\"><td><code>", budget.burn > 1 ? "fail" : "pass");
        fl_html_text(out, budget.rec->text);
        fl_buf_puts(out, "</code></td><td>");
        fl_html_text(out, budget.load->name);
        fl_buf_printf(out,
                      "</td><td class=\"n\">%.0f</td><td class=\"n\">%zu</td><td class=\"n big\">",
                      floor(budget.allowed + 1e-6), budget.spent);
        if (isinf(budget.burn))
            fl_buf_puts(out, "∞");
        else
            fl_buf_printf(out, "%.2f ×", budget.burn);
        fl_buf_puts(out, "</td><td class=\"dim\">");
        put_spenders(out, judgement, &budget);
        fl_buf_puts(out, "</td></tr>\n");
        free(budget.by_fault);
    }
    if (any) fl_buf_puts(out, "</tbody></table></div>\n");
}

void fl_html_loads(struct fl_buf *out, const struct fl_judgement *judgement)
{
    if (judgement->record->loads_count == 0) return;
    fl_buf_puts(
        out,
        "<section id=\"availability\" aria-labelledby=\"availability-h\">\n<h2 "
        "id=\"availability-h\">Availability and latency</h2>\n<div "
        "class=\"scroll\"><table>\n<thead>"
        "<tr><th>Load</th><th class=\"n\">Due</th><th class=\"n\">Good</th><th class=\"n\">"
        "Unavailable</th><th class=\"n\">Longest</th><th class=\"n\">p50</th><th class=\"n\">p99"
        "</th><th class=\"n\">p99.9</th><th>Bad ones</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < judgement->record->loads_count; i++) {
        const struct fl_availability *one = &judgement->availability[i];
        const struct fl_view *view = &judgement->views[i];
        fl_buf_puts(out, "<tr><td><b>");
        fl_html_text(out, view->load->name);
        fl_buf_puts(out, "</b><small>");
        fl_html_text(out, view->load->workload);
        fl_buf_printf(out, ", %.4g/s; before the storm p50 %s, p99 %s; good is at most %s</small>",
                      one->rate_per_s, FL_SHOW_NS(view->baseline.p50_ns),
                      FL_SHOW_NS(view->baseline.p99_ns), FL_SHOW_NS(view->slow_ns));
        fl_buf_printf(
            out,
            "</td><td class=\"n\">%zu</td><td class=\"n big\">%.2f %%</td><td class=\"n\">"
            "%s</td><td class=\"n\">%s</td>",
            one->due, 100 * one->availability, FL_SHOW_NS(one->unavailable_ns),
            FL_SHOW_NS(one->longest_ns));
        fl_buf_printf(out,
                      "<td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
                      "<td class=\"dim\">",
                      FL_SHOW_NS(one->p50_ns), FL_SHOW_NS(one->p99_ns), FL_SHOW_NS(one->p999_ns));
        put_errors(out, one);
        fl_buf_puts(out, "</td></tr>\n");
    }
    fl_buf_puts(out,
                "</tbody></table></div>\n<p class=\"hint\">Over the storm and the calm. An "
                "operation that did not succeed enters the percentiles at its deadline.</p>\n");
    put_budgets(out, judgement);
    fl_buf_puts(out, "</section>\n");
}

static void put_keys(struct fl_buf *out, const struct fl_check_result *row)
{
    if (row->offenders_count == 0) return;
    fl_buf_puts(out, "<details><summary>which</summary><code>");
    for (size_t i = 0; i < row->offenders_count; i++)
        fl_buf_printf(out, "%llx ", (unsigned long long)row->offenders[i]);
    fl_buf_puts(out, "</code></details>");
}

void fl_html_checks(struct fl_buf *out, const struct fl_judgement *judgement)
{
    static const char *const classes[] = {"pass", "fail", "unsure"};
    if (judgement->checks.count == 0) return;
    fl_buf_puts(
        out, "<section id=\"integrity\" aria-labelledby=\"integrity-h\">\n<h2 "
             "id=\"integrity-h\">Lost and duplicated</h2>\n<div class=\"scroll\"><table>\n<thead>"
             "<tr><th>Check</th><th>Load</th><th class=\"n\">Found</th><th class=\"n\">Checked"
             "</th><th class=\"n\">Indeterminate</th><th></th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < judgement->checks.count; i++) {
        const struct fl_check_result *row = &judgement->checks.rows[i];
        fl_buf_printf(out, "<tr class=\"%s\"><td>%s</td><td>",
                      row->metric == NULL ? "" : classes[row->state], row->check);
        fl_html_text(out, row->load->name);
        fl_buf_printf(out,
                      "</td><td class=\"n big\">%llu</td><td class=\"n\">%llu</td><td class=\"n\">"
                      "%llu</td><td class=\"dim\">",
                      (unsigned long long)row->count, (unsigned long long)row->looked_at,
                      (unsigned long long)row->indeterminate);
        if (row->metric == NULL)
            fl_buf_puts(out, "for information");
        else if (row->why[0] != '\0')
            fl_html_text(out, row->why);
        else
            fl_buf_puts(out, fl_check_state_name(row->state));
        put_keys(out, row);
        fl_buf_puts(out, "</td></tr>\n");
    }
    fl_buf_puts(out, "</tbody></table></div>\n</section>\n");
}

void fl_html_supervision(struct fl_buf *out, const struct fl_judgement *judgement)
{
    if (judgement->events_count == 0) return;
    fl_buf_printf(out,
                  "<section id=\"supervision\" aria-labelledby=\"supervision-h\">\n<h2 "
                  "id=\"supervision-h\">Supervision</h2>\n<details%s><summary>%zu events, %zu "
                  "restart%s</summary>\n<div class=\"scroll\"><table>\n<tbody>\n",
                  judgement->events_count <= 40 ? " open" : "", judgement->events_count,
                  judgement->restarts, judgement->restarts == 1 ? "" : "s");
    for (size_t i = 0; i < judgement->events_count && i < EVENTS_SHOWN; i++) {
        const struct fl_sup_event *one = &judgement->events[i];
        char text[40];
        fl_buf_printf(out, "<tr class=\"%s\"><td class=\"n dim\">%s</td><td><b>",
                      one->bad ? "ended" : "",
                      fl_render_when(judgement->record, one->t, text, sizeof text));
        fl_html_text(out, one->who);
        fl_buf_puts(out, "</b></td><td>");
        fl_html_text(out, one->text);
        fl_buf_puts(out, "</td></tr>\n");
    }
    fl_buf_puts(out, "</tbody></table></div>\n");
    if (judgement->events_count > EVENTS_SHOWN)
        fl_buf_printf(out, "<p class=\"hint\">The first %d of them.</p>\n", EVENTS_SHOWN);
    fl_buf_puts(out, "</details>\n</section>\n");
}

static void put_health(struct fl_buf *out, const struct fl_judgement *judgement)
{
    fl_ns lag = 0;
    double cpu = 0;
    for (size_t i = 0; i < judgement->health_count; i++) {
        lag = fl_ns_max(lag, judgement->health[i].lag_p99_ns);
        cpu = judgement->health[i].cpu > cpu ? judgement->health[i].cpu : cpu;
    }
    fl_buf_puts(out, "<section id=\"generator\" aria-labelledby=\"generator-h\">\n<h2 "
                     "id=\"generator-h\">Was the harness itself fit?</h2>\n<p>");
    if (judgement->health_count == 0)
        fl_buf_puts(out, "The load generator left no record of its own state.");
    else
        fl_buf_printf(out,
                      "Worst second of the load generator: p99 lag %s behind its schedule, %.0f %% "
                      "of a core. It was the bottleneck in %zu of %zu seconds.",
                      FL_SHOW_NS(lag), 100 * cpu, judgement->bottlenecks, judgement->health_count);
    fl_buf_puts(out, "</p>\n</section>\n");
}

static void put_definition(struct fl_buf *out, const struct fl_record *record)
{
    fl_buf_printf(
        out,
        "<section id=\"definition\" aria-labelledby=\"definition-h\">\n<h2 id=\"definition-h\">How "
        "recovery is defined</h2>\n<p>Recovery is measured from the client's chair. An operation "
        "is "
        "<b>good</b> when it succeeded, its content was right, and it took no longer than the "
        "load's limit (above), counted from when it was <b>due</b>. After a fault is requested, "
        "the <b>first bad</b> operation is the earliest due of those that ended badly; the load is "
        "<b>steady</b> when a good operation is done, and of those due in the %s from it on (at "
        "least 20) no more than %.4g %% are bad. If more return within %s, steady moves behind "
        "them.</p>\n<p>Recovery from an instant fault (kill, crash) is steady minus requested; "
        "from one with a window (pause, cut, latency) steady minus healed. No bad operation: "
        "<b>absorbed</b>. Steady before it was healed: <b>ridden out</b>. The next fault on the "
        "path before steady: <b>overlapped</b>, which cannot be told. Not steady by the end of the "
        "calm: <b>not recovered</b>. A fault counts as its slowest load. A measured recovery is "
        "never shorter than the outage, and longer by at most one gap between arrivals and one "
        "latency.</p>\n</section>\n",
        FL_SHOW_NS(record->window_ns), record->epsilon * 100, FL_SHOW_NS(record->settle_ns));
}

void fl_html_appendix(struct fl_buf *out, const struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    put_health(out, judgement);
    put_definition(out, record);
    fl_buf_puts(out, "<section id=\"replay\" aria-labelledby=\"replay-h\">\n<h2 "
                     "id=\"replay-h\">Run it again</h2>\n<pre>");
    fl_html_text(out, record->replay);
    fl_buf_puts(out,
                "</pre>\n<p class=\"hint\">The run folder holds scenario.yaml and plan.json; the "
                "same seed gives the same faults at the same times.");
    if (record->version != NULL) {
        fl_buf_puts(out, " Made by Faultline ");
        fl_html_text(out, record->version);
        fl_buf_puts(out, record->kernel != NULL ? " on " : "");
        if (record->kernel != NULL) fl_html_text(out, record->kernel);
        fl_buf_putc(out, '.');
    }
    fl_buf_puts(out, "</p>\n</section>\n");
}
