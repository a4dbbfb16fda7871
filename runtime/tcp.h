/* tcp.h: TCP ports: listeners that start a process a connection, and connections that a process
 * owns, accepted or made by fl_tcp_connect.
 *
 * The handles belong to the process and are closed before its DOWN is sent.
 * Reading stops by itself while the owner's mailbox is blocked or long, so a slow process slows its
 * peer. Writing is bounded: over `out_max` the peer is a slow reader. */
#ifndef FL_RUNTIME_TCP_H
#define FL_RUNTIME_TCP_H

#include "runtime/server.h"

struct fl_tcp;

struct fl_listen_opts {
    const char *host;               /* numeric, IPv4 or IPv6; default 127.0.0.1 */
    int port;                       /* 0: any free one; see fl_listen's out_port */
    const struct fl_server *server; /* started for each connection, linked to nobody */
    const void *args;    /* copied pointer, given to its on_init through struct fl_tcp_args */
    int connections_max; /* 0: 10,000; above: accepted and closed at once */
};

/** What a connection's on_init gets as args: take the port with fl_tcp_accept. */
struct fl_tcp_args {
    const void *args;
    void *accepted; /* private */
};

/** Listens in the calling process, which must stay alive; every accepted connection is a new
 * process (spread over the shards by placement; on one shard for now is fine). */
int fl_listen(struct fl_self *self, const struct fl_listen_opts *opts, int *out_port,
              struct fl_err *err);
/** Takes the connection inside on_init of the process that was started for it. */
struct fl_tcp *fl_tcp_accept(struct fl_self *self, const void *init_args);

struct fl_tcp_connect_opts {
    const char *host; /* a number or a name; default 127.0.0.1 */
    int port;
    fl_ns within_ns; /* 0: as long as the system tries; without the look-up of a name */
};
/** Connects, while this process waits and its shard does not (OTP: gen_tcp:connect). Its bytes come
 * to on_tcp_data of the calling process, from when that returns to its mailbox. Returns 0,
 * FL_ENOTFOUND (no such host), FL_ERANGE (no such port), FL_ETIMEOUT, FL_ESTATE (simulated node) or
 * a libuv code; *out is set only on success. */
int fl_tcp_connect(struct fl_self *self, const struct fl_tcp_connect_opts *opts,
                   struct fl_tcp **out, struct fl_err *err);

/** Queues bytes (copied unless they can be written at once). FL_EFULL: over out_max, nothing was
 * queued, and the peer is too slow. FL_ESTATE: closed. */
int fl_tcp_write(struct fl_self *self, struct fl_tcp *tcp, const void *bytes, size_t len);
/** Queues two pieces as one write: a header and a shared body, which is retained, not copied. */
int fl_tcp_write_shared(struct fl_self *self, struct fl_tcp *tcp, const void *head, size_t head_len,
                        struct fl_shared *body);
/** Closes once everything queued is written, at most `linger_ns` from now. on_tcp_closed is not
 * called. */
void fl_tcp_close(struct fl_self *self, struct fl_tcp *tcp, fl_ns linger_ns);
/** Bytes queued and not yet written. */
size_t fl_tcp_queued(const struct fl_tcp *tcp);
/** Sets the most that may be queued (default 4 MiB). */
void fl_tcp_set_out_max(struct fl_tcp *tcp, size_t bytes);

#endif
