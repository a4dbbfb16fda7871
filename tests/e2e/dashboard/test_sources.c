/* Numbers come from where they are, and a source that is down says so and hurts nobody. */
#include "tests/e2e/services/phoenix.h"

#include <pthread.h>

#include "runtime/base/json.h"
#include "services/dashboard/dashboard.h"

/* An endpoint to scrape: answers everybody with the same text. */
struct endpoint {
    int fd, port;
    pthread_t thread;
};

static const char metrics[] = "# TYPE jobs counter\njobs_total{queue=\"a\"} 5\n"
                              "# TYPE depth gauge\ndepth 41.5\n";

static void *endpoint_run(void *cx)
{
    const struct endpoint *endpoint = cx;
    for (int fd; (fd = accept(endpoint->fd, NULL, NULL)) >= 0; close(fd)) {
        char request[4096];
        if (recv(fd, request, sizeof request, 0) <= 0) continue;
        char *answer = fl_format("HTTP/1.1 200 OK\r\ncontent-length: %zu\r\nconnection: "
                                 "close\r\n\r\n%s",
                                 strlen(metrics), metrics);
        send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        free(answer);
    }
    return NULL;
}

static void endpoint_open(struct endpoint *endpoint)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    endpoint->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(endpoint->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(endpoint->fd, 8), 0);
    assert_int_equal(getsockname(endpoint->fd, (struct sockaddr *)&addr, &len), 0);
    endpoint->port = ntohs(addr.sin_port);
}

struct wall {
    struct hosted hosted;
    struct endpoint endpoint;
    char *folder;
};

static int wall_open(void **state)
{
    struct wall *wall = fl_new(struct wall);
    wall->folder = testkit_folder();
    wall->hosted.opts = (struct fl_service_opts){
        .instance = "dashboard", .folder = wall->folder, .port = testkit_free_port()};
    endpoint_open(&wall->endpoint);
    char *sources = fl_format("simulated:7 proc:self http://127.0.0.1:%d/metrics "
                              "http://127.0.0.1:%d/ proc:x",
                              wall->endpoint.port, testkit_free_port());
    setenv("FAULTLINE_SOURCES", sources, 1);
    free(sources);
    hosted_begin(&wall->hosted, fl_dashboard_start);
    assert_int_equal(pthread_create(&wall->endpoint.thread, NULL, endpoint_run, &wall->endpoint),
                     0);
    *state = wall;
    return 0;
}

static int wall_close(void **state)
{
    struct wall *wall = *state;
    hosted_kill(&wall->hosted);
    shutdown(wall->endpoint.fd, SHUT_RDWR); /* ends its accept */
    pthread_join(wall->endpoint.thread, NULL);
    close(wall->endpoint.fd);
    testkit_remove(wall->folder);
    free(wall);
    return 0;
}

static void join(struct phoenix *phoenix, int port)
{
    assert_int_equal(phoenix_open(phoenix, port, NULL), 101);
    phoenix_send(phoenix, "[\"1\",\"1\",\"dashboard:run\",\"phx_join\",{}]");
    free(phoenix_wait(phoenix, "phx_reply", "\"ok\""));
}

/** Asks for the table until it has this series. */
static void expect_series(struct phoenix *phoenix, const char *series)
{
    for (int tries = 0;; tries++) {
        phoenix_send(phoenix, "[\"1\",\"9\",\"dashboard:run\",\"series\",{}]");
        char *table = phoenix_wait(phoenix, "\"9\",\"dashboard:run\",\"phx_reply\"", NULL);
        bool is_there = strstr(table, series) != NULL;
        free(table);
        if (is_there) return;
        if (tries == 200) fail_msg("never saw %s", series);
        free(phoenix_wait(phoenix, "\"figures\"", NULL)); /* a tick later */
    }
}

static void every_source_gives_its_series(void **state)
{
    struct wall *wall = *state;
    struct phoenix phoenix;
    join(&phoenix, wall->hosted.opts.port);
    expect_series(&phoenix, "{\"source\":\"simulated\",\"group\":\"orders\",\"name\":\"north\","
                            "\"unit\":\"/s\"}");
    expect_series(&phoenix, "\"group\":\"memory\"");
    expect_series(&phoenix, "{\"source\":\"prometheus\",\"group\":\"depth\",\"name\":\"value\","
                            "\"unit\":\"\"}");
    expect_series(&phoenix, "\"group\":\"jobs\",\"name\":\"queue=a\",\"unit\":\"/s\"");
    phoenix_close(&phoenix);
}

static void a_target_that_is_down_and_a_wrong_source_say_why(void **state)
{
    struct wall *wall = *state;
    struct phoenix phoenix;
    join(&phoenix, wall->hosted.opts.port);
    char *frame = phoenix_wait(&phoenix, "{\"source\":\"prometheus 2\",\"values\":0", "onnect");
    free(frame);
    frame = phoenix_wait(&phoenix, "proc takes a pid", "\"simulated\"");
    free(frame);
    phoenix_close(&phoenix);
}

static void the_past_is_there_for_who_comes_late(void **state)
{
    struct wall *wall = *state;
    struct phoenix phoenix;
    join(&phoenix, wall->hosted.opts.port);
    expect_series(&phoenix, "north");
    phoenix_send(&phoenix, "[\"1\",\"3\",\"dashboard:run\",\"points\",{\"span\":\"15m\"}]");
    char *reply = phoenix_wait(&phoenix, "\"3\",\"dashboard:run\",\"phx_reply\"", NULL);
    assert_non_null(strstr(reply, "\"span\":\"15m\",\"from_ns\":"));
    assert_non_null(strstr(reply, "\"step_ns\":1000000000"));
    free(reply);
    phoenix_send(&phoenix, "[\"1\",\"4\",\"dashboard:run\",\"points\",{\"span\":\"1y\"}]");
    reply = phoenix_wait(&phoenix, "\"4\",\"dashboard:run\",\"phx_reply\"", NULL);
    assert_non_null(strstr(reply, "\"error\""));
    free(reply);
    phoenix_close(&phoenix);
}

static void a_crashed_ticker_learns_everything_anew(void **state)
{
    struct wall *wall = *state;
    struct phoenix phoenix;
    join(&phoenix, wall->hosted.opts.port);
    expect_series(&phoenix, "north");
    hosted_crash(&wall->hosted, "ticker");
    expect_series(&phoenix, "north");
    phoenix_close(&phoenix);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wall_open, wall_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(every_source_gives_its_series),
        STORY(a_target_that_is_down_and_a_wrong_source_say_why),
        STORY(the_past_is_there_for_who_comes_late),
        STORY(a_crashed_ticker_learns_everything_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
