#include "runtime/base/failpoint.h"
#include "runtime/core.h"
#include "runtime/filter.h"

typedef void (*signal_fn)(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig);

void fl_signal_send(struct fl_node *node, struct fl_sig *sig)
{
    struct fl_shard *there = fl_proc_shard(node, sig->to);
    struct fl_shard *here = fl_shard_here(node);
    if (there == NULL)
        fl_sig_free(here, sig);
    else if (there != here)
        fl_shard_post(there, sig);
    else if (FL_LIKELY(!here->is_simulated) || !fl_sim_hold(here, sig))
        fl_signal_arrive(here, sig);
}

static void signal_exit(struct fl_self *self, struct fl_pid from, const struct fl_reason *reason,
                        uint8_t flags)
{
    FL_ASSERT(self->pid.bits != 0);
    bool is_link = (flags & FL_SIG_IS_LINK) != 0;
    bool is_kill = !is_link && reason->kind == FL_EXIT_KILL;
    bool is_final = is_kill || (!is_link && reason->kind == FL_EXIT_CRASH);
    if (!is_final && (self->flags & FL_PROC_TRAPS)) {
        struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_EXIT, self->pid, from);
        sig->flags = flags;
        sig->reason = *reason;
        bool ends = (flags & FL_SIG_IS_PARENT) || fl_pid_eq(from, self->parent);
        if (ends && (self->flags & FL_PROC_SUSPENDED)) {
            /* OTP: a suspended process still obeys its parent, before all that is queued */
            fl_box_push_front(self, sig);
            fl_proc_resume(self);
        } else {
            fl_box_push_sys(self, sig);
        }
        return;
    }
    if (reason->kind == FL_EXIT_NORMAL && !fl_pid_eq(from, self->pid)) return;
    struct fl_reason seen = *reason;
    if (is_kill) seen.kind = FL_EXIT_KILLED;
    fl_proc_doom(self, &seen);
}

/* What comes back when nobody is there. */
static void signal_to_nobody(struct fl_shard *shard, struct fl_sig *sig)
{
    struct fl_sig *back = NULL;
    if (sig->kind == FL_SIG_CALL || sig->kind == FL_SIG_SYS) {
        back = fl_sig_new(shard, FL_SIG_REPLY, sig->from, sig->to);
        back->code = FL_ENOPROC;
    } else if (sig->kind == FL_SIG_MONITOR) {
        back = fl_sig_new(shard, FL_SIG_DOWN, sig->from, sig->to);
        back->reason = fl_reason_of(FL_EXIT_NOPROC);
    } else if (sig->kind == FL_SIG_LINK) {
        back = fl_sig_new(shard, FL_SIG_EXIT, sig->from, sig->to);
        back->flags = FL_SIG_IS_LINK;
        back->reason = fl_reason_of(FL_EXIT_NOPROC);
    } else if (sig->kind == FL_SIG_CAST) {
        shard->counts.dropped_dead++;
    }
    if (back != NULL) {
        back->ref = sig->ref;
        fl_signal_send(shard->node, back);
    }
    fl_sig_free(shard, sig);
}

static void arrive_cast(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    bool is_alias = (sig->to.bits & FL_ID_ALIAS) != 0; /* ends when it is used: it gets through */
    if (!fl_box_is_full(self) || is_alias || fl_box_make_room(self, NULL, 0) == 0)
        fl_box_push(self, sig);
    else
        fl_sig_free(shard, sig);
}

static void arrive_call(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    if (fl_box_is_full(self) && fl_box_make_room(self, NULL, 0) != 0) {
        struct fl_sig *back = fl_sig_new(shard, FL_SIG_REPLY, sig->from, sig->to);
        back->ref = sig->ref;
        back->code = FL_EFULL;
        back->flags = FL_SIG_UNWATCHED;
        fl_sig_free(shard, sig);
        fl_signal_send(shard->node, back);
        return;
    }
    if (sig->flags & FL_SIG_WATCH) fl_watch_add(self, sig->from, sig->ref);
    fl_box_push(self, sig);
}

static void arrive_reply(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(self->shard == shard);
    if (FL_UNLIKELY(self->flags & FL_PROC_FILTERED) && fl_filter_take_reply(self, sig)) return;
    if (FL_UNLIKELY(self->flags & FL_PROC_TRACED)) fl_trace_answered(self, sig);
    fl_call_on_reply(self, sig);
}

static void arrive_down(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(self->shard == shard);
    fl_monitor_on_down(self, sig);
}

static void arrive_exit(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    /* of a link to another shard: an unlinked one no longer counts */
    bool is_far = (sig->flags & FL_SIG_IS_LINK) && !fl_shard_has(shard, sig->from);
    if (!is_far || fl_link_drop_remote(self, sig->from))
        signal_exit(self, sig->from, &sig->reason, sig->flags);
    fl_sig_free(shard, sig);
}

static void arrive_monitor(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    fl_watch_add(self, sig->from, sig->ref);
    fl_sig_free(shard, sig);
}

static void arrive_demonitor(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(self->shard == shard);
    fl_watch_drop(shard, sig->ref);
    fl_sig_free(shard, sig);
}

static void arrive_link(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(!fl_shard_has(shard, sig->from));
    fl_link_on_remote(self, sig->from);
    fl_sig_free(shard, sig);
}

static void arrive_unlink(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    fl_link_drop_remote(self, sig->from);
    fl_sig_free(shard, sig);
}

static void arrive_sys(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(self->shard == shard);
    if (sig->flags & FL_SIG_WATCH) fl_watch_add(self, sig->from, sig->ref);
    if ((self->flags & FL_PROC_SUSPENDED) && !(self->flags & FL_PROC_RUNNING)) {
        sig->sys.fn(self, sig); /* it would not come to it */
        fl_sig_free(shard, sig);
    } else {
        self->flags |= FL_PROC_HAS_SYS;
        fl_box_push_sys(self, sig);
    }
}

static void arrive_suspend(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    self->flags |= FL_PROC_SUSPENDED; /* in a queue, it is passed over */
    fl_sig_free(shard, sig);
    if (!(self->flags & FL_PROC_RUNNING)) fl_sys_answer_queued(self);
}

static void arrive_resume(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    fl_proc_resume(self);
    fl_sig_free(shard, sig);
}

static void arrive_started(struct fl_shard *shard, struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(self->shard == shard);
    fl_proc_on_started(self, sig);
}

static const signal_fn arrive[] = {
    [FL_SIG_CAST] = arrive_cast,
    [FL_SIG_CALL] = arrive_call,
    [FL_SIG_REPLY] = arrive_reply,
    [FL_SIG_DOWN] = arrive_down,
    [FL_SIG_EXIT] = arrive_exit,
    [FL_SIG_MONITOR] = arrive_monitor,
    [FL_SIG_DEMONITOR] = arrive_demonitor,
    [FL_SIG_LINK] = arrive_link,
    [FL_SIG_UNLINK] = arrive_unlink,
    [FL_SIG_SUSPEND] = arrive_suspend,
    [FL_SIG_RESUME] = arrive_resume,
    [FL_SIG_STARTED] = arrive_started,
    [FL_SIG_SYS] = arrive_sys,
};

/* To the shard itself. */
static bool signal_to_shard(struct fl_shard *shard, struct fl_sig *sig)
{
    switch ((enum fl_sig_kind)sig->kind) {
    case FL_SIG_SPAWN:
        fl_proc_on_spawn(shard, sig);
        return true;
    case FL_SIG_STOP:
        fl_node_on_stop_phase(shard, sig->code);
        break;
    case FL_SIG_ASK:
        sig->flags &= (uint8_t)~FL_SIG_SPECIAL; /* nothing is dropped */
        sig->ask.fn(shard, sig->ask.cx);
        break;
    default:
        return false;
    }
    fl_sig_free(shard, sig);
    return true;
}

void fl_signal_arrive(struct fl_shard *shard, struct fl_sig *sig)
{
    struct fl_self *self = fl_proc_find(shard, sig->to);
    if (FL_UNLIKELY(self == NULL)) {
        if (signal_to_shard(shard, sig)) return;
        self = sig->kind == FL_SIG_CAST || sig->kind == FL_SIG_REPLY ? fl_alias_resolve(shard, sig)
                                                                     : NULL;
        if (self == NULL) {
            signal_to_nobody(shard, sig);
            return;
        }
    }
    FL_ASSERT(sig->kind < FL_COUNT(arrive) && arrive[sig->kind] != NULL);
    arrive[sig->kind](shard, self, sig);
}

/* The long way of a send: to nobody, to an alias, to a full mailbox. */
static int send_slow(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_shard *shard = self->shard;
    struct fl_self *target = fl_proc_find(shard, sig->to);
    bool is_alias = target == NULL; /* which ends when it is used, so it gets through */
    if (is_alias) target = fl_alias_resolve(shard, sig);
    int rc = 0;
    if (target != NULL && !is_alias && fl_box_is_full(target)) {
        struct fl_pid pid = target->pid;
        shard->stack->sending = sig; /* freed with us when we end meanwhile */
        rc = fl_box_make_room(target, self, FL_NEVER);
        shard->stack->sending = NULL;
        target = fl_proc_find(shard, pid); /* we may have waited */
        if (rc == FL_ENOPROC) rc = 0;
    }
    if (target != NULL && rc == 0) {
        fl_box_push(target, sig);
        return 0;
    }
    if (rc == 0) shard->counts.dropped_dead++;
    fl_sig_free(shard, sig);
    return rc;
}

static int send_sig(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_shard *shard = self->shard;
    if (FL_FAIL("faultline/send")) {
        fl_sig_free(shard, sig);
        return FL_EFULL;
    }
    shard->counts.sent++;
    if (FL_UNLIKELY(self->flags & FL_PROC_SLOW_SEND)) fl_trace_sent(self, sig);
    if (!fl_shard_has(shard, sig->to)) {
        fl_signal_send(shard->node, sig);
        return 0;
    }
    if (FL_UNLIKELY(shard->is_simulated) && fl_sim_hold(shard, sig)) return 0;
    struct fl_self *target = fl_proc_find(shard, sig->to);
    if (target == NULL || fl_box_is_full(target)) return send_slow(self, sig);
    fl_box_push(target, sig);
    return 0;
}

FL_NOINLINE static int send_any(struct fl_self *self, struct fl_pid to, uint32_t tag,
                                const void *data, size_t len)
{
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_CAST, to, self->pid);
    sig->tag = tag;
    fl_sig_set_data(sig, data, len);
    return send_sig(self, sig);
}

/* Small, to a neighbour, with nothing special about either: no call on the way, so that the
 * compiler has nothing to save. */
int fl_send(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len)
{
    struct fl_shard *shard = self->shard;
    struct fl_self *target = fl_proc_find(shard, to);
    struct fl_sig *sig = shard->sig_pool;
    const uint32_t long_way = FL_PROC_SLOW_IN | FL_PROC_SIMULATED;
    if (FL_UNLIKELY(target == NULL || sig == NULL || len > 16 || len % 8 != 0 ||
                    (target->flags & long_way) || (self->flags & FL_PROC_SLOW_SEND) ||
                    fl_box_is_full(target)))
        return send_any(self, to, tag, data, len);
    shard->sig_pool = sig->next;
    shard->counts.sent++;
    fl_sig_init(sig, FL_SIG_CAST, to, self->pid);
    sig->tag = tag;
    sig->len = (uint32_t)len;
    if (len != 0) memcpy(sig->bytes, data, 8);
    if (len == 16) memcpy(sig->bytes + 8, (const char *)data + 8, 8);
    fl_box_link(target, sig);
    if (FL_LIKELY(!(target->flags & FL_PROC_BLOCKED)))
        fl_shard_queue(target);
    else if (target->flags & FL_PROC_RECEIVES)
        fl_receive_wake(target);
    return 0;
}

int fl_send_shared(struct fl_self *self, struct fl_pid to, uint32_t tag,
                   struct fl_shared *shared_take)
{
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_CAST, to, self->pid);
    sig->tag = tag;
    sig->flags = FL_SIG_SHARED;
    sig->shared = shared_take;
    sig->len = (uint32_t)fl_shared_len(shared_take);
    return send_sig(self, sig);
}

int fl_send_name(struct fl_self *self, const char *name, uint32_t tag, const void *data, size_t len)
{
    struct fl_pid to = fl_whereis(self->shard->node, name);
    return to.bits == 0 ? FL_ENOPROC : fl_send(self, to, tag, data, len);
}

int fl_node_send(struct fl_node *node, struct fl_pid to, uint32_t tag, const void *data, size_t len)
{
    struct fl_shard *here = fl_shard_here(node);
    if (FL_FAIL("faultline/send")) return FL_EFULL;
    if (here != NULL && fl_shard_has(here, to)) {
        struct fl_self *target = fl_proc_find(here, to);
        if (target != NULL && fl_box_is_full(target)) {
            int rc = fl_box_make_room(target, NULL, 0);
            if (rc != 0) return rc;
        }
    }
    struct fl_sig *sig = fl_sig_new(here, FL_SIG_CAST, to, FL_NO_PID);
    sig->tag = tag;
    fl_sig_set_data(sig, data, len);
    fl_signal_send(node, sig);
    return 0;
}

static void exit_send(struct fl_node *node, struct fl_pid from, struct fl_pid to,
                      const struct fl_reason *reason)
{
    struct fl_sig *sig = fl_sig_new(fl_shard_here(node), FL_SIG_EXIT, to, from);
    sig->reason = *reason;
    fl_signal_send(node, sig);
}

void fl_exit(struct fl_self *self, struct fl_pid other, struct fl_reason reason)
{
    exit_send(self->shard->node, self->pid, other, &reason);
}

void fl_node_exit(struct fl_node *node, struct fl_pid other, struct fl_reason reason)
{
    exit_send(node, FL_NO_PID, other, &reason);
}
