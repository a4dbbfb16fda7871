#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/failpoint.h"
#include "runtime/tcp_port.h"

#define BACKLOG 511
#define CONNECTIONS_MAX_DEFAULT 10000

/* ---- listening */

static void listener_release(struct fl_listener *listener)
{
    int before = atomic_fetch_sub(&listener->references, 1);
    FL_ASSERT(before > 0);
    if (before == 1) free(listener);
}

void fl_tcp_leave_listener(struct fl_tcp *tcp)
{
    struct fl_listener *listener = tcp->listener;
    if (listener == NULL) return;
    int before = atomic_fetch_sub(&listener->connections, 1);
    FL_ASSERT(before > 0);
    tcp->listener = NULL;
    listener_release(listener);
}

static void listener_on_close(uv_handle_t *handle)
{
    struct fl_listener *listener = FL_OWNER(handle, struct fl_listener, handle);
    listener->shard->handles_open--;
    listener_release(listener);
}

static void listener_close(struct fl_port *port)
{
    struct fl_listener *listener = FL_OWNER(port, struct fl_listener, port);
    uv_close(&listener->handle.any, listener_on_close);
}

struct fl_listener *fl_listener_new(struct fl_self *self, bool is_pipe,
                                    const struct fl_server *server, const void *args,
                                    int connections_max, int placement)
{
    struct fl_listener *listener = fl_new(struct fl_listener);
    FL_ASSERT(server != NULL);
    listener->shard = self->shard;
    listener->server = server;
    listener->args = args;
    listener->connections_max = connections_max != 0 ? connections_max : CONNECTIONS_MAX_DEFAULT;
    listener->placement = placement == 0 ? FL_SHARD_SAME : placement;
    atomic_init(&listener->references, 1);
    listener->is_pipe = is_pipe;
    listener->port.owner = self;
    listener->port.close = listener_close;
    int rc = is_pipe ? uv_pipe_init(&self->shard->loop, &listener->handle.pipe, 0)
                     : uv_tcp_init(&self->shard->loop, &listener->handle.tcp);
    FL_ASSERT(rc == 0);
    self->shard->handles_open++;
    fl_port_add(self, &listener->port);
    return listener;
}

void fl_listener_drop(struct fl_listener *listener)
{
    fl_list_remove(&listener->port.of_owner);
    listener_close(&listener->port);
}

/* Starts the process of a connection on the shard of its handle. */
static void connection_start(struct fl_tcp *tcp)
{
    const struct fl_listener *listener = tcp->listener;
    struct fl_shard *shard = tcp->shard;
    struct fl_self *child = NULL;
    FL_ASSERT(listener != NULL && tcp->port.owner == NULL);
    if (!tcp->is_pipe) uv_tcp_nodelay(&tcp->handle.tcp, 1);
    tcp->args = (struct fl_tcp_args){.args = listener->args, .accepted = tcp};
    if (fl_proc_new(shard, listener->server, listener->server->state_bytes, NULL, &child) != 0) {
        fl_tcp_close_now(tcp);
        return;
    }
    tcp->start.args = &tcp->args; /* nobody waits for it */
    child->start = &tcp->start;
    tcp->port.owner = child;
    fl_port_add(child, &tcp->port);
    fl_shard_ready(child);
}

/* ---- a connection on its way to another shard: a handle belongs to one loop, so what travels is a
 * descriptor */

struct passage {
    struct fl_listener *listener; /* counted already */
    int fd;
};

static void passage_drop(void *cx)
{
    struct passage *passage = cx;
    FL_ASSERT(passage->fd >= 0);
    close(passage->fd);
    atomic_fetch_sub(&passage->listener->connections, 1);
    listener_release(passage->listener);
    free(passage);
}

static void passage_arrive(struct fl_shard *shard, void *cx)
{
    struct passage *passage = cx;
    struct fl_tcp *tcp = fl_tcp_new(shard, passage->listener->is_pipe);
    int rc = tcp->is_pipe ? uv_pipe_open(&tcp->handle.pipe, passage->fd)
                          : uv_tcp_open(&tcp->handle.tcp, passage->fd);
    if (rc != 0) {
        fl_tcp_close_now(tcp);
        passage_drop(passage);
        return;
    }
    FL_ASSERT(passage->listener->shard != shard);
    tcp->listener = passage->listener;
    free(passage);
    connection_start(tcp);
}

static void connection_send(struct fl_tcp *tcp, struct fl_shard *there)
{
    struct fl_listener *listener = tcp->listener;
    uv_os_fd_t fd = -1;
    FL_ASSERT(there != tcp->shard);
    int copy = uv_fileno(&tcp->handle.any, &fd) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy >= 0) {
        struct passage *passage = fl_new(struct passage);
        *passage = (struct passage){.listener = listener, .fd = copy};
        tcp->listener = NULL; /* its count goes along */
        fl_shard_ask_or(there, passage_arrive, passage, passage_drop);
    }
    fl_tcp_close_now(tcp);
}

static void listener_on_connection(uv_stream_t *stream, int status)
{
    struct fl_listener *listener = FL_OWNER(stream, struct fl_listener, handle);
    struct fl_shard *shard = listener->shard;
    if (status != 0) return;
    struct fl_tcp *tcp = fl_tcp_new(shard, listener->is_pipe);
    if (uv_accept(stream, &tcp->handle.stream) != 0 || FL_FAIL("posix/io/net/accept")) {
        fl_tcp_close_now(tcp);
        return;
    }
    if (atomic_load(&listener->connections) >= listener->connections_max) {
        fl_tcp_refuse(tcp, listener->refusal);
        return;
    }
    tcp->listener = listener;
    atomic_fetch_add(&listener->references, 1);
    atomic_fetch_add(&listener->connections, 1);
    struct fl_shard *there = fl_shard_place(shard, listener->placement);
    FL_ASSERT(there != NULL);
    if (there == shard)
        connection_start(tcp);
    else
        connection_send(tcp, there);
}

int fl_listener_start(struct fl_listener *listener)
{
    FL_ASSERT(listener->port.owner != NULL);
    int failinfo = FL_FAIL("posix/io/net/listen");
    if (failinfo != 0) return -failinfo;
    return uv_listen(&listener->handle.stream, BACKLOG, listener_on_connection);
}

int fl_listen(struct fl_self *self, const struct fl_listen_opts *opts, int *out_port,
              struct fl_err *err)
{
    struct fl_addr addr;
    char text[FL_ADDR_TEXT_MAX];
    if (self->shard->node->opts.simulated)
        return fl_err_set(err, FL_ESTATE, "a simulated node has no network");
    int rc = fl_addr_parse(&addr, opts->host, opts->port, err);
    if (rc != 0) return rc;
    if (opts->shard != 0 && fl_shard_place(self->shard, opts->shard) == NULL)
        return fl_err_set(err, FL_ERANGE, "there is no such shard");

    struct fl_listener *listener = fl_listener_new(self, false, opts->server, opts->args,
                                                   opts->connections_max, opts->shard);
    listener->refusal = opts->refusal;
    const char *doing = "bind";
    rc = -FL_FAIL("posix/io/net/bind");
    if (rc == 0) rc = uv_tcp_bind(&listener->handle.tcp, &addr.any, 0);
    if (rc == 0) {
        doing = "listen";
        rc = fl_listener_start(listener);
    }
    if (rc != 0) {
        fl_listener_drop(listener);
        return fl_err_set(err, rc, "cannot %s on %s: %s", doing,
                          fl_addr_show(&addr, text, sizeof text), uv_strerror(rc));
    }
    int len = sizeof addr;
    uv_tcp_getsockname(&listener->handle.tcp, &addr.any, &len);
    if (out_port != NULL) *out_port = fl_addr_port(&addr);
    return 0;
}

struct fl_tcp *fl_tcp_accept(struct fl_self *self, const void *init_args)
{
    const struct fl_tcp_args *args = init_args;
    struct fl_tcp *tcp = args->accepted;
    FL_ASSERT(tcp->port.owner == self);
    fl_tcp_read_on(tcp);
    return tcp;
}

/* ---- connecting */

void fl_tcp_on_connected(uv_connect_t *req, int status)
{
    struct fl_tcp *tcp = FL_OWNER(req, struct fl_tcp_edge, connecting)->tcp;
    if (tcp->is_closed || tcp->wait_ref == 0) return; /* too late, or its process is gone */
    struct fl_self *self = tcp->port.owner;
    FL_ASSERT((self->flags & FL_PROC_BLOCKED) && self->stack->wait.ref == tcp->wait_ref);
    tcp->wait_ref = 0;
    fl_call_end_wait(self, status);
}

int fl_tcp_await_connect(struct fl_self *self, struct fl_tcp *tcp, int rc, fl_ns within_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    FL_ASSERT(shard->running == self);
    tcp->port.owner = self;
    fl_port_add(self, &tcp->port);
    if (rc == 0) {
        tcp->wait_ref = fl_shard_next_ref(shard);
        fl_call_arm_wait(self, tcp->wait_ref, fl_shard_due(shard, within_ns));
        fl_proc_park(self);
        rc = stack->wait.code;
        stack->wait = (struct fl_wait){0};
        tcp->wait_ref = 0;
    }
    if (rc != 0)
        fl_tcp_close_now(tcp);
    else
        fl_tcp_read_on(tcp);
    return rc;
}

int fl_tcp_connect(struct fl_self *self, const struct fl_tcp_connect_opts *opts,
                   struct fl_tcp **out, struct fl_err *err)
{
    struct fl_addr addr;
    char text[FL_ADDR_TEXT_MAX];
    if (self->shard->node->opts.simulated)
        return fl_err_set(err, FL_ESTATE, "a simulated node has no network");
    int rc = fl_addr_resolve(self, &addr, opts->host, opts->port, err);
    if (rc != 0) return rc;
    struct fl_tcp *tcp = fl_tcp_new(self->shard, false);
    uv_tcp_nodelay(&tcp->handle.tcp, 1);
    rc = -FL_FAIL("posix/io/net/connect");
    if (rc == 0)
        rc = uv_tcp_connect(&fl_tcp_edge_of(tcp)->connecting, &tcp->handle.tcp, &addr.any,
                            fl_tcp_on_connected);
    rc = fl_tcp_await_connect(self, tcp, rc, opts->within_ns != 0 ? opts->within_ns : FL_NEVER);
    if (rc == 0) {
        *out = tcp;
        return 0;
    }
    return fl_err_set(err, rc, "cannot connect to %s: %s", fl_addr_show(&addr, text, sizeof text),
                      fl_code_name(rc));
}
