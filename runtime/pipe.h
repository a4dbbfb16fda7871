/* pipe.h: UNIX stream sockets, between OS processes of one machine (OTP: gen_tcp with {local,
 * Path}).
 *
 * Only how a connection comes about is of its own: what it gives is a `struct fl_tcp`, with the
 * words, bounds and callbacks of tcp.h: fl_tcp_write, fl_tcp_close, on_tcp_data, on_tcp_closed. */
#ifndef FL_RUNTIME_PIPE_H
#define FL_RUNTIME_PIPE_H

#include "runtime/tcp.h"

struct fl_pipe_listen_opts {
    const char *path;               /* at most 107 bytes */
    const struct fl_server *server; /* as in struct fl_listen_opts */
    const void *args;
    int connections_max;
    int shard;
};

/** Listens on a path in the calling process; every accepted connection is a new process, which
 * takes it with fl_tcp_accept. The file goes when the listener closes; one that a dead process left
 * behind is replaced. Returns 0, FL_ETAKEN (somebody listens there, or it is no socket), FL_ERANGE
 * (too long), FL_ESTATE (simulated node) or a libuv code. */
int fl_pipe_listen(struct fl_self *self, const struct fl_pipe_listen_opts *opts,
                   struct fl_err *err);
/** Connects to a path. Its bytes come to on_tcp_data of the calling process. Returns 0, FL_ERANGE,
 * FL_ESTATE, or a libuv code (UV_ENOENT, UV_ECONNREFUSED); *out is set only on success. */
int fl_pipe_connect(struct fl_self *self, const char *path, struct fl_tcp **out,
                    struct fl_err *err);

#endif
