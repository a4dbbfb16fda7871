/* ws_server.c: what WebSockets and channels are measured with.
 *
 * bench_ws_server: prints `listening on http://127.0.0.1:PORT` and serves on one shard: an echo at
 * /echo, and the channels room:* (what is pushed as new_msg is broadcast) at /socket. */
#include <signal.h>
#include <sys/resource.h>

#include "services/web/web.h"

struct bench {
    struct fl_pubsub *pubsub;
};

static void echo_on_message(struct fl_socket *socket, void *state, struct fl_str bytes, bool binary)
{
    fl_socket_send(socket, bytes, binary);
}

static const struct fl_socket_server echo_server = {.on_message = echo_on_message};

static int room_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    const struct bench *bench = fl_channel_args(ch);
    fl_channel_subscribe(ch, bench->pubsub, NULL);
    return 0;
}

static void room_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    const struct bench *bench = fl_channel_args(ch);
    fl_web_broadcast(fl_channel_self(ch), bench->pubsub, fl_channel_topic(ch).at, "new_msg",
                     event->payload);
}

static const struct fl_channel_server channels[] = {
    {.topic = "room:*", .on_join = room_on_join, .on_event = room_on_event},
    {.topic = "plain:*"},
    {0},
};
static const struct fl_web_socket sockets[] = {
    {.path = "/socket", .channels = channels},
    {.path = "/echo", .raw = &echo_server},
    {0},
};

int main(void)
{
    struct fl_err err = {0};
    struct fl_node *node = NULL;
    struct bench bench = {0};
    const struct fl_web_site site = {
        .sockets = sockets,
        .args = &bench,
        .connections_max = 20000,
        .idle_ns = 600 * FL_NS_PER_S,
    };
    const struct fl_node_opts opts = {.name = "bench"};
    struct rlimit files;
    int port = 0;
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int rc = fl_node_new(&node, &opts, &err);
    if (rc == 0) rc = fl_pubsub_start(node, NULL, &bench.pubsub);
    if (rc == 0) rc = fl_web_serve(node, &site, NULL, 0, &port, NULL, &err);
    if (rc != 0) {
        fprintf(stderr, "bench_ws_server: %s\n", err.text);
        return 69;
    }
    printf("listening on http://127.0.0.1:%d\n", port);
    fflush(stdout);
    rc = fl_node_run(node);
    fl_pubsub_free(bench.pubsub);
    fl_node_free(node);
    return rc;
}
