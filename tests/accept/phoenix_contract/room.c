/* room.c: the channel `room:*` of the contract: what a person in a room can ask for. */
#include "services/wire/jscan.h"
#include "tests/accept/phoenix_contract/contract.h"

struct room {
    struct fl_buf user; /* decoded: the key of its presence */
    struct fl_str name; /* the same as JSON text */
    struct fl_buf out;  /* what is being said */
};

static void room_fini(void *ptr)
{
    struct room *room = ptr;
    fl_buf_fini(&room->user);
    fl_buf_fini(&room->out);
}

static const struct contract *room_contract(const struct fl_channel *ch)
{
    return fl_channel_args(ch);
}

static struct fl_str room_out(const struct room *room)
{
    return (struct fl_str){room->out.at, room->out.len};
}

/* {"status":…} */
static struct fl_str room_meta(struct room *room, struct fl_str status)
{
    room->out.len = 0;
    fl_buf_printf(&room->out, "{\"status\":%.*s}", FL_ARG(status));
    return room_out(room);
}

static int room_refuse(struct fl_channel *ch, const struct fl_channel_event *join,
                       const char *reason)
{
    fl_channel_reply(ch, join->ref, "error", fl_str_of(reason));
    return FL_EREFUSED;
}

static bool room_keep_user(struct fl_channel *ch, struct room *room, struct fl_str user)
{
    if (user.at == NULL || fl_jscan_text(user, &room->user) != 0 || room->user.len == 0)
        return false;
    char *name = fl_self_alloc(fl_channel_self(ch), user.len);
    memcpy(name, user.at, user.len);
    room->name = (struct fl_str){name, user.len};
    return true;
}

static int room_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct room *room = state;
    const struct contract *contract = room_contract(ch);
    struct fl_str user = {0};
    fl_self_own(fl_channel_self(ch), room, room_fini);
    if (fl_str_is(fl_channel_topic(ch), "room:forbidden"))
        return room_refuse(ch, join, "{\"reason\":\"unauthorized\"}");
    if (!join->binary) user = fl_jscan_get(join->payload, "user");
    if (!room_keep_user(ch, room, user))
        return room_refuse(ch, join, "{\"reason\":\"join with a user\"}");
    fl_channel_subscribe(ch, contract->pubsub, NULL);
    return fl_web_presence_track(ch, contract->presence,
                                 (struct fl_str){room->user.at, room->user.len},
                                 room_meta(room, FL_STR("\"online\"")));
}

static void room_new_msg(struct fl_channel *ch, struct room *room,
                         const struct fl_channel_event *event)
{
    struct fl_str body = fl_jscan_get(event->payload, "body");
    if (body.at == NULL) body = FL_STR("null");
    room->out.len = 0;
    fl_buf_puts(&room->out, "{\"user\":");
    fl_buf_add(&room->out, room->name.at, room->name.len);
    fl_buf_puts(&room->out, ",\"body\":");
    fl_buf_add(&room->out, body.at, body.len);
    fl_buf_putc(&room->out, '}');
    fl_web_broadcast(fl_channel_self(ch), room_contract(ch)->pubsub, fl_channel_topic(ch).at,
                     "new_msg", room_out(room));
    fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
}

static void room_set_status(struct fl_channel *ch, struct room *room,
                            const struct fl_channel_event *event)
{
    struct fl_str status = fl_jscan_get(event->payload, "status");
    if (status.at == NULL) status = FL_STR("null");
    int rc = fl_web_presence_update(ch, room_contract(ch)->presence,
                                    (struct fl_str){room->user.at, room->user.len},
                                    room_meta(room, status));
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
