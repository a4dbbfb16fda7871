#include "runtime/core.h"

/* The run queue of a simulated node: who runs next is drawn. */
void fl_sim_push(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    if (shard->sim_count == shard->sim_cap) {
        shard->sim_cap = shard->sim_cap == 0 ? 64 : shard->sim_cap * 2;
        shard->sim_queue = fl_realloc(shard->sim_queue, shard->sim_cap * sizeof(struct fl_self *));
    }
    self->sim_at = shard->sim_count;
    shard->sim_queue[shard->sim_count++] = self;
}

void fl_sim_remove(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->sim_queue[self->sim_at] == self);
    struct fl_self *last = shard->sim_queue[--shard->sim_count];
    shard->sim_queue[self->sim_at] = last;
    last->sim_at = self->sim_at;
}

struct fl_self *fl_sim_pop(struct fl_shard *shard)
{
    if (shard->sim_count == 0) return NULL;
    int64_t draw = fl_rng_between(&shard->sim_rng, 0, (int64_t)shard->sim_count - 1);
    struct fl_self *self = shard->sim_queue[draw];
    fl_sim_remove(self);
    return self;
}

/* A simulated node has one shard and no loop: everything that is due runs, in an order that the
 * seed draws, and then the clock jumps. */
static void sim_run_due(struct fl_shard *shard)
{
    do {
        fl_shard_drain(shard);
        fl_timer_fire(shard, shard->node->sim_now_ns);
        if (fl_shard_has_work(shard)) fl_shard_batch(shard, FL_BATCH_CALLBACKS);
        if (atomic_load(&shard->node->stop_asked)) fl_node_step_stop(shard);
    } while (fl_shard_has_work(shard) || atomic_load(&shard->inbox) != NULL);
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
    for (;;) {
        sim_run_due(shard);
        fl_ns next_ns = fl_timer_next(shard);
        if (next_ns > end_ns) break;
        node->sim_now_ns = fl_ns_max(next_ns, node->sim_now_ns);
    }
    node->sim_now_ns = end_ns;
    fl_shard_enter(before);
    return shard->counts.handled - handled;
}
