/* facts.c: the journal's facts, sorted on one clock, and the instants that they fix. */
#include "reports/record.h"
#include "runtime/base/json.h"

const char *const fl_phase_names[FL_PHASES] = {"boot", "warm", "storm", "calm", "drain", "stop"};

static void on_line(void *cx, const char *writer, const char *line)
{
    struct fl_record *record = cx;
    cJSON *json = cJSON_Parse(line);
    const char *name = fl_json_text(json, "fact", NULL);
    if (name == NULL) { /* half a line of a killed writer, followed by its successor's */
        cJSON_Delete(json);
        return;
    }
    if (record->facts_count == record->facts_cap) {
        record->facts_cap = record->facts_cap == 0 ? 256 : record->facts_cap * 2;
        record->facts = fl_realloc(record->facts, record->facts_cap * sizeof *record->facts);
    }
    record->facts[record->facts_count] = (struct fl_fact){.t = fl_json_int(json, "t", 0),
                                                          .name = name,
                                                          .writer = fl_strdup(writer),
                                                          .json = json,
                                                          .order = record->facts_count};
    record->facts_count++;
}

static int by_time(const void *a, const void *b)
{
    const struct fl_fact *x = a, *y = b;
    if (x->t != y->t) return x->t < y->t ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void on_run_start(struct fl_record *record, const struct fl_fact *fact)
{
    record->host = fl_json_text(fact->json, "host", NULL);
    record->kernel = fl_json_text(fact->json, "kernel", NULL);
    record->version = fl_json_text(fact->json, "version", NULL);
    record->wall = fl_json_text(fact->json, "wall", NULL);
    record->cpus = (int)fl_json_int(fact->json, "cpus", 0);
}

static void on_phase(struct fl_record *record, const struct fl_fact *fact)
{
    const char *phase = fl_json_text(fact->json, "phase", "");
    for (int i = 0; i < FL_PHASES; i++)
        if (strcmp(phase, fl_phase_names[i]) == 0 && record->phase_at[i] == FL_NEVER)
            record->phase_at[i] = fact->t;
}

static void on_zero(struct fl_record *record, const struct fl_fact *fact)
{
    record->zero_ns = fl_json_int(fact->json, "t0_ns", fact->t);
}

static void on_end(struct fl_record *record, const struct fl_fact *fact)
{
    record->end_reason = fl_json_text(fact->json, "reason", "complete");
    record->end_detail = fl_json_text(fact->json, "detail", NULL);
}

static struct fl_rec_fault *fault_of(struct fl_record *record, const struct fl_fact *fact)
{
    int64_t index = fl_json_int(fact->json, "fault", -1);
    for (size_t i = 0; i < record->faults_count; i++)
        if (record->faults[i].index == index) return &record->faults[i];
    return NULL;
}

static void on_requested(struct fl_record *record, const struct fl_fact *fact)
{
    struct fl_rec_fault *fault = fault_of(record, fact);
    if (fault == NULL || fault->requested_ns != FL_NEVER) return;
    fault->requested_ns = fact->t;
    fault->pick = fl_json_text(fact->json, "pick", NULL);
    if (fault->pick != NULL && fault->pick[0] == '\0') fault->pick = NULL;
}

static void on_effect(struct fl_record *record, const struct fl_fact *fact)
{
    struct fl_rec_fault *fault = fault_of(record, fact);
    if (fault == NULL || fault->effect_ns != FL_NEVER) return;
    fault->effect_ns = fl_json_int(fact->json, "at_ns", fact->t);
    fault->evidence = fl_json_text(fact->json, "evidence", "");
}

static void on_missed(struct fl_record *record, const struct fl_fact *fact)
{
    struct fl_rec_fault *fault = fault_of(record, fact);
    if (fault == NULL) return;
    fault->missed_ns = fact->t;
    fault->missed_why = fl_json_text(fact->json, "why", "");
}

static void on_healed(struct fl_record *record, const struct fl_fact *fact)
{
    struct fl_rec_fault *fault = fault_of(record, fact);
    if (fault == NULL || fault->healed_ns != FL_NEVER) return;
    fault->healed_ns = fl_json_int(fact->json, "at_ns", fact->t);
    fault->healed_evidence = fl_json_text(fact->json, "evidence", "");
}

static const struct {
    const char *fact;
    void (*take)(struct fl_record *record, const struct fl_fact *fact);
} takers[] = {
    {"run.start", on_run_start},
    {"phase", on_phase},
    {"load.zero", on_zero},
    {"run.end", on_end},
    {"fault.effect", on_effect},
    {"fault.missed", on_missed},
    {"fault.requested", on_requested},
    {"fault.healed", on_healed},
};

int fl_record_read_facts(struct fl_record *record, struct fl_err *err)
{
    for (int i = 0; i < FL_PHASES; i++)
        record->phase_at[i] = FL_NEVER;
    record->zero_ns = FL_NEVER;

    int rc = fl_journal_read_facts(record->folder, on_line, record, err);
    if (rc != 0) return rc;
    if (record->facts_count > 0)
        qsort(record->facts, record->facts_count, sizeof *record->facts, by_time);
    for (size_t i = 0; i < record->facts_count; i++) {
        for (size_t k = 0; k < FL_COUNT(takers); k++)
            if (strcmp(record->facts[i].name, takers[k].fact) == 0)
                takers[k].take(record, &record->facts[i]);
        record->last_ns = fl_ns_max(record->last_ns, record->facts[i].t);
    }
    return 0;
}
