/* The incident: the queue is killed while it is busy. Whoever heard "yes" was told the truth. */
#include "tests/e2e/services/client.h"

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/base/json.h"
#include "services/queue/queue.h"

#define WRITERS 6
#define KEYS_MAX 20000

struct shop {
    struct hosted hosted;
    char *folder;
    atomic_int promised_count;
    pthread_t threads[WRITERS];
    struct writer {
        struct shop *shop;
        int number, round, promised; /* its keys 0 … promised-1 were acknowledged */
    } writers[WRITERS];
};

static int shop_open(void **state)
{
    struct shop *shop = fl_new(struct shop);
    shop->folder = testkit_folder();
    shop->hosted.opts = (struct fl_service_opts){
        .instance = "queue", .folder = shop->folder, .port = testkit_free_port()};
    hosted_begin(&shop->hosted, fl_queue_start);
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

/** Enqueues until the connection breaks; counts what was acknowledged. */
static void *write_jobs(void *arg)
{
    struct writer *writer = arg;
    struct client client;
    char body[96];
    bool up = client_open(&client, writer->shop->hosted.opts.port);
    for (int n = 0; up && n < KEYS_MAX; n++) {
        snprintf(body, sizeof body, "{\"key\":\"%d/%d/%d\",\"payload\":{\"n\":%d}}", writer->round,
                 writer->number, n, n);
        if (client_ask(&client, "POST", "/jobs", body) != 201) break;
        writer->promised = n + 1;
        atomic_fetch_add(&writer->shop->promised_count, 1);
    }
    client_close(&client);
    return NULL;
}

/** Kills the queue once so many jobs were promised, with writers in full swing. */
static void kill_under_load(struct shop *shop, int round, int after)
{
    atomic_store(&shop->promised_count, 0);
    for (int i = 0; i < WRITERS; i++) {
        shop->writers[i] = (struct writer){.shop = shop, .number = i, .round = round};
        assert_int_equal(pthread_create(&shop->threads[i], NULL, write_jobs, &shop->writers[i]), 0);
    }
    struct client watcher; /* paces this loop: one request a turn, no sleep, no spin */
    bool up = client_open(&watcher, shop->hosted.opts.port);
    while (up && atomic_load(&shop->promised_count) < after)
        up = client_ask(&watcher, "GET", "/stats", "") == 200;
    client_close(&watcher);
    assert_true(up);
    hosted_kill(&shop->hosted);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(shop->threads[i], NULL), 0);
}

static void every_job_that_was_acknowledged_survives_kill_after_kill(void **state)
{
    struct shop *shop = *state;
    for (int round = 0; round < 3; round++) {
        kill_under_load(shop, round, 200);
        hosted_begin(&shop->hosted, fl_queue_start);
        struct client client;
        assert_true(client_open(&client, shop->hosted.opts.port));
        for (int i = 0; i < WRITERS; i++)
            for (int n = 0; n < shop->writers[i].promised; n++) {
                char body[64];
                snprintf(body, sizeof body, "{\"key\":\"%d/%d/%d\"}", round, i, n);
                /* 200 and not 201: it was there */
                if (client_ask(&client, "POST", "/jobs", body) != 200)
                    fail_msg("lost: %s (%d)", body, client.status);
            }
        client_close(&client);
    }
}

/** Leases and acknowledges until nothing is left or `stop_at` are done; marks done ids. */
static int drain(struct client *client, bool *done, int stop_at)
{
    int count = 0;
    while (count < stop_at) {
        if (client_ask(client, "POST", "/jobs/lease", "{\"max\":32,\"visibility_ms\":1000000}") !=
            200)
            break;
        cJSON *tree = cJSON_Parse(client->body), *job;
        cJSON *jobs = cJSON_GetObjectItem(tree, "jobs");
        struct fl_buf acks = {0};
        fl_buf_puts(&acks, "{\"jobs\":[");
        cJSON_ArrayForEach(job, jobs)
        {
            fl_buf_printf(&acks, "%s{\"id\":%d,\"lease\":\"%s\"}", job->prev->next ? "," : "",
                          (int)fl_json_int(job, "id", 0), fl_json_text(job, "lease", ""));
        }
        fl_buf_puts(&acks, "]}");
        int status = client_ask(client, "POST", "/jobs/ack", acks.at);
        assert_int_equal(status, 200);
        assert_null(strstr(client->body, "false"));
        cJSON_ArrayForEach(job, jobs)
        {
            int64_t id = fl_json_int(job, "id", 0);
            assert_in_range(id, 1, KEYS_MAX - 1);
            assert_false(done[id]);
            done[id] = true;
            count++;
        }
        bool empty = cJSON_GetArraySize(jobs) == 0;
        fl_buf_fini(&acks);
        cJSON_Delete(tree);
        if (empty) break;
    }
    return count;
}

static void a_job_whose_completion_was_acknowledged_never_comes_back(void **state)
{
    struct shop *shop = *state;
    kill_under_load(shop, 0, 400);
    bool *done = fl_new_array(bool, KEYS_MAX);
    int count = 0;
    for (int part = 0; part < 3; part++) {
        hosted_begin(&shop->hosted, fl_queue_start);
        struct client client;
        assert_true(client_open(&client, shop->hosted.opts.port));
        count += drain(&client, done, part < 2 ? 100 : KEYS_MAX);
        client_close(&client);
        if (part < 2) hosted_kill(&shop->hosted);
    }
    assert_true(count >= 400);
    int status;
    char *stats = client_once(shop->hosted.opts.port, "GET", "/stats", "", &status);
    char *want = fl_format("{\"ready\":0,\"leased\":0,\"delayed\":0,\"done\":%d,\"dead\":0}",
                           count);
    assert_string_equal(stats, want);
    free(want);
    free(stats);
    free(done);
}

/** A worker: leases for longer than the story lasts, and acknowledges every second job. */
struct hand {
    struct shop *shop;
    bool seen[KEYS_MAX], done[KEYS_MAX];
    int seen_count, twice; /* twice: an id that it was given before */
};

static void hand_take(struct hand *hand, struct client *client, const cJSON *job)
{
    int64_t id = fl_json_int(job, "id", 0);
    char path[64], body[64];
    if (id < 1 || id >= KEYS_MAX) return;
    hand->twice += hand->seen[id];
    hand->seen[id] = true;
    hand->seen_count++;
    atomic_fetch_add(&hand->shop->promised_count, 1);
    if (id % 2 == 0) return;
    snprintf(path, sizeof path, "/jobs/%lld/ack", (long long)id);
    snprintf(body, sizeof body, "{\"lease\":\"%s\"}", fl_json_text(job, "lease", ""));
    hand->done[id] = client_ask(client, "POST", path, body) == 200;
}

static void *work_jobs(void *arg)
{
    struct hand *hand = arg;
    struct client client;
    bool up = client_open(&client, hand->shop->hosted.opts.port);
    while (up) {
        up = client_ask(&client, "POST", "/jobs/lease",
                        "{\"max\":4,\"visibility_ms\":86400000,\"wait_ms\":200}") == 200;
        cJSON *tree = up ? cJSON_Parse(client.body) : NULL;
        const cJSON *job;
        cJSON_ArrayForEach(job, cJSON_GetObjectItem(tree, "jobs")) hand_take(hand, &client, job);
        cJSON_Delete(tree);
    }
    client_close(&client);
    return NULL;
}

static void no_job_is_in_two_hands_and_none_that_is_done_comes_back(void **state)
{
    struct shop *shop = *state;
    bool *seen = fl_new_array(bool, KEYS_MAX), *done = fl_new_array(bool, KEYS_MAX);
    struct hand *hands[4];
    pthread_t threads[FL_COUNT(hands)];
    for (int round = 0; round < 4; round++) {
        if (round > 0) hosted_begin(&shop->hosted, fl_queue_start);
        for (size_t i = 0; i < FL_COUNT(hands); i++) {
            hands[i] = fl_new(struct hand);
            hands[i]->shop = shop;
            assert_int_equal(pthread_create(&threads[i], NULL, work_jobs, hands[i]), 0);
        }
        kill_under_load(shop, round, 500); /* jobs promised and jobs leased */
        int leased = 0;
        for (size_t i = 0; i < FL_COUNT(hands); i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(hands[i]->twice, 0);
            leased += hands[i]->seen_count;
            for (int id = 1; id < KEYS_MAX; id++) {
                if (hands[i]->seen[id] && seen[id]) fail_msg("job %d was in two hands", id);
                seen[id] |= hands[i]->seen[id];
                done[id] |= hands[i]->done[id];
            }
            free(hands[i]);
        }
        assert_true(leased > 0);
    }
    hosted_begin(&shop->hosted, fl_queue_start);
    struct client client;
    assert_true(client_open(&client, shop->hosted.opts.port));
    for (int id = 1; id < KEYS_MAX; id++) {
        char path[32];
        if (!seen[id]) continue;
        snprintf(path, sizeof path, "/jobs/%d", id);
        assert_int_equal(client_ask(&client, "GET", path, ""), 200);
        if (done[id] && strstr(client.body, "\"state\":\"done\"") == NULL)
            fail_msg("%d was done: %s", id, client.body);
    }
    client_close(&client);
    free(seen), free(done);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, shop_open, shop_close)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        STORY(every_job_that_was_acknowledged_survives_kill_after_kill),
        STORY(a_job_whose_completion_was_acknowledged_never_comes_back),
        STORY(no_job_is_in_two_hands_and_none_that_is_done_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
