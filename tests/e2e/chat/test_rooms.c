#include "tests/e2e/web/world.h"

#include "services/chat/chat.h"

static char *folder;

static int start(struct world *world, struct fl_err *err)
{
    world->port = testkit_free_port();
    const struct fl_service_opts opts = {.service = "chat",
                                         .instance = "chat",
                                         .port = world->port,
                                         .folder = folder,
                                         .control_fd = -1};
    return fl_chat_start(world->node, &opts, err);
}

static int set_up(void **state)
{
    struct world *world = fl_new(struct world);
    world->start = start;
    folder = testkit_folder();
    world_up(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    if (world->node != NULL) world_down(world);
    testkit_remove(folder);
    free(world);
    return 0;
}

static void enter(struct client *client, const struct world *world, const char *room,
                  const char *user)
{
    char text[200];
    client_upgrade(client, world);
    snprintf(text, sizeof text, "[\"1\",\"1\",\"room:%s\",\"phx_join\",{\"user\":\"%s\"}]", room,
             user);
    client_say(client, text);
    client_expect(client, "[\"1\",\"1\",");
    client_expect(client, "presence_state");
}

static void say(struct client *client, const char *room, const char *ref, const char *payload)
{
    char text[300];
    snprintf(text, sizeof text, "[\"1\",\"%s\",\"room:%s\",\"new_msg\",%s]", ref, room, payload);
    client_say(client, text);
}

static void what_one_says_all_hear_in_order(void **state)
{
    struct client ana, bob, cat;
    enter(&ana, *state, "lobby", "ana");
    enter(&bob, *state, "lobby", "bob");
    enter(&cat, *state, "other", "cat");
    for (int i = 0; i < 20; i++) {
        char payload[60];
        snprintf(payload, sizeof payload, "{\"body\":{\"n\":%d},\"id\":\"m%d\"}", i, i);
        say(&ana, "lobby", "9", payload);
    }
    struct client *both[] = {&ana, &bob};
    for (int who = 0; who < 2; who++)
        for (int i = 0; i < 20; i++) {
            char frame[160];
            snprintf(frame, sizeof frame,
                     "[null,null,\"room:lobby\",\"new_msg\","
                     "{\"user\":\"ana\",\"body\":{\"n\":%d},\"id\":\"m%d\",\"at\":",
                     i, i);
            client_expect(both[who], frame); /* skips replies and presence, not order */
        }
    say(&cat, "other", "9", "{\"body\":1}");
    struct fl_buf text = {0};
    while (client_next(&cat, &text) && strstr(text.at, "new_msg") == NULL)
        continue;
    assert_non_null(strstr(text.at, "\"cat\"")); /* the first message that reaches this room */
    fl_buf_fini(&text);
    client_close(&ana);
    client_close(&bob);
    client_close(&cat);
}

static void who_is_gone_leaves_the_presence(void **state)
{
    struct client ana, bob;
    enter(&ana, *state, "lobby", "ana");
    enter(&bob, *state, "lobby", "bob");
    client_expect(&ana, "{\"joins\":{\"bob\":");
    struct linger now = {.l_onoff = 1};
    setsockopt(bob.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client_close(&bob); /* a reset, not a goodbye */
    client_expect(&ana, "\"leaves\":{\"bob\":");
    client_close(&ana);
}

/* Reads until message m<last> was heard; every one in between must come, once, in order. */
static void expect_all_until(struct client *client, int first, int last)
{
    struct fl_buf text = {0};
    while (first <= last) {
        char want[32];
        if (!client_next(client, &text)) fail_msg("the connection ended before m%d", first);
        if (strstr(text.at, "\"status\":\"error\"") != NULL) fail_msg("%s", text.at);
        if (strstr(text.at, "phx_error") != NULL) fail_msg("%s", text.at);
        if (strstr(text.at, "\"new_msg\"") == NULL) continue;
        snprintf(want, sizeof want, "\"body\":\"m%d\",", first);
        if (strstr(text.at, want) == NULL) fail_msg("m%d was due, not %s", first, text.at);
        first++;
    }
    fl_buf_fini(&text);
}

/* The incident: the room is killed again and again while people talk. What was said is heard by
 * everybody, once, in order, and nobody is told of the trouble. */
static void a_killed_room_is_back_and_nobody_misses_a_message(void **state)
{
    enum { ROUNDS = 10, EACH = 20 };
    struct world *world = *state;
    struct client ana, bob;
    struct fl_pid before = FL_NO_PID;
    int restarts = 0;
    enter(&ana, world, "lobby", "ana");
    enter(&bob, world, "lobby", "bob");
    for (int round = 0; round < ROUNDS; round++) {
        struct fl_pid room = fl_whereis(world->node, "room/lobby");
        restarts += round > 0 && !fl_pid_eq(room, before);
        before = room;
        for (int i = 0; i < EACH; i++) {
            char payload[60];
            snprintf(payload, sizeof payload, "{\"body\":\"m%d\"}", round * EACH + i);
            say(&ana, "lobby", "8", payload);
            if (i == EACH / 2 && room.bits != 0)
                fl_node_exit(world->node, room, fl_reason_of(FL_EXIT_KILL));
        }
        say(&ana, "lobby", "8", "{\"body\":\"after\"}");
        expect_all_until(&ana, round * EACH, round * EACH + EACH - 1);
        expect_all_until(&bob, round * EACH, round * EACH + EACH - 1);
        client_expect(&bob, "\"body\":\"after\"");
        client_expect(&ana, "\"body\":\"after\"");
    }
    assert_true(restarts > ROUNDS / 2); /* else this was no test */
    client_close(&ana);
    client_close(&bob);
}

/* The tracker of presences dies again and again: who comes and goes is told all the same. */
static void a_killed_tracker_forgets_nobody(void **state)
{
    struct world *world = *state;
    struct client ana, bob;
    enter(&ana, world, "lobby", "ana");
    for (int i = 0; i < 5; i++) {
        fl_node_exit(world->node, fl_whereis(world->node, "presence"), fl_reason_of(FL_EXIT_KILL));
        enter(&bob, world, "lobby", "bob");
        client_expect(&ana, "{\"joins\":{\"bob\":");
        fl_node_exit(world->node, fl_whereis(world->node, "presence"), fl_reason_of(FL_EXIT_KILL));
        client_close(&bob);
        client_expect(&ana, "\"leaves\":{\"bob\":");
    }
    client_close(&ana);
}

static void a_crashed_channel_is_an_error_of_its_own_and_no_other(void **state)
{
    struct client ana;
    enter(&ana, *state, "lobby", "ana");
    client_say(&ana, "[\"2\",\"2\",\"room:other\",\"phx_join\",{\"user\":\"ana\"}]");
    client_expect(&ana, "[\"2\",\"2\",");
    client_say(&ana, "[\"1\",\"3\",\"room:lobby\",\"crash\",{}]");
    client_expect(&ana, "[\"1\",\"1\",\"room:lobby\",\"phx_error\"");
    client_say(&ana, "[\"2\",\"4\",\"room:other\",\"echo\",{\"still\":1}]");
    client_expect(&ana, "{\"still\":1}");
    client_say(&ana, "[\"1\",\"5\",\"room:lobby\",\"echo\",{}]");
    client_expect(&ana, "[null,\"5\",\"room:lobby\",\"phx_reply\","
                        "{\"status\":\"error\",\"response\":{\"reason\":\"unmatched topic\"}}]");
    client_close(&ana);
}

static void garbage_is_closed_with_its_code(void **state)
{
    static const struct {
        enum fl_ws_opcode opcode;
        const char *bytes;
        size_t len;
        const char *says;
    } cases[] = {
        {FL_WS_TEXT, "{", 1, "close 1007"},          {FL_WS_TEXT, "\xff", 1, "close 1007"},
        {FL_WS_BINARY, "\x09\x01", 2, "close 1003"}, {FL_WS_CONT, "x", 1, "close 1002"},
        {FL_WS_CLOSE, "\x03\xe9", 2, "close 1001"},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct client client;
        client_upgrade(&client, *state);
        client_frame(&client, cases[i].opcode, cases[i].bytes, cases[i].len);
        client_expect(&client, cases[i].says);
        assert_true(client_sees_end(&client));
        client_close(&client);
    }
}

static void a_message_over_the_limit_is_refused_before_it_is_here(void **state)
{
    struct client client;
    uint8_t head[FL_WS_HEADER_MAX];
    static const uint8_t mask[4] = {0};
    client_upgrade(&client, *state);
    client_send(&client, head, fl_ws_header(head, FL_WS_TEXT, (2u << 20) + 1, mask));
    client_expect(&client, "close 1009");
    client_close(&client);
}

static void a_server_that_stops_asks_its_people_to_come_back(void **state)
{
    struct world *world = *state;
    struct client ana;
    enter(&ana, world, "lobby", "ana");
    fl_node_stop(world->node, 0);
    client_expect(&ana, "close 1012");
    client_close(&ana);
}

/* Rooms could not come back any more: the program ends, and who supervises it starts it again. */
static void without_its_supervisor_the_program_ends_rather_than_limps(void **state)
{
    struct world *world = *state;
    struct client ana;
    enter(&ana, world, "lobby", "ana");
    fl_node_exit(world->node, fl_whereis(world->node, "rooms"), fl_reason_of(FL_EXIT_KILL));
    client_expect(&ana, "close 1012");
    client_close(&ana);
    pthread_join(world->thread, NULL);
    assert_int_equal(world->exit_code, 70);
    fl_node_free(world->node);
    world->node = NULL;
}

static void names_and_joins_that_make_no_sense_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"[\"1\",\"1\",\"room:\",\"phx_join\",{\"user\":\"a\"}]", "1 to 64 characters"},
        {"[\"1\",\"2\",\"room:a\",\"phx_join\",{}]", "join with a user"},
        {"[\"1\",\"3\",\"room:a\",\"phx_join\",{\"user\":7}]", "join with a user"},
        {"[\"1\",\"4\",\"room:a\\u0000b\",\"phx_join\",{\"user\":\"a\"}]", "unmatched topic"},
        {"[\"1\",\"5\",\"room:forbidden\",\"phx_join\",{\"user\":\"a\"}]", "unauthorized"},
        {"[\"1\",\"6\",\"nosuch:a\",\"phx_join\",{}]", "unmatched topic"},
        {"[\"1\",\"7\",\"room:ok\",\"phx_join\",{\"user\":\"a\"}]", "\"status\":\"ok\""},
        {"[\"1\",\"8\",\"room:ok\",\"new_msg\",{}]", "body is missing"},
        {"[\"1\",\"9\",\"room:ok\",\"set_status\",{\"status\":1}]", "status is a text"},
        {"[\"1\",\"10\",\"room:ok\",\"what\",{}]", "unknown event"},
    };
    struct client client;
    client_upgrade(&client, *state);
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        client_say(&client, cases[i][0]);
        client_expect(&client, cases[i][1]);
    }
    client_close(&client);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_one_says_all_hear_in_order),
        STORY(who_is_gone_leaves_the_presence),
        STORY(a_killed_room_is_back_and_nobody_misses_a_message),
        STORY(a_killed_tracker_forgets_nobody),
        STORY(a_crashed_channel_is_an_error_of_its_own_and_no_other),
        STORY(garbage_is_closed_with_its_code),
        STORY(a_message_over_the_limit_is_refused_before_it_is_here),
        STORY(a_server_that_stops_asks_its_people_to_come_back),
        STORY(without_its_supervisor_the_program_ends_rather_than_limps),
        STORY(names_and_joins_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
