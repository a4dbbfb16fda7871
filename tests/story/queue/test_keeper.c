/* The process that keeps the jobs: who asks together is answered from one commit, and a crash of it
 * is a short wait. */
#include "tests/support/testkit.h"

#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/sup.h"
#include "services/queue/keeper.h"
#include "services/services.h"

#define ASKERS 200

enum { ASK_ENQUEUE = 1, ASK_LEASE, ASK_NONSENSE };

/** What one asker heard last. */
struct heard {
    int code, answer_code;
    bool existed;
    int64_t id;
    char json[4096];
};

struct world {
    struct fl_node *node;
    struct fl_service_opts opts;
    struct heard heard[ASKERS];
    struct fl_pid askers[ASKERS];
    int asking; /* index of the asker that is being started */
};

struct asker {
    struct heard *heard;
    int number;
};

static int asker_on_init(struct fl_self *self, void *state, const void *args)
{
    (void)self;
    struct world *w = (struct world *)(uintptr_t)args;
    struct asker *asker = state;
    asker->number = w->asking;
    asker->heard = &w->heard[w->asking];
    return 0;
}

static void asker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct asker *asker = state;
    char key[16];
    snprintf(key, sizeof key, "key %d", asker->number);
    struct fl_store_op op = {
        .kind = FL_STORE_ENQUEUE, .key = fl_str_of(key), .payload = FL_STR("{}")};
    if (msg->tag == ASK_LEASE)
        op = (struct fl_store_op){.kind = FL_STORE_LEASE, .max = 4, .visibility_ms = 1000};

    struct fl_buf request = {0}, hold = {0};
    const struct fl_keeper_answer *answers;
    struct fl_str json;
    if (msg->tag == ASK_NONSENSE)
        fl_buf_puts(&request, "not a request");
    else
        fl_keeper_put(&request, &op);
    struct heard *heard = asker->heard;
    *heard = (struct heard){0};
    heard->code = fl_keeper_ask(self, &request, 1, sizeof heard->json - 1, &hold, &answers, &json);
    if (heard->code == 0) {
        heard->answer_code = answers[0].code;
        heard->existed = answers[0].existed;
        heard->id = answers[0].id;
        memcpy(heard->json, json.at, json.len);
    }
    fl_buf_fini(&hold);
}

static const struct fl_server asker_server = {
    .name = "asker",
    .state_bytes = sizeof(struct asker),
    .on_init = asker_on_init,
    .on_cast = asker_on_cast,
};

static void start_store(struct world *w)
{
    const struct fl_child child = {
        .id = "store", .name = FL_KEEPER_NAME, .server = &fl_keeper_server, .args = &w->opts};
    const struct fl_sup_opts sup = {
        .max_restarts = 3, .within_ns = fl_s(10), .children = &child, .children_count = 1};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(w->node, NULL, &sup, &pid), 0);
}

static int world_start(void **state)
{
    struct world *w = fl_new(struct world);
    w->opts = (struct fl_service_opts){.instance = "queue", .folder = testkit_folder()};
    /* SQLite runs on these stacks only because a simulated node has no pool */
    const struct fl_node_opts node = {
        .simulated = true, .seed = 1, .stack_bytes = 1 << 20, .mailbox_max = 10000};
    assert_int_equal(fl_node_new(&w->node, &node, NULL), 0);
    start_store(w);
    for (w->asking = 0; w->asking < ASKERS; w->asking++) {
        const struct fl_spawn_opts spawn = {.args = w, .shard = -1};
        assert_int_equal(fl_node_spawn(w->node, &asker_server, &spawn, &w->askers[w->asking]), 0);
    }
    *state = w;
    return 0;
}

static int world_stop(void **state)
{
    struct world *w = *state;
    fl_node_free(w->node);
    testkit_remove((char *)(uintptr_t)w->opts.folder);
    free(w);
    return 0;
}

static void tell(struct world *w, int asker, uint32_t what)
{
    assert_int_equal(fl_node_send(w->node, w->askers[asker], what, NULL, 0), 0);
}

static void everybody_who_asks_at_once_gets_an_answer_of_their_own(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < ASKERS; i++)
        tell(w, i, ASK_ENQUEUE);
    fl_sim_run(w->node, fl_s(1));
    bool seen[ASKERS + 1] = {false};
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(w->heard[i].code, 0);
        assert_int_equal(w->heard[i].answer_code, 0);
        assert_false(w->heard[i].existed);
        assert_in_range(w->heard[i].id, 1, ASKERS);
        assert_false(seen[w->heard[i].id]);
        seen[w->heard[i].id] = true;
    }
}

static void a_store_that_crashed_is_back_and_knows_what_it_promised(void **state)
{
    struct world *w = *state;
    tell(w, 0, ASK_ENQUEUE);
    fl_sim_run(w->node, fl_s(1));
    int64_t promised = w->heard[0].id;
    struct fl_pid before = fl_whereis(w->node, FL_KEEPER_NAME);

    assert_int_equal(fl_control_exit(w->node, FL_KEEPER_NAME, fl_reason_of(FL_EXIT_CRASH)), 0);
    fl_sim_run(w->node, fl_s(1));
    struct fl_pid after = fl_whereis(w->node, FL_KEEPER_NAME);
    assert_false(fl_pid_eq(after, FL_NO_PID));
    assert_false(fl_pid_eq(after, before));

    tell(w, 0, ASK_ENQUEUE);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->heard[0].code, 0);
    assert_true(w->heard[0].existed);
    assert_int_equal(w->heard[0].id, promised);
}

static void a_suspended_store_is_a_timeout_and_not_a_promise(void **state)
{
    struct world *w = *state;
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(fl_control_suspend(w->node, FL_KEEPER_NAME), 0);
    tell(w, 0, ASK_ENQUEUE);
    fl_sim_run(w->node, fl_s(10));
    assert_int_equal(w->heard[0].code, FL_ETIMEOUT);
    assert_int_equal(fl_control_resume(w->node, FL_KEEPER_NAME), 0);
    tell(w, 0, ASK_ENQUEUE);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->heard[0].code, 0);
}

static void a_lease_runs_out_by_the_nodes_clock(void **state)
{
    struct world *w = *state;
    tell(w, 0, ASK_ENQUEUE);
    fl_sim_run(w->node, fl_ms(10));
    tell(w, 1, ASK_LEASE);
    fl_sim_run(w->node, fl_ms(10));
    assert_non_null(strstr(w->heard[1].json, "\"key\":\"key 0\""));
    assert_non_null(strstr(w->heard[1].json, "\"attempt\":1,\"payload\":{}"));
    tell(w, 2, ASK_LEASE);
    fl_sim_run(w->node, fl_ms(900));
    assert_string_equal(w->heard[2].json, "{\"jobs\":[]}");
    fl_sim_run(w->node, fl_ms(200));
    tell(w, 2, ASK_LEASE);
    fl_sim_run(w->node, fl_ms(10));
    assert_non_null(strstr(w->heard[2].json, "\"attempt\":2"));
}

static void nonsense_is_answered_and_does_no_harm(void **state)
{
    struct world *w = *state;
    tell(w, 0, ASK_NONSENSE);
    tell(w, 1, ASK_ENQUEUE);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->heard[0].code, FL_EBADMSG);
    assert_int_equal(w->heard[1].code, 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_start, world_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(everybody_who_asks_at_once_gets_an_answer_of_their_own),
        STORY(a_store_that_crashed_is_back_and_knows_what_it_promised),
        STORY(a_suspended_store_is_a_timeout_and_not_a_promise),
        STORY(a_lease_runs_out_by_the_nodes_clock),
        STORY(nonsense_is_answered_and_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
