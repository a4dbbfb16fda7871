/* process.h: runtime processes: pids, messages, links, monitors, exits.
 *
 * Semantics are OTP's (docs/runtime.md). A process lives on one shard (one thread, one libuv loop)
 * and runs only there. It is either a server (server.h: a table of answers) or a body: a function
 * that receives (fl_spawn_run). A server holds no stack while idle: handlers run on pooled
 * coroutine stacks, and keep one only while they block in the middle: fl_call, fl_receive,
 * fl_blocking, fl_spawn, fl_yield.
 * Thread: functions with a `struct fl_self *` are called from that process's own handlers only;
 * functions with a `struct fl_node *` may be called from any thread of the node unless they say
 * otherwise. */
#ifndef FL_RUNTIME_PROCESS_H
#define FL_RUNTIME_PROCESS_H

#include "runtime/base/fl.h"
#include "runtime/base/str.h"

struct fl_node;
struct fl_self; /* the running process, seen from inside its handlers */
struct fl_server;

/** A process: shard, generation and slot in one number; never dangles, never reused soon. */
struct fl_pid {
    uint64_t bits; /* 0 is no process */
};
#define FL_NO_PID ((struct fl_pid){0})

static inline bool fl_pid_eq(struct fl_pid a, struct fl_pid b)
{
    return a.bits == b.bits;
}

/** Why a process ended. Kinds compare; detail is for people. */
enum fl_exit_kind {
    FL_EXIT_NORMAL = 0,
    FL_EXIT_SHUTDOWN,
    FL_EXIT_KILL,   /* what is sent: cannot be trapped */
    FL_EXIT_KILLED, /* what others see of it */
    FL_EXIT_NOPROC,
    FL_EXIT_ERROR,        /* fl_self_fail(), a bad return, FL_CHECK */
    FL_EXIT_CRASH,        /* a crash asked for by chaos */
    FL_EXIT_OS,           /* an OS process ended; code is its status, signal its signal */
    FL_EXIT_NOCONNECTION, /* the node it lived on cannot be reached; it may be alive */
};
/* FL_EXIT_SHUTDOWN with a detail is OTP's {shutdown, detail}: as quiet as the plain one. */
struct fl_reason {
    enum fl_exit_kind kind;
    int code;   /* exit status of an OS process, or an error value */
    int signal; /* of an OS process, else 0 */
    char detail[44];
};
/** A reason without detail. Any thread, as the four after it. */
struct fl_reason fl_reason_of(enum fl_exit_kind kind);
/** A reason with words: `fl_reason_with(FL_EXIT_ERROR, FL_EIO, "disk %s", name)`; cut to fit. */
struct fl_reason fl_reason_with(enum fl_exit_kind kind, int code, const char *format, ...)
    FL_PRINTF(3, 4);
/** Same kind, code, signal and detail? */
bool fl_reason_eq(const struct fl_reason *a, const struct fl_reason *b);
/** normal, or shutdown with or without detail, or an OS process that ended well: no reason for a
 * report, nor for the restart of a transient child. */
bool fl_reason_is_quiet(const struct fl_reason *reason);
/** A reason in words, `killed`, `error: no such job`, `signal 9`. Returns out. */
const char *fl_reason_show(const struct fl_reason *reason, char *out, size_t out_len);

enum fl_msg_kind {
    FL_MSG_CAST = 1, /* fl_send */
    FL_MSG_CALL,     /* fl_call, fl_call_async: answer (from, ref) */
    FL_MSG_REPLY,    /* the answer to fl_call_async: ref, code, data */
    FL_MSG_TIMER,    /* ref, tag */
    FL_MSG_DOWN,     /* ref, from, reason; name when the monitor was by name */
    FL_MSG_EXIT,     /* from, reason: of a link, or sent, while trapping exits */
    FL_MSG_PORT,     /* of a port; a handler of the runtime sees to it */
};
/** A message as a handler sees it; data is valid until the handler returns, or the next fl_receive.
 */
struct fl_msg {
    uint32_t tag;
    uint32_t len; /* of data, bytes */
    struct fl_pid from;
    uint64_t ref; /* of a call: what fl_self_reply answers */
    const void *data;
    struct fl_shared *shared; /* not NULL when data is a shared buffer; retain it to keep it */
    enum fl_msg_kind kind;
    int code;                       /* FL_MSG_REPLY: 0 or an error value */
    const struct fl_reason *reason; /* FL_MSG_DOWN, FL_MSG_EXIT */
    const char *name;               /* FL_MSG_DOWN of fl_monitor_name: that name; else NULL */
};

/** An immutable reference-counted block: encode once, send to many. Any thread. */
struct fl_shared;
/** Copies bytes into a new block with one reference. */
struct fl_shared *fl_shared_new(const void *bytes, size_t len);
/** One more reference; returns the same block. */
struct fl_shared *fl_shared_retain(struct fl_shared *shared);
/** One less; frees at zero. NULL is fine. */
void fl_shared_release(struct fl_shared *shared);
/** The bytes. */
const void *fl_shared_data(const struct fl_shared *shared);
/** How many. */
size_t fl_shared_len(const struct fl_shared *shared);

/** What happens to a message that finds the mailbox full. Answers of calls, EXIT, DOWN, timers and
 * ports are never counted and never dropped. */
enum fl_full {
    FL_FULL_REFUSE = 0,  /* the newest is dropped; a sender on this shard gets FL_EFULL */
    FL_FULL_DROP_OLDEST, /* the oldest cast makes room; nobody is told; counted */
    FL_FULL_BLOCK,       /* a sender on this shard waits for room; one elsewhere: as REFUSE */
    FL_FULL_EXIT,        /* the owner is killed, with a note */
};
#define FL_MAILBOX_UNBOUNDED UINT32_MAX

enum fl_priority { FL_PRIORITY_NORMAL = 0, FL_PRIORITY_LOW, FL_PRIORITY_HIGH };

/* Where a process goes: in fl_spawn_opts, fl_child, fl_task_opts and fl_listen_opts. */
#define FL_SHARD_SAME (-1)          /* where the one that starts it is */
#define FL_SHARD_SPREAD (-2)        /* the next shard each time, one after the other */
#define FL_SHARD_LEAST (-3)         /* the one with the fewest processes at this moment */
#define FL_SHARD(n) (0x10000 + (n)) /* shard n, 0 and up */

struct fl_spawn_opts {
    const char *name; /* registered name, copied; NULL none */
    const void *args; /* handed to on_init, which runs before spawn returns on the same shard */
    struct fl_pid link_to; /* not FL_NO_PID: linked before it runs */
    int shard;            /* FL_SHARD_…; 0: FL_SHARD_SAME, from outside any process FL_SHARD(0) */
    uint32_t mailbox_max; /* 0: the node's default (100,000) */
    enum fl_full full;    /* at mailbox_max */
    size_t memory_max; /* bytes of fl_self_alloc and queued messages; above: killed. 0: no limit */
    enum fl_priority priority;
    bool is_supervised;    /* a supervisor starts it: its life is worth notes */
    fl_ns start_within_ns; /* 0: for ever; later FL_ETIMEOUT, and the child is killed */
    /* not NULL: why the child did not start, when it ended by itself (OTP: {error, Reason}) */
    struct fl_reason *why;
};

/** Starts a server process and waits for its on_init (OTP: gen_server:start, and start_link with
 * link_to). Returns 0, FL_ETAKEN (name; *out is who has it), FL_EFULL (too many processes),
 * FL_EIGNORE, FL_ETIMEOUT (start_within_ns; it was killed), FL_EDIED (it ended in the middle of
 * on_init; opts->why says how), FL_ERANGE (no such shard), FL_ESTATE (the node stops), or what
 * on_init returned: FL_EBADRETURN for a positive number. Else *out is set only on success. A linked
 * caller also gets the exit signal of a child that failed, as in OTP, except after FL_ETAKEN and
 * FL_ETIMEOUT. */
int fl_spawn(struct fl_self *self, const struct fl_server *server, const struct fl_spawn_opts *opts,
             struct fl_pid *out);
/** The same from outside any process: before fl_node_run (then *out may be on any shard), or from a
 * uv callback of a shard; FL_ESTATE from anywhere else. Inside a process it is fl_spawn. */
int fl_node_spawn(struct fl_node *node, const struct fl_server *server,
                  const struct fl_spawn_opts *opts, struct fl_pid *out);

/** The body of a process; it ends normally when it returns. args is a copy, its own. */
typedef void (*fl_run_fn)(struct fl_self *self, const void *args, size_t args_len);
/** Starts a process that runs a function, without waiting for it (OTP: spawn/1, spawn_link/1). It
 * gets its messages with fl_receive. opts NULL: none; args, link_to, why and start_within_ns of
 * opts are not used here. Returns 0, FL_ETAKEN, FL_EFULL, FL_ERANGE (no such shard) or FL_ESTATE
 * (the node stops); *out may be NULL. On another shard it waits until that one has made it. */
int fl_spawn_run(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len,
                 const struct fl_spawn_opts *opts, struct fl_pid *out);
/** The same, and linked before it runs (OTP: spawn_link). */
int fl_spawn_run_link(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len,
                      const struct fl_spawn_opts *opts, struct fl_pid *out);
/** The same, and monitored before it runs (OTP: spawn_monitor). */
int fl_spawn_run_monitor(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len,
                         const struct fl_spawn_opts *opts, struct fl_pid *out, uint64_t *out_ref);
/** The same from outside any process; when and where as fl_node_spawn. */
int fl_node_spawn_run(struct fl_node *node, fl_run_fn fn, const void *args, size_t args_len,
                      const struct fl_spawn_opts *opts, struct fl_pid *out);

/** Decides whether this message is the one to receive. Must not wait. */
typedef bool (*fl_match_fn)(void *cx, const struct fl_msg *msg);
/** Takes the first message that matches (NULL: any) out of the mailbox, waiting for it at most
 * timeout_ns; others stay, in order (OTP: receive … after). Zero looks at the whole mailbox once.
 * Returns 0 or FL_ETIMEOUT. A DOWN, an EXIT (while trapping), timers and answers of fl_call_async
 * are messages like any other. *out is valid until the next fl_receive or the end of the handler.
 */
int fl_receive(struct fl_self *self, fl_match_fn match, void *cx, fl_ns timeout_ns,
               struct fl_msg *out);
/** Lets others run first (OTP: erlang:yield). */
void fl_yield(struct fl_self *self);
/** Does nothing for this long; messages queue (OTP: timer:sleep). */
void fl_pause(struct fl_self *self, fl_ns ns);

/** Sends a copy of data. To a dead pid: dropped and counted, returns 0 (as OTP). FL_EFULL: its
 * mailbox is full (see enum fl_full) and the message was not queued. `to` may be an alias. */
int fl_send(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len);
/** Sends to a registered name: FL_ENOPROC when nobody has it (OTP: badarg). */
int fl_send_name(struct fl_self *self, const char *name, uint32_t tag, const void *data,
                 size_t len);
/** Sends a shared block without copying; the reference is consumed in every case. Returns as
 * fl_send (OTP: a large binary in a message). It may wait for room (FL_FULL_BLOCK) and the sender
 * be killed there: a further reference that a local holds is lost then, see fl_self_own. */
int fl_send_shared(struct fl_self *self, struct fl_pid to, uint32_t tag,
                   struct fl_shared *shared_take);
/** The same as fl_send from outside a process (from = FL_NO_PID). Any thread of the node. */
int fl_node_send(struct fl_node *node, struct fl_pid to, uint32_t tag, const void *data,
                 size_t len);

/** Who am I (OTP: self/0). */
struct fl_pid fl_self_pid(const struct fl_self *self);
/** The message whose handler runs; NULL in on_init and in a body. Valid until the handler returns.
 */
const struct fl_msg *fl_self_msg(struct fl_self *self);
/** How many messages wait in my mailbox (OTP: process_info(message_queue_len)). */
size_t fl_self_mailbox_len(const struct fl_self *self);
/** Low, normal or high: which run queue I wait in (OTP: process_flag(priority)). Returns the old
 * one. */
enum fl_priority fl_self_set_priority(struct fl_self *self, enum fl_priority priority);
/** The process dictionary (OTP: put/2): returns the value that was there, or NULL. Keys are copied;
 * values are yours. NULL erases. */
void *fl_self_put(struct fl_self *self, const char *key, void *value);
/** The value of this key, or NULL (OTP: get/1). */
void *fl_self_get(const struct fl_self *self, const char *key);
/** My node (OTP: node/0). */
struct fl_node *fl_self_node(const struct fl_self *self);
/** Now, by the node's clock: monotonic, and virtual in a simulated node (OTP: monotonic_time). */
fl_ns fl_self_now(const struct fl_self *self);
/** Memory that goes when the process ends, however it ends (OTP: its heap). Never NULL, zeroed,
 * aligned as malloc's. It counts towards memory_max: above, I am killed once the handler returns or
 * waits. */
void *fl_self_alloc(struct fl_self *self, size_t bytes);
/** Gives back memory of fl_self_alloc early; NULL is fine. */
void fl_self_free(struct fl_self *self, void *ptr);
/** Runs fn(ptr) when the process ends, however it ends, last registered first: before anybody is
 * told of the end (OTP: what a port or a NIF resource does by itself). fn must not wait, nor use
 * the process. */
void fl_self_own(struct fl_self *self, void *ptr, void (*fn)(void *ptr));
/** Takes fl_self_own back: fn will not run. */
void fl_self_disown(struct fl_self *self, void *ptr);

/** Ends me with this reason once the handler returns (OTP: exit/1 inside). */
void fl_self_exit(struct fl_self *self, struct fl_reason reason);
/** Ends me once the handler returns, with FL_EXIT_ERROR and this code; detail from fl_code_name
 * (OTP: error/1). */
void fl_self_fail(struct fl_self *self, int code);
/** Do I end once the handler returns: by fl_self_exit, or because I was killed meanwhile? */
bool fl_self_is_ending(const struct fl_self *self);
/** Ends me now, in the middle: a body at once, a server after its on_terminate (OTP: exit/1, which
 * does not return either). Locals are not unwound: see fl_self_own. Never in on_terminate. */
FL_NORETURN void fl_self_exit_now(struct fl_self *self, struct fl_reason reason);
/** Exit signals become on_exit calls instead of ending me (OTP: process_flag(trap_exit, true)). */
void fl_self_trap_exits(struct fl_self *self, bool on);
/** From on_init, or any callback of a server: on_continue(tag) runs next, before any message that
 * is queued (OTP: {continue, Tag}). */
void fl_self_continue(struct fl_self *self, uint32_t tag);
/** From any callback of a server: on_timeout runs unless a message comes within this time; any
 * message takes it back, a system request starts it anew (OTP: the Timeout of a return). Zero: at
 * once, after what is queued already. */
void fl_self_timeout(struct fl_self *self, fl_ns after_ns);

/** Links me and other, both ways; one link a pair, whoever asked (OTP: link/1). To a dead pid: exit
 * signal noproc. To myself: nothing. */
void fl_link(struct fl_self *self, struct fl_pid other);
/** Undoes fl_link; after it no exit of that link can arrive. One that is queued stays. Not linked:
 * nothing (OTP: unlink/1). */
void fl_unlink(struct fl_self *self, struct fl_pid other);
/** The same, and takes an exit of it that is queued out of the mailbox (OTP: unlink, then flush).
 */
void fl_unlink_flush(struct fl_self *self, struct fl_pid other);
/** on_down will be called once when it ends, at once with noproc when it is gone; of myself never.
 * Each call is a monitor of its own (OTP: monitor/2). Returns the ref. */
uint64_t fl_monitor(struct fl_self *self, struct fl_pid other);
/** The same for whoever has this name now; the DOWN carries the name. Nobody: noproc (OTP:
 * monitor(process, Name)). */
uint64_t fl_monitor_name(struct fl_self *self, const char *name);
/** Undoes fl_monitor; a DOWN already queued is removed too (OTP: demonitor with flush). */
void fl_demonitor(struct fl_self *self, uint64_t ref);
/** Undoes fl_monitor and leaves a DOWN that is queued (OTP: demonitor/1). Returns whether it was
 * active (OTP: the option info). Not mine: no effect, false. */
bool fl_demonitor_keep(struct fl_self *self, uint64_t ref);

enum fl_alias_mode {
    FL_ALIAS_EXPLICIT,        /* until fl_unalias */
    FL_ALIAS_REPLY,           /* until the first message over it */
    FL_ALIAS_DEMONITOR,       /* with a monitor: until fl_demonitor or the DOWN */
    FL_ALIAS_REPLY_DEMONITOR, /* the first message over it ends both */
};
/** Another address of me that can be taken back (OTP: alias/1). Explicit or reply. */
struct fl_pid fl_alias(struct fl_self *self, enum fl_alias_mode mode);
/** Takes it back: what is sent to it from now on is dropped. Returns whether it was active, and
 * mine (OTP: unalias/1). */
bool fl_unalias(struct fl_self *self, struct fl_pid alias);
/** A monitor whose ref is an alias too (OTP: monitor/3 with {alias, Mode}): *alias is the address,
 * and messages over it have msg->ref set to the returned ref. */
uint64_t fl_monitor_alias(struct fl_self *self, struct fl_pid other, enum fl_alias_mode mode,
                          struct fl_pid *alias);
/** Sends an exit signal (OTP: exit/2): normal is dropped by one that does not trap, except by
 * itself; FL_EXIT_KILL cannot be trapped, and others see killed. To the dead: nothing. It may be
 * me: then I end at my next wait or when the handler returns. */
void fl_exit(struct fl_self *self, struct fl_pid other, struct fl_reason reason);
/** The same from outside a process; any thread of the node. */
void fl_node_exit(struct fl_node *node, struct fl_pid other, struct fl_reason reason);

/** Calls a server and waits for its answer, keeping only this process's stack (OTP: call/3).
 * Returns 0 and copies at most reply_max bytes of the answer into reply (NULL to ignore; *reply_len
 * is how many), or FL_ETIMEOUT, FL_ENOPROC, FL_EDIED (fl_call_reason says how), FL_ECALLSELF,
 * FL_EFULL (its mailbox), or the code that fl_self_reply_error sent.
 * A late answer is dropped by the runtime. Never from on_init of a process that `to` waits for. */
int fl_call(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len,
            void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns);
/** The same, and ends the caller when it fails, as OTP's call does, at once (fl_self_exit_now):
 * with the server's own reason when that died meanwhile, with FL_EXIT_NOPROC when it was dead
 * before, else with FL_EXIT_ERROR, the code, and words. (OTP: gen_server:call, which exits) */
void fl_call_or_exit(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data,
                     size_t len, void *reply, size_t reply_max, size_t *reply_len,
                     fl_ns timeout_ns);
/** Calls whoever has this name: FL_ENOPROC when nobody; else as fl_call (OTP: call by name). */
int fl_call_name(struct fl_self *self, const char *name, uint32_t tag, const void *data, size_t len,
                 void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns);
/** Why the server of my last fl_call died (after FL_EDIED); valid until the next call. */
const struct fl_reason *fl_call_reason(const struct fl_self *self);
/** Calls without waiting: on_reply gets (ref, code, data) exactly once, also when it fails: codes
 * as of fl_call (OTP: send_request/2). data is copied. Returns the ref. */
uint64_t fl_call_async(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data,
                       size_t len, fl_ns timeout_ns);
/** Forgets a call: its answer will not come (OTP: demonitor of the request). */
void fl_call_abandon(struct fl_self *self, uint64_t ref);
/** Answers a call; from on_call or later, from any process of the node (OTP: gen_server:reply/2).
 * data is copied. A second answer, and one that comes too late, is dropped. */
void fl_self_reply(struct fl_self *self, struct fl_pid to, uint64_t ref, const void *data,
                   size_t len);
/** Answers a call with an error value, not 0: fl_call returns it (OTP: a reply of {error, Code}).
 */
void fl_self_reply_error(struct fl_self *self, struct fl_pid to, uint64_t ref, int code);

/** Ends me with this reason, and answers this call after my on_terminate (OTP: {stop, Reason,
 * Reply, State}): whoever asked goes on when everything is cleaned up, and gets the answer, not my
 * end. data is copied. When I am killed before on_terminate returns, the answer is FL_EDIED, as if
 * none was given. A body has no on_terminate: it answers at once. From on_call, or for a call that
 * was kept; the first one in a handler counts. */
void fl_self_stop_with_reply(struct fl_self *self, const struct fl_msg *msg,
                             struct fl_reason reason, const void *data, size_t len);

/** Registers me under a name, which is copied; FL_ETAKEN, or FL_ESTATE when I have one. Names end
 * with the process, before its DOWN (OTP: register(Name, self())). */
int fl_self_register(struct fl_self *self, const char *name);
/** Gives my name up; FL_ENOTFOUND when I have none (OTP: badarg). */
int fl_self_unregister(struct fl_self *self);
/** Gives another process of this shard a name: FL_ETAKEN, FL_ESTATE (has one), FL_ENOPROC (dead or
 * elsewhere) (OTP: register/2). */
int fl_register(struct fl_self *self, struct fl_pid who, const char *name);
/** The process of this name, or FL_NO_PID (OTP: whereis/1). Any thread of the node. */
struct fl_pid fl_whereis(struct fl_node *node, const char *name);

/** Calls on_timer(ref, tag) after `after_ns`, unless I end first. Returns the ref (OTP: start_timer
 * to self). Equal deadlines fire in the order of their starts. */
uint64_t fl_timer_start(struct fl_self *self, fl_ns after_ns, uint32_t tag);
/** Returns the time that was left, or -1 when it has fired or never was (OTP: cancel_timer). */
fl_ns fl_timer_cancel(struct fl_self *self, uint64_t ref);
/** The time that is left, or -1 (OTP: read_timer). */
fl_ns fl_timer_left(struct fl_self *self, uint64_t ref);
/** Sends tag to a process of this shard after `after_ns`, as a cast of mine (OTP: send_after). The
 * timer belongs to the one it is for: it is gone when that one ends first, and stays when I do. To
 * one of another shard nothing comes. Returns the ref for fl_timer_cancel. */
uint64_t fl_send_after(struct fl_self *self, struct fl_pid to, fl_ns after_ns, uint32_t tag);
/** The same to whoever has the name then; nobody: dropped (OTP: send_after to a name). */
uint64_t fl_send_after_name(struct fl_self *self, const char *name, fl_ns after_ns, uint32_t tag);

/** Runs fn on libuv's thread pool while this process waits, its shard does not (OTP: a port).
 * fn must not touch the process; result is fn's. When the process dies meanwhile, arg is freed by
 * free_arg once fn has returned; with NULL, arg may be on the stack, and the process ends only once
 * fn has returned. In a simulated node fn runs at once. */
int fl_blocking(struct fl_self *self, int (*fn)(void *arg), void *arg, void (*free_arg)(void *arg));

#endif
