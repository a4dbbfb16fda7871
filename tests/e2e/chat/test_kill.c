/* The incident: SIGKILL while people talk, again and again. What was acknowledged is in the history
 * once; what was not is said again with the same id, and is there once too; each speaker's words
 * stand in their order. */
#include "tests/e2e/web/world.h"

#include <sys/wait.h>

#include "services/chat/chat.h"

enum { ROUNDS = 6, WORDS = 60, SPEAKERS = 2 };

struct town {
    struct world world; /* only its port: the service is a child */
    char *folder;
    pid_t child;
    int64_t seq[SPEAKERS][WORDS]; /* as acknowledged; 0: not yet */
};

static void child_run(const struct town *town, int say_fd)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    const struct fl_node_opts node_opts = {.name = "chat"};
    const struct fl_service_opts opts = {.service = "chat",
                                         .instance = "chat",
                                         .folder = town->folder,
                                         .port = town->world.port,
                                         .control_fd = -1};
    if (fl_node_new(&node, &node_opts, &err) != 0 || fl_chat_start(node, &opts, &err) != 0) {
        fprintf(stderr, "child: %s\n", err.text);
        _exit(69);
    }
    if (write(say_fd, "r", 1) != 1) _exit(71);
    _exit(fl_node_run(node));
}

static void town_start(struct town *town)
{
    int fds[2];
    char ready = 0;
    assert_int_equal(pipe(fds), 0);
    town->child = fork();
    assert_true(town->child >= 0);
    if (town->child == 0) child_run(town, fds[1]);
    close(fds[1]);
    assert_int_equal(read(fds[0], &ready, 1), 1);
    close(fds[0]);
}

static void town_kill(struct town *town)
{
    kill(town->child, SIGKILL);
    waitpid(town->child, NULL, 0);
}

static int setup(void **state)
{
    struct town *town = fl_new(struct town);
    signal(SIGPIPE, SIG_IGN);
    town->folder = testkit_folder();
    town->world.port = testkit_free_port();
    *state = town;
    return 0;
}

static int teardown(void **state)
{
    struct town *town = *state;
    if (town->child > 0) town_kill(town);
    testkit_remove(town->folder);
    free(town);
    return 0;
}

static void enter(struct client *client, const struct town *town, int who)
{
    char text[160];
    client_upgrade(client, &town->world);
    snprintf(text, sizeof text,
             "[\"1\",\"j\",\"room:x\",\"phx_join\",{\"user\":\"user%d\",\"since\":0}]", who);
    client_say(client, text);
    client_expect(client, "[\"1\",\"j\",");
}

/* Says all that was not acknowledged, in order; the ref is the word's number. */
static void say_the_rest(struct town *town, struct client *client, int who)
{
    for (int i = 0; i < WORDS; i++) {
        char text[160];
        if (town->seq[who][i] != 0) continue;
        snprintf(text, sizeof text,
                 "[\"1\",\"%d\",\"room:x\",\"new_msg\",{\"body\":%d,\"id\":\"w%d\"}]", i,
                 who * 1000 + i, i);
        client_say(client, text);
    }
}

/* Reads until this many more are acknowledged, or all are. */
static void hear_answers(struct town *town, struct client *client, int who, int more)
{
    struct fl_buf text = {0};
    int open = 0;
    for (int i = 0; i < WORDS; i++)
        open += town->seq[who][i] == 0;
    if (more > open) more = open;
    while (more > 0) {
        int word;
        long long seq;
        assert_true(client_next(client, &text));
        if (sscanf(text.at,
                   "[\"1\",\"%d\",\"room:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":"
                   "{\"seq\":%lld",
                   &word, &seq) != 2)
            continue;
        assert_true(word >= 0 && word < WORDS && seq > 0);
        assert_int_equal(town->seq[who][word], 0);
        town->seq[who][word] = seq;
        more--;
    }
    fl_buf_fini(&text);
}

/* Every word is in the history, once, where it was said to be. */
static void expect_history(struct town *town)
{
    struct client client;
    struct fl_buf text = {0};
    enter(&client, town, 9);
    client_say(&client, "[\"1\",\"h\",\"room:x\",\"history\",{\"limit\":200}]");
    while (client_next(&client, &text) && strncmp(text.at, "[\"1\",\"h\",", 9) != 0)
        continue;
    int64_t last[SPEAKERS] = {0};
    int found = 0;
    for (const char *at = text.at; (at = strstr(at, "\"body\":")) != NULL; found++) {
        int body;
        long long seq;
        at += strlen("\"body\":");
        assert_int_equal(sscanf(at, "%d", &body), 1);
        assert_int_equal(sscanf(strstr(at, "\"seq\":"), "\"seq\":%lld", &seq), 1);
        int who = body / 1000;
        assert_int_equal(town->seq[who][body % 1000], seq);
        assert_true(seq > last[who]);
        last[who] = seq;
    }
    assert_int_equal(found, SPEAKERS * WORDS);
    for (int who = 0; who < SPEAKERS; who++)
        for (int i = 1; i < WORDS; i++)
            assert_true(town->seq[who][i] > town->seq[who][i - 1]);
    fl_buf_fini(&text);
    client_close(&client);
}

static void what_was_acknowledged_survives_sigkill_once_and_in_order(void **state)
{
    struct town *town = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct client people[SPEAKERS];
        bool is_last = round == ROUNDS - 1;
        town_start(town);
        for (int who = 0; who < SPEAKERS; who++)
            enter(&people[who], town, who);
        for (int who = 0; who < SPEAKERS; who++)
            say_the_rest(town, &people[who], who);
        for (int who = 0; who < SPEAKERS; who++)
            hear_answers(town, &people[who], who, is_last ? WORDS : 3 + 4 * round);
        if (!is_last) town_kill(town);
        for (int who = 0; who < SPEAKERS; who++)
            client_close(&people[who]);
    }
    expect_history(town);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_acknowledged_survives_sigkill_once_and_in_order,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
