/* hog.h: the watchdog of a node: a handler that keeps its shard for too long becomes a note with
 * the process named. Internal.
 *
 * Knows: the two atomics of a shard that say which handler runs. Touches nothing else of a process:
 * it has a thread of its own, and what it looks at may be gone the next moment. */
#ifndef FL_RUNTIME_HOG_H
#define FL_RUNTIME_HOG_H

#include "runtime/core.h"

struct fl_hog;
/** Starts to watch the shards of a node; NULL when the node does not want it (opts.hog_ns < 0). */
struct fl_hog *fl_hog_start(struct fl_node *node);
/** Ends the watch and its thread; NULL is fine. The shards need not run any more. */
void fl_hog_stop(struct fl_hog *hog);

#endif
