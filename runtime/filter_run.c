#include "runtime/filter.h"

#define HELD_MAX 100000u /* more than this: the oldest goes on before its time */

/* One draw a message, hit or not, so that a limit or nth does not move the draws after it. */
static bool filter_hits(struct fl_filter *filter, bool may_be_hit)
{
    const struct fl_filter_opts *opts = &filter->opts;
    bool is_drawn = opts->probability >= 1 || fl_rng_unit(&filter->rng) < opts->probability;
    pthread_mutex_lock(&filter->node->filters_lock);
    struct fl_filter_counts *counts = &filter->counts;
    bool is_hit = is_drawn && may_be_hit && !filter->is_over;
    if (!filter->is_over) counts->seen++;
    if (opts->nth > 1 && counts->seen % opts->nth != 0) is_hit = false;
    if (opts->limit > 0 && counts->hit >= opts->limit) is_hit = false;
    if (is_hit) counts->hit++;
    pthread_mutex_unlock(&filter->node->filters_lock);
    return is_hit;
}

static void filter_count_held(struct fl_filter *filter, int by)
{
    pthread_mutex_lock(&filter->node->filters_lock);
    FL_ASSERT(by > 0 || filter->counts.held > 0);
    filter->counts.held += (uint64_t)by;
    pthread_mutex_unlock(&filter->node->filters_lock);
}

/* ---- what is held back */

static void filters_run(struct fl_self *self, struct fl_filter *first, struct fl_sig *sig,
                        bool is_late);

static struct fl_sig *held_take(struct fl_filter *filter)
{
    struct fl_held *held = filter->oldest;
    struct fl_sig *sig = held->sig;
    FL_ASSERT(held->before == NULL);
    filter->oldest = held->after;
    if (filter->oldest == NULL)
        filter->newest = NULL;
    else
        filter->oldest->before = NULL;
    free(held);
    filter_count_held(filter, -1);
    return sig;
}

static void held_go_on(struct fl_filter *filter)
{
    struct fl_sig *sig = held_take(filter);
    filters_run(filter->self, filter->next, sig, true);
}

static void filter_set_timer(struct fl_filter *filter)
{
    struct fl_shard *shard = filter->self->shard;
    fl_timer_remove(shard, &filter->timer);
    if (filter->oldest != NULL) fl_timer_add(shard, &filter->timer, filter->oldest->due_ns);
}

static void filter_on_timer(struct fl_timer *timer)
{
    struct fl_filter *filter = FL_OWNER(timer, struct fl_filter, timer);
    FL_ASSERT(filter->self != NULL);
    fl_ns now_ns = fl_shard_now(filter->self->shard);
    while (filter->oldest != NULL && filter->oldest->due_ns <= now_ns)
        held_go_on(filter);
    filter_set_timer(filter);
}

/* The last one of this sender that is held, or NULL. */
static struct fl_held *held_of(const struct fl_filter *filter, struct fl_pid from)
{
    struct fl_held *held = filter->newest;
    while (held != NULL && !fl_pid_eq(held->sig->from, from))
        held = held->before;
    return held;
}

static void filter_hold(struct fl_filter *filter, struct fl_sig *sig, fl_ns due_ns)
{
    if (filter->counts.held >= HELD_MAX) held_go_on(filter); /* only this thread writes it */
    struct fl_held *held = fl_new(struct fl_held);
    held->sig = sig;
    held->due_ns = due_ns;
    struct fl_held *before = filter->newest;
    while (before != NULL && before->due_ns > due_ns)
        before = before->before;
    held->before = before;
    held->after = before == NULL ? filter->oldest : before->after;
    if (held->after == NULL)
        filter->newest = held;
    else
        held->after->before = held;
    if (before == NULL)
        filter->oldest = held;
    else
        before->after = held;
    filter_count_held(filter, 1);
    filter_set_timer(filter);
}

/* ---- the kinds: true when the message was taken */

/* One sender's messages stay in order: what follows one that waits, waits for it. */
static bool filter_delay(struct fl_filter *filter, struct fl_sig *sig, bool is_hit)
{
    const struct fl_held *last = held_of(filter, sig->from);
    if (!is_hit && last == NULL) return false;
    fl_ns due_ns = is_hit ? fl_shard_now(filter->self->shard) + filter->opts.delay_ns : 0;
    filter_hold(filter, sig, last == NULL ? due_ns : fl_ns_max(due_ns, last->due_ns));
    return true;
}

static struct fl_sig *sig_copy(struct fl_shard *shard, const struct fl_sig *sig)
{
    struct fl_sig *copy = fl_sig_new(shard, sig->kind, sig->to, sig->from);
    FL_ASSERT(!(sig->flags & FL_SIG_SPECIAL));
    copy->flags = sig->flags & FL_SIG_SHARED;
    copy->tag = sig->tag;
    copy->code = sig->code;
    copy->ref = sig->ref;
    if (sig->flags & FL_SIG_SHARED) {
        copy->shared = fl_shared_retain(sig->shared);
        copy->len = sig->len;
    } else {
        fl_sig_set_data(copy, fl_sig_data(sig), sig->len);
    }
    return copy;
}

static void filter_duplicate(struct fl_filter *filter, struct fl_sig *sig)
{
    struct fl_self *self = filter->self;
    struct fl_sig *copy = sig_copy(self->shard, sig);
    filters_run(self, filter->next, sig, false);
    filters_run(self, filter->next, copy, true);
}

/* It changes places with the next one. */
static bool filter_reorder(struct fl_filter *filter, struct fl_sig *sig)
{
    if (filter->oldest == NULL) {
        fl_ns within_ns = filter->opts.delay_ns;
        filter_hold(filter, sig, fl_shard_now(filter->self->shard) + within_ns);
        return true;
    }
    filters_run(filter->self, filter->next, sig, false);
    held_go_on(filter);
    filter_set_timer(filter);
    return true;
}

/* ---- the process's side */

static bool filter_matches(struct fl_filter *filter, const struct fl_sig *sig)
{
    if (filter->from_name != NULL)
        return fl_pid_eq(sig->from, fl_whereis(filter->node, filter->from_name));
    return filter->from.bits == 0 || fl_pid_eq(sig->from, filter->from);
}

static bool filter_apply(struct fl_filter *filter, struct fl_sig *sig)
{
    if (!filter_matches(filter, sig)) return false;
    /* what changes places with one that was hit is not hit itself */
    bool is_swapped = filter->opts.kind == FL_FILTER_REORDER && filter->oldest != NULL;
    bool is_hit = filter_hits(filter, !is_swapped);
    switch (filter->opts.kind) {
    case FL_FILTER_DROP:
        if (is_hit) fl_sig_free(filter->self->shard, sig);
        return is_hit;
    case FL_FILTER_DELAY:
        return filter_delay(filter, sig, is_hit);
    case FL_FILTER_DUPLICATE:
        if (is_hit) filter_duplicate(filter, sig);
        return is_hit;
    case FL_FILTER_REORDER:
        return (is_hit || is_swapped) && filter_reorder(filter, sig);
    }
    return false;
}

/* A message that was held, or is one more, finds the mailbox as it is by now. */
static void deliver(struct fl_self *self, struct fl_sig *sig, bool is_late)
{
    struct fl_shard *shard = self->shard;
    if (sig->kind == FL_SIG_REPLY) {
        fl_call_on_reply(self, sig);
        return;
    }
    if (!is_late || !fl_box_is_full(self) || fl_box_make_room(self, NULL, 0) == 0) {
        fl_box_append(self, sig);
        return;
    }
    if (sig->kind == FL_SIG_CALL) {
        struct fl_sig *back = fl_sig_new(shard, FL_SIG_REPLY, sig->from, self->pid);
        back->ref = sig->ref;
        back->code = FL_EFULL;
        fl_signal_send(shard->node, back);
    }
    fl_sig_free(shard, sig);
}

static void filters_run(struct fl_self *self, struct fl_filter *first, struct fl_sig *sig,
                        bool is_late)
{
    FL_ASSERT(sig->kind <= FL_SIG_REPLY);
    for (struct fl_filter *filter = first; filter != NULL; filter = filter->next)
        if (filter_apply(filter, sig)) return;
    deliver(self, sig, is_late);
}

void fl_filter_attach(struct fl_filter *filter, struct fl_self *self)
{
    FL_ASSERT(filter->self == NULL);
    filter->self = self;
    filter->timer.kind = FL_TIMER_PORT;
    filter->timer.fn = filter_on_timer;
    struct fl_filter **slot = &fl_proc_cold(self)->filters;
    while (*slot != NULL)
        slot = &(*slot)->next;
    *slot = filter;
    self->flags |= FL_PROC_FILTERED;
}

void fl_filter_detach(struct fl_filter *filter)
{
    struct fl_self *self = filter->self;
    while (filter->oldest != NULL)
        held_go_on(filter);
    fl_timer_remove(self->shard, &filter->timer);
    struct fl_filter **slot = &self->cold->filters;
    while (*slot != filter)
        slot = &(*slot)->next;
    *slot = filter->next;
    if (self->cold->filters == NULL) self->flags &= ~(uint32_t)FL_PROC_FILTERED;
    filter->self = NULL;
    fl_filter_let_go(filter);
}

/* Filters that are over end before the next message, the last one first: what it held is older
 * than what those before it hold. */
static void filters_sweep(struct fl_filter *filter)
{
    if (filter == NULL) return;
    filters_sweep(filter->next);
    if (fl_filter_is_over(filter)) fl_filter_detach(filter);
}

bool fl_filter_take(struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(self->flags & FL_PROC_FILTERED);
    if (sig->kind != FL_SIG_CAST && sig->kind != FL_SIG_CALL) return false;
    filters_sweep(self->cold->filters);
    filters_run(self, self->cold->filters, sig, false);
    return true;
}

bool fl_filter_take_reply(struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(sig->kind == FL_SIG_REPLY);
    if (sig->code == FL_EDIED || sig->code == FL_ENOPROC || sig->code == FL_EFULL) return false;
    filters_sweep(self->cold->filters);
    filters_run(self, self->cold->filters, sig, false);
    return true;
}

void fl_filter_drop_all(struct fl_self *self)
{
    while (self->cold->filters != NULL) {
        struct fl_filter *filter = self->cold->filters;
        while (filter->oldest != NULL)
            fl_sig_free(self->shard, held_take(filter));
        fl_filter_detach(filter);
    }
}
