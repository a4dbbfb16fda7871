/* talk.h: the channel `room:*`: one person in one room. */
#ifndef FL_CHAT_TALK_H
#define FL_CHAT_TALK_H

#include "services/web/web.h"

/** A person joins. */
int fl_talk_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join);
/** A person says or does something: a row of the table in talk.c. */
void fl_talk_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event);
/** The room has something for this person. */
void fl_talk_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg);
/** The room is gone. */
void fl_talk_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                     const struct fl_reason *reason);
/** Time to look for the room again. */
void fl_talk_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag);
/** How much memory a talk needs. */
#define FL_TALK_STATE_BYTES 512

#endif
