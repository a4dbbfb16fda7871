#include "runtime/core.h"

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
