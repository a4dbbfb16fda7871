#include "chaos/injector_state.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

static void injector_on_finish(struct fl_alarm *alarm);

static void injection_end(struct fl_injection *injection)
{
    FL_ASSERT(injection->fault->end != NULL);
    FL_ASSERT(injection->state == INJECTION_BEGUN);
    injection->state = INJECTION_ENDING;
    injection->undo_ns = fl_now();
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

void fl_injector_look_healed(struct fl_injector *injector)
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
            fl_injection_over(injection);
        else if (injection->state == INJECTION_BEGUN && injection->fault->end != NULL)
            injection_end(injection);
    }
    fl_injector_look_healed(injector);
}

void fl_injector_free(struct fl_injector *injector)
{
    if (injector == NULL) return;
    for (size_t i = 0; i < injector->count; i++) {
        struct fl_injection *injection = &injector->injections[i];
        fl_injection_leave_asks(injection);
        free(injection->exit_instance);
        if (injection->own_fini != NULL) injection->own_fini(injection->own);
        free(injection->own);
    }
    fl_alarms_close(injector->alarms);
    free(injector->injections);
    free(injector);
}
