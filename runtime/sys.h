/* sys.h: questions to a process itself, whatever server it is (OTP: sys, gen_server:stop).
 *
 * They go through its mailbox, in order with what the asker sent before, and are answered at once
 * while it is suspended. A body answers them while it receives; a server between two messages.
 * Every one returns 0, FL_ENOPROC, FL_EDIED (it ended before it answered; fl_call_reason says why),
 * FL_ECALLSELF, or FL_ETIMEOUT: then nothing is taken back, and a late answer is dropped.
 * Thread: a handler that may wait. Works across shards. */
#ifndef FL_RUNTIME_SYS_H
#define FL_RUNTIME_SYS_H

#include "runtime/process.h"

#define FL_SYS_LOG_MAX 1000

/** Ends a server as its own decision, so on_terminate runs, and waits for it. 0 once it ended with
 * this very reason; FL_EDIED: with another one; FL_ETIMEOUT kills nothing (OTP: gen_server:stop/3,
 * proc_lib:stop/3). */
int fl_stop(struct fl_self *self, struct fl_pid pid, struct fl_reason reason, fl_ns timeout_ns);
/** The same without waiting for the end: 0 says that it has begun (OTP: sys:terminate/3). */
int fl_sys_terminate(struct fl_self *self, struct fl_pid pid, struct fl_reason reason,
                     fl_ns timeout_ns);

/** The state in words, by the server's on_format; without it the size and the first bytes in
 * hexadecimal. Cut to fit, always ended by a NUL (OTP: sys:get_state/2). */
int fl_sys_get_state(struct fl_self *self, struct fl_pid pid, char *out, size_t out_max,
                     fl_ns timeout_ns);
/** Runs fn on a copy of the state, on the process's shard, and puts the copy in place when fn
 * returns 0; else the state stays and that value is returned. FL_ESTATE: it is suspended in the
 * middle of a handler. The copy is of the bytes: what they point to is not copied. cx must live
 * until fn has run, also after FL_ETIMEOUT (OTP: sys:replace_state/3). */
int fl_sys_replace_state(struct fl_self *self, struct fl_pid pid, int (*fn)(void *state, void *cx),
                         void *cx, fl_ns timeout_ns);

/** From now on ordinary messages stay queued; these questions are answered, and an EXIT of the
 * parent ends it (OTP: sys:suspend/2). */
int fl_sys_suspend(struct fl_self *self, struct fl_pid pid, fl_ns timeout_ns);
/** Undoes it, and fl_control_suspend too; fine when it is not suspended (OTP: sys:resume/2). */
int fl_sys_resume(struct fl_self *self, struct fl_pid pid, fl_ns timeout_ns);

struct fl_sys_stats {
    fl_ns started_ns, now_ns; /* when the count began, and now */
    uint64_t handled;         /* since then, as OTP's reductions */
    uint64_t in, out;         /* messages taken from the mailbox, and sent */
};
/** Begins to count, or stops and forgets (OTP: sys:statistics/3 with true, false). */
int fl_sys_count(struct fl_self *self, struct fl_pid pid, bool on, fl_ns timeout_ns);
/** What was counted; FL_ESTATE when nothing is (OTP: sys:statistics/3 with get). */
int fl_sys_statistics(struct fl_self *self, struct fl_pid pid, struct fl_sys_stats *out,
                      fl_ns timeout_ns);
/** Keeps the last n messages that come in and go out, at most FL_SYS_LOG_MAX; 0 stops and forgets
 * (OTP: sys:log/3). */
int fl_sys_log(struct fl_self *self, struct fl_pid pid, int n, fl_ns timeout_ns);
/** They in words, one a line, oldest first; cut to fit. FL_ESTATE when none are kept (OTP:
 * sys:log/3 with get). */
int fl_sys_get_log(struct fl_self *self, struct fl_pid pid, char *out, size_t out_max,
                   fl_ns timeout_ns);

#endif
