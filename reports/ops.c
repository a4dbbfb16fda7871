/* ops.c: the journal's operations, spread over the loads and sorted by due. */
#include "reports/record.h"

static void list_add(struct fl_op_list *list, const struct fl_op *op)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 4096 : list->cap * 2;
        list->at = fl_realloc(list->at, list->cap * sizeof *list->at);
    }
    list->at[list->count++] = *op;
}

static void on_op(void *cx, const struct fl_op *op)
{
    struct fl_record *record = cx;
    if (op->load >= record->loads_count || op->kind == 0 || op->kind > FL_OP_LAST) return;
    struct fl_rec_load *load = &record->loads[op->load];
    list_add(fl_op_is_arrival(op) ? &load->ops : &load->obs, op);
    record->last_ns = fl_ns_max(record->last_ns, op->done_ns);
    record->ops_total += fl_op_is_arrival(op);
}

static int by_due(const void *a, const void *b)
{
    const struct fl_op *x = a, *y = b;
    if (x->due_ns != y->due_ns) return x->due_ns < y->due_ns ? -1 : 1;
    if (x->done_ns != y->done_ns) return x->done_ns < y->done_ns ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void sort_by_due(struct fl_op_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (by_due(&list->at[i - 1], &list->at[i]) <= 0) continue;
        qsort(list->at, list->count, sizeof *list->at, by_due);
        return;
    }
}

/* Where the facts are silent (a killed run, a missing segment), the plan and the operations say
 * when the storm began and how long arrivals were made. */
static void fix_instants(struct fl_record *record)
{
    fl_ns first_due = FL_NEVER, last_due = 0;
    for (size_t i = 0; i < record->loads_count; i++) {
        const struct fl_op_list *ops = &record->loads[i].ops;
        if (ops->count == 0) continue;
        first_due = fl_ns_min(first_due, ops->at[0].due_ns);
        last_due = fl_ns_max(last_due, ops->at[ops->count - 1].due_ns);
    }
    if (record->zero_ns == FL_NEVER) record->zero_ns = record->phase_at[FL_WARM];
    if (record->zero_ns == FL_NEVER) record->zero_ns = first_due;
    if (record->zero_ns == FL_NEVER)
        record->zero_ns = record->facts_count > 0 ? record->facts[0].t : 0;

    record->storm_at = record->phase_at[FL_STORM];
    if (record->storm_at == FL_NEVER) record->storm_at = record->zero_ns + record->warmup_ns;
    fl_ns planned_end = record->zero_ns + record->warmup_ns + record->storm_ns + record->calm_ns;
    fl_ns end = record->phase_at[FL_DRAIN];
    if (end == FL_NEVER) end = record->phase_at[FL_STOP];
    if (end == FL_NEVER) end = fl_ns_max(last_due, record->storm_at);
    /* The engine may say "drain" a moment before or after the last arrival was due. */
    record->arrivals_end = fl_ns_max(fl_ns_min(end, planned_end), last_due);
    record->last_ns = fl_ns_max(record->last_ns, record->arrivals_end);
}

int fl_record_read_ops(struct fl_record *record, struct fl_err *err)
{
    int rc = fl_journal_read_ops(record->folder, on_op, record, err);
    if (rc != 0) return rc;
    for (size_t i = 0; i < record->loads_count; i++)
        sort_by_due(&record->loads[i].ops);
    fix_instants(record);
    return 0;
}
