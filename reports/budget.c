#include "reports/budget.h"

#include <math.h>

/* Windows on one load do not overlap, except a windowed fault's with what came within it; a bad
 * operation belongs to the latest fault whose window holds it. */
static void spread(struct fl_budget *out, const struct fl_judgement *judgement,
                   const struct fl_view *view, size_t load)
{
    const struct fl_record *record = judgement->record;
    for (size_t i = view->storm_from; i < view->load->ops.count; i++) {
        const struct fl_op *op = &view->load->ops.at[i];
        size_t owner = record->faults_count;
        if (view->good[i]) continue;
        for (size_t k = 0; k < record->faults_count; k++) {
            const struct fl_recovery *one = &judgement->faults[k].loads[load];
            if (one->outcome == FL_FAULT_OFF_PATH || one->over_ns == FL_NEVER) continue;
            fl_ns from = fl_ns_min(one->at[FL_AT_REQUESTED], one->at[FL_AT_FIRST_BAD]);
            if (op->due_ns < from || op->due_ns >= one->over_ns) continue;
            if (owner == record->faults_count ||
                one->at[FL_AT_REQUESTED] > judgement->faults[owner].loads[load].at[FL_AT_REQUESTED])
                owner = k;
        }
        if (owner < record->faults_count)
            out->by_fault[owner]++;
        else
            out->unexplained++;
    }
}

bool fl_budget_of(struct fl_budget *out, const struct fl_judgement *judgement, size_t target)
{
    const struct fl_target_result *result = &judgement->targets[target];
    const struct fl_target *parsed = &result->target;
    if (parsed->metric != FL_METRIC_AVAILABILITY || parsed->phase != FL_TARGET_ALL) return false;
    if (fl_target_larger_is_worse(parsed) || result->worst == NULL) return false;
    const struct fl_rec_load *load = fl_record_load(judgement->record, result->worst);
    size_t index = (size_t)(load - judgement->record->loads);
    const struct fl_availability *measured = &judgement->availability[index];
    *out = (struct fl_budget){.rec = result->rec,
                              .load = load,
                              .allowed = (1 - parsed->value) * (double)measured->due,
                              .spent = measured->due - measured->good};
    out->burn = out->allowed > 0 ? (double)out->spent / out->allowed
                : out->spent > 0 ? INFINITY
                                 : 0;
    out->by_fault = fl_new_array(size_t, judgement->record->faults_count + 1);
    spread(out, judgement, &judgement->views[index], index);
    return true;
}
