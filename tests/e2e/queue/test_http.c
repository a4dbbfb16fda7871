/* The queue's API, as docs/queue.md promises it, over a real socket. */
#include "tests/e2e/services/client.h"

#include <cjson/cJSON.h>

#include "runtime/base/json.h"
#include "services/queue/queue.h"

struct shop {
    struct hosted hosted;
    struct client client;
    char *folder;
};

static int shop_open(void **state)
{
    struct shop *shop = fl_new(struct shop);
    shop->folder = testkit_folder();
    shop->hosted.opts = (struct fl_service_opts){
        .instance = "queue", .folder = shop->folder, .port = testkit_free_port()};
    hosted_begin(&shop->hosted, fl_queue_start);
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

static void expect(struct shop *shop, const char *method, const char *path, const char *body,
                   int status, const char *answer)
{
    int got = client_ask(&shop->client, method, path, body);
    if (got != status || (answer != NULL && strcmp(shop->client.body, answer) != 0))
        fail_msg("%s %s %s: %d %s, expected %d %s", method, path, body, got,
                 got != 0 ? shop->client.body : "", status, answer != NULL ? answer : "");
}

/** Leases one job and returns its lease; key and payload must be these. */
static void lease(struct shop *shop, int visibility_ms, const char *key, const char *payload,
                  char out[17])
{
    char *body = fl_format("{\"max\":1,\"visibility_ms\":%d}", visibility_ms);
    expect(shop, "POST", "/jobs/lease", body, 200, NULL);
    free(body);
    cJSON *tree = cJSON_Parse(shop->client.body);
    const cJSON *job = cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "jobs"), 0);
    assert_string_equal(fl_json_text(job, "key", ""), key);
    char *want = fl_format("\"payload\":%s}", payload);
    assert_non_null(strstr(shop->client.body, want));
    free(want);
    assert_int_equal(strlen(fl_json_text(job, "lease", "")), 16);
    memcpy(out, fl_json_text(job, "lease", ""), 17);
    cJSON_Delete(tree);
}

static void a_job_goes_in_once_out_once_and_is_done(void **state)
{
    struct shop *shop = *state;
    char token[17];
    expect(shop, "GET", "/health", "", 200, NULL);
    expect(shop, "POST", "/jobs", "{\"key\":\"a\",\"payload\":{\"n\":1.50,\"s\":\"\\u0000\"}}", 201,
           "{\"id\":1}");
    expect(shop, "POST", "/jobs", "{\"key\":\"a\",\"payload\":2}", 200, "{\"id\":1}");
    expect(shop, "GET", "/stats", "", 200,
           "{\"ready\":1,\"leased\":0,\"delayed\":0,\"done\":0,\"dead\":0}");

    lease(shop, 60000, "a", "{\"n\":1.50,\"s\":\"\\u0000\"}", token);
    expect(shop, "POST", "/jobs/lease", "{\"max\":16,\"visibility_ms\":5000}", 200,
           "{\"jobs\":[]}");
    char *body = fl_format("{\"lease\":\"%s\"}", token);
    expect(shop, "POST", "/jobs/1/ack", "{\"lease\":\"00000000000000ff\"}", 409, NULL);
    expect(shop, "POST", "/jobs/1/ack", body, 200, NULL);
    expect(shop, "POST", "/jobs/1/ack", body, 409, NULL);
    expect(shop, "POST", "/jobs/2/ack", body, 404, NULL);
    free(body);
    expect(shop, "GET", "/stats", "", 200,
           "{\"ready\":0,\"leased\":0,\"delayed\":0,\"done\":1,\"dead\":0}");
}

static void acknowledgements_in_a_row_are_answered_one_by_one(void **state)
{
    struct shop *shop = *state;
    char first[17], second[17];
    expect(shop, "POST", "/jobs", "{\"key\":\"a\"}", 201, "{\"id\":1}");
    expect(shop, "POST", "/jobs", "{\"key\":\"b\",\"payload\":[]}", 201, "{\"id\":2}");
    lease(shop, 60000, "a", "null", first);
    lease(shop, 60000, "b", "[]", second);
    char *body = fl_format("{\"jobs\":[{\"id\":2,\"lease\":\"%s\"},{\"id\":1,\"lease\":\"%s\"},"
                           "{\"id\":9,\"lease\":\"%s\"},{\"id\":1,\"lease\":\"%s\"}]}",
                           second, second, second, first);
    expect(shop, "POST", "/jobs/ack", body, 200,
           "{\"results\":[{\"id\":2,\"ok\":true},{\"id\":1,\"ok\":false,\"error\":\"lease lost\"},"
           "{\"id\":9,\"ok\":false,\"error\":\"no such job\"},{\"id\":1,\"ok\":true}]}");
    free(body);
    expect(shop, "POST", "/jobs/ack", "{\"jobs\":[]}", 200, "{\"results\":[]}");
}

static void a_failed_job_comes_again(void **state)
{
    struct shop *shop = *state;
    char token[17];
    expect(shop, "POST", "/jobs", "{\"key\":\"a\"}", 201, NULL);
    lease(shop, 60000, "a", "null", token);
    char *body = fl_format("{\"lease\":\"%s\",\"retry_ms\":0}", token);
    expect(shop, "POST", "/jobs/1/fail", body, 200, "{\"ok\":true,\"dead\":false}");
    expect(shop, "POST", "/jobs/1/fail", body, 409, NULL);
    free(body);
    lease(shop, 60000, "a", "null", token);
    assert_non_null(strstr(shop->client.body, "\"attempt\":2"));
    body = fl_format("{\"lease\":\"%s\",\"retry_ms\":3600000}", token);
    expect(shop, "POST", "/jobs/1/fail", body, 200, NULL);
    free(body);
    expect(shop, "GET", "/stats", "", 200,
           "{\"ready\":0,\"leased\":0,\"delayed\":1,\"done\":0,\"dead\":0}");
}

static void what_makes_no_sense_is_refused_in_words(void **state)
{
    struct shop *shop = *state;
    static const struct {
        const char *path, *body;
        int status;
    } bad[] = {
        {"/jobs", "", 400},
        {"/jobs", "[]", 400},
        {"/jobs", "{\"key\":\"a\",}", 400},
        {"/jobs", "{\"key\":7}", 400},
        {"/jobs", "{\"key\":\"\"}", 400},
        {"/jobs", "{\"key\":\"a\",\"payload\":\"\xff\"}", 400},
        {"/jobs", "{\"key\":\"a\",\"delay_ms\":-1}", 400},
        {"/jobs/lease", "{\"max\":0}", 400},
        {"/jobs/lease", "{\"max\":1025}", 400},
        {"/jobs/lease", "{\"max\":\"1\"}", 400},
        {"/jobs/lease", "{\"visibility_ms\":1.5}", 400},
        {"/jobs/x/ack", "{\"lease\":\"00000000000000ff\"}", 400},
        {"/jobs/1/ack", "{\"lease\":\"ff\"}", 400},
        {"/jobs/1/ack", "{\"lease\":\"00000000000000FF\"}", 400},
        {"/jobs/ack", "{}", 400},
        {"/jobs/ack", "{\"jobs\":[1]}", 400},
        {"/jobs/1/fail", "{}", 400},
        {"/nowhere", "{}", 404},
    };
    for (size_t i = 0; i < FL_COUNT(bad); i++) {
        expect(shop, "POST", bad[i].path, bad[i].body, bad[i].status, NULL);
        assert_non_null(strstr(shop->client.body, "{\"error\":\""));
    }
    struct fl_buf big = {0};
    fl_buf_puts(&big, "{\"key\":\"a\",\"payload\":\"");
    for (int i = 0; i < 70000; i++)
        fl_buf_putc(&big, 'x');
    fl_buf_puts(&big, "\"}");
    expect(shop, "POST", "/jobs", big.at, 413, NULL);
    fl_buf_fini(&big);
    expect(shop, "GET", "/stats", "", 200,
           "{\"ready\":0,\"leased\":0,\"delayed\":0,\"done\":0,\"dead\":0}");
    expect(shop, "GET", "/", "", 200, NULL);
    assert_non_null(strstr(shop->client.body, "<h1>Queues</h1>"));
}

static void a_crash_of_the_store_is_a_short_wait_and_loses_nothing(void **state)
{
    struct shop *shop = *state;
    char token[17];
    expect(shop, "POST", "/jobs", "{\"key\":\"a\"}", 201, "{\"id\":1}");
    lease(shop, 60000, "a", "null", token);
    for (int i = 0; i < 3; i++) {
        hosted_crash(&shop->hosted, "store");
        int status; /* 503 until it is back, on the same connection */
        do
            status = client_ask(&shop->client, "POST", "/jobs", "{\"key\":\"a\"}");
        while (status == 503);
        assert_int_equal(status, 200);
    }
    char *body = fl_format("{\"lease\":\"%s\"}", token);
    expect(shop, "POST", "/jobs/1/ack", body, 200, NULL);
    free(body);
}

static void a_damaged_file_is_an_error_at_the_start(void **state)
{
    struct shop *shop = *state;
    hosted_kill(&shop->hosted);
    char *path = fl_format("%s/queue.db", shop->folder);
    assert_int_equal(fl_file_write(path, "this is no database, whatever its name says", 43, NULL),
                     0);
    free(path);
    path = fl_format("%s/queue.db-wal", shop->folder); /* all that was said is in here so far */
    assert_int_equal(unlink(path), 0);
    free(path);
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    assert_int_equal(fl_node_new(&node, &(struct fl_node_opts){.name = "queue"}, NULL), 0);
    assert_int_equal(fl_queue_start(node, &shop->hosted.opts, &err), FL_EIO);
    assert_non_null(strstr(err.text, "queue.db"));
    fl_node_free(node);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, shop_open, shop_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_job_goes_in_once_out_once_and_is_done),
        STORY(acknowledgements_in_a_row_are_answered_one_by_one),
        STORY(a_failed_job_comes_again),
        STORY(what_makes_no_sense_is_refused_in_words),
        STORY(a_crash_of_the_store_is_a_short_wait_and_loses_nothing),
        STORY(a_damaged_file_is_an_error_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
