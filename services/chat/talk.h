/* talk.h: the channel `room:*`: one device of one person in one room. */
#ifndef FL_CHAT_TALK_H
#define FL_CHAT_TALK_H

#include "services/chat/outbox.h"
#include "services/chat/pace.h"
#include "services/chat/room.h"
#include "services/web/web.h"

#define FL_TALK_DEVICE_MAX 32

/** Its state; private to talk*.c. */
struct fl_talk {
    struct fl_chat *chat;
    char name[FL_ROOM_NAME_MAX + 1]; /* of the room */
    char device[FL_TALK_DEVICE_MAX + 1];
    uint8_t user_len, device_len;
    char user[FL_ROOM_USER_MAX + 1];
    bool is_seeking;         /* the room is not there */
    uint32_t ids;            /* of messages that came without one */
    struct fl_outbox outbox; /* to the room */
    struct fl_pace pace;
    fl_ns typing_ns; /* when another hint may be given */
    int64_t online_ms;

    int64_t last;          /* the client has all changes up to this one */
    int64_t behind;        /* there is one of this number */
    uint64_t asks_ref;     /* what is missing is being asked for; 0: it is not */
    struct fl_buf out;     /* the request under way */
    struct fl_buf welcome; /* the answer to the join, until it is given */
};

/** The channels of a socket: `room:*`. The site's args are a struct fl_chat. */
extern const struct fl_channel_server fl_talk_channels[];

enum { FL_TALK_SEEK = 1, FL_TALK_CATCH_UP };

/* talk_hear.c: exactly once and in order */
/** Subscribes to the room's changes. */
void fl_talk_listen(struct fl_channel *ch, struct fl_talk *talk);
/** A broadcast; false: not one of a room. */
bool fl_talk_hear(struct fl_channel *ch, struct fl_talk *talk, const struct fl_msg *msg);
/** An answer; false: not to a question of this file. */
bool fl_talk_caught_up(struct fl_channel *ch, struct fl_talk *talk, uint64_t ref, int code,
                       struct fl_str data);
/** Asks the writer for what is missing, if anything is. */
void fl_talk_catch_up(struct fl_channel *ch, struct fl_talk *talk);

/* talk_history.c: what was said before */
/** Appends `{"seq":…,"messages":[…],…}` to out: what a client that knows the room up to `since`
 * has missed; below 0: the newest messages. Then talk->last is what it knows. Waits. FL_ENOPROC
 * and others: the writer is not there. */
int fl_talk_read(struct fl_self *self, struct fl_talk *talk, int64_t since, struct fl_buf *out);
/** A whole number at a key of the payload, or the fallback. */
int64_t fl_talk_number(struct fl_str payload, const char *key, int64_t fallback);
/** Answers a `history` event; waits. */
void fl_talk_history(struct fl_channel *ch, struct fl_talk *talk,
                     const struct fl_channel_event *event);

#endif
