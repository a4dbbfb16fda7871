/* lobby.h: which rooms there are, for pages: asked for as often as one likes, looked up once a
 * second at most. */
#ifndef FL_CHAT_LOBBY_H
#define FL_CHAT_LOBBY_H

#include "services/chat/room.h"

#define FL_LOBBY_NAME "lobby"
#define FL_LOBBY_ROOMS_MAX 60

/** A call with this tag is answered with at most FL_LOBBY_ROOMS_MAX struct fl_lobby_room: those
 * that something was said in last, latest first. */
#define FL_LOBBY_ROOMS 1
struct fl_lobby_room {
    char name[FL_ROOM_NAME_MAX + 1];
    int64_t at_ms;            /* when something was said last */
    int64_t messages;         /* that are kept */
    uint32_t people, devices; /* who are there now */
};
/** args: the struct fl_chat. */
extern const struct fl_server fl_lobby_server;

#endif
