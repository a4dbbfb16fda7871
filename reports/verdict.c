/* verdict.c: pass, fail or cannot tell. Fail outranks cannot tell, which outranks pass. */
#include <math.h>

#include "reports/judge.h"
#include "runtime/base/json.h"
#include "runtime/base/units.h"

/* Reasons of one rank; the first is told, the others are counted. */
struct reasons {
    char first[320];
    size_t count;
};

struct bench {
    struct fl_judgement *judgement;
    const struct fl_record *record;
    bool broke_down; /* the harness: what is missing may be its doing, not the service's */
    struct reasons fail, unsure;
};

static void say(struct reasons *reasons, const char *format, ...) FL_PRINTF(2, 3);
static void say(struct reasons *reasons, const char *format, ...)
{
    va_list args;
    if (reasons->count++ > 0) return;
    va_start(args, format);
    vsnprintf(reasons->first, sizeof reasons->first, format, args);
    va_end(args);
}

static const char *text_of(const struct fl_record *record, size_t fact, const char *key)
{
    return fl_json_text(record->facts[fact].json, key, "");
}

/* How the run ended. */
static void weigh_end(struct bench *bench)
{
    const struct fl_record *record = bench->record;
    const char *detail = record->end_detail != NULL ? record->end_detail : "";
    const char *colon = detail[0] != '\0' ? ": " : "";
    size_t limit = fl_record_find(record, "sup.limit", 0);
    if (limit < record->facts_count)
        say(&bench->fail, "%s passed its restart limit", text_of(record, limit, "instance"));
    else if (record->end_reason != NULL && strcmp(record->end_reason, "restart limit") == 0)
        say(&bench->fail, "the restart limit was passed%s%s", colon, detail);

    if (record->end_reason == NULL)
        say(&bench->unsure, "Faultline was killed during the run");
    else if (strcmp(record->end_reason, "interrupted") == 0)
        say(&bench->unsure, "the run was interrupted");
    else if (strcmp(record->end_reason, "not started") == 0)
        say(&bench->unsure, "the system under test did not start%s%s", colon, detail);
    else if (strcmp(record->end_reason, "trouble") == 0)
        say(&bench->unsure, "the harness itself was in trouble%s%s", colon, detail);
    bench->broke_down = record->end_reason != NULL && strcmp(record->end_reason, "trouble") == 0;
}

/* The harness or the machine in trouble. */
static void weigh_trouble(struct bench *bench)
{
    const struct fl_record *record = bench->record;
    size_t i = fl_record_find(record, "harness.trouble", 0);
    if (i < record->facts_count)
        say(&bench->unsure, "the harness itself was in trouble: %s", text_of(record, i, "what"));
    for (i = fl_record_find(record, "proc.exit", 0); i < record->facts_count;
         i = fl_record_find(record, "proc.exit", i + 1)) {
        const cJSON *json = record->facts[i].json;
        if (fl_json_int(json, "signal", 0) == 9 && !fl_json_bool(json, "asked", false))
            say(&bench->unsure, "%s was killed by something that is not in the plan",
                text_of(record, i, "instance"));
    }
    bool complete = record->end_reason != NULL && strcmp(record->end_reason, "complete") == 0;
    if (complete && record->loads_count > 0 &&
        fl_record_find(record, "load.done", 0) == record->facts_count)
        say(&bench->unsure, "the load generator did not account for its arrivals");
}

static void weigh_loads(struct bench *bench)
{
    if (bench->record->loads_count == 0) say(&bench->unsure, "there is no load to judge by");
    for (size_t i = 0; i < bench->record->loads_count; i++) {
        const struct fl_view *view = &bench->judgement->views[i];
        if (view->baseline.due == 0)
            say(&bench->unsure, "%s had no operation in the baseline", view->load->name);
        else if (view->baseline.broken)
            say(&bench->unsure,
                "%s was broken before the first fault: %.1f %% of its operations "
                "were good",
                view->load->name, 100 * view->baseline.good_share);
    }
}

static void weigh_faults(struct bench *bench)
{
    for (size_t i = 0; i < bench->record->faults_count; i++) {
        const struct fl_fault_view *fault = &bench->judgement->faults[i];
        if (fl_recovery_measured(fault->outcome)) continue;
        bool failed = fault->outcome == FL_FAULT_NOT_RECOVERED && !bench->broke_down;
        struct reasons *rank = failed ? &bench->fail : &bench->unsure;
        say(rank, "%s %s %s: %s", fault->fault->kind, fault->fault->target,
            fault->outcome == FL_FAULT_NOT_RECOVERED ? "was not recovered from"
                                                     : "cannot be judged",
            fault->why);
    }
}

static void weigh_targets(struct bench *bench)
{
    for (size_t i = 0; i < bench->judgement->targets_count; i++) {
        const struct fl_target_result *one = &bench->judgement->targets[i];
        char figure[48] = "";
        if (one->measured) fl_target_show(&one->target, one->figure, figure, sizeof figure);
        if (one->state == FL_TARGET_MISSED)
            say(bench->broke_down ? &bench->unsure : &bench->fail, "target missed: %s, measured %s",
                one->rec->text, figure);
        else if (one->state == FL_TARGET_CANNOT_TELL)
            say(&bench->unsure, "target %s cannot be told: %s", one->rec->text, one->why);
        if (one->note[0] != '\0')
            fl_judge_note(bench->judgement, "%s: %s.", one->rec->text, one->note);
    }
}

/* A target that states a limit for the figure replaces the checker's own limit, which is 0. */
static bool has_target(const struct fl_judgement *judgement, const struct fl_check_result *row)
{
    for (size_t i = 0; i < judgement->targets_count; i++) {
        const struct fl_target *target = &judgement->targets[i].target;
        if (strcmp(fl_metrics[target->metric].name, row->metric) != 0) continue;
        if (target->value_text[0] == '\0') continue;
        if (target->load[0] == '\0' || strcmp(target->load, row->load->name) == 0) return true;
    }
    return false;
}

static void weigh_checks(struct bench *bench)
{
    for (size_t i = 0; i < bench->judgement->checks.count; i++) {
        struct fl_check_result *row = &bench->judgement->checks.rows[i];
        row->by_target = row->metric != NULL && has_target(bench->judgement, row);
        if (row->state != FL_CHECK_INVALID || row->by_target) continue;
        say(&bench->fail, "%llu %s by %s", (unsigned long long)row->count, row->metric,
            row->load->name);
    }
}

static void note_incidents(struct fl_judgement *judgement)
{
    for (size_t i = 0; i < judgement->incidents_count && i < 5; i++) {
        const struct fl_incident *one = &judgement->incidents[i];
        fl_judge_note(
            judgement,
            "Unexplained: %zu operation%s of %s went bad at %s, with no fault on the path "
            "to explain it.",
            one->bad, one->bad == 1 ? "" : "s", one->load->name,
            FL_SHOW_NS(one->from_ns - judgement->record->zero_ns));
    }
    if (judgement->incidents_count > 5)
        fl_judge_note(judgement, "%zu more unexplained incidents.", judgement->incidents_count - 5);
}

static void tell_pass(struct fl_judgement *judgement)
{
    fl_ns slowest = 0;
    size_t faults = judgement->record->faults_count;
    for (size_t i = 0; i < faults; i++)
        slowest = fl_ns_max(slowest, judgement->faults[i].recovery_ns);
    char targets[64] = "no target was set";
    if (judgement->targets_count > 0)
        snprintf(targets, sizeof targets, "%s%zu target%s met",
                 judgement->targets_count > 1 ? "all " : "", judgement->targets_count,
                 judgement->targets_count > 1 ? "s" : "");
    if (faults == 0)
        snprintf(judgement->why, sizeof judgement->why, "%s; no fault was planned", targets);
    else
        snprintf(judgement->why, sizeof judgement->why, "%s; recovered from %zu fault%s, %s %s",
                 targets, faults, faults > 1 ? "s" : "", faults > 1 ? "the slowest in" : "in",
                 FL_SHOW_NS(slowest));
}

void fl_verdict_reach(struct fl_judgement *judgement)
{
    struct bench bench = {.judgement = judgement, .record = judgement->record};
    weigh_end(&bench);
    weigh_trouble(&bench);
    weigh_loads(&bench);
    weigh_faults(&bench);
    weigh_checks(&bench);
    weigh_targets(&bench);
    note_incidents(judgement);

    const struct reasons *told = bench.fail.count > 0 ? &bench.fail : &bench.unsure;
    judgement->verdict = bench.fail.count > 0     ? FL_FAILED
                         : bench.unsure.count > 0 ? FL_CANNOT_TELL
                                                  : FL_PASS;
    if (judgement->verdict == FL_PASS)
        tell_pass(judgement);
    else if (told->count == 1)
        snprintf(judgement->why, sizeof judgement->why, "%s", told->first);
    else
        snprintf(judgement->why, sizeof judgement->why, "%s (and %zu more)", told->first,
                 told->count - 1);
}
