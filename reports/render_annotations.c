/* render_annotations.c: workflow commands that put what went wrong beside the scenario's lines. */
#include "reports/render.h"

#define LINES_MAX 9 /* GitHub shows ten of a kind in a step; the last one counts the rest */

/* In a message % CR LF are special, in a property also : and , */
static void put_escaped(struct fl_buf *out, const char *text, bool property)
{
    for (; *text != '\0'; text++) {
        bool special = *text == '%' || *text == '\r' || *text == '\n' ||
                       (property && (*text == ':' || *text == ','));
        if (special)
            fl_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
        else
            fl_buf_putc(out, *text);
    }
}

struct lines {
    struct fl_buf *out;
    size_t count;
};

static void put_line(struct lines *lines, const char *level, int line, const char *title,
                     const char *message)
{
    if (lines->count++ >= LINES_MAX) return;
    fl_buf_printf(lines->out, "::%s file=scenario.yaml", level);
    if (line > 0) fl_buf_printf(lines->out, ",line=%d", line);
    fl_buf_puts(lines->out, ",title=");
    put_escaped(lines->out, title, true);
    fl_buf_puts(lines->out, "::");
    put_escaped(lines->out, message, false);
    fl_buf_putc(lines->out, '\n');
}

static void put_targets(struct lines *lines, const struct fl_judgement *judgement)
{
    for (size_t i = 0; i < judgement->targets_count; i++) {
        const struct fl_target_result *one = &judgement->targets[i];
        char figure[48], message[400];
        if (one->state == FL_TARGET_MET) continue;
        bool missed = one->state == FL_TARGET_MISSED;
        snprintf(message, sizeof message, missed ? "%s, measured %s" : "%s: %s", one->rec->text,
                 missed ? fl_render_figure(one, figure, sizeof figure) : one->why);
        put_line(lines, missed ? "error" : "warning", one->rec->line,
                 missed ? "target missed" : "cannot tell", message);
    }
}

static void put_faults(struct lines *lines, const struct fl_judgement *judgement)
{
    for (size_t i = 0; i < judgement->record->faults_count; i++) {
        const struct fl_fault_view *fault = &judgement->faults[i];
        char message[400];
        if (fl_recovery_measured(fault->outcome)) continue;
        bool lost = fault->outcome == FL_FAULT_NOT_RECOVERED;
        snprintf(message, sizeof message, "%s %s: %s", fault->fault->kind, fault->fault->target,
                 fault->why);
        put_line(lines, lost ? "error" : "warning", fault->fault->line,
                 lost ? "not recovered" : "cannot tell", message);
    }
}

void fl_render_annotations(struct fl_buf *out, const struct fl_judgement *judgement)
{
    if (judgement->verdict == FL_PASS) return;
    struct lines lines = {.out = out};
    put_targets(&lines, judgement);
    put_faults(&lines, judgement);
    if (lines.count == 0)
        put_line(&lines, judgement->verdict == FL_FAILED ? "error" : "warning", 0,
                 fl_judge_verdict_name(judgement->verdict), judgement->why);
    if (lines.count > LINES_MAX)
        fl_buf_printf(out, "::error file=scenario.yaml::%zu more in the report\n",
                      lines.count - LINES_MAX);
}
