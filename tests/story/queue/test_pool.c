/* Workers that work, fail, crash and are killed: every job ends up done or dead, none is lost. */
#include "tests/story/queue/stage.h"

static struct fl_store_op pool_of(const char *queue, const char *handler, int64_t workers)
{
    struct fl_store_op op = {.kind = FL_STORE_QUEUE_SET, .queue = fl_str_of(queue)};
    op.change.has_handler = true;
    snprintf(op.change.to.handler, sizeof op.change.to.handler, "%s", handler);
    op.change.has[FL_SET_WORKERS] = true;
    op.change.to.values[FL_SET_WORKERS] = workers;
    return op;
}

static void put(struct stage *stage, int count, const char *payload)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(stage_hear(stage, stage_enqueue("q", key, payload)).code, 0);
    }
}

static void a_pool_does_what_is_there_and_what_comes(void **state)
{
    struct stage *stage = *state;
    put(stage, 5, "{\"n\":1}");
    stage_hear(stage, pool_of("q", "echo", 2));
    fl_sim_run(stage->node, fl_s(1));
    stage_expect_queue(stage, "q", "\"done\":5");
    stage_hear(stage, stage_enqueue("q", "more", "[7]"));
    fl_sim_run(stage->node, fl_ms(200));
    struct question job = stage_hear(stage, (struct fl_store_op){.kind = FL_STORE_GET, .id = 6});
    assert_non_null(strstr(job.json, "\"state\":\"done\""));
    assert_non_null(strstr(job.json, "\"worker\":\"pool/q\""));
    assert_non_null(strstr(job.json, "\"result\":[7]"));
}

static void no_more_work_at_once_than_there_are_workers(void **state)
{
    struct stage *stage = *state;
    stage_hear(stage, pool_of("q", "wait", 3));
    put(stage, 10, "{\"ms\":60000}");
    fl_sim_run(stage->node, fl_s(2));
    stage_expect_queue(stage, "q", "\"ready\":7,\"leased\":3");
    fl_sim_run(stage->node, fl_s(57)); /* longer than a lease: it is kept alive */
    stage_expect_queue(stage, "q", "\"ready\":7,\"leased\":3");
    stage_expect_queue(stage, "q", "\"expired\":0");
    fl_sim_run(stage->node, fl_s(300));
    stage_expect_queue(stage, "q", "\"done\":10");
}

static void handlers_that_fail_and_crash_lose_nothing(void **state)
{
    struct stage *stage = *state;
    stage_hear(stage, pool_of("q", "crash", 4));
    put(stage, 40, "{\"ms\":5}");
    fl_sim_run(stage->node, fl_s(60));
    stage_expect_queue(stage, "q",
                       "{\"scheduled\":0,\"ready\":0,\"leased\":0,\"done\":40,\"dead\":0}");
    stage_hear(stage, pool_of("q", "flaky", 4));
    for (int i = 0; i < 20; i++)
        stage_hear(stage, stage_enqueue("q", NULL, "{\"ms\":5}"));
    fl_sim_run(stage->node, fl_s(600));
    stage_expect_queue(stage, "q",
                       "{\"scheduled\":0,\"ready\":0,\"leased\":0,\"done\":60,\"dead\":0}");
}

static void a_job_that_never_works_dies_with_its_last_words(void **state)
{
    struct stage *stage = *state;
    struct fl_store_op job = stage_enqueue("q", "a", "{\"ms\":1}");
    job.attempts_max = 3;
    stage_hear(stage, job);
    stage_hear(stage, pool_of("q", "fail", 1));
    fl_sim_run(stage->node, fl_s(60));
    stage_expect_queue(stage, "q", "\"dead\":1}");
    struct question look = stage_hear(stage, (struct fl_store_op){.kind = FL_STORE_GET, .id = 1});
    assert_non_null(strstr(look.json, "\"attempt\":3"));
    assert_non_null(strstr(look.json, "\"error\":\"this handler always fails\""));
}

static void a_pool_that_is_killed_comes_back_and_its_jobs_after_their_leases(void **state)
{
    struct stage *stage = *state;
    stage_hear(stage, pool_of("q", "wait", 2));
    put(stage, 4, "{\"ms\":1000}");
    fl_sim_run(stage->node, fl_ms(200));
    struct fl_pid before = fl_whereis(stage->node, "pool/q");
    assert_int_equal(fl_control_exit(stage->node, "pool/q", fl_reason_of(FL_EXIT_CRASH)), 0);
    fl_sim_run(stage->node, fl_s(5));
    struct fl_pid after = fl_whereis(stage->node, "pool/q");
    assert_false(fl_pid_eq(after, FL_NO_PID) || fl_pid_eq(after, before));
    stage_expect_queue(stage, "q", "\"done\":2,\"dead\":0");
    fl_sim_run(stage->node, fl_s(20));
    stage_expect_queue(stage, "q", "\"done\":4,\"dead\":0");
    stage_expect_queue(stage, "q", "\"expired\":2");
}

static void a_pool_that_is_taken_away_gives_its_jobs_back_at_once(void **state)
{
    struct stage *stage = *state;
    stage_hear(stage, pool_of("q", "wait", 2));
    put(stage, 2, "{\"ms\":60000}");
    fl_sim_run(stage->node, fl_ms(500));
    stage_expect_queue(stage, "q", "\"leased\":2");
    stage_hear(stage, pool_of("q", "", 0));
    fl_sim_run(stage->node, fl_ms(500));
    stage_expect_queue(stage, "q", "\"ready\":2,\"leased\":0");
    assert_true(fl_pid_eq(fl_whereis(stage->node, "pool/q"), FL_NO_PID));
}

static void pools_outlive_the_processes_around_them(void **state)
{
    struct stage *stage = *state;
    stage_hear(stage, pool_of("q", "echo", 2));
    fl_sim_run(stage->node, fl_ms(500));
    static const char *const names[] = {FL_KEEPER_NAME, FL_NOTICES_NAME, FL_POOLS_NAME};
    for (size_t i = 0; i < FL_COUNT(names); i++) {
        assert_int_equal(fl_control_exit(stage->node, names[i], fl_reason_of(FL_EXIT_CRASH)), 0);
        fl_sim_run(stage->node, fl_s(3));
        char want[24];
        stage_hear(stage, stage_enqueue("q", NULL, "1"));
        fl_sim_run(stage->node, fl_s(1));
        snprintf(want, sizeof want, "\"done\":%zu,\"dead\"", i + 1);
        stage_expect_queue(stage, "q", want);
    }
    stage_hear(stage, pool_of("new", "echo", 1)); /* and settings are still heard */
    fl_sim_run(stage->node, fl_s(1));
    assert_false(fl_pid_eq(fl_whereis(stage->node, "pool/new"), FL_NO_PID));
}

/* ---- a pool of one's own ---- */

static struct fl_pid hanging; /* the worker that was handed the job first */

static int handler_hang(struct fl_self *self, const struct fl_pool_job *job, struct fl_buf *out)
{
    (void)out;
    if (job->attempt > 1) return 0;
    hanging = fl_self_pid(self);
    fl_pause(self, fl_s(3600)); /* until it is killed */
    return 0;
}
static const struct fl_pool_handler hang_handler = {"hang", "hangs the first time", handler_hang};

static void a_worker_that_is_killed_is_noticed_at_once_and_its_job_comes_again(void **state)
{
    struct stage *stage = *state;
    struct fl_pool_args args = {.queue = "q", .handler = &hang_handler, .workers = 1};
    const struct fl_spawn_opts spawn = {.args = &args};
    struct fl_pid pool;
    assert_int_equal(fl_node_spawn(stage->node, &fl_pool_server, &spawn, &pool), 0);
    put(stage, 1, "1");
    fl_sim_run(stage->node, fl_s(60));
    stage_expect_queue(stage, "q", "\"leased\":1");
    fl_node_exit(stage->node, hanging, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(stage->node, fl_ms(200)); /* far less than a lease */
    stage_expect_queue(stage, "q", "\"done\":1,\"dead\":0");
    stage_expect_queue(stage, "q", "\"expired\":0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_pool_does_what_is_there_and_what_comes),
        STORY(no_more_work_at_once_than_there_are_workers),
        STORY(handlers_that_fail_and_crash_lose_nothing),
        STORY(a_job_that_never_works_dies_with_its_last_words),
        STORY(a_pool_that_is_killed_comes_back_and_its_jobs_after_their_leases),
        STORY(a_pool_that_is_taken_away_gives_its_jobs_back_at_once),
        STORY(pools_outlive_the_processes_around_them),
        STORY(a_worker_that_is_killed_is_noticed_at_once_and_its_job_comes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
