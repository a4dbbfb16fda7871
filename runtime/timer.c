#include "runtime/core.h"

/* Most timers are time-outs that are taken back long before they are due. So a timer that is not
 * due in the current tick (2^20 ns) only goes into a slot of a hierarchical wheel (Varghese and
 * Lauck, 1987), and the exact order, by deadline and then by start, is made in a heap for those
 * whose tick has come. A timer stands in level n when its tick differs from the current one in byte
 * n and in no higher one. */
#define HEAP_WAYS 4
/* From so long on, a timer's time may begin at the end of the turn that started it: reading a clock
 * costs as much as the rest. */
#define LATER_SPAN fl_ms(500)

/* ---- the heap */

static bool timer_is_before(const struct fl_timer *a, const struct fl_timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void heap_set(struct fl_timers *timers, size_t i, struct fl_timer *timer)
{
    timers->heap[i] = timer;
    timer->at = (uint32_t)i + 1;
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

static void heap_add(struct fl_timers *timers, struct fl_timer *timer)
{
    if (timers->count == timers->cap) {
        timers->cap = timers->cap == 0 ? 64 : timers->cap * 2;
        timers->heap = fl_realloc(timers->heap, timers->cap * sizeof(struct fl_timer *));
    }
    heap_set(timers, timers->count++, timer);
    heap_up(timers, timers->count - 1);
}

static void heap_remove(struct fl_timers *timers, struct fl_timer *timer)
{
    size_t i = timer->at - 1;
    FL_ASSERT(timers->heap[i] == timer);
    timer->at = 0;
    struct fl_timer *last = timers->heap[--timers->count];
    if (last == timer) return;
    heap_set(timers, i, last);
    heap_up(timers, i);
    heap_down(timers, last->at - 1);
}

/* ---- the wheel */

static unsigned slot_of(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (8 * level)) & (FL_WHEEL_SLOTS - 1);
}

static void timer_place(struct fl_timers *timers, struct fl_timer *timer)
{
    uint64_t tick = (uint64_t)timer->due_ns >> FL_TICK_SHIFT;
    if (timer->due_ns < 0 || tick <= timers->tick) {
        heap_add(timers, timer);
        return;
    }
    unsigned level = (63 - (unsigned)__builtin_clzll(tick ^ timers->tick)) / 8;
    FL_ASSERT(level < FL_WHEEL_LEVELS);
    unsigned slot = slot_of(tick, level);
    if (timers->levels == NULL)
        timers->levels = fl_new_array(struct fl_wheel_level, FL_WHEEL_LEVELS);
    struct fl_wheel_level *wheel = &timers->levels[level];
    timer->level = (uint16_t)(level << 8 | slot);
    wheel->used[slot / 64] |= UINT64_C(1) << (slot % 64);
    fl_list_push(&wheel->slots[slot], &timer->in_slot);
    timers->in_wheel++;
}

/* The first slot of this level after that one that is in use; FL_WHEEL_SLOTS: none. */
static unsigned level_next(const struct fl_wheel_level *level, unsigned after)
{
    for (unsigned i = after + 1; i < FL_WHEEL_SLOTS; i = (i / 64 + 1) * 64) {
        uint64_t bits = level->used[i / 64] >> (i % 64);
        if (bits != 0) return i + (unsigned)__builtin_ctzll(bits);
    }
    return FL_WHEEL_SLOTS;
}

/* The lowest slot that holds something, and the tick at which it begins. A slot whose timers were
 * all taken back is still marked: it is found empty then, once. */
static bool wheel_next(const struct fl_timers *timers, unsigned *level, uint64_t *tick)
{
    if (timers->in_wheel == 0) return false;
    for (unsigned l = 0; l < FL_WHEEL_LEVELS; l++) {
        unsigned slot = level_next(&timers->levels[l], slot_of(timers->tick, l));
        if (slot == FL_WHEEL_SLOTS) continue;
        uint64_t above = timers->tick >> (8 * l) & ~(uint64_t)(FL_WHEEL_SLOTS - 1);
        *level = l;
        *tick = (above | slot) << (8 * l);
        return true;
    }
    return false;
}

/* Goes to the beginning of that slot: its timers move down, or into the heap. */
static void wheel_pour(struct fl_timers *timers, unsigned level, uint64_t tick)
{
    unsigned slot = slot_of(tick, level);
    struct fl_wheel_level *wheel = &timers->levels[level];
    FL_ASSERT(tick > timers->tick);
    timers->tick = tick;
    wheel->used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    struct fl_list *list = &wheel->slots[slot];
    while (!fl_list_is_empty(list)) {
        struct fl_timer *timer = FL_OWNER(list->next, struct fl_timer, in_slot);
        fl_list_remove(&timer->in_slot);
        timers->in_wheel--;
        timer_place(timers, timer);
    }
}

static void wheel_go(struct fl_timers *timers, uint64_t to)
{
    unsigned level;
    uint64_t tick;
    while (timers->tick < to && wheel_next(timers, &level, &tick) && tick <= to)
        wheel_pour(timers, level, tick);
    if (timers->tick < to) timers->tick = to;
}

void fl_timer_add(struct fl_shard *shard, struct fl_timer *timer, fl_ns due_ns)
{
    struct fl_timers *timers = &shard->timers;
    FL_ASSERT(!fl_timer_is_on(timer));
    timer->due_ns = due_ns;
    timer->level = 0;
    timer->seq = ++timers->seq;
    timer_place(timers, timer);
}

void fl_timer_add_later(struct fl_shard *shard, struct fl_timer *timer, fl_ns span_ns)
{
    struct fl_timers *timers = &shard->timers;
    FL_ASSERT(!fl_timer_is_on(timer));
    if (FL_UNLIKELY(shard->is_simulated)) {
        fl_ns due_ns = fl_shard_due(shard, span_ns);
        if (due_ns != FL_NEVER) fl_timer_add(shard, timer, due_ns);
        return;
    }
    timer->due_ns = fl_ns_max(span_ns, 0); /* a span, until it is settled */
    timer->level = FL_TIMER_FRESH;
    timer->seq = ++timers->seq;
    fl_list_push(&timers->fresh, &timer->in_slot);
    timers->in_wheel++;
}

/* What was added for later and is still there gets its place. Its time begins now, at the end of
 * the batch that added it: it may be late by that much, never early. */
static void timers_settle(struct fl_timers *timers)
{
    if (fl_list_is_empty(&timers->fresh)) return;
    fl_ns now_ns = fl_now();
    while (!fl_list_is_empty(&timers->fresh)) {
        struct fl_timer *timer = FL_OWNER(timers->fresh.next, struct fl_timer, in_slot);
        fl_list_remove(&timer->in_slot);
        timers->in_wheel--;
        timer->level = 0;
        if (timer->due_ns >= FL_NEVER - now_ns) continue; /* never */
        timer->due_ns += now_ns;
        timer_place(timers, timer);
    }
}

void fl_timer_remove(struct fl_shard *shard, struct fl_timer *timer)
{
    struct fl_timers *timers = &shard->timers;
    if (timer->in_slot.next != NULL) {
        fl_list_remove(&timer->in_slot);
        timers->in_wheel--;
    } else if (timer->at != 0) {
        heap_remove(timers, timer);
    }
}

fl_ns fl_timer_next(struct fl_shard *shard)
{
    struct fl_timers *timers = &shard->timers;
    timers_settle(timers);
    unsigned level;
    uint64_t tick;
    while (timers->count == 0 && wheel_next(timers, &level, &tick))
        wheel_pour(timers, level, tick);
    return timers->count == 0 ? FL_NEVER : timers->heap[0]->due_ns;
}

fl_ns fl_timer_look_at(struct fl_shard *shard)
{
    struct fl_timers *timers = &shard->timers;
    timers_settle(timers);
    if (timers->count > 0) return timers->heap[0]->due_ns;
    unsigned level;
    uint64_t tick;
    if (!wheel_next(timers, &level, &tick)) return FL_NEVER;
    fl_ns begins_ns = (fl_ns)(tick << FL_TICK_SHIFT);
    if (level > 0) return begins_ns;
    fl_ns due_ns = begins_ns + ((fl_ns)1 << FL_TICK_SHIFT);
    const struct fl_list *list = &timers->levels[0].slots[slot_of(tick, 0)];
    for (const struct fl_list *at = list->next; at != NULL && at != list; at = at->next)
        due_ns = fl_ns_min(due_ns, FL_OWNER(at, const struct fl_timer, in_slot)->due_ns);
    return due_ns;
}

void fl_timers_fini(struct fl_timers *timers)
{
    free(timers->heap);
    free(timers->levels);
    *timers = (struct fl_timers){0};
}

/* ---- timers of users */

static void timer_forget(struct fl_shard *shard, struct fl_user_timer *timer)
{
    fl_timer_remove(shard, &timer->timer);
    fl_table_give(&shard->refs, timer->timer.ref);
    fl_list_remove(&timer->of_owner);
    free(timer->name);
    fl_cell_free(shard, timer, sizeof *timer);
}

static void timer_fire_user(struct fl_shard *shard, struct fl_timer *base)
{
    struct fl_user_timer *timer = FL_OWNER(base, struct fl_user_timer, timer);
    struct fl_self *owner = base->owner;
    bool is_send = base->kind == FL_TIMER_SEND;
    struct fl_pid to = owner != NULL ? owner->pid : fl_whereis(shard->node, timer->name);
    struct fl_sig *sig = fl_sig_new(shard, is_send ? FL_SIG_CAST : FL_SIG_TIMER, to, timer->from);
    sig->ref = is_send ? 0 : base->ref;
    sig->tag = timer->tag;
    timer_forget(shard, timer);
    if (is_send)
        fl_signal_send(shard->node, sig); /* a name that nobody has: dropped */
    else
        fl_box_push_sys(owner, sig);
}

static void timer_fire_call(struct fl_timer *timer)
{
    struct fl_sig *sig = fl_sig_new(timer->owner->shard, FL_SIG_REPLY, timer->owner->pid,
                                    FL_NO_PID);
    sig->ref = timer->ref;
    sig->code = FL_ETIMEOUT;
    fl_call_on_reply(timer->owner, sig);
}

static void timer_fire_idle(struct fl_timer *timer)
{
    struct fl_self *owner = timer->owner;
    struct fl_sig *sig = fl_sig_new(owner->shard, FL_SIG_IDLE, owner->pid, owner->pid);
    sig->ref = owner->cold->idle->ref;
    fl_box_push_sys(owner, sig);
}

/* It stands for one that takes for ever: its owner can still take it back. */
static void timer_never(struct fl_shard *shard, struct fl_timer *timer)
{
    bool has_nobody = timer->kind == FL_TIMER_SEND && timer->owner == NULL;
    if (has_nobody) timer_forget(shard, FL_OWNER(timer, struct fl_user_timer, timer));
}

size_t fl_timer_fire(struct fl_shard *shard, fl_ns now_ns)
{
    struct fl_timers *timers = &shard->timers;
    size_t fired = 0;
    timers_settle(timers);
    if (now_ns >= 0) wheel_go(timers, (uint64_t)now_ns >> FL_TICK_SHIFT);
    while (timers->count > 0 && timers->heap[0]->due_ns <= now_ns) {
        struct fl_timer *timer = timers->heap[0];
        heap_remove(timers, timer);
        if (FL_UNLIKELY(shard->is_simulated) && !fl_sim_may_fire(shard, timer)) {
            timer_never(shard, timer);
            continue;
        }
        fired++;
        switch ((enum fl_timer_kind)timer->kind) {
        case FL_TIMER_USER:
        case FL_TIMER_SEND:
            timer_fire_user(shard, timer);
            break;
        case FL_TIMER_WAIT:
            fl_call_end_wait(timer->owner, FL_ETIMEOUT);
            break;
        case FL_TIMER_CALL:
            timer_fire_call(timer);
            break;
        case FL_TIMER_IDLE:
            timer_fire_idle(timer);
            break;
        case FL_TIMER_PORT:
            timer->fn(timer);
            break;
        }
    }
    shard->counts.timers_fired += fired;
    return fired;
}

static struct fl_user_timer *timer_new(struct fl_shard *shard, struct fl_self *owner,
                                       enum fl_timer_kind kind, struct fl_pid from, fl_ns after_ns,
                                       uint32_t tag)
{
    struct fl_user_timer *timer = fl_cell_new_zeroed(shard, sizeof *timer);
    timer->record = FL_RECORD_TIMER;
    timer->timer.kind = (uint16_t)kind;
    timer->timer.owner = owner;
    timer->from = from;
    timer->tag = tag;
    timer->timer.ref = fl_table_take(&shard->refs, shard->id, timer);
    FL_ASSERT(timer->timer.ref != 0); /* 16 million on one shard */
    if (owner != NULL) fl_list_push(&fl_proc_cold(owner)->timers, &timer->of_owner);
    if (after_ns >= LATER_SPAN && !shard->is_simulated) {
        if (after_ns != FL_NEVER) fl_timer_add_later(shard, &timer->timer, after_ns);
        return timer;
    }
    fl_ns due_ns = fl_shard_due(shard, fl_ns_max(after_ns, 0));
    if (due_ns != FL_NEVER) fl_timer_add(shard, &timer->timer, due_ns);
    return timer;
}

uint64_t fl_timer_start(struct fl_self *self, fl_ns after_ns, uint32_t tag)
{
    return timer_new(self->shard, self, FL_TIMER_USER, self->pid, after_ns, tag)->timer.ref;
}

uint64_t fl_send_after(struct fl_self *self, struct fl_pid to, fl_ns after_ns, uint32_t tag)
{
    struct fl_self *owner = fl_proc_find(self->shard, to);
    if (owner == NULL) return fl_shard_next_ref(self->shard); /* it would not arrive */
    return timer_new(self->shard, owner, FL_TIMER_SEND, self->pid, after_ns, tag)->timer.ref;
}

uint64_t fl_send_after_name(struct fl_self *self, const char *name, fl_ns after_ns, uint32_t tag)
{
    struct fl_user_timer *timer = timer_new(self->shard, NULL, FL_TIMER_SEND, self->pid, after_ns,
                                            tag);
    timer->name = fl_strdup(name);
    return timer->timer.ref;
}

static struct fl_user_timer *timer_find(struct fl_shard *shard, uint64_t ref)
{
    uint8_t *record = fl_table_find(&shard->refs, ref);
    if (record == NULL || *record != FL_RECORD_TIMER) return NULL;
    return FL_OWNER(record, struct fl_user_timer, record);
}

static fl_ns timer_left(const struct fl_shard *shard, const struct fl_timer *timer)
{
    if (!fl_timer_is_on(timer)) return FL_NEVER;
    if (timer->level == FL_TIMER_FRESH) return timer->due_ns; /* its time has not begun */
    return fl_ns_max(timer->due_ns - fl_shard_now(shard), 0);
}

fl_ns fl_timer_left(struct fl_self *self, uint64_t ref)
{
    struct fl_user_timer *timer = timer_find(self->shard, ref);
    if (timer == NULL) return -1;
    return timer_left(self->shard, &timer->timer);
}

fl_ns fl_timer_cancel(struct fl_self *self, uint64_t ref)
{
    struct fl_user_timer *timer = timer_find(self->shard, ref);
    if (timer == NULL) return -1;
    fl_ns left_ns = timer_left(self->shard, &timer->timer);
    timer_forget(self->shard, timer);
    return left_ns;
}

void fl_timer_drop_all(struct fl_self *self)
{
    struct fl_cold *cold = self->cold;
    FL_ASSERT(cold != NULL);
    if (cold->idle != NULL) fl_timer_remove(self->shard, &cold->idle->timer);
    while (!fl_list_is_empty(&cold->timers))
        timer_forget(self->shard, FL_OWNER(cold->timers.next, struct fl_user_timer, of_owner));
}

void fl_self_timeout(struct fl_self *self, fl_ns after_ns)
{
    FL_ASSERT(self->shard->running == self);
    fl_idle_start(self, after_ns);
}

void fl_idle_start(struct fl_self *self, fl_ns after_ns)
{
    struct fl_cold *cold = fl_proc_cold(self);
    struct fl_shard *shard = self->shard;
    if (cold->idle == NULL) cold->idle = fl_cell_new_zeroed(shard, sizeof *cold->idle);
    struct fl_idle *idle = cold->idle;
    fl_timer_remove(shard, &idle->timer);
    idle->timer.kind = FL_TIMER_IDLE;
    idle->timer.owner = self;
    idle->after_ns = after_ns;
    idle->ref = fl_shard_next_ref(shard);
    self->flags |= FL_PROC_HAS_IDLE;
    if (after_ns <= 0)
        timer_fire_idle(&idle->timer);
    else if (after_ns != FL_NEVER)
        fl_timer_add(shard, &idle->timer, fl_shard_due(shard, after_ns));
}

size_t fl_timer_count(const struct fl_shard *shard)
{
    return shard->timers.count + shard->timers.in_wheel;
}
