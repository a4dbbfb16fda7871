#include "runtime/sim_world.h"

/* Delayed delivery: what one process sends to another one waits in a channel of that pair, and the
 * scheduler delivers the oldest of one channel at a time. So messages of different pairs overtake
 * each other and those of one pair never do: all that a node with many shards, or OTP, promises. */

struct held {
    struct held *next;
    struct fl_sig *sig;
    fl_ns due_ns;
};
struct fl_sim_channel {
    struct fl_map_node by_pair;
    struct fl_sim *sim;
    struct fl_pid from, to;
    struct held *head, *tail;
    uint32_t at; /* in the queue, when is_queued; else the timer waits */
    bool is_queued;
    struct fl_timer timer;
};

static uint64_t pair_key(struct fl_pid from, struct fl_pid to)
{
    return fl_hash64(fl_hash64(from.bits) + to.bits);
}

static struct fl_sim_channel *channel_find(struct fl_sim *sim, struct fl_pid from, struct fl_pid to)
{
    struct fl_map_node *at = fl_map_find(&sim->channels, pair_key(from, to));
    for (; at != NULL; at = fl_map_next(at)) {
        struct fl_sim_channel *channel = FL_OWNER(at, struct fl_sim_channel, by_pair);
        if (fl_pid_eq(channel->from, from) && fl_pid_eq(channel->to, to)) return channel;
    }
    return NULL;
}

static void channel_on_due(struct fl_timer *timer);

/* Its oldest message can be delivered, now or when its time comes. */
static void channel_arm(struct fl_sim_channel *channel)
{
    struct fl_shard *shard = channel->sim->shard;
    FL_ASSERT(!channel->is_queued && channel->head != NULL);
    if (channel->head->due_ns > fl_shard_now(shard)) {
        channel->timer.kind = FL_TIMER_PORT;
        channel->timer.fn = channel_on_due;
        fl_timer_add(shard, &channel->timer, channel->head->due_ns);
        return;
    }
    channel->is_queued = true;
    fl_sim_queue_push(&channel->sim->queue, (struct fl_sim_entry){
                                                .key = channel->by_pair.key,
                                                .at = &channel->at,
                                                .channel = channel,
                                            });
}

static void channel_on_due(struct fl_timer *timer)
{
    channel_arm(FL_OWNER(timer, struct fl_sim_channel, timer));
}

static struct fl_sim_channel *channel_get(struct fl_sim *sim, struct fl_pid from, struct fl_pid to)
{
    struct fl_sim_channel *channel = channel_find(sim, from, to);
    if (channel != NULL) return channel;
    channel = fl_new(struct fl_sim_channel);
    channel->sim = sim;
    channel->from = from;
    channel->to = to;
    fl_map_add(&sim->channels, &channel->by_pair, pair_key(from, to));
    return channel;
}

/* Takes the oldest message out; an empty channel is gone. */
static struct fl_sig *channel_take(struct fl_sim_channel *channel)
{
    struct fl_sim *sim = channel->sim;
    struct held *held = channel->head;
    struct fl_sig *sig = held->sig;
    if (channel->is_queued)
        fl_sim_queue_remove(&sim->queue, channel->at);
    else
        fl_timer_remove(sim->shard, &channel->timer);
    channel->is_queued = false;
    channel->head = held->next;
    free(held);
    if (channel->head != NULL) {
        channel_arm(channel);
    } else {
        fl_map_remove(&sim->channels, &channel->by_pair);
        free(channel);
    }
    return sig;
}

void fl_sim_deliver(struct fl_sim *sim, struct fl_sim_channel *channel)
{
    FL_ASSERT(channel->sim == sim);
    struct fl_sig *sig = channel_take(channel);
    fl_sim_mix(sim, sig->kind);
    fl_sim_mix(sim, sig->tag);
    if (sig->kind != FL_SIG_DOWN) {
        fl_signal_arrive(sim->shard, sig);
        return;
    }
    /* its monitor has fired: what is left is to be seen */
    struct fl_self *watcher = fl_proc_find(sim->shard, sig->to);
    if (watcher != NULL)
        fl_box_push_sys(watcher, sig);
    else
        fl_sig_free(sim->shard, sig);
}

bool fl_sim_flush(struct fl_shard *shard, struct fl_pid from, struct fl_pid to)
{
    if (shard->sim->channels.count == 0) return false;
    struct fl_sim_channel *channel = channel_find(shard->sim, from, to);
    if (channel == NULL) return false;
    /* each delivery may send more this way: found anew each time */
    for (; channel != NULL; channel = channel_find(shard->sim, from, to))
        fl_sim_deliver(shard->sim, channel);
    return true;
}

/* An alias is another address of the same process, and the order of a pair holds over both. */
static struct fl_pid receiver_of(const struct fl_shard *shard, struct fl_pid to)
{
    if (!(to.bits & FL_ID_ALIAS)) return to;
    const uint8_t *record = fl_table_find(&shard->refs, to.bits & ~FL_ID_ALIAS);
    if (record == NULL) return to;
    if (*record == FL_RECORD_ALIAS)
        return FL_OWNER(record, const struct fl_alias, record)->owner->pid;
    if (*record == FL_RECORD_MONITOR)
        return FL_OWNER(record, const struct fl_monitor, record)->owner->pid;
    return to;
}

/* What stands for a step of its own, or comes from no process, is never late. */
static bool is_instant(const struct fl_sig *sig, struct fl_pid to)
{
    if (sig->from.bits == 0 || fl_pid_eq(sig->from, to)) return true;
    return sig->kind == FL_SIG_SPAWN || sig->kind == FL_SIG_STARTED || sig->kind == FL_SIG_STOP ||
           sig->kind == FL_SIG_ASK;
}

bool fl_sim_hold(struct fl_shard *shard, struct fl_sig *sig)
{
    struct fl_sim *sim = shard->sim;
    if (sim->opts->delivery != FL_SIM_DELAYED) return false;
    struct fl_pid to = receiver_of(shard, sig->to);
    /* a spawn is one step, but what the child sent before it is there before it */
    if (sig->kind == FL_SIG_STARTED) fl_sim_flush(shard, sig->from, to);
    if (is_instant(sig, to)) return false;
    struct fl_sim_channel *channel = channel_get(sim, sig->from, to);
    struct held *held = fl_new(struct held);
    held->sig = sig;
    held->due_ns = fl_shard_now(shard);
    if (sim->opts->latency_most_ns > 0)
        held->due_ns += fl_rng_between(&sim->latency_rng, sim->opts->latency_least_ns,
                                       sim->opts->latency_most_ns);
    if (channel->head == NULL) {
        channel->head = channel->tail = held;
        channel_arm(channel);
        return true;
    }
    channel->tail->next = held; /* one that is due earlier waits for those before it */
    channel->tail = held;
    return true;
}

void fl_sim_delivery_fini(struct fl_sim *sim)
{
    for (size_t i = 0; sim->channels.count > 0 && i <= sim->channels.mask; i++)
        while (sim->channels.buckets[i] != NULL)
            fl_sig_free(sim->shard, channel_take(FL_OWNER(sim->channels.buckets[i],
                                                          struct fl_sim_channel, by_pair)));
    fl_map_fini(&sim->channels);
}
