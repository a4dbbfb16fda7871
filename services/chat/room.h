/* room.h: one chat room, a process that puts changes in order: it has each one written, then
 * broadcasts it, then answers.
 *
 * It knows nobody: who is there subscribes to topics and is tracked by presence, on this node or
 * another. When it crashes its successor says how far the room has come (FL_CHAT_UP), and whoever
 * is behind asks the writer. So nothing that was written is lost or told twice, whatever dies. */
#ifndef FL_CHAT_ROOM_H
#define FL_CHAT_ROOM_H

#include "runtime/presence.h"
#include "services/chat/ask.h"

#define FL_ROOM_NAME_MAX FL_ARCHIVE_NAME_MAX
#define FL_ROOM_USER_MAX FL_ARCHIVE_NAME_MAX
#define FL_ROOM_TOPIC_MAX (FL_ROOM_NAME_MAX + 12)

/** What all processes of a chat share; outlives them. */
struct fl_chat {
    struct fl_pubsub *pubsub;
    struct fl_presence *presence; /* of topics `room:<name>`, by user */
    struct fl_archive_opts archive;
};

/* Of a room `x`, presence_diff and typing are web broadcasts on the topic `room:x`, which go
 * straight to the clients. On the topic `changes:x` these are broadcast, for who counts: */
enum {
    FL_CHAT_CHANGE = 0x63680010, /* struct fl_chat_change and the JSON payload of its event */
    FL_CHAT_UP,                  /* int64_t: the room's last number; who is behind asks */
};
struct fl_chat_change {
    int64_t seq, number;
    uint32_t kind; /* FL_ARCHIVE_SAY, _EDIT, _ERASE */
};
/** The event of a change: new_msg, msg_edited, msg_deleted. */
const char *fl_chat_event(uint32_t kind);
/** Writes `room:<name>` and a NUL. Returns out. */
const char *fl_chat_topic(const char *room, char out[FL_ROOM_TOPIC_MAX]);
/** Writes `changes:<name>` and a NUL. Returns out. */
const char *fl_chat_changes(const char *room, char out[FL_ROOM_TOPIC_MAX]);

/** What a room is started with; copied. */
struct fl_room_args {
    struct fl_chat *chat;
    char name[FL_ROOM_NAME_MAX + 1];
};
/** Answers FL_CHAT_ASK calls that change its room with a struct fl_chat_answer. */
extern const struct fl_server fl_room_server;

/** The door: opens rooms by name and closes empty ones; a process named like this. */
#define FL_DOOR_NAME "door"
enum fl_door_tag {
    FL_DOOR_OPEN = 1, /* call: the room's name, with its NUL; answer: struct fl_pid */
    FL_DOOR_EMPTY,    /* cast by an empty room: the same */
};
/** args: the struct fl_chat. */
extern const struct fl_server fl_door_server;
/** The supervisor of the rooms has this name. */
#define FL_ROOMS_NAME "rooms"

/** The room of this name, opened when it is not; waits at most 5 s. FL_EFULL: too many rooms; or
 * the codes of fl_call. */
int fl_chat_find_room(struct fl_self *self, const char *name, struct fl_pid *out);

#endif
