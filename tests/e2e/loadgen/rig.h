/* rig.h: a whole load worker in a child process, ordered about as the engine does it. */
#ifndef FL_LOADGEN_RIG_H
#define FL_LOADGEN_RIG_H

#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loadgen/loadgen.h"
#include "runtime/base/clock.h"
#include "runtime/base/journal.h"
#include "runtime/base/json.h"

#define DEADLINE_MS 30000

/* ---- the other side: a server in a thread of this process ---- */

struct side {
    int listener, port, stop_pipe[2];
    pthread_t thread;
};

/** Listens on a free port and starts the thread, which ends once stop_pipe[0] reads end of file. */
static inline void side_start(struct side *side, void *(*main_fn)(void *cx), void *cx)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    side->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(side->listener, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(side->listener, 1024), 0);
    assert_int_equal(getsockname(side->listener, (struct sockaddr *)&addr, &len), 0);
    side->port = ntohs(addr.sin_port);
    assert_int_equal(pipe2(side->stop_pipe, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&side->thread, NULL, main_fn, cx), 0);
}

/** Ends the thread and waits for it. */
static inline void side_stop(struct side *side)
{
    close(side->stop_pipe[1]);
    pthread_join(side->thread, NULL);
    close(side->stop_pipe[0]);
    close(side->listener);
}

/* ---- a worker, and what it left in the journal ---- */

struct worker {
    char *folder;
    pid_t pid;
    int fd;
    char said[1 << 16]; /* what has been read and not yet looked at */
    size_t said_len;
};

struct tally {
    int ops, ok, fail, unknown, censored;
    int errors[FL_OPERR_COUNT];
    int slow;         /* latency of 100 ms and more */
    int unsent_times; /* sent_ns is 0 */
    int out_of_order_times;
};

static inline void worker_say(struct worker *worker, const char *line)
{
    assert_int_equal(write(worker->fd, line, strlen(line)), (ssize_t)strlen(line));
}

/* The next line that the worker says, or "" when it has closed. Valid until the next call. */
static inline void worker_hear(struct worker *worker, char *line, size_t line_len)
{
    for (;;) {
        char *newline = memchr(worker->said, '\n', worker->said_len);
        if (newline != NULL) {
            size_t len = (size_t)(newline - worker->said);
            assert_true(len < line_len);
            memcpy(line, worker->said, len);
            line[len] = '\0';
            worker->said_len -= len + 1;
            memmove(worker->said, newline + 1, worker->said_len);
            return;
        }
        struct pollfd readable = {.fd = worker->fd, .events = POLLIN};
        assert_int_equal(poll(&readable, 1, DEADLINE_MS), 1);
        ssize_t got = read(worker->fd, worker->said + worker->said_len,
                           sizeof worker->said - worker->said_len);
        if (got <= 0) {
            line[0] = '\0';
            return;
        }
        worker->said_len += (size_t)got;
    }
}

static inline void worker_expect(struct worker *worker, const char *event, char *line,
                                 size_t line_len)
{
    char *wanted = fl_format("\"ev\":\"%s\"", event);
    do {
        worker_hear(worker, line, line_len);
        if (line[0] == '\0') fail_msg("the worker closed without saying %s", event);
    } while (strstr(line, wanted) == NULL);
    free(wanted);
}

/* The first thing of a main: is this the image that worker_start asked for? */
static inline bool rig_is_worker(int argc, char **argv, int *code)
{
    if (argc != 3 || strcmp(argv[1], "--worker") != 0) return false;
    *code = fl_load_worker_main(argv[2]);
    return true;
}

static inline void worker_start(struct worker *worker, const char *loads)
{
    *worker = (struct worker){.folder = testkit_folder()};
    char *path = fl_format("%s/plan.json", worker->folder);
    char *plan = fl_format("{\"version\":1,\"loads\":[%s]}", loads);
    assert_int_equal(fl_file_write(path, plan, strlen(plan), NULL), 0);
    free(path);
    free(plan);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    worker->pid = fork();
    assert_true(worker->pid >= 0);
    if (worker->pid == 0) {
        /* A fresh image with a clean table of descriptors, as the engine makes it. */
        int control = fcntl(pair[1], F_DUPFD, 10);
        dup2(control, 3);
        for (int fd = 4; fd < 256; fd++)
            close(fd);
        execl("/proc/self/exe", "worker", "--worker", worker->folder, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    worker->fd = pair[0];
}

static inline void worker_order_start(struct worker *worker, int ports[], int ports_count,
                                      fl_ns length_ns, fl_ns drain_ns)
{
    struct fl_buf order = {0};
    fl_ns t0_ns = fl_now() + fl_ms(20);
    fl_buf_printf(&order, "{\"op\":\"start\",\"t0_ns\":%lld,\"until_ns\":%lld,\"drain_ns\":%lld,",
                  (long long)t0_ns, (long long)(t0_ns + length_ns), (long long)drain_ns);
    fl_buf_puts(&order, "\"endpoints\":{\"s\":[");
    for (int i = 0; i < ports_count; i++)
        fl_buf_printf(&order, "%s{\"instance\":\"s.%d\",\"host\":\"127.0.0.1\",\"port\":%d}",
                      i > 0 ? "," : "", i + 1, ports[i]);
    fl_buf_puts(&order, "]}}\n");
    worker_say(worker, order.at);
    fl_buf_fini(&order);
}

static inline int worker_wait(struct worker *worker)
{
    int status = 0;
    char line[8192];
    do
        worker_hear(worker, line, sizeof line); /* its end is the end of the descriptor */
    while (line[0] != '\0');
    close(worker->fd);
    assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline void tally_op(void *cx, const struct fl_op *op)
{
    struct tally *tally = cx;
    if (!fl_op_is_arrival(op)) return;
    tally->ops++;
    tally->ok += op->outcome == FL_OK;
    tally->fail += op->outcome == FL_FAIL;
    tally->unknown += op->outcome == FL_UNKNOWN;
    tally->censored += (op->flags & FL_OPF_CENSORED) != 0;
    tally->errors[op->error]++;
    tally->slow += op->done_ns - op->due_ns >= fl_ms(100);
    tally->unsent_times += op->sent_ns == 0;
    tally->out_of_order_times += op->done_ns < op->due_ns ||
                                 (op->sent_ns != 0 && op->sent_ns < op->due_ns);
}

/* Runs one load against these ports for this long; what became of it. */
static inline struct tally run_load(const char *load, int ports[], int ports_count, fl_ns length_ns,
                                    fl_ns drain_ns)
{
    struct worker worker;
    char line[8192];
    worker_start(&worker, load);
    worker_expect(&worker, "ready", line, sizeof line);
    worker_order_start(&worker, ports, ports_count, length_ns, drain_ns);
    worker_expect(&worker, "done", line, sizeof line);
    assert_int_equal(worker_wait(&worker), 0);

    struct tally tally = {0};
    assert_int_equal(fl_journal_read_ops(worker.folder, tally_op, &tally, NULL), 0);
    assert_int_equal(tally.out_of_order_times, 0);
    testkit_remove(worker.folder);
    return tally;
}

#endif
