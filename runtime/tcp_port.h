/* tcp_port.h: what tcp.c (connections), tcp_open.c (how they come about) and pipe.c share.
 * Internal.
 *
 * A connection over a UNIX socket is the same thing with another kind of address. */
#ifndef FL_RUNTIME_TCP_PORT_H
#define FL_RUNTIME_TCP_PORT_H

#include "runtime/addr.h"
#include "runtime/core.h"
#include "runtime/tcp.h"

union fl_stream_handle {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct fl_listener {
    struct fl_port port;
    union fl_stream_handle handle;
    const struct fl_server *server;
    const void *args;
    struct fl_str refusal;
    int connections_max;
    int placement; /* FL_SHARD_… of its connections; those of other shards count here too */
    atomic_int connections;
    atomic_int references; /* the handle, and each living connection */
    bool is_pipe;
    struct fl_shard *shard;
};

/* What is needed only for a while: most connections are open, and neither begin nor end. */
struct fl_tcp_edge {
    struct fl_tcp *tcp;
    union {
        uv_connect_t connecting;
        uv_shutdown_t shutdown;
    };
    struct fl_list lingering; /* without a process */
    struct fl_timer timer;    /* and for how long */
};

/* A connection lives as long as its handle and the events of it that wait in a mailbox. */
struct fl_tcp {
    struct fl_port port;
    union fl_stream_handle handle;
    struct fl_tcp_edge *edge; /* made when it connects, and when it ends; else NULL */
    struct fl_shard *shard;
    struct fl_listener *listener; /* whose connections_max it counts for */
    struct fl_tcp_args args;
    struct fl_start start;    /* of the process that is started for it */
    struct fl_tcp_cork *cork; /* what was written this turn, or NULL: tcp_write.c */
    size_t out_bytes, out_max, unread_bytes;
    size_t out_high; /* above it nothing is read; 0: no such limit */
    int references;
    uint64_t wait_ref; /* of the wait in fl_tcp_await_connect or fl_tcp_await_room, else 0 */
    size_t wait_below; /* of the latter: until at most so much is queued */
    bool is_pipe, is_closed, is_reading, is_shutting, has_ended, is_refused, delays_send;
};

/** A connection without an owner, on nothing yet. */
struct fl_tcp *fl_tcp_new(struct fl_shard *shard, bool is_pipe);
/** Its edge, made if there is none. */
struct fl_tcp_edge *fl_tcp_edge_of(struct fl_tcp *tcp);
/** Closes it and forgets its owner; twice is fine. */
void fl_tcp_close_now(struct fl_tcp *tcp);
/** Says one thing to a connection that nobody will own, and closes it after. */
void fl_tcp_refuse(struct fl_tcp *tcp, struct fl_str words);
/** Reads, unless it does or its end was seen. */
void fl_tcp_read_on(struct fl_tcp *tcp);
/** The peer is ahead of its owner, or takes less than it asks for: nothing more is read for now. */
bool fl_tcp_is_ahead(const struct fl_tcp *tcp);
/** Something happened that its owner is to be told of, in its turn. */
void fl_tcp_push(struct fl_tcp *tcp, enum fl_sig_kind kind, int code, const void *bytes,
                 size_t len);
/** Of a connection without an owner: once everything is written, shuts it down. */
void fl_tcp_finish(struct fl_tcp *tcp);
/** Writes what was gathered this turn. 0 or FL_ESTATE: it broke. */
int fl_tcp_uncork(struct fl_tcp *tcp);

/** It no longer counts for the listener that it came from, if any. */
void fl_tcp_leave_listener(struct fl_tcp *tcp);
/** A listener of self, its handle initialised and not bound; fl_listener_start or _drop it. */
struct fl_listener *fl_listener_new(struct fl_self *self, bool is_pipe,
                                    const struct fl_server *server, const void *args,
                                    int connections_max, int placement);
/** Listens on what it is bound to; a libuv code. */
int fl_listener_start(struct fl_listener *listener);
/** Closes a listener that could not start. */
void fl_listener_drop(struct fl_listener *listener);
/** Makes self the owner of a connection whose connect is under way or failed at once with rc,
 * and waits for its end; later than within_ns it is FL_ETIMEOUT. On failure tcp is closed. */
int fl_tcp_await_connect(struct fl_self *self, struct fl_tcp *tcp, int rc, fl_ns within_ns);
/** The callback for uv_tcp_connect and uv_pipe_connect. */
void fl_tcp_on_connected(uv_connect_t *req, int status);

#endif
