/* gather.h: asks every shard of a node for something and waits for all of them. Internal.
 *
 * Knows: who asks, and how to wait there. Does not know: what is gathered. A shard is not kept busy
 * for long: a visit does a piece and comes back. */
#ifndef FL_RUNTIME_GATHER_H
#define FL_RUNTIME_GATHER_H

#include "runtime/core.h"

struct fl_gather_kind {
    size_t part_bytes; /* zeroed, one for each shard, touched by it only until all are done */
    /** Does a piece on the shard's thread; *at is 0 at first and its own afterwards. True: done. */
    bool (*visit)(struct fl_shard *shard, void *part, const void *opts, uint32_t *at);
    /** Frees what a part holds, on any thread. May be NULL. */
    void (*fini)(void *part);
};

struct fl_gather;
/** Visits all shards, or only one (shard_id not -1), and waits. opts are copied. From a process it
 * waits like a call; from another thread it blocks that; before the node runs and when it is
 * simulated, it happens at once. FL_ESTATE: the node stops. Never from on_note. */
int fl_gather_run(struct fl_gather **out, struct fl_node *node, const struct fl_gather_kind *kind,
                  const void *opts, size_t opts_bytes, int shard_id);
/** The part of a shard; NULL when it was not asked. */
void *fl_gather_part(struct fl_gather *gather, int shard_id);
/** Frees it. */
void fl_gather_free(struct fl_gather *gather);

#endif
