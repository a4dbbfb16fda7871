#include "tests/story/runtime/player.h"

#include "runtime/task.h"
#include "runtime/task_sup.h"

/* Tasks: work with a result. OTP cases 177 to 184. After each, the owner's mailbox is empty. */

struct job {
    struct world *world;
    fl_ns takes_ns;
    int number;
    bool crashes, heeds_nothing, is_noisy;
};

static void work(struct fl_self *self, const void *args, size_t len)
{
    struct job job;
    assert_int_equal(len, sizeof job);
    memcpy(&job, args, sizeof job);
    if (job.heeds_nothing) fl_self_trap_exits(self, true);
    if (job.takes_ns > 0) fl_pause(self, job.takes_ns);
    if (job.crashes) {
        fl_self_exit(self, fl_reason_with(FL_EXIT_ERROR, FL_EIO, "disk %d", job.number));
        return;
    }
    if (job.is_noisy) write_down(job.world, "worked on %d\n", job.number);
    int twice = job.number * 2;
    fl_task_return(self, &twice, sizeof twice);
}

static void answer(struct world *w, const char *what, int rc, int reply,
                   const struct fl_reason *why)
{
    char text[96];
    if (rc == 0)
        write_down(w, "%s: %d\n", what, reply);
    else if (rc == FL_EDIED)
        write_down(w, "%s: ended, %s\n", what, fl_reason_show(why, text, sizeof text));
    else
        write_down(w, "%s: %s\n", what, fl_code_name(rc));
}

static void start(struct fl_self *self, struct world *w, struct job job, struct fl_task *task)
{
    job.world = w;
    assert_int_equal(fl_task_async(self, work, &job, sizeof job, task), 0);
}

static void await(struct fl_self *self, struct world *w, struct fl_task *task)
{
    int reply = -1;
    size_t len = 0;
    int rc = fl_task_await(self, task, &reply, sizeof reply, &len, fl_s(5));
    assert_true(rc != 0 || len == sizeof reply);
    answer(w, "await", rc, reply, NULL);
}

static void try_await(struct fl_self *self, struct world *w, struct fl_task *task, fl_ns ns)
{
    struct fl_reason why;
    int reply = -1;
    int rc = fl_task_try_await(self, task, &reply, sizeof reply, NULL, ns, &why);
    answer(w, "try", rc, reply, &why);
}

static void yield(struct fl_self *self, struct world *w, struct fl_task *task, fl_ns ns)
{
    struct fl_reason why;
    int reply = -1;
    int rc = fl_task_yield(self, task, &reply, sizeof reply, NULL, ns, &why);
    answer(w, "yield", rc, reply, &why);
}

static void shut_down(struct fl_self *self, struct world *w, struct fl_task *task, fl_ns ns)
{
    struct fl_reason why;
    int reply = -1;
    int rc = fl_task_shutdown(self, task, ns, &reply, sizeof reply, NULL, &why);
    answer(w, "shutdown", rc, reply, &why);
}

/* Lets everything settle, then looks at what is left. */
static void expect_nothing_left(struct fl_self *self, struct world *w)
{
    fl_pause(self, fl_s(60));
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

/* ---- 177: await */

static void awaits_one(struct fl_self *self, struct world *w)
{
    struct fl_task task;
    fl_self_trap_exits(self, true); /* and is not told of a task that went well */
    start(self, w, (struct job){.number = 21}, &task);
    await(self, w, &task);
    await(self, w, &task);
    expect_nothing_left(self, w);
}

static void c177_await_gets_the_result_once(void **state)
{
    struct world *w = *state;
    world_play(w, awaits_one, fl_s(100));
    expect_diary(w, "await: 42\nawait: wrong state\nleft: 0\n");
}

static void awaits_a_crash(struct fl_self *self, struct world *w)
{
    struct fl_task task;
    fl_self_trap_exits(self, true);
    start(self, w, (struct job){.number = 3, .crashes = true}, &task);
    await(self, w, &task);
    write_down(w, "never here\n");
}

static void awaits_too_long(struct fl_self *self, struct world *w)
{
    struct fl_task task;
    start(self, w, (struct job){.takes_ns = fl_s(60)}, &task);
    await(self, w, &task);
    write_down(w, "never here\n");
}

static void watches(struct fl_self *self, struct world *w)
{
    player_await_end(self, w, *(struct fl_pid *)w->cx);
}

static void play_and_watch(struct world *w, player_fn fn)
{
    free(w->cx);
    struct fl_pid *who = fl_new(struct fl_pid);
    *who = world_start(w, fn);
    w->cx = who;
    world_play(w, watches, fl_s(100));
}

static void c177_await_ends_the_owner_of_a_task_that_crashed_or_took_too_long(void **state)
{
    struct world *w = *state;
    play_and_watch(w, awaits_a_crash);
    expect_diary(w, "it ended: error: disk 3\n");
    play_and_watch(w, awaits_too_long);
    expect_diary(w, "it ended: error: waited for a task\n");
}

static void tries(struct fl_self *self, struct world *w)
{
    struct fl_task quick, slow, bad;
    fl_self_trap_exits(self, true);
    start(self, w, (struct job){.number = 1}, &quick);
    start(self, w, (struct job){.number = 2, .takes_ns = fl_s(2)}, &slow);
    start(self, w, (struct job){.number = 3, .crashes = true}, &bad);
    try_await(self, w, &slow, fl_s(1));
    try_await(self, w, &bad, fl_s(1));
    try_await(self, w, &quick, fl_s(1));
    try_await(self, w, &slow, fl_s(9));
    expect_nothing_left(self, w);
}

static void trying_to_await_tells_and_a_late_result_is_dropped(void **state)
{
    struct world *w = *state;
    world_play(w, tries, fl_s(100));
    expect_diary(w, "try: timeout\ntry: ended, error: disk 3\ntry: 2\ntry: wrong state\nleft: 0\n");
}

static void lends(struct fl_self *self, struct world *w)
{
    struct fl_task mine;
    start(self, w, (struct job){.number = 4, .takes_ns = fl_s(1)}, &mine);
    *(struct fl_task *)w->cx = mine;
    fl_pause(self, fl_ms(500));
    await(self, w, &mine);
}

static void borrows(struct fl_self *self, struct world *w)
{
    struct fl_task theirs;
    fl_pause(self, fl_ms(100));
    theirs = *(struct fl_task *)w->cx;
    await(self, w, &theirs);
    yield(self, w, &theirs, fl_s(1));
    shut_down(self, w, &theirs, fl_s(1));
}

static void c177_only_the_owner_may_await(void **state)
{
    struct world *w = *state;
    w->cx = fl_new(struct fl_task);
    world_start(w, lends);
    world_play(w, borrows, fl_s(10));
    expect_diary(w, "await: wrong state\nyield: wrong state\nshutdown: wrong state\nawait: 8\n");
}

/* ---- 178: yield */

static void yields(struct fl_self *self, struct world *w)
{
    struct fl_task task, bad;
    fl_self_trap_exits(self, true);
    start(self, w, (struct job){.number = 5, .takes_ns = fl_ms(1500)}, &task);
    start(self, w, (struct job){.number = 6, .takes_ns = fl_ms(10), .crashes = true}, &bad);
    yield(self, w, &task, 0);
    yield(self, w, &task, fl_s(1));
    yield(self, w, &task, fl_s(1));
    yield(self, w, &bad, 0);
    expect_nothing_left(self, w);
}

static void c178_yield_looks_and_the_task_goes_on(void **state)
{
    struct world *w = *state;
    world_play(w, yields, fl_s(100));
    expect_diary(w, "yield: timeout\nyield: timeout\nyield: 10\nyield: ended, error: disk 6\n"
                    "left: 0\n");
}

/* ---- 179: shutdown */

static void shuts_down(struct fl_self *self, struct world *w)
{
    struct fl_task done, quiet, deaf, crashed, brutal;
    fl_self_trap_exits(self, true);
    start(self, w, (struct job){.number = 7}, &done);
    start(self, w, (struct job){.takes_ns = fl_s(30)}, &quiet);
    start(self, w, (struct job){.takes_ns = fl_s(30), .heeds_nothing = true}, &deaf);
    start(self, w, (struct job){.number = 8, .crashes = true}, &crashed);
    start(self, w, (struct job){.takes_ns = fl_s(30), .heeds_nothing = true}, &brutal);
    fl_pause(self, fl_ms(1));
    shut_down(self, w, &done, fl_s(5));
    shut_down(self, w, &quiet, fl_s(5));
    fl_ns before_ns = fl_self_now(self);
    shut_down(self, w, &deaf, fl_s(5));
    assert_int_equal(fl_self_now(self) - before_ns, fl_s(5));
    shut_down(self, w, &crashed, fl_s(5));
    shut_down(self, w, &brutal, 0);
    expect_nothing_left(self, w);
}

static void c179_shutdown_gives_the_result_that_is_there_or_says_how_it_ended(void **state)
{
    struct world *w = *state;
    world_play(w, shuts_down, fl_s(100));
    expect_diary(w, "shutdown: 14\nshutdown: not found\nshutdown: ended, killed\n"
                    "shutdown: ended, error: disk 8\nshutdown: not found\nleft: 0\n");
}

static void ignores(struct fl_self *self, struct world *w)
{
    struct fl_task done, later, bad;
    start(self, w, (struct job){.number = 1, .is_noisy = true}, &done);
    fl_pause(self, fl_ms(1));
    start(self, w, (struct job){.number = 2, .takes_ns = fl_s(1), .is_noisy = true}, &later);
    start(self, w, (struct job){.takes_ns = fl_s(1), .crashes = true}, &bad);
    assert_int_equal(fl_task_ignore(self, &done), 0);
    assert_int_equal(fl_task_ignore(self, &later), 0);
    assert_int_equal(fl_task_ignore(self, &bad), 0);
    assert_int_equal(fl_task_ignore(self, &bad), FL_ESTATE);
    expect_nothing_left(self, w);
}

static void what_is_ignored_goes_on_and_tells_nobody(void **state)
{
    struct world *w = *state;
    world_play(w, ignores, fl_s(100));
    expect_diary(w, "worked on 1\nworked on 2\nleft: 0\n");
}

/* ---- 180: whose end is whose */

static void owner_is_ended(struct fl_self *self, struct world *w, bool is_linked)
{
    struct fl_task task;
    struct job job = {.world = w, .number = 1, .takes_ns = fl_s(1), .is_noisy = true};
    struct fl_pid sup = FL_NO_PID;
    if (is_linked) {
        fl_task_async(self, work, &job, sizeof job, &task);
    } else {
        assert_int_equal(fl_task_sup_start(self, NULL, NULL, &sup), 0);
        fl_unlink(self, sup);
        assert_int_equal(fl_task_async_nolink(self, sup, work, &job, sizeof job, &task), 0);
    }
    fl_pause(self, fl_ms(1));
    fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_EIO, "enough"));
}
static void linked_owner(struct fl_self *self, struct world *w)
{
    owner_is_ended(self, w, true);
}
static void free_owner(struct fl_self *self, struct world *w)
{
    owner_is_ended(self, w, false);
}

static void c180_the_end_of_the_owner_ends_a_linked_task_only(void **state)
{
    struct world *w = *state;
    world_play(w, linked_owner, fl_s(10));
    expect_diary(w, "");
    world_play(w, free_owner, fl_s(10));
    expect_diary(w, "worked on 1\n");
}

static void survives(struct fl_self *self, struct world *w)
{
    struct fl_pid sup;
    struct fl_task task;
    struct job job = {.world = w, .number = 9, .crashes = true};
    assert_int_equal(fl_task_sup_start(self, NULL, "tasks", &sup), 0);
    assert_int_equal(fl_task_async_nolink(self, sup, work, &job, sizeof job, &task), 0);
    try_await(self, w, &task, fl_s(1));
    job = (struct job){.world = w, .number = 10};
    assert_int_equal(fl_task_async_nolink(self, sup, work, &job, sizeof job, &task), 0);
    await(self, w, &task);
    write_down(w, "children: %d\n", (int)fl_task_sup_children(self, sup, NULL, 0));
    expect_nothing_left(self, w);
}

static void without_a_link_a_crash_is_a_value(void **state)
{
    struct world *w = *state;
    world_play(w, survives, fl_s(100));
    expect_diary(w, "try: ended, error: disk 9\nawait: 20\nchildren: 0\nleft: 0\n");
}

/* ---- 184: the supervisor */

static void crowds(struct fl_self *self, struct world *w)
{
    struct fl_pid sup, pids[3], one = FL_NO_PID;
    struct fl_task task;
    struct job job = {.world = w, .takes_ns = fl_s(9), .number = 1, .is_noisy = true};
    const struct fl_task_sup_opts opts = {.max_children = 2};
    assert_int_equal(fl_task_sup_start(self, &opts, NULL, &sup), 0);
    assert_int_equal(fl_task_sup_start_child(self, sup, work, &job, sizeof job, &one), 0);
    assert_int_equal(fl_task_async_nolink(self, sup, work, &job, sizeof job, &task), 0);
    int rc = fl_task_sup_start_child(self, sup, work, &job, sizeof job, NULL);
    write_down(w, "third: %s\n", fl_code_name(rc));
    assert_int_equal(fl_task_sup_children(self, sup, pids, 3), 2);
    assert_true(fl_pid_eq(pids[0], one) && fl_pid_eq(pids[1], task.pid));
    assert_int_equal(fl_task_sup_stop_child(self, sup, one), 0);
    assert_int_equal(fl_task_sup_stop_child(self, sup, one), FL_ENOTFOUND);
    assert_int_equal(fl_task_sup_children(self, sup, NULL, 0), 1);
    fl_unlink(self, sup);
    fl_exit(self, sup, fl_reason_of(FL_EXIT_KILL));
    player_await_end(self, w, sup);
    try_await(self, w, &task, fl_s(1));
    rc = fl_task_async_nolink(self, sup, work, &job, sizeof job, &task);
    write_down(w, "without: %s\n", fl_code_name(rc));
    assert_int_equal(fl_task_sup_children(self, sup, NULL, 0), FL_ENOPROC);
    expect_nothing_left(self, w);
}

static void c184_a_supervisor_has_its_most_and_takes_its_tasks_along(void **state)
{
    struct world *w = *state;
    world_play(w, crowds, fl_s(100));
    expect_diary(w, "third: full\nit ended: killed\ntry: ended, killed\nwithout: no such process\n"
                    "left: 0\n");
}

static void closes(struct fl_self *self, struct world *w)
{
    struct fl_pid sup, deaf, good;
    struct job job = {.world = w, .takes_ns = fl_s(90), .heeds_nothing = true};
    const struct fl_task_sup_opts opts = {.shutdown_ns = fl_s(3)};
    fl_self_trap_exits(self, true);
    assert_int_equal(fl_task_sup_start(self, &opts, NULL, &sup), 0);
    assert_int_equal(fl_task_sup_start_child(self, sup, work, &job, sizeof job, &deaf), 0);
    job.heeds_nothing = false;
    assert_int_equal(fl_task_sup_start_child(self, sup, work, &job, sizeof job, &good), 0);
    fl_pause(self, fl_ms(1));
    fl_ns before_ns = fl_self_now(self);
    uint64_t ref = fl_monitor(self, sup); /* it may be gone right after its last task */
    fl_exit(self, sup, fl_reason_of(FL_EXIT_SHUTDOWN)); /* as its parent */
    player_await_end(self, w, good);
    assert_int_equal(fl_self_now(self), before_ns);
    player_await_end(self, w, deaf);
    assert_int_equal(fl_self_now(self) - before_ns, fl_s(3));
    player_await_down(self, w, ref);
}

static void a_supervisor_that_shuts_down_waits_for_its_tasks_all_at_once(void **state)
{
    struct world *w = *state;
    world_play(w, closes, fl_s(100));
    expect_diary(w, "it ended: shutdown\nit ended: killed\nit ended: shutdown\n");
}

/* ---- many */

static bool note_one(void *cx, const struct fl_task_result *result)
{
    int reply = -1;
    if (result->code == 0) memcpy(&reply, result->data, sizeof reply);
    char what[32];
    snprintf(what, sizeof what, "[%zu]", result->index);
    answer(cx, what, result->code, reply, result->why);
    return true;
}

static void awaits_many(struct fl_self *self, struct world *w)
{
    struct fl_task tasks[3];
    fl_self_trap_exits(self, true);
    for (int i = 0; i < 3; i++)
        start(self, w, (struct job){.number = i, .takes_ns = fl_s(3 - i)}, &tasks[i]);
    size_t told = fl_task_yield_many(self, tasks, 3, 1, fl_s(5), note_one, w);
    write_down(w, "told: %zu\n", told);
    told = fl_task_yield_many(self, tasks, 3, 0, fl_ms(1500), note_one, w);
    write_down(w, "told: %zu\n", told);
    assert_int_equal(fl_task_await_many(self, tasks, 3, fl_s(5), note_one, w), FL_ESTATE);
    assert_int_equal(fl_task_await_many(self, tasks, 1, fl_s(5), note_one, w), 0);
    expect_nothing_left(self, w);
}

static void awaits_many_too_long(struct fl_self *self, struct world *w)
{
    struct fl_task tasks[2];
    start(self, w, (struct job){.number = 1}, &tasks[0]);
    start(self, w, (struct job){.takes_ns = fl_s(60)}, &tasks[1]);
    fl_task_await_many(self, tasks, 2, fl_s(5), note_one, w);
    write_down(w, "never here\n");
}

static void many_are_told_as_they_end_up_to_a_limit_or_a_time(void **state)
{
    struct world *w = *state;
    world_play(w, awaits_many, fl_s(100));
    expect_diary(w, "[2]: 4\ntold: 1\n[1]: 2\ntold: 1\n[0]: 0\nleft: 0\n");
    play_and_watch(w, awaits_many_too_long);
    expect_diary(w, "[0]: 2\nit ended: error: waited for a task\n");
}

/* A mailbox that is full loses casts, not results. */
static void is_flooded(struct fl_self *self, struct world *w)
{
    enum { TASKS = 50 };
    struct fl_task tasks[TASKS];
    int sum = 0, reply;
    for (int i = 0; i < TASKS; i++)
        start(self, w, (struct job){.number = i}, &tasks[i]);
    while (fl_send(self, fl_self_pid(self), 1, NULL, 0) != FL_EFULL)
        continue;
    for (int i = TASKS - 1; i >= 0; i--) {
        assert_int_equal(fl_task_await(self, &tasks[i], &reply, sizeof reply, NULL, fl_s(5)), 0);
        sum += reply;
    }
    write_down(w, "sum: %d\n", sum);
}

static void a_full_mailbox_loses_no_result(void **state)
{
    struct world *w = *state;
    struct player_args args = {.fn = is_flooded, .world = w};
    struct fl_spawn_opts opts = {.mailbox_max = 10, .shard = -1};
    struct fl_pid pid;
    fl_node_spawn_run(w->node, player_body, &args, sizeof args, &opts, &pid);
    fl_sim_run(w->node, fl_s(10));
    expect_diary(w, "sum: 2450\n");
}

static void sends_much(struct fl_self *self, const void *args, size_t len)
{
    size_t size = 100000;
    unsigned char *bytes = fl_self_alloc(self, size);
    memset(bytes, *(const unsigned char *)args, size);
    fl_task_return(self, bytes, size);
}

static void gets_much(struct fl_self *self, struct world *w)
{
    struct fl_task task;
    unsigned char *bytes = fl_self_alloc(self, 100000);
    memset(bytes, 'x', 100000); /* args of this size too */
    size_t len = 0;
    assert_int_equal(fl_task_async(self, sends_much, bytes, 100000, &task), 0);
    fl_task_await(self, &task, bytes, 100000, &len, fl_s(1));
    write_down(w, "%zu bytes of %c\n", len, bytes[99999]);
}

static void args_and_results_may_be_large(void **state)
{
    struct world *w = *state;
    world_play(w, gets_much, fl_s(10));
    expect_diary(w, "100000 bytes of x\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(c177_await_gets_the_result_once),
        STORY(c177_await_ends_the_owner_of_a_task_that_crashed_or_took_too_long),
        STORY(trying_to_await_tells_and_a_late_result_is_dropped),
        STORY(c177_only_the_owner_may_await),
        STORY(c178_yield_looks_and_the_task_goes_on),
        STORY(c179_shutdown_gives_the_result_that_is_there_or_says_how_it_ended),
        STORY(what_is_ignored_goes_on_and_tells_nobody),
        STORY(c180_the_end_of_the_owner_ends_a_linked_task_only),
        STORY(without_a_link_a_crash_is_a_value),
        STORY(c184_a_supervisor_has_its_most_and_takes_its_tasks_along),
        STORY(a_supervisor_that_shuts_down_waits_for_its_tasks_all_at_once),
        STORY(many_are_told_as_they_end_up_to_a_limit_or_a_time),
        STORY(a_full_mailbox_loses_no_result),
        STORY(args_and_results_may_be_large),
    };
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
