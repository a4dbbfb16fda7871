#include "runtime/core.h"
#include "runtime/fanout.h"

/* Who runs next, and for how long. A worker is a stack that runs one process after another; one
 * that waits in the middle keeps the stack, and the next worker comes from the pool. */
#define PICKS_BETWEEN_DRAINS 16u
#define DRAINS_BETWEEN_CLOCKS 8u /* reading one costs as much as a few small handlers */
#define PICKS_BEFORE_LOWER 8u
#define LONG_MAILBOX 4096u

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
        shard->is_plain_turn = false;
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
    return !fl_list_is_empty(&shard->doomed) || shard->run_first != NULL ||
           shard->fanouts != NULL || fl_sim_has_work(shard);
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
    if (shard->picks_left > 0 || shard->is_simulated) return false;
    shard->picks_left = PICKS_BETWEEN_DRAINS;
    fl_shard_drain(shard);
    return ++shard->picks % DRAINS_BETWEEN_CLOCKS == 0 && fl_now() >= shard->batch_end_ns;
}

/* Who is next; whoever was doomed or suspended in the queue comes too. */
static struct fl_self *shard_take(struct fl_shard *shard)
{
    bool is_due = shard_is_due_for_poll(shard);
    struct fl_self *first = shard->run_first;
    shard->run_first = NULL;
    shard->is_plain_turn = !shard->is_simulated && !shard->has_priorities &&
                           fl_list_is_empty(&shard->doomed) && shard->fanouts == NULL;
    if (first != NULL || is_due) return first;
    return queue_pop(shard);
}

/* On a worker's stack, under which nobody is: the doomed are buried on the way. */
static FL_NOINLINE struct fl_self *shard_pick_slow(struct fl_shard *shard)
{
    for (;;) {
        if (!fl_list_is_empty(&shard->doomed)) shard_bury(shard);
        if (shard->fanouts != NULL && shard->run_first == NULL) {
            fl_fanout_run(shard);
            if (!fl_list_is_empty(&shard->doomed)) continue;
        }
        struct fl_self *self = shard_take(shard);
        if (self == NULL) return NULL;
        self->flags &= ~(uint32_t)FL_PROC_IN_QUEUE;
        if (!(self->flags & (FL_PROC_DOOMED | FL_PROC_SUSPENDED))) return self;
        if (self->flags & FL_PROC_DOOMED) {
            self->queued = (struct fl_list){0};
            shard_bury_one(self);
        }
    }
}

/* The head of the normal queue, where that is all there is to it; else NULL. */
static inline struct fl_self *shard_take_plain(struct fl_shard *shard)
{
    struct fl_self *self = shard->queues[FL_PRIORITY_NORMAL].head;
    if (FL_UNLIKELY(!shard->is_plain_turn || shard->picks_left == 0 || self == NULL)) return NULL;
    const uint32_t stops = FL_PROC_DOOMED | FL_PROC_SUSPENDED;
    uint32_t flags = self->flags;
    if (FL_UNLIKELY(flags & stops)) return NULL;
    shard->picks_left--;
    struct fl_self *after = self->next_to_run;
    shard->queues[FL_PRIORITY_NORMAL].head = after;
    if (after != NULL) { /* where many wait, the next ones are fetched meanwhile */
        if (after->box_head != NULL) __builtin_prefetch(after->box_head, 1);
        if (after->next_to_run != NULL) fl_proc_prefetch(after->next_to_run);
    }
    self->flags = flags & ~(uint32_t)FL_PROC_IN_QUEUE;
    return self;
}

static inline struct fl_self *shard_pick(struct fl_shard *shard)
{
    struct fl_self *self = shard_take_plain(shard);
    return FL_LIKELY(self != NULL) ? self : shard_pick_slow(shard);
}

/* This process runs from now on; returns the stack that it kept. */
static struct fl_stack *shard_resume(struct fl_shard *shard, struct fl_self *self)
{
    struct fl_stack *its = self->stack;
    FL_ASSERT(its != NULL);
    self->stack = NULL;
    self->flags |= FL_PROC_RUNNING;
    shard->running = self;
    fl_shard_next_epoch(shard);
    fl_shard_note_running(shard, self);
    return its;
}

static inline void proc_handle(struct fl_self *self, struct fl_sig *sig, struct fl_msg *msg)
{
    const struct fl_server *server = self->server;
    if (FL_LIKELY(sig->kind == FL_SIG_CAST && server->on_cast != NULL))
        server->on_cast(self, fl_self_state(self), msg);
    else if (FL_LIKELY(sig->kind == FL_SIG_CALL && server->on_call != NULL))
        server->on_call(self, fl_self_state(self), msg);
    else if (sig->kind <= FL_SIG_CALL)
        fl_proc_has_no(self, sig->kind == FL_SIG_CAST ? "on_cast" : "on_call");
    else
        fl_proc_handle_other(self, sig, msg);
}

/* One whose mailbox has become long goes on until the shard has to look at its loop: otherwise many
 * senders fill it faster than one turn in so many empties it. */
static FL_NOINLINE bool proc_is_swamped(const struct fl_shard *shard, const struct fl_self *self)
{
    if (shard->is_simulated || self->box_len < LONG_MAILBOX) return false;
    return fl_now() < shard->batch_end_ns;
}

/* Handles what is queued, up to a quantum. Returns how many. */
static inline int proc_handle_queued(struct fl_shard *shard, struct fl_self *self)
{
    const uint32_t stops = FL_PROC_DOOMED | FL_PROC_SUSPENDED;
    struct fl_msg msg;
    int most = shard->quantum;
    msg.code = 0; /* and what else fl_msg_of_plain leaves as it is */
    msg.reason = NULL;
    msg.name = NULL;
    int handled = 0;
    while (!(self->flags & stops)) {
        if (FL_UNLIKELY(handled >= most)) {
            if (!proc_is_swamped(shard, self)) break;
            most += FL_QUANTUM;
        }
        struct fl_sig *sig = fl_box_pop(self);
        if (sig == NULL) break;
        if (self->box_head != NULL) __builtin_prefetch(self->box_head, 1);
        handled++;
        fl_shard_next_epoch(shard);
        bool is_plain = fl_msg_of_plain(sig, &msg);
        if (FL_UNLIKELY(!is_plain)) fl_msg_of(sig, &msg);
        self->current = sig;
        proc_handle(self, sig, &msg);
        self->handled++;
        if (FL_UNLIKELY(self->flags & FL_PROC_SLOW_AFTER)) {
            fl_proc_after_handler(self);
            if (self->flags & FL_PROC_DOOMED) break; /* the message stays: for the report */
        }
        self->current = NULL;
        fl_sig_free(shard, sig);
        if (FL_UNLIKELY(!is_plain)) msg = (struct fl_msg){0};
    }
    return handled;
}

static inline void proc_run(struct fl_shard *shard, struct fl_self *self)
{
    FL_ASSERT(shard->running == NULL);
    shard->running = self;
    self->flags |= FL_PROC_RUNNING;
    fl_shard_note_running(shard, self);
    bool is_alive = true;
    if (FL_UNLIKELY(self->flags & FL_PROC_STARTING)) {
        fl_shard_next_epoch(shard);
        is_alive = fl_proc_start(self);
    }
    /* A starter that was just told goes on before the mail of its child. */
    int handled = FL_UNLIKELY(shard->run_first != NULL || !is_alive)
                      ? 0
                      : proc_handle_queued(shard, self);
    shard->budget -= handled > 0 ? handled : 1;
    shard->counts.handled += (uint64_t)handled;
    fl_stack_drop_held(shard, shard->stack);
    shard->running = NULL;
    self->flags &= ~(uint32_t)FL_PROC_RUNNING;
    if (FL_UNLIKELY(!is_alive))
        fl_proc_reap(self);
    else if (self->box_head != NULL)
        fl_shard_ready(self);
}

void fl_shard_work(struct fl_shard *shard)
{
    for (;;) {
        struct fl_self *self = shard->picked; /* by who switched here */
        shard->picked = NULL;
        if (self == NULL) self = shard_pick(shard);
        while (self != NULL && self->stack == NULL) {
            proc_run(shard, self);
            self = shard_pick(shard);
        }
        fl_stack_put(shard->stack);
        fl_stack_switch(shard, self == NULL ? &shard->main_stack : shard_resume(shard, self));
    }
}

/* One that was taken from the queue: NULL when it is not its turn after all, and a worker has to
 * see to it. */
static struct fl_self *shard_pass_over(struct fl_shard *shard, struct fl_self *next)
{
    next->flags &= ~(uint32_t)FL_PROC_IN_QUEUE;
    if (next->flags & FL_PROC_DOOMED) {
        next->queued = (struct fl_list){0};
        fl_list_push(&shard->doomed, &next->queued);
        shard->is_plain_turn = false;
    }
    return next->flags & (FL_PROC_DOOMED | FL_PROC_SUSPENDED) ? NULL : next;
}

/* From one process's stack straight to the next one's, where that has one; who is to be buried must
 * not be under our feet, so a worker does it. */
void fl_shard_go_on(struct fl_shard *shard)
{
    const struct fl_sig *current = shard->running->current;
    if (FL_UNLIKELY(current != NULL && current->is_malloced == FL_SIG_LENT))
        fl_fanout_keep(shard->running);
    shard->running = NULL;
    shard->budget--;
    struct fl_stack *mine = shard->stack;
    struct fl_self *next = shard_take_plain(shard);
    if (FL_UNLIKELY(next == NULL)) {
        bool is_workers = !fl_list_is_empty(&shard->doomed) || shard->fanouts != NULL;
        next = is_workers ? NULL : shard_take(shard);
        if (next == NULL && !is_workers) {
            fl_stack_switch(shard, &shard->main_stack);
            return;
        }
        next = next == NULL ? NULL : shard_pass_over(shard, next);
    }
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
    shard->quantum = shard->is_simulated ? fl_sim_quantum(shard) : FL_QUANTUM;
    shard->picks_left = 0;
    shard->batch_end_ns = shard->is_simulated ? FL_NEVER : fl_now() + FL_BATCH_NS;
    fl_stack_switch(shard, fl_stack_take(shard));
    FL_ASSERT(shard->running == NULL);
    atomic_store_explicit(&shard->running_pid, 0, memory_order_relaxed);
}
