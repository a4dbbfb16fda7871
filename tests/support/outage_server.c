/* outage_server PORT LOG [late-starts MS,MS,…] [MODE AT_MS FOR_MS]…: answers a line with `ok`,
 * except during outages that its log knows to the microsecond. MODE is
 *   refuse   the listener is closed, connections are reset      hang   nothing is read or accepted
 *   slow     answers leave SLOW_BY_MS after their questions
 * AT_MS count from SIGUSR1. late-starts: so long does the first, second, … start take to listen;
 * later ones take as long as the last. SIGTERM is an outage too: the listener is closed, then it
 * ends.
 *
 * A line of LOG is `NS WORD`, NS being CLOCK_MONOTONIC. It did certainly not serve between `closed`
 * and `opening`, and certainly did before `closing` and after `open`; `hang`, `hung` and `slow`,
 * `slowed` frame the others; `awake`: it was stopped, and goes on from here. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"

enum { CONNS_MAX = 1000, OUTAGES_MAX = 32, BACKLOG = 1024, SLOW_BY_MS = 900 };
#define TURN_NS fl_ms(20)     /* the loop never sleeps longer */
#define STOPPED_NS fl_ms(100) /* beyond its sleep: somebody stopped it */

struct server;

struct mode {
    const char *name;
    void (*begin)(struct server *server);
    void (*end)(struct server *server);
};

struct outage {
    const struct mode *mode;
    fl_ns at_ns, for_ns; /* from SIGUSR1 on */
};

struct conn {
    int fd;
    int questions;  /* lines that wait for their answer */
    fl_ns asked_ns; /* the oldest of them, while it is slow */
};

struct server {
    int port, log, signals, listener;
    struct conn conns[CONNS_MAX];
    size_t conns_count;
    struct outage outages[OUTAGES_MAX];
    size_t outages_count, outage; /* the current one, or the next */
    bool in_outage, hangs, is_slow;
    fl_ns schedule_ns; /* FL_NEVER: not begun */
    fl_ns awake_ns;    /* the last look at the clock */
};

static void say(const struct server *server, fl_ns at_ns, const char *word)
{
    dprintf(server->log, "%lld %s\n", (long long)at_ns, word);
}

/* Looks at the clock; tells when too much of it has passed unseen. */
static fl_ns look(struct server *server)
{
    fl_ns now_ns = fl_now();
    if (now_ns - server->awake_ns > TURN_NS + STOPPED_NS) say(server, now_ns, "awake");
    server->awake_ns = now_ns;
    return now_ns;
}

static void open_door(struct server *server)
{
    int on = 1;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)server->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server->listener, (struct sockaddr *)&addr, sizeof addr) != 0) {
        perror("outage_server: bind");
        exit(1);
    }
    say(server, look(server), "opening");
    if (listen(server->listener, BACKLOG) != 0) exit(1);
    say(server, fl_now(), "open");
}

/* Closing with SO_LINGER 0 resets: nobody waits for an answer that will not come. */
static void drop_conn(struct conn *conn)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(conn->fd);
}

static void close_door(struct server *server)
{
    say(server, look(server), "closing");
    close(server->listener); /* resets those whom nobody accepted, too */
    server->listener = -1;
    while (server->conns_count > 0)
        drop_conn(&server->conns[--server->conns_count]);
    say(server, fl_now(), "closed");
}

static void begin_hang(struct server *server)
{
    server->hangs = true;
    say(server, look(server), "hang");
}

static void end_hang(struct server *server)
{
    server->hangs = false;
    say(server, look(server), "hung");
}

static void begin_slow(struct server *server)
{
    server->is_slow = true;
    say(server, look(server), "slow");
}

static void end_slow(struct server *server)
{
    server->is_slow = false;
    say(server, look(server), "slowed");
}

static const struct mode modes[] = {
    {"refuse", close_door, open_door},
    {"hang", begin_hang, end_hang},
    {"slow", begin_slow, end_slow},
};

/* ---- connections ---- */

static void accept_all(struct server *server)
{
    int fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (server->conns_count == CONNS_MAX)
            close(fd);
        else
            server->conns[server->conns_count++] = (struct conn){.fd = fd};
    }
}

/* False: the other side is gone. */
static bool hear(struct server *server, struct conn *conn)
{
    char bytes[4096];
    ssize_t got = read(conn->fd, bytes, sizeof bytes);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] != '\n') continue;
        if (conn->questions++ == 0) conn->asked_ns = look(server);
    }
    return true;
}

static bool answer(struct server *server, struct conn *conn)
{
    fl_ns now_ns = look(server);
    if (server->is_slow && now_ns < conn->asked_ns + fl_ms(SLOW_BY_MS)) return true;
    for (; conn->questions > 0; conn->questions--)
        if (write(conn->fd, "ok\n", 3) != 3) return false;
    return true;
}

static void serve(struct server *server, const struct pollfd *fds)
{
    for (size_t i = server->conns_count; i-- > 0;) {
        struct conn *conn = &server->conns[i];
        bool is_there = fds[i].revents == 0 || hear(server, conn);
        if (is_there && conn->questions > 0) is_there = answer(server, conn);
        if (is_there) continue;
        close(conn->fd);
        *conn = server->conns[--server->conns_count];
    }
    accept_all(server);
}

/* ---- signals and the schedule ---- */

static void obey_signals(struct server *server)
{
    struct signalfd_siginfo info;
    while (read(server->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1 && server->schedule_ns == FL_NEVER)
            server->schedule_ns = fl_now();
        if (info.ssi_signo != SIGTERM) continue;
        if (server->listener >= 0) close_door(server);
        exit(0);
    }
}

/* Returns when something is planned next. */
static fl_ns follow_schedule(struct server *server)
{
    if (server->schedule_ns == FL_NEVER || server->outage == server->outages_count) return FL_NEVER;
    const struct outage *outage = &server->outages[server->outage];
    fl_ns next_ns = server->schedule_ns + outage->at_ns + (server->in_outage ? outage->for_ns : 0);
    if (look(server) < next_ns) return next_ns;
    if (server->in_outage) server->outage++;
    server->in_outage = !server->in_outage;
    (server->in_outage ? outage->mode->begin : outage->mode->end)(server);
    return follow_schedule(server);
}

static void run(struct server *server)
{
    struct pollfd fds[CONNS_MAX + 2];
    for (;;) {
        fl_ns wait_ns = fl_ns_min(follow_schedule(server) - fl_now(), TURN_NS);
        size_t served = server->hangs ? 0 : server->conns_count;
        for (size_t i = 0; i < served; i++)
            fds[i] = (struct pollfd){.fd = server->conns[i].fd, .events = POLLIN};
        fds[served] = (struct pollfd){.fd = server->signals, .events = POLLIN};
        fds[served + 1] = (struct pollfd){.fd = server->hangs ? -1 : server->listener,
                                          .events = POLLIN};
        struct timespec wait = {.tv_nsec = wait_ns > 0 ? wait_ns : 0};
        int rc = ppoll(fds, served + 2, &wait, NULL);
        look(server);
        obey_signals(server);
        if (rc >= 0 && !server->hangs && server->listener >= 0) serve(server, fds);
    }
}

/* ---- the beginning ---- */

/* So many starts were before this one, by the log. */
static int count_starts(const char *log)
{
    char line[128];
    int count = 0;
    FILE *file = fopen(log, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count += strstr(line, " start\n") != NULL;
    if (file != NULL) fclose(file);
    return count;
}

static int late_ms(const char *list, int starts)
{
    while (starts-- > 0 && strchr(list, ',') != NULL)
        list = strchr(list, ',') + 1;
    return atoi(list);
}

static void add_outage(struct server *server, const char *name, const char *at, const char *lasts)
{
    for (size_t i = 0; i < FL_COUNT(modes); i++) {
        if (strcmp(modes[i].name, name) != 0 || server->outages_count == OUTAGES_MAX) continue;
        server->outages[server->outages_count++] = (struct outage){&modes[i], fl_ms(atoi(at)),
                                                                   fl_ms(atoi(lasts))};
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) return 64;
    static struct server server = {.listener = -1, .schedule_ns = FL_NEVER};
    prctl(PR_SET_TIMERSLACK, 1);
    signal(SIGPIPE, SIG_IGN);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    server.signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    server.port = atoi(argv[1]);
    server.log = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (server.log < 0 || server.signals < 0) return 1;

    int starts = count_starts(argv[2]);
    say(&server, fl_now(), "start");
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "late-starts") == 0) {
            poll(NULL, 0, late_ms(argv[i + 1], starts));
        } else if (i + 2 < argc) {
            add_outage(&server, argv[i], argv[i + 1], argv[i + 2]);
            i++;
        }
    }
    server.awake_ns = fl_now();
    open_door(&server);
    run(&server);
}
