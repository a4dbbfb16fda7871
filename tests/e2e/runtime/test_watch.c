#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/base/lines.h"
#include "runtime/node.h"
#include "runtime/sup.h"
#include "runtime/watch.h"
#include "tests/support/testkit.h"

/* Looking at a running node through its socket, as another terminal does. */

struct world {
    struct fl_node *node;
    char path[FL_WATCH_PATH_MAX];
    char *folder;
    int fd;
    struct fl_lines in;
    char answer[1 << 16];
    pthread_t thread;
    void (*story)(struct world *world);
    int failures;
};

#define EXPECT(condition)                                                                        \
    do {                                                                                         \
        if (condition) break;                                                                    \
        world->failures++;                                                                       \
        fprintf(stderr, "%s:%d: %s\nafter %s\n", __FILE__, __LINE__, #condition, world->answer); \
    } while (0)

static void echo_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg) {}

static void echo_on_format(const void *state, struct fl_buf *out)
{
    fl_buf_puts(out, "fine");
}

static const struct fl_server echo_server = {
    .name = "echo", .on_cast = echo_on_cast, .on_format = echo_on_format};

static void connect_to(struct world *world)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", world->path);
    world->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(connect(world->fd, (struct sockaddr *)&addr, sizeof addr) == 0);
}

static void read_line(struct world *world)
{
    const char *line;
    char bytes[4096];
    while ((line = fl_lines_next(&world->in)) == NULL) {
        ssize_t got = read(world->fd, bytes, sizeof bytes);
        EXPECT(got > 0);
        if (got <= 0) return;
        fl_lines_feed(&world->in, bytes, (size_t)got);
    }
    snprintf(world->answer, sizeof world->answer, "%s", line);
}

static void ask(struct world *world, const char *line)
{
    EXPECT(write(world->fd, line, strlen(line)) == (ssize_t)strlen(line));
    read_line(world);
}

static bool answer_has(const struct world *world, const char *text)
{
    return strstr(world->answer, text) != NULL;
}

static void look_around(struct world *world)
{
    ask(world, "{\"id\":1,\"op\":\"node\"}\n");
    EXPECT(answer_has(world, "{\"id\":1,\"ok\":true,\"name\":\"story\",\"os_pid\":"));
    ask(world, "{\"id\":2,\"op\":\"processes\",\"order\":\"memory\",\"max\":2,\"glob\":\"e*\"}\n");
    EXPECT(answer_has(world, "{\"id\":2,\"ok\":true,\"at_ns\":"));
    EXPECT(answer_has(world, "\"total\":1,"));
    EXPECT(answer_has(world, "\"name\":\"echo\",\"server\":\"echo\",\"state\":\"idle\""));
    ask(world, "{\"id\":3,\"op\":\"process\",\"name\":\"echo\"}\n");
    EXPECT(answer_has(world, "\"status\":\"fine\""));
    ask(world, "{\"id\":4,\"op\":\"tree\"}\n");
    EXPECT(answer_has(world, "\"tree\":[{"));
    EXPECT(answer_has(world, "\"name\":\"top\""));
    ask(world, "{\"id\":5,\"op\":\"stats\"}\n");
    EXPECT(answer_has(world, "\"stats\":{\"id\":-1,\"procs\":"));
    ask(world, "{\"id\":6,\"op\":\"list\"}\n");
    EXPECT(answer_has(world, "\"names\":[\"echo\",\"top\"]"));
    ask(world, "{\"id\":7,\"op\":\"process\",\"name\":\"nobody\"}\n");
    EXPECT(answer_has(world, "{\"id\":7,\"ok\":false,\"error\":\"no such process\"}"));
    ask(world, "nonsense\n");
    EXPECT(answer_has(world, "{\"id\":0,\"ok\":false,\"error\":"));
}

static void trace_to_the_end(struct world *world)
{
    ask(world, "{\"id\":8,\"op\":\"trace\",\"name\":\"echo\"}\n");
    EXPECT(answer_has(world, "{\"id\":8,\"ok\":true}"));
    fl_node_send(world->node, fl_whereis(world->node, "echo"), 3, "ab", 2);
    read_line(world);
    EXPECT(answer_has(world, "\"event\":{\"kind\":\"in\""));
    EXPECT(answer_has(world, "\"what\":\"cast\",\"tag\":3,\"len\":2,\"other\":\"<>\""));
    read_line(world);
    EXPECT(answer_has(world, "\"event\":{\"kind\":\"take\""));
    struct fl_pid before = fl_whereis(world->node, "echo");
    ask(world, "{\"id\":9,\"op\":\"exit\",\"name\":\"echo\",\"kind\":\"kill\"}\n");
    int seen = 0; /* the answer and the trace are on their own ways */
    for (int i = 0; i < 3; i++) {
        if (answer_has(world, "\"kind\":\"exit\"") && answer_has(world, "\"reason\":\"killed\""))
            seen |= 1;
        if (answer_has(world, "{\"id\":8,\"end\":true}")) seen |= 2;
        if (answer_has(world, "{\"id\":9,\"ok\":true,\"at_ns\":")) seen |= 4;
        if (i < 2) read_line(world);
    }
    EXPECT(seen == 7);
    EXPECT(fl_whereis(world->node, "echo").bits != before.bits);
    ask(world, "{\"id\":10,\"op\":\"trace\",\"name\":\"echo\"}\n"); /* left without a word */
    EXPECT(answer_has(world, "{\"id\":10,\"ok\":true}"));
}

static void *client(void *cx)
{
    struct world *world = cx;
    struct stat what;
    EXPECT(stat(world->path, &what) == 0 && (what.st_mode & 0777) == 0600);
    connect_to(world);
    world->story(world);
    close(world->fd);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void tell(struct world *world, void (*story)(struct world *world))
{
    static const struct fl_child children[] = {
        {.id = "echo", .server = &echo_server, .name = "echo"}};
    const struct fl_sup_opts sup = {.max_restarts = 9,
                                    .within_ns = INT64_C(5000000000),
                                    .children = children,
                                    .children_count = 1,
                                    .name = "top"};
    struct fl_pid pid;
    world->story = story;
    assert_int_equal(fl_sup_start(world->node, NULL, &sup, &pid), 0);
    struct fl_err err = {0};
    assert_int_equal(fl_watch_open(world->node, world->path, &err), 0);
    pthread_create(&world->thread, NULL, client, world);
    assert_int_equal(fl_node_run(world->node), 0);
    pthread_join(world->thread, NULL);
    assert_int_equal(world->failures, 0);
    assert_int_not_equal(access(world->path, F_OK), 0); /* it is gone */
}

static void a_node_is_looked_at_through_its_socket(void **state)
{
    tell(*state, look_around);
}

static void a_trace_comes_line_by_line_and_ends_with_its_process(void **state)
{
    tell(*state, trace_to_the_end);
}

static void a_folder_that_others_can_write_in_is_refused(void **state)
{
    struct world *world = *state;
    char folder[FL_WATCH_PATH_MAX];
    struct fl_err err = {0};
    assert_int_equal(fl_watch_folder(folder, sizeof folder, true, &err), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(fl_watch_open(world->node, NULL, &err), FL_EIO);
    assert_non_null(strstr(err.text, "only we can write in"));
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.name = "story"};
    world->folder = testkit_folder();
    setenv("XDG_RUNTIME_DIR", world->folder, 1);
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fl_node_free(world->node);
    testkit_remove(world->folder);
    fl_lines_fini(&world->in);
    free(world);
    return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_node_is_looked_at_through_its_socket),
        STORY(a_trace_comes_line_by_line_and_ends_with_its_process),
        STORY(a_folder_that_others_can_write_in_is_refused),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
