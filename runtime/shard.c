#include "runtime/annotate.h"
#include "runtime/core.h"

/* The one thread-local of the runtime: whose thread is this. */
static _Thread_local struct fl_shard *shard_of_thread;

struct fl_shard *fl_shard_here(const struct fl_node *node)
{
    struct fl_shard *here = shard_of_thread;
    return here != NULL && here->node == node ? here : NULL;
}

struct fl_shard *fl_shard_enter(struct fl_shard *shard)
{
    struct fl_shard *before = shard_of_thread;
    shard_of_thread = shard;
    return before;
}

fl_ns fl_shard_now(const struct fl_shard *shard)
{
    return fl_clock_now(&shard->node->clock);
}

fl_ns fl_shard_due(const struct fl_shard *shard, fl_ns span_ns)
{
    if (span_ns == FL_NEVER) return FL_NEVER;
    fl_ns now_ns = fl_shard_now(shard);
    return span_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + span_ns;
}

uint64_t fl_shard_next_ref(struct fl_shard *shard)
{
    return (uint64_t)shard->id << 56 | FL_ID_COUNTED | ++shard->ref_last;
}

void fl_shard_ask(struct fl_shard *shard, void (*fn)(struct fl_shard *shard, void *cx), void *cx)
{
    fl_shard_ask_or(shard, fn, cx, NULL);
}

void fl_shard_ask_or(struct fl_shard *shard, void (*fn)(struct fl_shard *shard, void *cx), void *cx,
                     void (*on_drop)(void *cx))
{
    struct fl_pid nobody_there = {(uint64_t)shard->id << 56 | (FL_ID_SLOTS_MAX - 1)};
    struct fl_sig *sig = fl_sig_new(fl_shard_here(shard->node), FL_SIG_ASK, nobody_there,
                                    FL_NO_PID);
    sig->ask.fn = fn;
    sig->ask.cx = cx;
    sig->ask.drop = on_drop;
    if (on_drop != NULL) sig->flags = FL_SIG_SPECIAL;
    fl_signal_send(shard->node, sig);
}

/* ---- the inbox: a stack that any thread pushes on and the shard takes whole, then turns round */

void fl_shard_wake(struct fl_shard *shard)
{
    if (shard->loop_is_open && atomic_exchange(&shard->is_sleeping, false))
        uv_async_send(&shard->wake);
}

void fl_shard_post(struct fl_shard *to, struct fl_sig *sig)
{
    struct fl_sig *top = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    do {
        sig->next = top;
        ANNOTATE_HAPPENS_BEFORE(&to->inbox);
    } while (!atomic_compare_exchange_weak(&to->inbox, &top, sig));
    if (top == NULL) fl_shard_wake(to);
}

size_t fl_shard_drain(struct fl_shard *shard)
{
    if (atomic_load_explicit(&shard->inbox, memory_order_relaxed) == NULL) return 0;
    struct fl_sig *newest = atomic_exchange(&shard->inbox, NULL);
    ANNOTATE_HAPPENS_AFTER(&shard->inbox);
    struct fl_sig *oldest = NULL;
    while (newest != NULL) {
        struct fl_sig *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    size_t count = 0;
    while (oldest != NULL) {
        struct fl_sig *next = oldest->next;
        fl_signal_arrive(shard, oldest);
        oldest = next;
        count++;
    }
    return count;
}

int fl_shard_init(struct fl_shard *shard, struct fl_node *node, int id, struct fl_err *err)
{
    shard->node = node;
    shard->id = id;
    shard->alarm_at_ns = FL_NEVER;
    shard->is_simulated = node->opts.simulated;
    shard->new_flags = node->opts.simulated ? FL_PROC_SIMULATED : 0;
    shard->cells.is_plain = RUNNING_ON_VALGRIND != 0;
    fl_table_init(&shard->procs_by_pid, node->opts.procs_max);
    fl_table_init(&shard->refs, FL_ID_SLOTS_MAX);
    VALGRIND_HG_DISABLE_CHECKING(&shard->inbox, sizeof shard->inbox);
    VALGRIND_HG_DISABLE_CHECKING(&shard->is_sleeping, sizeof shard->is_sleeping);
    VALGRIND_HG_DISABLE_CHECKING(&shard->procs_now, sizeof shard->procs_now);
    VALGRIND_HG_DISABLE_CHECKING(&shard->sups_now, sizeof shard->sups_now);
    VALGRIND_HG_DISABLE_CHECKING(&shard->firsts_now, sizeof shard->firsts_now);
    VALGRIND_HG_DISABLE_CHECKING(&shard->epoch, sizeof shard->epoch);
    VALGRIND_HG_DISABLE_CHECKING(&shard->running_pid, sizeof shard->running_pid);
    VALGRIND_HG_DISABLE_CHECKING(&shard->running_server, sizeof shard->running_server);
    fl_stack_adopt_thread(shard);
    return shard->is_simulated ? fl_sim_open(shard, err) : fl_loop_open(shard, err);
}

void fl_shard_fini(struct fl_shard *shard)
{
    if (shard->node == NULL) return;
    FL_ASSERT(shard->procs == 0);
    if (shard->loop_is_open) fl_loop_close(shard);
    for (struct fl_sig *sig = atomic_exchange(&shard->inbox, NULL); sig != NULL;) {
        struct fl_sig *next = sig->next;
        fl_sig_free(NULL, sig);
        sig = next;
    }
    fl_sim_close(shard);
    fl_stack_free_all(shard);
    if (FL_ASAN || shard->cells.is_plain) FL_ASSERT(shard->sig_pool == NULL);
    fl_sigs_fini(shard);
    fl_cells_fini(&shard->cells);
    fl_map_fini(&shard->watches_by_ref);
    fl_map_fini(&shard->links_by_pair);
    fl_table_fini(&shard->procs_by_pid);
    fl_table_fini(&shard->refs);
    fl_timers_fini(&shard->timers);
    free(shard->read_buf);
}
