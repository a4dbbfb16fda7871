/* signal_parts.h: what travels between processes and shards, before anybody knows what it means. */
#ifndef FL_RUNTIME_SIGNAL_PARTS_H
#define FL_RUNTIME_SIGNAL_PARTS_H

#include "runtime/process.h"

#define FL_SIG_INLINE 80 /* bytes of data that a signal carries in itself */

struct fl_shard;
struct fl_sig;
struct fl_tcp;

/* Signals: everything that one process can make another one notice. The first group ends in a
 * mailbox, the second acts when it arrives. */
enum fl_sig_kind {
    FL_SIG_CAST = 1,
    FL_SIG_CALL,
    FL_SIG_REPLY, /* code, data */
    FL_SIG_TIMER,
    FL_SIG_DOWN, /* reason, name */
    FL_SIG_EXIT, /* reason */
    FL_SIG_TCP_DATA,
    FL_SIG_TCP_CLOSED,
    FL_SIG_PORT, /* a call back into a file of the runtime: port */
    FL_SIG_IDLE, /* of fl_self_timeout */
    FL_SIG_SYS,  /* sys: a question to the process itself, also while it is suspended */

    FL_SIG_MONITOR,
    FL_SIG_DEMONITOR,
    FL_SIG_LINK,
    FL_SIG_UNLINK,
    FL_SIG_SUSPEND,
    FL_SIG_RESUME,
    FL_SIG_SPAWN,   /* spawn */
    FL_SIG_STARTED, /* code, tag and from: the answer to it */
    FL_SIG_STOP,    /* to a shard: end your processes, phase in code */
    FL_SIG_ASK,     /* to a shard: run ask.fn on its thread */
};
enum {
    FL_SIG_IS_LINK = 1,    /* an exit that came over a link */
    FL_SIG_IS_PARENT = 2,  /* an exit with the authority of the parent (the node stops) */
    FL_SIG_IN_BLOCK = 4,   /* data is in block */
    FL_SIG_SHARED = 8,     /* data is in shared */
    FL_SIG_WATCH = 16,     /* a call whose caller wants to know of the target's end */
    FL_SIG_UNWATCHED = 32, /* a reply whose sender has forgotten that already */
    FL_SIG_SPECIAL = 64,   /* carries something else that must be freed */
};

/* Of fl_sig.is_malloced: it belongs to a fl_fanout, and whoever handles it may not keep it. */
#define FL_SIG_LENT 2u

struct fl_spawn_request;
struct fl_port_event {
    void (*fn)(struct fl_self *self, void *port);
    void *port;
};
struct fl_sys_event {
    void (*fn)(struct fl_self *self, struct fl_sig *sig); /* sets drop to NULL: it is answered */
    void (*drop)(void *cx); /* nobody was there, or it ended first; with FL_SIG_SPECIAL */
    void *cx;
};
struct fl_sig {
    struct fl_sig *next;
    uint8_t kind, flags;  /* kind: as enum fl_msg_kind up to FL_SIG_EXIT */
    uint16_t is_malloced; /* not of a pool */
    uint32_t tag;
    uint32_t len;
    int32_t code;
    struct fl_pid to, from;
    uint64_t ref;
    union {
        _Alignas(16) unsigned char bytes[FL_SIG_INLINE];
        struct {
            struct fl_reason reason;
            char *name; /* of a DOWN by name, owned; with FL_SIG_SPECIAL */
        };
        struct {
            void *block;
            struct fl_shared *shared;
            struct fl_tcp *tcp;
        };
        struct fl_port_event port;
        struct fl_sys_event sys;
        struct fl_spawn_request *spawn;
        struct {
            void (*fn)(struct fl_shard *shard, void *cx);
            void *cx;
            void (*drop)(void *cx); /* the node ended first; with FL_SIG_SPECIAL */
        } ask;
    };
};

#endif
