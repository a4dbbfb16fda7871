/* room.h: one chat room, a process: its people, its messages in order.
 *
 * People are the processes of their channels; they join by call and leave by ending. A room that
 * was restarted remembers for a while what it broadcast since, so that people who attach again miss
 * nothing and hear nothing twice. */
#ifndef FL_CHAT_ROOM_H
#define FL_CHAT_ROOM_H

#include "runtime/server.h"

#define FL_ROOM_NAME_MAX 64
#define FL_ROOM_USER_MAX 64
#define FL_ROOM_STATUS_MAX 256

/** Calls that a room answers, and casts that its people get. */
enum fl_room_tag {
    FL_ROOM_JOIN = 1, /* call: struct fl_room_join, topic, user, status */
    FL_ROOM_SAY,      /* call: struct fl_room_say, body, id */
    FL_ROOM_STATUS,   /* call: struct fl_room_status, status */
    FL_ROOM_FRAME,    /* to people: a shared frame for the client */
    FL_ROOM_STATE,    /* to people: payload of presence_state */
};

/** A person comes, or comes back after the room was restarted. */
struct fl_room_join {
    uint32_t topic_len, user_len, status_len;
    bool again;
    char ref[40]; /* phx_ref, chosen by the person: the same after a restart */
};
/** A message; body and id are JSON text, id may be empty. */
struct fl_room_say {
    uint32_t body_len, id_len;
};
/** A new status, JSON text. */
struct fl_room_status {
    uint32_t status_len;
    char ref[40];
};

extern const struct fl_server fl_room_server;

/** The door: opens rooms by name and closes empty ones; a process named like this. */
#define FL_DOOR_NAME "door"
enum fl_door_tag {
    FL_DOOR_OPEN = 1, /* call: the room's name, with its NUL; answer: struct fl_pid */
    FL_DOOR_EMPTY,    /* cast by an empty room: the same */
};
extern const struct fl_server fl_door_server;
/** The supervisor of the rooms has this name. */
#define FL_ROOMS_NAME "rooms"

#endif
