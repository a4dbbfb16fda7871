/* process.h: runtime processes: pids, messages, links, monitors, exits.
 *
 * Semantics are OTP's (docs/runtime.md). A process lives on one shard (one thread, one libuv loop)
 * and runs only there. It holds no stack while idle: handlers run on pooled coroutine stacks, and
 * keep one only while they block in fl_call() or fl_receive_reply().
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
    FL_EXIT_ERROR, /* fl_self_fail(), a bad return, FL_CHECK */
    FL_EXIT_CRASH, /* a crash asked for by chaos */
    FL_EXIT_OS,    /* an OS process ended; code is its status, signal its signal */
};
struct fl_reason {
    enum fl_exit_kind kind;
    int code;   /* exit status of an OS process, or an error value */
    int signal; /* of an OS process, else 0 */
    char detail[44];
};
/** A reason without detail. */
struct fl_reason fl_reason_of(enum fl_exit_kind kind);
/** A reason in words, `killed`, `error: no such job`, `signal 9`. Returns out. */
const char *fl_reason_show(const struct fl_reason *reason, char *out, size_t out_len);

/** A message as a handler sees it; data is valid until the handler returns. */
struct fl_msg {
    uint32_t tag;
    uint32_t len; /* of data, bytes */
    struct fl_pid from;
    uint64_t ref; /* of a call: what fl_self_reply answers */
    const void *data;
    struct fl_shared *shared; /* not NULL when data is a shared buffer; retain it to keep it */
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

struct fl_spawn_opts {
    const char *name; /* registered name, copied; NULL none */
    const void *args; /* handed to on_init, which runs before spawn returns on the same shard */
    struct fl_pid link_to; /* not FL_NO_PID: linked before it runs */
    int shard;             /* -1: the caller's (or by the node's placement) */
    uint32_t mailbox_max;  /* 0: the node's default (100,000); full: see fl_send */
};

/** Starts a server process (OTP: gen_server:start_link). Returns 0, FL_ETAKEN (name), FL_EFULL
 * (too many processes), or what on_init returned; *out is set only on success. */
int fl_spawn(struct fl_self *self, const struct fl_server *server, const struct fl_spawn_opts *opts,
             struct fl_pid *out);
/** The same from outside any process: before fl_node_run, or from a uv callback on shard 0. */
int fl_node_spawn(struct fl_node *node, const struct fl_server *server,
                  const struct fl_spawn_opts *opts, struct fl_pid *out);

/** Sends a copy of data. To a dead pid: dropped, returns 0 (as OTP). FL_EFULL: its mailbox is full
 * and the message was not queued. System signals (exit, down, reply) are never limited. */
int fl_send(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len);
/** Sends a shared block without copying; the reference is consumed in every case. */
int fl_send_shared(struct fl_self *self, struct fl_pid to, uint32_t tag,
                   struct fl_shared *shared_take);
/** The same from outside a process (from = FL_NO_PID). Any thread of the node. */
int fl_node_send(struct fl_node *node, struct fl_pid to, uint32_t tag, const void *data,
                 size_t len);

/** Who am I. */
struct fl_pid fl_self_pid(const struct fl_self *self);
/** My node. */
struct fl_node *fl_self_node(const struct fl_self *self);
/** Now, by the node's clock (virtual in a simulated node). */
fl_ns fl_self_now(const struct fl_self *self);
/** Memory that goes when the process ends, however it ends. Never NULL, zeroed. */
void *fl_self_alloc(struct fl_self *self, size_t bytes);
/** Gives back memory of fl_self_alloc early; NULL is fine. */
void fl_self_free(struct fl_self *self, void *ptr);
/** Runs fn(ptr) when the process ends, however it ends, last registered first. */
void fl_self_own(struct fl_self *self, void *ptr, void (*fn)(void *ptr));
/** Takes fl_self_own back: fn will not run. */
void fl_self_disown(struct fl_self *self, void *ptr);

/** Ends me with this reason once the handler returns (OTP: exit/1 inside). */
void fl_self_exit(struct fl_self *self, struct fl_reason reason);
/** Ends me with FL_EXIT_ERROR and this code, detail from fl_code_name. */
void fl_self_fail(struct fl_self *self, int code);
/** Exit signals become on_exit calls instead of ending me (OTP: process_flag(trap_exit, true)). */
void fl_self_trap_exits(struct fl_self *self, bool on);

/** Links me and other, both ways. To a dead pid: exit signal noproc. */
void fl_link(struct fl_self *self, struct fl_pid other);
/** Undoes fl_link; after it no exit of that link can arrive. */
void fl_unlink(struct fl_self *self, struct fl_pid other);
/** on_down will be called once when it ends, at once with noproc when it is gone. Returns the ref.
 */
uint64_t fl_monitor(struct fl_self *self, struct fl_pid other);
/** Undoes fl_monitor; a DOWN already queued is removed too (OTP: demonitor with flush). */
void fl_demonitor(struct fl_self *self, uint64_t ref);
/** Sends an exit signal (OTP: exit/2). kind FL_EXIT_KILL cannot be trapped. */
void fl_exit(struct fl_self *self, struct fl_pid other, struct fl_reason reason);
/** The same from outside a process; any thread of the node. */
void fl_node_exit(struct fl_node *node, struct fl_pid other, struct fl_reason reason);

/** Calls a server and waits for its answer, keeping only this process's stack (OTP: call/3).
 * Returns 0 and copies at most reply_max bytes of the answer into reply (NULL to ignore; *reply_len
 * is how many), or FL_ETIMEOUT, FL_ENOPROC, FL_EDIED, FL_ECALLSELF, or the code that
 * fl_self_reply_error sent.
 * A late answer is dropped by the runtime. Never from on_init of a process that `to` waits for. */
int fl_call(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len,
            void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns);
/** Calls without waiting: on_reply gets (ref, code, data). Returns the ref. */
uint64_t fl_call_async(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data,
                       size_t len, fl_ns timeout_ns);
/** Answers a call; from on_call or later, from any process of the node. */
void fl_self_reply(struct fl_self *self, struct fl_pid to, uint64_t ref, const void *data,
                   size_t len);
/** Answers a call with an error value. */
void fl_self_reply_error(struct fl_self *self, struct fl_pid to, uint64_t ref, int code);

/** Registers me under a name; FL_ETAKEN, or FL_ESTATE when I have one. Names end with the process.
 */
int fl_self_register(struct fl_self *self, const char *name);
/** The process of this name, or FL_NO_PID. Any thread of the node. */
struct fl_pid fl_whereis(struct fl_node *node, const char *name);

/** Calls on_timer(ref, tag) after `after_ns`; node memory lives in the process. Returns the ref. */
uint64_t fl_timer_start(struct fl_self *self, fl_ns after_ns, uint32_t tag);
/** Returns the time that was left, or -1 when it has fired or never was (OTP: cancel_timer). */
fl_ns fl_timer_cancel(struct fl_self *self, uint64_t ref);

/** Runs fn on libuv's thread pool while this process waits, its shard does not (OTP: a port).
 * fn must not touch the process; result is fn's. When the process dies meanwhile, arg is freed by
 * free_arg once fn has returned; with NULL, arg may be on the stack, and the process ends only once
 * fn has returned. */
int fl_blocking(struct fl_self *self, int (*fn)(void *arg), void *arg, void (*free_arg)(void *arg));

#endif
