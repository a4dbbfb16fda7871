/* task.h: work with a result, done by a process of its own (Elixir: Task).
 *
 * A task is a process that runs one function. Whoever starts it, its owner, gets the result: bytes,
 * handed over with fl_task_return. Only the owner may wait for it, once. Nothing of a task is left
 * in the owner's mailbox once one of these functions has answered for it.
 * An owner that is a server and does not want to wait gets the result as a message instead: on_cast
 * with the tag FL_TASK_DONE and msg->ref == task.ref, or on_down with that ref. (After the result
 * of a task on another shard comes its DOWN too, unless fl_demonitor takes it back.) Thread: the
 * owner's. The function runs on the owner's shard unless opts say otherwise; on another one,
 * pointers in args are read from another thread. */
#ifndef FL_RUNTIME_TASK_H
#define FL_RUNTIME_TASK_H

#include "runtime/process.h"

#define FL_TASK_DONE UINT32_C(0x666c7464) /* tag of the message that carries a result */

/** What a task does. args is its own copy; it ends when it returns. */
typedef void (*fl_task_fn)(struct fl_self *self, const void *args, size_t len);

struct fl_task {
    struct fl_pid pid, owner;
    uint64_t ref; /* 0 once it has been answered for */
    bool is_linked;
};
/** What became of a task. */
struct fl_task_result {
    size_t index;                /* of the input or of the array, from 0 */
    int code;                    /* 0, FL_EDIED or FL_ETIMEOUT */
    const void *data;            /* code 0; valid until the callback returns */
    size_t len;                  /* of data, bytes */
    const struct fl_reason *why; /* FL_EDIED: its reason; else NULL */
};
/** Told of a result. Returns false to hear of no more. */
typedef bool (*fl_task_result_fn)(void *cx, const struct fl_task_result *result);

struct fl_task_opts {
    struct fl_pid sup; /* a task supervisor (task_sup.h) that it belongs to, or FL_NO_PID */
    bool is_linked;    /* its crash is mine, and mine is its */
    int shard;         /* FL_SHARD_…, as in fl_spawn_opts */
    size_t memory_max; /* as in fl_spawn_opts */
    enum fl_priority priority;
};

/** Starts a linked task (Elixir: Task.async). Returns 0, or FL_EFULL (too many processes). */
int fl_task_async(struct fl_self *self, fl_task_fn fn, const void *args, size_t len,
                  struct fl_task *out);
/** Starts a task of a supervisor that is not linked to me: its crash is a value, and it outlives me
 * (Elixir: Task.Supervisor.async_nolink). Returns 0, FL_EFULL (also: its max_children), or
 * FL_ENOPROC (no such supervisor). */
int fl_task_async_nolink(struct fl_self *self, struct fl_pid sup, fl_task_fn fn, const void *args,
                         size_t len, struct fl_task *out);
/** The general form of both. */
int fl_task_start(struct fl_self *self, const struct fl_task_opts *opts, fl_task_fn fn,
                  const void *args, size_t len, struct fl_task *out);
/** From inside a task: these bytes are the result. Copied; sent when the function returns without
 * fl_self_exit or fl_self_fail; the last call counts, without one the result is empty. Never from
 * what is no task. */
void fl_task_return(struct fl_self *self, const void *data, size_t len);

/** Waits for the result; copies at most reply_max bytes (reply NULL: none), *reply_len (may be
 * NULL) is how many. Returns 0, or FL_ESTATE (not mine, or answered for). When the task crashed I
 * end with its reason; when time is up I end with FL_EXIT_ERROR and FL_ETIMEOUT (Elixir:
 * Task.await). */
int fl_task_await(struct fl_self *self, struct fl_task *task, void *reply, size_t reply_max,
                  size_t *reply_len, fl_ns timeout_ns);
/** The same, but tells: 0, FL_EDIED (*why, may be NULL, is its reason), FL_ETIMEOUT (the task goes
 * on and its result will be dropped), FL_ESTATE. */
int fl_task_try_await(struct fl_self *self, struct fl_task *task, void *reply, size_t reply_max,
                      size_t *reply_len, fl_ns timeout_ns, struct fl_reason *why);
/** Looks whether it is done within this time: 0, FL_EDIED (*why is its reason), FL_ETIMEOUT: not
 * yet, ask again (Elixir: Task.yield, where that is nil). FL_ESTATE as above. */
int fl_task_yield(struct fl_self *self, struct fl_task *task, void *reply, size_t reply_max,
                  size_t *reply_len, fl_ns timeout_ns, struct fl_reason *why);
/** Ends it: with shutdown, and after timeout_ns with kill; with 0, kill at once. Waits until it is
 * gone. Returns 0: there was a result already; FL_EDIED: it ended otherwise, *why says how, killed
 * when it did not heed the shutdown; FL_ENOTFOUND: no result, it ended as told (Elixir:
 * Task.shutdown, where that is nil); FL_ESTATE. */
int fl_task_shutdown(struct fl_self *self, struct fl_task *task, fl_ns timeout_ns, void *reply,
                     size_t reply_max, size_t *reply_len, struct fl_reason *why);
/** Lets it go on, unlinked, and drops its result, also one that is here (Elixir: Task.ignore).
 * FL_ESTATE: not mine. */
int fl_task_ignore(struct fl_self *self, struct fl_task *task);

/** Waits until `limit` of these tasks are done (0: all), or time is up, and tells fn of each as it
 * ends; fn may return false to wait no longer. Returns how many it told; the others go on and can
 * be asked again (Elixir: Task.yield_many). Tasks that were answered for or are not mine are
 * skipped. */
size_t fl_task_yield_many(struct fl_self *self, struct fl_task *tasks, size_t count, size_t limit,
                          fl_ns timeout_ns, fl_task_result_fn fn, void *cx);
/** Waits for all; a crash or the end of time ends me as fl_task_await does (Elixir:
 * Task.await_many). fn is told of each as it ends, results only. Returns 0, or FL_ESTATE when one
 * is not mine or was answered for (nothing has been waited for then). */
int fl_task_await_many(struct fl_self *self, struct fl_task *tasks, size_t count, fl_ns timeout_ns,
                       fl_task_result_fn fn, void *cx);

enum fl_task_on_timeout {
    FL_TASK_TIMEOUT_EXIT = 0, /* I end with FL_EXIT_ERROR and FL_ETIMEOUT */
    FL_TASK_TIMEOUT_KILL,     /* the task is killed; its result is FL_ETIMEOUT */
};
struct fl_task_stream {
    fl_task_fn fn;
    /** Sets *args to the next input, which is copied; false: no more. */
    bool (*next)(void *cx, struct fl_str *args);
    fl_task_result_fn on_result; /* false: halt; what runs is killed */
    void *cx;                    /* of next and on_result */
    size_t max_concurrency;      /* tasks at a time; 0: as many as shards, at least 2 */
    bool is_unordered;           /* results as they come; else in the order of the inputs */
    fl_ns timeout_ns;            /* of each task; 0: 5 s; FL_NEVER: none */
    enum fl_task_on_timeout on_timeout;
    struct fl_pid sup; /* FL_NO_PID: linked tasks; else tasks of it, whose crash is a value */
    bool is_spread;    /* tasks go round the shards; else they run on mine */
};
/** Runs fn over inputs, a few at a time, and tells on_result of each (Elixir: Task.async_stream,
 * async_stream_nolink). Waits; when it returns no task of it runs and nothing of it is in my
 * mailbox. Returns 0 when all is done or on_result halted, or why a task could not start (FL_EFULL,
 * FL_ENOPROC). A crash of a linked task is mine, as of any link; while I trap exits it is a result,
 * FL_EDIED. When I end, its tasks do. */
int fl_task_stream(struct fl_self *self, const struct fl_task_stream *stream);

#endif
