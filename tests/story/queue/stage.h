/* stage.h: the queue's processes in a simulated node, and people who ask them. */
#ifndef FL_TEST_QUEUE_STAGE_H
#define FL_TEST_QUEUE_STAGE_H

#include "tests/support/testkit.h"

#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/sup.h"
#include "services/queue/keeper.h"
#include "services/queue/notices.h"
#include "services/queue/pool.h"
#include "services/services.h"

/** One question and what came back. */
struct question {
    struct fl_store_op op;
    bool is_answered;
    int code; /* of the call, or else of the operation */
    struct fl_keeper_answer row;
    fl_ns at_ns; /* when it was answered */
    char json[16384];
};

struct stage {
    struct fl_node *node;
    struct fl_service_opts opts;
};

static inline void asker_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct question *question;
    assert_int_equal(args_len, sizeof question);
    memcpy(&question, args, sizeof question);
    struct fl_buf request = {0}, hold = {0};
    const struct fl_keeper_answer *rows;
    struct fl_str json;
    fl_keeper_put(&request, &question->op);
    question->code = fl_keeper_ask(self, &request, 1, sizeof question->json - 1, &hold, &rows,
                                   &json);
    if (question->code == 0) {
        question->row = rows[0];
        question->code = rows[0].code;
        memcpy(question->json, json.at, json.len);
    }
    question->is_answered = true;
    question->at_ns = fl_self_now(self);
    fl_buf_fini(&hold);
}

/** Somebody asks; what op's texts point to must live until the answer. free() it. */
static inline struct question *stage_ask(struct stage *stage, struct fl_store_op op)
{
    struct question *question = fl_new(struct question);
    question->op = op;
    assert_int_equal(
        fl_node_spawn_run(stage->node, asker_body, &question, sizeof question, NULL, NULL), 0);
    return question;
}

/** Somebody asks, and a moment later there is the answer. */
static inline struct question stage_hear(struct stage *stage, struct fl_store_op op)
{
    struct question *question = stage_ask(stage, op);
    fl_sim_run(stage->node, fl_ms(10));
    assert_true(question->is_answered);
    struct question answer = *question;
    free(question);
    return answer;
}

static inline struct fl_store_op stage_enqueue(const char *queue, const char *key,
                                               const char *payload)
{
    return (struct fl_store_op){.kind = FL_STORE_ENQUEUE,
                                .queue = fl_str_of(queue),
                                .key = fl_str_of(key),
                                .payload = fl_str_of(payload)};
}

/** Checks that a queue's JSON has this in it. */
static inline void stage_expect_queue(struct stage *stage, const char *queue, const char *want)
{
    struct question look = stage_hear(
        stage, (struct fl_store_op){.kind = FL_STORE_STATS, .queue = fl_str_of(queue)});
    assert_int_equal(look.code, 0);
    if (strstr(look.json, want) == NULL) fail_msg("%s: %s, expected %s", queue, look.json, want);
}

static inline int stage_open(void **state)
{
    struct stage *stage = fl_new(struct stage);
    stage->opts = (struct fl_service_opts){.instance = "queue", .folder = testkit_folder()};
    /* SQLite runs on these stacks only because a simulated node has no pool */
    const struct fl_node_opts node = {.simulated = true, .seed = 1, .stack_bytes = 1 << 20};
    assert_int_equal(fl_node_new(&stage->node, &node, NULL), 0);
    const struct fl_child children[] = {
        {.id = "notices", .name = FL_NOTICES_NAME, .server = &fl_notices_server},
        {.id = "store", .name = FL_KEEPER_NAME, .server = &fl_keeper_server, .args = &stage->opts},
        {.id = "pools", .name = FL_POOLS_NAME, .server = &fl_pools_server},
    };
    const struct fl_sup_opts sup = {.max_restarts = 10,
                                    .within_ns = fl_s(10),
                                    .children = children,
                                    .children_count = FL_COUNT(children)};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(stage->node, NULL, &sup, &pid), 0);
    fl_sim_run(stage->node, fl_ms(500));
    *state = stage;
    return 0;
}

static inline int stage_close(void **state)
{
    struct stage *stage = *state;
    fl_node_free(stage->node);
    testkit_remove((char *)(uintptr_t)stage->opts.folder);
    free(stage);
    return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

#endif
