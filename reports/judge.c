#include "reports/judge.h"

const char *fl_judge_verdict_name(enum fl_verdict verdict)
{
    static const char *const names[] = {"pass", "fail", "cannot tell"};
    return names[verdict];
}

const char *fl_judge_state_name(enum fl_target_state state)
{
    static const char *const names[] = {"met", "missed", "cannot tell"};
    return names[state];
}

size_t fl_judge_targets_in(const struct fl_judgement *judgement, enum fl_target_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < judgement->targets_count; i++)
        count += judgement->targets[i].state == state;
    return count;
}

void fl_judge_note(struct fl_judgement *judgement, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < judgement->notes_count; i++)
        if (strcmp(judgement->notes[i], text) == 0) return;
    judgement->notes = fl_realloc(judgement->notes,
                                  (judgement->notes_count + 1) * sizeof *judgement->notes);
    judgement->notes[judgement->notes_count++] = fl_strdup(text);
}

/* The kinds that the plan names; what a stored target's selectors may be. */
static void parse_targets(struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    const char **loads = fl_new_array(const char *, record->loads_count + 1);
    const char **kinds = fl_new_array(const char *, record->faults_count + 1);
    for (size_t i = 0; i < record->loads_count; i++)
        loads[i] = record->loads[i].name;
    for (size_t i = 0; i < record->faults_count; i++)
        kinds[i] = record->faults[i].kind;
    struct fl_target_names names = {loads, record->loads_count, kinds, record->faults_count};

    judgement->targets = fl_new_array(struct fl_target_result, record->targets_count + 1);
    judgement->targets_count = record->targets_count;
    for (size_t i = 0; i < record->targets_count; i++) {
        struct fl_target_result *result = &judgement->targets[i];
        struct fl_err err = {0};
        result->rec = &record->targets[i];
        if (fl_target_parse(&result->target, result->rec->text, &names, NULL, &err) == 0) continue;
        result->state = FL_TARGET_CANNOT_TELL;
        snprintf(result->why, sizeof result->why, "%.230s", err.text);
    }
    free(loads);
    free(kinds);
}

static void spread_kinds(struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    judgement->kinds = fl_new_array(struct fl_kind_spread, record->faults_count + 1);
    double *values = fl_new_array(double, record->faults_count + 1);
    for (size_t i = 0; i < record->faults_count; i++) {
        struct fl_kind_spread *kind = &judgement->kinds[judgement->kinds_count];
        const char *name = record->faults[i].kind;
        bool seen = false;
        for (size_t k = 0; k < judgement->kinds_count; k++)
            seen |= strcmp(judgement->kinds[k].kind, name) == 0;
        if (seen) continue;
        size_t count = 0;
        for (size_t k = i; k < record->faults_count; k++) {
            const struct fl_fault_view *fault = &judgement->faults[k];
            if (strcmp(fault->fault->kind, name) != 0) continue;
            kind->faults++;
            if (fl_recovery_measured(fault->outcome)) values[count++] = (double)fault->recovery_ns;
            if (fault->outcome == FL_FAULT_NOT_RECOVERED) values[count++] = __builtin_inf();
        }
        kind->kind = name;
        fl_stats_spread(&kind->spread, values, count);
        judgement->kinds_count++;
    }
    free(values);
}

/* A lost write belongs to the first effect at or after its acknowledgement, else to the last one
 * before; a fault's RPO reaches back to the oldest that it lost. */
static void find_rpo(struct fl_judgement *judgement)
{
    size_t faults_count = judgement->record->faults_count;
    for (size_t i = 0; i < judgement->checks.lost_count; i++) {
        const struct fl_lost_write *lost = &judgement->checks.lost[i];
        struct fl_fault_view *after = NULL, *before = NULL;
        for (size_t k = 0; k < faults_count; k++) {
            struct fl_fault_view *fault = &judgement->faults[k];
            fl_ns effect = fault->fault->effect_ns;
            if (effect == FL_NEVER || !fault->fault->on_path[lost->load - judgement->record->loads])
                continue;
            if (effect >= lost->ack_ns && (after == NULL || effect < after->fault->effect_ns))
                after = fault;
            if (effect < lost->ack_ns && (before == NULL || effect > before->fault->effect_ns))
                before = fault;
        }
        struct fl_fault_view *owner = after != NULL ? after : before;
        if (owner == NULL) continue;
        fl_ns rpo = after != NULL ? owner->fault->effect_ns - lost->ack_ns : 0;
        owner->rpo_ns = owner->rpo_ns == FL_NEVER ? rpo : fl_ns_max(owner->rpo_ns, rpo);
    }
}

void fl_judge(struct fl_judgement *out, const struct fl_record *record)
{
    *out = (struct fl_judgement){.record = record};
    out->views = fl_new_array(struct fl_view, record->loads_count + 1);
    out->availability = fl_new_array(struct fl_availability, record->loads_count + 1);
    for (size_t i = 0; i < record->loads_count; i++) {
        fl_view_init(&out->views[i], record, &record->loads[i]);
        fl_availability_measure(&out->availability[i], record, &out->views[i]);
    }
    out->events = fl_supervision_events(record, &out->events_count);
    out->restarts = fl_supervision_restarts(record);
    out->faults = fl_recovery_find(record, out->views);
    parse_targets(out);
    fl_health_judge(out);
    out->incidents = fl_incident_find(record, out->views, out->faults, &out->incidents_count);
    fl_checker_run(&out->checks, record);
    find_rpo(out);
    spread_kinds(out);
    for (size_t i = 0; i < out->targets_count; i++)
        if (out->targets[i].why[0] == '\0') fl_measure_target(&out->targets[i], out);
    fl_timeline_make(&out->timeline, record, out->views);
    fl_verdict_reach(out);
}

void fl_judge_fini(struct fl_judgement *judgement)
{
    for (size_t i = 0; i < judgement->record->loads_count; i++)
        fl_view_fini(&judgement->views[i]);
    for (size_t i = 0; i < judgement->notes_count; i++)
        free(judgement->notes[i]);
    fl_recovery_free(judgement->faults, judgement->record->faults_count);
    fl_checker_fini(&judgement->checks);
    fl_timeline_fini(&judgement->timeline);
    free(judgement->views);
    free(judgement->availability);
    free(judgement->incidents);
    free(judgement->events);
    free(judgement->health);
    free(judgement->kinds);
    free(judgement->targets);
    free(judgement->notes);
    *judgement = (struct fl_judgement){0};
}
