/* Who listens on the socket hears what becomes of queues and jobs. */
#include "tests/e2e/queue/site.h"

#include "runtime/control.h"
#include "services/queue/notices.h"

static void a_queue_tells_its_listeners_what_happened(void **state)
{
    struct site *site = *state;
    struct client ana;
    int64_t id;
    client_upgrade(&ana, &site->world);
    client_say(&ana, "[\"1\",\"1\",\"queue:mail\",\"phx_join\",{}]");
    client_expect(&ana, "\"phx_reply\",{\"status\":\"ok\",\"response\":{}}"); /* none yet */
    site_expect(site, "POST", "/queues/other/jobs", "{}", 201, NULL);
    site_expect(site, "POST", "/queues/mail/jobs/batch", "{\"jobs\":[{},{},{}]}", 200, NULL);
    client_expect(&ana, "[null,null,\"queue:mail\",\"enqueued\",{\"count\":3,\"total\":3}]");
    client_expect(&ana,
                  "\"jobs\",{\"scheduled\":0,\"ready\":3,\"leased\":0,\"done\":0,\"dead\":0}");
    char *body = site_lease(site, "mail", &id);
    client_expect(&ana, "\"leased\",{\"count\":1,\"total\":1}");
    char *path = fl_format("/jobs/%lld/fail", (long long)id), *closed = fl_format("%s}", body);
    site_expect(site, "POST", path, closed, 200, NULL);
    client_expect(&ana, "\"failed\",{\"count\":1,\"total\":1}");
    free(path), free(body), free(closed);
    client_close(&ana);
}

static void a_job_tells_its_listeners_how_it_ended(void **state)
{
    struct site *site = *state;
    struct client ana, bob;
    int64_t id;
    site_expect(site, "POST", "/jobs", "{\"key\":\"a\",\"max_attempts\":2}", 201, "{\"id\":1}");
    site_expect(site, "POST", "/jobs", "{\"key\":\"b\"}", 201, "{\"id\":2}");
    client_upgrade(&ana, &site->world);
    client_upgrade(&bob, &site->world);
    client_say(&ana, "[\"1\",\"1\",\"job:1\",\"phx_join\",{}]");
    client_say(&bob, "[\"1\",\"1\",\"job:2\",\"phx_join\",{}]");
    client_expect(&ana, "\"key\":\"a\"");
    client_expect(&bob, "\"key\":\"b\"");
    for (int i = 0; i < 2; i++) {
        char *body = site_lease(site, "default", &id);
        assert_int_equal(id, 1);
        char *closed = fl_format("%s,\"retry_ms\":0}", body);
        site_expect(site, "POST", "/jobs/1/fail", closed, 200, NULL);
        client_expect(&ana, i == 0
                                ? "\"failed\",{\"id\":1,\"queue\":\"default\",\"state\":\"ready\"}"
                                : "\"dead\",{\"id\":1,\"queue\":\"default\",\"state\":\"dead\"}");
        free(body), free(closed);
    }
    char *body = site_lease(site, "default", &id), *closed = fl_format("%s}", body);
    assert_int_equal(id, 2);
    site_expect(site, "POST", "/jobs/2/ack", closed, 200, NULL);
    client_expect(&bob, "[null,null,\"job:2\",\"done\",{\"id\":2");
    free(body), free(closed);
    client_say(&ana, "[\"2\",\"2\",\"job:77\",\"phx_join\",{}]");
    client_expect(&ana, "\"status\":\"error\"");
    client_say(&ana, "[\"3\",\"3\",\"queue:a b\",\"phx_join\",{}]");
    client_expect(&ana, "\"status\":\"error\"");
    client_close(&ana);
    client_close(&bob);
}

static void listeners_go_on_when_the_notices_were_restarted(void **state)
{
    struct site *site = *state;
    struct client ana;
    client_upgrade(&ana, &site->world);
    client_say(&ana, "[\"1\",\"1\",\"queue:q\",\"phx_join\",{}]");
    client_expect(&ana, "\"status\":\"ok\"");
    assert_int_equal(
        fl_control_exit(site->world.node, FL_NOTICES_NAME, fl_reason_of(FL_EXIT_CRASH)), 0);
    /* what happens meanwhile is lost; the totals of the next are right */
    int64_t total = 0;
    struct fl_buf text = {0};
    bool heard = false;
    struct pollfd poll_fd = {.fd = ana.fd, .events = POLLIN};
    while (!heard) {
        site_expect(site, "POST", "/queues/q/jobs", "{}", 201, NULL);
        total++;
        if (poll(&poll_fd, 1, 50) == 0) continue;
        assert_true(client_next(&ana, &text));
        heard = strstr(text.at, "\"enqueued\"") != NULL;
    }
    const char *said = strstr(text.at, "\"total\":");
    assert_non_null(said);
    assert_in_range(strtol(said + 8, NULL, 10), 1, total);
    fl_buf_fini(&text);
    client_close(&ana);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_queue_tells_its_listeners_what_happened),
        STORY(a_job_tells_its_listeners_how_it_ended),
        STORY(listeners_go_on_when_the_notices_were_restarted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
