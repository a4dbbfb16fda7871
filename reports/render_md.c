/* render_md.c: summary.md, for a CI job's page. The verdict always fits; the part about faults is
 * cut when it grows long. */
#include "reports/render.h"
#include "runtime/base/units.h"

#define FAULTS_BYTES_MAX ((size_t)64 * 1024)

/* A pipe would end a table's cell, a `<` begin markup. */
static void put_cell(struct fl_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("|<>*_`\\[]", *text) != NULL) fl_buf_putc(out, '\\');
        if (*text == '\n')
            fl_buf_putc(out, ' ');
        else
            fl_buf_putc(out, *text);
    }
}

static void put_targets(struct fl_buf *out, const struct fl_judgement *judgement)
{
    static const char *const marks[] = {"✅", "❌", "❔"};
    if (judgement->targets_count == 0) return;
    fl_buf_puts(out, "| | target | measured | |\n|---|---|---:|---|\n");
    for (size_t i = 0; i < judgement->targets_count; i++) {
        const struct fl_target_result *one = &judgement->targets[i];
        char text[64];
        fl_buf_printf(out, "| %s | ", marks[one->state]);
        put_cell(out, one->rec->text);
        fl_buf_printf(out, " | %s | ", fl_render_figure(one, text, sizeof text));
        put_cell(out, one->state == FL_TARGET_CANNOT_TELL
                          ? one->why
                          : fl_render_margin(one, text, sizeof text));
        fl_buf_puts(out, " |\n");
    }
    fl_buf_putc(out, '\n');
}

static void put_fault(struct fl_buf *out, const struct fl_judgement *judgement,
                      const struct fl_fault_view *fault)
{
    char text[64];
    const fl_ns *at = fault->at;
    fl_buf_printf(out, "| %s | ",
                  fl_render_when(judgement->record, at[FL_AT_REQUESTED], text, sizeof text));
    put_cell(out, fault->fault->kind);
    fl_buf_putc(out, ' ');
    put_cell(out, fault->fault->pick != NULL ? fault->fault->pick : fault->fault->target);
    bool recovered = fault->outcome == FL_FAULT_RECOVERED;
    fl_buf_printf(out, recovered ? " | **%s** |" : " | %s |",
                  fl_render_recovery(fault, text, sizeof text));
    fl_buf_printf(out, " %s |", fl_render_span(at[FL_AT_REQUESTED], at[FL_AT_DETECTED], text, 64));
    fl_buf_printf(out, " %s |", fl_render_span(at[FL_AT_DETECTED], at[FL_AT_RESTARTED], text, 64));
    fl_buf_printf(out, " %s | ", fl_render_span(at[FL_AT_RESTARTED], at[FL_AT_READY], text, 64));
    put_cell(out, recovered && fault->worst >= 0 ? judgement->record->loads[fault->worst].name
                                                 : fault->why);
    fl_buf_puts(out, " |\n");
}

static void put_faults(struct fl_buf *out, const struct fl_judgement *judgement)
{
    size_t count = judgement->record->faults_count, from = out->len;
    if (count == 0) return;
    fl_buf_puts(out, "| at | fault | recovery | detect | restart | ready | |\n"
                     "|---:|---|---:|---:|---:|---:|---|\n");
    for (size_t i = 0; i < count; i++) {
        if (out->len - from > FAULTS_BYTES_MAX) {
            fl_buf_printf(out, "\n%zu more faults are in the report.\n", count - i);
            break;
        }
        put_fault(out, judgement, &judgement->faults[i]);
    }
    char clock[160];
    fl_buf_printf(out, "\n*at*: %s.\n\n", fl_render_clock(judgement->record, clock, sizeof clock));
}

static void put_loads(struct fl_buf *out, const struct fl_judgement *judgement)
{
    if (judgement->record->loads_count == 0) return;
    fl_buf_puts(out, "| load | due | good | p50 | p99 | unavailable |\n"
                     "|---|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < judgement->record->loads_count; i++) {
        const struct fl_availability *one = &judgement->availability[i];
        fl_buf_puts(out, "| ");
        put_cell(out, judgement->record->loads[i].name);
        fl_buf_printf(out, " | %zu | %.2f %% | %s | %s | %s |\n", one->due, 100 * one->availability,
                      FL_SHOW_NS(one->p50_ns), FL_SHOW_NS(one->p99_ns),
                      FL_SHOW_NS(one->unavailable_ns));
    }
    fl_buf_putc(out, '\n');
}

static void put_checks(struct fl_buf *out, const struct fl_judgement *judgement)
{
    static const char *const marks[] = {"✅", "❌", "❔"};
    if (judgement->checks.count == 0) return;
    fl_buf_puts(out, "| | check | load | found | checked | indeterminate |\n"
                     "|---|---|---|---:|---:|---:|\n");
    for (size_t i = 0; i < judgement->checks.count; i++) {
        const struct fl_check_result *row = &judgement->checks.rows[i];
        fl_buf_printf(out, "| %s | %s | ", row->metric == NULL ? "" : marks[row->state],
                      row->check);
        put_cell(out, row->load->name);
        fl_buf_printf(out, " | %llu | %llu | %llu |\n", (unsigned long long)row->count,
                      (unsigned long long)row->looked_at, (unsigned long long)row->indeterminate);
    }
    fl_buf_putc(out, '\n');
}

void fl_render_md(struct fl_buf *out, const struct fl_judgement *judgement)
{
    static const char *const heads[] = {"✅ pass", "❌ fail", "❔ cannot tell"};
    fl_buf_printf(out, "## %s: ", heads[judgement->verdict]);
    put_cell(out, judgement->record->scenario);
    fl_buf_puts(out, "\n\n");
    put_cell(out, judgement->why);
    fl_buf_puts(out, ".\n\n");
    put_targets(out, judgement);
    put_faults(out, judgement);
    put_loads(out, judgement);
    put_checks(out, judgement);
    for (size_t i = 0; i < judgement->notes_count; i++) {
        fl_buf_puts(out, "- ");
        put_cell(out, judgement->notes[i]);
        fl_buf_putc(out, '\n');
    }
    fl_buf_printf(out, "\nReplay: `%s`\n", judgement->record->replay);
}
