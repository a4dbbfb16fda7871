#include "services/chat/room.h"

#include "runtime/base/json.h"
#include "services/chat/roster.h"
#include "services/web/web.h"

#define ROOM_MEMBERS_MAX 20000
#define ROOM_BACK_WITHIN fl_s(5)  /* after its start: people of its predecessor come back */
#define ROOM_SETTLE_NS fl_ms(100) /* after one came back: then everybody is told who is there */
#define ROOM_EMPTY_NS fl_s(60)    /* without people: it asks to be closed */
#define ROOM_HISTORY_MAX 4096
#define ROOM_HISTORY_BYTES_MAX ((size_t)8 << 20)

enum { ROOM_BACK_OVER = 1, ROOM_SETTLED, ROOM_STILL_EMPTY };

struct room {
    struct fl_roster roster;
    struct fl_str topic; /* at NULL until somebody came */
    struct fl_buf out;
    /* what was said since the start, while people may still come back */
    struct fl_shared **history;
    size_t history_count, history_bytes;
    bool history_on;
    bool settling;
    uint64_t empty_timer;
};

static void room_forget_history(struct room *room)
{
    for (size_t i = 0; i < room->history_count; i++)
        fl_shared_release(room->history[i]);
    free(room->history);
    room->history = NULL;
    room->history_count = room->history_bytes = 0;
    room->history_on = false;
}

static void room_fini(void *ptr)
{
    struct room *room = ptr;
    room_forget_history(room);
    fl_roster_fini(&room->roster);
    fl_buf_fini(&room->out);
}

static int room_on_init(struct fl_self *self, void *state, const void *args)
{
    struct room *room = state;
    room->history_on = true;
    fl_self_own(self, room, room_fini);
    fl_timer_start(self, ROOM_BACK_WITHIN, ROOM_BACK_OVER);
    room->empty_timer = fl_timer_start(self, ROOM_EMPTY_NS, ROOM_STILL_EMPTY);
    return 0;
}

/* Somebody whose mailbox is full would miss a message and not know: better it starts anew. */
static void room_sent(struct fl_self *self, uint64_t member_id, int rc)
{
    struct fl_pid pid = {member_id};
    if (rc == FL_EFULL) fl_exit(self, pid, fl_reason_of(FL_EXIT_KILL));
}

static void room_send_all(struct fl_self *self, struct room *room, uint32_t tag,
                          struct fl_shared *shared)
{
    for (struct fl_roster_member *m = room->roster.first; m != NULL; m = m->next) {
        struct fl_pid pid = {m->id};
        room_sent(self, m->id, fl_send_shared(self, pid, tag, fl_shared_retain(shared)));
    }
}

static void room_remember(struct room *room, struct fl_shared *frame)
{
    if (!room->history_on) return;
    size_t len = fl_shared_len(frame);
    if (room->history_count == ROOM_HISTORY_MAX ||
        room->history_bytes + len > ROOM_HISTORY_BYTES_MAX) {
        room_forget_history(room); /* who comes back now must join anew: room_join says so */
        return;
    }
    if (room->history == NULL) room->history = fl_new_array(struct fl_shared *, ROOM_HISTORY_MAX);
    room->history[room->history_count++] = fl_shared_retain(frame);
    room->history_bytes += len;
}

/* Encoded once, whatever the number of people. */
static void room_broadcast(struct fl_self *self, struct room *room, const char *event,
                           struct fl_str payload)
{
    struct fl_shared *frame = fl_web_frame(room->topic, event, payload);
    if (strcmp(event, "new_msg") == 0) room_remember(room, frame);
    room_send_all(self, room, FL_ROOM_FRAME, frame);
    fl_shared_release(frame);
}

static struct fl_str room_out(const struct room *room)
{
    return (struct fl_str){room->out.at, room->out.len};
}

static void room_send_state(struct fl_self *self, struct room *room, uint64_t member_id)
{
    struct fl_pid pid = {member_id};
    room->out.len = 0;
    fl_roster_put_state(&room->roster, &room->out);
    room_sent(self, member_id, fl_send(self, pid, FL_ROOM_STATE, room->out.at, room->out.len));
}

static void room_replay(struct fl_self *self, struct room *room, uint64_t member_id)
{
    struct fl_pid pid = {member_id};
    for (size_t i = 0; i < room->history_count; i++) {
        struct fl_shared *frame = fl_shared_retain(room->history[i]);
        room_sent(self, member_id, fl_send_shared(self, pid, FL_ROOM_FRAME, frame));
    }
}

static void room_keep_topic(struct fl_self *self, struct room *room, struct fl_str topic)
{
    if (room->topic.at != NULL) return;
    char *copy = fl_self_alloc(self, topic.len + 1);
    memcpy(copy, topic.at, topic.len);
    room->topic = (struct fl_str){copy, topic.len};
}

static int room_may_join(const struct room *room, const struct fl_room_join *join, uint64_t id)
{
    if (fl_roster_find(&room->roster, id) != NULL) return FL_ETAKEN;
    if (room->roster.members_count >= ROOM_MEMBERS_MAX) return FL_EFULL;
    if (join->again && !room->history_on) return FL_ESTATE; /* it may have missed something */
    return 0;
}

static int room_join(struct fl_self *self, struct room *room, const struct fl_msg *msg)
{
    struct fl_room_join join;
    FL_ASSERT(msg->len >= sizeof join);
    memcpy(&join, msg->data, sizeof join);
    const char *at = (const char *)msg->data + sizeof join;
    struct fl_str topic = {at, join.topic_len};
    struct fl_str user = {topic.at + topic.len, join.user_len};
    struct fl_str status = {user.at + user.len, join.status_len};

    int rc = room_may_join(room, &join, msg->from.bits);
    if (rc != 0) return rc;
    room_keep_topic(self, room, topic);
    if (room->empty_timer != 0) fl_timer_cancel(self, room->empty_timer);
    room->empty_timer = 0;
    struct fl_roster_member *member = fl_roster_add(&room->roster, msg->from.bits, user, status,
                                                    join.ref);
    member->monitor = fl_monitor(self, msg->from);
    if (join.again) {
        /* Clients still show the predecessor's people; they are told once all had time to come. */
        room_replay(self, room, member->id);
        if (!room->settling) fl_timer_start(self, ROOM_SETTLE_NS, ROOM_SETTLED);
        room->settling = true;
        return 0;
    }
    room_send_state(self, room, member->id);
    room->out.len = 0;
    fl_roster_put_join(member, &room->out);
    room_broadcast(self, room, "presence_diff", room_out(room));
    return 0;
}

static int room_say(struct fl_self *self, struct room *room, const struct fl_msg *msg)
{
    struct fl_room_say say;
    FL_ASSERT(msg->len >= sizeof say);
    memcpy(&say, msg->data, sizeof say);
    const char *at = (const char *)msg->data + sizeof say;
    struct fl_roster_member *member = fl_roster_find(&room->roster, msg->from.bits);
    if (member == NULL) return FL_ENOTFOUND;
    room->out.len = 0;
    fl_buf_puts(&room->out, "{\"user\":");
    fl_json_put_str(&room->out, fl_roster_name(member));
    fl_buf_puts(&room->out, ",\"body\":");
    fl_buf_add(&room->out, at, say.body_len);
    if (say.id_len > 0) {
        fl_buf_puts(&room->out, ",\"id\":");
        fl_buf_add(&room->out, at + say.body_len, say.id_len);
    }
    fl_buf_putc(&room->out, '}');
    room_broadcast(self, room, "new_msg", room_out(room));
    return 0;
}

static int room_status(struct fl_self *self, struct room *room, const struct fl_msg *msg)
{
    struct fl_room_status status;
    FL_ASSERT(msg->len >= sizeof status);
    memcpy(&status, msg->data, sizeof status);
    struct fl_str text = {(const char *)msg->data + sizeof status, status.status_len};
    struct fl_roster_member *member = fl_roster_find(&room->roster, msg->from.bits);
    if (member == NULL) return FL_ENOTFOUND;
    room->out.len = 0;
    fl_roster_update(member, text, status.ref, &room->out);
    room_broadcast(self, room, "presence_diff", room_out(room));
    return 0;
}

static const struct {
    uint32_t tag;
    int (*handle)(struct fl_self *self, struct room *room, const struct fl_msg *msg);
} room_calls[] = {
    {FL_ROOM_JOIN, room_join},
    {FL_ROOM_SAY, room_say},
    {FL_ROOM_STATUS, room_status},
};

/* What is broadcast and its answer are one step: a room dies before both or after both. */
static void room_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    int rc = FL_EBADMSG;
    for (size_t i = 0; i < FL_COUNT(room_calls); i++)
        if (room_calls[i].tag == msg->tag) rc = room_calls[i].handle(self, state, msg);
    if (rc == 0)
        fl_self_reply(self, msg->from, msg->ref, NULL, 0);
    else
        fl_self_reply_error(self, msg->from, msg->ref, rc);
}

static void room_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    struct room *room = state;
    struct fl_roster_member *member = fl_roster_find(&room->roster, who.bits);
    if (member == NULL) return;
    room->out.len = 0;
    fl_roster_put_leave(member, &room->out);
    fl_roster_remove(&room->roster, member);
    room_broadcast(self, room, "presence_diff", room_out(room));
    if (room->roster.members_count == 0)
        room->empty_timer = fl_timer_start(self, ROOM_EMPTY_NS, ROOM_STILL_EMPTY);
}

static void room_settle(struct fl_self *self, struct room *room)
{
    room->settling = false;
    room->out.len = 0;
    fl_roster_put_state(&room->roster, &room->out);
    struct fl_shared *shared = fl_shared_new(room->out.at, room->out.len);
    room_send_all(self, room, FL_ROOM_STATE, shared);
    fl_shared_release(shared);
}

/* The door closes us; somebody who comes in between opens a new room. */
static void room_ask_to_close(struct fl_self *self, struct room *room)
{
    room->empty_timer = 0;
    if (room->roster.members_count > 0 || room->topic.at == NULL) return;
    const char *name = memchr(room->topic.at, ':', room->topic.len);
    FL_ASSERT(name != NULL);
    struct fl_pid door = fl_whereis(fl_self_node(self), FL_DOOR_NAME);
    fl_send(self, door, FL_DOOR_EMPTY, name + 1, strlen(name + 1) + 1);
    room->empty_timer = fl_timer_start(self, ROOM_EMPTY_NS, ROOM_STILL_EMPTY);
}

static void room_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct room *room = state;
    if (tag == ROOM_BACK_OVER)
        room_forget_history(room);
    else if (tag == ROOM_SETTLED)
        room_settle(self, room);
    else if (tag == ROOM_STILL_EMPTY)
        room_ask_to_close(self, room);
}

const struct fl_server fl_room_server = {
    .name = "room",
    .state_bytes = sizeof(struct room),
    .on_init = room_on_init,
    .on_call = room_on_call,
    .on_down = room_on_down,
    .on_timer = room_on_timer,
};
