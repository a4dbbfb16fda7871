#include "services/look/feed.h"

#define FEED_RETRY_NS fl_ms(50)

/* ---- who feeds ---- */

static void feed_release(void *frame)
{
    fl_shared_release(frame);
}

static void feed_add(struct fl_self *self, struct fl_feed *feed, struct fl_pid viewer)
{
    if (feed->waiting_count == feed->waiting_cap) {
        size_t cap = feed->waiting_cap == 0 ? 16 : feed->waiting_cap * 2;
        struct fl_pid *larger = fl_self_alloc(self, cap * sizeof *larger);
        if (feed->waiting_count > 0)
            memcpy(larger, feed->waiting, feed->waiting_count * sizeof *larger);
        fl_self_free(self, feed->waiting);
        feed->waiting = larger;
        feed->waiting_cap = cap;
    }
    feed->waiting[feed->waiting_count++] = viewer;
}

bool fl_feed_on_cast(struct fl_self *self, struct fl_feed *feed, const struct fl_msg *msg)
{
    if (msg->tag != FL_FEED_FIRST && msg->tag != FL_FEED_NEXT) return false;
    bool first = msg->tag == FL_FEED_FIRST;
    if (first && feed->frame != NULL) /* and it will ask for the next */
        fl_send_shared(self, msg->from, FL_FEED_FRAME, fl_shared_retain(feed->frame));
    else
        feed_add(self, feed, msg->from);
    return first;
}

void fl_feed_send(struct fl_self *self, struct fl_feed *feed, struct fl_shared *frame_take)
{
    if (feed->frame != NULL) {
        fl_self_disown(self, feed->frame);
        fl_shared_release(feed->frame);
    }
    feed->frame = frame_take;
    fl_self_own(self, frame_take, feed_release);
    /* FL_EFULL: it has more than it can send already, and will ask again */
    for (size_t i = 0; i < feed->waiting_count; i++)
        fl_send_shared(self, feed->waiting[i], FL_FEED_FRAME, fl_shared_retain(frame_take));
    feed->waiting_count = 0;
}

void fl_feed_send_extra(struct fl_self *self, struct fl_pid viewer, struct fl_shared *frame_take)
{
    fl_send_shared(self, viewer, FL_FEED_EXTRA, frame_take);
}

/* ---- who views ---- */

/** Asks the process that is there now, or tries again soon. */
static void viewer_ask_first(struct fl_channel *ch)
{
    struct fl_self *self = fl_channel_self(ch);
    struct fl_pid who = fl_whereis(fl_self_node(self), fl_channel_cx(ch));
    if (fl_pid_eq(who, FL_NO_PID) || fl_send(self, who, FL_FEED_FIRST, NULL, 0) != 0)
        fl_timer_start(self, FEED_RETRY_NS, 0);
    else
        fl_monitor(self, who);
}

int fl_feed_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    (void)state;
    fl_channel_reply(ch, join->ref, "ok", FL_STR("{}"));
    viewer_ask_first(ch);
    return 0;
}

void fl_feed_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    (void)state;
    if (msg->shared == NULL) return;
    fl_channel_push_frame(ch, msg->shared);
    if (msg->tag == FL_FEED_FRAME) fl_send(fl_channel_self(ch), msg->from, FL_FEED_NEXT, NULL, 0);
}

void fl_feed_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                     const struct fl_reason *reason)
{
    (void)state, (void)ref, (void)who, (void)reason;
    viewer_ask_first(ch);
}

void fl_feed_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag)
{
    (void)state, (void)ref, (void)tag;
    viewer_ask_first(ch);
}
