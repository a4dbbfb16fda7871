#include "runtime/pipe.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/failpoint.h"
#include "runtime/tcp_port.h"

/* libuv cuts a path that does not fit, without a word. */
static int pipe_check(const struct fl_self *self, const char *path, struct fl_err *err)
{
    FL_ASSERT(path != NULL);
    if (self->shard->node->opts.simulated)
        return fl_err_set(err, FL_ESTATE, "a simulated node has no pipes");
    if (strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path) return 0;
    return fl_err_set(err, FL_ERANGE, "the path %s is too long for a socket", path);
}

/* A socket file that nobody listens on: what a killed process leaves behind. Connecting to a UNIX
 * socket without waiting is an answer of the kernel alone. */
static bool pipe_is_stale(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    FL_ASSERT(strlen(path) < sizeof addr.sun_path);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    int rc = connect(fd, (struct sockaddr *)&addr, sizeof addr);
    bool is_stale = rc != 0 && errno == ECONNREFUSED;
    close(fd);
    struct stat what;
    return is_stale && lstat(path, &what) == 0 && S_ISSOCK(what.st_mode);
}

static int pipe_listen_once(struct fl_self *self, const struct fl_pipe_listen_opts *opts,
                            const char **doing)
{
    struct fl_listener *listener = fl_listener_new(self, true, opts->server, opts->args,
                                                   opts->connections_max, opts->shard);
    FL_ASSERT(listener->is_pipe);
    *doing = "bind";
    int rc = uv_pipe_bind(&listener->handle.pipe, opts->path);
    if (rc == 0) {
        *doing = "listen";
        rc = fl_listener_start(listener);
    }
    if (rc != 0) fl_listener_drop(listener);
    return rc;
}

int fl_pipe_listen(struct fl_self *self, const struct fl_pipe_listen_opts *opts, struct fl_err *err)
{
    const char *doing = "";
    int rc = pipe_check(self, opts->path, err);
    if (rc != 0) return rc;
    if (opts->shard != 0 && fl_shard_place(self->shard, opts->shard) == NULL)
        return fl_err_set(err, FL_ERANGE, "there is no such shard");
    rc = pipe_listen_once(self, opts, &doing);
    if (rc == UV_EADDRINUSE && pipe_is_stale(opts->path)) {
        unlink(opts->path);
        rc = pipe_listen_once(self, opts, &doing);
    }
    if (rc == 0) return 0;
    return fl_err_set(err, rc == UV_EADDRINUSE ? FL_ETAKEN : rc, "cannot %s on %s: %s", doing,
                      opts->path, uv_strerror(rc));
}

int fl_pipe_connect(struct fl_self *self, const char *path, struct fl_tcp **out, struct fl_err *err)
{
    int rc = pipe_check(self, path, err);
    if (rc != 0) return rc;
    struct fl_tcp *tcp = fl_tcp_new(self->shard, true);
    FL_ASSERT(tcp->is_pipe);
    rc = -FL_FAIL("posix/io/net/connect");
    if (rc == 0)
        uv_pipe_connect(&fl_tcp_edge_of(tcp)->connecting, &tcp->handle.pipe, path,
                        fl_tcp_on_connected);
    rc = fl_tcp_await_connect(self, tcp, rc, FL_NEVER);
    if (rc == 0) {
        *out = tcp;
        return 0;
    }
    return fl_err_set(err, rc, "cannot connect to %s: %s", path, fl_code_name(rc));
}
