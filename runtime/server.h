/* server.h: a process is a table of answers (OTP: gen_server).
 *
 * Every callback runs on the process's own shard, one at a time. A missing callback is OTP's
 * default: on_call, on_cast and on_continue missing end the process (error), on_info missing drops
 * the message, on_terminate and on_format missing are fine.
 *
 * OTP's return values are calls here: {reply, …} is fl_self_reply, {noreply, …} is to answer later,
 * {stop, R, S} is fl_self_exit, {stop, R, Reply, S} is fl_self_stop_with_reply, a timeout is
 * fl_self_timeout, {continue, T} is fl_self_continue; hibernate is what an idle server always does.
 * So only on_init can return something bad (FL_EBADRETURN): the others return nothing, and what
 * OTP's bad_return_value catches, the compiler does. */
#ifndef FL_RUNTIME_SERVER_H
#define FL_RUNTIME_SERVER_H

#include "runtime/process.h"

struct fl_tcp;

struct fl_server {
    const char *name;   /* the kind of process, for traces: "room" */
    size_t state_bytes; /* zeroed memory, given to every callback; gone when the process ends */

    /** 0: runs. FL_EIGNORE: does not start, and that is fine (ends normal). Other: does not start;
     * spawn returns it (OTP: {stop, Reason}). A positive number is OTP's bad_return_value. */
    int (*on_init)(struct fl_self *self, void *state, const void *args);
    /** After fl_self_continue, before any message that is queued (OTP: handle_continue). */
    void (*on_continue)(struct fl_self *self, void *state, uint32_t tag);
    /** No message came within the time of fl_self_timeout (OTP: handle_info(timeout)). */
    void (*on_timeout)(struct fl_self *self, void *state);
    /** A call; answer with fl_self_reply(self, msg->from, msg->ref, …), now or later. */
    void (*on_call)(struct fl_self *self, void *state, const struct fl_msg *msg);
    /** A message sent with fl_send. */
    void (*on_cast)(struct fl_self *self, void *state, const struct fl_msg *msg);
    /** The answer to fl_call_async; code 0, or an error value with len 0. */
    void (*on_reply)(struct fl_self *self, void *state, uint64_t ref, int code, const void *data,
                     size_t len);
    /** A timer of fl_timer_start. */
    void (*on_timer)(struct fl_self *self, void *state, uint64_t ref, uint32_t tag);
    /** A monitored process ended. */
    void (*on_down)(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                    const struct fl_reason *reason);
    /** A linked process ended and I trap exits. */
    void (*on_exit)(struct fl_self *self, void *state, struct fl_pid who,
                    const struct fl_reason *reason);
    /** Called on my own exit, on shutdown while trapping, never when killed (OTP: terminate). */
    void (*on_terminate)(struct fl_self *self, void *state, const struct fl_reason *reason);

    /** Anything that has no callback of its own above: timers, DOWN, EXIT, answers (OTP:
     * handle_info). Missing: dropped. */
    void (*on_info)(struct fl_self *self, void *state, const struct fl_msg *msg);
    /** The state in words, for crash reports and fl_sys_get_state (OTP: format_status). It may run
     * while the process is broken: read only. */
    void (*on_format)(const void *state, struct fl_buf *out);

    /* Ports: bytes of a TCP connection that this process owns (runtime/tcp.h). */
    void (*on_tcp_data)(struct fl_self *self, void *state, struct fl_tcp *tcp, const void *bytes,
                        size_t len);
    /** The peer is gone or the connection broke (code 0: clean end of file). tcp is dead after. */
    void (*on_tcp_closed)(struct fl_self *self, void *state, struct fl_tcp *tcp, int code);
};

#endif
