#include "engine/live_events.h"

#include "runtime/base/json.h"

static const struct {
    const char *fact, *kind;
} kinds[] = {
    {"phase", "phase"},         {"fault.effect", "fault"}, {"fault.healed", "healed"},
    {"fault.missed", "missed"}, {"proc.exit", "down"},     {"proc.ready", "back"},
    {"proc.failed", "down"},    {"sup.limit", "trouble"},  {"harness.trouble", "trouble"},
};

static struct fl_live_down *find_down(struct fl_live_events *events, const char *instance)
{
    for (int i = 0; i < events->downs_count; i++)
        if (strcmp(events->downs[i].instance, instance) == 0) return &events->downs[i];
    return NULL;
}

/** Since when this instance is down, or is no longer; 0: it was not. */
static fl_ns took(struct fl_live_events *events, const char *kind, const char *instance, fl_ns t_ns)
{
    struct fl_live_down *down = find_down(events, instance);
    if (strcmp(kind, "down") == 0) {
        if (down == NULL && events->downs_count < FL_LIVE_DOWN_MAX) {
            down = &events->downs[events->downs_count++];
            snprintf(down->instance, sizeof down->instance, "%s", instance);
        }
        if (down != NULL && down->t_ns == 0) down->t_ns = t_ns;
        return 0;
    }
    if (strcmp(kind, "back") != 0 || down == NULL || down->t_ns == 0) return 0;
    fl_ns took_ns = t_ns - down->t_ns;
    down->t_ns = 0;
    return took_ns;
}

void fl_live_events_add(struct fl_live_events *events, const cJSON *fact, const char *words,
                        const char *mark)
{
    const char *name = fl_json_text(fact, "fact", ""), *kind = NULL;
    for (size_t i = 0; i < FL_COUNT(kinds) && kind == NULL; i++)
        if (strcmp(kinds[i].fact, name) == 0) kind = kinds[i].kind;
    if (kind == NULL) return;
    struct fl_live_event *event = &events->events[events->next];
    *event = (struct fl_live_event){.t_ns = fl_json_int(fact, "t", 0), .kind = kind};
    event->took_ns = took(events, kind, fl_json_text(fact, "instance", ""), event->t_ns);
    snprintf(event->text, sizeof event->text, "%s", words);
    snprintf(event->mark, sizeof event->mark, "%s", mark);
    events->next = (events->next + 1) % FL_LIVE_EVENTS_MAX;
    if (events->count < FL_LIVE_EVENTS_MAX) events->count++;
}

void fl_live_events_put(const struct fl_live_events *events, fl_ns zero_ns, struct fl_buf *out)
{
    fl_buf_putc(out, '[');
    for (int i = 0; i < events->count; i++) {
        int at = (events->next - events->count + i + FL_LIVE_EVENTS_MAX) % FL_LIVE_EVENTS_MAX;
        const struct fl_live_event *event = &events->events[at];
        fl_buf_printf(out,
                      "%s{\"kind\":\"%s\",\"t_ns\":%lld,\"at_ns\":%lld,\"took_ns\":%lld,\"text\":",
                      i > 0 ? "," : "", event->kind, (long long)event->t_ns,
                      (long long)fl_ns_max(0, event->t_ns - zero_ns), (long long)event->took_ns);
        fl_json_put_str(out, fl_str_of(event->text));
        fl_buf_puts(out, ",\"short\":");
        fl_json_put_str(out, fl_str_of(event->mark));
        fl_buf_putc(out, '}');
    }
    fl_buf_putc(out, ']');
}
