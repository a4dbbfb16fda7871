/* ws_client.c: the other end of WebSocket measurements, the same for us and for a peer.
 *
 * bench_ws_client echo PORT CONNECTIONS BUSY SECONDS
 *   BUSY of them send a message, and the next when it is back: messages a second
 * bench_ws_client fanout|chat PORT MEMBERS WINDOW SECONDS
 *   all join a room, WINDOW messages are under way: deliveries a second, over all members. fanout:
 *   one talks; chat: they take turns, and only new_msg counts
 * bench_ws_client idle PORT CONNECTIONS PID TOPIC
 *   all join a room each: growth of the private memory of process PID, bytes a connection
 * Sockets and epoll as they are: the client must not be what is measured. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "services/wire/ws.h"

#define WARM_NS (FL_NS_PER_S / 2)

struct bench {
    int epoll, port;
    int count;
    struct conn *conns;
    uint64_t heard;
    bool is_fanout, is_chat;
    int turn;            /* whose it is to talk */
    int joined;          /* of a chat */
    struct fl_buf frame; /* what is sent, masked */
};
struct conn {
    struct bench *bench;
    int fd;
    struct fl_ws ws;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_ws_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put_frame(struct fl_buf *out, const char *text)
{
    static const uint8_t mask[4] = {0x1f, 0x2e, 0x3d, 0x4c};
    uint8_t head[FL_WS_HEADER_MAX];
    size_t len = strlen(text);
    out->len = 0;
    fl_buf_add(out, head, fl_ws_header(head, FL_WS_TEXT, len, mask));
    size_t at = out->len;
    fl_buf_add(out, text, len);
    fl_ws_mask((uint8_t *)out->at + at, len, mask);
}

static void say(const struct conn *conn, const struct fl_buf *frame)
{
    if (send(conn->fd, frame->at, frame->len, MSG_NOSIGNAL) != (ssize_t)frame->len) die("send");
}

/* Reads until these bytes have come; what else came is dropped. */
static void expect(const struct conn *conn, const char *part)
{
    char bytes[8192];
    size_t len = 0;
    for (;;) {
        ssize_t got = recv(conn->fd, bytes + len, sizeof bytes - len - 1, 0);
        if (got <= 0) die("the server has closed");
        len += (size_t)got;
        bytes[len] = '\0';
        if (memmem(bytes, len, part, strlen(part)) != NULL) return;
        if (len > sizeof bytes / 2) len = 0;
    }
}

static void open_one(struct conn *conn, const char *path)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)conn->bench->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char head[512];
    int on = 1;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(conn->fd, (struct sockaddr *)&addr, sizeof addr) != 0) die("connect");
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int len = snprintf(head, sizeof head,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       path);
    if (send(conn->fd, head, (size_t)len, MSG_NOSIGNAL) != len) die("send");
    expect(conn, "\r\n\r\n");
    fl_ws_init(&conn->ws, false, 1 << 20);
}

static void watch(struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    fcntl(conn->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(conn->bench->epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0) die("epoll");
}

static void say_join(struct conn *conn, const char *topic)
{
    struct fl_buf frame = {0};
    char text[200];
    snprintf(text, sizeof text, "[\"1\",\"1\",\"%s\",\"phx_join\",{\"user\":\"u%d\"}]", topic,
             (int)(conn - conn->bench->conns));
    put_frame(&frame, text);
    say(conn, &frame);
    fl_buf_fini(&frame);
}

static void join(struct conn *conn, const char *topic)
{
    say_join(conn, topic);
    expect(conn, "phx_reply");
}

static bool holds(const uint8_t *bytes, size_t len, const char *event)
{
    return memmem(bytes, len < 64 ? len : 64, event, strlen(event)) != NULL;
}

/* In a chat much else is said. */
static bool is_counted(struct bench *bench, const uint8_t *bytes, size_t len)
{
    if (!bench->is_chat) return true;
    if (bench->joined < bench->count && holds(bytes, len, "phx_reply")) bench->joined++;
    return holds(bytes, len, "new_msg");
}

static void on_message(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes, size_t len)
{
    struct conn *conn = cx;
    struct bench *bench = conn->bench;
    if (opcode != FL_WS_TEXT) die("this is no text");
    if (!is_counted(bench, bytes, len)) return;
    bench->heard++;
    /* in a room only the first member says when it goes on */
    if (bench->is_fanout && conn != bench->conns) return;
    if (bench->is_chat) conn = &bench->conns[bench->turn++ % bench->count];
    say(conn, &bench->frame);
}

static void serve(struct bench *bench, int timeout_ms)
{
    static char bytes[262144];
    struct epoll_event events[256];
    int ready = epoll_wait(bench->epoll, events, 256, timeout_ms);
    for (int i = 0; i < ready; i++) {
        struct conn *conn = events[i].data.ptr;
        ssize_t got = recv(conn->fd, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EAGAIN) continue;
        if (got <= 0) die("the server has closed");
        if (fl_ws_feed(&conn->ws, bytes, (size_t)got, on_message, conn, NULL) != 0)
            die("this is no frame");
    }
}

static void measure(struct bench *bench, int seconds)
{
    fl_ns warm_ns = fl_now() + WARM_NS;
    while (fl_now() < warm_ns)
        serve(bench, 100);
    uint64_t before = bench->heard;
    fl_ns from_ns = fl_now(), end_ns = from_ns + seconds * FL_NS_PER_S;
    while (fl_now() < end_ns)
        serve(bench, 100);
    double took_s = (double)(fl_now() - from_ns) / (double)FL_NS_PER_S;
    printf("%.0f\n", (double)(bench->heard - before) / took_s);
}

static void run_echo(struct bench *bench, int busy, int seconds)
{
    put_frame(&bench->frame, "a message of some sixty-four bytes, as a chat or a game has them");
    for (int i = 0; i < bench->count; i++) {
        open_one(&bench->conns[i], "/echo");
        watch(&bench->conns[i]);
    }
    /* spread over all, so that they are not neighbours in memory */
    for (int i = 0; i < busy; i++)
        say(&bench->conns[(int64_t)i * bench->count / busy], &bench->frame);
    measure(bench, seconds);
}

static void run_fanout(struct bench *bench, int window, int seconds)
{
    put_frame(&bench->frame, "[\"1\",null,\"room:bench\",\"new_msg\",{\"user\":\"ana\",\"body\":"
                             "\"what one says to a room full of people\"}]");
    bench->is_fanout = true;
    for (int i = 0; i < bench->count; i++) {
        open_one(&bench->conns[i], "/socket/websocket?vsn=2.0.0");
        (bench->is_chat ? say_join : join)(&bench->conns[i], "room:bench");
        watch(&bench->conns[i]);
    }
    while (bench->is_chat && bench->joined < bench->count)
        serve(bench, 100);
    for (int i = 0; i < window; i++)
        say(&bench->conns[bench->is_chat ? bench->turn++ % bench->count : 0], &bench->frame);
    measure(bench, seconds);
}

static long private_bytes(const char *pid)
{
    char path[64], line[256];
    long kib = 0, one = 0;
    snprintf(path, sizeof path, "/proc/%s/smaps_rollup", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) die(path);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Private_Dirty: %ld", &one) == 1) kib += one;
    fclose(file);
    return kib * 1024;
}

static void open_idle(struct conn *conn, const char *topic, int number)
{
    char text[100];
    size_t len = strlen(topic);
    open_one(conn, len == 0 ? "/echo" : "/socket/websocket?vsn=2.0.0");
    if (len == 0) return;
    if (topic[len - 1] == '*')
        snprintf(text, sizeof text, "%.*s%d", (int)len - 1, topic, number);
    else
        snprintf(text, sizeof text, "%s", topic);
    join(conn, text);
}

static void run_idle(struct bench *bench, const char *pid, const char *topic)
{
    struct conn first = {.bench = bench}; /* whatever is made once is made for it */
    open_idle(&first, topic, -1);
    long before = private_bytes(pid);
    for (int i = 0; i < bench->count; i++)
        open_idle(&bench->conns[i], topic, i);
    printf("%ld\n", (private_bytes(pid) - before) / bench->count);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc < 5) return 64;
    struct bench bench = {.epoll = epoll_create1(EPOLL_CLOEXEC), .port = atoi(argv[2])};
    bench.count = atoi(argv[3]);
    bench.conns = fl_new_array(struct conn, (size_t)bench.count);
    for (int i = 0; i < bench.count; i++)
        bench.conns[i].bench = &bench;
    if (strcmp(argv[1], "echo") == 0 && argc == 6)
        run_echo(&bench, atoi(argv[4]), atoi(argv[5]));
    else if ((bench.is_chat = strcmp(argv[1], "chat") == 0) && argc == 6)
        run_fanout(&bench, atoi(argv[4]), atoi(argv[5]));
    else if (strcmp(argv[1], "fanout") == 0 && argc == 6)
        run_fanout(&bench, atoi(argv[4]), atoi(argv[5]));
    else if (strcmp(argv[1], "idle") == 0 && argc == 6)
        run_idle(&bench, argv[4], argv[5]);
    else
        return 64;
    return 0;
}
