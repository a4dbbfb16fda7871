/* statem.h: a server whose answers depend on its state (OTP: gen_statem).
 *
 * A table of states, each with a function for its events. The function does what is to be done and
 * says what follows: next state, postpone, timeouts, inserted events; all of that counts when it
 * returns, as in OTP. Saying nothing keeps the state. Answer a call with fl_self_reply(self,
 * event->from, event->ref, …), now or later; end with fl_self_exit. Hibernation is free.
 *
 *     static const struct fl_statem door = {
 *         .server = FL_STATEM_SERVER("door", struct door),
 *         .states = door_states, .states_count = FL_COUNT(door_states),
 *     };
 *     struct fl_child child = {.id = "door", .server = &door.server, …};
 *
 * A `struct fl_statem` is constant and outlives its processes.
 * Thread: the process's own. The actions are called from its callbacks only. */
#ifndef FL_RUNTIME_STATEM_H
#define FL_RUNTIME_STATEM_H

#include "runtime/server.h"

enum fl_statem_kind {
    FL_STATEM_CAST = 1,
    FL_STATEM_CALL,          /* answer (from, ref) */
    FL_STATEM_INFO,          /* DOWN, EXIT, answers, other timers: msg */
    FL_STATEM_INTERNAL,      /* of fl_statem_insert */
    FL_STATEM_STATE_TIMEOUT, /* tag */
    FL_STATEM_EVENT_TIMEOUT, /* tag */
    FL_STATEM_TIMEOUT,       /* name, tag */
    FL_STATEM_ENTER,         /* old_state */
};
/** What happens to it; valid until the function returns. */
struct fl_statem_event {
    enum fl_statem_kind kind;
    uint32_t tag;
    uint32_t len; /* of data, bytes */
    int old_state;
    struct fl_pid from;
    uint64_t ref;
    const void *data;
    const char *name;
    const struct fl_msg *msg; /* of what came as a message, else NULL */
};
/** Handles an event. */
typedef void (*fl_statem_fn)(struct fl_self *self, void *data, const struct fl_statem_event *event);

struct fl_statem_state {
    const char *name;      /* for reports */
    fl_statem_fn on_event; /* NULL: fl_statem.on_event */
};
struct fl_statem {
    struct fl_server server;              /* FL_STATEM_SERVER; first */
    const struct fl_statem_state *states; /* by number; it starts in 0 unless on_init says other */
    int states_count;
    bool has_enter; /* each state gets FL_STATEM_ENTER when it is entered (OTP: state_enter) */
    /** As that of a server. May use the actions, except fl_statem_postpone. */
    int (*on_init)(struct fl_self *self, void *data, const void *args);
    /** Of states without a function of their own (OTP: handle_event_function). Neither: the process
     * ends, as with a missing callback. */
    fl_statem_fn on_event;
    /** As that of a server. */
    void (*on_terminate)(struct fl_self *self, void *data, const struct fl_reason *reason);
    /** As that of a server; the state's name is there already. */
    void (*on_format)(const void *data, struct fl_buf *out);
};

/** What goes before the data of the process; the module's own. */
struct fl_statem_run {
    _Alignas(16) unsigned char bytes[240];
};
/** The server of a state machine whose data is a `type`, zeroed. */
#define FL_STATEM_SERVER(name_, type)                                                          \
    {                                                                                          \
        .name = (name_), .state_bytes = sizeof(struct fl_statem_run) + sizeof(type),           \
        .on_init = fl_statem_on_init, .on_continue = fl_statem_on_continue,                    \
        .on_call = fl_statem_on_msg, .on_cast = fl_statem_on_msg, .on_info = fl_statem_on_msg, \
        .on_terminate = fl_statem_on_terminate, .on_format = fl_statem_on_format,              \
    }
/** A callback of FL_STATEM_SERVER. */
int fl_statem_on_init(struct fl_self *self, void *state, const void *args);
/** A callback of FL_STATEM_SERVER. */
void fl_statem_on_continue(struct fl_self *self, void *state, uint32_t tag);
/** A callback of FL_STATEM_SERVER. */
void fl_statem_on_msg(struct fl_self *self, void *state, const struct fl_msg *msg);
/** A callback of FL_STATEM_SERVER. */
void fl_statem_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason);
/** A callback of FL_STATEM_SERVER. */
void fl_statem_on_format(const void *state, struct fl_buf *out);

/** The state that it is in: the old one until the function returns. */
int fl_statem_state(struct fl_self *self);
/** It is in this state next. A change ends the state timeout and brings the postponed events back,
 * in order, before any other; the same state again changes nothing (OTP: next_state). In
 * FL_STATEM_ENTER, or with a number that is no state, the process ends. */
void fl_statem_next(struct fl_self *self, int state);
/** Stays, but enters the state again: FL_STATEM_ENTER (OTP: repeat_state). */
void fl_statem_repeat(struct fl_self *self);
/** This event comes again after the next change of state (OTP: postpone). Not in FL_STATEM_ENTER.
 */
void fl_statem_postpone(struct fl_self *self);
/** FL_STATEM_STATE_TIMEOUT comes after this time, unless the state changes; replaces one that runs.
 * 0: before any message; FL_NEVER: takes it back (OTP: state_timeout). */
void fl_statem_state_timeout(struct fl_self *self, fl_ns after_ns, uint32_t tag);
/** FL_STATEM_EVENT_TIMEOUT comes after this time, unless any event does before (OTP: timeout). */
void fl_statem_event_timeout(struct fl_self *self, fl_ns after_ns, uint32_t tag);
/** FL_STATEM_TIMEOUT of this name comes after this time, whatever happens; one a name. The name is
 * not copied. 0 and FL_NEVER as above (OTP: {timeout, Name}). */
void fl_statem_timeout(struct fl_self *self, const char *name, fl_ns after_ns, uint32_t tag);
/** FL_STATEM_INTERNAL comes next, before any message; more of them in the order of the calls. data
 * is copied (OTP: next_event). Not in FL_STATEM_ENTER. */
void fl_statem_insert(struct fl_self *self, uint32_t tag, const void *data, size_t len);

#endif
