/* notices.h: the process named `notices`: tells whoever subscribed what became of jobs and queues.
 *
 * Topics: `queue:<name>` gets events enqueued, leased, done, failed, dead, expired with
 * {"count","total"} and jobs with the counts by state, each at most ten times a second; `job:<id>`
 * gets done, failed or dead at once; `*` gets FL_NOTICES_CHANGED. Nothing is promised: a full
 * mailbox loses it, the next one has the totals. */
#ifndef FL_QUEUE_NOTICES_H
#define FL_QUEUE_NOTICES_H

#include "runtime/server.h"
#include "services/queue/store.h"

#define FL_NOTICES_NAME "notices"
#define FL_NOTICES_SUBSCRIBERS_MAX 20000

enum fl_notices_tag {
    FL_NOTICES_NEWS = 1,  /* cast of the store: what fl_notices_put wrote */
    FL_NOTICES_SUBSCRIBE, /* call: a topic; FL_EFULL. Ends with the caller */
    FL_NOTICES_FRAME,     /* to subscribers: a shared frame for their client */
    FL_NOTICES_CHANGED,   /* to subscribers of `*`: an array of struct fl_queue_news */
};

extern const struct fl_server fl_notices_server;

/** Appends what the store's last group did; nothing when that is nothing. */
void fl_notices_put(struct fl_buf *out, const struct fl_store *store);
/** The queues in what it wrote: the first of *count; they need not be aligned. */
const char *fl_notices_queues(const void *news, size_t len, size_t *count);
/** Subscribes self, and monitors the notices: when they are DOWN, subscribe again a little later.
 * FL_ENOPROC, FL_EFULL, or what fl_call returns. */
int fl_notices_subscribe(struct fl_self *self, const char *topic);

#endif
