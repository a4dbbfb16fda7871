/* One instance as the supervisor above sees it: a line when it serves, a clear word when it cannot,
 * 0 when it was asked to stop, and facts about what ended inside. */
#include "tests/e2e/services/client.h"

#include "runtime/base/journal.h"

struct stage {
    char *folder;
    struct hosted hosted; /* here only pid, control and opts */
    int out;              /* the child's standard output and error */
    char said[4096];
    size_t said_len;
};

static int stage_open(void **state)
{
    struct stage *stage = fl_new(struct stage);
    stage->folder = testkit_folder();
    stage->hosted.opts = (struct fl_service_opts){.service = "queue",
                                                  .instance = "queue.1",
                                                  .folder = stage->folder,
                                                  .run_folder = stage->folder};
    stage->out = -1;
    *state = stage;
    return 0;
}

static int stage_close(void **state)
{
    struct stage *stage = *state;
    hosted_kill(&stage->hosted);
    if (stage->out >= 0) close(stage->out);
    testkit_remove(stage->folder);
    free(stage);
    return 0;
}

static void begin(struct stage *stage)
{
    int fds[2], control[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, control), 0);
    stage->hosted.opts.control_fd = control[1];
    stage->hosted.pid = fork();
    assert_true(stage->hosted.pid >= 0);
    if (stage->hosted.pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        close(control[0]);
        exit(fl_service_main(&stage->hosted.opts)); /* exit, so that a leak is an error here too */
    }
    close(fds[1]);
    close(control[1]);
    stage->hosted.control = control[0];
    stage->out = fds[0];
}

/** Reads what the child says until it said this, or ended. */
static void expect_said(struct stage *stage, const char *words)
{
    while (strstr(stage->said, words) == NULL) {
        ssize_t n = read(stage->out, stage->said + stage->said_len,
                         sizeof stage->said - 1 - stage->said_len);
        if (n <= 0) fail_msg("it never said \"%s\" but: %s", words, stage->said);
        stage->said_len += (size_t)n;
    }
}

static int expect_exit(struct stage *stage)
{
    int status;
    assert_int_equal(waitpid(stage->hosted.pid, &status, 0), stage->hosted.pid);
    stage->hosted.pid = 0;
    close(stage->hosted.control);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void every_service_says_where_it_serves_and_ends_with_0_when_asked(void **state)
{
    struct stage *stage = *state;
    for (const struct fl_service *service = fl_services; service->name != NULL; service++) {
        stage->hosted.opts.service = service->name;
        stage->hosted.opts.port = 0;
        stage->said_len = 0;
        memset(stage->said, 0, sizeof stage->said);
        begin(stage);
        expect_said(stage, "listening on http://127.0.0.1:");
        expect_said(stage, "\n");
        int port = atoi(strrchr(stage->said, ':') + 1), status;
        free(client_once(port, "GET", service->ready_path, "", &status));
        assert_int_equal(status, 200);
        assert_int_equal(kill(stage->hosted.pid, SIGTERM), 0);
        int code = expect_exit(stage);
        if (code != 0) expect_said(stage, "its reason");
        close(stage->out);
        stage->out = -1;
    }
}

static void a_taken_port_is_69_and_says_which(void **state)
{
    struct stage *stage = *state;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    stage->hosted.opts.port = ntohs(addr.sin_port);
    begin(stage);
    char *words = fl_format("queue.1: cannot listen on 127.0.0.1:%d: the port is taken",
                            stage->hosted.opts.port);
    expect_said(stage, words);
    free(words);
    assert_int_equal(expect_exit(stage), 69);
    close(fd);
}

static void a_service_that_does_not_exist_is_bad_usage(void **state)
{
    struct stage *stage = *state;
    stage->hosted.opts.service = "quue";
    begin(stage);
    expect_said(stage, "unknown service \"quue\"");
    assert_int_equal(expect_exit(stage), 64);
}

struct facts {
    int starts, crashes;
};

static void count_fact(void *cx, const char *writer, const char *line)
{
    struct facts *facts = cx;
    assert_string_equal(writer, "queue.1");
    if (strstr(line, "\"name\":\"store\"") == NULL) return;
    facts->starts += strstr(line, "\"fact\":\"rt.start\"") != NULL;
    facts->crashes += strstr(line, "\"fact\":\"rt.exit\"") != NULL && strstr(line, "crash") != NULL;
}

static void a_crash_inside_is_in_the_journal_with_its_restart(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    expect_said(stage, "listening on");
    hosted_crash(&stage->hosted, "store");
    int port = atoi(strrchr(stage->said, ':') + 1), status;
    do
        free(client_once(port, "GET", "/health", "", &status));
    while (status == 503);
    assert_int_equal(status, 200);
    assert_int_equal(kill(stage->hosted.pid, SIGINT), 0);
    assert_int_equal(expect_exit(stage), 0);

    struct facts facts = {0};
    struct fl_err err = {0};
    if (fl_journal_read_facts(stage->folder, count_fact, &facts, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(facts.starts, 2);
    assert_int_equal(facts.crashes, 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(every_service_says_where_it_serves_and_ends_with_0_when_asked),
        STORY(a_taken_port_is_69_and_says_which),
        STORY(a_service_that_does_not_exist_is_bad_usage),
        STORY(a_crash_inside_is_in_the_journal_with_its_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
