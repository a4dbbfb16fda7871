/* odd_server PORT MODE…: a small HTTP server for tests, well-behaved but for its modes:
 *   ok          200 to everything          fail        500 to everything but /health
 *   ignore-term does not end on SIGTERM    child       has a child process in its group
 *   exit N      exits with N at once       mute        listens and never answers
 *   line        prints `serving` on standard output once it listens
 *   late N      takes N milliseconds before it listens
 *   slow N      takes N milliseconds for each answer
 *   stray       has a daemon: a process in a session of its own, no child of anybody */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fl.h"

#define CONNS_MAX 512

struct modes {
    bool fail, mute, line;
    int slow_ms;
};

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, 512) != 0) {
        perror("odd_server: listen");
        exit(1);
    }
    return fd;
}

/* One request a read: enough for the clients here, which do not pipeline. */
static bool answer(int fd, const struct modes *modes)
{
    char request[8192];
    ssize_t got = read(fd, request, sizeof request - 1);
    if (got <= 0) return false;
    if (modes->mute) return true;
    request[got] = '\0';
    poll(NULL, 0, modes->slow_ms);
    bool healthy = !modes->fail || strncmp(request, "GET /health", 11) == 0;
    const char *text = healthy ? "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
                               : "HTTP/1.1 500 Oh no\r\nContent-Length: 3\r\n\r\nno\n";
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static void serve(int listener, const struct modes *modes)
{
    struct pollfd fds[CONNS_MAX] = {{.fd = listener, .events = POLLIN}};
    nfds_t count = 1;
    for (;;) {
        if (poll(fds, count, -1) < 0) continue;
        for (nfds_t i = count; i-- > 1;) {
            if (fds[i].revents == 0 || answer(fds[i].fd, modes)) continue;
            close(fds[i].fd);
            fds[i] = fds[--count];
        }
        if (fds[0].revents == 0) continue;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && count < CONNS_MAX)
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        else if (fd >= 0)
            close(fd);
    }
}

static void leave_stray(void)
{
    if (fork() != 0) return;
    setsid();
    if (fork() != 0) _exit(0);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    struct modes modes = {0};
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "fail") == 0) modes.fail = true;
        if (strcmp(argv[i], "mute") == 0) modes.mute = true;
        if (strcmp(argv[i], "line") == 0) modes.line = true;
        if (strcmp(argv[i], "slow") == 0) modes.slow_ms = atoi(argv[i + 1]);
        if (strcmp(argv[i], "late") == 0) poll(NULL, 0, atoi(argv[i + 1]));
        if (strcmp(argv[i], "ignore-term") == 0) signal(SIGTERM, SIG_IGN);
        if (strcmp(argv[i], "stray") == 0) leave_stray();
        if (strcmp(argv[i], "exit") == 0) {
            fprintf(stderr, "odd_server: told to exit with %s\n", argv[i + 1]);
            return atoi(argv[i + 1]);
        }
        if (strcmp(argv[i], "child") == 0 && fork() == 0)
            for (;;)
                pause();
    }
    int listener = listen_on(atoi(argv[1]));
    if (modes.line) {
        puts("serving");
        fflush(stdout);
    }
    serve(listener, &modes);
}
