/* render_json.c: report.json, version 1. Instants are nanoseconds from the first arrival on; what
 * did not happen is null. The HTML page carries the same text as its data. */
#include "reports/budget.h"
#include "reports/jsonw.h"
#include "reports/render.h"

static fl_ns since_zero(const struct fl_record *record, fl_ns at)
{
    return at == FL_NEVER ? FL_NEVER : at - record->zero_ns;
}

static void put_run(struct fl_jsonw *w, const struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    fl_jsonw_int(w, "version", 1);
    fl_jsonw_text(w, "verdict", fl_judge_verdict_name(judgement->verdict));
    fl_jsonw_int(w, "exit", judgement->verdict);
    fl_jsonw_text(w, "why", judgement->why);
    fl_jsonw_text(w, "scenario", record->scenario);
    fl_jsonw_text(w, "seed", record->seed);
    fl_jsonw_break(w);
    fl_jsonw_open(w, "run", '{');
    fl_jsonw_text(w, "faultline", record->version);
    fl_jsonw_text(w, "wall", record->wall);
    fl_jsonw_text(w, "host", record->host);
    fl_jsonw_text(w, "kernel", record->kernel);
    fl_jsonw_int(w, "cpus", record->cpus);
    fl_jsonw_text(w, "end", record->end_reason);
    fl_jsonw_text(w, "detail", record->end_detail);
    fl_jsonw_int(w, "operations", (int64_t)record->ops_total);
    fl_jsonw_close(w, '}');
    fl_jsonw_break(w);
    fl_jsonw_open(w, "phases", '{');
    fl_jsonw_ns(w, "storm_ns", since_zero(record, record->storm_at));
    fl_jsonw_ns(w, "calm_ns", since_zero(record, record->phase_at[FL_CALM]));
    fl_jsonw_ns(w, "end_ns", since_zero(record, record->arrivals_end));
    fl_jsonw_close(w, '}');
    fl_jsonw_open(w, "recovery", '{');
    fl_jsonw_ns(w, "window_ns", record->window_ns);
    fl_jsonw_num(w, "epsilon", record->epsilon);
    fl_jsonw_ns(w, "settle_ns", record->settle_ns);
    fl_jsonw_close(w, '}');
    fl_jsonw_break(w);
}

static void put_targets(struct fl_jsonw *w, const struct fl_judgement *judgement)
{
    static const char *const units[] = {"ns", "share", "count"};
    fl_jsonw_open(w, "targets", '[');
    for (size_t i = 0; i < judgement->targets_count; i++) {
        const struct fl_target_result *one = &judgement->targets[i];
        fl_jsonw_break(w);
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_text(w, "target", one->rec->text);
        fl_jsonw_int(w, "line", one->rec->line);
        fl_jsonw_text(w, "state", fl_judge_state_name(one->state));
        fl_jsonw_text(w, "unit", units[one->target.unit]);
        fl_jsonw_num(w, "limit", one->target.value);
        fl_jsonw_num(w, "measured", one->measured ? one->figure : __builtin_nan(""));
        fl_jsonw_bool(w, "censored", one->measured && __builtin_isinf(one->figure));
        fl_jsonw_num(w, "margin", one->has_margin ? one->margin : __builtin_nan(""));
        fl_jsonw_int(w, "samples", (int64_t)one->samples);
        fl_jsonw_text(w, "why", one->why);
        fl_jsonw_text(w, "note", one->note);
        fl_jsonw_close(w, '}');
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
}

static void put_instants(struct fl_jsonw *w, const struct fl_record *record,
                         const fl_ns at[FL_INSTANTS])
{
    fl_jsonw_open(w, "at_ns", '{');
    for (int i = 0; i < FL_INSTANTS; i++)
        fl_jsonw_ns(w, fl_instant_names[i], since_zero(record, at[i]));
    fl_jsonw_close(w, '}');
}

static void put_fault_load(struct fl_jsonw *w, const struct fl_record *record, size_t load,
                           const struct fl_recovery *one)
{
    fl_jsonw_open(w, NULL, '{');
    fl_jsonw_text(w, "load", record->loads[load].name);
    fl_jsonw_text(w, "outcome", fl_recovery_outcome_name(one->outcome));
    fl_jsonw_ns(w, "recovery_ns", one->recovery_ns);
    fl_jsonw_ns(w, "adaptation_ns", one->adaptation_ns);
    fl_jsonw_ns(w, "resolution_ns", one->resolution_ns);
    fl_jsonw_ns(w, "window_until_ns", since_zero(record, one->over_ns));
    fl_jsonw_int(w, "due", (int64_t)one->due);
    fl_jsonw_int(w, "bad", (int64_t)one->bad);
    fl_jsonw_int(w, "relapses", one->relapses);
    put_instants(w, record, one->at);
    fl_jsonw_close(w, '}');
}

static void put_faults(struct fl_jsonw *w, const struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    fl_jsonw_open(w, "faults", '[');
    for (size_t i = 0; i < record->faults_count; i++) {
        const struct fl_fault_view *one = &judgement->faults[i];
        fl_jsonw_break(w);
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_int(w, "index", one->fault->index);
        fl_jsonw_text(w, "kind", one->fault->kind);
        fl_jsonw_text(w, "target", one->fault->target);
        fl_jsonw_text(w, "pick", one->fault->pick);
        fl_jsonw_text(w, "class", one->fault->windowed ? "windowed" : "instant");
        fl_jsonw_int(w, "line", one->fault->line);
        fl_jsonw_text(w, "evidence", one->fault->evidence);
        fl_jsonw_text(w, "healed", one->fault->healed_evidence);
        fl_jsonw_text(w, "outcome", fl_recovery_outcome_name(one->outcome));
        fl_jsonw_text(w, "why", one->why);
        fl_jsonw_ns(w, "recovery_ns", one->recovery_ns);
        fl_jsonw_ns(w, "rpo_ns", one->rpo_ns);
        fl_jsonw_text(w, "worst_load", one->worst >= 0 ? record->loads[one->worst].name : NULL);
        put_instants(w, record, one->at);
        fl_jsonw_open(w, "loads", '[');
        for (size_t k = 0; k < record->loads_count; k++)
            if (one->fault->on_path[k]) put_fault_load(w, record, k, &one->loads[k]);
        fl_jsonw_close(w, ']');
        fl_jsonw_close(w, '}');
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
    fl_jsonw_open(w, "kinds", '[');
    for (size_t i = 0; i < judgement->kinds_count; i++) {
        const struct fl_kind_spread *one = &judgement->kinds[i];
        double none = __builtin_nan("");
        bool any = one->spread.count > 0;
        fl_jsonw_break(w);
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_text(w, "kind", one->kind);
        fl_jsonw_int(w, "faults", (int64_t)one->faults);
        fl_jsonw_int(w, "measured", (int64_t)one->spread.count);
        fl_jsonw_int(w, "censored", (int64_t)one->spread.censored);
        fl_jsonw_num(w, "min_ns", any ? one->spread.min : none);
        fl_jsonw_num(w, "median_ns", any ? one->spread.median : none);
        fl_jsonw_num(w, "p95_ns", any ? one->spread.p95 : none);
        fl_jsonw_num(w, "max_ns", any ? one->spread.max : none);
        fl_jsonw_num(w, "median_low_ns", one->spread.has_interval ? one->spread.median_low : none);
        fl_jsonw_num(w, "median_high_ns",
                     one->spread.has_interval ? one->spread.median_high : none);
        fl_jsonw_close(w, '}');
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
}

static void put_load(struct fl_jsonw *w, const struct fl_view *view,
                     const struct fl_availability *one)
{
    fl_jsonw_open(w, NULL, '{');
    fl_jsonw_text(w, "name", view->load->name);
    fl_jsonw_text(w, "workload", view->load->workload);
    fl_jsonw_text(w, "via", view->load->via);
    fl_jsonw_text(w, "service", view->load->service);
    fl_jsonw_ns(w, "slow_ns", view->slow_ns);
    fl_jsonw_open(w, "baseline", '{');
    fl_jsonw_int(w, "due", (int64_t)view->baseline.due);
    fl_jsonw_num(w, "rate_per_s", view->baseline.rate_per_s);
    fl_jsonw_num(w, "good", view->baseline.good_share);
    fl_jsonw_ns(w, "p50_ns", view->baseline.p50_ns);
    fl_jsonw_ns(w, "p99_ns", view->baseline.p99_ns);
    fl_jsonw_bool(w, "broken", view->baseline.broken);
    fl_jsonw_close(w, '}');
    fl_jsonw_int(w, "due", (int64_t)one->due);
    fl_jsonw_int(w, "good", (int64_t)one->good);
    fl_jsonw_int(w, "ok", (int64_t)one->ok);
    fl_jsonw_int(w, "fail", (int64_t)one->fail);
    fl_jsonw_int(w, "unknown", (int64_t)one->unknown);
    fl_jsonw_int(w, "slow", (int64_t)one->slow);
    fl_jsonw_num(w, "availability", one->availability);
    fl_jsonw_ns(w, "unavailable_ns", one->unavailable_ns);
    fl_jsonw_ns(w, "longest_ns", one->longest_ns);
    fl_jsonw_num(w, "rate_per_s", one->rate_per_s);
    fl_jsonw_ns(w, "p50_ns", one->p50_ns);
    fl_jsonw_ns(w, "p99_ns", one->p99_ns);
    fl_jsonw_ns(w, "p999_ns", one->p999_ns);
    fl_jsonw_ns(w, "max_ns", one->max_ns);
    fl_jsonw_open(w, "errors", '{');
    for (int i = 1; i < FL_OPERR_COUNT; i++)
        fl_jsonw_int(w, fl_op_error_names[i], (int64_t)one->errors[i]);
    fl_jsonw_close(w, '}');
    fl_jsonw_close(w, '}');
}

static void put_budgets(struct fl_jsonw *w, const struct fl_judgement *judgement)
{
    fl_jsonw_open(w, "budgets", '[');
    for (size_t i = 0; i < judgement->targets_count; i++) {
        struct fl_budget budget;
        if (!fl_budget_of(&budget, judgement, i)) continue;
        fl_jsonw_break(w);
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_text(w, "target", budget.rec->text);
        fl_jsonw_text(w, "load", budget.load->name);
        fl_jsonw_num(w, "allowed", budget.allowed);
        fl_jsonw_int(w, "spent", (int64_t)budget.spent);
        fl_jsonw_num(w, "burn", budget.burn);
        fl_jsonw_open(w, "by_fault", '[');
        for (size_t k = 0; k < judgement->record->faults_count; k++)
            fl_jsonw_int(w, NULL, (int64_t)budget.by_fault[k]);
        fl_jsonw_close(w, ']');
        fl_jsonw_int(w, "unexplained", (int64_t)budget.unexplained);
        fl_jsonw_close(w, '}');
        free(budget.by_fault);
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
}

static void put_checks(struct fl_jsonw *w, const struct fl_judgement *judgement)
{
    fl_jsonw_open(w, "checks", '[');
    for (size_t i = 0; i < judgement->checks.count; i++) {
        const struct fl_check_result *row = &judgement->checks.rows[i];
        fl_jsonw_break(w);
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_text(w, "check", row->check);
        fl_jsonw_text(w, "load", row->load->name);
        fl_jsonw_text(w, "metric", row->metric);
        fl_jsonw_text(w, "state", fl_check_state_name(row->state));
        fl_jsonw_int(w, "checked", (int64_t)row->looked_at);
        fl_jsonw_int(w, "count", (int64_t)row->count);
        fl_jsonw_int(w, "indeterminate", (int64_t)row->indeterminate);
        fl_jsonw_text(w, "why", row->why);
        fl_jsonw_open(w, "keys", '[');
        for (size_t k = 0; k < row->offenders_count; k++) {
            char key[24];
            snprintf(key, sizeof key, "%llx", (unsigned long long)row->offenders[k]);
            fl_jsonw_text(w, NULL, key);
        }
        fl_jsonw_close(w, ']');
        fl_jsonw_close(w, '}');
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
}

static void put_lists(struct fl_jsonw *w, const struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    fl_jsonw_open(w, "incidents", '[');
    for (size_t i = 0; i < judgement->incidents_count; i++) {
        const struct fl_incident *one = &judgement->incidents[i];
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_text(w, "load", one->load->name);
        fl_jsonw_ns(w, "from_ns", since_zero(record, one->from_ns));
        fl_jsonw_ns(w, "until_ns", since_zero(record, one->until_ns));
        fl_jsonw_int(w, "bad", (int64_t)one->bad);
        fl_jsonw_close(w, '}');
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
    fl_jsonw_int(w, "restarts", (int64_t)judgement->restarts);
    fl_jsonw_open(w, "supervision", '[');
    for (size_t i = 0; i < judgement->events_count && i < 2000; i++) {
        const struct fl_sup_event *one = &judgement->events[i];
        fl_jsonw_break(w);
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_ns(w, "at_ns", since_zero(record, one->t));
        fl_jsonw_text(w, "fact", one->fact);
        fl_jsonw_text(w, "who", one->who);
        fl_jsonw_text(w, "text", one->text);
        fl_jsonw_close(w, '}');
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
    fl_jsonw_open(w, "health", '{');
    fl_jsonw_int(w, "seconds", (int64_t)judgement->health_count);
    fl_jsonw_int(w, "bottleneck_seconds", (int64_t)judgement->bottlenecks);
    fl_ns lag = 0;
    double cpu = 0;
    for (size_t i = 0; i < judgement->health_count; i++) {
        lag = fl_ns_max(lag, judgement->health[i].lag_p99_ns);
        cpu = judgement->health[i].cpu > cpu ? judgement->health[i].cpu : cpu;
    }
    fl_jsonw_ns(w, "worst_lag_p99_ns", lag);
    fl_jsonw_num(w, "worst_cpu", cpu);
    fl_jsonw_close(w, '}');
    fl_jsonw_break(w);
    fl_jsonw_open(w, "notes", '[');
    for (size_t i = 0; i < judgement->notes_count; i++)
        fl_jsonw_text(w, NULL, judgement->notes[i]);
    fl_jsonw_close(w, ']');
    fl_jsonw_break(w);
}

enum series { GOOD, BAD, UNSENT, P50, P95, P99, SERIES };

/* Latencies in microseconds: the charts need no more, and the file stays small. */
static int64_t value_of(const struct fl_bucket *bucket, enum series series)
{
    const int64_t values[SERIES] = {bucket->good,          bucket->bad,
                                    bucket->unsent,        bucket->p50_ns / 1000,
                                    bucket->p95_ns / 1000, bucket->p99_ns / 1000};
    return values[series];
}

static void put_timeline(struct fl_jsonw *w, const struct fl_judgement *judgement)
{
    static const char *const names[SERIES] = {"good",   "bad",    "unsent",
                                              "p50_us", "p95_us", "p99_us"};
    const struct fl_timeline *timeline = &judgement->timeline;
    fl_jsonw_open(w, "timeline", '{');
    fl_jsonw_ns(w, "bucket_ns", timeline->bucket_ns);
    fl_jsonw_int(w, "buckets", (int64_t)timeline->count);
    fl_jsonw_open(w, "loads", '[');
    for (size_t i = 0; i < timeline->loads_count; i++) {
        fl_jsonw_break(w);
        fl_jsonw_open(w, NULL, '{');
        fl_jsonw_text(w, "name", judgement->record->loads[i].name);
        for (int k = 0; k < SERIES; k++) {
            fl_jsonw_open(w, names[k], '[');
            for (size_t b = 0; b < timeline->count; b++)
                fl_jsonw_int(w, NULL, value_of(&timeline->loads[i][b], (enum series)k));
            fl_jsonw_close(w, ']');
        }
        fl_jsonw_close(w, '}');
    }
    fl_jsonw_close(w, ']');
    fl_jsonw_close(w, '}');
}

void fl_render_json(struct fl_buf *out, const struct fl_judgement *judgement)
{
    struct fl_jsonw w = {.out = out};
    fl_jsonw_open(&w, NULL, '{');
    put_run(&w, judgement);
    put_targets(&w, judgement);
    put_faults(&w, judgement);
    fl_jsonw_open(&w, "loads", '[');
    for (size_t i = 0; i < judgement->record->loads_count; i++) {
        fl_jsonw_break(&w);
        put_load(&w, &judgement->views[i], &judgement->availability[i]);
    }
    fl_jsonw_close(&w, ']');
    fl_jsonw_break(&w);
    put_budgets(&w, judgement);
    put_checks(&w, judgement);
    put_lists(&w, judgement);
    put_timeline(&w, judgement);
    fl_jsonw_close(&w, '}');
    fl_buf_putc(out, '\n');
}
