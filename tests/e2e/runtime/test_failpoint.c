#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/failpoint.h"
#include "runtime/node.h"
#include "runtime/os.h"
#include "runtime/pipe.h"
#include "runtime/tcp.h"

/* Each place of the runtime that meets the operating system is made to fail once, and what a user
 * of the runtime sees of it is what the headers promise. */

static void enable(const char *name, int failinfo)
{
    struct fl_failpoint_opts opts = {.once = true, .failinfo = failinfo};
    assert_int_equal(fl_failpoint_enable(name, &opts), 0);
}

static int teardown(void **state)
{
    fl_failpoint_disable_all();
    return 0;
}

/* ---- TCP: a server that echoes and notes how connections end */

struct world {
    struct fl_node *node;
    int port, ended_code, write_code, accepted;
    bool has_ended;
    struct fl_err err;
};

static struct world *world_of(const void *ptr)
{
    return (struct world *)(uintptr_t)ptr;
}

static int conn_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = *(struct world **)state = world_of(
        ((const struct fl_tcp_args *)args)->args);
    fl_tcp_accept(self, args);
    world->accepted++;
    return 0;
}

static void conn_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    (*(struct world **)state)->write_code = fl_tcp_write(self, tcp, bytes, len);
}

static void conn_on_tcp_closed(struct fl_self *self, void *state, struct fl_tcp *tcp, int code)
{
    struct world *world = *(struct world **)state;
    world->has_ended = true;
    if (code != 0) world->ended_code = code;
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static const struct fl_server conn_server = {
    .name = "conn",
    .state_bytes = sizeof(struct world *),
    .on_init = conn_on_init,
    .on_tcp_data = conn_on_tcp_data,
    .on_tcp_closed = conn_on_tcp_closed,
};

static int door_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = world_of(args);
    struct fl_listen_opts opts = {.server = &conn_server, .args = world};
    fl_timer_start(self, fl_s(40), 0);
    return fl_listen(self, &opts, &world->port, &world->err);
}

static void door_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    fl_node_stop(fl_self_node(self), 99);
}

static const struct fl_server door_server = {
    .name = "door", .on_init = door_on_init, .on_timer = door_on_timer};

static int open_door(struct world *world)
{
    return fl_node_spawn(world->node, &door_server, &(struct fl_spawn_opts){.args = world}, NULL);
}

/* Does a fresh connection get its byte back? */
static bool is_echoed(int port)
{
    char byte = 'x';
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval within = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within);
    bool echoed = connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
                  send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1;
    close(fd);
    return echoed;
}

static void *peer_comes_twice(void *cx)
{
    struct world *world = cx;
    bool first = is_echoed(world->port), second = is_echoed(world->port);
    fl_node_stop(world->node, (first ? 2 : 0) + (second ? 1 : 0));
    return NULL;
}

/* The first peer meets the failure, the second one finds everything in order. */
static void run_two_peers(struct world *world)
{
    pthread_t thread;
    assert_int_equal(fl_node_new(&world->node, &(struct fl_node_opts){.shards = 1}, NULL), 0);
    assert_int_equal(open_door(world), 0);
    assert_int_equal(pthread_create(&thread, NULL, peer_comes_twice, world), 0);
    assert_int_equal(fl_node_run(world->node), 1);
    pthread_join(thread, NULL);
    fl_node_free(world->node);
}

static void a_connection_that_breaks_while_it_reads_tells_its_owner(void **state)
{
    struct world world = {0};
    enable("posix/io/net/recv", ECONNRESET);
    run_two_peers(&world);
    assert_int_equal(world.ended_code, -ECONNRESET);
    assert_int_equal(world.accepted, 2);
}

static void a_connection_that_breaks_while_it_writes_is_a_value_and_then_an_end(void **state)
{
    struct world world = {0};
    enable("posix/io/net/send", EPIPE);
    run_two_peers(&world);
    assert_int_equal(world.ended_code, -EPIPE);
    assert_int_equal(world.accepted, 2);
    assert_int_equal(world.write_code, 0); /* of the second one */
}

/* ---- connecting: the first attempt fails, and the one after it is in order */

static void visitor_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world;
    struct fl_tcp *tcp = NULL;
    struct fl_err err = {0};
    memcpy(&world, msg->data, sizeof world);
    struct fl_tcp_connect_opts opts = {.port = world->port};
    enable("posix/io/net/connect", EHOSTUNREACH);
    assert_int_equal(fl_tcp_connect(self, &opts, &tcp, &err), -EHOSTUNREACH);
    assert_non_null(strstr(err.text, "cannot connect to 127.0.0.1"));
    assert_null(tcp);
    assert_int_equal(fl_tcp_connect(self, &opts, &tcp, &err), 0);
    enable("posix/io/net/connect", ECONNREFUSED);
    assert_int_equal(fl_pipe_connect(self, "/nowhere", &tcp, NULL), -ECONNREFUSED);
    assert_int_equal(fl_pipe_connect(self, "/nowhere", &tcp, NULL), -ENOENT);
    fl_node_stop(fl_self_node(self), 7);
}

static void a_connect_that_fails_is_a_value_and_the_next_one_works(void **state)
{
    static const struct fl_server visitor_server = {.name = "visitor", .on_cast = visitor_on_cast};
    struct world world = {0}, *at = &world;
    struct fl_pid visitor = FL_NO_PID;
    assert_int_equal(fl_node_new(&world.node, &(struct fl_node_opts){.shards = 1}, NULL), 0);
    assert_int_equal(open_door(&world), 0);
    struct fl_spawn_opts opts = {.shard = FL_SHARD(0)};
    assert_int_equal(fl_node_spawn(world.node, &visitor_server, &opts, &visitor), 0);
    fl_node_send(world.node, visitor, 1, &at, sizeof at);
    assert_int_equal(fl_node_run(world.node), 7);
    fl_node_free(world.node);
}

static void a_connection_that_cannot_be_accepted_leaves_the_door_open(void **state)
{
    struct world world = {0};
    enable("posix/io/net/accept", EMFILE);
    run_two_peers(&world);
    assert_int_equal(fl_failpoint_hits("posix/io/net/accept"), 1);
    assert_int_equal(world.accepted, 1);
    assert_int_equal(world.ended_code, 0);
}

static void a_connection_that_gets_no_process_is_closed(void **state)
{
    struct world world = {0};
    struct fl_failpoint_opts second = {.nth = 2, .once = true}; /* the first is the door's own */
    assert_int_equal(fl_failpoint_enable("faultline/spawn", &second), 0);
    run_two_peers(&world);
    assert_int_equal(fl_failpoint_hits("faultline/spawn"), 1);
    assert_int_equal(world.accepted, 1);
    assert_int_equal(world.ended_code, 0);
}

static void a_port_that_cannot_be_had_is_an_error_with_words(void **state)
{
    static const struct {
        const char *place, *words;
    } rows[] = {
        {"posix/io/net/bind", "cannot bind on 127.0.0.1:0: address already in use"},
        {"posix/io/net/listen", "cannot listen on 127.0.0.1:0: address already in use"},
    };
    struct world world = {0};
    assert_int_equal(fl_node_new(&world.node, &(struct fl_node_opts){.shards = 1}, NULL), 0);
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        enable(rows[i].place, EADDRINUSE);
        assert_int_equal(open_door(&world), -EADDRINUSE);
        assert_string_equal(world.err.text, rows[i].words);
    }
    assert_int_equal(open_door(&world), 0);
    fl_node_free(world.node);
}

/* ---- OS processes */

struct told {
    struct fl_node *node;
    char why[512];
    bool has_started;
};

static void on_os_event(void *cx, const struct fl_os_event *event)
{
    struct told *told = cx;
    if (event->kind == FL_OS_FAILED) snprintf(told->why, sizeof told->why, "%s", event->why);
    if (event->kind == FL_OS_STARTED) told->has_started = true;
    if (event->kind == FL_OS_EXITED) fl_node_stop(told->node, 0);
}

static void a_program_that_cannot_be_started_says_why(void **state)
{
    static const struct {
        const char *place;
        int error;
        const char *words;
    } rows[] = {
        {"posix/proc/fork", EAGAIN, "fork: Resource temporarily unavailable"},
        {"posix/io/oc/open", EACCES, "open /dev/null: Permission denied"},
        {"posix/io/oc/pipe", EMFILE, "Too many open files"},
    };
    char *const argv[] = {"true", NULL};
    struct told told = {0};
    struct fl_os_opts os = {.argv = argv, .on_event = on_os_event, .event_cx = &told};
    struct fl_spawn_opts opts = {.args = &os};
    assert_int_equal(fl_node_new(&told.node, &(struct fl_node_opts){.shards = 1}, NULL), 0);
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        enable(rows[i].place, rows[i].error);
        assert_int_equal(fl_node_spawn(told.node, &fl_os_server, &opts, NULL), FL_EIO);
        if (strstr(told.why, rows[i].words) == NULL) fail_msg("%s", told.why);
        assert_false(told.has_started);
    }
    assert_int_equal(fl_node_spawn(told.node, &fl_os_server, &opts, NULL), 0);
    assert_true(told.has_started);
    assert_int_equal(fl_node_run(told.node), 0);
    fl_node_free(told.node);
}

/* ---- memory, and rules of the environment: seen from a program of its own, this one again */

static int child(const char *what)
{
    if (strcmp(what, "alloc") == 0) free(fl_alloc(1));
    if (strcmp(what, "alloc_array") == 0) free(fl_alloc_array(1, 1));
    if (strcmp(what, "realloc") == 0) free(fl_realloc(NULL, 1));
    if (strcmp(what, "strdup") == 0) free(fl_strdup(""));
    return FL_FAIL("mine");
}

/* Runs this program as child(what) under these rules; returns its status, and stderr in said. */
static int run_child(const char *what, const char *rules, char *said, size_t said_len)
{
    int out[2], status = 0;
    char program[4096] = {0}; /* by name: under Valgrind the link itself leads to Valgrind */
    assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("FL_FAILPOINTS", rules, 1);
        dup2(out[1], STDERR_FILENO);
        execl(program, program, what, (char *)NULL);
        _exit(126);
    }
    close(out[1]);
    size_t len = 0;
    ssize_t got;
    while ((got = read(out[0], said + len, said_len - 1 - len)) > 0)
        len += (size_t)got;
    said[len] = '\0';
    close(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void the_environment_enables_before_main(void **state)
{
    char said[4096];
    int status = run_child("", "mine=7", said, sizeof said);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    status = run_child("", "mine=nth:2:7", said, sizeof said);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    status = run_child("", "mine=somtimes", said, sizeof said);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 64);
    assert_non_null(strstr(said, "faultline: FL_FAILPOINTS: \"somtimes\" is none of always"));
}

static void no_memory_ends_the_program_with_its_place(void **state)
{
    static const struct {
        const char *what, *rules;
    } rows[] = {
        {"alloc", "libc/mm/calloc=ENOMEM"},
        {"alloc_array", "libc/mm/calloc=ENOMEM"},
        {"realloc", "libc/mm/realloc=ENOMEM"},
        {"strdup", "libc/str/strdup=ENOMEM"},
    };
    char said[16384];
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        int status = run_child(rows[i].what, rows[i].rules, said, sizeof said);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_non_null(strstr(said, "runtime/base/fl.c"));
        assert_non_null(strstr(said, "assertion failed: "));
    }
}

#define STORY(name) cmocka_unit_test_teardown(name, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        STORY(a_connection_that_breaks_while_it_reads_tells_its_owner),
        STORY(a_connection_that_breaks_while_it_writes_is_a_value_and_then_an_end),
        STORY(a_connect_that_fails_is_a_value_and_the_next_one_works),
        STORY(a_connection_that_cannot_be_accepted_leaves_the_door_open),
        STORY(a_connection_that_gets_no_process_is_closed),
        STORY(a_port_that_cannot_be_had_is_an_error_with_words),
        STORY(a_program_that_cannot_be_started_says_why),
        STORY(the_environment_enables_before_main),
        STORY(no_memory_ends_the_program_with_its_place),
    };
    if (argc > 1) return child(argv[1]);
    return cmocka_run_group_tests_name("failpoint", tests, NULL, NULL);
}
