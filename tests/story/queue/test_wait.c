/* Whoever has time to wait for a job gets it the moment that it is there. */
#include "tests/story/queue/stage.h"

static struct fl_store_op lease(const char *queue, int64_t wait_ms)
{
    return (struct fl_store_op){.kind = FL_STORE_LEASE,
                                .queue = fl_str_of(queue),
                                .max = 1,
                                .visibility_ms = 1000,
                                .wait_ms = wait_ms};
}

static void who_waits_is_served_in_the_order_of_coming(void **state)
{
    struct stage *stage = *state;
    struct question *first = stage_ask(stage, lease("q", 5000));
    fl_sim_run(stage->node, fl_ms(100));
    struct question *second = stage_ask(stage, lease("q", 5000));
    struct question *elsewhere = stage_ask(stage, lease("other", 5000));
    fl_sim_run(stage->node, fl_ms(100));
    assert_false(first->is_answered || second->is_answered);

    stage_hear(stage, stage_enqueue("q", "a", "1"));
    assert_true(first->is_answered);
    assert_non_null(strstr(first->json, "\"key\":\"a\""));
    assert_false(second->is_answered);
    stage_hear(stage, stage_enqueue("q", "b", "2"));
    assert_non_null(strstr(second->json, "\"key\":\"b\""));
    assert_false(elsewhere->is_answered);
    fl_sim_run(stage->node, fl_s(6));
    assert_string_equal(elsewhere->json, "{\"jobs\":[]}");
    free(first), free(second), free(elsewhere);
}

static void a_wait_ends_on_time_and_without_a_job(void **state)
{
    struct stage *stage = *state;
    struct question *question = stage_ask(stage, lease("q", 700));
    fl_sim_run(stage->node, fl_ms(650));
    assert_false(question->is_answered);
    fl_sim_run(stage->node, fl_ms(100));
    assert_true(question->is_answered);
    assert_int_equal(question->code, 0);
    assert_string_equal(question->json, "{\"jobs\":[]}");
    free(question);
}

static void a_job_for_later_wakes_who_waits_at_its_time(void **state)
{
    struct stage *stage = *state;
    struct fl_store_op later = stage_enqueue("q", "a", "1");
    later.delay_ms = 3000;
    stage_hear(stage, later);
    struct question *question = stage_ask(stage, lease("q", 10000));
    fl_sim_run(stage->node, fl_ms(2900));
    assert_false(question->is_answered);
    fl_sim_run(stage->node, fl_ms(200));
    assert_true(question->is_answered);
    assert_non_null(strstr(question->json, "\"key\":\"a\""));
    free(question);
}

static void a_lease_that_runs_out_goes_to_who_waits(void **state)
{
    struct stage *stage = *state;
    stage_hear(stage, stage_enqueue("q", "a", "1"));
    assert_non_null(strstr(stage_hear(stage, lease("q", 0)).json, "\"attempt\":1"));
    struct question *question = stage_ask(stage, lease("q", 10000));
    fl_sim_run(stage->node, fl_ms(900));
    assert_false(question->is_answered);
    fl_sim_run(stage->node, fl_ms(300));
    assert_true(question->is_answered);
    assert_non_null(strstr(question->json, "\"attempt\":2"));
    free(question);
}

static void a_rate_lets_waiters_go_one_after_another(void **state)
{
    struct stage *stage = *state;
    struct fl_store_op set = {.kind = FL_STORE_QUEUE_SET, .queue = FL_STR("q")};
    set.change.has[FL_SET_RATE] = true;
    set.change.to.values[FL_SET_RATE] = 2000; /* two a second */
    stage_hear(stage, set);
    static const char *const keys[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        stage_hear(stage, stage_enqueue("q", keys[i], "1"));
    fl_ns start_ns = 0;
    struct question *waiting[4];
    for (int i = 0; i < 4; i++)
        waiting[i] = stage_ask(stage, lease("q", 10000));
    fl_sim_run(stage->node, fl_s(3));
    for (int i = 0; i < 4; i++) {
        assert_true(waiting[i]->is_answered);
        assert_int_equal(waiting[i]->row.found, 1);
        start_ns = i == 0 ? waiting[0]->at_ns : fl_ns_min(start_ns, waiting[i]->at_ns);
    }
    fl_ns last_ns = 0;
    for (int i = 0; i < 4; i++) {
        last_ns = fl_ns_max(last_ns, waiting[i]->at_ns);
        free(waiting[i]);
    }
    assert_in_range(last_ns - start_ns, fl_ms(900),
                    fl_ms(1700)); /* one was saved up, then 500 ms each */
}

static void a_paused_queue_wakes_its_waiters_when_it_goes_on(void **state)
{
    struct stage *stage = *state;
    struct fl_store_op set = {.kind = FL_STORE_QUEUE_SET, .queue = FL_STR("q")};
    set.change.has[FL_SET_PAUSED] = true;
    set.change.to.values[FL_SET_PAUSED] = 1;
    stage_hear(stage, set);
    stage_hear(stage, stage_enqueue("q", "a", "1"));
    struct question *question = stage_ask(stage, lease("q", 10000));
    fl_sim_run(stage->node, fl_s(2));
    assert_false(question->is_answered);
    set.change.to.values[FL_SET_PAUSED] = 0;
    stage_hear(stage, set);
    assert_true(question->is_answered);
    assert_int_equal(question->row.found, 1);
    free(question);
}

static void who_waits_when_the_store_crashes_is_told(void **state)
{
    struct stage *stage = *state;
    struct question *question = stage_ask(stage, lease("q", 10000));
    fl_sim_run(stage->node, fl_ms(100));
    assert_int_equal(fl_control_exit(stage->node, FL_KEEPER_NAME, fl_reason_of(FL_EXIT_CRASH)), 0);
    fl_sim_run(stage->node, fl_ms(100));
    assert_int_equal(question->code, FL_EDIED);
    free(question);
    assert_int_equal(stage_hear(stage, stage_enqueue("q", "a", "1")).code, 0);
}

static void a_repeat_fires_by_itself(void **state)
{
    struct stage *stage = *state;
    struct fl_store_op set = {.kind = FL_STORE_REPEAT_SET,
                              .queue = FL_STR("q"),
                              .key = FL_STR("r"),
                              .unique = FL_STR("* * * * *"),
                              .payload = FL_STR("{}")};
    assert_int_equal(stage_hear(stage, set).code, 0);
    fl_sim_run(stage->node, fl_s(300));
    stage_expect_queue(stage, "q", "\"enqueued\":5");
    assert_int_equal(fl_control_exit(stage->node, FL_KEEPER_NAME, fl_reason_of(FL_EXIT_CRASH)), 0);
    fl_sim_run(stage->node, fl_ms(100));
    stage_expect_queue(stage, "q", "\"enqueued\":5"); /* a restart fires nothing twice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(who_waits_is_served_in_the_order_of_coming),
        STORY(a_wait_ends_on_time_and_without_a_job),
        STORY(a_job_for_later_wakes_who_waits_at_its_time),
        STORY(a_lease_that_runs_out_goes_to_who_waits),
        STORY(a_rate_lets_waiters_go_one_after_another),
        STORY(a_paused_queue_wakes_its_waiters_when_it_goes_on),
        STORY(who_waits_when_the_store_crashes_is_told),
        STORY(a_repeat_fires_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
