#include "tests/conformance/otp/otp_expect.h"

#include "runtime/task.h"
#include "runtime/task_sup.h"

/* Tasks. Cases 177 to 184, on the shard of the case or on another one. */

enum job_kind { ANSWER, CRASH, HANG, HANG_ON };
struct job {
    enum job_kind kind;
    int number;
    fl_ns after_ns;
    atomic_int *traps; /* HANG_ON: told when it does; NULL: nobody */
};

static void work(struct fl_self *self, const void *args, size_t len)
{
    struct job job;
    memcpy(&job, args, sizeof job);
    if (job.kind == HANG_ON) fl_self_trap_exits(self, true);
    if (job.traps != NULL) atomic_fetch_add(job.traps, 1);
    if (job.after_ns > 0) fl_pause(self, job.after_ns);
    if (job.kind >= HANG) fl_pause(self, FL_NEVER);
    if (job.kind == CRASH) fl_self_exit_now(self, BOOM);
    fl_task_return(self, &job.number, sizeof job.number);
}

static struct fl_task start_task(struct fl_self *self, struct case_world *w, struct fl_pid sup,
                                 struct job job)
{
    struct fl_task task = {0};
    struct fl_task_opts opts = {.sup = sup, .is_linked = sup.bits == 0, .shard = w->there};
    expect_code(fl_task_start(self, &opts, work, &job, sizeof job, &task), 0);
    case_adopt(w, task.pid);
    return task;
}
#define start_linked_task(...) start_task(self, w, FL_NO_PID, (struct job){__VA_ARGS__})
#define start_nolink_task(sup, ...) start_task(self, w, (sup), (struct job){__VA_ARGS__})

static struct fl_pid start_task_sup(struct fl_self *self, struct case_world *w, size_t max)
{
    struct fl_task_sup_opts opts = {.max_children = max};
    struct fl_pid sup = FL_NO_PID;
    expect_code(fl_task_sup_start(self, &opts, NULL, &sup), 0);
    return sup;
}

/* ---- 177: await */

/* The result, once: a second time it is FL_ESTATE. */
CASE(case_177_await_ok)
{
    int number = 0;
    size_t len = 0;
    struct fl_task task = start_linked_task(.kind = ANSWER, .number = 42);
    expect_code(fl_task_await(self, &task, &number, sizeof number, &len, w->patience_ns), 0);
    expect(number == 42 && len == sizeof number);
    expect_code(fl_task_await(self, &task, &number, sizeof number, &len, w->patience_ns),
                FL_ESTATE); /* once */
    expect_nothing();
}

ORDER(do_await_task)
{
    struct fl_task task = start_linked_task(.kind = (enum job_kind)order->tag);
    fl_task_await(self, &task, NULL, 0, NULL, order->ns);
    note(w, "it went on\n");
}

/* A timeout ends the one who awaits, and with it the task that is linked. */
CASE(case_177_await_timeout)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_await_task, .tag = HANG, .ns = fl_ms(5));
    struct fl_msg down = case_await(self, w, CASE_AT,
                                    (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "its end");
    expect(down.reason->kind == FL_EXIT_ERROR && down.reason->code == FL_ETIMEOUT);
    expect_diary("");
}

/* The crash of a linked task ends who awaits it, with its reason. */
CASE(case_177_await_crash)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_await_task, .tag = CRASH, .ns = w->patience_ns);
    expect_down_with(ref, BOOM);
    expect_diary("");
}

ORDER(do_await_foreign)
{
    struct fl_task task = {.pid = order->pid, .owner = w->driver, .ref = order->ref};
    note(w, "%s\n", fl_code_name(fl_task_await(self, &task, NULL, 0, NULL, fl_ms(1))));
}

/* FL_ESTATE for another process; the owner gets it. */
CASE(case_177_await_not_owner)
{
    int number = 0;
    struct fl_pid p = start(obey);
    struct fl_task task = start_linked_task(.kind = ANSWER, .number = 7);
    do_in(p, .fn = do_await_foreign, .pid = task.pid, .ref = task.ref);
    expect_diary("wrong state\n");
    expect_code(fl_task_await(self, &task, &number, sizeof number, NULL, w->patience_ns), 0);
    expect_eq(number, 7);
}

/* ---- 178: yield */

/* FL_ETIMEOUT while it works, then the value. */
CASE(case_178_yield_nil_then_value)
{
    int number = 0;
    struct fl_task task = start_linked_task(.kind = ANSWER, .number = 3, .after_ns = fl_ms(20));
    expect_code(fl_task_yield(self, &task, &number, sizeof number, NULL, 0, NULL), FL_ETIMEOUT);
    expect_code(fl_task_yield(self, &task, &number, sizeof number, NULL, w->patience_ns, NULL), 0);
    expect_eq(number, 3);
    expect_nothing();
}

/* The reason is a value. */
CASE(case_178_yield_after_crash)
{
    struct fl_reason why = {0}, boom = BOOM;
    struct fl_task task = start_nolink_task(start_task_sup(self, w, 0), .kind = CRASH);
    expect_end(task.pid);
    expect_code(fl_task_yield(self, &task, NULL, 0, NULL, w->patience_ns, &why), FL_EDIED);
    expect(fl_reason_eq(&why, &boom));
    expect_nothing();
}

/* ---- 179: shutdown */

/* A result that came before is given. */
CASE(case_179_shutdown_a_reply_that_is_there_wins)
{
    int number = 0;
    struct fl_task task = start_linked_task(.kind = ANSWER, .number = 9);
    expect_end(task.pid);
    expect_code(fl_task_shutdown(self, &task, fl_s(5), &number, sizeof number, NULL, NULL), 0);
    expect_eq(number, 9);
    expect_nothing();
}

/* It ended as it was told: no result. */
CASE(case_179_shutdown_nil)
{
    struct fl_task task = start_linked_task(.kind = HANG);
    expect_code(fl_task_shutdown(self, &task, w->patience_ns, NULL, 0, NULL, NULL), FL_ENOTFOUND);
    expect_gone(task.pid);
    expect_nothing();
}

/* One that does not heed it is killed, and that is said. */
CASE(case_179_shutdown_killed_after_the_timeout)
{
    struct fl_reason why = {0};
    struct fl_task task = start_nolink_task(start_task_sup(self, w, 0), .kind = HANG_ON,
                                            .traps = &w->n[0]);
    wait_until(atomic_load(&w->n[0]) == 1);
    expect_code(fl_task_shutdown(self, &task, fl_ms(5), NULL, 0, NULL, &why), FL_EDIED);
    expect_eq(why.kind, FL_EXIT_KILLED);
    expect_gone(task.pid);
    expect_nothing();
}

/* One that crashed before: its reason. */
CASE(case_179_shutdown_says_the_crash)
{
    struct fl_reason why = {0}, boom = BOOM;
    struct fl_task task = start_nolink_task(start_task_sup(self, w, 0), .kind = CRASH);
    expect_end(task.pid);
    expect_code(fl_task_shutdown(self, &task, fl_s(5), NULL, 0, NULL, &why), FL_EDIED);
    expect(fl_reason_eq(&why, &boom));
    expect_nothing();
}

/* ---- 180: whose end is whose */

ORDER(do_start_both)
{
    w->pids[0] = start_linked_task(.kind = HANG).pid;
    w->pids[1] = start_nolink_task(order->pid, .kind = HANG).pid;
}

/* A task of a supervisor that is not linked goes on. */
CASE(case_180_owner_death_kills_the_linked_task_only)
{
    struct fl_pid sup = start_task_sup(self, w, 0), owner = start(obey);
    do_in(owner, .fn = do_start_both, .pid = sup);
    uint64_t linked = fl_monitor(self, w->pids[0]), other = fl_monitor(self, w->pids[1]);
    tell(owner, .fn = do_leave, .reason = BOOM);
    expect_down_with(linked, BOOM);
    expect_nothing();
    expect_eq(fl_task_sup_children(self, sup, NULL, 0), 1);
    fl_exit(self, w->pids[1], fl_reason_of(FL_EXIT_KILL));
    expect_down(other, FL_EXIT_KILLED);
}

/* ---- 181: streams */

struct stream {
    struct job jobs[4];
    size_t at, count, told, halt_after;
    struct {
        size_t index;
        int code, number;
    } got[4];
};

static bool stream_next(void *cx, struct fl_str *args)
{
    struct stream *stream = cx;
    if (stream->at == stream->count) return false;
    const struct job *job = &stream->jobs[stream->at++];
    *args = (struct fl_str){.at = (const char *)job, .len = sizeof *job};
    return true;
}

static bool stream_told(void *cx, const struct fl_task_result *result)
{
    struct stream *stream = cx;
    if (stream->told == FL_COUNT(stream->got)) return false;
    stream->got[stream->told].index = result->index;
    stream->got[stream->told].code = result->code;
    if (result->code == 0) memcpy(&stream->got[stream->told].number, result->data, sizeof(int));
    return ++stream->told != stream->halt_after;
}

static int play_stream(struct fl_self *self, struct case_world *w, struct stream *stream,
                       struct fl_task_stream opts)
{
    opts.fn = work;
    opts.next = stream_next;
    opts.on_result = stream_told;
    opts.cx = stream;
    opts.max_concurrency = 4;
    opts.is_spread = w->there != 0;
    if (opts.timeout_ns == 0) opts.timeout_ns = w->patience_ns;
    return fl_task_stream(self, &opts);
}

/* The first one takes longest. */
static struct stream three_jobs(void)
{
    return (struct stream){.jobs = {{ANSWER, 10, fl_ms(30), NULL},
                                    {ANSWER, 11, 0, NULL},
                                    {ANSWER, 12, fl_ms(10), NULL}},
                           .count = 3};
}

/* Results in the order of the inputs, whoever is done first. */
CASE(case_181_async_stream_ordered)
{
    struct stream stream = three_jobs();
    expect_code(play_stream(self, w, &stream, (struct fl_task_stream){0}), 0);
    expect_eq(stream.told, 3);
    for (size_t i = 0; i < 3; i++)
        expect(stream.got[i].index == i && stream.got[i].number == 10 + (int)i);
    expect_nothing();
}

/* Results as they come, each with the index of its input. */
CASE(case_181_async_stream_unordered)
{
    static const int by_time[] = {11, 12, 10};
    struct stream stream = three_jobs();
    int sum = 0;
    expect_code(play_stream(self, w, &stream, (struct fl_task_stream){.is_unordered = true}), 0);
    expect_eq(stream.told, 3);
    for (size_t i = 0; i < 3; i++) {
        sum += stream.got[i].number;
        expect_eq(stream.got[i].number, 10 + (int)stream.got[i].index);
        if (w->simulated) expect_eq(stream.got[i].number, by_time[i]);
    }
    expect_eq(sum, 33);
    expect_nothing();
}

/* A late task is killed, and FL_ETIMEOUT stands in its place. */
CASE(case_181_async_stream_kill_task)
{
    struct stream stream = {
        .jobs = {{ANSWER, 10, 0, NULL}, {HANG_ON, 0, 0, NULL}, {ANSWER, 12, 0, NULL}}, .count = 3};
    struct fl_task_stream opts = {.on_timeout = FL_TASK_TIMEOUT_KILL,
                                  .timeout_ns = w->simulated ? fl_ms(5) : fl_s(1)};
    expect_code(play_stream(self, w, &stream, opts), 0);
    expect_eq(stream.told, 3);
    expect(stream.got[0].number == 10 && stream.got[2].number == 12);
    expect(stream.got[1].index == 1 && stream.got[1].code == FL_ETIMEOUT); /* in its place */
    expect_nothing();
}

ORDER(do_stream_for_ever)
{
    struct stream stream = {.jobs = {{HANG, 0, 0, NULL}}, .count = 1};
    play_stream(self, w, &stream, (struct fl_task_stream){.timeout_ns = fl_ms(5)});
    note(w, "it went on\n");
}

/* Or it ends who streams. */
CASE(case_181_async_stream_exit)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_stream_for_ever);
    struct fl_msg down = case_await(self, w, CASE_AT,
                                    (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "its end");
    expect(down.reason->kind == FL_EXIT_ERROR && down.reason->code == FL_ETIMEOUT);
    expect_diary("");
}

/* A task of a supervisor: its crash is a value, and says which input it was. */
CASE(case_181_async_stream_zip_input_on_exit)
{
    struct stream stream = {.jobs = {{ANSWER, 10, 0, NULL}, {CRASH, 0, 0, NULL}}, .count = 2};
    struct fl_task_stream opts = {.sup = start_task_sup(self, w, 0)};
    expect_code(play_stream(self, w, &stream, opts), 0);
    expect_eq(stream.told, 2);
    expect(stream.got[0].number == 10);
    expect(stream.got[1].code == FL_EDIED && stream.got[1].index == 1);
    expect_nothing();
}

/* No more results are wanted: nothing is left that works. */
CASE(case_181_halting_kills_what_runs)
{
    struct stream stream = {
        .jobs = {{ANSWER, 10, 0, NULL}, {HANG, 0, 0, NULL}}, .count = 2, .halt_after = 1};
    struct fl_task_stream opts = {.sup = start_task_sup(self, w, 0)};
    expect_code(play_stream(self, w, &stream, opts), 0);
    expect_eq(stream.told, 1);
    expect_eq(fl_task_sup_children(self, opts.sup, NULL, 0), 0);
    expect_nothing();
}

/* ---- 184 */

/* One too many is FL_EFULL, also for async_nolink. */
CASE(case_184_task_supervisor_max_children)
{
    struct job job = {.kind = HANG};
    struct fl_task task = {0};
    struct fl_pid sup = start_task_sup(self, w, 1), first = FL_NO_PID;
    expect_code(fl_task_sup_start_child(self, sup, work, &job, sizeof job, &first), 0);
    expect_code(fl_task_sup_start_child(self, sup, work, &job, sizeof job, NULL), FL_EFULL);
    expect_code(fl_task_async_nolink(self, sup, work, &job, sizeof job, &task), FL_EFULL);
    expect_code(fl_task_sup_stop_child(self, sup, first), 0);
    expect_code(fl_task_async_nolink(self, sup, work, &job, sizeof job, &task), 0);
    fl_exit(self, task.pid, fl_reason_of(FL_EXIT_KILL));
    expect_code(fl_task_yield(self, &task, NULL, 0, NULL, w->patience_ns, NULL), FL_EDIED);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_177_await_ok),
        cmocka_unit_test(case_177_await_timeout),
        cmocka_unit_test(case_177_await_crash),
        cmocka_unit_test(case_177_await_not_owner),
        cmocka_unit_test(case_178_yield_nil_then_value),
        cmocka_unit_test(case_178_yield_after_crash),
        cmocka_unit_test(case_179_shutdown_a_reply_that_is_there_wins),
        cmocka_unit_test(case_179_shutdown_nil),
        cmocka_unit_test(case_179_shutdown_killed_after_the_timeout),
        cmocka_unit_test(case_179_shutdown_says_the_crash),
        cmocka_unit_test(case_180_owner_death_kills_the_linked_task_only),
        cmocka_unit_test(case_181_async_stream_ordered),
        cmocka_unit_test(case_181_async_stream_unordered),
        cmocka_unit_test(case_181_async_stream_kill_task),
        cmocka_unit_test(case_181_async_stream_exit),
        cmocka_unit_test(case_181_async_stream_zip_input_on_exit),
        cmocka_unit_test(case_181_halting_kills_what_runs),
        cmocka_unit_test(case_184_task_supervisor_max_children),
    };
    return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
