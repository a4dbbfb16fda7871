/* incident.c: bad operations that no fault on their path explains, gathered into incidents. */
#include "reports/availability.h"

/* Explained: in flight at, or due after, a fault's request and before its window and `settle` are
 * over. */
static bool is_explained(const struct fl_record *record, const struct fl_fault_view *faults,
                         size_t load, const struct fl_op *op)
{
    for (size_t i = 0; i < record->faults_count; i++) {
        const struct fl_recovery *one = &faults[i].loads[load];
        if (one->outcome == FL_FAULT_OFF_PATH || one->over_ns == FL_NEVER) continue;
        if (op->done_ns < one->at[FL_AT_REQUESTED]) continue;
        if (op->due_ns < one->over_ns + record->settle_ns) return true;
    }
    return false;
}

struct fl_incident *fl_incident_find(const struct fl_record *record, const struct fl_view *views,
                                     const struct fl_fault_view *faults, size_t *count)
{
    struct fl_incident *found = NULL;
    size_t cap = 0;
    *count = 0;
    for (size_t k = 0; k < record->loads_count; k++) {
        const struct fl_view *view = &views[k];
        struct fl_incident *open = NULL;
        for (size_t i = view->storm_from; i < view->load->ops.count; i++) {
            const struct fl_op *op = &view->load->ops.at[i];
            if (view->good[i] || is_explained(record, faults, k, op)) continue;
            if (open == NULL || op->due_ns > open->until_ns + record->window_ns) {
                if (*count == cap) {
                    cap = cap == 0 ? 16 : cap * 2;
                    found = fl_realloc(found, cap * sizeof *found);
                }
                open = &found[(*count)++];
                *open = (struct fl_incident){.load = view->load,
                                             .from_ns = op->due_ns,
                                             .error = (enum fl_op_error)op->error};
            }
            open->until_ns = fl_ns_max(open->until_ns, op->done_ns);
            open->bad++;
        }
    }
    return found;
}
