/* chaos_kit.h: a links process with its control, and plain blocking sockets to try it with. */
#ifndef FL_TEST_CHAOS_KIT_H
#define FL_TEST_CHAOS_KIT_H

#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/links.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

enum { KIT_WAIT_S = 20 };

struct kit {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct fl_links *links;
    pid_t worker;
    bool lost;
};

struct kit_answer {
    bool here, ok;
    cJSON *json;
    char why[200];
};

static inline void kit_on_deadline(uv_timer_t *timer)
{
    fail_msg("nothing came within %d s", KIT_WAIT_S);
}

/* Turns the loop until *flag. */
static inline void kit_run_until(struct kit *kit, const bool *flag)
{
    uv_update_time(&kit->loop);
    uv_timer_start(&kit->deadline, kit_on_deadline, KIT_WAIT_S * 1000, 0);
    while (!*flag)
        uv_run(&kit->loop, UV_RUN_ONCE);
    uv_timer_stop(&kit->deadline);
}

static inline void kit_on_answer(void *cx, bool ok, const cJSON *json, const char *why)
{
    struct kit_answer *answer = cx;
    assert_false(answer->here);
    answer->here = true;
    answer->ok = ok;
    answer->json = json == NULL ? NULL : cJSON_Duplicate(json, 1);
    snprintf(answer->why, sizeof answer->why, "%s", why == NULL ? "" : why);
}

static inline int64_t kit_take(struct kit *kit, struct kit_answer *answer, const char *key)
{
    kit_run_until(kit, &answer->here);
    if (!answer->ok) fail_msg("refused: %s", answer->why);
    int64_t value = fl_json_int(answer->json, key, -1);
    cJSON_Delete(answer->json);
    return value;
}

static inline void kit_on_lost(void *cx)
{
    ((struct kit *)cx)->lost = true;
}

static inline int kit_start(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    struct kit *kit = fl_new(struct kit);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    kit->worker = fork();
    assert_true(kit->worker >= 0);
    if (kit->worker == 0) {
        if (pair[1] != 3) dup2(pair[1], 3);
        for (int fd = 4; fd < 64; fd++)
            close(fd);
        exit(fl_links_worker_main()); /* not _exit: leaks are reported by an exit code */
    }
    close(pair[1]);
    uv_loop_init(&kit->loop);
    uv_timer_init(&kit->loop, &kit->deadline);
    assert_int_equal(fl_links_open(&kit->links, &kit->loop, pair[0], kit_on_lost, kit, NULL), 0);
    *state = kit;
    return 0;
}

static inline int kit_stop(void **state)
{
    struct kit *kit = *state;
    fl_links_close(kit->links);
    uv_close((uv_handle_t *)&kit->deadline, NULL);
    uv_run(&kit->loop, UV_RUN_DEFAULT);
    int status = -1;
    waitpid(kit->worker, &status, 0);
    int rc = uv_loop_close(&kit->loop);
    free(kit);
    return rc == 0 && status == 0 ? 0 : -1; /* it ended by itself, with 0 */
}

static inline int kit_listen(struct kit *kit, const char *link)
{
    struct kit_answer answer = {0};
    fl_links_listen(kit->links, link, 0, kit_on_answer, &answer);
    return (int)kit_take(kit, &answer, "port");
}

static inline int64_t kit_add(struct kit *kit, const char *link, const char *toxic,
                              const char *type, const char *settings)
{
    struct kit_answer answer = {0};
    cJSON *json = cJSON_Parse(settings);
    fl_links_add_toxic(kit->links, link, toxic, type, json, 7, kit_on_answer, &answer);
    cJSON_Delete(json);
    return kit_take(kit, &answer, "connections");
}

static inline int64_t kit_remove(struct kit *kit, const char *link, const char *toxic)
{
    struct kit_answer answer = {0};
    fl_links_remove_toxic(kit->links, link, toxic, kit_on_answer, &answer);
    return kit_take(kit, &answer, "seen");
}

static inline void kit_patience(int fd)
{
    struct timeval wait = {.tv_sec = KIT_WAIT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A listening socket; *port gets where. */
static inline int kit_server(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *port = ntohs(addr.sin_port);
    kit_patience(fd);
    return fd;
}

static inline int kit_accept(int server)
{
    int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    kit_patience(fd);
    return fd;
}

/* 0 and *fd, or errno. */
static inline int kit_try_connect(int port, int *fd)
{
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    kit_patience(*fd);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(*fd, (struct sockaddr *)&addr, sizeof addr) == 0) return 0;
    int why = errno;
    close(*fd);
    *fd = -1;
    return why;
}

static inline int kit_connect(int port)
{
    int fd = -1;
    assert_int_equal(kit_try_connect(port, &fd), 0);
    return fd;
}

static inline void kit_send(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline void kit_expect(int fd, const void *bytes, size_t len)
{
    char *got = fl_alloc(len + 1);
    size_t at = 0;
    while (at < len) {
        ssize_t n = recv(fd, got + at, len - at, 0);
        if (n <= 0)
            fail_msg("%zu of %zu bytes, then %s", at, len, n == 0 ? "EOF" : strerror(errno));
        at += (size_t)n;
    }
    assert_memory_equal(got, bytes, len);
    free(got);
}

static inline void kit_expect_eof(int fd)
{
    char c = 0;
    assert_int_equal(recv(fd, &c, 1, 0), 0);
}

static inline void kit_expect_reset(int fd)
{
    char c = 0;
    assert_int_equal(recv(fd, &c, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

/* Closes with a RST. */
static inline void kit_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

#endif
