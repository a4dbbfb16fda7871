/* ledger.h: every arrival gets an outcome. What is open, what waits for a slot, what is overdue.
 *
 * Slots (how many operations may be under way) are apart from arrivals: one that finds no slot
 * waits in order, and its latency runs. Knows: due times, deadlines, slots. Does not know: sockets,
 * the journal. Pure: time is an argument. Thread: the loop's. */
#ifndef FL_LOADGEN_LEDGER_H
#define FL_LOADGEN_LEDGER_H

#include "runtime/base/journal.h"

#define FL_SLOTS_MAX 10000
#define FL_NO_SLOT UINT32_MAX

/** One arrival until it has its outcome. */
struct fl_pending {
    struct fl_pending *prev, *next; /* open ones, in the order they were due */
    struct fl_ledger *ledger;
    fl_ns due_ns;
    fl_ns sent_ns;   /* 0: not sent yet; set by the driver */
    uint64_t number; /* of the arrival in its stream, from 0 */
    uint64_t key;
    uint32_t info, user;
    uint32_t slot; /* FL_NO_SLOT while it waits, and in a ledger without slots */
    bool waiting;  /* for a slot; the driver does not know it yet */
    void *work;    /* the driver's */
};

/** What has come of all arrivals so far. due = ok + fail + unknown + open. */
struct fl_ledger_counts {
    uint64_t due, ok, fail, unknown;
    uint64_t unsent; /* among fail */
    uint64_t open;
};

struct fl_ledger {
    struct fl_pending *first, *last; /* open; the waiting ones are always the tail */
    struct fl_pending *first_waiting;
    struct fl_pending *spare;
    fl_ns timeout_ns;
    uint32_t *free_slots;
    uint32_t free_count;
    bool slotless; /* everything may be under way at once */
    struct fl_ledger_counts counts;
};

/** Prepares a ledger; slots 0: no limit on what is under way. */
void fl_ledger_init(struct fl_ledger *ledger, fl_ns timeout_ns, uint32_t slots);
/** Frees it with everything still open. */
void fl_ledger_fini(struct fl_ledger *ledger);
/** How many slots an open loop needs so that a stall as long as the timeout fits. */
uint32_t fl_ledger_slots_for(int users, double rate_per_s, fl_ns timeout_ns);

/** Opens the account of one arrival; it waits for fl_ledger_take. */
void fl_ledger_arrive(struct fl_ledger *ledger, fl_ns due_ns, uint64_t number);
/** The longest waiting arrival with a slot of its own, or NULL: none waits or no slot is free. */
struct fl_pending *fl_ledger_take(struct fl_ledger *ledger);
/** The first one whose deadline is reached, or NULL. It stays open. */
struct fl_pending *fl_ledger_overdue(const struct fl_ledger *ledger, fl_ns now_ns);
/** When the next deadline is; FL_NEVER with nothing open. */
fl_ns fl_ledger_deadline(const struct fl_ledger *ledger);

struct fl_verdict_op {
    enum fl_outcome outcome;
    enum fl_op_error error;
    bool censored;
    fl_ns done_ns;
};
/** What a deadline means for this one: unsent, not sent, or unknown. done_ns is at most until_ns.
 */
struct fl_verdict_op fl_ledger_lapse(const struct fl_pending *pending, fl_ns until_ns);
/** Closes one account: fills the record (but kind and load), gives the slot back, and pending is
 * gone. */
void fl_ledger_settle(struct fl_pending *pending_take, const struct fl_verdict_op *verdict,
                      struct fl_op *record);

#endif
