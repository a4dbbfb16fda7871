#include "runtime/annotate.h"
#include "runtime/core.h"

/* How a shard lives in libuv: one async to be woken, one prepare that runs processes before each
 * poll, one idle that keeps the poll from sleeping while there is work, one timer for the heap. */

#define SPIN_DEFAULT (50 * FL_NS_PER_US)
#define SPIN_WORTH_MAX 16u
#define SPIN_PROBE 64u /* when it did not pay lately, one idle round in so many tries again */

static inline void fl_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static struct fl_shard *shard_of(void *handle)
{
    struct fl_shard *shard = ((uv_handle_t *)handle)->data;
    FL_ASSERT(shard->node != NULL);
    return shard;
}

static void on_wake(uv_async_t *handle)
{
    FL_ASSERT(handle->data != NULL); /* the prepare of the next round does the work */
}

static void on_idle(uv_idle_t *handle)
{
    FL_ASSERT(handle->data != NULL);
}

static void on_alarm(uv_timer_t *handle)
{
    shard_of(handle)->alarm_at_ns = FL_NEVER;
}

static void loop_set_alarm(struct fl_shard *shard)
{
    fl_ns due_ns = fl_timer_look_at(shard);
    if (due_ns >= shard->alarm_at_ns) return; /* it rings before; then we look again */
    fl_ns wait_ns = fl_ns_max(0, due_ns - fl_now());
    uv_update_time(&shard->loop);
    uv_timer_start(&shard->alarm, on_alarm, (uint64_t)((wait_ns + FL_NS_PER_MS - 1) / FL_NS_PER_MS),
                   0);
    shard->alarm_at_ns = due_ns;
}

static void loop_set_idle(struct fl_shard *shard, bool on)
{
    if (shard->idle_is_on == on) return;
    shard->idle_is_on = on;
    if (on)
        uv_idle_start(&shard->idle, on_idle);
    else
        uv_idle_stop(&shard->idle);
}

/* Waking a thread that sleeps costs fifty microseconds; so wait that long for another shard before
 * sleeping, as long as that pays: each time it did not, it is tried less often. */
static bool loop_spin(struct fl_shard *shard)
{
    if (shard->node->shards_count == 1 || shard->node->opts.spin_ns < 0) return false;
    if (shard->spin_worth == 0 && ++shard->picks % SPIN_PROBE != 0) return false;
    fl_ns span_ns = shard->node->opts.spin_ns != 0 ? shard->node->opts.spin_ns : SPIN_DEFAULT;
    fl_ns end_ns = fl_now() + span_ns;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(&shard->inbox, memory_order_relaxed) != NULL) {
                if (shard->spin_worth < SPIN_WORTH_MAX) shard->spin_worth += 2;
                return true;
            }
            fl_cpu_relax();
        }
    } while (fl_now() < end_ns);
    if (shard->spin_worth > 0) shard->spin_worth--;
    return false;
}

static void on_prepare(uv_prepare_t *handle)
{
    struct fl_shard *shard = shard_of(handle);
    atomic_store(&shard->is_sleeping, false);
    fl_shard_drain(shard);
    if (fl_timer_count(shard) > 0) fl_timer_fire(shard, fl_now());
    if (fl_shard_has_work(shard)) fl_shard_batch(shard, FL_BATCH_CALLBACKS);
    if (atomic_load(&shard->node->stop_asked)) fl_node_step_stop(shard);
    fl_tcp_uncork_all(shard, !fl_shard_has_work(shard));

    bool has_work = fl_shard_has_work(shard) || loop_spin(shard);
    if (!has_work) {
        loop_set_alarm(shard);
        atomic_store(&shard->is_sleeping, true);
        has_work = atomic_load(&shard->inbox) != NULL || atomic_load(&shard->node->loops_end);
    }
    bool is_over = shard->procs == 0 && atomic_load(&shard->node->state) != FL_NODE_RUNS;
    loop_set_idle(shard, has_work || is_over); /* over: whoever runs the loop has to see it */
}

int fl_loop_open(struct fl_shard *shard, struct fl_err *err)
{
    int rc = uv_loop_init(&shard->loop);
    if (rc != 0) return fl_err_set(err, rc, "cannot open an event loop: %s", uv_strerror(rc));
    shard->loop_is_open = true;
    rc = uv_async_init(&shard->loop, &shard->wake, on_wake);
    FL_ASSERT(rc == 0);
    uv_prepare_init(&shard->loop, &shard->prepare);
    uv_idle_init(&shard->loop, &shard->idle);
    uv_timer_init(&shard->loop, &shard->alarm);
    uv_handle_t *handles[] = {(uv_handle_t *)&shard->wake, (uv_handle_t *)&shard->prepare,
                              (uv_handle_t *)&shard->idle, (uv_handle_t *)&shard->alarm};
    for (size_t i = 0; i < FL_COUNT(handles); i++)
        handles[i]->data = shard;
    uv_prepare_start(&shard->prepare, on_prepare);
    return 0;
}

void fl_shard_loop(struct fl_shard *shard)
{
    struct fl_shard *before = fl_shard_enter(shard);
    fl_stack_adopt_thread(shard);
    while (!atomic_load(&shard->node->loops_end))
        uv_run(&shard->loop, UV_RUN_ONCE);
    /* What processes left behind finishes here: closes, and jobs on the thread pool. */
    fl_tcp_close_lingering(shard);
    while (shard->jobs > 0 || shard->handles_open > 0)
        uv_run(&shard->loop, UV_RUN_ONCE);
    fl_shard_enter(before);
}

static void close_one(uv_handle_t *handle, void *cx)
{
    FL_ASSERT(cx != NULL);
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void fl_loop_close(struct fl_shard *shard)
{
    struct fl_shard *before = fl_shard_enter(shard);
    fl_tcp_close_lingering(shard);
    uv_walk(&shard->loop, close_one, shard);
    uv_run(&shard->loop, UV_RUN_DEFAULT);
    fl_tcp_free_corks(shard);
    /* libuv's worker thread looks at the loop's mutex once more, inside its last unlock, while the
     * loop is closed: theirs, and harmless. */
    VALGRIND_HG_DISABLE_CHECKING(&shard->loop, sizeof shard->loop);
    int rc = uv_loop_close(&shard->loop);
    FL_ASSERT(rc == 0);
    shard->loop_is_open = false;
    fl_shard_enter(before);
}
