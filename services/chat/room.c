#include "services/chat/room.h"

#include "runtime/base/json.h"
#include "runtime/server.h"
#include "services/chat/outbox.h"
#include "services/chat/writer.h"

#define ROOM_WAITING_MAX 4096      /* changes that are not written yet; more: FL_EFULL */
#define ROOM_WRITE_WITHIN fl_s(10) /* later nobody knows, and who asked asks again */
#define ROOM_AGAIN_NS fl_ms(20)    /* no writer: look again */
#define ROOM_IDLE_NS fl_s(60)      /* nobody there, nothing said: it asks to be closed */

#define ROOM_UP_NS fl_s(1) /* after a change: who has lost it, in a full mailbox, is told again */

enum { ROOM_AGAIN = 1, ROOM_IDLE, ROOM_UP };

struct room {
    struct fl_chat *chat;
    char name[FL_ROOM_NAME_MAX + 1];
    char changes[FL_ROOM_TOPIC_MAX];
    int64_t last; /* the last change that was broadcast, or that is not ours to broadcast */
    struct fl_outbox outbox; /* to the writer */
    bool is_waiting;         /* for a writer */
    bool has_up;             /* ROOM_UP is coming */
    bool is_busy;            /* something was said since it last looked */
    struct fl_buf out;
};

/* Who asked; bits 0: this room itself. */
struct room_asker {
    struct fl_pid from;
    uint64_t ref;
};

const char *fl_chat_event(uint32_t kind)
{
    return kind == FL_ARCHIVE_SAY    ? "new_msg"
           : kind == FL_ARCHIVE_EDIT ? "msg_edited"
                                     : "msg_deleted";
}

const char *fl_chat_topic(const char *room, char out[FL_ROOM_TOPIC_MAX])
{
    snprintf(out, FL_ROOM_TOPIC_MAX, "room:%s", room);
    return out;
}

const char *fl_chat_changes(const char *room, char out[FL_ROOM_TOPIC_MAX])
{
    snprintf(out, FL_ROOM_TOPIC_MAX, "changes:%s", room);
    return out;
}

static void room_fini(void *ptr)
{
    fl_buf_fini(&((struct room *)ptr)->out);
}

/* ---- the way to the writer */

static void room_reach_writer(struct fl_self *self, struct room *room)
{
    struct fl_pid writer = fl_whereis(fl_self_node(self), FL_WRITER_NAME);
    room->is_waiting = writer.bits == 0;
    if (room->is_waiting)
        fl_timer_start(self, ROOM_AGAIN_NS, ROOM_AGAIN);
    else
        fl_outbox_to(self, &room->outbox, writer);
}

/* Where has the room come to? The first question, and answered before any change. */
static void room_ask_last(struct fl_self *self, struct room *room)
{
    const struct fl_archive_op op = {.kind = FL_ARCHIVE_SINCE, .room = fl_str_of(room->name)};
    const struct room_asker me = {FL_NO_PID, 0};
    room->out.len = 0;
    fl_chat_ask_put(&op, &room->out);
    fl_outbox_add(self, &room->outbox, (struct fl_str){room->out.at, room->out.len},
                  (struct fl_str){(const char *)&me, sizeof me});
}

static int room_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct fl_room_args *given = args;
    struct room *room = state;
    room->chat = given->chat;
    memcpy(room->name, given->name, sizeof room->name);
    fl_chat_changes(room->name, room->changes);
    fl_outbox_init(self, &room->outbox, FL_CHAT_ASK, ROOM_WAITING_MAX, ROOM_WRITE_WITHIN);
    fl_self_own(self, room, room_fini);
    room_ask_last(self, room);
    room_reach_writer(self, room);
    fl_timer_start(self, ROOM_IDLE_NS, ROOM_IDLE);
    return 0;
}

/* ---- changes */

static void room_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct room *room = state;
    struct fl_str bytes = {msg->data, msg->len};
    struct fl_archive_op op;
    int rc = FL_EBADMSG;
    if (msg->tag == FL_CHAT_ASK && fl_chat_ask_read(bytes, &op) && op.kind < FL_ARCHIVE_PAGE &&
        fl_str_is(op.room, room->name)) {
        const struct room_asker asker = {msg->from, msg->ref};
        rc = fl_outbox_add(self, &room->outbox, bytes,
                           (struct fl_str){(const char *)&asker, sizeof asker});
    }
    if (rc != 0) fl_self_reply_error(self, msg->from, msg->ref, rc);
}

static void room_put_change(const struct fl_archive_op *op, const struct fl_chat_answer *answer,
                            struct fl_buf *out)
{
    if (op->kind == FL_ARCHIVE_SAY) {
        const struct fl_message message = {
            .user = op->user,
            .body = op->body,
            .id = op->id,
            .at_ms = answer->at_ms,
            .seq = answer->seq,
            .number = answer->number,
        };
        fl_message_put(&message, out);
        return;
    }
    fl_buf_puts(out, "{\"user\":");
    fl_json_put_str(out, op->user);
    if (op->kind == FL_ARCHIVE_EDIT) {
        fl_buf_puts(out, ",\"body\":");
        fl_buf_add(out, op->body.at, op->body.len);
    }
    fl_buf_printf(out, ",\"at\":%lld,\"edited_at\":%lld,\"seq\":%lld,\"ver\":%lld}",
                  (long long)answer->said_ms, (long long)answer->at_ms, (long long)answer->seq,
                  (long long)answer->number);
}

static void room_broadcast(struct fl_self *self, struct room *room, uint32_t tag)
{
    fl_pubsub_broadcast(self, room->chat->pubsub, room->changes, tag, room->out.at, room->out.len);
}

static void room_say_up(struct fl_self *self, struct room *room)
{
    room->out.len = 0;
    fl_buf_add(&room->out, &room->last, sizeof room->last);
    room_broadcast(self, room, FL_CHAT_UP);
}

/* A change was written. One that an earlier attempt has written may read otherwise than what is
 * asked now: then people are told to look for themselves. */
static void room_tell(struct fl_self *self, struct room *room, const struct fl_archive_op *op,
                      const struct fl_chat_answer *answer)
{
    if (answer->number <= room->last) return;
    room->last = answer->number;
    room->is_busy = true;
    if (!room->has_up) fl_timer_start(self, ROOM_UP_NS, ROOM_UP);
    room->has_up = true;

    if (answer->existed) {
        room_say_up(self, room);
        return;
    }
    struct fl_chat_change change = {.seq = answer->seq, .number = answer->number, .kind = op->kind};
    room->out.len = 0;
    fl_buf_add(&room->out, &change, sizeof change);
    room_put_change(op, answer, &room->out);
    room_broadcast(self, room, FL_CHAT_CHANGE);
}

static void room_learn_last(struct fl_self *self, struct room *room,
                            const struct fl_chat_answer *answer)
{
    if (answer->last <= room->last) return;
    room->last = answer->last;
    room_say_up(self, room);
}

/* The item is owned by the process meanwhile: a broadcast may wait. */
static void room_answered(struct fl_self *self, struct room *room,
                          const struct fl_outbox_item *item, int code, struct fl_str data)
{
    struct room_asker asker;
    struct fl_archive_op op;
    struct fl_chat_answer answer;
    struct fl_str rows;
    FL_ASSERT(item->cookie_len == sizeof asker);
    memcpy(&asker, item->cookie, sizeof asker);
    if (code == 0 && !fl_chat_answer_read(data.at, data.len, &answer, &rows)) code = FL_EBADMSG;
    if (code == 0 && !fl_chat_ask_read((struct fl_str){item->bytes, item->len}, &op))
        code = FL_EBADMSG;
    if (code == 0 && answer.code == 0 && asker.from.bits == 0)
        room_learn_last(self, room, &answer);
    else if (code == 0 && answer.code == 0)
        room_tell(self, room, &op, &answer);
    if (asker.from.bits == 0) return;
    if (code == 0)
        fl_self_reply(self, asker.from, asker.ref, &answer, sizeof answer);
    else
        fl_self_reply_error(self, asker.from, asker.ref, code);
}

static void room_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                          const void *data, size_t len)
{
    struct room *room = state;
    struct fl_outbox_item *item = fl_outbox_answer(self, &room->outbox, ref, code);
    if (item == NULL) {
        if (room->outbox.to.bits == 0 && !room->is_waiting) room_reach_writer(self, room);
        return;
    }
    fl_self_own(self, item, fl_outbox_item_free);
    room_answered(self, room, item, code, (struct fl_str){data, len});
    fl_self_disown(self, item);
    fl_outbox_item_free(item);
}

/* ---- idle */

/* The door closes us; somebody who comes in between opens a new room. */
static void room_ask_to_close(struct fl_self *self, struct room *room)
{
    char topic[FL_ROOM_TOPIC_MAX];
    fl_chat_topic(room->name, topic);
    bool is_used = room->is_busy || room->outbox.count > 0 ||
                   fl_presence_count(room->chat->presence, topic, NULL) > 0;
    struct fl_pid door = fl_whereis(fl_self_node(self), FL_DOOR_NAME);
    if (!is_used) fl_send(self, door, FL_DOOR_EMPTY, room->name, strlen(room->name) + 1);
    room->is_busy = false;
    fl_timer_start(self, ROOM_IDLE_NS, ROOM_IDLE);
}

static void room_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct room *room = state;
    if (tag == ROOM_AGAIN) room_reach_writer(self, room);
    if (tag == ROOM_IDLE) room_ask_to_close(self, room);
    if (tag == ROOM_UP) {
        room->has_up = false;
        room_say_up(self, room);
    }
}

const struct fl_server fl_room_server = {
    .name = "room",
    .state_bytes = sizeof(struct room),
    .on_init = room_on_init,
    .on_call = room_on_call,
    .on_reply = room_on_reply,
    .on_timer = room_on_timer,
};
