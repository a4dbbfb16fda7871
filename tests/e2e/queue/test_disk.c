/* The disk fills, or breaks: whoever was told yes was told the truth, and nobody hears a wrong
 * answer. */
#include "tests/e2e/queue/bad_disk.h"

#include "services/queue/queue.h"

#define KEYS_MAX 4000

struct shop {
    struct hosted hosted;
    struct client client;
    char *folder;
    bool promised[KEYS_MAX];
    int keys;
};

static int start_on_bad_disk(struct fl_node *node, const struct fl_service_opts *opts,
                             struct fl_err *err)
{
    bad_disk_install(opts->folder);
    return fl_queue_start(node, opts, err);
}

static int shop_open(void **state)
{
    struct shop *shop = fl_new(struct shop);
    shop->folder = testkit_folder();
    shop->hosted.opts = (struct fl_service_opts){
        .instance = "queue", .folder = shop->folder, .port = testkit_free_port()};
    hosted_begin(&shop->hosted, start_on_bad_disk);
    assert_true(client_open(&shop->client, shop->hosted.opts.port));
    *state = shop;
    return 0;
}

static int shop_close(void **state)
{
    struct shop *shop = *state;
    client_close(&shop->client);
    hosted_kill(&shop->hosted);
    testkit_remove(shop->folder);
    free(shop);
    return 0;
}

/** Enqueues a new key and remembers whether that was promised. The status. */
static int put(struct shop *shop)
{
    char body[64];
    assert_true(shop->keys < KEYS_MAX);
    snprintf(body, sizeof body, "{\"key\":\"%d\",\"payload\":%d}", shop->keys, shop->keys);
    int status = client_ask(&shop->client, "POST", "/jobs", body);
    shop->promised[shop->keys++] = status == 201;
    return status;
}

/** Enqueues until it is a yes; counts what else was said on the way. */
static void put_until_yes(struct shop *shop, int said[600])
{
    int status;
    while ((status = put(shop)) != 201) {
        assert_in_range(status, 500, 599); /* the connection stays, and says what it knows */
        said[status]++;
    }
}

/** Every key that was promised is one job; those that were not may be there or not. */
static void expect_promises_kept(struct shop *shop)
{
    for (int i = 0; i < shop->keys; i++) {
        char body[64];
        if (!shop->promised[i]) continue;
        snprintf(body, sizeof body, "{\"key\":\"%d\"}", i);
        int status = client_ask(&shop->client, "POST", "/jobs", body);
        if (status != 200) fail_msg("lost: %s (%d)", body, status);
    }
}

static void a_full_disk_is_507_and_goes_on_when_there_is_room(void **state)
{
    struct shop *shop = *state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(put(shop), 201);
    bad_disk_set(shop->folder, "full");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(put(shop), 507);
        assert_non_null(strcasestr(shop->client.raw.at, "\r\nretry-after: "));
        assert_non_null(strstr(shop->client.body, "it did not happen"));
    }
    /* what needs no writing is answered, and rightly */
    assert_int_equal(client_ask(&shop->client, "GET", "/stats", ""), 200);
    assert_string_equal(shop->client.body,
                        "{\"ready\":20,\"leased\":0,\"delayed\":0,\"done\":0,\"dead\":0}");
    assert_int_equal(client_ask(&shop->client, "POST", "/jobs", "{\"key\":\"3\"}"), 200);
    assert_int_equal(client_ask(&shop->client, "POST", "/jobs/lease", "{}"), 507);
    bad_disk_set(shop->folder, NULL);
    assert_int_equal(put(shop), 201);
    expect_promises_kept(shop);
    assert_int_equal(client_ask(&shop->client, "GET", "/stats", ""), 200);
    assert_string_equal(shop->client.body,
                        "{\"ready\":21,\"leased\":0,\"delayed\":0,\"done\":0,\"dead\":0}");
}

static void break_and_mend(struct shop *shop, const char *word)
{
    int said[600] = {0};
    for (int round = 0; round < 3; round++) {
        put_until_yes(shop, said);
        bad_disk_set(shop->folder, word);
        int status = put(shop);
        assert_true(status == 503 || status == 504);
        bad_disk_set(shop->folder, NULL);
        put_until_yes(shop, said); /* the store comes back by itself */
    }
    expect_promises_kept(shop);
}

static void a_disk_that_does_not_write_breaks_no_promise(void **state)
{
    break_and_mend(*state, "write");
}

static void a_disk_that_does_not_sync_breaks_no_promise(void **state)
{
    break_and_mend(*state, "fsync");
}

static void a_disk_that_stays_broken_ends_the_program(void **state)
{
    struct shop *shop = *state;
    assert_int_equal(put(shop), 201);
    bad_disk_set(shop->folder, "write");
    int status;
    do
        status = put(shop);
    while (status != 0 && shop->keys < KEYS_MAX); /* until nobody answers */
    int how;
    assert_int_equal(waitpid(shop->hosted.pid, &how, 0), shop->hosted.pid);
    shop->hosted.pid = 0;
    close(shop->hosted.control);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 1);

    bad_disk_set(shop->folder, NULL);
    hosted_begin(&shop->hosted, start_on_bad_disk);
    client_close(&shop->client);
    assert_true(client_open(&shop->client, shop->hosted.opts.port));
    expect_promises_kept(shop);
}

static void a_damaged_file_is_refused_at_the_start_with_words_of_what_to_do(void **state)
{
    struct shop *shop = *state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(put(shop), 201);
    hosted_kill(&shop->hosted);
    char *path = fl_format("%s/queue.db", shop->folder), noise[8192];
    sqlite3 *db; /* from the log into the file, where the noise goes */
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), 0);
    sqlite3_close(db);
    memset(noise, 0xa5, sizeof noise);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 4096), sizeof noise);
    close(fd);
    char *before, *after;
    size_t before_len, after_len;
    assert_int_equal(fl_file_read(&before, &before_len, path, NULL), 0);

    struct fl_node *node = NULL;
    struct fl_err err = {0};
    assert_int_equal(fl_node_new(&node, &(struct fl_node_opts){.name = "queue"}, NULL), 0);
    assert_int_equal(fl_queue_start(node, &shop->hosted.opts, &err), FL_EIO);
    fl_node_free(node);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "put back a copy"));
    assert_int_equal(fl_file_read(&after, &after_len, path, NULL), 0);
    assert_int_equal(before_len, after_len); /* and left as it is */
    assert_memory_equal(before, after, before_len);
    free(before), free(after), free(path);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, shop_open, shop_close)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        STORY(a_full_disk_is_507_and_goes_on_when_there_is_room),
        STORY(a_disk_that_does_not_write_breaks_no_promise),
        STORY(a_disk_that_does_not_sync_breaks_no_promise),
        STORY(a_disk_that_stays_broken_ends_the_program),
        STORY(a_damaged_file_is_refused_at_the_start_with_words_of_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
