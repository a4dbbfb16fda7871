/* The chat and dashboard loads against a small Phoenix server in a thread of this process, which
 * loses connections and crashes channels when the story asks for it. */
#include "tests/e2e/loadgen/phoenix.h"

/** What goes wrong, once, after so many messages of people. */
struct mishap {
    int after_says;
    int islands;    /* that connections are dealt to in turn; 0: one */
    bool cut_all;   /* every connection is closed */
    bool crash_all; /* every channel gets phx_error */
    bool mute;      /* messages reach nobody, and are acknowledged */
    bool deaf;      /* messages are not even acknowledged */
    bool refuse;    /* messages are answered with an error */
    bool skip_one;  /* the first client of a room is left out */
};

struct chat {
    struct phoenix phoenix;
    struct mishap mishap;
    bool mishap_done;
    int says;
};

static struct chat *chat_of(struct phoenix *phoenix)
{
    return FL_OWNER(phoenix, struct chat, phoenix);
}

static void chat_mishap(struct phoenix *server)
{
    struct chat *chat = chat_of(server);
    const struct mishap *mishap = &chat->mishap;
    if (mishap->after_says == 0 || chat->mishap_done || chat->says < mishap->after_says) return;
    chat->mishap_done = true;
    for (int i = 0; i < server->count; i++) {
        if (mishap->cut_all) server->clients[i].closing = true;
        if (mishap->crash_all && server->clients[i].topic[0] != '\0')
            client_crash(&server->clients[i]);
    }
}

static void chat_say(struct client *speaker, const struct fl_channel_msg *msg)
{
    struct phoenix *server = speaker->server;
    struct chat *chat = chat_of(server);
    if (!fl_str_is(msg->event, "new_msg")) return;
    chat->says++;
    if (chat->mishap.deaf) return;
    if (chat->mishap.refuse) {
        client_reply(speaker, msg, "error");
        return;
    }
    bool skip = chat->mishap.skip_one;
    for (int i = 0; i < server->count && !chat->mishap.mute; i++) {
        struct client *client = &server->clients[i];
        if (client->closing || !fl_str_is(msg->topic, client->topic)) continue;
        if (client->island != speaker->island) continue;
        if (!skip) client_push(client, "new_msg", msg->payload);
        skip = false;
    }
    client_reply(speaker, msg, "ok");
}

/** Who is there now. */
static void chat_present(struct client *client)
{
    const struct phoenix *server = client->server;
    if (client->user[0] == '\0') return;
    struct fl_buf present = {0};
    for (int i = 0; i < server->count; i++) {
        const struct client *other = &server->clients[i];
        if (other->island != client->island || strcmp(other->topic, client->topic) != 0) continue;
        fl_buf_printf(&present, "%c\"%s\":{\"metas\":[]}", present.len == 0 ? '{' : ',',
                      other->user);
    }
    fl_buf_putc(&present, '}');
    client_push(client, "presence_state", (struct fl_str){present.at, present.len});
    fl_buf_fini(&present);
}

static void chat_deal(struct client *client)
{
    const struct chat *chat = chat_of(client->server);
    if (chat->mishap.islands > 0)
        client->island = chat->phoenix.connections / 2 % chat->mishap.islands;
}

static void chat_tick(struct phoenix *server)
{
    char figures[64];
    int len = snprintf(figures, sizeof figures, "{\"seq\":1,\"t_ns\":%lld}", (long long)fl_now());
    for (int i = 0; i < server->count; i++)
        if (strcmp(server->clients[i].topic, "dashboard:run") == 0)
            client_push(&server->clients[i], "figures", (struct fl_str){figures, (size_t)len});
}

static const struct phoenix_story chat_story = {
    .on_accept = chat_deal,
    .on_join = chat_present,
    .on_event = chat_say,
    .on_turn = chat_mishap,
    .on_tick = chat_tick,
};

/* ---- what the journal says about people ---- */

struct people {
    struct tally tally;
    int heard, joined, parted, acked;
    int ok_before_parted; /* said and done with before anybody had left */
    fl_ns parted_ns;      /* the first time, 0: not yet */
    uint32_t last_room;
    bool rooms_are_right;
};

static void note_people(void *cx, const struct fl_op *op)
{
    struct people *people = cx;
    people->heard += op->kind == FL_OBS_HEARD;
    people->joined += op->kind == FL_OBS_JOINED;
    people->parted += op->kind == FL_OBS_PARTED;
    people->acked += op->kind == FL_OBS_SAID_ACK;
    if (op->kind == FL_OBS_PARTED && people->parted_ns == 0) people->parted_ns = op->done_ns;
    people->ok_before_parted += op->kind == FL_OP_SAY && op->outcome == FL_OK &&
                                (people->parted_ns == 0 || op->done_ns < people->parted_ns);
    if (op->kind != FL_OP_VIEW && op->info % 2 != op->user % 2) people->rooms_are_right = false;
    if (op->kind == FL_OBS_JOINED && op->info > people->last_room) people->last_room = op->info;
    tally_op(&people->tally, op);
}

/* Six people in two rooms, or three viewers, for this long. */
static struct people run_people(struct mishap mishap, const char *load, struct chat *server,
                                fl_ns length_ns)
{
    struct worker worker;
    char line[8192];
    *server = (struct chat){.mishap = mishap};
    phoenix_start(&server->phoenix, &chat_story);
    worker_start(&worker, load);
    worker_expect(&worker, "ready", line, sizeof line);
    worker_order_start(&worker, &server->phoenix.side.port, 1, length_ns, fl_s(10));
    worker_expect(&worker, "done", line, sizeof line);
    assert_int_equal(worker_wait(&worker), 0);
    phoenix_stop(&server->phoenix);
    struct people people = {.rooms_are_right = true};
    assert_int_equal(fl_journal_read_ops(worker.folder, note_people, &people, NULL), 0);
    assert_true(people.rooms_are_right);
    testkit_remove(worker.folder);
    return people;
}

#define CHAT_LOAD(timeout_ns)                                                                  \
    "{\"index\":0,\"name\":\"talkers\",\"workload\":\"chat\",\"via\":\"s\",\"service\":\"s\"," \
    "\"seed\":\"7\",\"users\":6,\"rate_per_s\":100,\"timeout_ns\":" timeout_ns                 \
    ",\"settings\":{\"rooms\":2}}"
#define VIEW_LOAD(timeout_ns)                                                                 \
    "{\"index\":0,\"name\":\"viewers\",\"workload\":\"dashboard\",\"via\":\"s\",\"service\":" \
    "\"s\",\"seed\":\"7\",\"users\":3,\"rate_per_s\":0,\"timeout_ns\":" timeout_ns "}"

static void what_is_said_is_heard_by_everyone_in_the_room_and_by_nobody_else(void **state)
{
    (void)state;
    struct chat server;
    struct people people = run_people((struct mishap){0}, CHAT_LOAD("5000000000"), &server,
                                      fl_s(1));
    assert_int_equal(people.tally.ops, 100);
    assert_int_equal(people.tally.ok + people.tally.errors[FL_OPERR_REFUSED], 100);
    assert_int_equal(people.tally.ok, server.says);
    assert_int_equal(people.heard, 3 * server.says);
    /* the load is over when all have heard; the very last acknowledgements may come after */
    assert_in_range(people.acked, server.says - 6, server.says);
    assert_int_equal(people.joined, 6);
    assert_int_equal(people.parted, 0);
    assert_true(people.tally.ok >= 90);
}

/* Two instances behind one link that know nothing of each other: each room is two. */
static void whoever_is_on_another_island_is_not_expected_to_hear(void **state)
{
    (void)state;
    struct chat server;
    struct people people = run_people(
        (struct mishap){.islands = 2, .after_says = 40, .cut_all = true}, CHAT_LOAD("2000000000"),
        &server, fl_s(1));
    assert_int_equal(people.tally.ops, 100);
    assert_int_equal(people.tally.errors[FL_OPERR_TIMEOUT], 0);
    assert_int_equal(people.joined, 12);
    assert_true(people.tally.ok >= 80);
    assert_true(people.last_room >= 4); /* a room that is new after everybody had left */
    assert_true(people.heard < 3 * server.says);
}

static void people_whose_connections_are_cut_come_back_and_go_on(void **state)
{
    (void)state;
    struct chat server;
    struct people people = run_people((struct mishap){.after_says = 30, .cut_all = true},
                                      CHAT_LOAD("5000000000"), &server, fl_s(1));
    assert_int_equal(people.tally.ops, 100);
    assert_int_equal(people.parted, 6);
    assert_int_equal(people.joined, 12);
    assert_int_equal(server.phoenix.connections, 12); /* each came back once, at once */
    assert_true(people.tally.ok >= 80);
    assert_int_equal(people.tally.errors[FL_OPERR_TIMEOUT], 0);
}

/* One of each room hears nothing, until all are cut off: only then have all heard it who stayed. */
static void a_message_waits_for_those_who_have_not_heard_it_until_they_leave(void **state)
{
    (void)state;
    struct chat server;
    struct people people = run_people(
        (struct mishap){.skip_one = true, .after_says = 30, .cut_all = true},
        CHAT_LOAD("2000000000"), &server, fl_ms(500));
    assert_true(people.tally.ok >= 20);
    assert_int_equal(people.ok_before_parted, 0);
}

static void people_whose_channel_crashes_join_again_on_the_same_connection(void **state)
{
    (void)state;
    struct chat server;
    struct people people = run_people((struct mishap){.after_says = 30, .crash_all = true},
                                      CHAT_LOAD("5000000000"), &server, fl_s(1));
    assert_int_equal(people.tally.ops, 100);
    assert_int_equal(server.phoenix.connections, 6);
    assert_int_equal(server.phoenix.joins, 12);
    assert_int_equal(people.parted, 6);
    /* while they were outside, those who wanted to speak could not */
    assert_true(people.tally.errors[FL_OPERR_REFUSED] >= 1);
    assert_int_equal(people.tally.fail, people.tally.errors[FL_OPERR_REFUSED]);
    assert_true(people.tally.ok >= 60);
}

static void acknowledged_is_not_heard(void **state)
{
    (void)state;
    struct chat server;
    struct people mute = run_people((struct mishap){.mute = true}, CHAT_LOAD("300000000"), &server,
                                    fl_ms(500));
    assert_int_equal(mute.tally.ok, 0);
    assert_int_equal(mute.tally.unknown, server.says);
    assert_int_equal(mute.acked, server.says); /* which a checker will hold against it */
    assert_int_equal(mute.heard, 0);

    struct people one_left_out = run_people((struct mishap){.skip_one = true},
                                            CHAT_LOAD("300000000"), &server, fl_ms(500));
    assert_int_equal(one_left_out.tally.ok, 0);
    assert_int_equal(one_left_out.tally.errors[FL_OPERR_TIMEOUT], server.says);
    assert_int_equal(one_left_out.heard, 2 * server.says);
}

static void what_the_server_refuses_did_not_happen_and_what_it_swallows_is_unknown(void **state)
{
    (void)state;
    struct chat server;
    struct people refused = run_people((struct mishap){.refuse = true}, CHAT_LOAD("300000000"),
                                       &server, fl_ms(500));
    assert_int_equal(refused.tally.errors[FL_OPERR_STATUS], server.says);
    assert_int_equal(refused.tally.fail, refused.tally.ops);

    struct people swallowed = run_people((struct mishap){.deaf = true}, CHAT_LOAD("300000000"),
                                         &server, fl_ms(500));
    assert_int_equal(swallowed.tally.errors[FL_OPERR_TIMEOUT], server.says);
    assert_int_equal(swallowed.tally.unknown, server.says);
    assert_int_equal(swallowed.acked, 0);
}

static void with_nobody_there_everyone_who_speaks_is_refused(void **state)
{
    (void)state;
    int port = testkit_free_port();
    struct tally tally = run_load(CHAT_LOAD("300000000"), &port, 1, fl_ms(500), fl_s(5));
    assert_int_equal(tally.ops, 50);
    assert_int_equal(tally.errors[FL_OPERR_REFUSED], 50);
}

static void a_view_is_done_with_the_first_update_made_after_it_was_due(void **state)
{
    (void)state;
    struct chat server;
    struct people people = run_people((struct mishap){0}, VIEW_LOAD("5000000000"), &server,
                                      fl_s(2));
    assert_int_equal(people.tally.ops, 12); /* two a second for each of three */
    assert_int_equal(people.tally.ok, 12);
    assert_int_equal(server.phoenix.connections, 3);
}

static void a_page_that_nobody_serves_is_not_fresh(void **state)
{
    (void)state;
    int port = testkit_free_port();
    struct tally tally = run_load(VIEW_LOAD("300000000"), &port, 1, fl_s(1), fl_s(5));
    assert_int_equal(tally.ops, 6);
    assert_int_equal(tally.unknown, 6);
    assert_int_equal(tally.errors[FL_OPERR_TIMEOUT], 6);
}

int main(int argc, char **argv)
{
    int code;
    if (rig_is_worker(argc, argv, &code)) return code;
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_heard_by_everyone_in_the_room_and_by_nobody_else),
        cmocka_unit_test(whoever_is_on_another_island_is_not_expected_to_hear),
        cmocka_unit_test(people_whose_connections_are_cut_come_back_and_go_on),
        cmocka_unit_test(a_message_waits_for_those_who_have_not_heard_it_until_they_leave),
        cmocka_unit_test(people_whose_channel_crashes_join_again_on_the_same_connection),
        cmocka_unit_test(acknowledged_is_not_heard),
        cmocka_unit_test(what_the_server_refuses_did_not_happen_and_what_it_swallows_is_unknown),
        cmocka_unit_test(with_nobody_there_everyone_who_speaks_is_refused),
        cmocka_unit_test(a_view_is_done_with_the_first_update_made_after_it_was_due),
        cmocka_unit_test(a_page_that_nobody_serves_is_not_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
