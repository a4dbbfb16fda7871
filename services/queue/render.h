/* render.h: what operations found, as JSON and as Prometheus text.
 *
 * Knows: the store's answers. Does not know: SQL, HTTP. Thread: any. */
#ifndef FL_QUEUE_RENDER_H
#define FL_QUEUE_RENDER_H

#include "services/queue/store.h"

/** What a keeper has done since it started. */
struct fl_figures {
    uint64_t commits, operations, failures;
    fl_ns commit_ns; /* time spent in commits */
    uint64_t waiting;
    int64_t clock_ms;
};

/** Appends what an operation that went well found; nothing for those that find nothing. */
void fl_render(struct fl_buf *out, const struct fl_store_op *op, const struct fl_figures *figures);
/** Appends a queue as a JSON object. */
void fl_render_queue(struct fl_buf *out, const struct fl_queue_info *info);

#endif
