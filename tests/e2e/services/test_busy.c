/* A queue in full swing: its store crashes again and again, then it is told to stop. Whoever heard
 * "yes" was told the truth, and nothing is left behind. */
#include "tests/e2e/services/client.h"

#include <pthread.h>
#include <stdatomic.h>

#include "services/queue/queue.h"

#define WRITERS 6
#define CRASHES 5

struct shop {
    struct hosted hosted;
    char *folder;
    atomic_int promised_count, unlucky_count;
    pthread_t threads[WRITERS];
    struct writer {
        struct shop *shop;
        int number, promised;
    } writers[WRITERS];
};

/** Enqueues key after key; a key that heard 503 or 504 is tried again, as a client should. */
static void *write_jobs(void *arg)
{
    struct writer *writer = arg;
    struct client client;
    char body[64];
    bool up = client_open(&client, writer->shop->hosted.opts.port);
    while (up) {
        snprintf(body, sizeof body, "{\"key\":\"%d/%d\"}", writer->number, writer->promised);
        int status = client_ask(&client, "POST", "/jobs", body);
        up = status != 0;
        if (status == 200 || status == 201) {
            writer->promised++;
            atomic_fetch_add(&writer->shop->promised_count, 1);
        } else if (status == 503 || status == 504) {
            atomic_fetch_add(&writer->shop->unlucky_count, 1);
        } else if (up) {
            fprintf(stderr, "%s: %d %s\n", body, status, client.body);
            writer->promised = -1;
            up = false;
        }
    }
    client_close(&client);
    return NULL;
}

static void begin(struct shop *shop)
{
    int fds[2], control[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, control), 0);
    shop->hosted.opts.control_fd = control[1];
    shop->hosted.pid = fork();
    assert_true(shop->hosted.pid >= 0);
    if (shop->hosted.pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        close(control[0]);
        exit(fl_service_main(&shop->hosted.opts)); /* exit, so that a leak is an error here too */
    }
    close(fds[1]);
    close(control[1]);
    shop->hosted.control = control[0];
    char said;
    assert_int_equal(read(fds[0], &said, 1), 1); /* the listening line */
    close(fds[0]);
}

/** Waits until this many more jobs were promised; paced by requests of its own. */
static void wait_for_promises(struct shop *shop, int more)
{
    struct client watcher;
    int goal = atomic_load(&shop->promised_count) + more;
    bool up = client_open(&watcher, shop->hosted.opts.port);
    while (up && atomic_load(&shop->promised_count) < goal)
        up = client_ask(&watcher, "GET", "/stats", "") != 0;
    client_close(&watcher);
    assert_true(up);
}

static void crashes_under_load_and_a_stop_lose_nothing_and_leave_nothing(void **state)
{
    struct shop *shop = *state;
    begin(shop);
    for (int i = 0; i < WRITERS; i++) {
        shop->writers[i] = (struct writer){.shop = shop, .number = i};
        assert_int_equal(pthread_create(&shop->threads[i], NULL, write_jobs, &shop->writers[i]), 0);
    }
    for (int i = 0; i < CRASHES; i++) {
        wait_for_promises(shop, 60);
        hosted_crash(&shop->hosted, "store");
    }
    wait_for_promises(shop, 60);
    assert_int_equal(kill(shop->hosted.pid, SIGTERM), 0);
    int status;
    assert_int_equal(waitpid(shop->hosted.pid, &status, 0), shop->hosted.pid);
    close(shop->hosted.control);
    shop->hosted.pid = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(shop->threads[i], NULL), 0);

    begin(shop);
    struct client client;
    assert_true(client_open(&client, shop->hosted.opts.port));
    for (int i = 0; i < WRITERS; i++) {
        assert_true(shop->writers[i].promised > 0);
        for (int n = 0; n < shop->writers[i].promised; n++) {
            char body[64];
            snprintf(body, sizeof body, "{\"key\":\"%d/%d\"}", i, n);
            if (client_ask(&client, "POST", "/jobs", body) != 200) fail_msg("lost: %s", body);
        }
    }
    client_close(&client);
}

static int shop_open(void **state)
{
    struct shop *shop = fl_new(struct shop);
    shop->folder = testkit_folder();
    shop->hosted.opts = (struct fl_service_opts){.service = "queue",
                                                 .instance = "queue",
                                                 .folder = shop->folder,
                                                 .port = testkit_free_port()};
    *state = shop;
    return 0;
}

static int shop_close(void **state)
{
    struct shop *shop = *state;
    hosted_kill(&shop->hosted);
    testkit_remove(shop->folder);
    free(shop);
    return 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            crashes_under_load_and_a_stop_lose_nothing_and_leave_nothing, shop_open, shop_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
