/* writer.h: where the shard's thread and the pool's meet: groups to commit, groups that were.
 *
 * The pool's thread takes the next group as soon as the last one is on the disk, without a word to
 * the shard: answers, and the requests that they bring, are worked on while the next commit runs.
 * Knows: groups and the store. Does not know: who asks. Thread: see each function. */
#ifndef FL_QUEUE_WRITER_H
#define FL_QUEUE_WRITER_H

#include "services/queue/group.h"

struct fl_writer;

/** Takes the store. One reference. done_tag is sent to `keeper` when there is something to take.
 * The keeper's shard, as all below unless they say otherwise. */
struct fl_writer *fl_writer_new(struct fl_node *node, struct fl_pid keeper, uint32_t done_tag,
                                struct fl_store *store_take);
/** One less; the last one closes the store. A `void *` so that it can be an owner's function. Any
 * thread. */
void fl_writer_release(void *writer);
/** The keeper goes: what was not begun will not be, and the keeper's reference is gone. */
void fl_writer_close(void *writer);

/** Adds a request to the next group, and takes its bytes when it returns 0. *kick: nobody commits,
 * somebody has to (fl_writer_server). FL_EBADMSG: it makes no sense. */
int fl_writer_add(struct fl_writer *writer, struct fl_group_asker *asker, int64_t now_ms,
                  bool *kick);
/** The oldest group that was committed; NULL: none (any more). fl_group_free it. */
struct fl_group *fl_writer_take(struct fl_writer *writer);
/** How many leases wait, for the figures. */
void fl_writer_set_waiting(struct fl_writer *writer, size_t waiting);

/** The process that lends the pool's thread: any cast makes it commit until nothing is left. args:
 * a struct fl_writer *, which it retains. */
extern const struct fl_server fl_writer_server;

#endif
