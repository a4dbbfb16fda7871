#include "runtime/gather.h"

#include <errno.h>
#include <time.h>

#include "runtime/annotate.h"

#define LOOK_EVERY fl_ms(100) /* whether the node has stopped meanwhile */

struct gather_part {
    struct fl_gather *gather;
    uint32_t at;
    bool is_asked;
    void *bytes;
};

struct fl_gather {
    struct fl_node *node;
    const struct fl_gather_kind *kind;
    atomic_int refs, left; /* who holds it; shards that are not done */
    struct fl_pid asker;   /* a process, or FL_NO_PID */
    uint64_t ref;
    pthread_mutex_t lock; /* of a thread that waits */
    pthread_cond_t done;
    void *opts;
    int parts_count;
    struct gather_part parts[];
};

void fl_gather_free(struct fl_gather *gather)
{
    FL_ASSERT(atomic_load(&gather->refs) > 0);
    ANNOTATE_HAPPENS_BEFORE(gather);
    if (atomic_fetch_sub(&gather->refs, 1) > 1) return;
    ANNOTATE_HAPPENS_AFTER(gather);
    for (int i = 0; i < gather->parts_count; i++) {
        struct gather_part *part = &gather->parts[i];
        if (part->is_asked && gather->kind->fini != NULL) gather->kind->fini(part->bytes);
        free(part->bytes);
    }
    pthread_mutex_destroy(&gather->lock);
    pthread_cond_destroy(&gather->done);
    free(gather->opts);
    free(gather);
}

static void gather_abandon(void *ptr)
{
    fl_gather_free(ptr);
}

static struct fl_gather *gather_new(struct fl_node *node, const struct fl_gather_kind *kind,
                                    const void *opts, size_t opts_bytes, int shard_id)
{
    size_t bytes = sizeof(struct gather_part) * (size_t)node->shards_count;
    struct fl_gather *gather = fl_alloc(sizeof *gather + bytes);
    gather->node = node;
    gather->kind = kind;
    gather->opts = fl_alloc(opts_bytes);
    memcpy(gather->opts, opts, opts_bytes);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&gather->done, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&gather->lock, NULL);
    VALGRIND_HG_DISABLE_CHECKING(&gather->refs, sizeof gather->refs);
    VALGRIND_HG_DISABLE_CHECKING(&gather->left, sizeof gather->left);
    gather->parts_count = node->shards_count;
    int asked = 0;
    for (int i = 0; i < node->shards_count; i++) {
        struct gather_part *part = &gather->parts[i];
        part->gather = gather;
        part->is_asked = shard_id < 0 || shard_id == i;
        if (!part->is_asked) continue;
        part->bytes = fl_alloc(kind->part_bytes);
        asked++;
    }
    FL_ASSERT(asked > 0);
    atomic_store(&gather->refs, 1 + asked);
    atomic_store(&gather->left, asked);
    return gather;
}

static void gather_on_done(struct fl_shard *shard, struct fl_gather *gather)
{
    ANNOTATE_HAPPENS_BEFORE(&gather->left); /* what this shard found */
    if (atomic_fetch_sub(&gather->left, 1) == 1) {
        ANNOTATE_HAPPENS_AFTER(&gather->left);
        if (gather->asker.bits != 0) {
            struct fl_sig *sig = fl_sig_new(shard, FL_SIG_REPLY, gather->asker, FL_NO_PID);
            sig->ref = gather->ref;
            sig->flags = FL_SIG_UNWATCHED;
            fl_signal_send(shard->node, sig);
        }
        pthread_mutex_lock(&gather->lock);
        pthread_cond_broadcast(&gather->done);
        pthread_mutex_unlock(&gather->lock);
    }
    fl_gather_free(gather);
}

static void gather_post(struct fl_shard *shard, struct gather_part *part);

static void gather_on_ask(struct fl_shard *shard, void *cx)
{
    struct gather_part *part = cx;
    struct fl_gather *gather = part->gather;
    FL_ASSERT(part->is_asked);
    if (gather->kind->visit(shard, part->bytes, gather->opts, &part->at))
        gather_on_done(shard, gather);
    else
        gather_post(shard, part);
}

/* By way of the inbox, also to our own shard: others run in between, and the asker waits by then.
 */
static void gather_post(struct fl_shard *shard, struct gather_part *part)
{
    struct fl_pid nobody_there = {(uint64_t)shard->id << 56 | (FL_ID_SLOTS_MAX - 1)};
    struct fl_sig *sig = fl_sig_new(fl_shard_here(shard->node), FL_SIG_ASK, nobody_there,
                                    FL_NO_PID);
    sig->ask.fn = gather_on_ask;
    sig->ask.cx = part;
    fl_shard_post(shard, sig);
}

static void visit_all(struct fl_gather *gather, struct fl_shard *here)
{
    struct fl_node *node = gather->node;
    bool is_still = here == NULL || node->opts.simulated ||
                    atomic_load(&node->state) != FL_NODE_RUNS;
    for (int i = 0; i < gather->parts_count; i++) {
        struct gather_part *part = &gather->parts[i];
        if (!part->is_asked || (!is_still && &node->shards[i] != here)) continue;
        while (!gather->kind->visit(&node->shards[i], part->bytes, gather->opts, &part->at))
            FL_ASSERT(part->at > 0);
        atomic_fetch_sub(&gather->left, 1);
        atomic_fetch_sub(&gather->refs, 1);
    }
}

static void post_all(struct fl_gather *gather, const struct fl_shard *but)
{
    FL_ASSERT(atomic_load(&gather->refs) > 1);
    for (int i = 0; i < gather->parts_count; i++) {
        struct fl_shard *shard = &gather->node->shards[i];
        if (gather->parts[i].is_asked && shard != but) gather_post(shard, &gather->parts[i]);
    }
}

static int wait_as_process(struct fl_self *self, struct fl_gather *gather)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    gather->asker = self->pid;
    gather->ref = fl_shard_next_ref(shard);
    fl_call_arm_wait(self, gather->ref, FL_NEVER);
    stack->wait.job = gather;
    stack->wait.on_abandon = gather_abandon;
    post_all(gather, NULL);
    fl_proc_park(self);
    fl_sig_free(shard, stack->wait.reply);
    stack->wait = (struct fl_wait){0};
    return 0;
}

static int wait_as_thread(struct fl_gather *gather)
{
    int rc = 0;
    FL_ASSERT(gather->asker.bits == 0);
    pthread_mutex_lock(&gather->lock);
    while (atomic_load(&gather->left) > 0 && rc == 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        fl_ns at_ns = fl_s(until.tv_sec) + until.tv_nsec + LOOK_EVERY;
        until = (struct timespec){.tv_sec = at_ns / FL_NS_PER_S, .tv_nsec = at_ns % FL_NS_PER_S};
        pthread_cond_timedwait(&gather->done, &gather->lock, &until);
        if (atomic_load(&gather->node->loops_end)) rc = FL_ESTATE;
    }
    if (atomic_load(&gather->left) == 0) rc = 0;
    ANNOTATE_HAPPENS_AFTER(&gather->left); /* it may be zero before anybody held the lock */
    pthread_mutex_unlock(&gather->lock);
    return rc;
}

/* A thread that is no shard's looks by itself while no loop runs, nor begins to. */
static bool visit_if_still(struct fl_gather *gather)
{
    struct fl_node *node = gather->node;
    pthread_mutex_lock(&node->start_lock);
    bool is_still = node->opts.simulated || atomic_load(&node->state) != FL_NODE_RUNS;
    if (is_still) visit_all(gather, NULL);
    pthread_mutex_unlock(&node->start_lock);
    return is_still;
}

int fl_gather_run(struct fl_gather **out, struct fl_node *node, const struct fl_gather_kind *kind,
                  const void *opts, size_t opts_bytes, int shard_id)
{
    FL_ASSERT(shard_id < node->shards_count);
    struct fl_shard *here = fl_shard_here(node);
    struct fl_self *self = here == NULL ? NULL : here->running;
    bool runs = atomic_load(&node->state) == FL_NODE_RUNS || node->opts.simulated;
    struct fl_gather *gather = gather_new(node, kind, opts, opts_bytes, shard_id);
    int rc = 0;
    if (self != NULL && runs) {
        rc = wait_as_process(self, gather);
    } else if (here != NULL || !visit_if_still(gather)) {
        if (here != NULL) visit_all(gather, here);
        if (atomic_load(&gather->left) > 0) {
            post_all(gather, here);
            rc = wait_as_thread(gather);
        }
    }
    if (rc == 0)
        *out = gather;
    else
        fl_gather_free(gather);
    return rc;
}

void *fl_gather_part(struct fl_gather *gather, int shard_id)
{
    FL_ASSERT(shard_id >= 0 && shard_id < gather->parts_count);
    const struct gather_part *part = &gather->parts[shard_id];
    return part->is_asked ? part->bytes : NULL;
}
