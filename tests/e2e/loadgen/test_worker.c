/* A whole load worker in a child process, against small servers in threads of this one. */
#include "tests/e2e/loadgen/rig.h"

/* ---- a server that misbehaves as told ---- */

enum manner {
    ANSWERS,        /* what `answer` says to each newline-terminated request (HTTP: empty line) */
    HANGS,          /* reads and never answers */
    CLOSES,         /* reads a request and closes */
    CLOSES_HALFWAY, /* answers half and closes */
    CLOSES_SECOND,  /* answers the first request of a connection, closes at the second */
    FREEZES,        /* answers; stands still for 500 ms of each 2 s, from its first request on */
    FLIES_AWAY,     /* answers one request a connection, then closes it while idle */
};

#define FDS_MAX 2048

struct server {
    struct side side;
    enum manner manner;
    const char *answer, *end;  /* of a request */
    int requests, connections; /* read after server_stop */
    bool seen[FDS_MAX];        /* a request on this connection */
};

#define CONNS_MAX 1024

static bool server_serve(struct server *server, int fd)
{
    bool *seen = &server->seen[fd % FDS_MAX];
    char bytes[8192];
    ssize_t got = recv(fd, bytes, sizeof bytes - 1, 0);
    if (got <= 0) return false;
    bytes[got] = '\0';
    for (char *at = bytes; (at = strstr(at, server->end)) != NULL; at += strlen(server->end)) {
        server->requests++;
        size_t len = strlen(server->answer);
        if (server->manner == HANGS) continue;
        if (server->manner == CLOSES) return false;
        if (server->manner == CLOSES_SECOND && *seen) return false;
        *seen = true;
        if (server->manner == CLOSES_HALFWAY) len /= 2;
        if (send(fd, server->answer, len, MSG_NOSIGNAL) != (ssize_t)len) return false;
        if (server->manner == CLOSES_HALFWAY || server->manner == FLIES_AWAY) return false;
    }
    return true;
}

/* Standing still is waiting for the order to stop with nothing else in sight. */
static void server_freeze_if_due(struct server *server, fl_ns *begun_ns, int *frozen)
{
    if (server->manner != FREEZES || server->requests == 0) return;
    if (*begun_ns == 0) *begun_ns = fl_now();
    fl_ns elapsed_ns = fl_now() - *begun_ns;
    if (elapsed_ns / fl_s(2) < *frozen || elapsed_ns % fl_s(2) < fl_ms(700)) return;
    (*frozen)++;
    struct pollfd stop = {.fd = server->side.stop_pipe[0], .events = POLLIN};
    poll(&stop, 1, 500);
}

static void *server_main(void *cx)
{
    struct server *server = cx;
    struct pollfd fds[CONNS_MAX + 2] = {{.fd = server->side.stop_pipe[0], .events = POLLIN},
                                        {.fd = server->side.listener, .events = POLLIN}};
    nfds_t count = 2;
    fl_ns begun_ns = 0;
    int frozen = 0;
    for (;;) {
        server_freeze_if_due(server, &begun_ns, &frozen);
        if (poll(fds, count, server->manner == FREEZES ? 5 : -1) < 0) break;
        if (fds[0].revents != 0) break;
        for (nfds_t i = count; i-- > 2;) {
            if (fds[i].revents == 0 || server_serve(server, fds[i].fd)) continue;
            close(fds[i].fd);
            fds[i] = fds[--count];
        }
        if (fds[1].revents != 0 && count < CONNS_MAX + 2) {
            int fd = accept(server->side.listener, NULL, NULL);
            if (fd < 0) continue;
            server->connections++;
            server->seen[fd % FDS_MAX] = false;
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
    for (nfds_t i = 2; i < count; i++)
        close(fds[i].fd);
    return NULL;
}

static void server_start(struct server *server, enum manner manner, const char *end,
                         const char *answer)
{
    *server = (struct server){.manner = manner, .end = end, .answer = answer};
    side_start(&server->side, server_main, server);
}

static void server_stop(struct server *server)
{
    side_stop(&server->side);
}

#define HTTP_END "\r\n\r\n"
#define HTTP_200 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define HTTP_LOAD(more)                                                                    \
    "{\"index\":0,\"name\":\"web\",\"workload\":\"http\",\"via\":\"s\",\"service\":\"s\"," \
    "\"seed\":\"7\"," more "}"
#define TCP_LOAD(more)                                                                      \
    "{\"index\":0,\"name\":\"pings\",\"workload\":\"tcp\",\"via\":\"s\",\"service\":\"s\"," \
    "\"seed\":\"7\"," more "}"
#define PING "\"settings\":{\"send\":\"PING\\\\r\\\\n\",\"expect\":\"+PONG\"}"

static void a_healthy_web_server_answers_every_arrival(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, ANSWERS, HTTP_END, HTTP_200);
    struct tally tally = run_load(
        HTTP_LOAD("\"rate_per_s\":200,\"timeout_ns\":5000000000,\"settings\":"
                  "{\"path\":\"/x?y=1\",\"expect\":200,\"expect_body\":\"ell\"}"),
        &server.side.port, 1, fl_s(1), fl_s(5));
    server_stop(&server);
    assert_int_equal(tally.ops, 200);
    assert_int_equal(tally.ok, 200);
    assert_int_equal(server.requests, 200);
    assert_true(server.connections < 100); /* connections are kept */
}

static void a_wrong_status_or_body_is_not_ok_and_an_error_status_says_what_it_means(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *load;
        int fail, unknown;
        enum fl_op_error error;
    } rows[] = {
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
         HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":5000000000"), 20, 0, FL_OPERR_STATUS},
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
         HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":5000000000"), 20, 0, FL_OPERR_STATUS},
        {"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
         HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":5000000000"), 0, 20, FL_OPERR_STATUS},
        {HTTP_200,
         HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":5000000000,"
                   "\"settings\":{\"expect_body\":\"bye\"}"),
         0, 20, FL_OPERR_CONTENT},
        {"+PONG is no HTTP\r\n\r\n", HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":5000000000"), 0,
         20, FL_OPERR_CONTENT},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct server server;
        server_start(&server, ANSWERS, HTTP_END, rows[i].answer);
        struct tally tally = run_load(rows[i].load, &server.side.port, 1, fl_ms(200), fl_s(5));
        server_stop(&server);
        assert_int_equal(tally.ops, 20);
        assert_int_equal(tally.fail, rows[i].fail);
        assert_int_equal(tally.unknown, rows[i].unknown);
        assert_int_equal(tally.errors[rows[i].error], 20);
    }
}

static void nobody_listens_so_every_arrival_fails_as_refused_and_none_was_sent(void **state)
{
    (void)state;
    int port = testkit_free_port();
    struct tally web = run_load(HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":1000000000"), &port, 1,
                                fl_ms(300), fl_s(5));
    struct tally tcp = run_load(TCP_LOAD("\"rate_per_s\":100,\"timeout_ns\":1000000000," PING),
                                &port, 1, fl_ms(300), fl_s(5));
    const struct tally *both[] = {&web, &tcp};
    for (size_t i = 0; i < FL_COUNT(both); i++) {
        assert_int_equal(both[i]->ops, 30);
        assert_int_equal(both[i]->fail, 30);
        assert_int_equal(both[i]->errors[FL_OPERR_REFUSED], 30);
        assert_int_equal(both[i]->unsent_times, 30);
        assert_int_equal(both[i]->censored, 0);
    }
}

static void a_server_that_hangs_leaves_it_unknown_at_the_deadline(void **state)
{
    (void)state;
    struct server web, tcp;
    server_start(&web, HANGS, HTTP_END, "");
    server_start(&tcp, HANGS, "\r\n", "");
    struct tally tallies[] = {
        run_load(HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":300000000"), &web.side.port, 1,
                 fl_ms(300), fl_s(5)),
        run_load(TCP_LOAD("\"rate_per_s\":100,\"timeout_ns\":300000000," PING), &tcp.side.port, 1,
                 fl_ms(300), fl_s(5)),
    };
    server_stop(&web);
    server_stop(&tcp);
    for (size_t i = 0; i < FL_COUNT(tallies); i++) {
        assert_int_equal(tallies[i].ops, 30);
        assert_int_equal(tallies[i].unknown, 30);
        assert_int_equal(tallies[i].errors[FL_OPERR_TIMEOUT], 30);
        assert_int_equal(tallies[i].censored, 30);
    }
    assert_int_equal(web.requests, 30); /* each was sent once */
    assert_int_equal(tcp.requests, 30);
}

static void an_answer_without_an_end_is_not_read_for_ever(void **state)
{
    (void)state;
    static char endless[3 << 20];
    memset(endless, 'x', sizeof endless - 1);
    struct server server;
    server_start(&server, ANSWERS, "\r\n", endless);
    struct tally tally = run_load(TCP_LOAD("\"rate_per_s\":10,\"timeout_ns\":20000000000,"
                                           "\"settings\":{\"send\":\"PING\\\\r\\\\n\"}"),
                                  &server.side.port, 1, fl_ms(300), fl_s(25));
    server_stop(&server);
    assert_int_equal(tally.ops, 3);
    assert_int_equal(tally.unknown, 3);
    assert_int_equal(tally.errors[FL_OPERR_CONTENT], 3);
}

static void with_one_slot_and_a_hanging_server_the_others_are_unsent(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, HANGS, "\r\n", "");
    struct tally tally = run_load(
        TCP_LOAD("\"rate_per_s\":100,\"users\":1,\"timeout_ns\":250000000," PING),
        &server.side.port, 1, fl_s(1), fl_s(5));
    server_stop(&server);
    assert_int_equal(tally.ops, 100); /* none disappeared */
    assert_int_equal(tally.ok, 0);
    assert_int_equal(tally.unknown, server.requests);
    assert_int_equal(tally.errors[FL_OPERR_UNSENT], 100 - server.requests);
    assert_int_equal(tally.fail, 100 - server.requests);
    assert_int_equal(tally.censored, 100);
}

static void
a_connection_that_closes_after_the_request_leaves_it_unknown_and_is_not_retried(void **state)
{
    (void)state;
    static const enum manner manners[] = {CLOSES, CLOSES_HALFWAY};
    for (size_t i = 0; i < FL_COUNT(manners); i++) {
        struct server web, tcp;
        server_start(&web, manners[i], HTTP_END, HTTP_200);
        server_start(&tcp, manners[i], "\r\n", "+PONG\r\n");
        struct tally tallies[] = {
            run_load(HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":3000000000"), &web.side.port, 1,
                     fl_ms(300), fl_s(5)),
            run_load(TCP_LOAD("\"rate_per_s\":100,\"timeout_ns\":3000000000," PING), &tcp.side.port,
                     1, fl_ms(300), fl_s(5)),
        };
        server_stop(&web);
        server_stop(&tcp);
        for (size_t t = 0; t < FL_COUNT(tallies); t++) {
            assert_int_equal(tallies[t].ops, 30);
            assert_int_equal(tallies[t].unknown, 30);
            assert_int_equal(tallies[t].errors[FL_OPERR_RESET], 30);
        }
        assert_int_equal(web.requests, 30); /* once each: no hidden second try */
        assert_int_equal(tcp.requests, 30);
    }
}

/* libcurl would send the request again on a fresh connection and say that all is well. */
static void
a_kept_connection_that_dies_under_a_request_is_not_replaced_behind_our_back(void **state)
{
    (void)state;
    struct server web, tcp;
    server_start(&web, CLOSES_SECOND, HTTP_END, HTTP_200);
    server_start(&tcp, CLOSES_SECOND, "\r\n", "+PONG\r\n");
    struct tally tallies[] = {
        run_load(HTTP_LOAD("\"rate_per_s\":50,\"users\":1,\"timeout_ns\":3000000000"),
                 &web.side.port, 1, fl_ms(400), fl_s(5)),
        run_load(TCP_LOAD("\"rate_per_s\":50,\"users\":1,\"timeout_ns\":3000000000," PING),
                 &tcp.side.port, 1, fl_ms(400), fl_s(5)),
    };
    server_stop(&web);
    server_stop(&tcp);
    for (size_t i = 0; i < FL_COUNT(tallies); i++) {
        assert_int_equal(tallies[i].ops, 20);
        assert_int_equal(tallies[i].ok, 10);
        assert_int_equal(tallies[i].unknown, 10);
        assert_int_equal(tallies[i].errors[FL_OPERR_RESET], 10);
    }
    assert_int_equal(web.requests, 20);
    assert_int_equal(tcp.requests, 20);
}

static void connections_that_close_while_idle_are_made_anew_without_an_error(void **state)
{
    (void)state;
    struct server web, tcp;
    server_start(&web, FLIES_AWAY, HTTP_END, HTTP_200);
    server_start(&tcp, FLIES_AWAY, "\r\n", "+PONG\r\n");
    struct tally tallies[] = {
        run_load(HTTP_LOAD("\"rate_per_s\":50,\"timeout_ns\":3000000000"), &web.side.port, 1,
                 fl_ms(400), fl_s(5)),
        run_load(TCP_LOAD("\"rate_per_s\":50,\"timeout_ns\":3000000000," PING), &tcp.side.port, 1,
                 fl_ms(400), fl_s(5)),
    };
    server_stop(&web);
    server_stop(&tcp);
    for (size_t i = 0; i < FL_COUNT(tallies); i++) {
        assert_int_equal(tallies[i].ops, 20);
        assert_int_equal(tallies[i].ok, 20);
    }
    assert_int_equal(web.connections, 20);
    assert_int_equal(tcp.connections, 20);
}

/* Truth by arithmetic: frozen 500 ms in every 2 s, an arrival that comes u into it waits 500 − u.
 * 400 of the 500 arrivals in each freeze are 100 ms late or more, and no pool may hide that. */
static void a_server_frozen_a_quarter_of_the_time_shows_in_a_fifth_of_all_operations(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, FREEZES, "\r\n", "+PONG\r\n");
    struct tally tally = run_load(
        TCP_LOAD("\"rate_per_s\":1000,\"users\":32,\"timeout_ns\":5000000000," PING),
        &server.side.port, 1, fl_s(4), fl_s(10));
    server_stop(&server);
    assert_int_equal(tally.ops, 4000);
    assert_int_equal(tally.ok, 4000);
    assert_true(server.connections <= 32);
    /* two freezes: 800 by arithmetic; a client that waits for answers would show 64 */
    assert_true(tally.slow >= 700);
}

static void an_answer_that_is_not_the_expected_one_is_content(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, ANSWERS, "\r\n", "-LOADING wait\r\n");
    struct tally tally = run_load(TCP_LOAD("\"rate_per_s\":100,\"timeout_ns\":3000000000," PING),
                                  &server.side.port, 1, fl_ms(200), fl_s(5));
    server_stop(&server);
    assert_int_equal(tally.ops, 20);
    assert_int_equal(tally.errors[FL_OPERR_CONTENT], 20);
    assert_int_equal(tally.ok, 0);
}

static void load_goes_to_those_that_are_up_and_comes_back(void **state)
{
    (void)state;
    struct server one, two;
    server_start(&one, ANSWERS, "\r\n", "+PONG\r\n");
    server_start(&two, ANSWERS, "\r\n", "+PONG\r\n");
    int ports[] = {one.side.port, two.side.port};
    struct worker worker;
    char line[8192];
    worker_start(&worker, TCP_LOAD("\"rate_per_s\":100,\"timeout_ns\":3000000000," PING));
    worker_expect(&worker, "ready", line, sizeof line);
    worker_say(&worker, "{\"op\":\"nonsense\"}\nnot even JSON\n"); /* no matter */
    worker_order_start(&worker, ports, 2, fl_s(1), fl_s(5));
    worker_say(&worker, "{\"op\":\"up\",\"instance\":\"s.1\",\"up\":false}\n");
    worker_expect(&worker, "done", line, sizeof line);
    assert_int_equal(worker_wait(&worker), 0);
    testkit_remove(worker.folder);
    server_stop(&one);
    server_stop(&two);
    assert_int_equal(one.requests, 0);
    assert_int_equal(two.requests, 100);
}

struct facts {
    int health, done, sent;
    long long due;
};

static void note_fact(void *cx, const char *writer, const char *text)
{
    struct facts *facts = cx;
    cJSON *fact = cJSON_Parse(text);
    assert_non_null(fact);
    assert_string_equal(writer, "load");
    if (strcmp(fl_json_text(fact, "fact", ""), "load.health") == 0) {
        facts->health++;
        facts->sent += (int)fl_json_int(fact, "sent", -1);
        assert_true(fl_json_num(fact, "cpu", -1) >= 0);
        assert_true(fl_json_int(fact, "lag_p99_ns", -1) >= 0);
    }
    if (strcmp(fl_json_text(fact, "fact", ""), "load.done") == 0) {
        facts->done++;
        facts->due = fl_json_int(fact, "due", -1);
        assert_int_equal(fl_json_int(fact, "ok", -1), facts->due);
    }
    cJSON_Delete(fact);
}

static void a_stop_ends_the_arrivals_and_what_was_due_is_accounted_for(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, ANSWERS, "\r\n", "+PONG\r\n");
    struct worker worker;
    char line[8192];
    worker_start(&worker, TCP_LOAD("\"rate_per_s\":100,\"timeout_ns\":3000000000," PING));
    worker_expect(&worker, "ready", line, sizeof line);
    worker_order_start(&worker, &server.side.port, 1, fl_s(3600), fl_s(5));
    for (int i = 0; i < 6; i++) /* five a second */
        worker_expect(&worker, "figures", line, sizeof line);
    assert_non_null(strstr(line, "\"name\":\"pings\",\"rate\":"));
    worker_say(&worker, "{\"op\":\"stop\"}\n");
    worker_expect(&worker, "done", line, sizeof line);
    assert_int_equal(worker_wait(&worker), 0);
    server_stop(&server);

    struct facts facts = {0};
    assert_int_equal(fl_journal_read_facts(worker.folder, note_fact, &facts, NULL), 0);
    assert_int_equal(facts.done, 1);
    assert_true(facts.health >= 2);
    assert_int_equal(facts.due, server.requests);
    assert_int_equal(facts.sent, server.requests);
    testkit_remove(worker.folder);
}

static void the_end_of_the_drain_cuts_off_what_hangs(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, HANGS, HTTP_END, "");
    struct tally tally = run_load(HTTP_LOAD("\"rate_per_s\":100,\"timeout_ns\":3600000000000"),
                                  &server.side.port, 1, fl_ms(200), fl_ms(200));
    server_stop(&server);
    assert_int_equal(tally.ops, 20);
    assert_int_equal(tally.unknown, 20);
    assert_int_equal(tally.censored, 20);
}

static void the_worker_ends_with_the_engine(void **state)
{
    (void)state;
    struct worker worker;
    char line[8192];
    worker_start(&worker, TCP_LOAD("\"rate_per_s\":100,\"timeout_ns\":3000000000," PING));
    worker_expect(&worker, "ready", line, sizeof line);
    close(worker.fd);
    int status = 0;
    assert_int_equal(waitpid(worker.pid, &status, 0), worker.pid);
    assert_true(WIFEXITED(status));
    testkit_remove(worker.folder);
}

static void a_plan_that_makes_no_sense_is_trouble_and_ends_with_70(void **state)
{
    (void)state;
    static const struct {
        const char *loads, *words;
    } rows[] = {
        {"{\"index\":0,\"name\":\"a\",\"workload\":\"nonsense\",\"timeout_ns\":1}", "nonsense"},
        {TCP_LOAD("\"rate_per_s\":1,\"settings\":{\"send\":\"a\\\\q\"}"), "escape"},
        {HTTP_LOAD("\"rate_per_s\":1,\"settings\":{\"expect\":\"fine\"}"), "fine"},
        {"not JSON", "plan.json"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct worker worker;
        char line[8192];
        worker_start(&worker, rows[i].loads);
        worker_expect(&worker, "trouble", line, sizeof line);
        assert_non_null(strstr(line, rows[i].words));
        assert_int_equal(worker_wait(&worker), 70);
        testkit_remove(worker.folder);
    }
}

static void redis_answers_pings(void **state)
{
    (void)state;
    int port = testkit_free_port();
    char *folder = testkit_folder();
    char port_text[16];
    snprintf(port_text, sizeof port_text, "%d", port);
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t redis = fork();
    assert_true(redis >= 0);
    if (redis == 0) {
        dup2(out[1], STDOUT_FILENO);
        execlp("redis-server", "redis-server", "--port", port_text, "--bind", "127.0.0.1", "--dir",
               folder, "--save", "", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    char said[65536];
    size_t len = 0;
    do { /* until it says that it is ready */
        struct pollfd readable = {.fd = out[0], .events = POLLIN};
        assert_int_equal(poll(&readable, 1, DEADLINE_MS), 1);
        ssize_t got = read(out[0], said + len, sizeof said - 1 - len);
        assert_true(got > 0);
        len += (size_t)got;
        said[len] = '\0';
    } while (strstr(said, "eady to accept connections") == NULL);

    struct tally tally = run_load(TCP_LOAD("\"rate_per_s\":300,\"timeout_ns\":5000000000," PING),
                                  &port, 1, fl_s(1), fl_s(5));
    kill(redis, SIGTERM);
    waitpid(redis, NULL, 0);
    close(out[0]);
    testkit_remove(folder);
    assert_int_equal(tally.ops, 300);
    assert_int_equal(tally.ok, 300);
}

int main(int argc, char **argv)
{
    int code;
    if (rig_is_worker(argc, argv, &code)) return code;
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_web_server_answers_every_arrival),
        cmocka_unit_test(a_wrong_status_or_body_is_not_ok_and_an_error_status_says_what_it_means),
        cmocka_unit_test(nobody_listens_so_every_arrival_fails_as_refused_and_none_was_sent),
        cmocka_unit_test(a_server_that_hangs_leaves_it_unknown_at_the_deadline),
        cmocka_unit_test(an_answer_without_an_end_is_not_read_for_ever),
        cmocka_unit_test(with_one_slot_and_a_hanging_server_the_others_are_unsent),
        cmocka_unit_test(
            a_connection_that_closes_after_the_request_leaves_it_unknown_and_is_not_retried),
        cmocka_unit_test(
            a_kept_connection_that_dies_under_a_request_is_not_replaced_behind_our_back),
        cmocka_unit_test(connections_that_close_while_idle_are_made_anew_without_an_error),
        cmocka_unit_test(a_server_frozen_a_quarter_of_the_time_shows_in_a_fifth_of_all_operations),
        cmocka_unit_test(an_answer_that_is_not_the_expected_one_is_content),
        cmocka_unit_test(load_goes_to_those_that_are_up_and_comes_back),
        cmocka_unit_test(a_stop_ends_the_arrivals_and_what_was_due_is_accounted_for),
        cmocka_unit_test(the_end_of_the_drain_cuts_off_what_hangs),
        cmocka_unit_test(the_worker_ends_with_the_engine),
        cmocka_unit_test(a_plan_that_makes_no_sense_is_trouble_and_ends_with_70),
        cmocka_unit_test(redis_answers_pings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
