#include "runtime/core.h"

/* A heap of four-way branches: cheaper than two-way to walk down, and most timers (time-outs that
 * are cancelled) are added and removed near the end. */
#define HEAP_WAYS 4

static bool timer_is_before(const struct fl_timer *a, const struct fl_timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void heap_set(struct fl_timers *timers, size_t i, struct fl_timer *timer)
{
    timers->heap[i] = timer;
    timer->at = i + 1;
}

static void heap_up(struct fl_timers *timers, size_t i)
{
    struct fl_timer *timer = timers->heap[i];
    while (i > 0) {
        size_t above = (i - 1) / HEAP_WAYS;
        if (!timer_is_before(timer, timers->heap[above])) break;
        heap_set(timers, i, timers->heap[above]);
        i = above;
    }
    heap_set(timers, i, timer);
}

static void heap_down(struct fl_timers *timers, size_t i)
{
    struct fl_timer *timer = timers->heap[i];
    for (;;) {
        size_t first = i * HEAP_WAYS + 1, best = i;
        struct fl_timer *best_timer = timer;
        for (size_t k = first; k < first + HEAP_WAYS && k < timers->count; k++) {
            if (!timer_is_before(timers->heap[k], best_timer)) continue;
            best = k;
            best_timer = timers->heap[k];
        }
        if (best == i) break;
        heap_set(timers, i, best_timer);
        i = best;
    }
    heap_set(timers, i, timer);
}

void fl_timer_add(struct fl_shard *shard, struct fl_timer *timer, fl_ns due_ns)
{
    struct fl_timers *timers = &shard->timers;
    FL_ASSERT(timer->at == 0);
    if (timers->count == timers->cap) {
        timers->cap = timers->cap == 0 ? 64 : timers->cap * 2;
        timers->heap = fl_realloc(timers->heap, timers->cap * sizeof(struct fl_timer *));
    }
    timer->due_ns = due_ns;
    timer->seq = ++timers->seq;
    heap_set(timers, timers->count++, timer);
    heap_up(timers, timers->count - 1);
}

void fl_timer_remove(struct fl_shard *shard, struct fl_timer *timer)
{
    struct fl_timers *timers = &shard->timers;
    if (timer->at == 0) return;
    size_t i = timer->at - 1;
    FL_ASSERT(timers->heap[i] == timer);
    timer->at = 0;
    struct fl_timer *last = timers->heap[--timers->count];
    if (last == timer) return;
    heap_set(timers, i, last);
    heap_up(timers, i);
    heap_down(timers, last->at - 1);
}

fl_ns fl_timer_next(const struct fl_shard *shard)
{
    return shard->timers.count == 0 ? FL_NEVER : shard->timers.heap[0]->due_ns;
}

/* A user's timer leaves the map when it fires; its message is on its own from then on. */
static void timer_forget(struct fl_shard *shard, struct fl_timer *timer)
{
    fl_timer_remove(shard, timer);
    fl_map_remove(&shard->timers_by_ref, &timer->by_ref);
    fl_list_remove(&timer->of_owner);
    free(timer);
}

static void timer_fire_user(struct fl_shard *shard, struct fl_timer *timer)
{
    struct fl_self *owner = timer->owner;
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_TIMER, owner->pid, owner->pid);
    sig->ref = timer->ref;
    sig->tag = timer->tag;
    timer_forget(shard, timer);
    fl_box_push(owner, sig);
}

static void timer_fire_call(struct fl_shard *shard, struct fl_timer *timer)
{
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_REPLY, timer->owner->pid, FL_NO_PID);
    sig->ref = timer->ref;
    sig->code = FL_ETIMEOUT;
    fl_call_on_reply(timer->owner, sig);
}

size_t fl_timer_fire(struct fl_shard *shard, fl_ns now_ns)
{
    size_t fired = 0;
    while (shard->timers.count > 0 && shard->timers.heap[0]->due_ns <= now_ns) {
        struct fl_timer *timer = shard->timers.heap[0];
        fl_timer_remove(shard, timer);
        fired++;
        if (timer->kind == FL_TIMER_USER)
            timer_fire_user(shard, timer);
        else if (timer->kind == FL_TIMER_WAIT)
            fl_call_end_wait(timer->owner, FL_ETIMEOUT);
        else if (timer->kind == FL_TIMER_CALL)
            timer_fire_call(shard, timer);
        else
            timer->fn(timer);
    }
    return fired;
}

uint64_t fl_timer_start(struct fl_self *self, fl_ns after_ns, uint32_t tag)
{
    struct fl_shard *shard = self->shard;
    struct fl_timer *timer = fl_new(struct fl_timer);
    timer->kind = FL_TIMER_USER;
    timer->owner = self;
    timer->tag = tag;
    timer->ref = fl_shard_next_ref(shard);
    fl_map_add(&shard->timers_by_ref, &timer->by_ref, timer->ref);
    fl_list_push(&self->timers, &timer->of_owner);
    fl_ns now_ns = fl_shard_now(shard);
    fl_timer_add(shard, timer, after_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + after_ns);
    return timer->ref;
}

fl_ns fl_timer_cancel(struct fl_self *self, uint64_t ref)
{
    struct fl_shard *shard = self->shard;
    struct fl_map_node *node = fl_map_find(&shard->timers_by_ref, ref);
    if (node == NULL) return -1;
    struct fl_timer *timer = FL_OWNER(node, struct fl_timer, by_ref);
    if (timer->owner != self) return -1;
    fl_ns left_ns = timer->due_ns - fl_shard_now(shard);
    timer_forget(shard, timer);
    return fl_ns_max(left_ns, 0);
}

void fl_timer_drop_all(struct fl_self *self)
{
    while (!fl_list_is_empty(&self->timers))
        timer_forget(self->shard, FL_OWNER(self->timers.next, struct fl_timer, of_owner));
}
