/* feed.h: one process, many viewers: it encodes a frame once, and every viewer's channel gets the
 * same block.
 *
 * A viewer asks for the next frame when it has sent the last, so a slow one gets fewer and holds
 * nobody up; when the process is restarted, its viewers find the new one and stay joined.
 * Thread: each side in its own process. */
#ifndef FL_LOOK_FEED_H
#define FL_LOOK_FEED_H

#include "services/web/web.h"

/* The process's side. It gets FIRST and NEXT as casts, and hands them to fl_feed_on_cast. */
enum { FL_FEED_FIRST = 0x66650001, FL_FEED_NEXT, FL_FEED_FRAME, FL_FEED_EXTRA };

/** In the state of the process that feeds; zero is a valid one. */
struct fl_feed {
    struct fl_shared *frame; /* the last one; NULL before the first */
    struct fl_pid *waiting;  /* who wants the next; dead ones cost one send */
    size_t waiting_count, waiting_cap;
};

/** A cast of a viewer. True: it is its first, and may be sent extras with fl_feed_send_extra. */
bool fl_feed_on_cast(struct fl_self *self, struct fl_feed *feed, const struct fl_msg *msg);
/** The next frame, for all who wait and for those who come later. Takes the reference. */
void fl_feed_send(struct fl_self *self, struct fl_feed *feed, struct fl_shared *frame_take);
/** One more frame for one viewer, besides the row. Takes the reference. */
void fl_feed_send_extra(struct fl_self *self, struct fl_pid viewer, struct fl_shared *frame_take);

/* The viewer's side: callbacks of a row of channels whose cx is the registered name of the process.
 */

/** Joins anybody. */
int fl_feed_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join);
/** Passes frames on. */
void fl_feed_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg);
/** Looks for the successor. */
void fl_feed_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                     const struct fl_reason *reason);
/** Looks again. */
void fl_feed_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag);

/** The row of a site's channels for a topic that the process of this registered name feeds. */
#define FL_FEED_CHANNEL(topic_text, process_name)                                                  \
    {                                                                                              \
        .topic = (topic_text), .cx = (process_name), .on_join = fl_feed_on_join,                   \
        .on_message = fl_feed_on_message, .on_down = fl_feed_on_down, .on_timer = fl_feed_on_timer \
    }

#endif
