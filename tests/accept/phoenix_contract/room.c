/* room.c: the channel `room:*` of the contract: what a person in a room can ask for. */
#include "services/wire/jscan.h"
#include "tests/accept/phoenix_contract/contract.h"

struct room {
    struct fl_str user; /* JSON text */
};

static const struct contract *room_contract(const struct fl_channel *ch)
{
    return fl_channel_args(ch);
}

/* Text that lives until the process ends or it is freed: who says it may have to wait. */
static struct fl_str room_text(struct fl_channel *ch, const struct fl_buf *buf)
{
    char *text = fl_self_alloc(fl_channel_self(ch), buf->len + 1);
    memcpy(text, buf->at, buf->len);
    return (struct fl_str){text, buf->len};
}

static void room_free(struct fl_channel *ch, struct fl_str text)
{
    fl_self_free(fl_channel_self(ch), (void *)(uintptr_t)text.at);
}

/* Tells the presence of this user: fn is fl_web_presence_track or fl_web_presence_update. */
static int room_tell(struct fl_channel *ch, const struct room *room, struct fl_str status,
                     int (*fn)(struct fl_channel *, struct fl_presence *, struct fl_str,
                               struct fl_str))
{
    struct fl_buf key = {0}, meta = {0}; /* nothing waits before they are freed */
    fl_jscan_text(room->user, &key);
    fl_buf_printf(&meta, "{\"status\":%.*s}", FL_ARG(status));
    int rc = fn(ch, room_contract(ch)->presence, (struct fl_str){key.at, key.len},
                (struct fl_str){meta.at, meta.len});
    fl_buf_fini(&key);
    fl_buf_fini(&meta);
    return rc;
}

static int room_refuse(struct fl_channel *ch, const struct fl_channel_event *join,
                       const char *reason)
{
    fl_channel_reply(ch, join->ref, "error", fl_str_of(reason));
    return FL_EREFUSED;
}

static int room_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct room *room = state;
    struct fl_str user = {0};
    if (fl_str_is(fl_channel_topic(ch), "room:forbidden"))
        return room_refuse(ch, join, "{\"reason\":\"unauthorized\"}");
    if (!join->binary) user = fl_jscan_get(join->payload, "user");
    if (user.len < 3 || user.at[0] != '"')
        return room_refuse(ch, join, "{\"reason\":\"join with a user\"}");
    char *text = fl_self_alloc(fl_channel_self(ch), user.len);
    memcpy(text, user.at, user.len);
    room->user = (struct fl_str){text, user.len};
    fl_channel_subscribe(ch, room_contract(ch)->pubsub, NULL);
    return room_tell(ch, room, FL_STR("\"online\""), fl_web_presence_track);
}

static void room_new_msg(struct fl_channel *ch, struct room *room,
                         const struct fl_channel_event *event)
{
    struct fl_buf out = {0};
    struct fl_str body = fl_jscan_get(event->payload, "body");
    if (body.at == NULL) body = FL_STR("null");
    fl_buf_puts(&out, "{\"user\":");
    fl_buf_add(&out, room->user.at, room->user.len);
    fl_buf_puts(&out, ",\"body\":");
    fl_buf_add(&out, body.at, body.len);
    fl_buf_putc(&out, '}');
    struct fl_str message = room_text(ch, &out);
    fl_buf_fini(&out);
    fl_web_broadcast(fl_channel_self(ch), room_contract(ch)->pubsub, fl_channel_topic(ch).at,
                     "new_msg", message);
    room_free(ch, message);
    fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
}

static void room_set_status(struct fl_channel *ch, struct room *room,
                            const struct fl_channel_event *event)
{
    struct fl_str status = fl_jscan_get(event->payload, "status");
    if (status.at == NULL) status = FL_STR("null");
    int rc = room_tell(ch, room, status, fl_web_presence_update);
    fl_channel_reply(ch, event->ref, rc == 0 ? "ok" : "error", FL_STR("{}"));
}

static void room_echo(struct fl_channel *ch, struct room *room,
                      const struct fl_channel_event *event)
{
    if (event->binary)
        fl_channel_reply_binary(ch, event->ref, "ok", event->payload);
    else
        fl_channel_reply(ch, event->ref, "ok", event->payload);
}

static void room_fail(struct fl_channel *ch, struct room *room,
                      const struct fl_channel_event *event)
{
    fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"failed\"}"));
}

static void room_silent(struct fl_channel *ch, struct room *room,
                        const struct fl_channel_event *event)
{
}

static void room_crash(struct fl_channel *ch, struct room *room,
                       const struct fl_channel_event *event)
{
    fl_self_fail(fl_channel_self(ch), FL_EBADMSG);
}

static const struct {
    const char *event;
    bool takes_bytes;
    void (*handle)(struct fl_channel *ch, struct room *room, const struct fl_channel_event *event);
} room_events[] = {
    {"new_msg", false, room_new_msg}, {"set_status", false, room_set_status},
    {"echo", true, room_echo},        {"fail", true, room_fail},
    {"silent", true, room_silent},    {"crash", true, room_crash},
};

static void room_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    for (size_t i = 0; i < FL_COUNT(room_events); i++) {
        if (!fl_str_is(event->event, room_events[i].event)) continue;
        if (event->binary && !room_events[i].takes_bytes) break;
        room_events[i].handle(ch, state, event);
        return;
    }
    fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"unknown event\"}"));
}

static void room_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    fl_web_presence_push(ch, msg);
}

const struct fl_channel_server contract_channels[] = {
    {
        .topic = "room:*",
        .state_bytes = sizeof(struct room),
        .on_join = room_on_join,
        .on_event = room_on_event,
        .on_message = room_on_message,
    },
    {0},
};
