/* channel_inside.h: a channel's process, as channel.c (its life) and push.c (what it says) see it.
 */
#ifndef FL_WEB_CHANNEL_INSIDE_H
#define FL_WEB_CHANNEL_INSIDE_H

#include "services/web/inside.h"

enum channel_phase { CHANNEL_JOINING = 0, CHANNEL_JOINED, CHANNEL_REFUSED, CHANNEL_ENDED };

struct fl_channel {
    struct fl_self *self;
    struct web_boot *boot; /* counted */
    const struct fl_channel_server *server;
    void *state;
    struct fl_pid conn;
    struct web_seat *seat;
    struct fl_str join_ref; /* while joining: what answers the join */
    enum channel_phase phase;
    bool join_answered, deflates;
};

/** Begins a frame to the client that holds a payload of so many bytes. */
void web_channel_begin(const struct fl_channel *ch, struct fl_buf *out, size_t payload_len);
/** Sends it, and frees out. Nothing may wait in between. */
void web_channel_send(struct fl_channel *ch, struct fl_buf *out, enum fl_ws_opcode opcode);
/** Answers the join ok {}, unless it has an answer. */
void web_channel_answer_join(struct fl_channel *ch);
/** Answers what a client said on a topic that it did not get into. */
void web_channel_say_unmatched(struct fl_channel *ch, struct fl_str ref);

#endif
