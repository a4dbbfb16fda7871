/* store_inside.h: what store.c and store_ops.c share; nobody else's business. */
#ifndef FL_QUEUE_STORE_INSIDE_H
#define FL_QUEUE_STORE_INSIDE_H

#include <sqlite3.h>

#include "runtime/base/rng.h"
#include "services/queue/store.h"

/* jobs.state; ready, leased and delayed jobs are all OPEN: due_ms says when it may be leased. */
enum { STORE_OPEN = 0, STORE_DONE = 1, STORE_DEAD = 2 };

enum store_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_COUNTS_READ,
    SQL_COUNTS_WRITE,
    SQL_FIND_KEY,
    SQL_INSERT,
    SQL_DUE,
    SQL_LEASE,
    SQL_ACK,
    SQL_ATTEMPT,
    SQL_RETRY,
    SQL_BURY,
    SQL_FUTURE,
    SQL_TRIM_NEXT,
    SQL_TRIM,
    SQL_COUNT
};

/** The one row of table `counts`: read when a transaction begins, written before it commits. In
 * the database, and not only here, so that opening does not count a million rows. */
struct store_counts {
    int64_t next_id, open, done, dead;
    int64_t trimmed; /* trimming walks the ids in a circle and is here now */
};

struct fl_store {
    sqlite3 *db;
    sqlite3_stmt *sql[SQL_COUNT];
    struct fl_store_opts opts;
    struct fl_rng rng;
    struct store_counts counts;
    bool dirty; /* this transaction has changed something */
};

/** Carries out one op in the open transaction. Returns 0 (op->code is set) or an SQLite code, after
 * which the transaction must be rolled back. */
int fl_store_op_run(struct fl_store *store, struct fl_store_op *op, int64_t now_ms);
/** Forgets the oldest done jobs beyond done_max; a bounded step. Returns as fl_store_op_run. */
int fl_store_trim(struct fl_store *store);

#endif
