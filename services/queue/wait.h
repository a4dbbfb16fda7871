/* wait.h: who waits for jobs: a line for each queue, first come, first served.
 *
 * Knows: askers and until when they wait. Does not know: the store, processes.
 * Thread: the keeper's. */
#ifndef FL_QUEUE_WAIT_H
#define FL_QUEUE_WAIT_H

#include "services/queue/group.h"

struct fl_waiter {
    struct fl_group_asker asker; /* owns its bytes */
    int max;                     /* jobs that it would take */
    uint64_t monitor;            /* of the asker's process */
    struct fl_waiter *next;
};

/** The waiters of one queue; there while it has any. */
struct fl_wait_line {
    char queue[FL_STORE_QUEUE_MAX + 1];
    struct fl_waiter *first, *last;
    int64_t again_ms; /* when there may be jobs without a change; INT64_MAX: never */
    struct fl_wait_line *next;
};

/** Zero is an empty one. */
struct fl_waits {
    struct fl_wait_line *lines;
    size_t count, count_max;
    fl_ns next_ns; /* nobody has waited long enough before; 0: nobody waits */
};

/** Puts an asker at the end of a queue's line, and takes its bytes. NULL: too many, and it keeps
 * them. */
struct fl_waiter *fl_waits_push(struct fl_waits *waits, struct fl_str queue,
                                struct fl_group_asker *asker, int max, int64_t again_ms);
/** The line of a queue; NULL: nobody waits there. */
struct fl_wait_line *fl_waits_find(struct fl_waits *waits, const char *queue);
/** Takes the first of a line; NULL: nobody (any more). free() it, and its asker's bytes. */
struct fl_waiter *fl_waits_pop(struct fl_waits *waits, struct fl_wait_line *line);
/** Takes all whose time is over, as a chain; NULL: nobody. Looks at everybody, but not before
 * next_ns, and then at most fifty times a second. */
struct fl_waiter *fl_waits_take_late(struct fl_waits *waits, fl_ns now_ns);
/** Takes the one with this monitor; NULL: nobody. Looks at everybody. */
struct fl_waiter *fl_waits_take_monitor(struct fl_waits *waits, uint64_t monitor);
/** Drops lines that nobody stands in. */
void fl_waits_sweep(struct fl_waits *waits);
/** Frees all; a `void *` so that it can be an owner's function. */
void fl_waits_fini(void *waits);

#endif
