/* tie_parts.h: what ties a process to others and to time: monitors, calls, aliases, links, timers.
 */
#ifndef FL_RUNTIME_TIE_PARTS_H
#define FL_RUNTIME_TIE_PARTS_H

#include "runtime/list_parts.h"
#include "runtime/process.h"

/* Timers: those of the current tick and before in a heap ordered by (due, seq), later ones in a
 * wheel of six levels (timer.c). */
enum fl_timer_kind {
    FL_TIMER_USER = 1,
    FL_TIMER_SEND, /* to an owner who did not start it, or to a name */
    FL_TIMER_WAIT,
    FL_TIMER_CALL,
    FL_TIMER_IDLE,
    FL_TIMER_PORT
};
struct fl_timer {
    struct fl_list in_slot;
    fl_ns due_ns;
    uint64_t seq;
    uint32_t at;           /* 1 + index in the heap, 0: not in it */
    uint16_t level;        /* where in the wheel, or FL_TIMER_FRESH */
    uint16_t kind;         /* enum fl_timer_kind */
    struct fl_self *owner; /* NULL for FL_TIMER_PORT */
    uint64_t ref;
    union {
        void (*fn)(struct fl_timer *timer); /* FL_TIMER_PORT */
        uint32_t tag;
    };
};
#define FL_TIMER_FRESH UINT16_MAX /* fl_timer.level: added for later, and due_ns is a span */
#define FL_WHEEL_LEVELS 6
#define FL_WHEEL_SLOTS 256
#define FL_TICK_SHIFT 20 /* a tick is 2^20 ns, about a millisecond */
struct fl_wheel_level {
    struct fl_list slots[FL_WHEEL_SLOTS];
    uint64_t used[FL_WHEEL_SLOTS / 64];
};
struct fl_timers {
    struct fl_timer **heap;
    size_t count, cap; /* of the heap */
    uint64_t seq;
    uint64_t tick;        /* everything up to here is in the heap */
    struct fl_list fresh; /* not placed yet: most time-outs are over before anybody looks */
    size_t in_wheel;
    struct fl_wheel_level *levels; /* FL_WHEEL_LEVELS */
};
/* A user's timer: in the table of refs and in its owner's list. */
struct fl_user_timer {
    uint8_t record; /* enum fl_record_kind */
    uint32_t tag;
    struct fl_timer timer;
    struct fl_list of_owner;
    struct fl_pid from;
    char *name; /* of fl_send_after_name; then it has no owner */
};

/* Records that a ref stands for begin with their kind. */
enum fl_record_kind { FL_RECORD_MONITOR = 1, FL_RECORD_CALL, FL_RECORD_TIMER, FL_RECORD_ALIAS };

/* What the watched side knows of a monitor or a call. */
enum fl_watch_kind {
    FL_WATCH_LOCAL,    /* in a fl_monitor of this shard */
    FL_WATCH_BORROWED, /* in a fl_stack: a call of a neighbour */
    FL_WATCH_REMOTE    /* a fl_remote_watch */
};
struct fl_watch {
    struct fl_list of_target;
    struct fl_pid watcher;
    uint64_t ref;
    uint8_t kind;
};
struct fl_remote_watch {
    struct fl_watch watch;
    struct fl_map_node by_ref;
    struct fl_self *target;
};
/* What the watching side knows of it; on one shard it is both. */
struct fl_monitor {
    uint8_t record; /* FL_RECORD_MONITOR or FL_RECORD_CALL */
    bool has_fired, is_remote;
    uint8_t alias; /* 0, or 1 + enum fl_alias_mode */
    bool is_spent; /* ended, and only an explicit alias is left of it */
    struct fl_watch watch;
    struct fl_list of_owner;
    struct fl_self *owner;
    struct fl_pid target;
    char *name; /* monitored by name */
};
struct fl_async_call {
    struct fl_monitor monitor;
    struct fl_timer timer;
};
struct fl_alias {
    uint8_t record;
    uint8_t mode; /* enum fl_alias_mode */
    struct fl_self *owner;
    uint64_t ref;
    struct fl_list of_owner;
};
/* One side's half of a link. */
struct fl_link {
    struct fl_list of_owner;
    struct fl_pid peer;
    struct fl_link *mate; /* the other half, on the same shard; NULL: a fl_remote_link */
};
struct fl_remote_link {
    struct fl_link link;
    struct fl_map_node by_pair;
    struct fl_self *owner;
};

#endif
