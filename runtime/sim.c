#include "runtime/sim_world.h"

/* A simulated node has one shard and no loop: everything that is due runs, in an order that the
 * scheduler chooses, and then the clock jumps. */

int fl_sim_open(struct fl_shard *shard, struct fl_err *err)
{
    struct fl_sim *sim = fl_new(struct fl_sim);
    sim->shard = shard;
    sim->opts = &shard->node->opts.sim;
    sim->end_ns = -1; /* time moves in fl_sim_run only */
    shard->sim = sim;
    const struct fl_sim_opts *opts = sim->opts;
    if (opts->latency_least_ns < 0 || opts->latency_least_ns > opts->latency_most_ns)
        return fl_err_set(err, FL_ERANGE, "a latency starts at zero or later and ends after that");
    return fl_sim_schedule_init(sim, err);
}

void fl_sim_close(struct fl_shard *shard)
{
    struct fl_sim *sim = shard->sim;
    if (sim == NULL) return;
    fl_sim_delivery_fini(sim);
    fl_sim_queue_fini(&sim->queue);
    fl_sim_schedule_fini(sim);
    free(sim);
    shard->sim = NULL;
}

int fl_sim_quantum(const struct fl_shard *shard)
{
    unsigned quantum = shard->sim->opts->quantum;
    return quantum == 0 ? 1 : quantum > INT32_MAX ? INT32_MAX : (int)quantum;
}

void fl_sim_on_receive(struct fl_self *self)
{
    struct fl_sim *sim = self->shard->sim;
    if (sim->taken < fl_sim_quantum(self->shard))
        sim->taken++;
    else
        fl_yield(self); /* which leaves one taken */
}

/* ---- the run queue */

void fl_sim_push(struct fl_self *self)
{
    struct fl_sim_entry entry = {.key = self->pid.bits, .at = &self->sim_at, .self = self};
    fl_sim_queue_push(&self->shard->sim->queue, entry);
}

void fl_sim_remove(struct fl_self *self)
{
    fl_sim_queue_remove(&self->shard->sim->queue, self->sim_at);
}

bool fl_sim_has_work(const struct fl_shard *shard)
{
    return shard->sim != NULL && shard->sim->queue.count > 0;
}

/* May the next timeout overtake the work that there is? */
static bool can_jump(const struct fl_sim *sim)
{
    if (sim->opts->early_within_ns == 0) return false;
    fl_ns now_ns = fl_shard_now(sim->shard), next_ns = fl_timer_next(sim->shard);
    return next_ns <= sim->end_ns && next_ns - now_ns <= sim->opts->early_within_ns;
}

struct fl_self *fl_sim_pop(struct fl_shard *shard)
{
    struct fl_sim *sim = shard->sim;
    if (sim->queue.count == 0) return NULL;
    uint32_t index = fl_sim_choose(sim, can_jump(sim));
    if (index == sim->queue.count) {
        shard->node->sim_now_ns = fl_ns_max(shard->node->sim_now_ns, fl_timer_next(shard));
        return NULL; /* sim_run_due fires it */
    }
    struct fl_sim_entry entry = sim->queue.entries[fl_sim_queue_at(&sim->queue, index)];
    if (entry.self == NULL) {
        fl_sim_deliver(sim, entry.channel);
        return NULL; /* somebody may have to end now, before anybody runs */
    }
    const struct fl_sig *next = entry.self->box_head;
    fl_sim_mix(sim, (uint64_t)shard->node->sim_now_ns);
    if (next != NULL) {
        fl_sim_mix(sim, next->from.bits);
        fl_sim_mix(sim, (uint64_t)next->kind << 32 | next->tag);
    }
    fl_sim_remove(entry.self);
    /* its handler has a message, or it waited for one: only a start has none yet */
    sim->taken = (entry.self->flags & FL_PROC_STARTING) && entry.self->stack == NULL ? 0 : 1;
    return entry.self;
}

/* ---- timeouts that may not be */

static unsigned wait_kind(const struct fl_self *self)
{
    const struct fl_stack *stack = self->stack;
    if (self->flags & FL_PROC_RECEIVES) return FL_SIM_RECEIVE_WAITS;
    bool is_call = stack->wait.remote.bits != 0 || stack->wait_watch.of_target.next != NULL ||
                   stack->wait_room.next != NULL;
    return is_call ? FL_SIM_CALL_WAITS : 0; /* a pause ends always */
}

static unsigned timeout_kind(const struct fl_timer *timer)
{
    switch ((enum fl_timer_kind)timer->kind) {
    case FL_TIMER_USER:
    case FL_TIMER_SEND:
        return FL_SIM_USER_TIMERS;
    case FL_TIMER_WAIT:
        return wait_kind(timer->owner);
    case FL_TIMER_CALL:
        return FL_SIM_CALL_WAITS;
    case FL_TIMER_IDLE:
        return FL_SIM_RECEIVE_WAITS;
    case FL_TIMER_PORT:
        break;
    }
    return 0; /* the world's own */
}

bool fl_sim_may_fire(const struct fl_shard *shard, const struct fl_timer *timer)
{
    const struct fl_sim_opts *opts = shard->sim->opts;
    struct fl_sim_timeout timeout = {.kind = timeout_kind(timer), .due_ns = timer->due_ns};
    if (timeout.kind == 0) return true;
    if (opts->never & timeout.kind) return false;
    if (opts->may_fire == NULL) return true;
    if (timer->owner != NULL) timeout.owner = timer->owner->pid;
    if (timeout.kind == FL_SIM_USER_TIMERS)
        timeout.tag = FL_OWNER(timer, const struct fl_user_timer, timer)->tag;
    return opts->may_fire(opts->may_fire_cx, &timeout);
}

/* ---- time */

static void sim_run_due(struct fl_shard *shard)
{
    do {
        fl_shard_drain(shard);
        fl_timer_fire(shard, shard->node->sim_now_ns);
        if (fl_shard_has_work(shard)) fl_shard_batch(shard, FL_BATCH_CALLBACKS);
        if (atomic_load(&shard->node->stop_asked)) fl_node_step_stop(shard);
    } while (fl_shard_has_work(shard) || atomic_load(&shard->inbox) != NULL ||
             fl_timer_next(shard) <= shard->node->sim_now_ns);
}

uint64_t fl_sim_run(struct fl_node *node, fl_ns ns)
{
    struct fl_shard *shard = &node->shards[0];
    FL_ASSERT(node->opts.simulated);
    FL_ASSERT(ns >= 0);
    struct fl_shard *before = fl_shard_enter(shard);
    fl_stack_adopt_thread(shard);
    uint64_t handled = shard->counts.handled;
    fl_ns end_ns = node->sim_now_ns + ns;
    shard->sim->end_ns = end_ns;
    for (;;) {
        sim_run_due(shard);
        fl_ns next_ns = fl_timer_next(shard);
        if (next_ns > end_ns) break;
        node->sim_now_ns = fl_ns_max(next_ns, node->sim_now_ns);
    }
    node->sim_now_ns = end_ns;
    shard->sim->end_ns = -1;
    fl_shard_enter(before);
    return shard->counts.handled - handled;
}
