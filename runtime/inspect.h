/* inspect.h: what lives on a node and how it is doing (OTP: process_info, observer).
 *
 * The shards are asked one piece at a time and go on meanwhile, so this is not the state of one
 * instant. Thread: any. A process that asks waits as in a call; a thread that is no shard's is
 * blocked until the shards have answered; before fl_node_run it looks by itself, and nobody may
 * spawn meanwhile. Never from on_note. All of it returns 0, FL_ESTATE when the node stops, or what
 * stands there. */
#ifndef FL_RUNTIME_INSPECT_H
#define FL_RUNTIME_INSPECT_H

#include "runtime/process.h"

enum { FL_INSPECT_NAME_MAX = 64, FL_INSPECT_PROCS_MAX = 1000, FL_INSPECT_COUNT_MAX = 10000 };

enum fl_proc_state {
    FL_STATE_IDLE = 0, /* waits for a message, and holds no stack */
    FL_STATE_READY,    /* waits for its turn */
    FL_STATE_RECEIVES, /* in fl_receive */
    FL_STATE_CALLS,    /* in a call: of waits_for */
    FL_STATE_BLOCKED,  /* waits in the middle of a handler for something else */
    FL_STATE_SUSPENDED,
    FL_STATE_STARTING,
    FL_STATE_ENDING,
};
/** "idle", "ready", … Any thread. (OTP: process_info(status)) */
const char *fl_proc_state_word(enum fl_proc_state state);

struct fl_proc_info {
    struct fl_pid pid, parent;
    struct fl_pid waits_for;        /* FL_STATE_CALLS: whom it called */
    char name[FL_INSPECT_NAME_MAX]; /* registered, cut to fit; "" when it has none */
    const char *server;             /* kind of process */
    enum fl_proc_state state;
    bool is_supervisor;
    uint32_t mailbox_len;
    uint32_t links, monitors; /* monitors it has on others; both counted to FL_INSPECT_COUNT_MAX */
    size_t memory;            /* bytes: of itself, state, blocks, queued messages, used stack */
    uint64_t handled;         /* messages, as OTP's reductions */
};

/* What a shard has counted since the start. */
struct fl_shard_counts {
    uint64_t handled, sent, dropped_dead, dropped_full, late_replies, spawned, timers_fired;
};
struct fl_shard_info {
    int id;
    uint32_t procs;
    uint64_t timers;  /* that run */
    uint64_t waiting; /* messages in mailboxes */
    uint64_t memory;  /* as that of processes */
    struct fl_shard_counts counts;
};

enum fl_inspect_order { FL_BY_PID = 0, FL_BY_MAILBOX, FL_BY_MEMORY, FL_BY_HANDLED };
struct fl_inspect_opts {
    enum fl_inspect_order order; /* the largest first */
    size_t max;                  /* so many of them; 0: FL_INSPECT_PROCS_MAX */
    const char *glob;            /* only those whose name or server matches; NULL: all */
};
struct fl_inspect {
    fl_ns at_ns;
    struct fl_proc_info *procs;
    size_t procs_count;
    uint64_t procs_total; /* that matched */
    struct fl_shard_info *shards;
    int shards_count;
};
/** The processes of a node and the counts of its shards; free it with fl_inspect_fini. opts NULL:
 * by pid, all that fit (OTP: processes/0 with process_info/1). */
int fl_inspect(struct fl_node *node, const struct fl_inspect_opts *opts, struct fl_inspect *out);
/** Frees what it holds; zero, or twice, is fine. Any thread. */
void fl_inspect_fini(struct fl_inspect *inspect);
/** What all shards have counted, summed (OTP: erlang:statistics/1). */
int fl_node_stats(struct fl_node *node, struct fl_shard_info *out);

/* As JSON, appended to a buffer. */

/** `{"at_ns":…,"total":…,"shards":[…],"processes":[…]}` */
void fl_inspect_put_json(const struct fl_inspect *inspect, struct fl_buf *out);
/** One process in detail, with its first messages, links, and its state in words. FL_ENOPROC (OTP:
 * process_info/1, sys:get_status). */
int fl_inspect_one(struct fl_node *node, struct fl_pid pid, struct fl_buf *out);
/** The supervision trees: an array of `{"id":…,"pid":…,"state":…,"restarts":…,"restarts_max":…,
 * "children":[…]}`, children in start order. Of a supervisor with more than FL_INSPECT_PROCS_MAX
 * children those started last, and `"more"` says how many others (OTP: observer's applications). */
int fl_inspect_tree(struct fl_node *node, struct fl_buf *out);

#endif
