/* The links process as its users meet it: real sockets on both sides, its control in between. */
#include "tests/e2e/chaos/chaos_kit.h"

/* A link `front` to one server, with one connection through it. */
struct path {
    int port, server, client, service;
};

static struct path path_open(struct kit *kit)
{
    struct path path = {0};
    int server_port = 0;
    path.server = kit_server(&server_port);
    path.port = kit_listen(kit, "front");
    fl_links_upstream(kit->links, "front", "chat", "127.0.0.1", server_port, true);
    path.client = kit_connect(path.port);
    path.service = kit_accept(path.server);
    return path;
}

static void path_close(struct path *path)
{
    if (path->client >= 0) close(path->client);
    if (path->service >= 0) close(path->service);
    close(path->server);
}

static void bytes_pass_both_ways_and_a_half_closed_side_still_hears(void **state)
{
    struct path path = path_open(*state);
    kit_send(path.client, "question", 8);
    shutdown(path.client, SHUT_WR);
    kit_expect(path.service, "question", 8);
    kit_expect_eof(path.service);

    kit_send(path.service, "answer", 6);
    kit_expect(path.client, "answer", 6);
    kit_send(path.service, "more", 4);
    shutdown(path.service, SHUT_WR);
    kit_expect(path.client, "more", 4);
    kit_expect_eof(path.client);
    path_close(&path);
}

static void connections_take_turns_over_the_instances_that_are_up(void **state)
{
    struct kit *kit = *state;
    int ports[3];
    int servers[3];
    static const char *const names[] = {"chat.1", "chat.2", "chat.3"};
    int port = kit_listen(kit, "front");
    for (int i = 0; i < 3; i++) {
        servers[i] = kit_server(&ports[i]);
        fl_links_upstream(kit->links, "front", names[i], "127.0.0.1", ports[i], i != 1);
    }
    kit_add(kit, "front", "settle", "latency", "{}"); /* requests are served in order */
    int clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = kit_connect(port);
        kit_send(clients[i], &"0123"[i], 1);
        int service = kit_accept(servers[i % 2 == 0 ? 0 : 2]);
        kit_expect(service, &"0123"[i], 1);
        close(service);
    }
    struct pollfd skipped = {.fd = servers[1], .events = POLLIN};
    assert_int_equal(poll(&skipped, 1, 0), 0);
    for (int i = 0; i < 4; i++)
        close(clients[i]);
    for (int i = 0; i < 3; i++)
        close(servers[i]);
}

static void a_dead_service_looks_dead_through_the_link(void **state)
{
    struct kit *kit = *state;
    int port = kit_listen(kit, "front");
    fl_links_upstream(kit->links, "front", "chat", "127.0.0.1", testkit_free_port(), false);
    int client = kit_connect(port);
    kit_expect_reset(client);
    close(client);
}

static void a_reset_passes_through_behind_the_data_that_came_before_it(void **state)
{
    struct path path = path_open(*state);
    kit_send(path.service, "last words", 10);
    kit_expect(path.client, "last words", 10);
    kit_reset(path.service);
    path.service = -1;
    kit_expect_reset(path.client);
    path_close(&path);
}

static void latency_holds_what_comes_back_and_says_when_it_first_did(void **state)
{
    struct kit *kit = *state;
    struct path path = path_open(kit);
    struct kit_answer seen = {0};
    assert_int_equal(kit_add(kit, "front", "slow", "latency", "{\"latency\":60000000}"), 1);
    fl_links_watch_toxic(kit->links, "front", "slow", kit_on_answer, &seen);

    fl_ns asked_ns = fl_now();
    kit_send(path.client, "up is not touched", 17);
    kit_expect(path.service, "up is not touched", 17);
    fl_ns sent_ns = fl_now();
    kit_send(path.service, "down", 4);
    shutdown(path.service, SHUT_WR);
    kit_expect(path.client, "down", 4);
    assert_true(fl_now() - sent_ns >= 60 * FL_NS_PER_MS);
    kit_expect_eof(path.client);
    fl_ns seen_ns = kit_take(kit, &seen, "at_ns");
    assert_true(seen_ns >= sent_ns && seen_ns >= asked_ns && seen_ns <= fl_now());
    assert_true(kit_remove(kit, "front", "slow") >= 1);
    path_close(&path);
}

static void a_latency_that_nothing_passed_is_known_to_have_touched_nothing(void **state)
{
    struct kit *kit = *state;
    struct path path = path_open(kit);
    struct kit_answer seen = {0};
    kit_add(kit, "front", "slow", "latency", "{\"latency\":60000000}");
    fl_links_watch_toxic(kit->links, "front", "slow", kit_on_answer, &seen);
    assert_int_equal(kit_remove(kit, "front", "slow"), 0);
    kit_run_until(kit, &seen.here);
    assert_false(seen.ok);
    cJSON_Delete(seen.json);
    path_close(&path);
}

static void no_byte_is_lost_or_overtaken_while_toxics_come_and_go(void **state)
{
    enum { ROUNDS = 32, CHUNKS = 2048 };
    struct kit *kit = *state;
    struct path path = path_open(kit);
    uint16_t next = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 4 == 0)
            kit_add(kit, "front", "a", "latency", "{\"latency\":20000000,\"jitter\":20000000}");
        if (round % 4 == 1)
            kit_add(kit, "front", "b", "latency", "{\"latency\":1000000,\"stream\":\"both\"}");
        for (int i = 0; i < CHUNKS; i++, next++)
            kit_send(path.service, &next, 2);
        if (round % 4 == 2) kit_remove(kit, "front", "a");
        if (round % 4 == 3) kit_remove(kit, "front", "b");
    }
    shutdown(path.service, SHUT_WR);

    uint16_t *expected = fl_new_array(uint16_t, ROUNDS * CHUNKS);
    for (size_t i = 0; i < (size_t)ROUNDS * CHUNKS; i++)
        expected[i] = (uint16_t)i;
    kit_expect(path.client, expected, sizeof *expected * ROUNDS * CHUNKS);
    kit_expect_eof(path.client);
    free(expected);
    path_close(&path);
}

static void taking_a_latency_away_lets_go_at_once_of_what_it_held(void **state)
{
    struct kit *kit = *state;
    struct path path = path_open(kit);
    struct kit_answer seen = {0};
    kit_add(kit, "front", "slow", "latency", "{\"latency\":60000000000}");
    fl_links_watch_toxic(kit->links, "front", "slow", kit_on_answer, &seen);
    kit_send(path.service, "held for a minute", 17);
    kit_take(kit, &seen, "seen");
    struct pollfd ready = {.fd = path.client, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 0), 0);
    assert_int_equal(kit_remove(kit, "front", "slow"), 1);
    kit_expect(path.client, "held for a minute", 17);
    path_close(&path);
}

static void a_cut_resets_everyone_and_refuses_until_it_heals_on_the_same_port(void **state)
{
    struct kit *kit = *state;
    struct path path = path_open(kit);
    int client = kit_connect(path.port);
    int service = kit_accept(path.server);

    struct kit_answer cut = {0};
    fl_links_add_toxic(kit->links, "front", "cut", "cut", NULL, 0, kit_on_answer, &cut);
    kit_run_until(kit, &cut.here);
    assert_true(cut.ok);
    assert_int_equal(fl_json_int(cut.json, "connections", -1), 2);
    assert_true(fl_json_bool(cut.json, "refuses", false));
    cJSON_Delete(cut.json);
    kit_expect_reset(path.client);
    kit_expect_reset(path.service);
    kit_expect_reset(client);
    kit_expect_reset(service);
    int refused = -1;
    assert_int_equal(kit_try_connect(path.port, &refused), ECONNREFUSED);

    assert_int_equal(kit_remove(kit, "front", "cut"), 2);
    int after = kit_connect(path.port);
    int served = kit_accept(path.server); /* the first since: the check never came this far */
    kit_send(after, "back", 4);
    kit_expect(served, "back", 4);
    close(after);
    close(served);
    close(client);
    close(service);
    path_close(&path);
}

static void of_two_cuts_the_last_to_heal_opens_the_port(void **state)
{
    struct kit *kit = *state;
    struct path path = path_open(kit);
    kit_add(kit, "front", "one", "cut", "{}");
    kit_add(kit, "front", "two", "cut", "{}");
    kit_remove(kit, "front", "one");
    int refused = -1;
    assert_int_equal(kit_try_connect(path.port, &refused), ECONNREFUSED);
    kit_remove(kit, "front", "two");
    close(kit_connect(path.port));
    path_close(&path);
}

static void a_reader_that_stops_holds_up_its_writer_and_nobody_else(void **state)
{
    enum { PIECE = 64 << 10, TOO_MUCH = 64 << 20 };
    struct kit *kit = *state;
    struct path path = path_open(kit);
    char *piece = fl_alloc(PIECE);
    size_t sent = 0;
    for (;;) { /* until the writer has to wait */
        struct pollfd writable = {.fd = path.service, .events = POLLOUT};
        if (poll(&writable, 1, 300) == 0) break;
        ssize_t n = send(path.service, piece, PIECE, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        if (sent > TOO_MUCH) fail_msg("%zu bytes taken for a reader that reads nothing", sent);
    }
    /* control answers, and another connection is served */
    assert_true(kit_listen(kit, "other") > 0);
    int client = kit_connect(path.port);
    int service = kit_accept(path.server);
    kit_send(client, "alive", 5);
    kit_expect(service, "alive", 5);
    close(client);
    close(service);

    shutdown(path.service, SHUT_WR);
    size_t got = 0;
    ssize_t n = 0;
    while ((n = recv(path.client, piece, PIECE, 0)) > 0)
        got += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(got, sent);
    free(piece);
    path_close(&path);
}

static void what_cannot_be_done_is_refused_with_a_reason(void **state)
{
    struct kit *kit = *state;
    struct path path = path_open(kit);
    static const struct {
        const char *link, *toxic, *type, *settings, *why;
    } wrong[] = {
        {"front", "x", "glue", "{}", "no such toxic"},
        {"front", "x", "latency", "{\"stream\":\"sideways\"}", "stream is"},
        {"nowhere", "x", "cut", "{}", "does not listen"},
        {"front", "there", "latency", "{}", "there already"},
    };
    kit_add(kit, "front", "there", "latency", "{}");
    for (size_t i = 0; i < FL_COUNT(wrong); i++) {
        struct kit_answer answer = {0};
        cJSON *settings = cJSON_Parse(wrong[i].settings);
        fl_links_add_toxic(kit->links, wrong[i].link, wrong[i].toxic, wrong[i].type, settings, 0,
                           kit_on_answer, &answer);
        cJSON_Delete(settings);
        kit_run_until(kit, &answer.here);
        assert_false(answer.ok);
        assert_non_null(strstr(answer.why, wrong[i].why));
        cJSON_Delete(answer.json);
    }
    path_close(&path);
}

/* Ends by the channel's end, asserted by kit_stop: with exit code 0, and with nothing leaked. */
static void the_process_ends_with_its_channel_in_the_middle_of_everything(void **state)
{
    struct kit *kit = *state;
    struct path path = path_open(kit);
    struct kit_answer seen = {0};
    kit_add(kit, "front", "slow", "latency", "{\"latency\":60000000000}");
    kit_add(kit, "front", "idle", "latency", "{\"stream\":\"upstream\"}");
    fl_links_watch_toxic(kit->links, "front", "slow", kit_on_answer, &seen);
    kit_send(path.service, "held for ever", 13);
    kit_take(kit, &seen, "seen");
    static struct kit_answer late; /* outlives this function: the channel's end answers it */
    fl_links_watch_toxic(kit->links, "front", "idle", kit_on_answer, &late);
    path_close(&path);
}

static void a_links_process_that_dies_is_noticed_and_its_questions_are_answered(void **state)
{
    struct kit *kit = *state;
    kill(kit->worker, SIGSTOP);
    struct kit_answer before = {0};
    fl_links_listen(kit->links, "front", 0, kit_on_answer, &before);
    kill(kit->worker, SIGKILL);
    kit_run_until(kit, &kit->lost);
    assert_true(before.here && !before.ok);
    struct kit_answer after = {0};
    fl_links_listen(kit->links, "front", 0, kit_on_answer, &after);
    kit_run_until(kit, &after.here);
    assert_false(after.ok);
}

static int kit_stop_killed(void **state)
{
    kit_stop(state); /* its exit code is ours this time */
    return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, kit_start, kit_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(bytes_pass_both_ways_and_a_half_closed_side_still_hears),
        STORY(connections_take_turns_over_the_instances_that_are_up),
        STORY(a_dead_service_looks_dead_through_the_link),
        STORY(a_reset_passes_through_behind_the_data_that_came_before_it),
        STORY(latency_holds_what_comes_back_and_says_when_it_first_did),
        STORY(a_latency_that_nothing_passed_is_known_to_have_touched_nothing),
        STORY(no_byte_is_lost_or_overtaken_while_toxics_come_and_go),
        STORY(taking_a_latency_away_lets_go_at_once_of_what_it_held),
        STORY(a_cut_resets_everyone_and_refuses_until_it_heals_on_the_same_port),
        STORY(of_two_cuts_the_last_to_heal_opens_the_port),
        STORY(a_reader_that_stops_holds_up_its_writer_and_nobody_else),
        STORY(what_cannot_be_done_is_refused_with_a_reason),
        STORY(the_process_ends_with_its_channel_in_the_middle_of_everything),
        cmocka_unit_test_setup_teardown(
            a_links_process_that_dies_is_noticed_and_its_questions_are_answered, kit_start,
            kit_stop_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
