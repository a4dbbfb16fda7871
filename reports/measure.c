/* measure.c: the figure that a target asks for, and whether it holds. */
#include <math.h>

#include "reports/judge.h"
#include "runtime/base/units.h"

static double stat_of(const struct fl_target *target, const double *sorted, size_t count)
{
    double sum = 0;
    if (count == 0) return 0;
    if (target->stat == FL_STAT_MIN) return sorted[0];
    if (target->stat == FL_STAT_MAX) return sorted[count - 1];
    if (target->stat == FL_STAT_QUANTILE) return fl_stats_quantile(sorted, count, target->quantile);
    for (size_t i = 0; i < count; i++)
        sum += sorted[i];
    return sum / (double)count;
}

static void set_state(struct fl_target_result *out, double figure)
{
    double limit = out->target.value;
    out->measured = true;
    out->figure = figure;
    out->state = fl_target_holds(&out->target, figure) ? FL_TARGET_MET : FL_TARGET_MISSED;
    out->has_margin = false;
    if (isinf(figure) || out->target.cmp == FL_CMP_EQ) return;
    /* of a share that must be high, the part of what may fail that is left: the error budget */
    bool high = !fl_target_larger_is_worse(&out->target);
    double room = high && out->target.unit == FL_UNIT_SHARE ? 1 - limit : limit;
    if (room <= 0) return;
    out->margin = (high ? figure - limit : limit - figure) / room;
    out->has_margin = true;
}

static void cannot_tell(struct fl_target_result *out, const char *format, ...) FL_PRINTF(2, 3);
static void cannot_tell(struct fl_target_result *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->why, sizeof out->why, format, args);
    va_end(args);
    out->state = FL_TARGET_CANNOT_TELL;
    out->has_margin = false;
}

static void note_samples(struct fl_target_result *out)
{
    if (out->target.stat != FL_STAT_QUANTILE || out->target.quantile <= 0.5) return;
    size_t needed = fl_stats_needed(out->target.quantile);
    if (out->samples == 0 || out->samples >= needed) return;
    snprintf(out->note, sizeof out->note,
             "%s of %zu sample%s: %zu are needed before their maximum bounds it with 95 %% "
             "confidence",
             out->target.stat_name, out->samples, out->samples == 1 ? "" : "s", needed);
}

static bool selects(const struct fl_target *target, const struct fl_rec_fault *fault, int load)
{
    if (load >= 0 && !fault->on_path[load]) return false;
    if (target->kind[0] != '\0' && strcmp(target->kind, fault->kind) != 0) return false;
    return target->aim[0] == '\0' || fl_glob(target->aim, fault->target) ||
           (fault->pick != NULL && fl_glob(target->aim, fault->pick));
}

static int load_index(const struct fl_judgement *judgement, const char *name)
{
    const struct fl_rec_load *load = fl_record_load(judgement->record, name);
    return load == NULL ? -1 : (int)(load - judgement->record->loads);
}

static double figure_of(fl_ns ns)
{
    return ns == FL_NEVER ? INFINITY : (double)ns;
}

/* Recoveries that are known, and between what the others lie. These decide only when both ends give
 * the same answer. */
static void measure_recovery(struct fl_target_result *out, const struct fl_judgement *judgement)
{
    size_t faults_count = judgement->record->faults_count, count = 0, known = 0;
    int load = load_index(judgement, out->target.load);
    double *values = fl_new_array(double, faults_count + 1);
    double *lows = fl_new_array(double, faults_count + 1);
    double *highs = fl_new_array(double, faults_count + 1);
    const struct fl_fault_view *first_unknown = NULL;
    for (size_t i = 0; i < faults_count; i++) {
        const struct fl_fault_view *fault = &judgement->faults[i];
        if (!selects(&out->target, fault->fault, load)) continue;
        fl_ns low = 0, high = FL_NEVER;
        if (load >= 0)
            fl_recovery_bounds(&fault->loads[load], &low, &high);
        else
            fl_recovery_fault_bounds(fault, judgement->record, &low, &high);
        lows[count] = figure_of(low);
        highs[count++] = figure_of(high);
        if (low == high)
            values[known++] = figure_of(low);
        else if (first_unknown == NULL)
            first_unknown = fault;
    }
    out->samples = known;
    if (count == 0) {
        cannot_tell(out, "no fault of this run is selected by it");
    } else {
        fl_stats_sort(lows, count);
        fl_stats_sort(highs, count);
        fl_stats_sort(values, known);
        double best = stat_of(&out->target, lows, count);
        bool best_holds = fl_target_holds(&out->target, best);
        bool worst_holds = fl_target_holds(&out->target, stat_of(&out->target, highs, count));
        if (known > 0) set_state(out, stat_of(&out->target, values, known));
        if (best_holds != worst_holds) {
            FL_ASSERT(first_unknown != NULL);
            cannot_tell(out, "%zu of %zu recoveries cannot be told, first %s %s: %s", count - known,
                        count, first_unknown->fault->kind, first_unknown->fault->target,
                        first_unknown->why);
        } else if (known < count) {
            /* what is sure is said: at least so much, whatever the unknown ones were */
            set_state(out, best);
            out->state = best_holds ? FL_TARGET_MET : FL_TARGET_MISSED;
            snprintf(out->why, sizeof out->why, "at least; %zu of %zu are not exactly known",
                     count - known, count);
        }
    }
    note_samples(out);
    free(highs);
    free(lows);
    free(values);
}

/* Does this operation's due lie in the phase that the target is about? */
static bool in_phase(const struct fl_target *target, const struct fl_judgement *judgement,
                     const struct fl_view *view, const struct fl_op *op)
{
    if (target->phase == FL_TARGET_IN_BASELINE)
        return op->due_ns >= view->baseline.from_ns && op->due_ns < view->baseline.until_ns;
    if (op->due_ns < judgement->record->storm_at) return false;
    if (target->phase == FL_TARGET_ALL) return true;
    int load = (int)(view->load - judgement->record->loads);
    bool covered = fl_recovery_covers(judgement->faults, judgement->record->faults_count, load,
                                      op->due_ns);
    return covered == (target->phase == FL_TARGET_DURING_FAULTS);
}

/* May the generator itself have made this operation what it is? A latency is spoiled by any lag
 * that the limit would notice, good or bad only by one that makes an operation slow. */
static bool is_spoiled(const struct fl_target *target, const struct fl_judgement *judgement,
                       const struct fl_view *view, size_t i)
{
    const struct fl_op *op = &view->load->ops.at[i];
    if (target->metric == FL_METRIC_LATENCY)
        return fl_health_is_bottleneck(judgement, op->due_ns, op->due_ns + 1, target->value);
    return !view->good[i] && fl_health_made(judgement, view, op);
}

/* One figure of one load in the target's phase; `fit` leaves out what the generator may have made
 * itself. Returns how many operations it is made of. */
static size_t measure_ops(const struct fl_target *target, const struct fl_judgement *judgement,
                          const struct fl_view *view, bool fit, double *figure)
{
    const struct fl_op_list *ops = &view->load->ops;
    double *values = fl_new_array(double, ops->count + 1);
    size_t count = 0, good = 0, ok = 0;
    for (size_t i = 0; i < ops->count; i++) {
        const struct fl_op *op = &ops->at[i];
        if (!in_phase(target, judgement, view, op)) continue;
        if (fit && is_spoiled(target, judgement, view, i)) continue;
        good += view->good[i];
        ok += op->outcome == FL_OK;
        values[count++] = (double)fl_view_latency(view, op);
    }
    double due = count > 0 ? (double)count : 1;
    if (target->metric == FL_METRIC_AVAILABILITY) {
        *figure = (double)good / due;
    } else if (target->metric == FL_METRIC_ERRORS) {
        *figure = 1 - (double)ok / due;
    } else {
        fl_stats_sort(values, count);
        *figure = stat_of(target, values, count);
    }
    free(values);
    return count;
}

/* As fl_availability_measure sums it up, when what the generator may have made itself was good. */
static fl_ns unavailable_when_fit(const struct fl_target *target,
                                  const struct fl_judgement *judgement, const struct fl_view *view)
{
    const struct fl_op_list *ops = &view->load->ops;
    fl_ns sum = 0, from = FL_NEVER;
    for (size_t i = view->storm_from; i < ops->count; i++) {
        bool good = view->good[i] || is_spoiled(target, judgement, view, i);
        if (good && from != FL_NEVER) sum += ops->at[i].due_ns - from;
        if (good)
            from = FL_NEVER;
        else if (from == FL_NEVER)
            from = ops->at[i].due_ns;
    }
    if (from != FL_NEVER) sum += fl_ns_max(0, judgement->record->arrivals_end - from);
    return sum;
}

/* A target that is missed only because the generator was late is not missed by the service. */
static void excuse_load(struct fl_target_result *out, const struct fl_judgement *judgement,
                        const struct fl_view *view)
{
    double figure = 0;
    size_t fit = out->samples;
    if (out->target.metric == FL_METRIC_UNAVAILABLE)
        figure = (double)unavailable_when_fit(&out->target, judgement, view);
    else
        fit = measure_ops(&out->target, judgement, view, true, &figure);
    if (out->target.metric != FL_METRIC_UNAVAILABLE && fit == out->samples) return;
    if (fit == 0 || fl_target_holds(&out->target, figure))
        cannot_tell(out, "missed only while the load generator itself was the bottleneck");
}

/* One load's part of a target about operations. */
static void measure_load(struct fl_target_result *out, const struct fl_judgement *judgement,
                         size_t load)
{
    const struct fl_view *view = &judgement->views[load];
    const struct fl_target *target = &out->target;
    double figure = 0;
    out->worst = view->load->name;
    if (target->metric == FL_METRIC_UNAVAILABLE) {
        out->samples = judgement->availability[load].due;
        figure = (double)judgement->availability[load].unavailable_ns;
    } else {
        out->samples = measure_ops(target, judgement, view, false, &figure);
    }
    if (out->samples > 0) set_state(out, figure);
    if (view->baseline.broken) {
        cannot_tell(out, "%s was broken before the first fault", view->load->name);
    } else if (out->samples == 0) {
        cannot_tell(out, "no operation of %s was due then", view->load->name);
    } else if (out->state == FL_TARGET_MISSED) {
        excuse_load(out, judgement, view);
    }
    note_samples(out);
}

/* missed is worse than cannot tell, that is worse than met; then the figure decides */
static bool is_worse(const struct fl_target_result *a, const struct fl_target_result *b)
{
    static const int rank[] = {
        [FL_TARGET_MET] = 0, [FL_TARGET_CANNOT_TELL] = 1, [FL_TARGET_MISSED] = 2};
    if (rank[a->state] != rank[b->state]) return rank[a->state] > rank[b->state];
    return fl_target_larger_is_worse(&a->target) ? a->figure > b->figure : a->figure < b->figure;
}

/* Without a selector a target must hold for every load: the worst one decides. */
static void measure_loads(struct fl_target_result *out, const struct fl_judgement *judgement)
{
    int only = load_index(judgement, out->target.load);
    struct fl_target_result worst = *out;
    bool any = false;
    for (size_t i = 0; i < judgement->record->loads_count; i++) {
        struct fl_target_result one = *out;
        if (only >= 0 && (size_t)only != i) continue;
        measure_load(&one, judgement, i);
        if (!any || is_worse(&one, &worst)) worst = one;
        any = true;
    }
    *out = worst;
    if (!any) cannot_tell(out, "there is no load");
    if (out->state != FL_TARGET_CANNOT_TELL && only < 0 && judgement->record->loads_count > 1)
        snprintf(out->why, sizeof out->why, "worst of %zu loads: %s",
                 judgement->record->loads_count, out->worst);
}

static void measure_checks(struct fl_target_result *out, const struct fl_judgement *judgement)
{
    const char *metric = fl_metrics[out->target.metric].name;
    const struct fl_rec_load *only = fl_record_load(judgement->record, out->target.load);
    uint64_t count = 0;
    const struct fl_check_result *unknown = NULL;
    size_t rows = 0;
    for (size_t i = 0; i < judgement->checks.count; i++) {
        const struct fl_check_result *row = &judgement->checks.rows[i];
        if (row->metric == NULL || strcmp(row->metric, metric) != 0) continue;
        if (only != NULL && only != row->load &&
            (strcmp(only->workload, row->load->workload) != 0 ||
             strcmp(only->workload, "queue") != 0 ||
             strcmp(only->service, row->load->service) != 0))
            continue;
        rows++;
        count += row->count;
        out->samples += row->looked_at;
        if (row->state == FL_CHECK_CANNOT_TELL) unknown = row;
    }
    if (rows == 0) {
        cannot_tell(out, "no load of this run is checked for it");
        return;
    }
    set_state(out, (double)count);
    /* more may have been lost than was found */
    if (unknown != NULL &&
        (out->state == FL_TARGET_MET || !fl_target_larger_is_worse(&out->target)))
        cannot_tell(out, "%s: %s", unknown->check, unknown->why);
}

static void measure_restarts(struct fl_target_result *out, const struct fl_judgement *judgement)
{
    set_state(out, (double)judgement->restarts);
}

void fl_measure_target(struct fl_target_result *out, const struct fl_judgement *judgement)
{
    static void (*const measures[FL_METRIC_COUNT])(struct fl_target_result *,
                                                   const struct fl_judgement *) = {
        [FL_METRIC_RECOVERY] = measure_recovery, [FL_METRIC_AVAILABILITY] = measure_loads,
        [FL_METRIC_LATENCY] = measure_loads,     [FL_METRIC_LOST] = measure_checks,
        [FL_METRIC_DUPLICATED] = measure_checks, [FL_METRIC_REORDERED] = measure_checks,
        [FL_METRIC_DIVERGED] = measure_checks,   [FL_METRIC_ERRORS] = measure_loads,
        [FL_METRIC_UNAVAILABLE] = measure_loads, [FL_METRIC_RESTARTS] = measure_restarts,
    };
    measures[out->target.metric](out, judgement);
}
