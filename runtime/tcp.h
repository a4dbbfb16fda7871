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
    const void *args;      /* copied pointer, given to its on_init through struct fl_tcp_args */
    int connections_max;   /* 0: 10,000; above: accepted, told the refusal and closed */
    struct fl_str refusal; /* may be empty; outlives the listener */
    /* Where the processes of its connections live, with their handles: FL_SHARD_… (process.h);
     * 0: FL_SHARD_SAME. Accepting stays here. Another shard gets a descriptor of its own. */
    int shard;
};

/** What a connection's on_init gets as args: take the port with fl_tcp_accept. */
struct fl_tcp_args {
    const void *args;
    void *accepted; /* private */
};

/** Listens in the calling process: for as long as that lives; every accepted connection is a new
 * process, on the shard that opts->shard says, and lives on when the listener ends (OTP:
 * gen_tcp:listen and accept). *out_port, when not NULL, is the port. Returns 0, FL_ESTATE
 * (simulated node), FL_ERANGE (no such shard), a libuv code (UV_EADDRINUSE, UV_EACCES), or what is
 * wrong with host and port; err says it in words. */
int fl_listen(struct fl_self *self, const struct fl_listen_opts *opts, int *out_port,
              struct fl_err *err);
/** Takes the connection inside on_init of the process that was started for it: then it is this
 * process's, and its bytes come to on_tcp_data (OTP: accept, then controlling_process). */
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
 * queued, and the peer is too slow. FL_ESTATE: closed, or not mine. (OTP: gen_tcp:send) */
int fl_tcp_write(struct fl_self *self, struct fl_tcp *tcp, const void *bytes, size_t len);
/** The same with two pieces as one write, a header and a body. (OTP: send of an iolist) */
int fl_tcp_write_both(struct fl_self *self, struct fl_tcp *tcp, const void *head, size_t head_len,
                      const void *body, size_t body_len);
/** Queues two pieces as one write: a header, which is copied, and a shared body, which is retained
 * and not copied; the caller keeps its reference. Returns as fl_tcp_write. (OTP: send of an iolist)
 */
int fl_tcp_write_shared(struct fl_self *self, struct fl_tcp *tcp, const void *head, size_t head_len,
                        struct fl_shared *body);
/** Waits until at most `below` bytes are queued, while its shard does not: how a long answer keeps
 * to the pace of its reader. Returns 0, FL_ETIMEOUT (within_ns; FL_NEVER: no limit), FL_ESTATE:
 * closed, broken, or not mine. */
int fl_tcp_await_room(struct fl_self *self, struct fl_tcp *tcp, size_t below, fl_ns within_ns);
/** Closes once everything queued is written, at most `linger_ns` from now; 0: at once.
 * on_tcp_closed is not called; tcp is dead after. Closed already, or not mine: nothing. (OTP:
 * gen_tcp:close) */
void fl_tcp_close(struct fl_self *self, struct fl_tcp *tcp, fl_ns linger_ns);
/** Bytes queued and not yet written (OTP: send_pend). */
size_t fl_tcp_queued(const struct fl_tcp *tcp);
/** Sets the most that may be queued (default 4 MiB; OTP: high_watermark). */
void fl_tcp_set_out_max(struct fl_tcp *tcp, size_t bytes);
/** Above so many queued bytes nothing more is read of the peer: one that asks for more than it
 * takes is slowed down. 0, the default: no such limit. Not for both ends of one connection. */
void fl_tcp_set_out_high(struct fl_tcp *tcp, size_t bytes);
/** On: what is written within a turn of the shard goes out together when it has nothing else to
 * do, at most a millisecond or so later: one system call for several writes. Errors of the
 * connection then come to on_tcp_closed only. (OTP: delay_send) */
void fl_tcp_set_delay_send(struct fl_tcp *tcp, bool on);

#endif
