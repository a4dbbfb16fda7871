#include "chaos/injection.h"

#include "chaos/injector_state.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

/* The formatted words. Free with free(). */
static char *injection_words(const char *format, va_list args)
{
    char *words = NULL;
    int len = vasprintf(&words, format, args);
    FL_ASSERT(len >= 0);
    return words;
}

/* at_ns 0: the fact has no instant but its own. */
static void injection_fact(const struct fl_injection *injection, const char *fact, fl_ns at_ns,
                           const char *key, const char *format, va_list args)
{
    char *words = injection_words(format, args);
    struct fl_buf fields = {0};
    fl_buf_printf(&fields, "\"fault\":%lld,", (long long)injection->index);
    if (at_ns != 0) fl_buf_printf(&fields, "\"at_ns\":%lld,", (long long)at_ns);
    fl_buf_printf(&fields, "\"%s\":", key);
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

void fl_injection_over(struct fl_injection *injection)
{
    FL_ASSERT(injection->state != INJECTION_OVER);
    injection->state = INJECTION_OVER;
    injection->in_effect = false;
    fl_injection_forget_exit(injection);
    fl_alarms_unset(injection->injector->alarms, &injection->turn);
    fl_alarms_unset(injection->injector->alarms, &injection->wake);
    fl_injector_look_healed(injection->injector);
}

void fl_injection_effect(struct fl_injection *injection, fl_ns at_ns, const char *evidence_format,
                         ...)
{
    if (injection->settled || injection->state == INJECTION_OVER) return;
    fl_injection_requested(injection, injection->target);
    injection->settled = injection->in_effect = true;

    va_list args;
    va_start(args, evidence_format);
    injection_fact(injection, "fault.effect", at_ns, "evidence", evidence_format, args);
    va_end(args);
    if (injection->fault->fault_class == FL_FAULT_INSTANT) fl_injection_over(injection);
}

void fl_injection_missed(struct fl_injection *injection, const char *why_format, ...)
{
    if (injection->settled || injection->state == INJECTION_OVER) return;
    fl_injection_requested(injection, injection->target);
    injection->settled = true;
    va_list args;
    va_start(args, why_format);
    injection_fact(injection, "fault.missed", 0, "why", why_format, args);
    va_end(args);
    /* One that is being undone stays until it is. */
    if (injection->state == INJECTION_BEGUN) fl_injection_over(injection);
}

void fl_injection_healed(struct fl_injection *injection, const char *evidence_format, ...)
{
    if (injection->state == INJECTION_OVER) return;
    injection->state = INJECTION_ENDING;
    fl_injection_missed(injection, "no evidence of it before it was undone");
    /* Recovery counts from here: what it takes to see that it is undone must not shorten it. */
    fl_ns at_ns = injection->undo_ns != 0 ? injection->undo_ns : fl_now();
    va_list args;
    va_start(args, evidence_format);
    injection_fact(injection, "fault.healed", at_ns, "evidence", evidence_format, args);
    va_end(args);
    fl_injection_over(injection);
}

void fl_injection_stuck(struct fl_injection *injection, const char *why_format, ...)
{
    if (injection->state == INJECTION_OVER) return;
    va_list args;
    va_start(args, why_format);
    char *words = injection_words(why_format, args);
    va_end(args);
    struct fl_buf fields = {0};
    char *what = fl_format("fault %lld, %s %s: %s", (long long)injection->index,
                           injection->fault->name, injection->target, words);
    fl_buf_puts(&fields, "\"what\":");
    fl_json_put_str(&fields, fl_str_of(what));
    fl_journal_fact(injection->injector->journal, fl_now(), "harness.trouble", "%s", fields.at);
    fl_buf_fini(&fields);
    free(what);
    free(words);
    fl_injection_over(injection);
}

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

/* An answer that may still come frees its ask; one that cannot any more does not. */
void fl_injection_leave_asks(struct fl_injection *injection)
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
