/* sim.h: the deterministic world: which order a simulated node runs in, how that order is written
 * down and run again, and what the world may do to messages and timeouts (docs/deterministic.md).
 *
 * Knows: process.h. A simulated node is made by fl_node_new with `.simulated = true` and these
 * options in `.sim`; zero is the uniform random walk with instant delivery.
 * Thread: the one that steps the node. */
#ifndef FL_RUNTIME_SIM_H
#define FL_RUNTIME_SIM_H

#include "runtime/process.h"

/** Who runs next, of all that could. */
enum fl_sim_scheduler {
    FL_SIM_RANDOM = 0, /* each with the same chance, drawn from the node's seed */
    FL_SIM_PCT,        /* random priorities, and pct_depth - 1 places where they change */
    FL_SIM_FIFO,       /* whoever has waited longest: the same order for every seed */
    FL_SIM_REPLAY,     /* what the string in `replay` says, first come first served after it */
};
enum fl_sim_delivery {
    FL_SIM_INSTANT = 0, /* what is sent is in the mailbox when the send returns */
    FL_SIM_DELAYED,     /* it waits until the scheduler delivers it; each pair keeps its order */
};
/** Which timeouts are meant: bits. */
enum {
    FL_SIM_CALL_WAITS = 1,    /* of fl_call and fl_call_async */
    FL_SIM_RECEIVE_WAITS = 2, /* of fl_receive and fl_self_timeout; a fl_pause always ends */
    FL_SIM_USER_TIMERS = 4,   /* of fl_timer_start and fl_send_after */
};
/** A timeout that is due. */
struct fl_sim_timeout {
    unsigned kind; /* one of the bits above */
    struct fl_pid owner;
    uint32_t tag; /* of a user's timer */
    fl_ns due_ns;
};

struct fl_sim_opts {
    enum fl_sim_scheduler scheduler;
    unsigned pct_depth; /* how many orderings a bug needs; 0: 2 */
    unsigned pct_steps; /* how long a run is, in steps; 0: 1000 */
    const char *replay; /* of fl_sim_schedule; copied */
    unsigned quantum;   /* messages that a process handles before others may run; 0: 1 */

    enum fl_sim_delivery delivery;
    fl_ns latency_least_ns, latency_most_ns; /* delayed: how long a message is on its way */

    unsigned never; /* bits: these timeouts do not fire, however long it takes */
    /** Not NULL: asked for each timeout that is due, in this order; false: it never fires. */
    bool (*may_fire)(void *cx, const struct fl_sim_timeout *timeout);
    void *may_fire_cx;
    /* Time may jump to the next timeout although processes could run, if it is not farther than
     * this: work that took that long. 0: never; FL_NEVER: however far. */
    fl_ns early_within_ns;
};

/** What happened so far, in numbers. */
struct fl_sim_stats {
    uint64_t seed;    /* of a replay: the one in its string */
    uint64_t steps;   /* messages handled, resumptions, deliveries, jumps */
    uint64_t choices; /* steps for which there was more than one candidate */
    uint64_t runners; /* FL_SIM_PCT: processes, pairs, and time itself, that ever had a priority */
};

/** The order of the run so far as a short word of letters, digits, `-` and `_`; with FL_SIM_REPLAY
 * the same program runs the same way again. NULL when the run was too long to be written down.
 * Free with free(). */
char *fl_sim_schedule(const struct fl_node *node);
/** Whether a replay went as its string says, to its end: 0; else FL_EBADMSG, with words: the
 * program is not the one that the string was made with, or did not run as far. 0 when the node
 * replays nothing. */
int fl_sim_replayed(const struct fl_node *node, struct fl_err *err);
/** A hash of every choice and delivery so far: the same for the same run, and only then. */
uint64_t fl_sim_trace_hash(const struct fl_node *node);
/** The numbers of the run so far. */
struct fl_sim_stats fl_sim_stats(const struct fl_node *node);

#endif
