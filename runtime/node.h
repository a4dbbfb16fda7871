/* node.h: a set of shards, and everything that hangs off it. No global mutable state. */
#ifndef FL_RUNTIME_NODE_H
#define FL_RUNTIME_NODE_H

#include <uv.h>

#include "runtime/base/clock.h"
#include "runtime/process.h"
#include "runtime/sim.h"

/** Something worth remembering happened to a process; for journals, traces, crash reports. */
enum fl_note_kind {
    FL_NOTE_START = 1,
    FL_NOTE_EXIT,
    FL_NOTE_RESTART,
    FL_NOTE_LIMIT,
    FL_NOTE_HOG,
    FL_NOTE_START_ERROR,    /* a supervisor could not start a child; reason.code says why */
    FL_NOTE_SHUTDOWN_ERROR, /* a child that a supervisor stopped ended some other way */
    FL_NOTE_CRASH,          /* one that had started ended for a reason that is not quiet */
};
struct fl_crash;
struct fl_note {
    enum fl_note_kind kind;
    fl_ns at_ns;
    struct fl_pid pid;
    const char *name;   /* registered name or NULL; of a supervisor: the child's name or else id */
    const char *server; /* kind of process */
    struct fl_reason reason;
    int restarts, restarts_max; /* FL_NOTE_RESTART, FL_NOTE_LIMIT */
    fl_ns took_ns;  /* FL_NOTE_HOG: how long the handler has had its shard, to 10 ms or so */
    bool is_over;   /* FL_NOTE_HOG: it has returned, or waits; a first note without came before */
    unsigned count; /* FL_NOTE_SHUTDOWN_ERROR: children that ended so; pid is one of them */
    const struct fl_crash *crash; /* FL_NOTE_CRASH, before its FL_NOTE_EXIT: crash.h */
};

struct fl_node_opts {
    const char *name;
    int shards;           /* 0: one */
    bool simulated;       /* virtual time, seeded order, no loops: step with fl_sim_run */
    uint64_t seed;        /* of a simulated node's scheduler */
    uint32_t procs_max;   /* 0: 4 million */
    uint32_t mailbox_max; /* 0: 100,000 */
    size_t stack_bytes;   /* 0: 256 KiB of address space */
    fl_ns
        spin_ns; /* how long an idle shard waits for the others before it sleeps: 0: 50 us; -1: not
                  */
    /* A handler that keeps its shard for longer is a FL_NOTE_HOG, once, and once more when it is
     * over. 0: 100 ms; -1: nobody looks. Real nodes with on_note only. */
    fl_ns hog_ns;
    /** Called for named processes and supervised ones (FL_NOTE_HOG: for any; FL_NOTE_CRASH: for any
     * that had started); from any shard's thread, or for FL_NOTE_HOG that of the watchdog, never
     * two at once. */
    void (*on_note)(void *cx, const struct fl_note *note);
    void *note_cx;
    struct fl_sim_opts sim; /* of a simulated node: which order, which deliveries, which timeouts */
};

/** Makes a node; nothing runs yet, and processes may be started with fl_node_spawn. opts and its
 * texts are copied, note_cx lives as long as the node. Returns 0, FL_ERANGE (too many shards),
 * FL_EPARSE (a replay string), or a libuv code; err (may be NULL) says it in words. Any thread, the
 * one that frees it too (OTP: the start of an emulator). */
int fl_node_new(struct fl_node **out, const struct fl_node_opts *opts, struct fl_err *err);
/** Runs shard 0 on the calling thread and the others on their own, until fl_node_stop and the last
 * process has ended. Returns its code. Once a node; a simulated one is stepped with fl_sim_run
 * instead. */
int fl_node_run(struct fl_node *node);
/** Asks the node to end, and returns at once: supervision trees end first, in their own order
 * (those that say ends_first before the others are told), then all other processes are told to shut
 * down, and after some seconds those that are left are killed; loops drain and stop. The first code
 * counts. Any thread (OTP: init:stop/1). */
void fl_node_stop(struct fl_node *node, int code);
/** Frees a node that does not run, never did, or is simulated; processes that are left end as
 * killed first. NULL is fine. The thread that made it; no other may still be in a function of it,
 * fl_node_stop included: join it first. */
void fl_node_free(struct fl_node *node);
/** Runs fn(ptr) in fl_node_free, after the end of the last process, last registered first: for what
 * all of a service's processes share. Before the node runs. */
void fl_node_own(struct fl_node *node, void *ptr, void (*fn)(void *ptr));
/** Shard 0's loop, for uv handles of the program around the node. Its thread only. */
uv_loop_t *fl_node_loop(struct fl_node *node);

/** A simulated node: runs everything that is due, then jumps to the next timer, until `ns` of
 * virtual time have passed. Returns the number of messages handled. */
uint64_t fl_sim_run(struct fl_node *node, fl_ns ns);

#endif
