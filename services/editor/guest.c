#include "services/editor/guest_inside.h"

#include "runtime/base/json.h"
#include "services/wire/jscan.h"

#define GUEST_CALL_NS fl_s(15)
/* Of JSON in one event. A part is JSON in a string, which may be twice as long. */
#define GUEST_EVENT_MAX ((size_t)256 << 10)
#define GUEST_PART_MAX ((size_t)192 << 10)

static void guest_fini(void *ptr)
{
    struct fl_guest *guest = ptr;
    fl_buf_fini(&guest->out);
    fl_buf_fini(&guest->scratch);
    fl_buf_fini(&guest->large);
}

int fl_guest_come(struct fl_guest *guest, struct fl_self *self, const struct fl_guests *guests,
                  struct fl_str name, fl_guest_push push, void *cx)
{
    if (!fl_doc_name_ok(name)) return FL_EBADMSG;
    guest->guests = guests;
    guest->self = self;
    guest->push = push;
    guest->cx = cx;
    memcpy(guest->name, name.at, name.len);
    fl_doc_full_name(guest->name, guest->topic);
    fl_self_own(self, guest, guest_fini);
    fl_pubsub_subscribe(self, guests->docs.pubsub, guest->topic);
    return 0;
}

/* ---- telling */

static void guest_push_part(struct fl_guest *guest, size_t at)
{
    size_t len = guest->large.len - at < GUEST_PART_MAX ? guest->large.len - at : GUEST_PART_MAX;
    while (at + len < guest->large.len && (guest->large.at[at + len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    bool is_last = at + len == guest->large.len;
    struct fl_buf part = {0};
    fl_buf_printf(&part, "{\"event\":\"%s\",\"at\":%zu,\"next\":", guest->large_event, at);
    if (is_last)
        fl_buf_puts(&part, "null");
    else
        fl_buf_printf(&part, "%zu", at + len);
    fl_buf_puts(&part, ",\"json\":");
    fl_json_put_str(&part, (struct fl_str){guest->large.at + at, len});
    fl_buf_putc(&part, '}');
    if (is_last) fl_buf_fini(&guest->large);
    guest->push(guest->cx, "part", (struct fl_str){part.at, part.len});
    fl_buf_fini(&part);
}

void guest_push(struct fl_guest *guest, const char *event, struct fl_str payload)
{
    if (payload.len <= GUEST_EVENT_MAX) {
        guest->push(guest->cx, event, payload);
        return;
    }
    if (strcmp(event, "op") == 0) { /* who is behind asks, and gets it in parts */
        char head[48];
        struct fl_str rev = fl_jscan_get(payload, "rev");
        int len = snprintf(head, sizeof head, "{\"rev\":%.*s}", FL_ARG(rev));
        guest->push(guest->cx, "head", (struct fl_str){head, (size_t)len});
        return;
    }
    guest->large.len = 0;
    fl_buf_add(&guest->large, payload.at, payload.len);
    snprintf(guest->large_event, sizeof guest->large_event, "%s", event);
    guest_push_part(guest, 0);
}

/** `part {at}`: the next one, of what is the latest. */
static bool guest_on_part(struct fl_guest *guest, struct fl_str payload)
{
    int64_t at = guest_number(payload, "at", -1);
    if (at >= 0 && (size_t)at < guest->large.len) guest_push_part(guest, (size_t)at);
    return true;
}

/* ---- reading */

int64_t guest_number(struct fl_str object, const char *key, int64_t fallback)
{
    struct fl_str value = fl_jscan_get(object, key);
    int64_t number = 0;
    if (value.at == NULL || value.len == 0 || value.len > 15) return fallback;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') return fallback;
        number = number * 10 + (value.at[i] - '0');
    }
    return number;
}

size_t guest_take_text(struct fl_guest *guest, struct fl_str object, const char *key, char *to,
                       size_t most)
{
    guest->scratch.len = 0;
    struct fl_str text = fl_jscan_get_text(object, key, &guest->scratch);
    if (text.at == NULL) return 0;
    size_t len = text.len < most ? text.len : most;
    while (len > 0 && len < text.len && (text.at[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    memcpy(to, text.at, len);
    return len;
}

/* ---- asking */

struct fl_guest_ask *guest_call(struct fl_guest *guest, struct fl_pid to, uint32_t tag, int kind)
{
    if (guest->asks_count == FL_GUEST_ASKS_MAX) return NULL;
    struct fl_guest_ask *ask = &guest->asks[guest->asks_count++];
    *ask = (struct fl_guest_ask){.kind = kind};
    ask->ref = fl_call_async(guest->self, to, tag, guest->out.at, guest->out.len, GUEST_CALL_NS);
    return ask;
}

static void guest_refuse(struct fl_guest *guest, struct fl_str client, int64_t seq, const char *why)
{
    guest->out.len = 0;
    fl_buf_puts(&guest->out, "{\"client\":");
    fl_json_put_str(&guest->out, client);
    fl_buf_printf(&guest->out, ",\"seq\":%lld,\"why\":\"%s\"}", (long long)seq, why);
    guest_push(guest, "refused", (struct fl_str){guest->out.at, guest->out.len});
}

static void guest_push_again(struct fl_guest *guest)
{
    guest_push(guest, "again", FL_STR("{}"));
}

static bool guest_on_sync(struct fl_guest *guest, struct fl_str payload)
{
    char client[FL_DOC_ARCHIVE_CLIENT_MAX];
    size_t len = guest_take_text(guest, payload, "client", client, sizeof client);
    struct fl_pid doc;
    int code = fl_doc_open(guest->self, &guest->guests->docs, guest->name, &doc);
    if (code == 0) {
        guest->out.len = 0;
        fl_doc_put_sync(&guest->out, guest_number(payload, "since", -1),
                        (struct fl_str){client, len});
        if (guest_call(guest, doc, FL_DOC_SYNC, GUEST_SYNC) == NULL) code = FL_EFULL;
    }
    if (code != 0) guest_push_again(guest);
    return true;
}

static bool guest_on_op(struct fl_guest *guest, struct fl_str payload)
{
    char client[FL_DOC_ARCHIVE_CLIENT_MAX];
    size_t len = guest_take_text(guest, payload, "client", client, sizeof client);
    int64_t seq = guest_number(payload, "seq", 0), base = guest_number(payload, "base", -1);
    struct fl_str op = fl_jscan_get(payload, "op"), id = {client, len};
    if (len == 0 || seq < 1) return false;
    if (base < 0 || op.at == NULL) {
        guest_refuse(guest, id, seq, "bad");
        return true;
    }
    struct fl_pid doc;
    struct fl_guest_ask *ask = NULL;
    if (fl_doc_open(guest->self, &guest->guests->docs, guest->name, &doc) == 0) {
        guest->out.len = 0;
        fl_doc_put_submit(&guest->out, id, seq, base, (struct fl_str){guest->by, guest->by_len},
                          op);
        ask = guest_call(guest, doc, FL_DOC_SUBMIT, GUEST_SUBMIT);
    }
    if (ask == NULL) {
        guest_refuse(guest, id, seq, "again");
        return true;
    }
    ask->number = seq;
    memcpy(ask->client, client, len);
    ask->client_len = len;
    return true;
}

static const struct {
    const char *event;
    bool (*handle)(struct fl_guest *guest, struct fl_str payload);
} guest_events[] = {
    {"op", guest_on_op},       {"cursor", guest_on_cursor},   {"sync", guest_on_sync},
    {"hello", guest_on_hello}, {"history", guest_on_history}, {"at", guest_on_at},
    {"part", guest_on_part},
};

bool fl_guest_on_event(struct fl_guest *guest, struct fl_str event, struct fl_str payload)
{
    if (!fl_jscan_is_object(payload)) return false;
    for (size_t i = 0; i < FL_COUNT(guest_events); i++)
        if (fl_str_is(event, guest_events[i].event)) return guest_events[i].handle(guest, payload);
    return false;
}

/* ---- hearing */

void fl_guest_on_message(struct fl_guest *guest, const struct fl_msg *msg)
{
    static const struct {
        uint32_t tag;
        const char *event;
    } events[] = {
        {FL_DOC_OP, "op"},
        {FL_DOC_HEAD, "head"},
        {FL_GUEST_PEOPLE, "people"},
        {FL_PRESENCE_STATE, "people"},
    };
    for (size_t i = 0; i < FL_COUNT(events); i++)
        if (events[i].tag == msg->tag)
            guest_push(guest, events[i].event, (struct fl_str){msg->data, msg->len});
}

static void guest_submitted(struct fl_guest *guest, const struct fl_guest_ask *ask, int code)
{
    const char *why = code == FL_ESTATE    ? "behind"
                      : code == FL_EBADMSG ? "bad"
                      : code == FL_ERANGE  ? "full"
                                           : "again";
    /* 0: it has come as an op, like everybody's */
    if (code != 0)
        guest_refuse(guest, (struct fl_str){ask->client, ask->client_len}, ask->number, why);
}

void fl_guest_on_reply(struct fl_guest *guest, uint64_t ref, int code, const void *data, size_t len)
{
    size_t i = 0;
    while (i < guest->asks_count && guest->asks[i].ref != ref)
        i++;
    if (i == guest->asks_count) return;
    struct fl_guest_ask ask = guest->asks[i];
    guest->asks[i] = guest->asks[--guest->asks_count];
    switch (ask.kind) {
    case GUEST_SYNC:
        if (code == 0)
            guest_push(guest, "state", (struct fl_str){data, len});
        else
            guest_push_again(guest);
        break;
    case GUEST_SUBMIT:
        guest_submitted(guest, &ask, code);
        break;
    case GUEST_VERSIONS:
        guest_versions(guest, code, data, len);
        break;
    default:
        guest_text(guest, ask.number, code, data, len);
        break;
    }
}
