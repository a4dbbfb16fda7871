/* core.h: what the files of the runtime share and nobody else sees.
 *
 * Knows: process.h and libuv. Everything here belongs to one shard and is touched by its thread
 * only, except what is marked atomic or guarded by a mutex of the node. */
#ifndef FL_RUNTIME_CORE_H
#define FL_RUNTIME_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "runtime/base/rng.h"
#include "runtime/node.h"
#include "runtime/server.h"

#define FL_SHARDS_MAX 64
#define FL_SIG_INLINE 80         /* bytes of data that a signal carries in itself */
#define FL_QUANTUM 64            /* messages that a process handles before others run */
#define FL_BATCH_CALLBACKS 1000  /* callbacks between two polls of libuv */
#define FL_BATCH_NS FL_NS_PER_MS /* and how long that may take */

/* A hash map of nodes that live in somebody else's struct. */
struct fl_map_node {
    struct fl_map_node *next;
    uint64_t key;
};
struct fl_map {
    struct fl_map_node **buckets;
    size_t mask, count;
};
/** Adds a node under key; keys may repeat. */
void fl_map_add(struct fl_map *map, struct fl_map_node *node, uint64_t key);
/** The first node of this key, or NULL; more of the same key follow by fl_map_next. */
struct fl_map_node *fl_map_find(const struct fl_map *map, uint64_t key);
/** The next node with the key of this one, or NULL. */
struct fl_map_node *fl_map_next(const struct fl_map_node *node);
/** Takes a node out that is in. */
void fl_map_remove(struct fl_map *map, struct fl_map_node *node);
/** Frees the buckets, not the nodes. */
void fl_map_fini(struct fl_map *map);

/* A doubly linked list in somebody else's struct; zero is a node in no list. */
struct fl_list {
    struct fl_list *next, *prev;
};
/** An empty list. */
void fl_list_init(struct fl_list *list);
/** Adds at the end. */
void fl_list_push(struct fl_list *list, struct fl_list *node);
/** Takes a node out of whatever list it is in; a node in none is fine. */
void fl_list_remove(struct fl_list *node);
static inline bool fl_list_is_empty(const struct fl_list *list)
{
    return list->next == list;
}

/* Signals: everything that one process can make another one notice. The first group ends in a
 * mailbox, the second acts when it arrives. */
enum fl_sig_kind {
    FL_SIG_CAST = 1,
    FL_SIG_CALL,
    FL_SIG_REPLY, /* code, data */
    FL_SIG_TIMER,
    FL_SIG_DOWN, /* reason */
    FL_SIG_EXIT, /* reason */
    FL_SIG_TCP_DATA,
    FL_SIG_TCP_CLOSED,
    FL_SIG_PORT, /* a call back into a file of the runtime: port */

    FL_SIG_MONITOR,
    FL_SIG_DEMONITOR,
    FL_SIG_LINK,
    FL_SIG_UNLINK,
    FL_SIG_SUSPEND,
    FL_SIG_RESUME,
    FL_SIG_SPAWN,   /* spawn */
    FL_SIG_STARTED, /* code, tag and from: the answer to it */
    FL_SIG_STOP,    /* to a shard: end your processes, phase in code */
};
enum {
    FL_SIG_IS_LINK = 1,   /* an exit that came over a link */
    FL_SIG_IS_PARENT = 2, /* an exit with the authority of the parent (the node stops) */
    FL_SIG_IN_BLOCK = 4,  /* data is in block */
    FL_SIG_SHARED = 8,    /* data is in shared */
    FL_SIG_WATCH = 16,    /* a call whose caller wants to know of the target's end */
};

struct fl_spawn_request;
struct fl_port_event {
    void (*fn)(struct fl_self *self, void *port);
    void *port;
};
struct fl_sig {
    struct fl_sig *next;
    uint8_t kind, flags;
    uint16_t spare;
    uint32_t tag;
    uint32_t len;
    int32_t code;
    struct fl_pid to, from;
    uint64_t ref;
    union {
        _Alignas(16) unsigned char bytes[FL_SIG_INLINE];
        struct fl_reason reason;
        struct {
            void *block;
            struct fl_shared *shared;
            struct fl_tcp *tcp;
        };
        struct fl_port_event port;
        struct fl_spawn_request *spawn;
    };
};

/* A stack that handlers run on. Idle processes have none. */
struct fl_watch;
struct fl_wait {
    uint64_t ref;
    int code;
    struct fl_sig *reply;  /* taken over from the sender */
    struct fl_pid started; /* of a spawn: the child */
    struct fl_pid remote;  /* of a call to another shard: it must be told to stop watching */
    void *job;             /* of fl_blocking */
    void (*on_abandon)(void *job);
    bool must_finish; /* another thread reads our stack: we may not end before it is done */
};

/* Timers: nodes of one heap a shard, ordered by (due, seq). */
enum fl_timer_kind { FL_TIMER_USER = 1, FL_TIMER_WAIT, FL_TIMER_CALL, FL_TIMER_PORT };
struct fl_timer {
    fl_ns due_ns;
    uint64_t seq;
    size_t at; /* 1 + index in the heap, 0: not in it */
    enum fl_timer_kind kind;
    uint32_t tag;
    struct fl_self *owner; /* NULL for FL_TIMER_PORT */
    uint64_t ref;
    void (*fn)(struct fl_timer *timer); /* FL_TIMER_PORT */
    struct fl_map_node by_ref;          /* FL_TIMER_USER */
    struct fl_list of_owner;            /* FL_TIMER_USER */
};
struct fl_timers {
    struct fl_timer **heap;
    size_t count, cap;
    uint64_t seq;
};

/* What the watched side knows of a monitor or a call. */
struct fl_watch {
    struct fl_list of_target;
    struct fl_map_node by_ref; /* only when not in a fl_stack */
    struct fl_pid watcher;
    uint64_t ref;
    bool is_borrowed; /* lives in a fl_stack: a call of a neighbour */
};
/* What the watching side knows of it. */
struct fl_monitor {
    struct fl_map_node by_ref;
    struct fl_list of_owner;
    struct fl_self *owner;
    struct fl_pid target;
    bool is_call, has_fired;
    struct fl_timer timer; /* of a call */
};
/* One side's half of a link. */
struct fl_link {
    struct fl_map_node by_pair;
    struct fl_list of_owner;
    struct fl_self *owner;
    struct fl_pid peer;
};

struct fl_stack {
    void *ctx; /* fcontext_t while it is not running */
    char *base;
    size_t bytes;
    size_t mapped;
    struct fl_stack *next;
    struct fl_shard *shard;
    struct fl_list of_shard;
    bool has_guard;
    void *asan_fake;
    void *tsan_fiber;
    unsigned valgrind_id;
    struct fl_wait wait; /* of the process that is blocked on it */
    struct fl_watch wait_watch;
    struct fl_timer wait_timer;
};

struct fl_owned {
    struct fl_owned *next;
    void *ptr;
    void (*fn)(void *ptr);
};

struct fl_name; /* names.c */

enum {
    FL_PROC_IN_QUEUE = 1 << 0,
    FL_PROC_STARTING = 1 << 1, /* on_init has not returned */
    FL_PROC_BLOCKED = 1 << 2,  /* waits in the middle of a handler */
    FL_PROC_DOOMED = 1 << 3,   /* ends at the next opportunity, without on_terminate */
    FL_PROC_ENDING = 1 << 4,   /* fl_self_exit: ends after the handler, with on_terminate */
    FL_PROC_TERMINATING = 1 << 5,
    FL_PROC_TRAPS = 1 << 6,
    FL_PROC_SUSPENDED = 1 << 7,
    FL_PROC_SUPERVISED = 1 << 8,
    FL_PROC_PARENT_AS_MESSAGE = 1 << 9, /* on_exit also for the parent: supervisors, OS children */
    FL_PROC_IS_SUP = 1 << 10,
    FL_PROC_ANNOUNCED = 1 << 11, /* FL_NOTE_START was given */
};

struct fl_self {
    struct fl_list queued; /* run queue, or list of the doomed */
    struct fl_shard *shard;
    const struct fl_server *server;
    void *state;
    struct fl_pid pid, parent, starter;
    uint64_t start_ref;
    const void *args;
    uint32_t flags;
    uint32_t box_len, box_max;
    uint32_t sim_at; /* index in the simulated run queue */
    struct fl_sig *box_head, *box_tail;
    struct fl_sig *current; /* whose handler runs or is blocked */
    struct fl_stack *stack; /* while blocked, or ready to go on */
    struct fl_list links, watchers, monitors, timers, blocks, ports;
    struct fl_owned *owned;
    struct fl_name *name;
    struct fl_reason *reason; /* once DOOMED or ENDING */
    /* Not NULL: told of the doom once; the process ends when it calls fl_proc_let_go. */
    void (*on_doom)(struct fl_self *self, const struct fl_reason *reason);
};

struct fl_slot {
    struct fl_self *self;
    uint32_t generation, next_free;
};
#define FL_SLOTS_CHUNK 4096u

struct fl_shard_counts {
    uint64_t handled, dropped_dead, dropped_full, late_replies;
};

struct fl_shard {
    struct fl_node *node;
    int id;
    /* processes */
    struct fl_slot **slots;
    uint32_t slots_chunks, slot_free_head, slot_free_tail;
    uint32_t procs;
    struct fl_list queue, doomed;
    struct fl_self **sim_queue;
    uint32_t sim_count, sim_cap;
    struct fl_rng sim_rng;
    struct fl_self *running;   /* whose handler is on the current stack */
    struct fl_self *run_first; /* goes before the queue, and before the budget */
    int64_t budget;
    fl_ns batch_end_ns;
    /* outside spawns */
    struct fl_pid outside_child;
    int outside_code;
    bool outside_done;
    /* stacks */
    struct fl_stack main_stack;
    struct fl_stack *stack;      /* the one that runs */
    struct fl_stack *stack_pool; /* fresh, or parked in the worker's loop */
    struct fl_list stacks;
    /* pools and maps */
    struct fl_sig *sig_pool;
    size_t sig_pool_count;
    uint64_t ref_last;
    struct fl_map monitors_by_ref, watches_by_ref, links_by_pair, timers_by_ref;
    struct fl_timers timers;
    struct fl_shard_counts counts;
    /* loop; unused when simulated */
    uv_loop_t loop;
    uv_async_t wake;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_timer_t alarm;
    fl_ns alarm_at_ns;
    bool loop_is_open, idle_is_on;
    int handles_open;
    struct fl_list lingering; /* TCP connections without a process */
    char *read_buf;
    size_t jobs; /* fl_blocking on the thread pool */
    pthread_t thread;
    bool thread_runs;
    int stop_phase, stop_told;
    /* other threads */
    _Alignas(64) _Atomic(struct fl_sig *) inbox;
    atomic_bool is_sleeping;
    atomic_uint procs_now, sups_now;
};

enum fl_node_state { FL_NODE_NEW, FL_NODE_RUNS, FL_NODE_STOPPED };

struct fl_node {
    char *name;
    struct fl_node_opts opts;
    int shards_count;
    struct fl_shard *shards;
    struct fl_clock clock;
    fl_ns sim_now_ns;
    atomic_int state;
    atomic_int stop_code;
    atomic_bool stop_asked, loops_end;
    atomic_uint guards; /* pages that mprotect guards */
    int guard_kind;
    int next_shard;
    struct fl_timer stop_timer;
    fl_ns stop_until_ns;
    pthread_mutex_t names_lock;
    struct fl_map names;
    pthread_mutex_t note_lock;
    struct fl_list controls; /* control servers on shard 0 */
};

/* stack.c */
/** Readies the thread's own stack as the shard's main one. On the thread that will run it. */
void fl_stack_adopt_thread(struct fl_shard *shard);
/** A stack from the pool or a new one; running it enters the worker's loop. */
struct fl_stack *fl_stack_take(struct fl_shard *shard);
/** Back to the pool as it is: parked in the worker's loop. */
void fl_stack_put(struct fl_stack *stack);
/** Back to the pool, forgetting what is on it: its process was ended while blocked. */
void fl_stack_discard(struct fl_stack *stack);
/** Goes on with another stack; returns when somebody switches back. */
void fl_stack_switch(struct fl_shard *shard, struct fl_stack *to);
/** Frees all stacks of a shard. On none of them. */
void fl_stack_free_all(struct fl_shard *shard);
/** Which guard this kernel has: for fl_node.guard_kind. */
int fl_stack_probe_guard(void);

/* mailbox.c */
/** A signal from the pool of the shard that runs on this thread; never NULL, header zeroed. */
struct fl_sig *fl_sig_new(struct fl_shard *shard, enum fl_sig_kind kind, struct fl_pid to,
                          struct fl_pid from);
/** Copies data into the signal, inline or in a block. */
void fl_sig_set_data(struct fl_sig *sig, const void *data, size_t len);
/** The data that it carries. */
const void *fl_sig_data(const struct fl_sig *sig);
/** Frees a signal and what it carries; shard NULL: from a thread that is none. */
void fl_sig_free(struct fl_shard *shard, struct fl_sig *sig);
/** Appends to the mailbox and makes the process run. Takes sig. */
void fl_box_push(struct fl_self *self, struct fl_sig *sig);
/** The next message or NULL; the caller frees it. */
struct fl_sig *fl_box_pop(struct fl_self *self);

/* shard.c */
/** The shard whose thread this is, if it is one of this node; else NULL. */
struct fl_shard *fl_shard_here(const struct fl_node *node);
/** Makes this thread the shard's (NULL: nobody's); returns who it was before. */
struct fl_shard *fl_shard_enter(struct fl_shard *shard);
/** Opens the queue, tables and, unless simulated, the loop. */
int fl_shard_init(struct fl_shard *shard, struct fl_node *node, int id, struct fl_err *err);
/** Frees what fl_shard_init made. */
void fl_shard_fini(struct fl_shard *shard);
/** Runs the loop until the node ends its loops. On the shard's thread. */
void fl_shard_loop(struct fl_shard *shard);
/** Runs processes until nothing is ready or the budget is gone. From the main stack. */
void fl_shard_batch(struct fl_shard *shard, int64_t budget);
/** Is there something to run right now? */
bool fl_shard_has_work(const struct fl_shard *shard);
/** Takes what other threads sent. Returns how many. */
size_t fl_shard_drain(struct fl_shard *shard);
/** Hands a signal to another shard. Any thread. Takes sig. */
void fl_shard_post(struct fl_shard *to, struct fl_sig *sig);
/** Makes it look at its inbox soon. Any thread. */
void fl_shard_wake(struct fl_shard *shard);
/** The body of a worker stack. Never returns. */
FL_NORETURN void fl_shard_work(struct fl_shard *shard);
/** Now, by the node's clock. */
fl_ns fl_shard_now(const struct fl_shard *shard);
/** Puts a process into the run queue unless it must not run. */
void fl_shard_ready(struct fl_self *self);
/** Takes it out again. */
void fl_shard_unready(struct fl_self *self);
/** A number never used before in this node. */
uint64_t fl_shard_next_ref(struct fl_shard *shard);

/* loop.c */
/** Opens the shard's loop and its four handles. */
int fl_loop_open(struct fl_shard *shard, struct fl_err *err);
/** Closes every handle on it and the loop. */
void fl_loop_close(struct fl_shard *shard);

/* process.c */
/** The living process of this pid on this shard, or NULL. */
struct fl_self *fl_proc_find(const struct fl_shard *shard, struct fl_pid pid);
/** Which shard a pid lives on; NULL for a pid that makes no sense. */
struct fl_shard *fl_proc_shard(const struct fl_node *node, struct fl_pid pid);
/** Makes a process that has not started: queue it with fl_shard_ready or run_first. */
int fl_proc_new(struct fl_shard *shard, const struct fl_server *server,
                const struct fl_spawn_opts *opts, struct fl_pid starter, uint64_t start_ref,
                struct fl_self **out);
/** Runs a quantum of a process on this stack. */
void fl_proc_run(struct fl_self *self);
/** It ends soon, with this reason, without on_terminate. The first reason stays. */
void fl_proc_doom(struct fl_self *self, const struct fl_reason *reason);
/** Ends it now: closes, tells links and watchers, frees. Never the running one. */
void fl_proc_reap(struct fl_self *self);
/** Lets a process end that has on_doom. */
void fl_proc_let_go(struct fl_self *self);
/** Waits until fl_proc_wake; the wait is in self->shard->stack->wait. */
void fl_proc_park(struct fl_self *self);
/** Lets a parked process go on. */
void fl_proc_wake(struct fl_self *self);
/** The starter's wait is over: child runs (code 0) or does not. */
void fl_proc_tell_starter(struct fl_self *child, int code);
/** The answer of a remote spawn arrived. */
void fl_proc_on_started(struct fl_self *self, struct fl_sig *sig);
/** A spawn that another shard asked for. Frees the request. */
void fl_proc_on_spawn(struct fl_shard *shard, struct fl_sig *sig);
/** Frees a request that nobody will read. */
void fl_spawn_request_free(struct fl_spawn_request *request);

/* handle.c */
/** Calls the handler for one message. */
void fl_proc_handle(struct fl_self *self, struct fl_sig *sig);

/* signal.c */
/** Delivers to wherever the receiver is. Takes sig. */
void fl_signal_send(struct fl_node *node, struct fl_sig *sig);
/** Acts on a signal that arrived at this shard. Takes sig. */
void fl_signal_arrive(struct fl_shard *shard, struct fl_sig *sig);

/* link.c, monitor.c */
/** Adds self's half; false when it is there already. */
bool fl_link_add(struct fl_self *self, struct fl_pid peer);
/** Removes self's half; false when there is none. */
bool fl_link_drop(struct fl_self *self, struct fl_pid peer);
/** Links both sides, whatever shard the other one is on. */
void fl_link_both(struct fl_self *self, struct fl_pid other);
/** Sends the exits of a dying process over its links. */
void fl_link_break_all(struct fl_self *self);
/** Adds a record on the watched side. */
void fl_watch_add(struct fl_self *target, struct fl_pid watcher, uint64_t ref);
/** Removes it by ref; none is fine. */
void fl_watch_drop(struct fl_shard *shard, uint64_t ref);
/** Tells all watchers of a dying process. */
void fl_watch_fire_all(struct fl_self *self);
/** The record of the watching side, or NULL. */
struct fl_monitor *fl_monitor_find(struct fl_shard *shard, uint64_t ref);
/** Takes it away on both sides. */
void fl_monitor_drop(struct fl_monitor *monitor);
/** All of a dying process. */
void fl_monitor_drop_all(struct fl_self *self);
/** A DOWN arrived for this process. Takes sig. */
void fl_monitor_on_down(struct fl_self *self, struct fl_sig *sig);

/* call.c */
/** A reply arrived for this process. Takes sig. */
void fl_call_on_reply(struct fl_self *self, struct fl_sig *sig);
/** Ends the wait of a process that is blocked, with a code. */
void fl_call_end_wait(struct fl_self *self, int code);
/** Undoes the nodes of a wait: of a process that is ended while blocked. */
void fl_call_drop_wait(struct fl_self *self);

/** Waits for the end of another process on this shard: FL_EDIED, FL_ENOPROC, or FL_ETIMEOUT. */
int fl_call_await_end(struct fl_self *self, struct fl_pid who, fl_ns timeout_ns);

/* timer.c */
/** Puts a timer into the heap. */
void fl_timer_add(struct fl_shard *shard, struct fl_timer *timer, fl_ns due_ns);
/** Takes it out; not in it is fine. */
void fl_timer_remove(struct fl_shard *shard, struct fl_timer *timer);
/** Fires everything that is due at now_ns. Returns how many. */
size_t fl_timer_fire(struct fl_shard *shard, fl_ns now_ns);
/** When the next one is due, or FL_NEVER. */
fl_ns fl_timer_next(const struct fl_shard *shard);
/** All of a dying process. */
void fl_timer_drop_all(struct fl_self *self);

/* names.c */
/** Registers; FL_ETAKEN. */
int fl_name_add(struct fl_self *self, const char *name);
/** The name of a process ends. */
void fl_name_drop(struct fl_self *self);
/** The name as text, or NULL. */
const char *fl_name_text(const struct fl_name *name);
/** Copies all names that match; free each and the array. */
char **fl_name_list(struct fl_node *node, const char *glob, size_t *count);

/* memory.c */
/** Runs the owned functions, frees the blocks. */
void fl_memory_drop_all(struct fl_self *self);

/* tcp.c, os.c: handles that a process owns */
struct fl_port {
    struct fl_list of_owner;
    struct fl_self *owner;
    void (*close)(struct fl_port *port); /* the owner ends */
};
/** Closes all ports of a dying process. */
void fl_port_close_all(struct fl_self *self);
/** A TCP event reached the front of its owner's mailbox. */
void fl_tcp_handle(struct fl_self *self, struct fl_sig *sig);
/** Frees what a TCP event carries, unread. */
void fl_tcp_sig_drop(struct fl_sig *sig);
/** Closes what lingers without a process: the shard ends. */
void fl_tcp_close_lingering(struct fl_shard *shard);

/* node.c */
/* A stop goes in phases, and shard 0 moves it on: supervisor trees end in their own order, then
 * everything else is told to, then what is still there is killed. */
enum { FL_STOP_ASKED = 0, FL_STOP_TREES, FL_STOP_ALL, FL_STOP_KILL };
/** Hands a note to whoever wants them, one at a time. Any shard's thread. */
void fl_node_note(struct fl_node *node, const struct fl_note *note);
/** Looks at whether a stop goes on; from each shard's loop, and fl_sim_run. */
void fl_node_step_stop(struct fl_shard *shard);
/** A stop phase arrived at a shard. */
void fl_node_on_stop_phase(struct fl_shard *shard, int phase);

#endif
