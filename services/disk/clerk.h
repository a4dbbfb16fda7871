/* clerk.h: the process that reads and writes a database for all others, many requests in one
 * commit.
 *
 * All that waits when it is free goes into one batch, which shares one transaction and one fsync on
 * a thread of the pool; what comes meanwhile is the next one. Each call is answered once its batch
 * is on the disk. Killed in the middle, nobody knows whether that batch happened: the pool's thread
 * finishes it and then closes the database, while a successor opens it again.
 * Knows: when to commit, whom to answer. Does not know: what is asked, nor what keeps it: that is a
 * struct fl_clerk_kind. Thread: the process's own handlers; see fl_clerk_kind for the pool's. */
#ifndef FL_DISK_CLERK_H
#define FL_DISK_CLERK_H

#include "runtime/server.h"

/** One request, and its answer once the work is done. */
struct fl_clerk_ask {
    struct fl_pid from;
    uint64_t ref;
    struct fl_str bytes;  /* its copy */
    int code;             /* not 0: the call fails with it, and there is no answer */
    struct fl_buf answer; /* freed with the batch */
};
struct fl_clerk_batch {
    struct fl_clerk_ask *asks;
    size_t count, cap, weight;
    int64_t now_ms;       /* wall time by the node's clock: it does not jump */
    struct fl_held *held; /* the database */
    struct fl_err err;    /* when the work said no */
};

/** What a clerk works with. A constant. */
struct fl_clerk_kind {
    uint32_t tag;      /* of the calls that it answers; to others it says FL_EBADMSG */
    size_t asks_max;   /* requests in one batch … */
    size_t weight_max; /* … and their weight; one always fits */
    size_t (*weigh)(const struct fl_msg *call);
    /** On the pool: opens the database; args are the server's. */
    int (*open)(void **db, const void *args, struct fl_err *err);
    /** On the pool or not: closes it. */
    void (*close)(void *db);
    /** On the pool: does all of a batch in one transaction, so that each ask has its code and its
     * answer. Returns 0 or what went wrong with all of it: FL_EFULL (it may go better next time) or
     * another (the clerk ends, and a fresh one opens the database again), and err says it. */
    int (*work)(void *db, struct fl_clerk_batch *batch);
};

/** The state of a server whose callbacks are the three below. */
struct fl_clerk {
    const struct fl_clerk_kind *kind;
    const void *args;
    const char *instance;        /* in front of what is said on standard error; NULL: nothing */
    struct fl_held *held;        /* NULL until the database is open */
    struct fl_clerk_batch *next; /* NULL: nothing to do yet */
    fl_ns wall_ns;               /* wall time at the node clock's zero */
};

/** For on_init: opens the database once this has returned. args and instance outlive the node's
 * processes. */
int fl_clerk_init(struct fl_self *self, struct fl_clerk *clerk, const struct fl_clerk_kind *kind,
                  const void *args, const char *instance);
/** Puts a call into the next batch, which is done once all that is in the mailbox is there. */
void fl_clerk_on_call(struct fl_self *self, void *clerk, const struct fl_msg *msg);
/** What the clerk sends itself. */
void fl_clerk_on_cast(struct fl_self *self, void *clerk, const struct fl_msg *msg);

#endif
