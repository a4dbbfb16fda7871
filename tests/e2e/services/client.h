/* client.h: a service in a child process, and a plain HTTP client that waits with a deadline. */
#ifndef FL_TEST_SERVICES_CLIENT_H
#define FL_TEST_SERVICES_CLIENT_H

#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/control.h"
#include "services/services.h"

#define CLIENT_DEADLINE_S 20

/** A service that runs in a child of ours. */
struct hosted {
    pid_t pid;
    int control; /* our end of its control seam */
    struct fl_service_opts opts;
};

typedef int (*hosted_start)(struct fl_node *node, const struct fl_service_opts *opts,
                            struct fl_err *err);

/** The child: runs the service until it is killed. Says one byte once it listens. */
static inline void hosted_run(hosted_start start, const struct fl_service_opts *opts, int say_fd)
{
    signal(SIGPIPE, SIG_IGN);
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    const struct fl_node_opts node_opts = {.name = opts->instance};
    if (fl_node_new(&node, &node_opts, &err) != 0 || start(node, opts, &err) != 0) {
        fprintf(stderr, "child: %s\n", err.text);
        _exit(69);
    }
    if (opts->control_fd >= 0 && fl_control_serve(node, opts->control_fd, &err) != 0) _exit(70);
    if (write(say_fd, "r", 1) != 1) _exit(71);
    close(say_fd);
    _exit(fl_node_run(node));
}

/** Starts a service and waits until it listens. */
static inline void hosted_begin(struct hosted *hosted, hosted_start start)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    int control[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, control), 0);
    hosted->opts.control_fd = control[1];
    hosted->pid = fork();
    assert_true(hosted->pid >= 0);
    if (hosted->pid == 0) {
        close(fds[0]);
        close(control[0]);
        hosted_run(start, &hosted->opts, fds[1]);
    }
    close(fds[1]);
    close(control[1]);
    hosted->control = control[0];
    char ready = 0;
    assert_int_equal(read(fds[0], &ready, 1), 1);
    close(fds[0]);
}

static inline void hosted_kill(struct hosted *hosted)
{
    if (hosted->pid <= 0) return;
    kill(hosted->pid, SIGKILL);
    waitpid(hosted->pid, NULL, 0);
    hosted->pid = 0;
    close(hosted->control);
}

/** Crashes a named process inside the child; returns once it is gone. */
static inline void hosted_crash(struct hosted *hosted, const char *name)
{
    char *line = fl_format("{\"id\":1,\"op\":\"exit\",\"name\":\"%s\",\"kind\":\"crash\"}\n", name);
    assert_int_equal(write(hosted->control, line, strlen(line)), strlen(line));
    free(line);
    char answer[512] = {0};
    size_t len = 0;
    struct timeval deadline = {.tv_sec = CLIENT_DEADLINE_S};
    setsockopt(hosted->control, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    while (strchr(answer, '\n') == NULL) {
        ssize_t n = read(hosted->control, answer + len, sizeof answer - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    if (strstr(answer, "\"ok\":true") == NULL) fail_msg("%s", answer);
}

/** One connection. */
struct client {
    int fd;
    int status; /* of the last answer; 0: the connection broke before there was one */
    struct fl_buf raw;
    char *body; /* of the last answer, in raw */
};

/** Connects; false: refused. */
static inline bool client_open(struct client *client, int port)
{
    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval deadline = {.tv_sec = CLIENT_DEADLINE_S};
    int on = 1;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(client->fd, (struct sockaddr *)&addr, sizeof addr) == 0;
}

static inline void client_close(struct client *client)
{
    close(client->fd);
    fl_buf_fini(&client->raw);
}

/** Reads until raw holds this many bytes; false: it broke. */
static inline bool client_fill(struct client *client, size_t len)
{
    while (client->raw.len < len) {
        fl_buf_reserve(&client->raw, 65536);
        ssize_t n = recv(client->fd, client->raw.at + client->raw.len, 65536, 0);
        if (n <= 0) return false;
        client->raw.len += (size_t)n;
        client->raw.at[client->raw.len] = '\0';
    }
    return true;
}

/** Reads the head; returns its length, 0: it broke. */
static inline size_t client_head(struct client *client)
{
    client->raw.len = 0;
    for (size_t want = 1;; want = client->raw.len + 1) {
        if (!client_fill(client, want)) return 0;
        char *end = strstr(client->raw.at, "\r\n\r\n");
        if (end != NULL) return (size_t)(end - client->raw.at) + 4;
    }
}

/** Asks and reads the answer; the status, or 0 when the connection broke. */
static inline int client_ask(struct client *client, const char *method, const char *path,
                             const char *body)
{
    char *request = fl_format("%s %s HTTP/1.1\r\nhost: test\r\ncontent-length: %zu\r\n\r\n%s",
                              method, path, strlen(body), body);
    size_t len = strlen(request), sent = 0;
    client->status = 0;
    client->body = NULL;
    while (sent < len) {
        ssize_t n = send(client->fd, request + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += (size_t)n;
    }
    free(request);
    size_t head = sent == len ? client_head(client) : 0;
    if (head == 0) return 0;
    const char *length = strcasestr(client->raw.at, "\r\ncontent-length:");
    size_t body_len = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
    int status = atoi(client->raw.at + 9);
    if (!client_fill(client, head + body_len)) return 0;
    client->body = client->raw.at + head;
    return client->status = status;
}

/** Asks on a connection of its own. The body is the caller's to free; NULL: no answer. */
static inline char *client_once(int port, const char *method, const char *path, const char *body,
                                int *out_status)
{
    struct client client;
    char *answer = NULL;
    *out_status = 0;
    if (client_open(&client, port)) {
        *out_status = client_ask(&client, method, path, body);
        if (*out_status != 0) answer = fl_strdup(client.body);
    }
    client_close(&client);
    return answer;
}

#endif
