/* fanout.h: one message to a crowd of neighbours, without a signal for each.
 *
 * Who sends waits until everybody has it, so the order between two processes is what it would be
 * with a send to each. A member that is idle handles the message at once, from the sender's copy;
 * to one that is busy, or not so simple, it is sent. Thread: the shard's. */
#ifndef FL_RUNTIME_FANOUT_H
#define FL_RUNTIME_FANOUT_H

#include "runtime/core.h"

/** A message to so many members at most. Takes a reference to shared. */
struct fl_fanout *fl_fanout_new(struct fl_self *self, uint32_t tag, struct fl_shared *shared_take,
                                size_t members_max);
/** One more member, of self's shard. */
void fl_fanout_add(struct fl_fanout *fanout, struct fl_pid member);
/** Frees one that is not sent. */
void fl_fanout_free(struct fl_fanout *fanout);
/** Sends it, and waits until everybody has it. Takes it. */
void fl_fanout_send(struct fl_self *self, struct fl_fanout *fanout_take);

/** Goes on with what was sent, until it is done or the batch is. On a worker's stack. */
void fl_fanout_run(struct fl_shard *shard);
/** A handler waits, or its process ends: it gets a message of its own. */
void fl_fanout_keep(struct fl_self *self);

#endif
