/* ports.c: TCP, files and signals as messages; what blocks waits in its process and not on its
 * shard. Sockets and signals live in real time only. */
#include <signal.h>
#include <unistd.h>

#include "guide.h"
#include "runtime/file.h"
#include "runtime/server.h"
#include "runtime/signals.h"
#include "runtime/tcp.h"

enum { HEARD = 1 };

/* ---- a server of connections: a process each ---- */

static int echo_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_tcp_accept(self, args); /* ours now, and closed when this process ends */
    return 0;
}

static void echo_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    if (fl_tcp_write(self, tcp, bytes, len) != 0) fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static const struct fl_server echo_server = {
    .name = "echo",
    .on_init = echo_on_init,
    .on_tcp_data = echo_on_tcp_data,
};

/* ---- a client ---- */

static void client_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_tcp_connect_opts opts = {.within_ns = fl_s(5)};
    struct fl_tcp *tcp;
    struct fl_err err;
    memcpy(&opts.port, msg->data, sizeof opts.port);
    if (fl_tcp_connect(self, &opts, &tcp, &err) != 0) { /* waits; the shard does not */
        printf("%s\n", err.text);
        return;
    }
    fl_tcp_write(self, tcp, "good day", sizeof "good day");
}

static void client_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                               const void *bytes, size_t len)
{
    fl_send_name(self, "guide", HEARD, bytes, len);
}

static const struct fl_server client_server = {
    .name = "client",
    .on_cast = client_on_cast,
    .on_tcp_data = client_on_tcp_data,
};

static void sockets(struct fl_self *self)
{
    struct fl_listen_opts listen = {.server = &echo_server};
    struct fl_spawn_opts opts = {.link_to = fl_self_pid(self)};
    struct fl_pid client;
    struct fl_err err;
    struct fl_msg msg;
    int port;
    if (fl_listen(self, &listen, &port, &err) != 0) {
        printf("%s\n", err.text);
        return;
    }
    fl_spawn(self, &client_server, &opts, &client);
    fl_send(self, client, 0, &port, sizeof port);
    fl_receive(self, NULL, NULL, fl_s(10), &msg);
    printf("the echo: %s\n", (const char *)msg.data);

    fl_signals_watch(self, SIGUSR1, &err);
    kill(getpid(), SIGUSR1);
    fl_receive(self, NULL, NULL, fl_s(10), &msg);
    printf("a signal, as a message: %s\n", msg.tag == SIGUSR1 ? "SIGUSR1" : "?");
}

/* ---- files ---- */

static void files(struct fl_self *self)
{
    char path[64];
    void *bytes;
    size_t len;
    struct fl_err err;
    snprintf(path, sizeof path, "/tmp/faultline-guide-%d", (int)getpid());
    /* the old content or this, never a part */
    int code = fl_file_save(self, path, "words", 5, &err);
    if (code == 0) code = fl_file_load(self, path, 1000, &bytes, &len, &err);
    if (code != 0)
        printf("%s\n", err.text);
    else
        printf("the file says: %s\n", (const char *)bytes); /* goes with this process */
    fl_file_unlink(self, path, &err);
}

/* ---- anything else that blocks ---- */

static int slow_work(void *arg)
{
    *(int *)arg = 42; /* on a thread of libuv's pool: no process is touched here */
    return 0;
}

static void blocking(struct fl_self *self)
{
    int answer = 0;
    int code = fl_blocking(self, slow_work, &answer, NULL); /* waits; arg may be on the stack */
    if (code == 0) printf("the work says: %d\n", answer);
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    files(self);
    blocking(self);
    sockets(self);
    fl_node_stop(fl_self_node(self), 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "ports"}, story);
}
