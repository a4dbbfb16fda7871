#include "tests/support/testkit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/server.h"

/* A control server and its client, over a socketpair, on one loop. Each step asks; its answer takes
 * the next step. */
struct world {
    struct fl_node *node;
    struct fl_control_client *client;
    int spare_fd; /* the server's end, when no server runs */
    int step, pongs;
    bool was_lost;
    char answers[8][256];
    bool oks[8];
};

enum { PING = 1 };

static int trapper_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_self_trap_exits(self, true);
    return 0;
}

static void count_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world;
    memcpy(&world, msg->data, sizeof world);
    world->pongs++;
}

static const struct fl_server trapper_server = {
    .name = "trapper", .on_init = trapper_on_init, .on_cast = count_on_cast};

static void mute_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}
static const struct fl_server mute_server = {.name = "mute", .on_call = mute_on_call};

/* Blocked for ever in a call that nobody answers. */
static void blocked_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_pid mute;
    memcpy(&mute, msg->data, sizeof mute);
    fl_call(self, mute, PING, NULL, 0, NULL, 0, NULL, FL_NEVER);
}
static const struct fl_server blocked_server = {.name = "blocked", .on_cast = blocked_on_cast};

static int guard_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_timer_start(self, fl_s(30), 0);
    return 0;
}
static void guard_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    fl_node_stop(fl_self_node(self), 99);
}
static const struct fl_server guard_server = {
    .name = "guard", .on_init = guard_on_init, .on_timer = guard_on_timer};

static struct fl_pid spawn(struct world *world, const struct fl_server *server, const char *name)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.name = name};
    assert_int_equal(fl_node_spawn(world->node, server, &opts, &pid), 0);
    return pid;
}

static int setup_with(void **state, bool serve)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.shards = 1};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    world->spare_fd = serve ? -1 : fds[0];
    if (serve) assert_int_equal(fl_control_serve(world->node, fds[0], NULL), 0);
    *state = world;
    spawn(world, &guard_server, NULL);
    world->step = fds[1]; /* until the test opens its client */
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, true);
}

static int setup_mute(void **state)
{
    return setup_with(state, false);
}

static int teardown(void **state)
{
    struct world *world = *state;
    if (world->spare_fd >= 0) close(world->spare_fd);
    fl_control_client_close(world->client);
    fl_node_free(world->node);
    free(world);
    return 0;
}

static void on_lost(void *cx)
{
    struct world *world = cx;
    world->was_lost = true;
    fl_node_stop(world->node, 0);
}

static void open_client(struct world *world)
{
    int fd = world->step;
    world->step = 0;
    assert_int_equal(
        fl_control_client_open(&world->client, fl_node_loop(world->node), fd, on_lost, world, NULL),
        0);
}

static void keep(struct world *world, bool ok, const char *answer)
{
    world->oks[world->step] = ok;
    snprintf(world->answers[world->step], sizeof world->answers[0], "%s", answer);
    world->step++;
}

static void next_question(void *cx, bool ok, const char *answer)
{
    static const char *const questions[] = {
        "\"op\":\"exit\",\"name\":\"room/trapper\",\"kind\":\"crash\"",
        "\"op\":\"exit\",\"name\":\"room/blocked\",\"kind\":\"crash\"",
        "\"op\":\"exit\",\"name\":\"room/nobody\",\"kind\":\"crash\"",
        "\"op\":\"dance\"",
        "\"op\":\"list\",\"glob\":\"*\"",
    };
    struct world *world = cx;
    keep(world, ok, answer);
    size_t asked = (size_t)world->step - 1;
    if (asked < FL_COUNT(questions))
        fl_control_ask(world->client, questions[asked], fl_s(20), next_question, world);
    else
        fl_node_stop(world->node, 0);
}

static void named_processes_are_listed_and_crashed_even_if_they_trap_or_block(void **state)
{
    struct world *world = *state;
    spawn(world, &trapper_server, "room/trapper");
    struct fl_pid mute = spawn(world, &mute_server, "mute");
    struct fl_pid blocked = spawn(world, &blocked_server, "room/blocked");
    fl_node_send(world->node, blocked, PING, &mute, sizeof mute);
    open_client(world);
    fl_control_ask(world->client, "\"op\":\"list\",\"glob\":\"room/*\"", fl_s(20), next_question,
                   world);
    assert_int_equal(fl_node_run(world->node), 0);
    assert_int_equal(world->step, 6);
    assert_non_null(strstr(world->answers[0], "[\"room/blocked\",\"room/trapper\"]"));
    assert_true(world->oks[1] && world->oks[2]);
    assert_non_null(strstr(world->answers[1], "\"at_ns\":"));
    assert_false(world->oks[3]);
    assert_non_null(strstr(world->answers[3], "no such process"));
    assert_false(world->oks[4]);
    assert_non_null(strstr(world->answers[5], "[\"mute\"]")); /* they were gone when it answered */
}

static void after_resume(void *cx, bool ok, const char *answer)
{
    struct world *world = cx;
    keep(world, ok, answer);
    fl_node_stop(world->node, 0);
}

static void after_suspend(void *cx, bool ok, const char *answer)
{
    struct world *world = cx;
    keep(world, ok, answer);
    struct fl_pid pid = fl_whereis(world->node, "room/a");
    fl_node_send(world->node, pid, PING, &world, sizeof world);
    fl_node_send(world->node, pid, PING, &world, sizeof world);
    if (world->step == 1)
        fl_control_ask(world->client, "\"op\":\"list\"", fl_s(20), after_suspend, world);
    else {
        assert_int_equal(world->pongs, 0); /* four messages wait */
        fl_control_ask(world->client, "\"op\":\"resume\",\"name\":\"room/a\"", fl_s(20),
                       after_resume, world);
    }
}

static void a_suspended_process_takes_no_messages_until_it_is_resumed(void **state)
{
    struct world *world = *state;
    spawn(world, &trapper_server, "room/a");
    open_client(world);
    fl_control_ask(world->client, "\"op\":\"suspend\",\"name\":\"room/a\"", fl_s(20), after_suspend,
                   world);
    assert_int_equal(fl_node_run(world->node), 0);
    assert_true(world->oks[0] && world->oks[1] && world->oks[2]);
    assert_int_equal(world->pongs, 4);
}

/* ---- filters over the wire */

static void after_filter(void *cx, bool ok, const char *answer)
{
    static const char *const questions[] = {
        "\"op\":\"counts\",\"filter\":1",
        "\"op\":\"unfilter\",\"filter\":1",
        "\"op\":\"unfilter\",\"filter\":1",
        "\"op\":\"filter\",\"name\":\"room/a\",\"kind\":\"lose\"",
        "\"op\":\"filter\",\"name\":\"room/a\",\"kind\":\"drop\",\"probability\":0",
        "\"op\":\"filter\",\"name\":\"room/nobody\",\"kind\":\"drop\"",
        "\"op\":\"exit\",\"name\":\"<0.4000.1>\",\"kind\":\"kill\"",
    };
    struct world *world = cx;
    keep(world, ok, answer);
    if (world->step <= 3) { /* two while it is there, two after */
        struct fl_pid pid = fl_whereis(world->node, "room/a");
        for (int i = 0; i < 2 && world->step != 2; i++)
            fl_node_send(world->node, pid, PING, &world, sizeof world);
    }
    size_t asked = (size_t)world->step - 1;
    if (asked < FL_COUNT(questions))
        fl_control_ask(world->client, questions[asked], fl_s(20), after_filter, world);
    else
        fl_node_stop(world->node, 0);
}

static void messages_are_filtered_and_the_answers_say_how_many(void **state)
{
    struct world *world = *state;
    spawn(world, &trapper_server, "room/a");
    open_client(world);
    fl_control_ask(world->client,
                   "\"op\":\"filter\",\"name\":\"room/a\",\"kind\":\"drop\",\"nth\":2,\"limit\":9,"
                   "\"seed\":5,\"delay_ns\":1000,\"probability\":1",
                   fl_s(20), after_filter, world);
    assert_int_equal(fl_node_run(world->node), 0);
    assert_int_equal(world->step, 8);
    assert_string_equal(world->answers[0], "{\"id\":1,\"ok\":true,\"filter\":1}");
    assert_string_equal(world->answers[1],
                        "{\"id\":2,\"ok\":true,\"seen\":2,\"hit\":1,\"held\":0}");
    assert_string_equal(world->answers[2],
                        "{\"id\":3,\"ok\":true,\"seen\":2,\"hit\":1,\"held\":0}");
    assert_non_null(strstr(world->answers[3], "\"ok\":false,\"error\":\"not found\""));
    for (int i = 4; i < 8; i++)
        assert_false(world->oks[i]);
    assert_non_null(strstr(world->answers[6], "no such process"));
    assert_non_null(strstr(world->answers[7], "no such process"));
    assert_int_equal(world->pongs, 3); /* one of two, and two once it was over */
}

static void after_timeout(void *cx, bool ok, const char *answer)
{
    struct world *world = cx;
    keep(world, ok, answer);
    close(world->spare_fd); /* now the peer is gone */
    world->spare_fd = -1;
}

static void no_answer_is_a_timeout_and_a_peer_that_goes_is_noticed(void **state)
{
    struct world *world = *state;
    open_client(world);
    fl_control_ask(world->client, "\"op\":\"list\"", fl_ms(5), after_timeout, world);
    assert_int_equal(fl_node_run(world->node), 0);
    assert_int_equal(world->step, 1);
    assert_false(world->oks[0]);
    assert_non_null(strstr(world->answers[0], "timeout"));
    assert_true(world->was_lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            named_processes_are_listed_and_crashed_even_if_they_trap_or_block, setup, teardown),
        cmocka_unit_test_setup_teardown(a_suspended_process_takes_no_messages_until_it_is_resumed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(messages_are_filtered_and_the_answers_say_how_many, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_answer_is_a_timeout_and_a_peer_that_goes_is_noticed,
                                        setup_mute, teardown),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
