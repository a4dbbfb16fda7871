#include "runtime/annotate.h"
#include "runtime/core.h"

#define PICKS_BETWEEN_DRAINS 16u
#define PICKS_BETWEEN_CLOCKS 64u /* reading one costs as much as a few small handlers */
#define PICKS_BEFORE_LOWER 8u
#define COARSE_SPAN fl_ms(500) /* a longer one may be late by a tick of the kernel */

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
    fl_ns now_ns;
    if (span_ns < COARSE_SPAN || shard->is_simulated) {
        now_ns = fl_shard_now(shard);
    } else {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
        now_ns = fl_s(at.tv_sec) + at.tv_nsec + shard->node->coarse_ns;
    }
    return span_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + span_ns;
}

uint64_t fl_shard_next_ref(struct fl_shard *shard)
{
    return (uint64_t)shard->id << 56 | FL_ID_COUNTED | ++shard->ref_last;
}

void fl_shard_ask(struct fl_shard *shard, void (*fn)(struct fl_shard *shard, void *cx), void *cx)
{
    struct fl_pid nobody_there = {(uint64_t)shard->id << 56 | (FL_ID_SLOTS_MAX - 1)};
    struct fl_sig *sig = fl_sig_new(fl_shard_here(shard->node), FL_SIG_ASK, nobody_there,
                                    FL_NO_PID);
    sig->ask.fn = fn;
    sig->ask.cx = cx;
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

/* ---- the run queues: first come first served, by priority; drawn when simulated */

static bool queue_is_empty(const struct fl_run_queue *queue)
{
    return queue->head == NULL;
}

void fl_shard_run_first(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(!(self->flags & FL_PROC_IN_QUEUE));
    if (shard->run_first != NULL) {
        fl_shard_ready(self);
    } else if (!(self->flags & (FL_PROC_SUSPENDED | FL_PROC_DOOMED))) {
        self->flags |= FL_PROC_IN_QUEUE;
        shard->run_first = self;
    }
}

/* High goes first, but one normal process in nine goes before; the same between normal and low. */
static struct fl_run_queue *queue_choose(struct fl_shard *shard)
{
    struct fl_run_queue *high = &shard->queues[FL_PRIORITY_HIGH];
    struct fl_run_queue *normal = &shard->queues[FL_PRIORITY_NORMAL];
    struct fl_run_queue *low = &shard->queues[FL_PRIORITY_LOW];
    bool has_normal = !queue_is_empty(normal), has_low = !queue_is_empty(low);
    bool has_lower = has_normal || has_low;
    if (!queue_is_empty(high) && (shard->high_in_row < PICKS_BEFORE_LOWER || !has_lower)) {
        shard->high_in_row++;
        return high;
    }
    shard->high_in_row = 0;
    if (has_normal && (shard->normal_in_row < PICKS_BEFORE_LOWER || !has_low)) {
        shard->normal_in_row += has_low;
        return normal;
    }
    shard->normal_in_row = 0;
    return low;
}

static struct fl_self *queue_pop(struct fl_shard *shard)
{
    if (FL_UNLIKELY(shard->is_simulated)) return fl_sim_pop(shard);
    struct fl_run_queue *queue = &shard->queues[FL_PRIORITY_NORMAL];
    if (FL_UNLIKELY(shard->has_priorities)) queue = queue_choose(shard);
    struct fl_self *self = queue->head;
    if (self != NULL) queue->head = self->next_to_run;
    return self;
}

bool fl_shard_has_work(const struct fl_shard *shard)
{
    for (size_t i = 0; i < FL_COUNT(shard->queues); i++)
        if (!queue_is_empty(&shard->queues[i])) return true;
    return shard->sim_count > 0 || !fl_list_is_empty(&shard->doomed) || shard->run_first != NULL;
}

static void shard_bury_one(struct fl_self *self)
{
    bool is_blocked = (self->flags & FL_PROC_BLOCKED) != 0;
    if (is_blocked && self->stack->wait.must_finish) return; /* fl_proc_wake brings it back */
    struct fl_cold *cold = self->cold;
    if (cold == NULL || cold->on_doom == NULL) {
        fl_proc_reap(self);
        return;
    }
    void (*on_doom)(struct fl_self *, const struct fl_reason *) = cold->on_doom;
    cold->on_doom = NULL;
    on_doom(self, fl_proc_reason(self)); /* it is let go later */
}

static void shard_bury(struct fl_shard *shard)
{
    while (!fl_list_is_empty(&shard->doomed)) {
        struct fl_self *self = FL_OWNER(shard->doomed.next, struct fl_self, queued);
        fl_list_remove(&self->queued);
        shard_bury_one(self);
    }
}

static bool shard_is_due_for_poll(struct fl_shard *shard)
{
    if (shard->budget <= 0) return true;
    if (++shard->picks % PICKS_BETWEEN_DRAINS != 0 || shard->is_simulated) return false;
    fl_shard_drain(shard);
    return shard->picks % PICKS_BETWEEN_CLOCKS == 0 && fl_now() >= shard->batch_end_ns;
}

/* Who is next; whoever was doomed or suspended in the queue comes too. */
static struct fl_self *shard_take(struct fl_shard *shard)
{
    bool is_due = shard_is_due_for_poll(shard);
    struct fl_self *first = shard->run_first;
    if (FL_UNLIKELY(first != NULL || is_due)) {
        shard->run_first = NULL;
        return first;
    }
    return queue_pop(shard);
}

/* On a worker's stack, under which nobody is: the doomed are buried on the way. */
static struct fl_self *shard_pick(struct fl_shard *shard)
{
    for (;;) {
        if (FL_UNLIKELY(!fl_list_is_empty(&shard->doomed))) shard_bury(shard);
        struct fl_self *self = shard_take(shard);
        if (self == NULL) return NULL;
        self->flags &= ~(uint32_t)FL_PROC_IN_QUEUE;
        if (FL_LIKELY(!(self->flags & (FL_PROC_DOOMED | FL_PROC_SUSPENDED)))) return self;
        if (self->flags & FL_PROC_DOOMED) {
            self->queued = (struct fl_list){0};
            shard_bury_one(self);
        }
    }
}

/* This process runs from now on; returns the stack that it kept. */
static struct fl_stack *shard_resume(struct fl_shard *shard, struct fl_self *self)
{
    struct fl_stack *its = self->stack;
    FL_ASSERT(its != NULL);
    self->stack = NULL;
    self->flags |= FL_PROC_RUNNING;
    shard->running = self;
    fl_shard_note_handler(shard, self);
    return its;
}

void fl_shard_work(struct fl_shard *shard)
{
    for (;;) {
        struct fl_self *self = shard->picked;
        shard->picked = NULL;
        if (self == NULL) self = shard_pick(shard);
        struct fl_stack *mine = shard->stack;
        if (self == NULL) {
            fl_stack_put(mine);
            fl_stack_switch(shard, &shard->main_stack);
        } else if (self->stack != NULL) {
            struct fl_stack *its = shard_resume(shard, self);
            fl_stack_put(mine);
            fl_stack_switch(shard, its);
        } else {
            fl_proc_run(self);
        }
    }
}

/* From one process's stack straight to the next one's, where that has one; who is to be buried must
 * not be under our feet, so a worker does it. */
void fl_shard_go_on(struct fl_shard *shard)
{
    shard->running = NULL;
    shard->budget--;
    struct fl_stack *mine = shard->stack;
    const uint32_t stops = FL_PROC_DOOMED | FL_PROC_SUSPENDED;
    struct fl_self *next = NULL;
    bool is_done = false;
    if (fl_list_is_empty(&shard->doomed)) {
        next = shard_take(shard);
        is_done = next == NULL;
    }
    if (is_done) {
        fl_stack_switch(shard, &shard->main_stack);
        return;
    }
    if (next != NULL && (next->flags & stops)) {
        /* it is not its turn after all: a worker sees to it */
        if (next->flags & FL_PROC_DOOMED) {
            next->queued = (struct fl_list){0};
            fl_list_push(&shard->doomed, &next->queued);
        }
        next->flags &= ~(uint32_t)FL_PROC_IN_QUEUE;
        next = NULL;
    }
    if (next != NULL) next->flags &= ~(uint32_t)FL_PROC_IN_QUEUE;
    struct fl_stack *to;
    if (next != NULL && next->stack != NULL) {
        to = shard_resume(shard, next);
    } else {
        shard->picked = next;
        to = fl_stack_take(shard);
    }
    if (to != mine) fl_stack_switch(shard, to);
}

void fl_shard_batch(struct fl_shard *shard, int64_t budget)
{
    FL_ASSERT(shard->stack == &shard->main_stack);
    shard->budget = budget;
    shard->batch_end_ns = shard->is_simulated ? FL_NEVER : fl_now() + FL_BATCH_NS;
    fl_stack_switch(shard, fl_stack_take(shard));
    FL_ASSERT(shard->running == NULL);
    atomic_store_explicit(&shard->running_pid, 0, memory_order_relaxed); /* the last one may wait */
}

int fl_shard_init(struct fl_shard *shard, struct fl_node *node, int id, struct fl_err *err)
{
    shard->node = node;
    shard->id = id;
    shard->alarm_at_ns = FL_NEVER;
    shard->is_simulated = node->opts.simulated;
    shard->cells.is_plain = RUNNING_ON_VALGRIND != 0;
    fl_table_init(&shard->procs_by_pid, node->opts.procs_max);
    fl_table_init(&shard->refs, FL_ID_SLOTS_MAX);
    fl_rng_init_named(&shard->sim_rng, node->opts.seed, "scheduler");
    VALGRIND_HG_DISABLE_CHECKING(&shard->inbox, sizeof shard->inbox);
    VALGRIND_HG_DISABLE_CHECKING(&shard->is_sleeping, sizeof shard->is_sleeping);
    VALGRIND_HG_DISABLE_CHECKING(&shard->procs_now, sizeof shard->procs_now);
    VALGRIND_HG_DISABLE_CHECKING(&shard->sups_now, sizeof shard->sups_now);
    VALGRIND_HG_DISABLE_CHECKING(&shard->epoch, sizeof shard->epoch);
    VALGRIND_HG_DISABLE_CHECKING(&shard->running_pid, sizeof shard->running_pid);
    VALGRIND_HG_DISABLE_CHECKING(&shard->running_server, sizeof shard->running_server);
    fl_stack_adopt_thread(shard);
    return shard->is_simulated ? 0 : fl_loop_open(shard, err);
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
    if (FL_ASAN || shard->cells.is_plain) FL_ASSERT(shard->sig_pool == NULL);
    fl_sigs_fini(shard);
    fl_cells_fini(&shard->cells);
    fl_map_fini(&shard->watches_by_ref);
    fl_map_fini(&shard->links_by_pair);
    fl_table_fini(&shard->procs_by_pid);
    fl_table_fini(&shard->refs);
    fl_timers_fini(&shard->timers);
    free(shard->sim_queue);
    free(shard->read_buf);
}
