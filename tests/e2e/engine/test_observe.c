#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <cjson/cJSON.h>

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "tests/support/program.h"

/* `faultline observe` beside `faultline serve`, as a person uses the two. */

struct world {
    struct program *serve, *observe;
    char *folder, pid[16];
};

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    world->folder = testkit_folder();
    setenv("XDG_RUNTIME_DIR", world->folder, 1); /* nobody else's nodes */
    world->serve = program_new();
    world->observe = program_new();
    program_start(world->serve, (const char *const[]){NULL, "serve", "chat", NULL});
    program_expect_output(world->serve, "to look inside: faultline observe", 60000);
    snprintf(world->pid, sizeof world->pid, "%d", (int)world->serve->pid);
    *state = world;
    return 0;
}

static void world_stop(struct world *world)
{
    if (world->serve == NULL) return;
    kill(world->serve->pid, SIGTERM);
    program_wait(world->serve, 30000);
    assert_int_equal(world->serve->code, 0);
    program_free(world->serve);
    world->serve = NULL;
}

static int teardown(void **state)
{
    struct world *world = *state;
    world_stop(world);
    program_free(world->observe);
    testkit_remove(world->folder);
    free(world);
    return 0;
}

static void without_a_terminal_it_prints_once(void **state)
{
    struct world *world = *state;
    program_run(world->observe, (const char *const[]){NULL, "observe", NULL});
    assert_int_equal(world->observe->code, 0);
    assert_non_null(strstr(world->observe->out, "NODE "));
    assert_non_null(strstr(world->observe->out, "chat (os)"));          /* of serve's own node */
    assert_non_null(strstr(world->observe->out, "rooms (supervisor)")); /* inside the service */
    assert_non_null(strstr(world->observe->out, "chat, pid "));
    assert_null(strchr(world->observe->out, '\x1b'));
}

static void json_has_all_nodes(void **state)
{
    struct world *world = *state;
    program_run(world->observe, (const char *const[]){NULL, "observe", world->pid, "--json", NULL});
    assert_int_equal(world->observe->code, 0);
    cJSON *all = cJSON_Parse(world->observe->out);
    const cJSON *nodes = cJSON_GetObjectItem(all, "nodes");
    assert_int_equal(cJSON_GetArraySize(nodes), 3); /* serve, chat, and the page */
    const cJSON *chat = cJSON_GetArrayItem(nodes, 1);
    assert_string_equal(fl_json_text(chat, "name", ""), "chat");
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(chat, "processes")) > 3);
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(chat, "tree")) > 0);
    cJSON_Delete(all);
}

static void a_node_that_is_not_there_is_said_to_be(void **state)
{
    struct world *world = *state;
    program_run(world->observe, (const char *const[]){NULL, "observe", "1", NULL});
    assert_int_equal(world->observe->code, 64);
    assert_non_null(strstr(world->observe->err, "no node has this pid; these run:\n  serve"));
    world_stop(world);
    program_run(world->observe, (const char *const[]){NULL, "observe", NULL});
    assert_int_equal(world->observe->code, 69);
    assert_non_null(strstr(world->observe->err, "no node runs"));
}

/* ---- on a terminal */

struct screen {
    int fd;
    pid_t pid;
    struct termios before;
    char text[1 << 18];
    size_t len;
};

static void screen_open(struct screen *screen, const char *pid)
{
    struct winsize size = {.ws_row = 30, .ws_col = 120};
    int slave;
    assert_int_equal(openpty(&screen->fd, &slave, NULL, NULL, &size), 0);
    assert_int_equal(tcgetattr(screen->fd, &screen->before), 0);
    screen->pid = fork();
    assert_true(screen->pid >= 0);
    if (screen->pid == 0) {
        login_tty(slave);
        execl(FL_PROGRAM, FL_PROGRAM, "observe", pid, (char *)NULL);
        _exit(99);
    }
    close(slave);
}

/* Reads until this text is there. */
static void screen_expect(struct screen *screen, const char *text)
{
    fl_ns until_ns = fl_now() + fl_s(60);
    while (strstr(screen->text, text) == NULL) {
        struct pollfd poll_for = {.fd = screen->fd, .events = POLLIN};
        assert_true(fl_now() < until_ns);
        poll(&poll_for, 1, 1000);
        if (!(poll_for.revents & POLLIN)) continue;
        ssize_t got = read(screen->fd, screen->text + screen->len,
                           sizeof screen->text - 1 - screen->len);
        assert_true(got > 0);
        screen->len += (size_t)got;
    }
}

static void screen_expect_end(struct screen *screen, int code)
{
    int status;
    struct termios after;
    screen_expect(screen, "\x1b[?1049l");
    assert_int_equal(waitpid(screen->pid, &status, 0), screen->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
    assert_int_equal(tcgetattr(screen->fd, &after), 0);
    assert_int_equal(after.c_lflag, screen->before.c_lflag);
    close(screen->fd);
}

static void keys_work_and_the_terminal_is_as_before(void **state)
{
    struct world *world = *state;
    struct screen *screen = fl_new(struct screen);
    screen_open(screen, world->pid);
    screen_expect(screen, "t tree   s sort: memory");
    assert_int_equal(write(screen->fd, "st", 2), 2);
    screen_expect(screen, "t list   s sort: mailbox");
    assert_int_equal(write(screen->fd, "q", 1), 1);
    screen_expect_end(screen, 0);
    free(screen);
}

static void ctrl_c_and_a_kill_leave_the_terminal_as_it_was(void **state)
{
    struct world *world = *state;
    struct screen *screen = fl_new(struct screen);
    screen_open(screen, world->pid);
    screen_expect(screen, "q quit");
    assert_int_equal(write(screen->fd, "\x03", 1), 1);
    screen_expect_end(screen, 0);
    *screen = (struct screen){0};
    screen_open(screen, world->pid);
    screen_expect(screen, "q quit");
    kill(screen->pid, SIGTERM);
    screen_expect_end(screen, 0);
    free(screen);
}

static void it_stays_when_what_it_shows_ends(void **state)
{
    struct world *world = *state;
    struct screen *screen = fl_new(struct screen);
    screen_open(screen, world->pid);
    screen_expect(screen, "q quit");
    world_stop(world);
    screen_expect(screen, "serve is gone");
    assert_int_equal(write(screen->fd, "q", 1), 1);
    screen_expect_end(screen, 0);
    free(screen);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(without_a_terminal_it_prints_once),
        STORY(json_has_all_nodes),
        STORY(a_node_that_is_not_there_is_said_to_be),
        STORY(keys_work_and_the_terminal_is_as_before),
        STORY(ctrl_c_and_a_kill_leave_the_terminal_as_it_was),
        STORY(it_stays_when_what_it_shows_ends),
    };
    return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
