/* The incident: the whole service is killed while people write. What was acknowledged is there
 * after. */
#include "tests/e2e/editor/writer.h"

#include <sys/wait.h>

#include "services/editor/editor.h"

#define WRITERS 3
#define ROUNDS 4
#define EACH 30

static const char *const names[WRITERS] = {"a", "b", "c"};

struct house {
    struct world where; /* only its port is used */
    struct fl_service_opts opts;
    char *folder;
    pid_t pid;
    struct writer writers[WRITERS];
    int sent[WRITERS]; /* letters put in, which is what must be there in the end */
};

/** The child: serves until it is killed. */
static void house_serve(const struct fl_service_opts *opts, int say_fd)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    const struct fl_node_opts node_opts = {.name = "editor"};
    if (fl_node_new(&node, &node_opts, &err) != 0 || fl_editor_start(node, opts, &err) != 0) {
        fprintf(stderr, "child: %s\n", err.text);
        _exit(69);
    }
    if (write(say_fd, "r", 1) != 1) _exit(71);
    close(say_fd);
    _exit(fl_node_run(node));
}

static void house_up(struct house *house)
{
    int fds[2];
    char ready = 0;
    assert_int_equal(pipe(fds), 0);
    house->pid = fork();
    assert_true(house->pid >= 0);
    if (house->pid == 0) {
        close(fds[0]);
        house_serve(&house->opts, fds[1]);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &ready, 1), 1);
    close(fds[0]);
}

static void house_kill(struct house *house)
{
    if (house->pid <= 0) return;
    kill(house->pid, SIGKILL);
    waitpid(house->pid, NULL, 0);
    house->pid = 0;
}

static int set_up(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    struct house *house = fl_new(struct house);
    house->folder = testkit_folder();
    house->where.port = testkit_free_port();
    house->opts = (struct fl_service_opts){.service = "editor",
                                           .instance = "editor",
                                           .port = house->where.port,
                                           .folder = house->folder,
                                           .control_fd = -1};
    house_up(house);
    *state = house;
    return 0;
}

static int tear_down(void **state)
{
    struct house *house = *state;
    house_kill(house);
    testkit_remove(house->folder);
    free(house);
    return 0;
}

/** Everybody puts one letter in and hears of it; the killer strikes at `strike`, before anybody
 * hears. */
static void write_until(struct house *house, int strike)
{
    for (int n = 0; n <= strike; n++) {
        for (int i = 0; i < WRITERS; i++) {
            writer_put(&house->writers[i], (size_t)(n * (i + 3) % (n + 2)), names[i]);
            house->sent[i]++;
        }
        if (n == strike) house_kill(house);
        for (int i = 0; i < WRITERS; i++)
            if (!writer_settle(&house->writers[i])) assert_int_equal(n, strike);
    }
}

static void what_was_acknowledged_survives_and_the_rest_is_sent_again_once(void **state)
{
    struct house *house = *state;
    for (int i = 0; i < WRITERS; i++) {
        writer_open(&house->writers[i], &house->where, names[i], "paper");
        assert_true(writer_settle(&house->writers[i]));
    }
    for (int round = 0; round < ROUNDS; round++) {
        write_until(house, EACH - 1);
        int64_t known = 0; /* the newest revision that anybody was told of */
        for (int i = 0; i < WRITERS; i++)
            if (house->writers[i].rev > known) known = house->writers[i].rev;
        house_up(house);
        struct writer stranger;
        writer_open(&stranger, &house->where, "z", "paper");
        assert_true(writer_settle(&stranger));
        assert_true(stranger.rev >= known);
        writer_fini(&stranger);
        for (int i = 0; i < WRITERS; i++)
            writer_connect(&house->writers[i], &house->where);
        for (int i = 0; i < WRITERS; i++)
            assert_true(writer_settle(&house->writers[i]));
    }
    struct writer last;
    struct fl_buf text = {0};
    writer_open(&last, &house->where, "z", "paper");
    assert_true(writer_settle(&last));
    fl_text_put_utf8(&last.text, &text);
    for (int i = 0; i < WRITERS; i++) {
        int count = 0;
        for (size_t at = 0; at < text.len; at++)
            count += text.at[at] == names[i][0];
        assert_int_equal(count, house->sent[i]);
        writer_fini(&house->writers[i]);
    }
    assert_int_equal(text.len, WRITERS * ROUNDS * EACH);
    fl_buf_fini(&text);
    writer_fini(&last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_was_acknowledged_survives_and_the_rest_is_sent_again_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
