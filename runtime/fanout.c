#include "runtime/fanout.h"

#define MEMBERS_AHEAD 8
#define HANDLERS_BETWEEN_CLOCKS 64u

struct fl_fanout {
    struct fl_fanout *next;
    struct fl_self *sender; /* who waits */
    struct fl_sig sig;      /* what a member handles, as long as it does not wait */
    size_t at, count;
    size_t late; /* how many, at the front of members, the sender has to wait for room with */
    struct fl_pid members[];
};

struct fl_fanout *fl_fanout_new(struct fl_self *self, uint32_t tag, struct fl_shared *shared_take,
                                size_t members_max)
{
    FL_ASSERT(!self->shard->is_simulated);
    struct fl_fanout *fanout = malloc(sizeof *fanout + members_max * sizeof(struct fl_pid));
    FL_ASSERT(fanout != NULL);
    fanout->next = NULL;
    fanout->sender = self;
    fanout->at = fanout->count = fanout->late = 0;
    fl_sig_init(&fanout->sig, FL_SIG_CAST, FL_NO_PID, self->pid);
    fanout->sig.is_malloced = FL_SIG_LENT;
    fanout->sig.flags = FL_SIG_SHARED;
    fanout->sig.tag = tag;
    fanout->sig.len = (uint32_t)fl_shared_len(shared_take);
    fanout->sig.shared = shared_take;
    return fanout;
}

void fl_fanout_add(struct fl_fanout *fanout, struct fl_pid member)
{
    FL_ASSERT(fl_shard_has(fanout->sender->shard, member));
    fanout->members[fanout->count++] = member;
}

void fl_fanout_free(struct fl_fanout *fanout)
{
    FL_ASSERT(fanout->sig.is_malloced == FL_SIG_LENT);
    fl_shared_release(fanout->sig.shared);
    free(fanout);
}

static struct fl_sig *fanout_copy(struct fl_shard *shard, const struct fl_sig *lent,
                                  struct fl_pid to)
{
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_CAST, to, lent->from);
    sig->tag = lent->tag;
    sig->len = lent->len;
    sig->flags = FL_SIG_SHARED;
    sig->shared = fl_shared_retain(lent->shared);
    return sig;
}

void fl_fanout_keep(struct fl_self *self)
{
    FL_ASSERT(self->current->is_malloced == FL_SIG_LENT);
    self->current = fanout_copy(self->shard, self->current, self->pid);
}

/* The long way, for one that is busy. */
static void fanout_post(struct fl_shard *shard, struct fl_fanout *fanout, struct fl_self *target)
{
    bool is_full = fl_box_is_full(target);
    if (is_full && fl_box_when_full(target) == FL_FULL_BLOCK) {
        fanout->members[fanout->late++] = target->pid;
        return;
    }
    if (is_full && fl_box_make_room(target, NULL, 0) != 0) return;
    fl_box_push(target, fanout_copy(shard, &fanout->sig, target->pid));
}

/* It handles the message here and now. What it was lent may be gone when it returns. */
static void fanout_handle(struct fl_shard *shard, struct fl_fanout *fanout, struct fl_self *target)
{
    struct fl_msg msg;
    fl_msg_of(&fanout->sig, &msg);
    shard->running = target;
    target->flags |= FL_PROC_RUNNING;
    target->current = &fanout->sig;
    fl_shard_next_epoch(shard);
    fl_shard_note_running(shard, target);
    target->server->on_cast(target, fl_self_state(target), &msg);
    target->handled++;
    shard->counts.handled++;
    shard->budget--;
    if (FL_UNLIKELY(target->flags & FL_PROC_SLOW_AFTER)) {
        fl_proc_after_handler(target);
        bool is_lent = target->current->is_malloced == FL_SIG_LENT;
        if (is_lent && (target->flags & FL_PROC_DOOMED)) fl_fanout_keep(target);
    }
    if (!(target->flags & FL_PROC_DOOMED)) { /* else it stays, for the report */
        if (FL_UNLIKELY(target->current->is_malloced != FL_SIG_LENT))
            fl_sig_free(shard, target->current);
        target->current = NULL;
    }
    fl_stack_drop_held(shard, shard->stack);
    shard->running = NULL;
    target->flags &= ~(uint32_t)FL_PROC_RUNNING;
    if (target->box_head != NULL) fl_shard_ready(target);
}

static bool fanout_is_idle(const struct fl_self *target)
{
    const uint32_t busy = FL_PROC_IN_QUEUE | FL_PROC_BLOCKED | FL_PROC_RUNNING | FL_PROC_STARTING |
                          FL_PROC_SUSPENDED | FL_PROC_DOOMED | FL_PROC_ENDING | FL_PROC_IS_BODY |
                          FL_PROC_SLOW_IN | FL_PROC_SLOW_OUT;
    return (target->flags & busy) == 0 && target->box_head == NULL && target->stack == NULL &&
           target->server->on_cast != NULL;
}

static void fanout_take_off(struct fl_shard *shard, struct fl_fanout *fanout)
{
    struct fl_fanout **slot = &shard->fanouts;
    while (*slot != fanout) {
        FL_ASSERT(*slot != NULL);
        slot = &(*slot)->next;
    }
    *slot = fanout->next;
    if (shard->fanouts == NULL)
        shard->fanouts_tail = NULL;
    else if (shard->fanouts_tail == fanout)
        shard->fanouts_tail = FL_OWNER(slot, struct fl_fanout, next);
}

static void fanout_drop(void *ptr)
{
    fl_fanout_free(ptr);
}

static void fanout_done(struct fl_shard *shard, struct fl_fanout *fanout)
{
    fanout_take_off(shard, fanout);
    struct fl_self *sender = fanout->sender;
    bool has_late = fanout->late > 0; /* then it is the sender's from here on */
    sender->stack->wait.on_abandon = has_late ? fanout_drop : NULL;
    fl_call_end_wait(sender, 0);
    if (!has_late) fl_fanout_free(fanout);
}

void fl_fanout_run(struct fl_shard *shard)
{
    struct fl_fanout *fanout;
    unsigned handled = 0;
    while ((fanout = shard->fanouts) != NULL && shard->budget > 0) {
        if (fanout->at == fanout->count) {
            fanout_done(shard, fanout);
            continue;
        }
        if (fanout->at + MEMBERS_AHEAD < fanout->count) {
            struct fl_pid later = fanout->members[fanout->at + MEMBERS_AHEAD];
            const struct fl_self *ahead = fl_proc_find(shard, later);
            if (ahead != NULL) fl_proc_prefetch(ahead);
        }
        struct fl_self *target = fl_proc_find(shard, fanout->members[fanout->at++]);
        shard->counts.sent++;
        if (FL_UNLIKELY(target == NULL)) {
            shard->counts.dropped_dead++;
        } else if (FL_UNLIKELY(!fanout_is_idle(target))) {
            fanout_post(shard, fanout, target);
        } else {
            fanout_handle(shard, fanout, target);
            if (FL_UNLIKELY(shard->run_first != NULL || !fl_list_is_empty(&shard->doomed))) return;
            if (++handled % HANDLERS_BETWEEN_CLOCKS == 0 && fl_now() >= shard->batch_end_ns)
                shard->budget = 0;
        }
    }
}

/* The sender ends while it waits: what it sent comes before its EXIT and its DOWN. */
static void fanout_abandon(void *ptr)
{
    struct fl_fanout *fanout = ptr;
    struct fl_shard *shard = fanout->sender->shard;
    fanout_take_off(shard, fanout);
    for (; fanout->at < fanout->count; fanout->at++) {
        struct fl_self *target = fl_proc_find(shard, fanout->members[fanout->at]);
        if (target != NULL && !(target->flags & FL_PROC_DOOMED)) fanout_post(shard, fanout, target);
    }
    fl_fanout_free(fanout);
}

/* Waits for room, one after the other, as a send to each would. */
static void fanout_send_late(struct fl_self *self, struct fl_fanout *fanout)
{
    fl_self_own(self, fanout, fanout_drop); /* we may be ended while we wait */
    for (size_t i = 0; i < fanout->late; i++)
        fl_send_shared(self, fanout->members[i], fanout->sig.tag,
                       fl_shared_retain(fanout->sig.shared));
    fl_self_disown(self, fanout);
    fl_fanout_free(fanout);
}

void fl_fanout_send(struct fl_self *self, struct fl_fanout *fanout_take)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    FL_ASSERT(shard->running == self && fanout_take->sender == self);
    if (shard->fanouts == NULL)
        shard->fanouts = fanout_take;
    else
        shard->fanouts_tail->next = fanout_take;
    shard->fanouts_tail = fanout_take;
    shard->is_plain_turn = false;
    fl_call_arm_wait(self, fl_shard_next_ref(shard), FL_NEVER);
    stack->wait.job = fanout_take;
    stack->wait.on_abandon = fanout_abandon;
    fl_proc_park(self);
    bool has_late = stack->wait.on_abandon != NULL;
    stack->wait = (struct fl_wait){0};
    if (has_late) fanout_send_late(self, fanout_take);
}
