#include "tests/support/testkit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/base/proc_state.h"
#include "runtime/node.h"
#include "runtime/os.h"
#include "runtime/sup.h"

#define EVENTS_MAX 64

struct world {
    char *folder, *log;
    struct fl_node *node;
    struct fl_pid sup;
    struct fl_os_event events[EVENTS_MAX];
    char why[256];
    int count;
    const char *limit_id;
    void (*on_event)(struct world *world, const struct fl_os_event *event);
    bool (*is_done)(struct world *world); /* looked at every 5 ms */
    void (*then)(struct world *world);
};

static void on_os_event(void *cx, const struct fl_os_event *event)
{
    struct world *world = cx;
    assert_true(world->count < EVENTS_MAX);
    world->events[world->count++] = *event;
    if (event->why != NULL) snprintf(world->why, sizeof world->why, "%s", event->why);
    if (world->on_event != NULL) world->on_event(world, event);
}

static void on_limit(void *cx, const char *child_id)
{
    struct world *world = cx;
    world->limit_id = child_id;
    fl_node_stop(world->node, 7);
}

/* A deadline for the whole test, and the place to wait for something outside. */
static int guard_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct world **)state = (struct world *)(uintptr_t)args;
    fl_timer_start(self, fl_s(40), 99);
    fl_timer_start(self, fl_ms(5), 1);
    return 0;
}

static void guard_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct world *world = *(struct world **)state;
    if (tag == 99) {
        fl_node_stop(world->node, 99);
    } else if (world->is_done != NULL && world->is_done(world)) {
        world->is_done = NULL;
        world->then(world);
    } else {
        fl_timer_start(self, fl_ms(5), 1);
    }
}

static const struct fl_server guard_server = {
    .name = "guard",
    .state_bytes = sizeof(struct world *),
    .on_init = guard_on_init,
    .on_timer = guard_on_timer,
};

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    world->folder = testkit_folder();
    world->log = fl_format("%s/child.log", world->folder);
    struct fl_node_opts opts = {.shards = 1};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    struct fl_spawn_opts guard = {.args = world};
    assert_int_equal(fl_node_spawn(world->node, &guard_server, &guard, NULL), 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fl_node_free(world->node);
    testkit_remove(world->folder);
    free(world->log);
    free(world);
    return 0;
}

static int start(struct world *world, char *const *argv, enum fl_restart restart, int max_restarts)
{
    struct fl_os_opts os = {
        .argv = argv,
        .log_path = world->log,
        .stop_within_ns = fl_ms(50),
        .on_event = on_os_event,
        .event_cx = world,
    };
    struct fl_os_opts *kept = fl_new(struct fl_os_opts); /* lives as long as the supervisor */
    *kept = os;
    struct fl_child child = {
        .id = "child",
        .server = &fl_os_server,
        .args = kept,
        .restart = restart,
        .shutdown_ns = FL_SHUTDOWN_INFINITY,
    };
    struct fl_sup_opts opts = {
        .max_restarts = max_restarts,
        .within_ns = fl_s(10),
        .children = &child,
        .children_count = 1,
        .name = "sup",
        .on_limit = on_limit,
        .limit_cx = world,
    };
    int rc = fl_sup_start(world->node, NULL, &opts, &world->sup);
    int code = rc == 0 ? fl_node_run(world->node) : rc;
    free(kept);
    return code;
}

static bool log_has(struct world *world, const char *text)
{
    char *log = NULL;
    if (fl_file_read(&log, NULL, world->log, NULL) != 0) return false;
    bool has = strstr(log, text) != NULL;
    free(log);
    return has;
}

/* Is this process gone, or only waiting for somebody to read its exit? Waits up to 20 s. */
static bool ends_soon(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) return true;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    bool ended = poll(&poll_fd, 1, 20000) == 1;
    close(fd);
    return ended;
}

static void stop_after_exit(struct world *world, const struct fl_os_event *event)
{
    if (event->kind == FL_OS_EXITED) fl_node_stop(world->node, 0);
}

static void an_exit_is_seen_and_the_output_is_in_the_log(void **state)
{
    struct world *world = *state;
    world->on_event = stop_after_exit;
    char *argv[] = {"sh", "-c", "echo out; echo err >&2; exit 3", NULL};
    assert_int_equal(start(world, argv, FL_TEMPORARY, 1), 0);
    assert_int_equal(world->count, 2);
    assert_int_equal(world->events[0].kind, FL_OS_STARTED);
    assert_int_equal(world->events[0].control_fd, -1);
    assert_int_equal(world->events[1].kind, FL_OS_EXITED);
    assert_int_equal(world->events[1].code, 3);
    assert_int_equal(world->events[1].signal, 0);
    assert_true(log_has(world, "out\n"));
    assert_true(log_has(world, "err\n"));
}

static void kill_the_first_two(struct world *world, const struct fl_os_event *event)
{
    if (event->kind == FL_OS_STARTED && world->count < 5) kill(event->pid, SIGKILL);
    if (event->kind == FL_OS_STARTED && world->count == 5) fl_node_stop(world->node, 0);
}

static void an_exit_is_seen_also_when_whoever_started_us_ignores_children(void **state)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    an_exit_is_seen_and_the_output_is_in_the_log(state);
    signal(SIGCHLD, before);
}

static void a_killed_program_is_started_again_and_stops_with_the_node(void **state)
{
    struct world *world = *state;
    world->on_event = kill_the_first_two;
    char *argv[] = {"sleep", "1000", NULL};
    assert_int_equal(start(world, argv, FL_PERMANENT, 5), 0);
    const int kinds[] = {FL_OS_STARTED, FL_OS_EXITED,  FL_OS_STARTED,
                         FL_OS_EXITED,  FL_OS_STARTED, FL_OS_EXITED};
    const int signals[] = {0, SIGKILL, 0, SIGKILL, 0, SIGTERM};
    assert_int_equal(world->count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(world->events[i].kind, kinds[i]);
        assert_int_equal(world->events[i].signal, signals[i]);
        assert_int_equal(fl_proc_state(world->events[i].pid), 0);
    }
    assert_true(world->events[2].pid != world->events[0].pid);
}

static void a_program_that_cannot_stay_up_uses_up_the_limit(void **state)
{
    struct world *world = *state;
    char *argv[] = {"false", NULL};
    assert_int_equal(start(world, argv, FL_PERMANENT, 2), 7);
    assert_non_null(world->limit_id);
    assert_int_equal(world->count, 6); /* start and exit: the first and two restarts */
}

static bool is_ready(struct world *world)
{
    return log_has(world, "ready");
}

static void stop_node(struct world *world)
{
    fl_node_stop(world->node, 0);
}

static void one_that_ignores_sigterm_is_killed_after_its_time(void **state)
{
    struct world *world = *state;
    world->is_done = is_ready;
    world->then = stop_node;
    char *argv[] = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done", NULL};
    assert_int_equal(start(world, argv, FL_PERMANENT, 1), 0);
    assert_int_equal(world->count, 3);
    assert_int_equal(world->events[1].kind, FL_OS_KILLED);
    assert_int_equal(world->events[2].kind, FL_OS_EXITED);
    assert_int_equal(world->events[2].signal, SIGKILL);
}

static void a_missing_program_is_reported_with_its_name(void **state)
{
    struct world *world = *state;
    char *argv[] = {"no-such-program-here", NULL};
    assert_int_equal(start(world, argv, FL_PERMANENT, 1), FL_ENOTFOUND);
    assert_int_equal(world->count, 1);
    assert_int_equal(world->events[0].kind, FL_OS_FAILED);
    assert_non_null(strstr(world->why, "no-such-program-here"));
    struct fl_err err = {0};
    assert_false(fl_os_can_run("no-such-program-here", &err));
    assert_non_null(strstr(err.text, "no-such-program-here"));
    assert_true(fl_os_can_run("sh", NULL));
    assert_true(fl_os_can_run("/bin/sh", NULL));
}

static void kill_leader(struct world *world)
{
    kill(world->events[0].pid, SIGKILL);
}

static void the_children_of_a_child_end_with_it(void **state)
{
    struct world *world = *state;
    world->is_done = is_ready;
    world->then = kill_leader;
    world->on_event = stop_after_exit;
    char *argv[] = {"sh", "-c", "sleep 1000 & echo grandchild $!; echo ready; wait", NULL};
    assert_int_equal(start(world, argv, FL_TEMPORARY, 1), 0);
    char *log = NULL;
    assert_int_equal(fl_file_read(&log, NULL, world->log, NULL), 0);
    const char *at = strstr(log, "grandchild ");
    assert_non_null(at);
    pid_t grandchild = (pid_t)strtol(at + strlen("grandchild "), NULL, 10);
    free(log);
    assert_true(grandchild > 1);
    assert_true(ends_soon(grandchild));
}

static void kill_runtime_process(struct world *world)
{
    fl_node_exit(world->node, fl_whereis(world->node, "program"), fl_reason_of(FL_EXIT_KILL));
}

static void killing_the_runtime_process_kills_the_program(void **state)
{
    struct world *world = *state;
    world->is_done = is_ready;
    world->then = kill_runtime_process;
    world->on_event = stop_after_exit;
    char *argv[] = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done", NULL};
    struct fl_os_opts os = {
        .argv = argv, .log_path = world->log, .on_event = on_os_event, .event_cx = world};
    struct fl_spawn_opts opts = {.name = "program", .args = &os};
    assert_int_equal(fl_node_spawn(world->node, &fl_os_server, &opts, NULL), 0);
    assert_int_equal(fl_node_run(world->node), 0);
    assert_int_equal(world->count, 2);
    assert_int_equal(world->events[1].kind, FL_OS_EXITED);
    assert_int_equal(world->events[1].signal, SIGKILL);
}

static void hear_control(struct world *world, const struct fl_os_event *event)
{
    if (event->kind != FL_OS_STARTED) return;
    char byte = 0;
    assert_true(event->control_fd >= 0);
    struct timeval within = {.tv_sec = 20};
    setsockopt(event->control_fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within);
    assert_int_equal(read(event->control_fd, &byte, 1), 1);
    assert_int_equal(byte, 'c');
    close(event->control_fd);
}

static bool is_listed(struct world *world)
{
    return log_has(world, "listed");
}

static void a_program_gets_its_environment_and_no_descriptor_but_its_own(void **state)
{
    struct world *world = *state;
    int leaked = open("/dev/null", O_RDONLY); /* on purpose without close-on-exec */
    world->on_event = hear_control;
    world->is_done = is_listed;
    world->then = stop_node;
    char *argv[] = {"sh", "-c",
                    "printf c >&3; echo add=$ADDED home=$HOME; pwd; ls /proc/$$/fd;"
                    " echo listed; exec sleep 1000",
                    NULL};
    char *env[] = {"ADDED=yes", "HOME=/nowhere", NULL};
    struct fl_os_opts os = {
        .argv = argv,
        .env = env,
        .folder = world->folder,
        .log_path = world->log,
        .control = true,
        .on_event = on_os_event,
        .event_cx = world,
    };
    struct fl_spawn_opts opts = {.name = "program", .args = &os};
    assert_int_equal(fl_node_spawn(world->node, &fl_os_server, &opts, NULL), 0);
    assert_int_equal(fl_node_run(world->node), 0);
    close(leaked);
    assert_true(log_has(world, "add=yes home=/nowhere\n"));
    assert_true(log_has(world, world->folder));
    assert_true(log_has(world, "0\n1\n2\n3\nlisted"));
}

static void send_pid(struct world *world, const struct fl_os_event *event)
{
    int fd = *(int *)(void *)world->why; /* the pipe, lent through a spare field */
    if (write(fd, &event->pid, sizeof event->pid) != (ssize_t)sizeof event->pid) _exit(1);
}

static void when_the_parent_is_killed_no_program_stays_behind(void **state)
{
    struct world *world = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t parent = fork();
    if (parent == 0) {
        char *log = world->log;
        setup(state); /* a node of its own: stacks do not cross a fork */
        world = *state;
        testkit_remove(world->folder); /* it will not live to do so */
        world->log = log;
        memcpy(world->why, &fds[1], sizeof fds[1]);
        world->on_event = send_pid;
        char *argv[] = {"sleep", "1000", NULL};
        start(world, argv, FL_PERMANENT, 1);
        _exit(0);
    }
    pid_t child = 0;
    assert_int_equal(read(fds[0], &child, sizeof child), (ssize_t)sizeof child);
    assert_true(fl_proc_state(child) != 0);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    assert_true(ends_soon(child));
    close(fds[0]);
    close(fds[1]);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_exit_is_seen_and_the_output_is_in_the_log),
        STORY(an_exit_is_seen_also_when_whoever_started_us_ignores_children),
        STORY(a_killed_program_is_started_again_and_stops_with_the_node),
        STORY(a_program_that_cannot_stay_up_uses_up_the_limit),
        STORY(one_that_ignores_sigterm_is_killed_after_its_time),
        STORY(a_missing_program_is_reported_with_its_name),
        STORY(the_children_of_a_child_end_with_it),
        STORY(killing_the_runtime_process_kills_the_program),
        STORY(a_program_gets_its_environment_and_no_descriptor_but_its_own),
        STORY(when_the_parent_is_killed_no_program_stays_behind),
    };
    return cmocka_run_group_tests_name("OS processes", tests, NULL, NULL);
}
