#include "chaos/injector.h"

#include "chaos/alarms.h"
#include "chaos/injection.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

/* Where an injection is. Effect and missed are facts along the way, not states: a latency that
 * delayed nothing is missed when it ends. */
enum injection_state {
    INJECTION_WAITS = 0, /* for its time */
    INJECTION_BEGUN,
    INJECTION_ENDING, /* being undone */
    INJECTION_OVER,
};

struct fl_injection {
    struct fl_injector *injector;
    const struct fl_fault *fault;
    const char *target;    /* the plan's */
    const cJSON *settings; /* the plan's */
    int64_t index;
    fl_ns at_ns, for_ns; /* from the start of the storm */
    fl_ns planned_ns;    /* CLOCK_MONOTONIC */
    uint64_t pick;
    enum injection_state state;
    bool requested, settled, in_effect;
    struct fl_alarm turn; /* begins, then ends */
    struct fl_alarm wake; /* the fault's own */
    void (*on_wake)(struct fl_injection *injection);
    pid_t exit_pid; /* 0: no exit is waited for */
    char *exit_instance;
    void (*on_exit)(struct fl_injection *injection, fl_ns at_ns);
    void *own;
    void (*own_fini)(void *own);
    struct fl_injection_ask *asks;
};

struct fl_injection_ask {
    struct fl_injection *injection; /* NULL: that is gone */
    struct fl_injection_ask *next;
    void *tag;
    fl_ns until_ns; /* after this no answer comes */
};

struct fl_injector {
    struct fl_injector_world world;
    struct fl_journal *journal;
    uv_loop_t *loop;
    struct fl_alarms *alarms; /* NULL once healed */
    struct fl_injection *injections;
    size_t count;
    bool healing;
    struct fl_alarm finish;
    fl_ns heal_until_ns;
    void (*on_healed)(void *cx);
    void *healed_cx;
};

static void injection_on_turn(struct fl_alarm *alarm);
static void injection_on_wake(struct fl_alarm *alarm);
static void injector_on_finish(struct fl_alarm *alarm);
static void injector_look_healed(struct fl_injector *injector);

/* ---- facts ---- */

static void injection_fact(const struct fl_injection *injection, const char *fact, const char *key,
                           const char *format, va_list args)
{
    char *words = NULL;
    int len = vasprintf(&words, format, args);
    FL_ASSERT(len >= 0);
    struct fl_buf fields = {0};
    fl_buf_printf(&fields, "\"fault\":%lld,\"%s\":", (long long)injection->index, key);
    fl_json_put_str(&fields, fl_str_of(words));
    fl_journal_fact(injection->injector->journal, fl_now(), fact, "%s", fields.at);
    fl_buf_fini(&fields);
    free(words);
}

void fl_injection_requested(struct fl_injection *injection, const char *pick)
{
    if (injection->requested) return;
    injection->requested = true;
    struct fl_buf fields = {0};
    fl_buf_printf(&fields, "\"fault\":%lld,\"kind\":\"%s\",\"planned_ns\":%lld,\"target\":",
                  (long long)injection->index, injection->fault->name,
                  (long long)injection->planned_ns);
    fl_json_put_str(&fields, fl_str_of(injection->target));
    fl_buf_puts(&fields, ",\"pick\":");
    fl_json_put_str(&fields, fl_str_of(pick));
    fl_journal_fact(injection->injector->journal, fl_now(), "fault.requested", "%s", fields.at);
    fl_buf_fini(&fields);
}

static void injection_over(struct fl_injection *injection)
{
    FL_ASSERT(injection->state != INJECTION_OVER);
    injection->state = INJECTION_OVER;
    injection->in_effect = false;
    fl_injection_forget_exit(injection);
    fl_alarms_unset(injection->injector->alarms, &injection->turn);
    fl_alarms_unset(injection->injector->alarms, &injection->wake);
    injector_look_healed(injection->injector);
}

void fl_injection_effect(struct fl_injection *injection, fl_ns at_ns, const char *evidence_format,
                         ...)
{
    if (injection->settled || injection->state == INJECTION_OVER) return;
    fl_injection_requested(injection, injection->target);
    injection->settled = injection->in_effect = true;

    va_list args;
    va_start(args, evidence_format);
    char *words = NULL;
    int len = vasprintf(&words, evidence_format, args);
    va_end(args);
    FL_ASSERT(len >= 0);
    struct fl_buf fields = {0};
    fl_buf_printf(&fields,
                  "\"fault\":%lld,\"at_ns\":%lld,\"evidence\":", (long long)injection->index,
                  (long long)at_ns);
    fl_json_put_str(&fields, fl_str_of(words));
    fl_journal_fact(injection->injector->journal, fl_now(), "fault.effect", "%s", fields.at);
    fl_buf_fini(&fields);
    free(words);
    if (injection->fault->fault_class == FL_FAULT_INSTANT) injection_over(injection);
}

void fl_injection_missed(struct fl_injection *injection, const char *why_format, ...)
{
    if (injection->settled || injection->state == INJECTION_OVER) return;
    fl_injection_requested(injection, injection->target);
    injection->settled = true;
    va_list args;
    va_start(args, why_format);
    injection_fact(injection, "fault.missed", "why", why_format, args);
    va_end(args);
    /* One that is being undone stays until it is. */
    if (injection->state == INJECTION_BEGUN) injection_over(injection);
}

void fl_injection_healed(struct fl_injection *injection, const char *evidence_format, ...)
{
    if (injection->state == INJECTION_OVER) return;
    injection->state = INJECTION_ENDING;
    fl_injection_missed(injection, "no evidence of it before it was undone");
    va_list args;
    va_start(args, evidence_format);
    injection_fact(injection, "fault.healed", "evidence", evidence_format, args);
    va_end(args);
    injection_over(injection);
}

void fl_injection_stuck(struct fl_injection *injection, const char *why_format, ...)
{
    if (injection->state == INJECTION_OVER) return;
    va_list args;
    va_start(args, why_format);
    char *words = NULL;
    int len = vasprintf(&words, why_format, args);
    va_end(args);
    FL_ASSERT(len >= 0);
    struct fl_buf fields = {0};
    char *what = fl_format("fault %lld, %s %s: %s", (long long)injection->index,
                           injection->fault->name, injection->target, words);
    fl_buf_puts(&fields, "\"what\":");
    fl_json_put_str(&fields, fl_str_of(what));
    fl_journal_fact(injection->injector->journal, fl_now(), "harness.trouble", "%s", fields.at);
    fl_buf_fini(&fields);
    free(what);
    free(words);
    injection_over(injection);
}

/* ---- what an injection is, for its fault ---- */

const char *fl_injection_target(const struct fl_injection *injection)
{
    return injection->target;
}

const cJSON *fl_injection_settings(const struct fl_injection *injection)
{
    return injection->settings;
}

uint64_t fl_injection_pick(const struct fl_injection *injection)
{
    return injection->pick;
}

const struct fl_injector_world *fl_injection_world(const struct fl_injection *injection)
{
    return &injection->injector->world;
}

uv_loop_t *fl_injection_loop(const struct fl_injection *injection)
{
    return injection->injector->loop;
}

int64_t fl_injection_index(const struct fl_injection *injection)
{
    return injection->index;
}

bool fl_injection_is_settled(const struct fl_injection *injection)
{
    return injection->settled;
}

void *fl_injection_own(struct fl_injection *injection, size_t bytes)
{
    if (injection->own == NULL) injection->own = fl_alloc(bytes);
    return injection->own;
}

void fl_injection_own_fini(struct fl_injection *injection, void (*fini)(void *own))
{
    FL_ASSERT(injection->own != NULL);
    injection->own_fini = fini;
}

void fl_injection_on_exit(struct fl_injection *injection, const char *instance, pid_t pid,
                          void (*fn)(struct fl_injection *injection, fl_ns at_ns))
{
    FL_ASSERT(pid > 0);
    fl_injection_forget_exit(injection);
    injection->exit_pid = pid;
    injection->exit_instance = fl_strdup(instance);
    injection->on_exit = fn;
}

void fl_injection_forget_exit(struct fl_injection *injection)
{
    injection->exit_pid = 0;
    free(injection->exit_instance);
    injection->exit_instance = NULL;
}

void fl_injection_wake(struct fl_injection *injection, fl_ns at_ns,
                       void (*fn)(struct fl_injection *injection))
{
    if (injection->state == INJECTION_OVER) return;
    injection->on_wake = fn;
    fl_alarms_set(injection->injector->alarms, &injection->wake, at_ns);
}

bool fl_injection_is_shared(const struct fl_injection *injection, pid_t pid)
{
    const struct fl_injector *injector = injection->injector;
    for (size_t i = 0; i < injector->count; i++) {
        const struct fl_injection *other = &injector->injections[i];
        if (other != injection && other->fault == injection->fault &&
            other->state == INJECTION_BEGUN && other->exit_pid == pid)
            return true;
    }
    return false;
}

struct fl_injection_ask *fl_injection_ask(struct fl_injection *injection, void *tag_take,
                                          fl_ns within_ns)
{
    struct fl_injection_ask *ask = fl_new(struct fl_injection_ask);
    ask->injection = injection;
    ask->next = injection->asks;
    ask->tag = tag_take;
    ask->until_ns = within_ns == FL_NEVER ? FL_NEVER : fl_now() + within_ns;
    injection->asks = ask;
    return ask;
}

struct fl_injection *fl_injection_answered(struct fl_injection_ask *ask_take, void **tag_out)
{
    struct fl_injection *injection = ask_take->injection;
    if (injection != NULL) {
        struct fl_injection_ask **at = &injection->asks;
        while (*at != ask_take)
            at = &(*at)->next;
        *at = ask_take->next;
    }
    if (tag_out != NULL)
        *tag_out = ask_take->tag;
    else
        free(ask_take->tag);
    free(ask_take);
    return injection == NULL || injection->state == INJECTION_OVER ? NULL : injection;
}

size_t fl_injection_asks(const struct fl_injection *injection)
{
    size_t count = 0;
    for (const struct fl_injection_ask *ask = injection->asks; ask != NULL; ask = ask->next)
        count++;
    return count;
}

/* ---- the schedule ---- */

static void injection_end(struct fl_injection *injection)
{
    FL_ASSERT(injection->fault->end != NULL);
    FL_ASSERT(injection->state == INJECTION_BEGUN);
    injection->state = INJECTION_ENDING;
    fl_alarms_unset(injection->injector->alarms, &injection->turn);
    fl_alarms_unset(injection->injector->alarms, &injection->wake);
    injection->fault->end(injection);
}

static void injection_on_turn(struct fl_alarm *alarm)
{
    struct fl_injection *injection = FL_OWNER(alarm, struct fl_injection, turn);
    if (injection->state == INJECTION_BEGUN) {
        injection_end(injection);
        return;
    }
    FL_ASSERT(injection->state == INJECTION_WAITS);
    injection->state = INJECTION_BEGUN;
    if (injection->fault->fault_class == FL_FAULT_WINDOWED)
        fl_alarms_set(injection->injector->alarms, alarm,
                      injection->planned_ns + injection->for_ns);
    injection->fault->begin(injection);
}

static void injection_on_wake(struct fl_alarm *alarm)
{
    struct fl_injection *injection = FL_OWNER(alarm, struct fl_injection, wake);
    FL_ASSERT(injection->on_wake != NULL);
    injection->on_wake(injection);
}

static int injection_read(struct fl_injection *injection, const cJSON *json, struct fl_err *err)
{
    const char *kind = fl_json_text(json, "kind", "");
    injection->fault = fl_fault_find(kind);
    if (injection->fault == NULL) return fl_err_set(err, FL_EPARSE, "no fault \"%s\"", kind);
    injection->index = fl_json_int(json, "index", 0);
    injection->target = fl_json_text(json, "target", "");
    injection->settings = cJSON_GetObjectItemCaseSensitive(json, "settings");
    injection->at_ns = fl_json_int(json, "at_ns", -1);
    injection->for_ns = fl_json_int(json, "for_ns", 0);
    injection->pick = strtoull(fl_json_text(json, "pick", "0"), NULL, 16);
    injection->turn.fn = injection_on_turn;
    injection->wake.fn = injection_on_wake;
    if (injection->at_ns < 0)
        return fl_err_set(err, FL_EPARSE, "fault %lld: no at_ns", (long long)injection->index);
    return 0;
}

int fl_injector_new(struct fl_injector **out, uv_loop_t *loop, const cJSON *plan,
                    const struct fl_injector_world *world, struct fl_journal *journal,
                    struct fl_err *err)
{
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(plan, "faults");
    struct fl_injector *injector = fl_new(struct fl_injector);
    injector->world = *world;
    injector->journal = journal;
    injector->loop = loop;
    injector->finish.fn = injector_on_finish;
    injector->injections = fl_new_array(struct fl_injection,
                                        (size_t)cJSON_GetArraySize(faults) + 1);
    const cJSON *fault = NULL;
    int rc = 0;
    cJSON_ArrayForEach(fault, faults)
    {
        struct fl_injection *injection = &injector->injections[injector->count++];
        injection->injector = injector;
        if (rc == 0) rc = injection_read(injection, fault, err);
    }
    if (rc == 0) rc = fl_alarms_open(&injector->alarms, loop, err);
    if (rc != 0) {
        fl_injector_free(injector);
        return rc;
    }
    *out = injector;
    return 0;
}

void fl_injector_start(struct fl_injector *injector, fl_ns storm_zero_ns)
{
    FL_ASSERT(injector->alarms != NULL);
    for (size_t i = 0; i < injector->count; i++) {
        struct fl_injection *injection = &injector->injections[i];
        injection->planned_ns = storm_zero_ns + injection->at_ns;
        fl_alarms_set(injector->alarms, &injection->turn, injection->planned_ns);
    }
}

const char *fl_injector_active(const struct fl_injector *injector, char *out, size_t out_len)
{
    struct fl_buf text = {0};
    for (size_t i = 0; i < injector->count; i++) {
        const struct fl_injection *injection = &injector->injections[i];
        if (injection->state != INJECTION_BEGUN && injection->state != INJECTION_ENDING) continue;
        fl_buf_printf(&text, "%s%s %s", text.len > 0 ? ", " : "", injection->fault->name,
                      injection->target);
    }
    snprintf(out, out_len, "%s", text.len > 0 ? text.at : "");
    fl_buf_fini(&text);
    return out;
}

void fl_injector_on_exit(struct fl_injector *injector, const char *instance, pid_t pid, fl_ns at_ns)
{
    for (size_t i = 0; i < injector->count; i++) {
        struct fl_injection *injection = &injector->injections[i];
        if (injection->exit_pid != pid || pid == 0) continue;
        FL_ASSERT(injection->state == INJECTION_BEGUN || injection->state == INJECTION_ENDING);
        if (strcmp(injection->exit_instance, instance) != 0) continue;
        void (*fn)(struct fl_injection * injection, fl_ns at_ns) = injection->on_exit;
        fl_injection_forget_exit(injection);
        fn(injection, at_ns);
    }
}

/* ---- the end ---- */

static bool injector_is_done(const struct fl_injector *injector)
{
    for (size_t i = 0; i < injector->count; i++)
        if (injector->injections[i].state != INJECTION_OVER) return false;
    return true;
}

static void injector_look_healed(struct fl_injector *injector)
{
    /* By an alarm: whoever asked must not be called back inside the question. */
    if (injector->healing && injector->alarms != NULL && injector_is_done(injector))
        fl_alarms_set(injector->alarms, &injector->finish, 0);
}

static void injector_on_finish(struct fl_alarm *alarm)
{
    struct fl_injector *injector = FL_OWNER(alarm, struct fl_injector, finish);
    FL_ASSERT(injector->healing);
    for (size_t i = 0; i < injector->count; i++) {
        struct fl_injection *injection = &injector->injections[i];
        if (injection->state == INJECTION_OVER) continue;
        if (injection->fault->fault_class == FL_FAULT_INSTANT)
            fl_injection_missed(injection, "no evidence of it before the run ended");
        else
            fl_injection_stuck(injection, "not seen undone in time");
    }
    /* Nothing of ours is left on the loop, whatever becomes of it before fl_injector_free. */
    fl_alarms_close(injector->alarms);
    injector->alarms = NULL;
    if (injector->on_healed != NULL) injector->on_healed(injector->healed_cx);
}

void fl_injector_heal(struct fl_injector *injector, fl_ns within_ns, void (*done)(void *cx),
                      void *cx)
{
    if (injector->alarms == NULL) { /* healed before */
        if (done != NULL) done(cx);
        return;
    }
    injector->healing = true;
    injector->on_healed = done;
    injector->healed_cx = cx;
    fl_alarms_set(injector->alarms, &injector->finish, fl_now() + within_ns);
    for (size_t i = 0; i < injector->count; i++) {
        struct fl_injection *injection = &injector->injections[i];
        if (injection->state == INJECTION_WAITS)
            injection_over(injection);
        else if (injection->state == INJECTION_BEGUN && injection->fault->end != NULL)
            injection_end(injection);
    }
    injector_look_healed(injector);
}

/* An answer that may still come frees its ask; one that cannot any more does not. */
static void injection_leave_asks(struct fl_injection *injection)
{
    fl_ns now_ns = fl_now();
    while (injection->asks != NULL) {
        struct fl_injection_ask *ask = injection->asks;
        injection->asks = ask->next;
        ask->injection = NULL;
        if (ask->until_ns >= now_ns) continue;
        free(ask->tag);
        free(ask);
    }
}

void fl_injector_free(struct fl_injector *injector)
{
    if (injector == NULL) return;
    for (size_t i = 0; i < injector->count; i++) {
        struct fl_injection *injection = &injector->injections[i];
        injection_leave_asks(injection);
        free(injection->exit_instance);
        if (injection->own_fini != NULL) injection->own_fini(injection->own);
        free(injection->own);
    }
    fl_alarms_close(injector->alarms);
    free(injector->injections);
    free(injector);
}
