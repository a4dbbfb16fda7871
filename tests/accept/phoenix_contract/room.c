/* room.c: the channel `room:*` of the contract: what a person in a room can ask for. */
#include "services/wire/jscan.h"
#include "tests/accept/phoenix_contract/contract.h"
#include "tests/accept/phoenix_contract/people.h"

struct room {
    struct fl_pid people;
    struct fl_buf out; /* the request under way */
};

static void room_fini(void *ptr)
{
    struct room *room = ptr;
    fl_buf_fini(&room->out);
}

static int room_refuse(struct fl_channel *ch, const struct fl_channel_event *join,
                       const char *reason)
{
    fl_channel_reply(ch, join->ref, "error", fl_str_of(reason));
    return FL_EREFUSED;
}

/* What is told to the people's process begins with a length: topic and text. */
static void room_tell(struct fl_channel *ch, struct room *room, uint32_t tag, struct fl_str text)
{
    struct fl_str topic = fl_channel_topic(ch);
    uint32_t topic_len = (uint32_t)topic.len;
    room->out.len = 0;
    fl_buf_add(&room->out, &topic_len, sizeof topic_len);
    fl_buf_add(&room->out, topic.at, topic.len);
    fl_buf_add(&room->out, text.at, text.len);
    fl_send(fl_channel_self(ch), room->people, tag, room->out.at, room->out.len);
}

static int room_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct room *room = state;
    struct fl_self *self = fl_channel_self(ch);
    struct fl_str user = {0};
    fl_self_own(self, room, room_fini);
    if (fl_str_is(fl_channel_topic(ch), "room:forbidden"))
        return room_refuse(ch, join, "{\"reason\":\"unauthorized\"}");
    if (!join->binary) user = fl_jscan_get(join->payload, "user");
    if (user.len < 3 || user.at[0] != '"')
        return room_refuse(ch, join, "{\"reason\":\"join with a user\"}");
    room->people = fl_whereis(fl_self_node(self), PEOPLE_NAME);
    fl_channel_reply(ch, join->ref, "ok", FL_STR("{}"));
    room_tell(ch, room, PEOPLE_JOIN, user);
    return 0;
}

static void room_new_msg(struct fl_channel *ch, struct room *room,
                         const struct fl_channel_event *event)
{
    struct fl_str body = fl_jscan_get(event->payload, "body");
    if (body.at == NULL) body = FL_STR("null");
    room_tell(ch, room, PEOPLE_SAY, body);
    fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
}

static void room_set_status(struct fl_channel *ch, struct room *room,
                            const struct fl_channel_event *event)
{
    struct fl_str status = fl_jscan_get(event->payload, "status");
    if (status.at == NULL) status = FL_STR("null");
    room_tell(ch, room, PEOPLE_STATUS, status);
    fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
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
    if (msg->tag == PEOPLE_FRAME)
        fl_channel_push_frame(ch, msg->shared);
    else if (msg->tag == PEOPLE_STATE)
        fl_channel_push(ch, "presence_state", (struct fl_str){msg->data, msg->len});
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
