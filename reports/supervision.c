#include "reports/supervision.h"

#include "runtime/base/json.h"

/* Is `who` (an instance or a runtime name) what the fault hit? A glob's hit stands in pick; a pick
 * may name an instance and a process in it, `chat.1:room/3`, or several, separated by commas. */
static bool names(struct fl_str hit, const char *who)
{
    size_t len = strlen(who);
    if (len == 0 || hit.len < len) return false;
    if (fl_str_is(hit, who)) return true;
    const char *tail = hit.at + hit.len - len;
    return memcmp(tail, who, len) == 0 && tail[-1] == ':';
}

static bool is_hit(const struct fl_rec_fault *fault, const char *who)
{
    struct fl_str rest = fl_str_of(fault->pick != NULL ? fault->pick : fault->target);
    while (rest.len > 0)
        if (names(fl_str_trim(fl_str_cut(&rest, ',')), who)) return true;
    if (fault->pick != NULL) return false;
    const char *colon = strchr(fault->target, ':');
    return fl_glob(colon != NULL ? colon + 1 : fault->target, who);
}

static const char *who_of(const struct fl_fact *fact)
{
    return fl_json_text(fact->json, "instance", fl_json_text(fact->json, "name", ""));
}

/* Nothing behind this is about the fault: the next fault on the same target, our own stopping of
 * everything, or for a window that is over, a while after. */
static fl_ns supervision_horizon(const struct fl_record *record, const struct fl_rec_fault *fault)
{
    fl_ns until = record->phase_at[FL_STOP];
    for (size_t i = 0; i < record->faults_count; i++) {
        const struct fl_rec_fault *other = &record->faults[i];
        if (other->requested_ns > fault->requested_ns && strcmp(other->target, fault->target) == 0)
            until = fl_ns_min(until, other->requested_ns);
    }
    if (fault->windowed && fault->healed_ns != FL_NEVER)
        until = fl_ns_min(until, fault->healed_ns + record->settle_ns);
    return until;
}

void fl_supervision_instants(const struct fl_record *record, const struct fl_rec_fault *fault,
                             fl_ns at[FL_INSTANTS])
{
    static const struct {
        const char *fact;
        enum fl_instant instant, after;
    } steps[] = {
        {"proc.exit", FL_AT_DETECTED, FL_AT_REQUESTED},
        {"rt.exit", FL_AT_DETECTED, FL_AT_REQUESTED},
        {"proc.start", FL_AT_RESTARTED, FL_AT_DETECTED},
        {"rt.start", FL_AT_RESTARTED, FL_AT_DETECTED},
        {"proc.ready", FL_AT_READY, FL_AT_RESTARTED},
    };
    for (int i = 0; i < FL_INSTANTS; i++)
        at[i] = FL_NEVER;
    at[FL_AT_REQUESTED] = fault->requested_ns;
    at[FL_AT_EFFECT] = fault->effect_ns;
    at[FL_AT_HEALED] = fault->healed_ns;
    if (fault->requested_ns == FL_NEVER || strcmp(fault->aim, "link") == 0) return;

    fl_ns until = supervision_horizon(record, fault);
    for (size_t i = 0; i < record->facts_count && record->facts[i].t < until; i++) {
        const struct fl_fact *fact = &record->facts[i];
        for (size_t k = 0; k < FL_COUNT(steps); k++) {
            if (strcmp(fact->name, steps[k].fact) != 0) continue;
            if (at[steps[k].instant] != FL_NEVER || at[steps[k].after] == FL_NEVER) continue;
            if (fact->t >= at[steps[k].after] && is_hit(fault, who_of(fact)))
                at[steps[k].instant] = fact->t;
        }
    }
}

size_t fl_supervision_restarts(const struct fl_record *record)
{
    size_t count = 0;
    for (size_t i = fl_record_find(record, "proc.restart", 0); i < record->facts_count;
         i = fl_record_find(record, "proc.restart", i + 1))
        count++;
    return count;
}

static void say_start(const cJSON *json, struct fl_sup_event *event)
{
    int64_t start = fl_json_int(json, "start", 1);
    snprintf(event->text, sizeof event->text, "%s, pid %lld",
             start > 1 ? "started again" : "started", (long long)fl_json_int(json, "pid", 0));
}

static void say_ready(const cJSON *json, struct fl_sup_event *event)
{
    (void)json;
    snprintf(event->text, sizeof event->text, "ready");
}

static void say_exit(const cJSON *json, struct fl_sup_event *event)
{
    int64_t signal = fl_json_int(json, "signal", 0);
    bool asked = fl_json_bool(json, "asked", false);
    event->bad = true;
    if (signal != 0)
        snprintf(event->text, sizeof event->text, "ended by signal %lld%s", (long long)signal,
                 asked ? "" : ", which nobody asked for");
    else
        snprintf(event->text, sizeof event->text, "ended with code %lld%s",
                 (long long)fl_json_int(json, "code", 0), asked ? "" : ", which nobody asked for");
}

static void say_restart(const cJSON *json, struct fl_sup_event *event)
{
    snprintf(event->text, sizeof event->text, "restart %lld of %lld allowed",
             (long long)fl_json_int(json, "restarts", 0),
             (long long)fl_json_int(json, "max_restarts", 0));
}

static void say_kill(const cJSON *json, struct fl_sup_event *event)
{
    event->bad = true;
    snprintf(event->text, sizeof event->text, "killed: %s", fl_json_text(json, "why", "too slow"));
}

static void say_limit(const cJSON *json, struct fl_sup_event *event)
{
    event->bad = true;
    snprintf(event->text, sizeof event->text, "restart limit passed after %lld restarts",
             (long long)fl_json_int(json, "restarts", 0));
}

static void say_rt_exit(const cJSON *json, struct fl_sup_event *event)
{
    event->bad = event->runtime = true;
    snprintf(event->text, sizeof event->text, "process ended: %s",
             fl_json_text(json, "reason", "unknown"));
}

static void say_rt_start(const cJSON *json, struct fl_sup_event *event)
{
    (void)json;
    event->runtime = true;
    snprintf(event->text, sizeof event->text, "process started");
}

static const struct {
    const char *fact;
    void (*say)(const cJSON *json, struct fl_sup_event *event);
} sayers[] = {
    {"proc.start", say_start}, {"proc.ready", say_ready},     {"proc.exit", say_exit},
    {"proc.kill", say_kill},   {"proc.restart", say_restart}, {"sup.limit", say_limit},
    {"rt.exit", say_rt_exit},  {"rt.start", say_rt_start},
};

struct fl_sup_event *fl_supervision_events(const struct fl_record *record, size_t *count)
{
    struct fl_sup_event *events = fl_new_array(struct fl_sup_event, record->facts_count + 1);
    *count = 0;
    for (size_t i = 0; i < record->facts_count; i++) {
        const struct fl_fact *fact = &record->facts[i];
        for (size_t k = 0; k < FL_COUNT(sayers); k++) {
            if (strcmp(fact->name, sayers[k].fact) != 0) continue;
            struct fl_sup_event *event = &events[(*count)++];
            event->t = fact->t;
            event->fact = fact->name;
            event->who = who_of(fact);
            sayers[k].say(fact->json, event);
        }
    }
    return events;
}
