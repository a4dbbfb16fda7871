/* core.h: what the files of the runtime share and nobody else sees.
 *
 * Knows: process.h and libuv. Everything here belongs to one shard and is touched by its thread
 * only, except what is marked atomic or guarded by a mutex of the node. hot.h has the few functions
 * that every message passes through. */
#ifndef FL_RUNTIME_CORE_H
#define FL_RUNTIME_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "runtime/base/rng.h"
#include "runtime/inspect.h"
#include "runtime/list_parts.h"
#include "runtime/node.h"
#include "runtime/server.h"
#include "runtime/signal_parts.h"
#include "runtime/table_parts.h"
#include "runtime/tie_parts.h"
#include "runtime/trace.h"

#define FL_QUANTUM 64            /* messages that a process handles before others run */
#define FL_BATCH_CALLBACKS 1000  /* callbacks between two polls of libuv */
#define FL_BATCH_NS FL_NS_PER_MS /* and how long that may take */

struct fl_shard;
struct fl_sig;

/* A stack that handlers run on. Idle processes have none. */
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
    struct fl_sig *held;    /* what fl_receive gave last */
    struct fl_msg view;     /* of fl_self_msg */
    struct fl_sig *sending; /* what waits for room in another mailbox */
    struct fl_wait wait;    /* of the process that is blocked on it */
    struct fl_watch wait_watch;
    struct fl_pid wait_target; /* whose list wait_watch is in */
    struct fl_list wait_room;  /* in the list of a full mailbox */
    struct fl_timer wait_timer;
    struct fl_reason died; /* why the last server called from here died */
};

struct fl_owned {
    struct fl_owned *next;
    void *ptr;
    void (*fn)(void *ptr);
};
struct fl_entry { /* of the process dictionary */
    struct fl_entry *next;
    void *value;
    char key[];
};

struct fl_name; /* names.c */

enum {
    FL_PROC_IN_QUEUE = 1 << 0,
    FL_PROC_STARTING = 1 << 1, /* on_init has not returned, or the body has not begun */
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
    FL_PROC_RUNNING = 1 << 12,
    FL_PROC_RECEIVES = 1 << 13, /* BLOCKED, and any message wakes it */
    FL_PROC_RESCAN = 1 << 14,   /* the mailbox changed behind the back of a fl_receive */
    FL_PROC_IS_BODY = 1 << 15,
    FL_PROC_CONTINUES = 1 << 16, /* cold->continue_tag */
    FL_PROC_HAS_IDLE = 1 << 17,  /* cold->idle: its timer runs, or its message is queued */
    FL_PROC_LIMITED = 1 << 18,   /* cold->memory_max */
    FL_PROC_TRACED = 1 << 19,
    FL_PROC_FILTERED = 1 << 20,
    FL_PROC_HAS_SYS = 1 << 21, /* a FL_SIG_SYS is queued */
    FL_PROC_HAS_WAITERS = 1 << 22,
    FL_PROC_ENDS_FIRST = 1 << 23, /* a supervisor above which there is none: fl_sup_opts */
    FL_PROC_SIMULATED = 1 << 30,
    FL_PROC_LOGGED = 1 << 24,    /* sys log: keeps the last events */
    FL_PROC_REPORTED = 1 << 25,  /* FL_NOTE_CRASH was given */
    FL_PROC_PRIORITY_SHIFT = 26, /* two bits: enum fl_priority */
    FL_PROC_FULL_SHIFT = 28,     /* two bits: enum fl_full */
};
/* One with one of these is not put into a run queue. */
#define FL_PROC_NOT_NOW \
    (uint32_t)(FL_PROC_IN_QUEUE | FL_PROC_DOOMED | FL_PROC_SUSPENDED | FL_PROC_RUNNING)
/* A message for a process with one of these takes the long way in, or out. */
#define FL_PROC_SLOW_IN (uint32_t)(FL_PROC_LIMITED | FL_PROC_TRACED | FL_PROC_FILTERED)
#define FL_PROC_SLOW_OUT                                                                  \
    (uint32_t)(FL_PROC_TRACED | FL_PROC_LOGGED | FL_PROC_HAS_IDLE | FL_PROC_HAS_WAITERS | \
               FL_PROC_LIMITED)
#define FL_PROC_SLOW_SEND (uint32_t)(FL_PROC_TRACED | FL_PROC_LOGGED)
#define FL_PROC_SLOW_AFTER (uint32_t)(FL_PROC_ENDING | FL_PROC_DOOMED | FL_PROC_CONTINUES)

/* The time after which a process without messages is told so. */
struct fl_idle {
    struct fl_timer timer;
    fl_ns after_ns;
    uint64_t ref; /* which FL_SIG_IDLE counts */
};

/* What most processes do not have. */
struct fl_filter;
struct fl_cold {
    struct fl_list timers, blocks, ports, aliases, full_waiters;
    struct fl_owned *owned;
    struct fl_entry *dictionary;
    struct fl_name *name;
    size_t block_bytes, box_bytes, memory_max;
    uint32_t continue_tag;
    struct fl_idle *idle; /* from the first fl_self_timeout on */
    /* Not NULL: told of the doom once; the process ends when it calls fl_proc_let_go. */
    void (*on_doom)(struct fl_self *self, const struct fl_reason *reason);
    struct fl_filter *filters; /* filter.c */
    struct fl_sys_log *log;    /* sys.c */
    struct fl_trace *trace;    /* trace.c */
    const void *alloc_site;    /* the call of fl_self_alloc that passed memory_max */
    struct fl_sig *last_reply; /* of fl_self_stop_with_reply: goes out after on_terminate */
};

/* How a process came to be, while it starts; lives with whoever waits for it. */
struct fl_start {
    struct fl_pid starter;
    uint64_t ref;
    const void *args;
    struct fl_reason *why;
};

/* What few messages touch first, what each one touches last, next to the server's state: so a
 * message moves as few cache lines as can be. */
struct fl_self {
    struct fl_list links, watchers, monitors;
    struct fl_pid parent;
    struct fl_start *start;
    struct fl_sig *end; /* a FL_SIG_EXIT that says why, once DOOMED or ENDING */
    struct fl_cold *cold;
    uint32_t sim_at; /* index in the simulated run queue */
    uint32_t state_bytes;
    struct fl_stack *stack; /* while blocked, or ready to go on */

    union {
        struct fl_list queued;       /* list of the doomed */
        struct fl_self *next_to_run; /* run queue */
    };
    struct fl_shard *shard;
    const struct fl_server *server;
    struct fl_pid pid;
    uint32_t flags;
    uint32_t box_len, box_sys; /* all that is queued; of it what no limit counts */
    uint32_t box_max;
    struct fl_sig *box_head, *box_tail;
    struct fl_sig *current; /* whose handler runs or is blocked */
    uint64_t handled;
};
#define FL_SELF_BYTES ((sizeof(struct fl_self) + 15) / 16 * 16)

/* First come first served. One that is suspended or doomed while it waits stays, and is passed over
 * or buried when its turn comes. */
struct fl_run_queue {
    struct fl_self *head, *tail;
};

struct fl_shard {
    struct fl_node *node;
    int id;
    bool is_simulated;
    uint32_t new_flags; /* of every process here: FL_PROC_SIMULATED or none */
    /* processes and refs */
    struct fl_table procs_by_pid, refs;
    uint32_t procs;
    struct fl_run_queue queues[3]; /* by enum fl_priority */
    bool has_priorities;           /* another than normal was ever used */
    bool is_plain_turn; /* the next one is the head of the normal queue: nothing below is to do */
    struct fl_list doomed;                    /* those that are in no run queue */
    struct fl_fanout *fanouts, *fanouts_tail; /* fanout.c: they go before the queue */
    unsigned picks, picks_left, high_in_row, normal_in_row;
    struct fl_sim *sim;        /* of a simulated node, else NULL */
    struct fl_self *running;   /* whose handler is on the current stack */
    struct fl_self *run_first; /* goes before the queue, and before the budget */
    struct fl_self *picked;    /* for the worker that is switched to */
    int64_t budget;
    int quantum; /* messages that a process handles before others run */
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
    size_t sig_pool_freed; /* into it, since it was shared last; counted with several shards */
    bool shares_sigs;
    struct fl_chunk *sig_chunks;
    size_t sig_chunk_bytes;
    struct fl_cells cells;
    uint64_t ref_last;
    struct fl_map watches_by_ref, links_by_pair; /* of other shards */
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
    struct fl_list lingering;  /* TCP connections without a process */
    unsigned refused;          /* those of them that were one too many */
    struct fl_list corked;     /* those that gather what is written this turn: tcp_write.c */
    fl_ns corked_ns;           /* since when the first of them does, as far as we looked; else 0 */
    struct fl_tcp_cork *corks; /* a pool */
    unsigned corks_kept;
    char *read_buf;
    size_t jobs; /* fl_blocking on the thread pool */
    pthread_t thread;
    bool thread_runs;
    int stop_phase, stop_told;
    int next_spread; /* of FL_SHARD_SPREAD: the shard of the next process that is started here */
    unsigned spin_worth; /* how often spinning before the poll paid lately: 0 … 16 */
    /* other threads */
    _Alignas(64) _Atomic(struct fl_sig *) inbox;
    atomic_bool is_sleeping;
    atomic_uint procs_now, sups_now, firsts_now;
    _Alignas(64) _Atomic uint64_t epoch;              /* handlers begun */
    _Atomic uint64_t running_pid;                     /* whose handler that is, 0: none */
    _Atomic(const struct fl_server *) running_server; /* of that process */
};

/* Something that goes with the node. */
struct fl_node_owned {
    struct fl_node_owned *next;
    void *ptr;
    void (*fn)(void *ptr);
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
    struct fl_timer stop_timer;
    fl_ns stop_until_ns;
    pthread_mutex_t start_lock; /* while it is held the node does not begin to run */
    pthread_mutex_t names_lock;
    struct fl_map names;
    pthread_mutex_t note_lock;
    pthread_mutex_t spare_lock; /* signals that one shard has too many of, for the others */
    struct fl_sig *spare;
    pthread_mutex_t filters_lock;
    struct fl_filter *filters;
    uint64_t filter_id_last;
    struct fl_node_owned *owned; /* the last one first */
    struct fl_list controls;     /* control servers on shard 0 */
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

/* mailbox.c; fl_sig_new, fl_sig_free, fl_box_push, fl_box_pop are in hot.h */
/** A signal where there is no pool, or an empty one; not initialised. */
struct fl_sig *fl_sig_alloc(struct fl_shard *shard);
/** Copies data that does not fit into the signal itself. */
void fl_sig_set_block(struct fl_sig *sig, const void *data, size_t len);
/** Frees what a signal carries beside itself. */
void fl_sig_drop_load(struct fl_sig *sig);
/** Frees a signal that goes back to no pool. */
void fl_sig_release(struct fl_sig *sig);
/** Gives half of a pool that is too large to the other shards. */
void fl_sig_share(struct fl_shard *shard);
/** Frees the pool and the chunks; no shard of the node runs any more. */
void fl_sigs_fini(struct fl_shard *shard);
/** Appends to the mailbox of a process that is FL_PROC_SLOW_IN. Takes sig. */
void fl_box_push_slow(struct fl_self *self, struct fl_sig *sig);
/** Appends whatever the flags are; for what a filter held back. Takes sig. */
void fl_box_append(struct fl_self *self, struct fl_sig *sig);
/** A message leaves the mailbox of a process that is FL_PROC_SLOW_OUT. */
void fl_box_popped_slow(struct fl_self *self, struct fl_sig *sig);
/** Puts it before all others; it is none that a limit counts. Takes sig. A server
 * is not made to run by it. */
void fl_box_push_front(struct fl_self *self, struct fl_sig *sig);
/** Takes the message that *at points to out of the middle. */
struct fl_sig *fl_box_take(struct fl_self *self, struct fl_sig **at, struct fl_sig *before);
/** A cast or call found the mailbox full. Returns 0 when there is room now (the oldest made it, or
 * sender waited until due_ns), else FL_EFULL, FL_ENOPROC, FL_ETIMEOUT. sender NULL: nobody who
 * could wait. */
int fl_box_make_room(struct fl_self *target, struct fl_self *sender, fl_ns due_ns);

/* shard.c, sched.c */
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
/** Leaves this stack to its process and goes on with whatever is next; returns when the process
 * does. */
void fl_shard_go_on(struct fl_shard *shard);
/** Now, by the node's clock. */
fl_ns fl_shard_now(const struct fl_shard *shard);
/** When a span that begins now ends, by the node's clock; FL_NEVER stays that. */
fl_ns fl_shard_due(const struct fl_shard *shard, fl_ns span_ns);
/** It runs next, before the queue and the budget, unless another one does. */
void fl_shard_run_first(struct fl_self *self);
/** A number never used before in this node, that is in no table. */
uint64_t fl_shard_next_ref(struct fl_shard *shard);
/** Runs fn(shard, cx) on that shard's thread; any thread. In order with signals sent before. */
void fl_shard_ask(struct fl_shard *shard, void (*fn)(struct fl_shard *shard, void *cx), void *cx);
/** The same; on_drop(cx) in its place when the node ends before. */
void fl_shard_ask_or(struct fl_shard *shard, void (*fn)(struct fl_shard *shard, void *cx), void *cx,
                     void (*on_drop)(void *cx));

/* loop.c */
/** Opens the shard's loop and its four handles. */
int fl_loop_open(struct fl_shard *shard, struct fl_err *err);
/** Closes every handle on it and the loop. */
void fl_loop_close(struct fl_shard *shard);

/* process.c */
/** Makes a process that has not started: queue it with fl_shard_ready or run_first. FL_EFULL,
 * FL_ESTATE, FL_ETAKEN. */
int fl_proc_new(struct fl_shard *shard, const struct fl_server *server, size_t state_bytes,
                const struct fl_spawn_opts *opts, struct fl_self **out);
/** What most processes do not have, made when first asked for. */
struct fl_cold *fl_proc_cold(struct fl_self *self);
/** Runs on_init, or the whole body. False: the process has ended. */
bool fl_proc_start(struct fl_self *self);
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
/** It is not suspended any more. */
void fl_proc_resume(struct fl_self *self);
/** After a handler that left one of FL_PROC_SLOW_AFTER. */
void fl_proc_after_handler(struct fl_self *self);

/* spawn.c */
/** Which shard a process that is started on this one goes to; wanted is FL_SHARD_… or a number.
 * NULL: there is none such. */
struct fl_shard *fl_shard_place(struct fl_shard *shard, int wanted);
/** The starter's wait is over: child runs (code 0) or does not. */
void fl_proc_tell_starter(struct fl_self *child, int code);
/** The answer of a remote spawn arrived. */
void fl_proc_on_started(struct fl_self *self, struct fl_sig *sig);
/** A spawn that another shard asked for. Frees the request. */
void fl_proc_on_spawn(struct fl_shard *shard, struct fl_sig *sig);
/** Frees a request that nobody will read. */
void fl_spawn_request_free(struct fl_spawn_request *request);
/** The server of processes that run a function. */
extern const struct fl_server fl_body_server;
/** Runs the function of a body. False: it has ended, and may be reaped; true: others see to it. */
bool fl_body_run(struct fl_self *self);

/* handle.c */
/** Calls the handler for a message that is neither cast nor call. */
void fl_proc_handle_other(struct fl_self *self, struct fl_sig *sig, const struct fl_msg *msg);
/** What becomes of a cast or call that has no handler: the process ends. */
void fl_proc_has_no(struct fl_self *self, const char *callback);

/* receive.c */
/** Ends the wait of a fl_receive. */
void fl_receive_wake(struct fl_self *self);

/* signal.c */
/** Delivers to wherever the receiver is. Takes sig. */
void fl_signal_send(struct fl_node *node, struct fl_sig *sig);
/** Acts on a signal that arrived at this shard. Takes sig. */
void fl_signal_arrive(struct fl_shard *shard, struct fl_sig *sig);

/* sys.c */
/** The state in words, or in bytes; out has a maximum. */
void fl_sys_format(struct fl_self *self, struct fl_buf *out);
/** A process that has just been suspended answers what is queued. */
void fl_sys_answer_queued(struct fl_self *self);

/* trace.c: of a process that is FL_PROC_TRACED */
/** It is FL_PROC_SLOW_SEND and sends this. */
void fl_trace_sent(struct fl_self *self, const struct fl_sig *sig);
/** This arrives. */
void fl_trace_arrived(struct fl_self *self, const struct fl_sig *sig);
/** The same, if it is an answer that is waited for. */
void fl_trace_answered(struct fl_self *self, const struct fl_sig *sig);
/** It takes this out of its mailbox. */
void fl_trace_taken(struct fl_self *self, const struct fl_sig *sig);
/** It has spawned, linked or unlinked another one; kind is an enum fl_trace_kind. */
void fl_trace_other(struct fl_self *self, enum fl_trace_kind kind, struct fl_pid other);
/** It ends. */
void fl_trace_exited(struct fl_self *self);

/* crash.c */
/** Tells the node, once, of the end of a process that has a reason, unless that is quiet. is_told:
 * it does not end by itself. */
void fl_crash_tell(struct fl_self *self, bool is_told);

/* link.c, monitor.c, alias.c */
/** Links two processes of one shard that are not linked; no questions asked. */
void fl_link_pair(struct fl_self *a, struct fl_self *b);
/** Links self to other, whatever shard it is on; nothing when they are linked. */
void fl_link_both(struct fl_self *self, struct fl_pid other);
/** A link from another shard arrived: adds self's half. */
void fl_link_on_remote(struct fl_self *self, struct fl_pid peer);
/** Removes self's half of a link to another shard; false when there is none. */
bool fl_link_drop_remote(struct fl_self *self, struct fl_pid peer);
/** Sends the exits of a dying process over its links. */
void fl_link_break_all(struct fl_self *self);
/** Adds a record of a watcher on another shard. */
void fl_watch_add(struct fl_self *target, struct fl_pid watcher, uint64_t ref);
/** Removes it by ref; false: there is none. */
bool fl_watch_drop(struct fl_shard *shard, uint64_t ref);
/** Tells all watchers of a dying process. */
void fl_watch_fire_all(struct fl_self *self);
/** It has fired, or was taken back: all that may stay of it is an explicit alias. */
void fl_monitor_end(struct fl_monitor *monitor);
/** Takes it away on both sides. */
void fl_monitor_drop(struct fl_monitor *monitor);
/** All of a dying process. */
void fl_monitor_drop_all(struct fl_self *self);
/** A DOWN arrived from another shard. Takes sig. */
void fl_monitor_on_down(struct fl_self *self, struct fl_sig *sig);
/** Monitors a process of this shard (other not NULL) or of another one. */
uint64_t fl_monitor_add(struct fl_self *self, struct fl_self *other, struct fl_pid pid);
/** Whom an alias leads to, or NULL: deactivates it if it is for one message; sets sig->ref. */
struct fl_self *fl_alias_resolve(struct fl_shard *shard, struct fl_sig *sig);
/** All of a dying process. */
void fl_alias_drop_all(struct fl_self *self);

/* call.c */
/** A reply arrived for this process. Takes sig. */
void fl_call_on_reply(struct fl_self *self, struct fl_sig *sig);
/** Ends the wait of a process that is blocked, with a code. */
void fl_call_end_wait(struct fl_self *self, int code);
/** Undoes the nodes of a wait: of a process that is ended while blocked. */
void fl_call_drop_wait(struct fl_self *self);
/** Begins a wait on this stack: until ref is answered, or due_ns. */
void fl_call_arm_wait(struct fl_self *self, uint64_t ref, fl_ns due_ns);
/** Sends the answer of fl_self_stop_with_reply. */
void fl_call_send_last(struct fl_self *self);
/** Sends a FL_SIG_SYS and waits for its answer, as fl_call; how it died is in fl_call_reason. Takes
 * sig. */
int fl_call_sys(struct fl_self *self, struct fl_sig *sig_take, void *reply, size_t reply_max,
                size_t *reply_len, fl_ns timeout_ns);
/** Waits for the end of another process on this shard: FL_EDIED, FL_ENOPROC, or FL_ETIMEOUT. */
int fl_call_await_end(struct fl_self *self, struct fl_pid who, fl_ns timeout_ns);

/* timer.c */
/** Puts a timer in; not FL_NEVER. */
void fl_timer_add(struct fl_shard *shard, struct fl_timer *timer, fl_ns due_ns);
/** The same, cheaply, for one that is mostly removed before the next fl_timer_fire; its time begins
 * then. */
void fl_timer_add_later(struct fl_shard *shard, struct fl_timer *timer, fl_ns span_ns);
/** Takes it out; not in is fine. */
void fl_timer_remove(struct fl_shard *shard, struct fl_timer *timer);
/** Is it in? */
static inline bool fl_timer_is_on(const struct fl_timer *timer)
{
    return timer->at != 0 || timer->in_slot.next != NULL;
}
/** Fires everything that is due at now_ns. Returns how many. */
size_t fl_timer_fire(struct fl_shard *shard, fl_ns now_ns);
/** When the next one is due, or FL_NEVER; exactly. Moves far ones near. */
fl_ns fl_timer_next(struct fl_shard *shard);
/** An instant not after the next one, and not far before: when to look again. */
fl_ns fl_timer_look_at(struct fl_shard *shard);
/** on_timeout unless a message comes within this time; as fl_self_timeout, from anywhere. */
void fl_idle_start(struct fl_self *self, fl_ns after_ns);
/** All of a dying process. */
void fl_timer_drop_all(struct fl_self *self);
/** How many timers of users run. */
size_t fl_timer_count(const struct fl_shard *shard);
/** Frees heap and wheel. */
void fl_timers_fini(struct fl_timers *timers);

/* names.c */
/** Registers; FL_ETAKEN, and *holder. */
int fl_name_add(struct fl_self *self, const char *name, struct fl_pid *holder);
/** The name of a process ends. */
void fl_name_drop(struct fl_self *self);
/** The name of a process as text, or NULL. */
const char *fl_name_of(const struct fl_self *self);
/** A copy of the name of a process, or NULL; free it. Any thread. Looks at all names. */
char *fl_name_copy(struct fl_node *node, struct fl_pid pid);
/** Copies all names that match; free each and the array. */
char **fl_name_list(struct fl_node *node, const char *glob, size_t *count);

/* memory.c */
/** Runs the owned functions, frees the blocks and the dictionary. */
void fl_memory_drop_all(struct fl_self *self);
/** Kills a process that has more than its limit. */
void fl_memory_check(struct fl_self *self);

/* port.c: handles that a process owns */
struct fl_port {
    struct fl_list of_owner;
    struct fl_self *owner;
    void (*close)(struct fl_port *port); /* the owner ends */
};
/** Gives a port to a process: it is closed when that ends. */
void fl_port_add(struct fl_self *self, struct fl_port *port);
/** Closes all ports of a dying process. */
void fl_port_close_all(struct fl_self *self);
/** A TCP event reached the front of its owner's mailbox. */
void fl_tcp_handle(struct fl_self *self, struct fl_sig *sig);
/** Frees what a TCP event carries, unread. */
void fl_tcp_sig_drop(struct fl_sig *sig);
/** Closes what lingers without a process: the shard ends. */
void fl_tcp_close_lingering(struct fl_shard *shard);
/** Writes what connections gathered: all when the shard has nothing else to do, else once the first
 * has waited long enough. */
void fl_tcp_uncork_all(struct fl_shard *shard, bool is_idle);
/** Frees the pool of corks; none is in use. */
void fl_tcp_free_corks(struct fl_shard *shard);

/* node.c */
/* A stop goes in phases, and shard 0 moves it on: supervisor trees end in their own order, those
 * that end first before the others, then everything else is told to, then what is still there is
 * killed. */
enum { FL_STOP_ASKED = 0, FL_STOP_FIRST, FL_STOP_TREES, FL_STOP_ALL, FL_STOP_KILL };
/** Hands a note to whoever wants them, one at a time. Any thread of the node. */
void fl_node_note(struct fl_node *node, const struct fl_note *note);
/** Looks at whether a stop goes on; from each shard's loop, and fl_sim_run. */
void fl_node_step_stop(struct fl_shard *shard);
/** A stop phase arrived at a shard. */
void fl_node_on_stop_phase(struct fl_shard *shard, int phase);

#include "runtime/sim_hooks.h"

#include "runtime/hot.h"

#endif
