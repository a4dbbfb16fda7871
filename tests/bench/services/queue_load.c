/* queue_load PORT CLIENTS SECONDS: enqueues over so many kept connections, each with one request
 * under way, and prints `RATE GROUP`: acknowledged jobs a second, and how many the queue put into
 * one commit, by its own figures. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/str.h"

#define ANSWER_MAX 4096

struct client {
    int fd;
    size_t len;
    char answer[ANSWER_MAX];
};

struct load {
    int port, epoll;
    uint64_t key, mark, answered;
};

static void load_fail(const char *what)
{
    perror(what);
    exit(1);
}

static int load_connect(const struct load *load)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)load->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) load_fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void load_put(struct load *load, const struct client *client)
{
    char body[128], request[256];
    int body_len = snprintf(body, sizeof body,
                            "{\"key\":\"%llx-%llx\",\"payload\":{\"to\":\"ana@example.org\"}}",
                            (unsigned long long)load->key++, (unsigned long long)load->mark);
    int len = snprintf(request, sizeof request,
                       "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       "Content-Length: %d\r\n\r\n%s",
                       body_len, body);
    if (send(client->fd, request, (size_t)len, MSG_NOSIGNAL) != len) load_fail("send");
}

/** Reads what is there; true: a whole answer is, and it is what was hoped for. */
static bool client_read(struct client *client)
{
    ssize_t got = recv(client->fd, client->answer + client->len, ANSWER_MAX - 1 - client->len, 0);
    if (got <= 0) load_fail("recv");
    client->len += (size_t)got;
    client->answer[client->len] = '\0';
    const char *body = strstr(client->answer, "\r\n\r\n");
    const char *length = strcasestr(client->answer, "content-length:");
    if (body == NULL || length == NULL) return false;
    if (client->len < (size_t)(body + 4 - client->answer) + strtoul(length + 15, NULL, 10))
        return false;
    if (strncmp(client->answer, "HTTP/1.1 201", 12) != 0) {
        fprintf(stderr, "%s\n", client->answer);
        exit(1);
    }
    client->len = 0;
    return true;
}

/** A figure of /metrics. */
static double load_metric(const struct load *load, const char *name)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    struct fl_buf all = {0};
    int fd = load_connect(load);
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) load_fail("send");
    for (ssize_t got = 1; got > 0;) {
        fl_buf_reserve(&all, 65536);
        got = recv(fd, all.at + all.len, 65536, 0);
        if (got > 0) all.len += (size_t)got;
        all.at[all.len] = '\0';
    }
    close(fd);
    char *at = all.at, *line = fl_format("\nfaultline_queue_%s ", name);
    at = strstr(at, line);
    double value = at != NULL ? strtod(at + strlen(line), NULL) : 0;
    free(line);
    fl_buf_fini(&all);
    return value;
}

int main(int argc, char **argv)
{
    if (argc != 4) return 64;
    struct load load = {.port = atoi(argv[1]), .mark = (uint64_t)fl_now()};
    int count = atoi(argv[2]);
    fl_ns last_ns = fl_s(atoi(argv[3]));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    double commits = load_metric(&load, "commits_total");
    double operations = load_metric(&load, "operations_total");
    struct client *clients = fl_new_array(struct client, (size_t)count);
    for (int i = 0; i < count; i++) {
        clients[i].fd = load_connect(&load);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
        load_put(&load, &clients[i]);
    }
    fl_ns start_ns = fl_now(), now_ns = start_ns;
    while (now_ns - start_ns < last_ns) {
        struct epoll_event events[64];
        int ready = epoll_wait(load.epoll, events, 64, 100);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!client_read(client)) continue;
            load.answered++;
            load_put(&load, client);
        }
        now_ns = fl_now();
    }
    double rate = (double)load.answered * 1e9 / (double)(now_ns - start_ns);
    commits = load_metric(&load, "commits_total") - commits;
    operations = load_metric(&load, "operations_total") - operations;
    printf("%.0f %.1f\n", rate, commits > 0 ? operations / commits : 0);
    return 0;
}
