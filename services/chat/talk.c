#include "services/chat/talk.h"

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "services/web/presence.h"
#include "services/wire/jscan.h"

#define TALK_WAITING_MAX 512 /* said and not answered; more: "overloaded" */
#define TALK_ANSWER_WITHIN fl_s(15)
#define TALK_AGAIN_NS fl_ms(50)
#define TALK_TYPING_NS fl_s(1)
#define TALK_TYPING_MS 5000 /* how long a hint is good for */
#define TALK_STATUS_MAX 256

static void talk_fini(void *ptr)
{
    struct fl_talk *talk = ptr;
    fl_buf_fini(&talk->out);
    fl_buf_fini(&talk->welcome);
}

static struct fl_str talk_user(const struct fl_talk *talk)
{
    return (struct fl_str){talk->user, talk->user_len};
}

static struct fl_str talk_out(const struct fl_talk *talk)
{
    return (struct fl_str){talk->out.at, talk->out.len};
}

/* ---- the way to the room */

static void talk_seek_room(struct fl_channel *ch, struct fl_talk *talk)
{
    struct fl_self *self = fl_channel_self(ch);
    struct fl_pid room = FL_NO_PID;
    int rc = fl_chat_find_room(self, talk->name, &room);
    talk->is_seeking = rc != 0;
    if (rc != 0)
        fl_timer_start(self, TALK_AGAIN_NS, FL_TALK_SEEK);
    else
        fl_outbox_to(self, &talk->outbox, room);
}

static void talk_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag)
{
    if (tag == FL_TALK_SEEK) talk_seek_room(ch, state);
    if (tag == FL_TALK_CATCH_UP) fl_talk_catch_up(ch, state);
}

static void talk_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    if (!fl_talk_hear(ch, state, msg)) fl_web_presence_push(ch, msg);
}

/* ---- answers */

static void talk_refuse(struct fl_channel *ch, struct fl_str ref, const char *reason)
{
    char response[96];
    snprintf(response, sizeof response, "{\"reason\":\"%s\"}", reason);
    fl_channel_reply(ch, ref, "error", fl_str_of(response));
}

static void talk_fail(struct fl_channel *ch, struct fl_str ref, int code)
{
    /* One that is slow may still do it: silence is the honest answer. Asked again with the same id,
     * it will be one message. */
    if (code == FL_ETIMEOUT) return;
    talk_refuse(ch, ref,
                code == FL_EFULL       ? "overloaded"
                : code == FL_ERANGE    ? "too long"
                : code == FL_EREFUSED  ? "not yours"
                : code == FL_ENOTFOUND ? "no such message"
                                       : "the room is down");
}

static void talk_answer(struct fl_channel *ch, struct fl_str ref, struct fl_str data)
{
    struct fl_chat_answer answer;
    struct fl_str rows;
    char response[128];
    int code = fl_chat_answer_read(data.at, data.len, &answer, &rows) ? answer.code : FL_EBADMSG;
    if (code != 0) {
        talk_fail(ch, ref, code);
        return;
    }
    snprintf(response, sizeof response, "{\"seq\":%lld,\"ver\":%lld,\"at\":%lld%s}",
             (long long)answer.seq, (long long)answer.number, (long long)answer.at_ms,
             answer.existed ? ",\"existed\":true" : "");
    fl_channel_reply(ch, ref, "ok", fl_str_of(response));
}

static void talk_on_reply(struct fl_channel *ch, void *state, uint64_t ref, int code,
                          const void *data, size_t len)
{
    struct fl_talk *talk = state;
    struct fl_self *self = fl_channel_self(ch);
    if (fl_talk_caught_up(ch, talk, ref, code, (struct fl_str){data, len})) return;
    struct fl_outbox_item *item = fl_outbox_answer(self, &talk->outbox, ref, code);
    if (item == NULL) {
        if (talk->outbox.to.bits == 0 && !talk->is_seeking) talk_seek_room(ch, talk);
        return;
    }
    fl_self_own(self, item, fl_outbox_item_free);
    struct fl_str client_ref = {item->cookie, item->cookie_len};
    if (item->cookie_len == 0) client_ref.at = NULL;
    if (code == 0)
        talk_answer(ch, client_ref, (struct fl_str){data, len});
    else
        talk_fail(ch, client_ref, code);
    fl_self_disown(self, item);
    fl_outbox_item_free(item);
}

/* ---- joining */

static bool talk_plain(struct fl_str text, size_t max)
{
    if (text.at == NULL || text.len == 0 || text.len > max) return false;
    return memchr(text.at, '\0', text.len) == NULL;
}

/* The text of a key into room for it; false: there, and not a plain text that fits. */
static bool talk_take_text(struct fl_talk *talk, struct fl_str payload, const char *key, size_t max,
                           char *into, uint8_t *len)
{
    talk->out.len = 0;
    *len = 0;
    if (fl_jscan_get(payload, key).at == NULL) return true;
    struct fl_str text = fl_jscan_get_text(payload, key, &talk->out);
    if (!talk_plain(text, max)) return false;
    memcpy(into, text.at, text.len);
    *len = (uint8_t)text.len;
    return true;
}

/* `{"status":…,"device":"…","online_at":…}` */
static void talk_put_meta(struct fl_talk *talk, struct fl_str status)
{
    talk->out.len = 0;
    fl_buf_puts(&talk->out, "{\"status\":");
    fl_buf_add(&talk->out, status.at, status.len);
    if (talk->device_len > 0) {
        fl_buf_puts(&talk->out, ",\"device\":");
        fl_json_put_str(&talk->out, (struct fl_str){talk->device, talk->device_len});
    }
    fl_buf_printf(&talk->out, ",\"online_at\":%lld}", (long long)talk->online_ms);
}

static const char *talk_check_join(struct fl_talk *talk, struct fl_str name,
                                   const struct fl_channel_event *join)
{
    if (fl_str_is(name, "forbidden")) return "unauthorized";
    if (!talk_plain(name, FL_ROOM_NAME_MAX)) return "a room's name has 1 to 64 characters";
    if (join->binary ||
        !talk_take_text(talk, join->payload, "user", FL_ROOM_USER_MAX, talk->user,
                        &talk->user_len) ||
        talk->user_len == 0)
        return "join with a user of 1 to 64 characters";
    if (!talk_take_text(talk, join->payload, "device", FL_TALK_DEVICE_MAX, talk->device,
                        &talk->device_len))
        return "a device has 1 to 32 characters";
    memcpy(talk->name, name.at, name.len);
    return NULL;
}

/* Listens first, then reads: what is written in between is heard, and known by its number. */
static const char *talk_enter(struct fl_channel *ch, struct fl_talk *talk,
                              const struct fl_channel_event *join)
{
    struct fl_self *self = fl_channel_self(ch);
    fl_talk_listen(ch, talk);
    talk_seek_room(ch, talk);
    struct fl_buf *welcome = &talk->welcome;
    if (fl_talk_read(self, talk, fl_talk_number(join->payload, "since", -1), welcome) != 0)
        return "the room is not there";
    talk->online_ms = fl_wall_now() / FL_NS_PER_MS;
    talk_put_meta(talk, FL_STR("\"online\""));
    const char *topic = fl_channel_topic(ch).at;
    int rc = fl_presence_track(self, talk->chat->presence, topic, talk_user(talk), talk_out(talk));
    if (rc != 0) return rc == FL_EFULL ? "this is full" : "the room is not there";
    fl_channel_reply(ch, join->ref, "ok", (struct fl_str){welcome->at, welcome->len});
    fl_buf_fini(welcome);
    fl_channel_subscribe(ch, talk->chat->pubsub, NULL);
    fl_presence_ask(self, talk->chat->presence, topic);
    return NULL;
}

static int talk_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct fl_talk *talk = state;
    struct fl_self *self = fl_channel_self(ch);
    struct fl_str name = fl_channel_topic(ch);
    fl_str_cut(&name, ':');
    talk->chat = (struct fl_chat *)(uintptr_t)fl_channel_args(ch);
    fl_self_own(self, talk, talk_fini);
    fl_outbox_init(self, &talk->outbox, FL_CHAT_ASK, TALK_WAITING_MAX, TALK_ANSWER_WITHIN);
    const char *why = talk_check_join(talk, name, join);
    if (why == NULL) why = talk_enter(ch, talk, join);
    if (why == NULL) return 0;
    talk_refuse(ch, join->ref, why);
    return FL_EREFUSED;
}

/* ---- what people do */

static bool talk_is_too_fast(struct fl_channel *ch, struct fl_talk *talk)
{
    return !fl_pace_take(&talk->pace, fl_self_now(fl_channel_self(ch)));
}

static void talk_ask(struct fl_channel *ch, struct fl_talk *talk, struct fl_str ref,
                     struct fl_archive_op *op)
{
    if (talk_is_too_fast(ch, talk)) {
        talk_refuse(ch, ref, "too fast");
        return;
    }
    op->room = fl_str_of(talk->name);
    op->user = talk_user(talk);
    talk->out.len = 0;
    fl_chat_ask_put(op, &talk->out);
    int rc = fl_outbox_add(fl_channel_self(ch), &talk->outbox, talk_out(talk), ref);
    if (rc != 0) talk_fail(ch, ref, rc);
    if (talk->out.cap > 4096) fl_buf_fini(&talk->out);
}

static void talk_new_msg(struct fl_channel *ch, struct fl_talk *talk,
                         const struct fl_channel_event *event)
{
    char own[64];
    struct fl_archive_op op = {
        .kind = FL_ARCHIVE_SAY,
        .id = fl_jscan_get(event->payload, "id"),
        .body = fl_jscan_get(event->payload, "body"),
    };
    if (op.body.at == NULL) {
        talk_refuse(ch, event->ref, "body is missing");
    } else if (op.body.len > FL_ARCHIVE_BODY_MAX || op.id.len > FL_ARCHIVE_ID_MAX) {
        talk_refuse(ch, event->ref, "too long");
    } else {
        if (op.id.len == 0 || fl_str_is(op.id, "null")) {
            /* Ours, so that what is asked of the room again is one message. No JSON: never theirs.
             */
            snprintf(own, sizeof own, "~%llx.%llx.%x", (unsigned long long)talk->online_ms,
                     (unsigned long long)fl_self_pid(fl_channel_self(ch)).bits, ++talk->ids);
            op.id = fl_str_of(own);
        }
        talk_ask(ch, talk, event->ref, &op);
    }
}

static void talk_change(struct fl_channel *ch, struct fl_talk *talk,
                        const struct fl_channel_event *event, enum fl_archive_kind kind)
{
    struct fl_archive_op op = {.kind = kind, .seq = fl_talk_number(event->payload, "seq", -1)};
    if (kind == FL_ARCHIVE_EDIT) op.body = fl_jscan_get(event->payload, "body");
    if (op.seq <= 0)
        talk_refuse(ch, event->ref, "seq is missing");
    else if (kind == FL_ARCHIVE_EDIT && op.body.at == NULL)
        talk_refuse(ch, event->ref, "body is missing");
    else if (op.body.len > FL_ARCHIVE_BODY_MAX)
        talk_refuse(ch, event->ref, "too long");
    else
        talk_ask(ch, talk, event->ref, &op);
}

static void talk_edit_msg(struct fl_channel *ch, struct fl_talk *talk,
                          const struct fl_channel_event *event)
{
    talk_change(ch, talk, event, FL_ARCHIVE_EDIT);
}

static void talk_delete_msg(struct fl_channel *ch, struct fl_talk *talk,
                            const struct fl_channel_event *event)
{
    talk_change(ch, talk, event, FL_ARCHIVE_ERASE);
}

/* A hint more than one a second is dropped without a word: the last one is still good. */
static void talk_typing(struct fl_channel *ch, struct fl_talk *talk,
                        const struct fl_channel_event *event)
{
    struct fl_self *self = fl_channel_self(ch);
    bool stops = fl_str_is(fl_jscan_get(event->payload, "typing"), "false");
    fl_ns now_ns = fl_self_now(self);
    fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
    if (now_ns < talk->typing_ns && !stops) return;
    if (stops && talk->typing_ns == 0) return;
    talk->typing_ns = stops ? 0 : now_ns + TALK_TYPING_NS;
    talk->out.len = 0;
    fl_buf_puts(&talk->out, "{\"user\":");
    fl_json_put_str(&talk->out, talk_user(talk));
    fl_buf_printf(&talk->out, ",\"for_ms\":%d}", stops ? 0 : TALK_TYPING_MS);
    fl_web_broadcast_from(self, talk->chat->pubsub, fl_channel_topic(ch).at, "typing",
                          talk_out(talk));
}

static void talk_set_status(struct fl_channel *ch, struct fl_talk *talk,
                            const struct fl_channel_event *event)
{
    struct fl_str text = fl_jscan_get(event->payload, "status");
    if (text.len < 2 || text.at[0] != '"' || text.len > TALK_STATUS_MAX) {
        talk_refuse(ch, event->ref, "status is a text");
        return;
    }
    if (talk_is_too_fast(ch, talk)) {
        talk_refuse(ch, event->ref, "too fast");
        return;
    }
    talk_put_meta(talk, text);
    int rc = fl_web_presence_update(ch, talk->chat->presence, talk_user(talk), talk_out(talk));
    if (rc == 0)
        fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
    else
        talk_fail(ch, event->ref, rc);
}

static void talk_echo(struct fl_channel *ch, struct fl_talk *talk,
                      const struct fl_channel_event *event)
{
    if (event->binary)
        fl_channel_reply_binary(ch, event->ref, "ok", event->payload);
    else
        fl_channel_reply(ch, event->ref, "ok", event->payload);
}

static void talk_failed(struct fl_channel *ch, struct fl_talk *talk,
                        const struct fl_channel_event *event)
{
    talk_refuse(ch, event->ref, "failed");
}

static void talk_silent(struct fl_channel *ch, struct fl_talk *talk,
                        const struct fl_channel_event *event)
{
}

static void talk_crash(struct fl_channel *ch, struct fl_talk *talk,
                       const struct fl_channel_event *event)
{
    fl_self_fail(fl_channel_self(ch), FL_EBADMSG);
}

static const struct {
    const char *event;
    bool binary_too;
    void (*handle)(struct fl_channel *ch, struct fl_talk *talk,
                   const struct fl_channel_event *event);
} talk_events[] = {
    {"new_msg", false, talk_new_msg},
    {"edit_msg", false, talk_edit_msg},
    {"delete_msg", false, talk_delete_msg},
    {"history", false, fl_talk_history},
    {"typing", false, talk_typing},
    {"set_status", false, talk_set_status},
    {"echo", true, talk_echo},
    {"fail", true, talk_failed},
    {"silent", true, talk_silent},
    {"crash", true, talk_crash},
};

static void talk_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    for (size_t i = 0; i < FL_COUNT(talk_events); i++) {
        if (!fl_str_is(event->event, talk_events[i].event)) continue;
        if (event->binary && !talk_events[i].binary_too) break;
        talk_events[i].handle(ch, state, event);
        return;
    }
    talk_refuse(ch, event->ref, "unknown event");
}

const struct fl_channel_server fl_talk_channels[] = {
    {
        .topic = "room:*",
        .state_bytes = sizeof(struct fl_talk),
        .on_join = talk_on_join,
        .on_event = talk_on_event,
        .on_message = talk_on_message,
        .on_reply = talk_on_reply,
        .on_timer = talk_on_timer,
    },
    {0},
};
