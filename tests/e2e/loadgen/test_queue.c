/* The queue load against a small queue in a thread of this process, in memory, which forgets,
 * refuses and hangs up when the story asks for it. */
#include "tests/e2e/loadgen/rig.h"

#include "services/wire/http.h"

#define CLIENTS_MAX 256
#define JOBS_MAX 4096

struct mischief {
    int hang_up_on_ack;    /* the first so many acknowledgements are carried out and not answered */
    int refuse_ack;        /* the first so many say that the lease is lost; the job comes again */
    int forget;            /* the first so many jobs are acknowledged and thrown away */
    int stuck;             /* the first so many jobs stay delayed for ever */
    bool closed_at_first;  /* 503 to the first 20 requests */
    bool counts_forgotten; /* among the ready ones */
};

enum job_state { READY = 0, LEASED, DONE };
struct job {
    char key[64];
    enum job_state state;
    int attempt;
};

struct client {
    int fd;
    struct fl_http http;
};

struct queue_server {
    struct side side;
    struct mischief mischief;
    struct job jobs[JOBS_MAX];
    int jobs_count, requests, enqueued, forgotten, stuck;
    struct client clients[CLIENTS_MAX];
    int count;
};

static int answer_put(struct queue_server *server, const cJSON *body, struct fl_buf *out)
{
    const char *key = fl_json_text(body, "key", NULL);
    if (key == NULL || !cJSON_HasObjectItem(body, "payload")) return 400;
    server->enqueued++;
    fl_buf_printf(out, "{\"id\":%d}", server->jobs_count + 1);
    if (server->mischief.forget-- > 0) {
        server->forgotten++;
        return 201;
    }
    if (server->mischief.stuck-- > 0) {
        server->stuck++;
        return 201;
    }
    struct job *job = &server->jobs[server->jobs_count++];
    snprintf(job->key, sizeof job->key, "%s", key);
    return 201;
}

static int answer_lease(struct queue_server *server, const cJSON *body, struct fl_buf *out)
{
    int64_t most = fl_json_int(body, "max", 0), found = 0;
    if (fl_json_int(body, "visibility_ms", 0) <= 0) return 400;
    fl_buf_puts(out, "{\"jobs\":[");
    for (int i = 0; i < server->jobs_count && found < most; i++) {
        struct job *job = &server->jobs[i];
        if (job->state != READY) continue;
        job->state = LEASED;
        fl_buf_printf(out,
                      "%s{\"id\":%d,\"key\":\"%s\",\"lease\":\"%016x\",\"attempt\":%d,"
                      "\"payload\":\"x\"}",
                      found++ > 0 ? "," : "", i + 1, job->key, i + 1, ++job->attempt);
    }
    fl_buf_puts(out, "]}");
    return 200;
}

static int answer_ack(struct queue_server *server, const cJSON *body, struct fl_buf *out)
{
    bool refuse = server->mischief.refuse_ack-- > 0;
    const cJSON *item;
    fl_buf_puts(out, "{\"results\":[");
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(body, "jobs"))
    {
        int64_t id = fl_json_int(item, "id", 0);
        bool right = id >= 1 && id <= server->jobs_count &&
                     strtoull(fl_json_text(item, "lease", ""), NULL, 16) == (uint64_t)id;
        if (right) server->jobs[id - 1].state = refuse ? READY : DONE;
        fl_buf_printf(out, "%s{\"id\":%lld,\"ok\":%s}", out->at[out->len - 1] == '[' ? "" : ",",
                      (long long)id, right && !refuse ? "true" : "false,\"error\":\"lease lost\"");
    }
    fl_buf_puts(out, "]}");
    return server->mischief.hang_up_on_ack-- > 0 ? 0 : 200;
}

static int answer_stats(struct queue_server *server, const cJSON *body, struct fl_buf *out)
{
    (void)body;
    int counts[3] = {0};
    for (int i = 0; i < server->jobs_count; i++)
        counts[server->jobs[i].state]++;
    if (server->mischief.counts_forgotten) counts[READY] += server->forgotten;
    fl_buf_printf(out, "{\"ready\":%d,\"leased\":%d,\"delayed\":%d,\"done\":%d,\"dead\":0}",
                  counts[READY], counts[LEASED], server->stuck, counts[DONE]);
    return 200;
}

static const struct {
    const char *method, *path;
    /** Returns the status; 0: hang up. */
    int (*answer)(struct queue_server *server, const cJSON *body, struct fl_buf *out);
} routes[] = {{"POST", "/jobs", answer_put},
              {"POST", "/jobs/lease", answer_lease},
              {"POST", "/jobs/ack", answer_ack},
              {"GET", "/stats", answer_stats}};

/* False: the connection is over. */
static bool client_answer(struct queue_server *server, struct client *client)
{
    struct fl_buf body = {0}, all = {0};
    cJSON *json = cJSON_ParseWithLength(client->http.body.at, client->http.body.len);
    int status = 404;
    for (size_t i = 0; i < FL_COUNT(routes); i++)
        if (fl_str_is(client->http.path, routes[i].path) &&
            strcmp(client->http.method, routes[i].method) == 0)
            status = routes[i].answer(server, json, &body);
    cJSON_Delete(json);
    if (status != 0) {
        fl_http_put_head(&all, status, "application/json", body.len, true, NULL);
        fl_buf_add(&all, body.at, body.len);
        send(client->fd, all.at, all.len, MSG_NOSIGNAL);
    }
    fl_buf_fini(&body);
    fl_buf_fini(&all);
    return status != 0;
}

static bool client_read(struct queue_server *server, struct client *client)
{
    char bytes[65536];
    ssize_t got = recv(client->fd, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    size_t used = 0;
    int rc = fl_http_request_feed(&client->http, bytes, (size_t)got, &used);
    if (rc == FL_HTTP_MORE) return true;
    if (rc != FL_HTTP_DONE) return false;
    bool go_on = true;
    if (server->mischief.closed_at_first && server->requests < 20) {
        static const char busy[] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
        send(client->fd, busy, sizeof busy - 1, MSG_NOSIGNAL);
    } else {
        go_on = client_answer(server, client);
    }
    server->requests++;
    fl_http_reset(&client->http);
    return go_on;
}

static void client_close(struct queue_server *server, int i)
{
    close(server->clients[i].fd);
    fl_http_fini(&server->clients[i].http);
    /* the parser points into itself: only a fresh one may move */
    server->count--;
    if (i != server->count) {
        server->clients[i].fd = server->clients[server->count].fd;
        fl_http_fini(&server->clients[server->count].http);
        fl_http_request_init(&server->clients[i].http, 16384, 1 << 20);
    }
}

static void *queue_main(void *cx)
{
    struct queue_server *server = cx;
    for (;;) {
        struct pollfd fds[CLIENTS_MAX + 2] = {{.fd = server->side.stop_pipe[0], .events = POLLIN},
                                              {.fd = server->side.listener, .events = POLLIN}};
        int watched = server->count;
        for (int i = 0; i < watched; i++)
            fds[i + 2] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
        if (poll(fds, (nfds_t)watched + 2, -1) < 0 || fds[0].revents != 0) break;
        for (int i = watched; i-- > 0;)
            if (fds[i + 2].revents != 0 && !client_read(server, &server->clients[i]))
                client_close(server, i);
        if (fds[1].revents != 0 && server->count < CLIENTS_MAX) {
            struct client *client = &server->clients[server->count++];
            client->fd = accept(server->side.listener, NULL, NULL);
            fl_http_request_init(&client->http, 16384, 1 << 20);
        }
    }
    while (server->count > 0)
        client_close(server, server->count - 1);
    return NULL;
}

static struct queue_server *queue_start(struct mischief mischief)
{
    struct queue_server *server = fl_new(struct queue_server);
    server->mischief = mischief;
    side_start(&server->side, queue_main, server);
    return server;
}

static void queue_stop(struct queue_server *server)
{
    side_stop(&server->side);
}

/* ---- the books ---- */

struct books {
    struct tally puts, works;
    int leased, done, maybe, refused, again; /* again: leased with an attempt above 1 */
    int left;                                /* -1: no word about it */
    uint64_t promised[JOBS_MAX], completed[JOBS_MAX];
    int promised_count, completed_count;
};

static void note_books(void *cx, const struct fl_op *op)
{
    struct books *books = cx;
    if (op->kind == FL_OP_ENQUEUE) {
        tally_op(&books->puts, op);
        if (op->outcome == FL_OK) books->promised[books->promised_count++] = op->key;
    }
    if (op->kind == FL_OP_WORK) tally_op(&books->works, op);
    books->leased += op->kind == FL_OBS_LEASED;
    books->again += op->kind == FL_OBS_LEASED && op->info > 1;
    books->maybe += op->kind == FL_OBS_DONE_MAYBE;
    books->refused += op->kind == FL_OBS_DONE_REFUSED;
    if (op->kind == FL_OBS_DONE) {
        books->done++;
        books->completed[books->completed_count++] = op->key;
    }
    if (op->kind == FL_OBS_LEFT) books->left = (int)op->info;
}

/* Promised and never completed. */
static int books_lost(const struct books *books)
{
    int lost = 0;
    for (int p = 0; p < books->promised_count; p++) {
        int c = 0;
        while (c < books->completed_count && books->completed[c] != books->promised[p])
            c++;
        lost += c == books->completed_count;
    }
    return lost;
}

#define QUEUE_LOAD                                                                           \
    "{\"index\":0,\"name\":\"jobs\",\"workload\":\"queue\",\"via\":\"s\",\"service\":\"s\"," \
    "\"seed\":\"7\",\"users\":0,\"rate_per_s\":200,\"timeout_ns\":3000000000}"

static struct books *run_jobs(struct queue_server *server, fl_ns drain_ns)
{
    struct worker worker;
    char line[8192];
    worker_start(&worker, QUEUE_LOAD);
    worker_expect(&worker, "ready", line, sizeof line);
    worker_order_start(&worker, &server->side.port, 1, fl_s(1), drain_ns);
    worker_expect(&worker, "done", line, sizeof line);
    assert_int_equal(worker_wait(&worker), 0);
    queue_stop(server);
    struct books *books = fl_new(struct books);
    books->left = -1;
    assert_int_equal(fl_journal_read_ops(worker.folder, note_books, books, NULL), 0);
    assert_int_equal(books->puts.ops, 200);
    assert_int_equal(books->works.ops, 25); /* one lease for eight jobs */
    testkit_remove(worker.folder);
    return books;
}

static void every_job_that_goes_in_comes_out_once_and_the_drain_takes_the_rest(void **state)
{
    (void)state;
    struct queue_server *server = queue_start((struct mischief){0});
    struct books *books = run_jobs(server, fl_s(10));
    assert_int_equal(books->puts.ok, 200);
    assert_int_equal(books->works.ok, 25);
    assert_int_equal(books->leased, 200);
    assert_int_equal(books->done, 200);
    assert_int_equal(books->maybe + books->refused + books->again, 0);
    assert_int_equal(books_lost(books), 0);
    assert_int_equal(books->left, 0);
    free(books);
    free(server);
}

static void an_acknowledgement_that_is_not_answered_is_a_maybe(void **state)
{
    (void)state;
    struct queue_server *server = queue_start((struct mischief){.hang_up_on_ack = 2});
    struct books *books = run_jobs(server, fl_s(10));
    assert_true(books->maybe >= 2);
    assert_int_equal(books->done + books->maybe, 200);
    assert_int_equal(books->works.unknown, 2);
    assert_int_equal(books->works.errors[FL_OPERR_RESET], 2);
    assert_int_equal(books_lost(books), books->maybe); /* a checker calls these indeterminate */
    free(books);
    free(server);
}

static void a_lost_lease_is_refused_and_the_job_is_done_with_the_next_one(void **state)
{
    (void)state;
    struct queue_server *server = queue_start((struct mischief){.refuse_ack = 2});
    struct books *books = run_jobs(server, fl_s(10));
    assert_true(books->refused >= 2);
    assert_int_equal(books->again, books->refused);
    assert_int_equal(books->done, 200);
    assert_int_equal(books->left, 0);
    free(books);
    free(server);
}

static void a_queue_that_forgets_is_caught(void **state)
{
    (void)state;
    struct queue_server *server = queue_start((struct mischief){.forget = 3});
    struct books *books = run_jobs(server, fl_s(10));
    assert_int_equal(books->puts.ok, 200); /* it said yes to all of them */
    assert_int_equal(books_lost(books), 3);
    assert_int_equal(books->left, 0);
    free(books);
    free(server);
}

static void a_queue_that_still_counts_what_it_forgot_is_caught(void **state)
{
    (void)state;
    struct queue_server *server = queue_start(
        (struct mischief){.forget = 3, .counts_forgotten = true});
    struct books *books = run_jobs(server, fl_s(10));
    assert_int_equal(books_lost(books), 3);
    assert_int_equal(books->left, 0); /* nobody was given what it calls ready */
    free(books);
    free(server);
}

static void jobs_that_never_become_ready_are_counted_as_left(void **state)
{
    (void)state;
    struct queue_server *server = queue_start((struct mischief){.stuck = 5});
    struct books *books = run_jobs(server, fl_ms(700));
    assert_int_equal(books->left, 5);
    assert_int_equal(books->done, 195);
    free(books);
    free(server);
}

static void a_queue_that_says_503_did_not_take_the_job(void **state)
{
    (void)state;
    struct queue_server *server = queue_start((struct mischief){.closed_at_first = true});
    struct books *books = run_jobs(server, fl_s(10));
    assert_int_equal(books->puts.fail + books->works.fail, 20);
    assert_int_equal(books->puts.errors[FL_OPERR_STATUS], books->puts.fail);
    assert_int_equal(books->puts.ok, server->enqueued);
    assert_int_equal(books->done, server->enqueued);
    assert_int_equal(books_lost(books), 0);
    free(books);
    free(server);
}

int main(int argc, char **argv)
{
    int code;
    if (rig_is_worker(argc, argv, &code)) return code;
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_that_goes_in_comes_out_once_and_the_drain_takes_the_rest),
        cmocka_unit_test(an_acknowledgement_that_is_not_answered_is_a_maybe),
        cmocka_unit_test(a_lost_lease_is_refused_and_the_job_is_done_with_the_next_one),
        cmocka_unit_test(a_queue_that_forgets_is_caught),
        cmocka_unit_test(a_queue_that_still_counts_what_it_forgot_is_caught),
        cmocka_unit_test(jobs_that_never_become_ready_are_counted_as_left),
        cmocka_unit_test(a_queue_that_says_503_did_not_take_the_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
