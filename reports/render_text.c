/* render_text.c: what `faultline run` prints for a person at the end. */
#include "reports/render.h"
#include "runtime/base/units.h"

#define COLUMNS_MAX 8

struct paper {
    struct fl_buf *out;
    bool colour;
};

static const char *const RED = "\033[31m", *const GREEN = "\033[32m", *const AMBER = "\033[33m",
                         *const DIM = "\033[2m", *const BOLD = "\033[1m";

static void put(struct paper *paper, const char *colour, const char *text)
{
    if (paper->colour && colour != NULL)
        fl_buf_printf(paper->out, "%s%s\033[0m", colour, text);
    else
        fl_buf_puts(paper->out, text);
}

/* A table: cells are copied, columns are as wide as their widest cell. */
struct table {
    char (*cells)[COLUMNS_MAX][256];
    const char *(*colours)[COLUMNS_MAX];
    size_t rows;
    int columns;
    unsigned right; /* a bit for each column that is flushed right */
};

static void table_init(struct table *table, size_t rows, int columns, unsigned right)
{
    *table = (struct table){.columns = columns, .right = right};
    table->cells = fl_alloc_array(sizeof *table->cells, rows + 1);
    table->colours = fl_alloc_array(sizeof *table->colours, rows + 1);
}

static void table_cell(struct table *table, int column, const char *colour, const char *text)
{
    snprintf(table->cells[table->rows][column], sizeof table->cells[0][0], "%s", text);
    table->colours[table->rows][column] = colour;
}

static void table_print(struct table *table, struct paper *paper)
{
    int widths[COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->rows; i++)
        for (int k = 0; k < table->columns; k++) {
            int width = fl_render_width(table->cells[i][k]);
            if (width > widths[k]) widths[k] = width;
        }
    for (size_t i = 0; i < table->rows; i++) {
        fl_buf_puts(paper->out, "  ");
        for (int k = 0; k < table->columns; k++) {
            const char *cell = table->cells[i][k];
            int pad = widths[k] - fl_render_width(cell);
            bool right = (table->right >> k & 1) != 0, last = k == table->columns - 1;
            if (right) fl_buf_printf(paper->out, "%*s", pad, "");
            put(paper, table->colours[i][k], cell);
            if (!right && !last) fl_buf_printf(paper->out, "%*s", pad, "");
            if (!last) fl_buf_puts(paper->out, "  ");
        }
        while (paper->out->len > 0 && paper->out->at[paper->out->len - 1] == ' ')
            paper->out->at[--paper->out->len] = '\0';
        fl_buf_putc(paper->out, '\n');
    }
    fl_buf_putc(paper->out, '\n');
    free(table->cells);
    free(table->colours);
}

static void put_verdict(struct paper *paper, const struct fl_judgement *judgement)
{
    static const char *const words[] = {"PASS", "FAIL", "CANNOT TELL"};
    static const char *const colours[] = {"\033[1;30;42m", "\033[1;37;41m", "\033[1;30;43m"};
    char word[32];
    snprintf(word, sizeof word, " %s ", words[judgement->verdict]);
    fl_buf_putc(paper->out, '\n');
    put(paper, colours[judgement->verdict], word);
    fl_buf_puts(paper->out, " ");
    put(paper, BOLD, judgement->record->scenario);
    if (judgement->record->seed[0] != '\0')
        fl_buf_printf(paper->out, ", seed %s", judgement->record->seed);
    fl_buf_printf(paper->out, "\n %s.\n\n", judgement->why);
}

static const char *colour_of_fault(const struct fl_fault_view *fault)
{
    if (fault->outcome == FL_FAULT_NOT_RECOVERED) return RED;
    return fl_recovery_measured(fault->outcome) ? GREEN : AMBER;
}

static void put_faults(struct paper *paper, const struct fl_judgement *judgement)
{
    static const char *const heads[] = {"at",      "fault", "recovery", "detect",
                                        "restart", "ready", "bad",      ""};
    size_t count = judgement->record->faults_count;
    if (count == 0) return;
    struct table table;
    table_init(&table, count + 1, 8, 0x7d);
    for (int k = 0; k < 8; k++)
        table_cell(&table, k, DIM, heads[k]);
    for (size_t i = 0; i < count; i++) {
        const struct fl_fault_view *fault = &judgement->faults[i];
        char text[220];
        table.rows++;
        table_cell(&table, 0, DIM,
                   fl_render_when(judgement->record, fault->at[FL_AT_REQUESTED], text, 40));
        snprintf(text, sizeof text, "%s %s", fault->fault->kind,
                 fault->fault->pick != NULL ? fault->fault->pick : fault->fault->target);
        table_cell(&table, 1, NULL, text);
        table_cell(&table, 2, colour_of_fault(fault), fl_render_recovery(fault, text, 40));
        const fl_ns *at = fault->at;
        table_cell(&table, 3, NULL,
                   fl_render_span(at[FL_AT_REQUESTED], at[FL_AT_DETECTED], text, 40));
        table_cell(&table, 4, NULL,
                   fl_render_span(at[FL_AT_DETECTED], at[FL_AT_RESTARTED], text, 40));
        table_cell(&table, 5, NULL, fl_render_span(at[FL_AT_RESTARTED], at[FL_AT_READY], text, 40));
        size_t bad = fault->worst >= 0 ? fault->loads[fault->worst].bad : 0;
        snprintf(text, sizeof text, "%zu", bad);
        table_cell(&table, 6, NULL, text);
        bool known = fl_recovery_measured(fault->outcome);
        table_cell(&table, 7, DIM,
                   known && fault->worst >= 0 ? judgement->record->loads[fault->worst].name
                                              : fault->why);
    }
    table.rows++;
    table_print(&table, paper);
    char clock[160];
    paper->out->at[--paper->out->len] = '\0'; /* the line belongs to its table */
    fl_render_clock(judgement->record, clock, sizeof clock);
    put(paper, DIM, "  at: ");
    put(paper, DIM, clock);
    fl_buf_puts(paper->out, "\n\n");
}

static void put_targets(struct paper *paper, const struct fl_judgement *judgement)
{
    static const char *const marks[] = {"✓", "✗", "?"};
    const char *const colours[] = {GREEN, RED, AMBER};
    if (judgement->targets_count == 0) return;
    struct table table;
    table_init(&table, judgement->targets_count, 4, 0x4);
    for (size_t i = 0; i < judgement->targets_count; i++) {
        const struct fl_target_result *one = &judgement->targets[i];
        char text[64];
        table_cell(&table, 0, colours[one->state], marks[one->state]);
        table_cell(&table, 1, NULL, one->rec->text);
        table_cell(&table, 2, colours[one->state], fl_render_figure(one, text, sizeof text));
        table_cell(&table, 3, DIM,
                   one->state == FL_TARGET_CANNOT_TELL ? one->why
                                                       : fl_render_margin(one, text, sizeof text));
        table.rows++;
    }
    table_print(&table, paper);
}

static void put_loads(struct paper *paper, const struct fl_judgement *judgement)
{
    static const char *const heads[] = {"load", "due", "good", "p50", "p99", "unavailable"};
    const struct fl_record *record = judgement->record;
    if (record->loads_count == 0) return;
    struct table table;
    table_init(&table, record->loads_count + 1, 6, 0x3e);
    for (int k = 0; k < 6; k++)
        table_cell(&table, k, DIM, heads[k]);
    for (size_t i = 0; i < record->loads_count; i++) {
        const struct fl_availability *one = &judgement->availability[i];
        char text[64];
        table.rows++;
        table_cell(&table, 0, NULL, record->loads[i].name);
        snprintf(text, sizeof text, "%zu", one->due);
        table_cell(&table, 1, NULL, text);
        snprintf(text, sizeof text, "%.2f %%", 100 * one->availability);
        table_cell(&table, 2, NULL, text);
        table_cell(&table, 3, NULL, fl_show_ns(one->p50_ns, text, sizeof text));
        table_cell(&table, 4, NULL, fl_show_ns(one->p99_ns, text, sizeof text));
        table_cell(&table, 5, NULL, fl_show_ns(one->unavailable_ns, text, sizeof text));
    }
    table.rows++;
    table_print(&table, paper);
}

static void put_checks(struct paper *paper, const struct fl_judgement *judgement)
{
    for (size_t i = 0; i < judgement->checks.count; i++) {
        const struct fl_check_result *row = &judgement->checks.rows[i];
        const char *colour = row->metric == NULL                  ? DIM
                             : row->state == FL_CHECK_VALID       ? GREEN
                             : row->state == FL_CHECK_CANNOT_TELL ? AMBER
                                                                  : RED;
        char text[300];
        snprintf(text, sizeof text, "%llu of %llu", (unsigned long long)row->count,
                 (unsigned long long)row->looked_at);
        fl_buf_printf(paper->out, "  %s (%s): ", row->check, row->load->name);
        put(paper, colour, text);
        if (row->indeterminate > 0)
            fl_buf_printf(paper->out, ", %llu indeterminate",
                          (unsigned long long)row->indeterminate);
        if (row->why[0] != '\0') fl_buf_printf(paper->out, "; %s", row->why);
        fl_buf_putc(paper->out, '\n');
    }
    if (judgement->checks.count > 0) fl_buf_putc(paper->out, '\n');
}

void fl_render_text(struct fl_buf *out, const struct fl_judgement *judgement, bool colour)
{
    struct paper paper = {out, colour};
    put_verdict(&paper, judgement);
    put_faults(&paper, judgement);
    put_targets(&paper, judgement);
    put_loads(&paper, judgement);
    put_checks(&paper, judgement);
    for (size_t i = 0; i < judgement->notes_count; i++) {
        put(&paper, AMBER, "  note: ");
        fl_buf_printf(out, "%s\n", judgement->notes[i]);
    }
}
