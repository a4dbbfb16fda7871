/* Several programs write one document over real sockets, while its processes are killed. */
#include "tests/e2e/editor/writer.h"

#include "services/editor/editor.h"
#include "services/editor/scribe.h"

#define WRITERS 3
#define ROUNDS 40

struct desk {
    struct world world;
    struct fl_service_opts opts;
    char *folder;
    struct writer writers[WRITERS];
};

static int start(struct world *world, struct fl_err *err)
{
    struct desk *desk = FL_OWNER(world, struct desk, world);
    world->port = testkit_free_port();
    desk->opts = (struct fl_service_opts){
        .service = "editor", .instance = "editor", .port = world->port, .folder = desk->folder};
    return fl_editor_start(world->node, &desk->opts, err);
}

static int set_up(void **state)
{
    struct desk *desk = fl_new(struct desk);
    desk->folder = testkit_folder();
    desk->world.start = start;
    world_up(&desk->world);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    world_down(&desk->world);
    testkit_remove(desk->folder);
    free(desk);
    return 0;
}

static const char *const names[WRITERS] = {"a", "b", "c"};

static void open_writers(struct desk *desk, const char *doc)
{
    for (int i = 0; i < WRITERS; i++) {
        writer_open(&desk->writers[i], &desk->world, names[i], doc);
        assert_true(writer_settle(&desk->writers[i]));
    }
}

/** Hears until everybody is at the same revision; then all must have one text with each letter so
 * often. */
static void expect_one_text(struct desk *desk, int each)
{
    int64_t head = 0;
    for (int i = 0; i < WRITERS; i++)
        if (desk->writers[i].rev > head) head = desk->writers[i].rev;
    struct fl_buf first = {0}, other = {0};
    for (int i = 0; i < WRITERS; i++) {
        while (desk->writers[i].rev < head)
            assert_true(writer_hear(&desk->writers[i]));
        other.len = 0;
        fl_text_put_utf8(&desk->writers[i].text, i == 0 ? &first : &other);
        if (i > 0) assert_string_equal(first.at, other.at);
    }
    assert_int_equal(first.len, (size_t)each * WRITERS);
    for (int i = 0; i < WRITERS; i++) {
        int count = 0;
        for (size_t at = 0; at < first.len; at++)
            count += first.at[at] == names[i][0];
        assert_int_equal(count, each);
    }
    fl_buf_fini(&first);
    fl_buf_fini(&other);
}

static void close_writers(struct desk *desk)
{
    for (int i = 0; i < WRITERS; i++)
        writer_fini(&desk->writers[i]);
}

static void three_who_write_at_once_have_one_text_in_the_end(void **state)
{
    struct desk *desk = *state;
    open_writers(desk, "paper");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WRITERS; i++) /* all say it before anybody hears of it */
            writer_put(&desk->writers[i], (size_t)(round * (i + 1) % (round + 1)), names[i]);
        for (int i = 0; i < WRITERS; i++)
            assert_true(writer_settle(&desk->writers[i]));
    }
    expect_one_text(desk, ROUNDS);
    close_writers(desk);
}

static void killed(struct desk *desk, const char *name)
{
    struct fl_pid pid = fl_whereis(desk->world.node, name);
    if (pid.bits != 0) fl_node_exit(desk->world.node, pid, fl_reason_of(FL_EXIT_KILL));
}

static void processes_are_killed_and_nothing_is_lost_or_there_twice(void **state)
{
    struct desk *desk = *state;
    struct fl_pid before = FL_NO_PID;
    int restarts = 0;
    open_writers(desk, "paper");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WRITERS; i++)
            writer_put(&desk->writers[i], (size_t)round, names[i]);
        struct fl_pid doc = fl_whereis(desk->world.node, "doc/paper");
        restarts += doc.bits != 0 && !fl_pid_eq(doc, before);
        before = doc.bits != 0 ? doc : before;
        if (round % 3 == 0) killed(desk, "doc/paper");
        if (round % 10 == 5) killed(desk, FL_SCRIBE_NAME);
        for (int i = 0; i < WRITERS; i++)
            assert_true(writer_settle(&desk->writers[i]));
    }
    assert_true(restarts > 3); /* else this was no test */
    expect_one_text(desk, ROUNDS);
    close_writers(desk);
}

static void connections_break_in_the_middle_and_nothing_is_lost_or_there_twice(void **state)
{
    struct desk *desk = *state;
    open_writers(desk, "paper");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WRITERS; i++)
            writer_put(&desk->writers[i], (size_t)round, names[i]);
        struct writer *unlucky = &desk->writers[round % WRITERS];
        struct linger now = {.l_onoff = 1};
        setsockopt(unlucky->client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        writer_connect(unlucky, &desk->world);
        for (int i = 0; i < WRITERS; i++)
            assert_true(writer_settle(&desk->writers[i]));
    }
    expect_one_text(desk, ROUNDS);
    close_writers(desk);
}

static void versions_are_listed_and_can_be_read(void **state)
{
    struct desk *desk = *state;
    struct writer *writer = &desk->writers[0];
    writer_open(writer, &desk->world, "a", "paper");
    assert_true(writer_settle(writer));
    writer_say(writer, "hello", "{\"client\":\"a\",\"name\":\"Ana \\\"A\\\"\"}");
    client_expect(&writer->client, "\"client\":\"a\",\"name\":\"Ana \\\"A\\\"\"");
    const char *const words[] = {"one ", "two ", "three"};
    for (int i = 0; i < 3; i++) {
        writer_put(writer, 100, words[i]);
        assert_true(writer_settle(writer));
    }
    writer_say(writer, "history", "{\"before\":null}");
    client_expect(&writer->client, "\"versions\",{\"list\":[{\"rev\":3,\"first\":1,\"at_ms\":");
    writer_say(writer, "at", "{\"rev\":2}");
    client_expect(&writer->client, "\"text\",{\"rev\":2,\"text\":\"one two \"}");
    writer_say(writer, "at", "{\"rev\":99}");
    client_expect(&writer->client, "\"text\",{\"rev\":99,\"error\":\"this version is not kept");
    writer_fini(writer);
}

static void people_and_their_cursors_are_told(void **state)
{
    struct desk *desk = *state;
    struct writer *ana = &desk->writers[0], *bob = &desk->writers[1];
    writer_open(ana, &desk->world, "a", "paper");
    writer_open(bob, &desk->world, "b", "paper");
    writer_say(ana, "hello", "{\"client\":\"a\",\"name\":\"Ana\"}");
    client_expect(&ana->client, "\"name\":\"Ana\"");
    writer_say(bob, "hello", "{\"client\":\"b\",\"name\":\"Bob\"}");
    client_expect(&bob->client, "\"name\":\"Ana\"");
    client_expect(&ana->client, "\"name\":\"Bob\"");
    writer_say(bob, "cursor", "{\"rev\":0,\"from\":0,\"to\":0}");
    client_expect(&ana->client, "\"name\":\"Bob\",\"rev\":0,\"from\":0,\"to\":0");
    writer_fini(bob);
    client_expect(&ana->client, "\"joins\":[],\"leaves\":[\"");
    writer_fini(ana);
}

static void what_makes_no_sense_is_refused_and_does_no_harm(void **state)
{
    struct desk *desk = *state;
    struct writer *writer = &desk->writers[0];
    writer_open(writer, &desk->world, "a", "paper");
    assert_true(writer_settle(writer));
    static const char *const bad[] = {
        "{\"client\":\"x\",\"seq\":1,\"base\":0,\"op\":[5]}",
        "{\"client\":\"x\",\"seq\":1,\"base\":0,\"op\":\"abc\"}",
        "{\"client\":\"x\",\"seq\":1,\"base\":0}",
        "{\"client\":\"x\",\"seq\":1,\"op\":[\"a\"]}",
        "{\"client\":\"x\",\"seq\":1,\"base\":0,\"op\":[\"\\ud800\"]}",
    };
    for (size_t i = 0; i < FL_COUNT(bad); i++) {
        writer_say(writer, "op", bad[i]);
        client_expect(&writer->client, "\"refused\",{\"client\":\"x\",\"seq\":1,\"why\":\"bad\"}");
    }
    writer_say(writer, "op", "{\"client\":\"x\",\"seq\":1,\"base\":7,\"op\":[\"a\"]}");
    client_expect(&writer->client, "\"why\":\"behind\"");
    writer_say(writer, "op", "{\"client\":\"x\",\"op\":[\"a\"]}");
    client_expect(&writer->client, "no such event");
    writer_say(writer, "nonsense", "{}");
    client_expect(&writer->client, "no such event");
    writer_put(writer, 0, "fine");
    assert_true(writer_settle(writer));
    assert_int_equal(writer->rev, 1);
    writer_fini(writer);

    struct client client;
    client_upgrade(&client, &desk->world);
    client_say(&client, "[\"1\",\"1\",\"doc:no/name\",\"phx_join\",{}]");
    client_expect(&client, "\"status\":\"error\"");
    client_close(&client);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(three_who_write_at_once_have_one_text_in_the_end),
        STORY(processes_are_killed_and_nothing_is_lost_or_there_twice),
        STORY(connections_break_in_the_middle_and_nothing_is_lost_or_there_twice),
        STORY(versions_are_listed_and_can_be_read),
        STORY(people_and_their_cursors_are_told),
        STORY(what_makes_no_sense_is_refused_and_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
