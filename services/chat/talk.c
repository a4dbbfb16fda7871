#include "services/chat/talk.h"

#include "services/chat/room.h"
#include "services/wire/jscan.h"

#define TALK_CALL_NS fl_s(5)
#define TALK_AGAIN_NS fl_ms(50)
#define TALK_AGAIN_MAX 100
#define TALK_CALLS_MAX 5

struct talk {
    struct fl_pid room;
    uint64_t monitor;
    char name[FL_ROOM_NAME_MAX + 1]; /* of the room */
    char user[FL_ROOM_USER_MAX + 1];
    size_t user_len;
    char status[FL_ROOM_STATUS_MAX + 1]; /* JSON text */
    char ref[40];
    int tries;         /* to find the room again */
    struct fl_buf out; /* the request under way */
};
_Static_assert(sizeof(struct talk) <= FL_TALK_STATE_BYTES, "see talk.h");

static void talk_fini(void *ptr)
{
    struct talk *talk = ptr;
    fl_buf_fini(&talk->out);
}

/* Unique for every connection and change: pids are not reused soon, and time does not stand still
 * over a restart of the program. */
static void talk_new_ref(struct fl_channel *ch, struct talk *talk)
{
    struct fl_self *self = fl_channel_self(ch);
    snprintf(talk->ref, sizeof talk->ref, "%llx.%llx", (unsigned long long)fl_self_now(self),
             (unsigned long long)fl_self_pid(self).bits);
}

/* ---- the way to the room */

static int talk_find_room(struct fl_self *self, struct talk *talk)
{
    struct fl_pid door = fl_whereis(fl_self_node(self), FL_DOOR_NAME);
    if (door.bits == 0) return FL_ENOPROC;
    return fl_call(self, door, FL_DOOR_OPEN, talk->name, strlen(talk->name) + 1, &talk->room,
                   sizeof talk->room, NULL, TALK_CALL_NS);
}

static int talk_attach(struct fl_channel *ch, struct talk *talk, bool again)
{
    struct fl_self *self = fl_channel_self(ch);
    if (talk->monitor != 0) fl_demonitor(self, talk->monitor);
    talk->monitor = 0;
    talk->room = FL_NO_PID;
    int rc = talk_find_room(self, talk);
    if (rc != 0) return rc;

    struct fl_str topic = fl_channel_topic(ch);
    struct fl_room_join join = {
        .topic_len = (uint32_t)topic.len,
        .user_len = (uint32_t)talk->user_len,
        .status_len = (uint32_t)strlen(talk->status),
        .again = again,
    };
    memcpy(join.ref, talk->ref, sizeof join.ref);
    talk->out.len = 0;
    fl_buf_add(&talk->out, &join, sizeof join);
    fl_buf_add(&talk->out, topic.at, topic.len);
    fl_buf_add(&talk->out, talk->user, talk->user_len);
    fl_buf_puts(&talk->out, talk->status);
    talk->monitor = fl_monitor(self, talk->room);
    rc = fl_call(self, talk->room, FL_ROOM_JOIN, talk->out.at, talk->out.len, NULL, 0, NULL,
                 TALK_CALL_NS);
    if (rc == 0) talk->tries = 0;
    return rc;
}

/* Did this certainly not happen, because the room was gone before it answered? */
static bool talk_room_was_gone(int rc)
{
    return rc == FL_ENOPROC || rc == FL_EDIED;
}

/* Calls the room with talk->out, and again if it was restarted meanwhile: what a dead room did not
 * answer it did not do, so nothing is said twice. */
static int talk_call(struct fl_channel *ch, struct talk *talk, uint32_t tag)
{
    struct fl_self *self = fl_channel_self(ch);
    size_t len = talk->out.len;
    void *kept = fl_self_alloc(self, len); /* attaching writes to out */
    memcpy(kept, talk->out.at, len);
    int rc = FL_ENOPROC;
    for (int i = 0; i < TALK_CALLS_MAX && talk_room_was_gone(rc); i++) {
        if (i > 0 || talk->room.bits == 0)
            rc = talk_attach(ch, talk, true);
        else
            rc = 0;
        if (rc == 0) rc = fl_call(self, talk->room, tag, kept, len, NULL, 0, NULL, TALK_CALL_NS);
    }
    fl_self_free(self, kept);
    return rc;
}

static void talk_come_back(struct fl_channel *ch, struct talk *talk)
{
    struct fl_self *self = fl_channel_self(ch);
    int rc = talk_attach(ch, talk, true);
    if (rc == 0) return;
    /* Too late to hear all that was said (FL_ESTATE), or nobody there: the client joins anew. */
    bool is_too_late = rc == FL_ESTATE && talk->room.bits != 0;
    if (is_too_late || ++talk->tries > TALK_AGAIN_MAX)
        fl_self_fail(self, rc);
    else
        fl_timer_start(self, TALK_AGAIN_NS, 0);
}

void fl_talk_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                     const struct fl_reason *reason)
{
    struct talk *talk = state;
    if (ref == talk->monitor) talk_come_back(ch, talk);
}

void fl_talk_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag)
{
    struct talk *talk = state;
    bool attached = talk->monitor != 0 && talk->tries == 0;
    if (!attached) talk_come_back(ch, talk);
}

void fl_talk_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    if (msg->tag == FL_ROOM_FRAME && msg->shared != NULL)
        fl_channel_push_frame(ch, msg->shared);
    else if (msg->tag == FL_ROOM_STATE)
        fl_channel_push(ch, "presence_state", (struct fl_str){msg->data, msg->len});
}

/* ---- joining */

static int talk_refuse(struct fl_channel *ch, const struct fl_channel_event *join,
                       const char *reason)
{
    fl_channel_reply(ch, join->ref, "error", fl_str_of(reason));
    return FL_EREFUSED;
}

static bool talk_plain(struct fl_str text, size_t max)
{
    if (text.at == NULL || text.len == 0 || text.len > max) return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20) return false;
    return true;
}

static bool talk_read_user(struct talk *talk, struct fl_str payload)
{
    talk->out.len = 0;
    struct fl_str user = fl_jscan_get_text(payload, "user", &talk->out);
    if (!talk_plain(user, FL_ROOM_USER_MAX)) return false;
    memcpy(talk->user, user.at, user.len);
    talk->user_len = user.len;
    return true;
}

int fl_talk_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct talk *talk = state;
    struct fl_str name = fl_channel_topic(ch);
    fl_str_cut(&name, ':');
    fl_self_own(fl_channel_self(ch), talk, talk_fini);
    if (fl_str_is(name, "forbidden")) return talk_refuse(ch, join, "{\"reason\":\"unauthorized\"}");
    if (!talk_plain(name, FL_ROOM_NAME_MAX))
        return talk_refuse(ch, join, "{\"reason\":\"a room's name has 1 to 64 characters\"}");
    if (join->binary || !talk_read_user(talk, join->payload))
        return talk_refuse(ch, join, "{\"reason\":\"join with a user of 1 to 64 characters\"}");
    memcpy(talk->name, name.at, name.len);
    memcpy(talk->status, "\"online\"", sizeof "\"online\"");
    talk_new_ref(ch, talk);
    int rc = FL_ENOPROC;
    for (int i = 0; i < TALK_CALLS_MAX && talk_room_was_gone(rc); i++)
        rc = talk_attach(ch, talk, false);
    if (rc == FL_EFULL) return talk_refuse(ch, join, "{\"reason\":\"this is full\"}");
    if (rc != 0) return talk_refuse(ch, join, "{\"reason\":\"the room is not there\"}");
    return 0;
}

/* ---- what people do */

static void talk_answer(struct fl_channel *ch, const struct fl_channel_event *event, int rc)
{
    if (rc == 0) fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
    /* A room that is slow may still do it: silence is the honest answer. */
    else if (rc != FL_ETIMEOUT)
        fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"the room is down\"}"));
}

static void talk_new_msg(struct fl_channel *ch, struct talk *talk,
                         const struct fl_channel_event *event)
{
    struct fl_str body = fl_jscan_get(event->payload, "body");
    struct fl_str id = fl_jscan_get(event->payload, "id");
    if (body.at == NULL) {
        fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"body is missing\"}"));
        return;
    }
    struct fl_room_say say = {.body_len = (uint32_t)body.len, .id_len = (uint32_t)id.len};
    talk->out.len = 0;
    fl_buf_add(&talk->out, &say, sizeof say);
    fl_buf_add(&talk->out, body.at, body.len);
    fl_buf_add(&talk->out, id.at, id.len);
    talk_answer(ch, event, talk_call(ch, talk, FL_ROOM_SAY));
}

static void talk_set_status(struct fl_channel *ch, struct talk *talk,
                            const struct fl_channel_event *event)
{
    struct fl_str text = fl_jscan_get(event->payload, "status");
    if (text.len < 2 || text.at[0] != '"' || text.len > FL_ROOM_STATUS_MAX) {
        fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"status is a text\"}"));
        return;
    }
    talk_new_ref(ch, talk);
    memcpy(talk->status, text.at, text.len);
    talk->status[text.len] = '\0';
    struct fl_room_status status = {.status_len = (uint32_t)text.len};
    memcpy(status.ref, talk->ref, sizeof status.ref);
    talk->out.len = 0;
    fl_buf_add(&talk->out, &status, sizeof status);
    fl_buf_add(&talk->out, text.at, text.len);
    talk_answer(ch, event, talk_call(ch, talk, FL_ROOM_STATUS));
}

static void talk_echo(struct fl_channel *ch, struct talk *talk,
                      const struct fl_channel_event *event)
{
    if (event->binary)
        fl_channel_reply_binary(ch, event->ref, "ok", event->payload);
    else
        fl_channel_reply(ch, event->ref, "ok", event->payload);
}

static void talk_fail(struct fl_channel *ch, struct talk *talk,
                      const struct fl_channel_event *event)
{
    fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"failed\"}"));
}

static void talk_silent(struct fl_channel *ch, struct talk *talk,
                        const struct fl_channel_event *event)
{
}

static void talk_crash(struct fl_channel *ch, struct talk *talk,
                       const struct fl_channel_event *event)
{
    fl_self_fail(fl_channel_self(ch), FL_EBADMSG);
}

static const struct {
    const char *event;
    bool binary_too;
    void (*handle)(struct fl_channel *ch, struct talk *talk, const struct fl_channel_event *event);
} talk_events[] = {
    {"new_msg", false, talk_new_msg}, {"set_status", false, talk_set_status},
    {"echo", true, talk_echo},        {"fail", true, talk_fail},
    {"silent", true, talk_silent},    {"crash", true, talk_crash},
};

void fl_talk_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    for (size_t i = 0; i < FL_COUNT(talk_events); i++) {
        if (!fl_str_is(event->event, talk_events[i].event)) continue;
        if (event->binary && !talk_events[i].binary_too) break;
        talk_events[i].handle(ch, state, event);
        return;
    }
    fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"unknown event\"}"));
}
