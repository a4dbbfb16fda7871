/* health.c: was the load generator fit to measure? A figure that it may have made itself is not
 * judged. */
#include "reports/judge.h"
#include "runtime/base/json.h"

#define LAG_SHARE 0.05         /* of the limit that a figure is compared with */
#define CPU_MOST 0.9           /* of a core */
#define LATE_SHARE_OF_SLOW 0.5 /* less lag than this makes no good operation a bad one */
#define LIMIT_WITHOUT_TARGET ((double)FL_NS_PER_S)

bool fl_health_is_bottleneck(const struct fl_judgement *judgement, fl_ns from, fl_ns until,
                             double limit_ns)
{
    size_t low = 0, high = judgement->health_count; /* sorted by time */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (judgement->health[middle].until_ns <= from)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < judgement->health_count; i++) {
        const struct fl_health *one = &judgement->health[i];
        if (one->from_ns - judgement->lag_most_ns >= until) break;
        /* it counts an operation when it is sent: what it sent so late was due so much earlier */
        if (one->from_ns - one->lag_max_ns >= until) continue;
        if (one->cpu > CPU_MOST || (double)one->lag_p99_ns > LAG_SHARE * limit_ns) return true;
    }
    return false;
}

bool fl_health_made(const struct fl_judgement *judgement, const struct fl_view *view,
                    const struct fl_op *op)
{
    /* a refusal is an answer: no lateness of ours makes one, unless it met it only by coming late
     */
    fl_ns tried_ns = op->sent_ns != 0 ? op->sent_ns : op->done_ns; /* refused, it is never sent */
    double moved_ns = (double)(tried_ns - op->due_ns);
    bool late = op->error == FL_OPERR_NONE || op->error == FL_OPERR_TIMEOUT ||
                op->error == FL_OPERR_UNSENT ||
                moved_ns > LATE_SHARE_OF_SLOW * (double)view->slow_ns;
    double limit = LATE_SHARE_OF_SLOW / LAG_SHARE * (double)view->slow_ns;
    return late && fl_health_is_bottleneck(judgement, op->due_ns, op->due_ns + 1, limit);
}

/* The smallest limit of the recovery targets; of the latency targets when there is none. */
static double smallest_limit(const struct fl_judgement *judgement)
{
    static const enum fl_metric_id metrics[] = {FL_METRIC_RECOVERY, FL_METRIC_LATENCY};
    for (size_t k = 0; k < FL_COUNT(metrics); k++) {
        double smallest = 0;
        for (size_t i = 0; i < judgement->targets_count; i++) {
            const struct fl_target_result *one = &judgement->targets[i];
            if (one->why[0] != '\0' || one->target.metric != metrics[k] || one->target.value <= 0)
                continue;
            if (smallest == 0 || one->target.value < smallest) smallest = one->target.value;
        }
        if (smallest > 0) return smallest;
    }
    return LIMIT_WITHOUT_TARGET;
}

static void read_health(struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    judgement->health = fl_new_array(struct fl_health, record->facts_count + 1);
    for (size_t i = fl_record_find(record, "load.health", 0); i < record->facts_count;
         i = fl_record_find(record, "load.health", i + 1)) {
        const struct fl_fact *fact = &record->facts[i];
        judgement->health[judgement->health_count++] = (struct fl_health){
            /* one that was stopped for a while speaks of more than a second */
            .from_ns = fact->t - fl_json_int(fact->json, "span_ns", FL_NS_PER_S),
            .until_ns = fact->t,
            .lag_p99_ns = fl_json_int(fact->json, "lag_p99_ns", 0),
            .lag_max_ns = fl_json_int(fact->json, "lag_max_ns", 0),
            .cpu = fl_json_num(fact->json, "cpu", 0),
            .unsent = fl_json_int(fact->json, "unsent", 0)};
        fl_ns lag = judgement->health[judgement->health_count - 1].lag_max_ns;
        judgement->lag_most_ns = fl_ns_max(judgement->lag_most_ns, lag);
    }
}

/* A generator that was late by so much has seen the recovery at most that much too late, or missed
 * so much of it. One without time to spare can have made any of it. */
static void bound_by_lag(const struct fl_judgement *judgement, struct fl_recovery *one, fl_ns until)
{
    fl_ns lag = 0;
    for (size_t i = 0; i < judgement->health_count; i++) {
        const struct fl_health *second = &judgement->health[i];
        if (second->until_ns <= one->at[FL_AT_REQUESTED] || second->from_ns >= until) continue;
        if (second->cpu > CPU_MOST) lag = FL_NEVER;
        lag = fl_ns_max(lag, fl_ns_max(second->lag_p99_ns, second->lag_max_ns));
    }
    one->low_ns = lag == FL_NEVER ? 0 : fl_ns_max(0, one->recovery_ns - lag);
    one->high_ns = lag == FL_NEVER ? FL_NEVER : one->recovery_ns + lag;
}

void fl_health_judge(struct fl_judgement *judgement)
{
    read_health(judgement);
    double limit = smallest_limit(judgement);
    for (size_t i = 0; i < judgement->health_count; i++)
        judgement->bottlenecks += fl_health_is_bottleneck(judgement, judgement->health[i].from_ns,
                                                          judgement->health[i].until_ns, limit);

    for (size_t i = 0; i < judgement->record->faults_count; i++) {
        struct fl_fault_view *fault = &judgement->faults[i];
        bool spoiled = false;
        for (size_t k = 0; k < judgement->record->loads_count; k++) {
            struct fl_recovery *one = &fault->loads[k];
            if (!fl_recovery_measured(one->outcome)) continue;
            fl_ns until = fl_ns_max(one->over_ns, one->at[FL_AT_REQUESTED] + 1);
            if (!fl_health_is_bottleneck(judgement, one->at[FL_AT_REQUESTED], until, limit))
                continue;
            bound_by_lag(judgement, one, until);
            one->outcome = FL_FAULT_BOTTLENECK;
            one->recovery_ns = FL_NEVER;
            spoiled = true;
        }
        if (!spoiled) continue;
        fl_recovery_settle(fault, judgement->record);
        fl_judge_note(
            judgement,
            "The harness was the bottleneck while %s %s was in effect: the load generator "
            "used more than %.0f %% of a core, or was later than %.0f %% of the smallest "
            "target.",
            fault->fault->kind, fault->fault->target, CPU_MOST * 100, LAG_SHARE * 100);
    }
}
