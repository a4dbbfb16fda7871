/* event.c: what the browser sends to a view: clicks, forms, keys, hooks, and paths. */
#include "services/live/event.h"
#include "runtime/base/units.h"
#include "services/wire/jscan.h"

enum { EVENT_FIELDS_MAX = 1000 };

/* What fl_live_event.internals is. */
struct live_event {
    struct fl_live *live;
    struct fl_str value, meta; /* raw JSON; at NULL: none */
    struct live_pair *fields;  /* of a form */
    size_t fields_count;
};

/* The text of a value: a string decoded, anything else as it stands; at NULL: absent or null. */
static struct fl_str event_text(struct fl_live *live, struct fl_str raw)
{
    if (raw.at == NULL || fl_str_is(raw, "null")) return (struct fl_str){0};
    if (raw.at[0] != '"') return live_memory_keep(&live->scratch, raw);
    struct fl_buf text = {0}; /* nothing blocks before it is freed */
    fl_jscan_text(raw, &text);
    struct fl_str kept = live_memory_keep(&live->scratch, (struct fl_str){text.at, text.len});
    fl_buf_fini(&text);
    return kept;
}

static void event_read_form(struct live_event *inside, struct fl_str form)
{
    size_t fields = 1;
    for (size_t i = 0; i < form.len; i++)
        fields += form.at[i] == '&';
    if (fields > EVENT_FIELDS_MAX) fields = EVENT_FIELDS_MAX;
    struct fl_buf decoded = {0}; /* nothing blocks before it is freed */
    fl_buf_reserve(&decoded, form.len + 1);
    struct live_memory *scratch = &inside->live->scratch;
    inside->fields = live_memory_take(scratch, fields * sizeof *inside->fields);
    inside->fields_count = live_url_pairs(form, &decoded, inside->fields, fields);
    for (size_t i = 0; i < inside->fields_count; i++) {
        struct live_pair *field = &inside->fields[i];
        field->name = live_memory_keep(scratch, field->name);
        field->value = live_memory_keep(scratch, field->value);
    }
    fl_buf_fini(&decoded);
}

static void event_run(struct fl_live *live, struct fl_str payload)
{
    struct live_event inside = {.live = live};
    struct fl_str name = event_text(live, fl_jscan_get(payload, "event"));
    struct fl_str type = event_text(live, fl_jscan_get(payload, "type"));
    inside.value = fl_jscan_get(payload, "value");
    inside.meta = fl_jscan_get(payload, "meta");
    struct fl_live_event event = {
        .name = name.at != NULL ? name : FL_STR(""),
        .type = type.at != NULL ? type : FL_STR(""),
        .payload = inside.value.at != NULL ? inside.value : FL_STR("{}"),
        .internals = &inside,
    };
    if (fl_str_is(type, "form")) {
        event.payload = event_text(live, inside.value);
        if (event.payload.at == NULL) event.payload = FL_STR("");
        event_read_form(&inside, event.payload);
    }
    live->view->on_event(live, live->state, &event);
}

/* The browser shows another path: by a patch link, or by its back button. */
static void event_patch(struct fl_live *live, struct fl_str ref, struct fl_str payload)
{
    struct live_url url = {0}; /* nothing blocks before it is kept or freed */
    struct fl_str target = event_text(live, fl_jscan_get(payload, "url"));
    int rc = live_url_open(&url, live->site, target);
    if (rc != 0 || url.page->view != live->view) {
        live_url_fini(&url);
        fl_channel_reply(live->ch, ref, "ok", FL_STR("{\"link_redirect\":true}"));
        live_rest(live);
        return;
    }
    live_url_fini(&live->url);
    live->url = url;
    live_params(live);
    live_settle(live, ref);
}

void live_on_event(struct fl_live *live, const struct fl_channel_event *event)
{
    live->is_unchanged = false;
    struct fl_str payload = event->payload;
    bool is_known = !live->is_leaving && !event->binary && fl_jscan_is_object(payload);
    if (is_known && fl_str_is(event->event, "live_patch")) {
        event_patch(live, event->ref, payload);
    } else if (is_known && fl_str_is(event->event, "event") && live->view->on_event != NULL &&
               fl_jscan_get(payload, "cid").at == NULL) {
        event_run(live, payload);
        live_settle(live, event->ref);
    } else {
        /* what we have no use for is answered all the same: the page waits for it */
        fl_channel_reply(live->ch, event->ref, "ok",
                         fl_str_is(event->event, "cids_destroyed") ? FL_STR("{\"cids\":[]}")
                                                                   : FL_STR("{}"));
        if (!live->is_leaving) live_rest(live);
    }
}

static struct fl_str event_field(const struct live_event *inside, const char *key)
{
    for (size_t i = 0; i < inside->fields_count; i++)
        if (fl_str_is(inside->fields[i].name, key)) return inside->fields[i].value;
    /* "_target": which field has changed */
    if (inside->meta.at == NULL || !fl_jscan_is_object(inside->meta)) return (struct fl_str){0};
    return event_text(inside->live, fl_jscan_get(inside->meta, key));
}

struct fl_str fl_live_value(const struct fl_live_event *event, const char *key)
{
    const struct live_event *inside = event->internals;
    if (inside->fields != NULL) return event_field(inside, key);
    if (inside->value.at == NULL || !fl_jscan_is_object(inside->value)) return (struct fl_str){0};
    return event_text(inside->live, fl_jscan_get(inside->value, key));
}

int64_t fl_live_value_int(const struct fl_live_event *event, const char *key, int64_t least,
                          int64_t most, int64_t fallback)
{
    struct fl_str text = fl_live_value(event, key);
    int64_t value = 0;
    if (text.at == NULL || fl_parse_int(fl_str_trim(text), least, most, &value, NULL) != 0)
        return fallback;
    return value;
}
