#include "runtime/base/failpoint.h"
#include "runtime/tcp_port.h"

#define BACKLOG 511
#define CONNECTIONS_MAX_DEFAULT 10000

/* ---- listening */

static void listener_release(struct fl_listener *listener)
{
    FL_ASSERT(listener->references > 0);
    if (--listener->references == 0) free(listener);
}

void fl_tcp_leave_listener(struct fl_tcp *tcp)
{
    struct fl_listener *listener = tcp->listener;
    if (listener == NULL) return;
    FL_ASSERT(listener->connections > 0);
    listener->connections--;
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
                                    int connections_max)
{
    struct fl_listener *listener = fl_new(struct fl_listener);
    FL_ASSERT(server != NULL);
    listener->shard = self->shard;
    listener->server = server;
    listener->args = args;
    listener->connections_max = connections_max != 0 ? connections_max : CONNECTIONS_MAX_DEFAULT;
    listener->references = 1;
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

static void listener_on_connection(uv_stream_t *stream, int status)
{
    struct fl_listener *listener = FL_OWNER(stream, struct fl_listener, handle);
    struct fl_shard *shard = listener->shard;
    if (status != 0) return;
    struct fl_tcp *tcp = fl_tcp_new(shard, listener->is_pipe);
    if (uv_accept(stream, &tcp->handle.stream) != 0 || FL_FAIL("posix/io/net/accept") ||
        listener->connections >= listener->connections_max) {
        fl_tcp_close_now(tcp);
        return;
    }
    tcp->listener = listener;
    listener->references++;
    listener->connections++;
    if (!tcp->is_pipe) uv_tcp_nodelay(&tcp->handle.tcp, 1);
    tcp->args = (struct fl_tcp_args){.args = listener->args, .accepted = tcp};
    struct fl_self *child = NULL;
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

    struct fl_listener *listener = fl_listener_new(self, false, opts->server, opts->args,
                                                   opts->connections_max);
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
    struct fl_tcp *tcp = FL_OWNER(req, struct fl_tcp, connecting);
    if (tcp->is_closed || tcp->connect_ref == 0) return; /* too late, or its process is gone */
    struct fl_self *self = tcp->port.owner;
    FL_ASSERT((self->flags & FL_PROC_BLOCKED) && self->stack->wait.ref == tcp->connect_ref);
    tcp->connect_ref = 0;
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
        tcp->connect_ref = fl_shard_next_ref(shard);
        fl_call_arm_wait(self, tcp->connect_ref, fl_shard_due(shard, within_ns));
        fl_proc_park(self);
        rc = stack->wait.code;
        stack->wait = (struct fl_wait){0};
        tcp->connect_ref = 0;
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
    rc = uv_tcp_connect(&tcp->connecting, &tcp->handle.tcp, &addr.any, fl_tcp_on_connected);
    rc = fl_tcp_await_connect(self, tcp, rc, opts->within_ns != 0 ? opts->within_ns : FL_NEVER);
    if (rc == 0) {
        *out = tcp;
        return 0;
    }
    return fl_err_set(err, rc, "cannot connect to %s: %s", fl_addr_show(&addr, text, sizeof text),
                      fl_code_name(rc));
}
