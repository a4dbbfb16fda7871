#include "tests/support/testkit.h"

#include <stdatomic.h>

#include "runtime/node.h"
#include "runtime/pubsub.h"
#include "runtime/registry.h"
#include "runtime/task.h"

/* Tasks, registries and pubsub on several shards at once: real threads, no clock. */

enum { SHARDS = 3, MEMBERS = 30, SENDERS = 3, WORDS = 200, KEYS = 100 };
enum { READY = 1, WORD, DONE };

struct crowd {
    struct fl_node *node;
    struct fl_pubsub *pubsub;
    struct fl_registry *registry;
    struct fl_pid conductor;
    atomic_int failures, winners;
};
struct role {
    struct crowd *crowd;
    int number;
};

/* cmocka's own may not be used off its thread. */
static void fail_at(struct crowd *crowd, bool is_fine, int line)
{
    if (is_fine) return;
    atomic_fetch_add(&crowd->failures, 1);
    fprintf(stderr, "not so: line %d\n", line);
}
#define fail_unless(crowd, is_fine) fail_at((crowd), (is_fine), __LINE__)

static struct role role_of(const void *args)
{
    struct role role;
    memcpy(&role, args, sizeof role);
    return role;
}

static void spawn(struct fl_self *self, struct crowd *crowd, fl_run_fn fn, int number)
{
    struct role role = {.crowd = crowd, .number = number};
    struct fl_spawn_opts opts = {.shard = number % SHARDS};
    fail_unless(crowd, fl_spawn_run(self, fn, &role, sizeof role, &opts, NULL) == 0);
}

static bool is_tag(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_CAST && msg->tag == *(const uint32_t *)cx;
}

static void await_all(struct fl_self *self, uint32_t tag, int count)
{
    struct fl_msg msg;
    for (int i = 0; i < count; i++)
        fl_receive(self, is_tag, &tag, FL_NEVER, &msg);
}

static void run(struct crowd *crowd, fl_run_fn conductor)
{
    struct fl_node_opts opts = {.shards = SHARDS};
    struct role role = {.crowd = crowd};
    assert_int_equal(fl_node_new(&crowd->node, &opts, NULL), 0);
    assert_int_equal(
        fl_node_spawn_run(crowd->node, conductor, &role, sizeof role, NULL, &crowd->conductor), 0);
    assert_int_equal(fl_node_run(crowd->node), 0);
    fl_pubsub_free(crowd->pubsub);
    fl_registry_free(crowd->registry);
    fl_node_free(crowd->node);
    assert_int_equal(atomic_load(&crowd->failures), 0);
}

/* ---- everybody hears everybody, each sender in order */

static void member(struct fl_self *self, const void *args, size_t len)
{
    struct role role = role_of(args);
    int heard[SENDERS] = {0}, all = 0;
    uint32_t tag = WORD;
    fl_pubsub_subscribe(self, role.crowd->pubsub, "words");
    fl_send(self, role.crowd->conductor, READY, NULL, 0);
    while (all < SENDERS * WORDS) {
        struct fl_msg msg;
        int word[2];
        fl_receive(self, is_tag, &tag, FL_NEVER, &msg);
        memcpy(word, msg.data, sizeof word);
        fail_unless(role.crowd, msg.shared != NULL && word[1] == heard[word[0]]);
        heard[word[0]]++;
        all++;
    }
    fl_send(self, role.crowd->conductor, DONE, NULL, 0);
    fl_receive(self, is_tag, &tag, FL_NEVER, &(struct fl_msg){0}); /* until the node stops */
    fail_unless(role.crowd, false);
}

static void sender(struct fl_self *self, const void *args, size_t len)
{
    struct role role = role_of(args);
    for (int i = 0; i < WORDS; i++) {
        int word[2] = {role.number, i};
        fl_pubsub_broadcast(self, role.crowd->pubsub, "words", WORD, word, sizeof word);
        if (i % 16 == 0) fl_yield(self);
    }
}

static void conducts_words(struct fl_self *self, const void *args, size_t len)
{
    struct crowd *crowd = role_of(args).crowd;
    fail_unless(crowd, fl_pubsub_start(crowd->node, self, &crowd->pubsub) == 0);
    for (int i = 0; i < MEMBERS; i++)
        spawn(self, crowd, member, i);
    await_all(self, READY, MEMBERS);
    for (int i = 0; i < SENDERS; i++)
        spawn(self, crowd, sender, i);
    await_all(self, DONE, MEMBERS);
    fl_node_stop(crowd->node, 0);
}

static void a_broadcast_reaches_all_shards_in_the_order_of_its_sender(void **state)
{
    struct crowd crowd = {0};
    run(&crowd, conducts_words);
}

/* ---- many want the same keys */

static void wants_all(struct fl_self *self, const void *args, size_t len)
{
    struct crowd *crowd = role_of(args).crowd;
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        struct fl_pid taken_by = FL_NO_PID;
        snprintf(key, sizeof key, "key %d", i);
        int rc = fl_registry_register(self, crowd->registry, key, &i, sizeof i, &taken_by);
        if (rc == 0) atomic_fetch_add(&crowd->winners, 1);
        fail_unless(crowd, rc == 0 || (rc == FL_ETAKEN && taken_by.bits != 0));
        struct fl_registry_entry *entries;
        fail_unless(crowd, fl_registry_lookup(crowd->registry, key, &entries) == 1);
        free(entries);
        fail_unless(crowd, fl_registry_select(crowd->registry, "*", NULL, NULL, &entries) > 0);
        free(entries);
        fl_registry_keys(crowd->registry, crowd->conductor, &entries);
        free(entries);
    }
    fl_send(self, crowd->conductor, READY, NULL, 0);
    uint32_t tag = WORD;
    fl_receive(self, is_tag, &tag, FL_NEVER, &(struct fl_msg){0});
}

static void conducts_keys(struct fl_self *self, const void *args, size_t len)
{
    struct crowd *crowd = role_of(args).crowd;
    struct fl_pid pids[SHARDS];
    uint64_t refs[SHARDS];
    struct fl_registry_opts registry = {.keys = FL_REGISTRY_UNIQUE};
    crowd->registry = fl_registry_new(crowd->node, &registry);
    for (int i = 0; i < SHARDS; i++) {
        struct role role = {.crowd = crowd, .number = i};
        struct fl_spawn_opts opts = {.shard = i};
        int rc = fl_spawn_run_monitor(self, wants_all, &role, sizeof role, &opts, &pids[i],
                                      &refs[i]);
        fail_unless(crowd, rc == 0);
    }
    await_all(self, READY, SHARDS);
    fail_unless(crowd, atomic_load(&crowd->winners) == KEYS);
    fail_unless(crowd, fl_registry_count(crowd->registry) == KEYS);
    for (int i = 0; i < SHARDS; i++)
        fl_exit(self, pids[i], fl_reason_of(FL_EXIT_KILL));
    for (int i = 0; i < SHARDS; i++) {
        struct fl_msg msg;
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
        struct fl_registry_entry *entries;
        fail_unless(crowd, msg.kind == FL_MSG_DOWN);
        fail_unless(crowd, fl_registry_keys(crowd->registry, msg.from, &entries) == 0);
    }
    fail_unless(crowd, fl_registry_count(crowd->registry) == 0);
    fl_node_stop(crowd->node, 0);
}

static void a_key_has_one_owner_whatever_shard_wants_it(void **state)
{
    struct crowd crowd = {0};
    run(&crowd, conducts_keys);
}

/* ---- tasks on all shards */

struct sum {
    struct crowd *crowd;
    int next, told;
    int64_t sum;
    unsigned shards; /* bits: where they ran */
};

static void squares(struct fl_self *self, const void *args, size_t len)
{
    int64_t answer[2];
    memcpy(answer, args, sizeof *answer);
    answer[0] *= answer[0];
    answer[1] = (int64_t)(fl_self_pid(self).bits >> 56);
    fl_task_return(self, answer, sizeof answer);
}

static bool sum_next(void *cx, struct fl_str *args)
{
    struct sum *sum = cx;
    static int64_t input;
    if (sum->next == 300) return false;
    input = sum->next++;
    *args = (struct fl_str){(const char *)&input, sizeof input};
    return true;
}

static bool sum_add(void *cx, const struct fl_task_result *result)
{
    struct sum *sum = cx;
    int64_t answer[2];
    fail_unless(sum->crowd, result->code == 0 && result->len == sizeof answer);
    fail_unless(sum->crowd, result->index == (size_t)sum->told++);
    memcpy(answer, result->data, sizeof answer);
    sum->sum += answer[0];
    sum->shards |= 1u << answer[1];
    return true;
}

static bool has_nothing_left(struct fl_self *self)
{
    return fl_receive(self, NULL, NULL, 0, &(struct fl_msg){0}) == FL_ETIMEOUT;
}

static void waits(struct fl_self *self, const void *args, size_t len)
{
    fl_receive(self, NULL, NULL, FL_NEVER, &(struct fl_msg){0});
}

static void crashes(struct fl_self *self, const void *args, size_t len)
{
    fl_self_fail(self, FL_EIO);
}

static void conducts_tasks(struct fl_self *self, const void *args, size_t len)
{
    struct crowd *crowd = role_of(args).crowd;
    struct sum sum = {.crowd = crowd};
    struct fl_task_stream stream = {.fn = squares,
                                    .next = sum_next,
                                    .on_result = sum_add,
                                    .cx = &sum,
                                    .max_concurrency = 8,
                                    .timeout_ns = FL_NEVER,
                                    .is_spread = true};
    fl_self_trap_exits(self, true);
    fail_unless(crowd, fl_task_stream(self, &stream) == 0);
    fail_unless(crowd, sum.sum == 8955050 && sum.told == 300 && sum.shards == 7);
    fail_unless(crowd, has_nothing_left(self));

    /* ones elsewhere: that never ends, that crashes */
    struct fl_task_opts opts = {.is_linked = true, .shard = 1};
    struct fl_task task;
    struct fl_reason why;
    fail_unless(crowd, fl_task_start(self, &opts, waits, NULL, 0, &task) == 0);
    int rc = fl_task_shutdown(self, &task, fl_s(60), NULL, 0, NULL, NULL);
    fail_unless(crowd, rc == FL_ENOTFOUND);
    fail_unless(crowd, fl_task_start(self, &opts, crashes, NULL, 0, &task) == 0);
    rc = fl_task_try_await(self, &task, NULL, 0, NULL, FL_NEVER, &why);
    fail_unless(crowd, rc == FL_EDIED && why.code == FL_EIO);
    fail_unless(crowd, has_nothing_left(self));
    fl_node_stop(crowd->node, 0);
}

static void tasks_run_on_all_shards_and_answer_in_order(void **state)
{
    struct crowd crowd = {0};
    run(&crowd, conducts_tasks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broadcast_reaches_all_shards_in_the_order_of_its_sender),
        cmocka_unit_test(a_key_has_one_owner_whatever_shard_wants_it),
        cmocka_unit_test(tasks_run_on_all_shards_and_answer_in_order),
    };
    return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
