#include "runtime/annotate.h"
#include "runtime/core.h"

#define PICKS_BETWEEN_CHECKS 16u /* reading a clock costs as much as a small handler */

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

uint64_t fl_shard_next_ref(struct fl_shard *shard)
{
    return (uint64_t)shard->id << 56 | ++shard->ref_last;
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

/* ---- the run queue: first come first served, or drawn when simulated */

void fl_shard_ready(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    const uint32_t not_now = FL_PROC_IN_QUEUE | FL_PROC_DOOMED | FL_PROC_SUSPENDED;
    if ((self->flags & not_now) || self == shard->running || self == shard->run_first) return;
    self->flags |= FL_PROC_IN_QUEUE;
    if (!shard->node->opts.simulated) {
        fl_list_push(&shard->queue, &self->queued);
        return;
    }
    if (shard->sim_count == shard->sim_cap) {
        shard->sim_cap = shard->sim_cap == 0 ? 64 : shard->sim_cap * 2;
        shard->sim_queue = fl_realloc(shard->sim_queue, shard->sim_cap * sizeof(struct fl_self *));
    }
    self->sim_at = shard->sim_count;
    shard->sim_queue[shard->sim_count++] = self;
}

void fl_shard_unready(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    if (shard->run_first == self) shard->run_first = NULL;
    if (!(self->flags & FL_PROC_IN_QUEUE)) return;
    self->flags &= ~(uint32_t)FL_PROC_IN_QUEUE;
    if (!shard->node->opts.simulated) {
        fl_list_remove(&self->queued);
        return;
    }
    FL_ASSERT(shard->sim_queue[self->sim_at] == self);
    struct fl_self *last = shard->sim_queue[--shard->sim_count];
    shard->sim_queue[self->sim_at] = last;
    last->sim_at = self->sim_at;
}

static struct fl_self *queue_pop(struct fl_shard *shard)
{
    struct fl_self *self = NULL;
    if (shard->node->opts.simulated) {
        if (shard->sim_count == 0) return NULL;
        int64_t draw = fl_rng_between(&shard->sim_rng, 0, (int64_t)shard->sim_count - 1);
        self = shard->sim_queue[draw];
    } else {
        if (fl_list_is_empty(&shard->queue)) return NULL;
        self = FL_OWNER(shard->queue.next, struct fl_self, queued);
    }
    fl_shard_unready(self);
    return self;
}

bool fl_shard_has_work(const struct fl_shard *shard)
{
    return !fl_list_is_empty(&shard->queue) || shard->sim_count > 0 ||
           !fl_list_is_empty(&shard->doomed) || shard->run_first != NULL;
}

static void shard_bury(struct fl_shard *shard)
{
    while (!fl_list_is_empty(&shard->doomed)) {
        struct fl_self *self = FL_OWNER(shard->doomed.next, struct fl_self, queued);
        fl_list_remove(&self->queued);
        bool is_blocked = (self->flags & FL_PROC_BLOCKED) != 0;
        if (is_blocked && self->stack->wait.must_finish) continue; /* fl_proc_wake brings it back */
        if (self->on_doom == NULL) {
            fl_proc_reap(self);
            continue;
        }
        void (*on_doom)(struct fl_self *, const struct fl_reason *) = self->on_doom;
        self->on_doom = NULL;
        on_doom(self, self->reason); /* it is let go later */
    }
}

static bool shard_is_due_for_poll(struct fl_shard *shard, unsigned *picks)
{
    if (shard->budget <= 0) return true;
    if (++*picks % PICKS_BETWEEN_CHECKS != 0 || shard->node->opts.simulated) return false;
    if (fl_now() >= shard->batch_end_ns) return true;
    fl_shard_drain(shard);
    return false;
}

static struct fl_self *shard_pick(struct fl_shard *shard, unsigned *picks)
{
    bool is_due = shard_is_due_for_poll(shard, picks);
    shard_bury(shard);
    struct fl_self *first = shard->run_first;
    shard->run_first = NULL;
    if (first != NULL || is_due) return first;
    return queue_pop(shard);
}

void fl_shard_work(struct fl_shard *shard)
{
    unsigned picks = 0;
    for (;;) {
        struct fl_self *self = shard_pick(shard, &picks);
        struct fl_stack *mine = shard->stack;
        if (self == NULL) {
            fl_stack_put(mine);
            fl_stack_switch(shard, &shard->main_stack);
        } else if (self->stack != NULL) {
            struct fl_stack *its = self->stack;
            self->stack = NULL;
            shard->running = self;
            fl_stack_put(mine);
            fl_stack_switch(shard, its);
        } else {
            fl_proc_run(self);
        }
    }
}

void fl_shard_batch(struct fl_shard *shard, int64_t budget)
{
    FL_ASSERT(shard->stack == &shard->main_stack);
    shard->budget = budget;
    shard->batch_end_ns = shard->node->opts.simulated ? FL_NEVER : fl_now() + FL_BATCH_NS;
    fl_stack_switch(shard, fl_stack_take(shard));
    FL_ASSERT(shard->running == NULL);
}

int fl_shard_init(struct fl_shard *shard, struct fl_node *node, int id, struct fl_err *err)
{
    shard->node = node;
    shard->id = id;
    shard->alarm_at_ns = FL_NEVER;
    fl_list_init(&shard->queue);
    fl_list_init(&shard->doomed);
    fl_list_init(&shard->stacks);
    fl_list_init(&shard->lingering);
    fl_rng_init_named(&shard->sim_rng, node->opts.seed, "scheduler");
    VALGRIND_HG_DISABLE_CHECKING(&shard->inbox, sizeof shard->inbox);
    VALGRIND_HG_DISABLE_CHECKING(&shard->is_sleeping, sizeof shard->is_sleeping);
    VALGRIND_HG_DISABLE_CHECKING(&shard->procs_now, sizeof shard->procs_now);
    VALGRIND_HG_DISABLE_CHECKING(&shard->sups_now, sizeof shard->sups_now);
    fl_stack_adopt_thread(shard);
    return node->opts.simulated ? 0 : fl_loop_open(shard, err);
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
    fl_stack_free_all(shard);
    while (shard->sig_pool != NULL) {
        struct fl_sig *sig = shard->sig_pool;
        shard->sig_pool = sig->next;
        free(sig);
    }
    struct fl_map *maps[] = {&shard->monitors_by_ref, &shard->watches_by_ref, &shard->links_by_pair,
                             &shard->timers_by_ref};
    for (size_t i = 0; i < FL_COUNT(maps); i++)
        fl_map_fini(maps[i]);
    for (uint32_t i = 0; i < shard->slots_chunks; i++)
        free(shard->slots[i]);
    free(shard->slots);
    free(shard->timers.heap);
    free(shard->sim_queue);
    free(shard->read_buf);
}
