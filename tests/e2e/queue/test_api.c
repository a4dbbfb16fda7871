/* Named queues over HTTP, as docs/queue.md promises them. */
#include "tests/e2e/queue/site.h"

static void say_of(struct site *site, int64_t id, const char *verb, char *open_take,
                   const char *more, int status, const char *words)
{
    char *path = fl_format("/jobs/%lld/%s", (long long)id, verb);
    char *body = fl_format("%s%s}", open_take, more);
    site_expect(site, "POST", path, body, status, words);
    free(path), free(body), free(open_take);
}

static void a_job_goes_its_way_through_a_named_queue(void **state)
{
    struct site *site = *state;
    int64_t id;
    site_expect(site, "POST", "/queues/mail/jobs",
                "{\"payload\":{\"to\":\"ana\"},\"priority\":3,\"max_attempts\":2}", 201,
                "{\"id\":1}");
    site_expect(site, "GET", "/jobs/1", "", 200, "\"state\":\"ready\",\"key\":null,\"priority\":3");
    char *body = site_lease(site, "mail", &id);
    assert_int_equal(id, 1);
    site_expect(site, "GET", "/jobs/1", "", 200, "\"until_ms\":");
    say_of(site, 1, "heartbeat", fl_strdup(body), ",\"visibility_ms\":60000", 200, "\"until_ms\":");
    say_of(site, 1, "release", body, "", 200, "{\"ok\":true}");
    say_of(site, 1, "fail", site_lease(site, "mail", &id),
           ",\"retry_ms\":0,\"error\":\"no \\u0000 route\"", 200, "\"dead\":false");
    site_expect(site, "GET", "/jobs/1", "", 200, "\"error\":\"no \\u0000 route\"");
    say_of(site, 1, "fail", site_lease(site, "mail", &id), "", 200, "\"dead\":true");
    site_expect(site, "GET", "/queues/mail/jobs?state=dead", "", 200, "\"attempt\":2");
    site_expect(site, "POST", "/jobs/1/requeue", "", 200, "true");
    site_expect(site, "POST", "/jobs/1/requeue", "", 409, "only dead and scheduled");
    say_of(site, 1, "ack", site_lease(site, "mail", &id), ",\"result\":{\"sent\":1.50}", 200,
           "true");
    site_expect(site, "GET", "/jobs/1", "", 200, "\"result\":{\"sent\":1.50}");
    site_expect(site, "GET", "/queues/mail", "", 200,
                "\"jobs\":{\"scheduled\":0,\"ready\":0,\"leased\":0,\"done\":1,\"dead\":0}");
    site_expect(site, "GET", "/metrics", "", 200, "faultline_queue_done_total{queue=\"mail\"} 1\n");
    site_expect(site, "DELETE", "/jobs/1", "", 200, "true");
    site_expect(site, "DELETE", "/jobs/1", "", 404, "no such job");
    site_expect(site, "DELETE", "/queues/mail", "", 200, "true");
    site_expect(site, "GET", "/queues/mail", "", 404, "no such queue");
}

static void a_batch_is_one_commit_and_each_job_has_its_own_answer(void **state)
{
    struct site *site = *state;
    site_expect(site, "PUT", "/queues/q", "{\"max_jobs\":2}", 200, "\"max_jobs\":2");
    site_expect(site, "POST", "/queues/q/jobs/batch",
                "{\"jobs\":[{\"key\":\"a\"},{\"key\":\"a\"},{\"unique\":\"u\",\"delay_ms\":9000},"
                "{\"key\":\"b\"}]}",
                200,
                "{\"results\":[{\"ok\":true,\"id\":1,\"existed\":false},"
                "{\"ok\":true,\"id\":1,\"existed\":true},{\"ok\":true,\"id\":2,\"existed\":false},"
                "{\"ok\":false,\"error\":\"the queue is full\"}]}");
    site_expect(site, "POST", "/queues/q/jobs", "{}", 429, "the queue is full");
    site_expect(site, "POST", "/queues/q/jobs", "{\"unique\":\"u\"}", 200, "{\"id\":2}");
    site_expect(site, "POST", "/queues/q/jobs/batch", "{\"jobs\":[{\"key\":\"c\"},{\"key\":1}]}",
                400, "\"field\":\"key\"");
    site_expect(site, "GET", "/queues/q", "", 200, "\"enqueued\":2");
}

static void every_refusal_names_what_is_wrong(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *words;
    } rows[] = {
        {"POST", "/queues/a%20b/jobs", "{}", 400, "\"field\":\"queue\""},
        {"POST", "/queues/q/jobs", "{\"priority\":1001}", 400, "\"field\":\"priority\""},
        {"POST", "/queues/q/jobs", "{\"unique\":\"\"}", 400, "\"field\":\"unique\""},
        {"POST", "/queues/q/jobs", "{\"delay_ms\":1,\"run_at_ms\":5}", 400, "run_at_ms"},
        {"POST", "/queues/q/jobs", "{\"max_attempts\":0}", 400, "\"field\":\"max_attempts\""},
        {"POST", "/queues/q/jobs/batch", "{\"jobs\":[]}", 400, "\"field\":\"jobs\""},
        {"POST", "/queues/q/lease", "{\"wait_ms\":60001}", 400, "\"field\":\"wait_ms\""},
        {"POST", "/queues/q/lease", "{\"worker\":7}", 400, "\"field\":\"worker\""},
        {"PUT", "/queues/q", "{\"rate\":-1}", 400, "\"field\":\"rate\""},
        {"PUT", "/queues/q", "{\"rate\":\"2\"}", 400, "\"field\":\"rate\""},
        {"PUT", "/queues/q", "{\"paused\":1}", 400, "\"field\":\"paused\""},
        {"PUT", "/queues/q", "{\"handler\":\"rm\"}", 400, "echo wait flaky crash fail"},
        {"PUT", "/queues/q", "{\"workers\":65}", 400, "\"field\":\"workers\""},
        {"GET", "/queues/q", "", 404, "no such queue"},
        {"GET", "/queues/q/jobs?state=dead", "", 404, "no such queue"},
        {"GET", "/queues/q/jobs", "", 400, "\"field\":\"state\""},
        {"GET", "/queues/q/jobs?state=dead&limit=201", "", 400, "\"field\":\"limit\""},
        {"GET", "/queues/q/jobs?state=dead&after=x", "", 400, "\"field\":\"after\""},
        {"DELETE", "/queues/q/jobs?state=gone", "", 400, "\"field\":\"state\""},
        {"PUT", "/queues/q/repeats/r", "{}", 400, "\"field\":\"cron\""},
        {"PUT", "/queues/q/repeats/r", "{\"cron\":\"0 0 30 2 *\"}", 400, "no such day"},
        {"PUT", "/queues/q/repeats/r", "{\"cron\":\"@daily\",\"misfire\":\"no\"}", 400, "misfire"},
        {"DELETE", "/queues/q/repeats/r", "", 404, "no such repeat"},
        {"GET", "/jobs/0x1", "", 400, "\"field\":\"id\""},
        {"POST", "/jobs/1/heartbeat", "{\"lease\":1}", 400, "\"field\":\"lease\""},
        {"PATCH", "/queues/q", "{}", 405, NULL},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++)
        site_expect(site, rows[i].method, rows[i].path, rows[i].body, rows[i].status,
                    rows[i].words);
    site_expect(site, "GET", "/queues", "", 200, "{\"queues\":[]}"); /* nothing came of it */
}

static void a_repeat_is_made_shown_and_ended(void **state)
{
    struct site *site = *state;
    site_expect(site, "PUT", "/queues/q/repeats/night",
                "{\"cron\":\"30 2 * * *\",\"payload\":[1],\"misfire\":\"skip\"}", 201,
                "\"fired\":0,\"payload\":[1]}");
    site_expect(site, "PUT", "/queues/q/repeats/night", "{\"cron\":\"@hourly\"}", 200, "@hourly");
    site_expect(site, "GET", "/repeats", "", 200, "\"name\":\"night\",\"cron\":\"@hourly\"");
    site_expect(site, "GET", "/queues/q/repeats", "", 200, "\"misfire\":\"once\"");
    site_expect(site, "DELETE", "/queues/q/repeats/night", "", 200, "true");
    site_expect(site, "GET", "/repeats", "", 200, "{\"repeats\":[]}");
}

static void dead_letters_come_back_all_at_once(void **state)
{
    struct site *site = *state;
    int64_t id;
    site_expect(site, "PUT", "/queues/q", "{\"max_attempts\":1}", 200, NULL);
    for (int i = 0; i < 3; i++) {
        site_expect(site, "POST", "/queues/q/jobs", "{}", 201, NULL);
        say_of(site, i + 1, "fail", site_lease(site, "q", &id), "", 200, "\"dead\":true");
    }
    site_expect(site, "GET", "/queues/q/jobs?state=dead&limit=2", "", 200, "\"next\":\"");
    site_expect(site, "POST", "/queues/q/requeue", "", 200, "{\"requeued\":3}");
    site_expect(site, "DELETE", "/queues/q/jobs?state=ready", "", 200, "{\"deleted\":3}");
}

static void a_lease_waits_for_a_job_and_a_pause_is_a_pause(void **state)
{
    struct site *site = *state;
    struct client waiting;
    static const char request[] = "POST /queues/q/lease HTTP/1.1\r\nHost: x\r\n"
                                  "Content-Length: 17\r\n\r\n{\"wait_ms\":20000}";
    client_open(&waiting, &site->world);
    site_expect(site, "POST", "/queues/q/pause", "", 200, "\"paused\":true");
    client_send(&waiting, request, sizeof request - 1);
    site_expect(site, "POST", "/queues/q/jobs", "{\"key\":\"a\"}", 201, NULL);
    site_expect(site, "POST", "/queues/q/lease", "{}", 200, "{\"jobs\":[]}");
    site_expect(site, "POST", "/queues/q/resume", "", 200, "\"paused\":false");
    struct fl_http http;
    client_response(&waiting, false, &http);
    assert_int_equal(http.status, 200);
    assert_non_null(memmem(http.body.at, http.body.len, "\"key\":\"a\"", 9));
    fl_http_fini(&http);
    client_close(&waiting);
}

static void whoever_hangs_up_while_waiting_takes_no_job_along(void **state)
{
    struct site *site = *state;
    static const char request[] = "POST /queues/q/lease HTTP/1.1\r\nHost: x\r\n"
                                  "Content-Length: 17\r\n\r\n{\"wait_ms\":60000}";
    for (int i = 0; i < 3; i++) {
        struct client gone;
        client_open(&gone, &site->world);
        client_send(&gone, request, sizeof request - 1);
        client_close(&gone);
    }
    site_expect(site, "POST", "/queues/q/jobs", "{\"key\":\"a\"}", 201, NULL);
    /* whoever is in line before gives it back, within a second */
    site_expect(site, "POST", "/queues/q/lease", "{\"wait_ms\":20000}", 200, "\"lease\":\"");
    site_expect(site, "GET", "/queues/q", "", 200, "\"ready\":0,\"leased\":1");
}

static void a_pool_works_where_the_settings_say_so(void **state)
{
    struct site *site = *state;
    struct client ana;
    client_upgrade(&ana, &site->world);
    site_expect(site, "POST", "/queues/q/jobs", "{\"payload\":[5]}", 201, "{\"id\":1}");
    client_say(&ana, "[\"1\",\"1\",\"job:1\",\"phx_join\",{}]");
    client_expect(&ana, "\"state\":\"ready\"");
    site_expect(site, "PUT", "/queues/q", "{\"handler\":\"echo\",\"workers\":1}", 200, NULL);
    client_expect(&ana, "\"done\",{\"id\":1,\"queue\":\"q\",\"state\":\"done\"}");
    site_expect(site, "GET", "/jobs/1", "", 200, "\"result\":[5]");
    client_close(&ana);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_job_goes_its_way_through_a_named_queue),
        STORY(a_batch_is_one_commit_and_each_job_has_its_own_answer),
        STORY(every_refusal_names_what_is_wrong),
        STORY(a_repeat_is_made_shown_and_ended),
        STORY(dead_letters_come_back_all_at_once),
        STORY(a_lease_waits_for_a_job_and_a_pause_is_a_pause),
        STORY(whoever_hangs_up_while_waiting_takes_no_job_along),
        STORY(a_pool_works_where_the_settings_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
