/* web_server.c: what the web layer is measured with: one small route.
 *
 * bench_web_server [PORT]: prints `listening on http://127.0.0.1:PORT` and serves on one shard.
 * bench_web_server --free-port: prints a port that nobody has. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/web/web.h"

static void route_health(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_web_respond(self, web, 200, "text/plain", "ok", 2);
}

static const struct fl_web_route routes[] = {
    {"GET", "/health", route_health, NULL},
    {0},
};
static const struct fl_web_site site = {.routes = routes};

static int print_free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0) return 1;
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0) return 1;
    printf("%d\n", ntohs(addr.sin_port));
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--free-port") == 0) return print_free_port();
    struct fl_err err = {0};
    struct fl_node *node = NULL;
    const struct fl_node_opts opts = {.name = "bench"};
    int port = argc > 1 ? atoi(argv[1]) : 0;
    signal(SIGPIPE, SIG_IGN);
    int rc = fl_node_new(&node, &opts, &err);
    if (rc == 0) rc = fl_web_serve(node, &site, NULL, port, &port, NULL, &err);
    if (rc != 0) {
        fprintf(stderr, "bench_web_server: %s\n", err.text);
        return 69;
    }
    printf("listening on http://127.0.0.1:%d\n", port);
    fflush(stdout);
    rc = fl_node_run(node);
    fl_node_free(node);
    return rc;
}
