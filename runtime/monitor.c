#include "runtime/core.h"

/* On one shard a monitor is one record, in the lists of both sides. Between shards each side has
 * its own, and signals keep them together. */

/* ---- the watched side, for watchers on other shards */

void fl_watch_add(struct fl_self *target, struct fl_pid watcher, uint64_t ref)
{
    struct fl_shard *shard = target->shard;
    struct fl_remote_watch *remote = fl_cell_new_zeroed(shard, sizeof *remote);
    remote->watch = (struct fl_watch){.watcher = watcher, .ref = ref, .kind = FL_WATCH_REMOTE};
    remote->target = target;
    fl_map_add(&shard->watches_by_ref, &remote->by_ref, ref);
    fl_list_push(&target->watchers, &remote->watch.of_target);
}

static void watch_free(struct fl_shard *shard, struct fl_remote_watch *remote)
{
    FL_ASSERT(remote->watch.kind == FL_WATCH_REMOTE);
    fl_map_remove(&shard->watches_by_ref, &remote->by_ref);
    fl_list_remove(&remote->watch.of_target);
    fl_cell_free(shard, remote, sizeof *remote);
}

bool fl_watch_drop(struct fl_shard *shard, uint64_t ref)
{
    struct fl_map_node *at = fl_map_find(&shard->watches_by_ref, ref);
    if (at == NULL) return false;
    watch_free(shard, FL_OWNER(at, struct fl_remote_watch, by_ref));
    return true;
}

static struct fl_sig *down_new(struct fl_shard *shard, struct fl_pid watcher, uint64_t ref,
                               struct fl_pid who, const struct fl_reason *reason)
{
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_DOWN, watcher, who);
    sig->ref = ref;
    sig->reason = *reason;
    return sig;
}

/* The end of a call, told as its answer. */
static void call_failed(struct fl_self *self, uint64_t ref, struct fl_pid who,
                        const struct fl_reason *reason)
{
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_REPLY, self->pid, who);
    sig->ref = ref;
    sig->code = reason->kind == FL_EXIT_NOPROC ? FL_ENOPROC : FL_EDIED;
    fl_call_on_reply(self, sig);
}

static void monitor_fire(struct fl_monitor *monitor, struct fl_pid who,
                         const struct fl_reason *reason)
{
    struct fl_self *owner = monitor->owner;
    FL_ASSERT(!monitor->has_fired);
    fl_list_remove(&monitor->watch.of_target);
    if (monitor->record == FL_RECORD_CALL) {
        call_failed(owner, monitor->watch.ref, who, reason);
        return;
    }
    monitor->has_fired = true;
    struct fl_sig *sig = down_new(owner->shard, owner->pid, monitor->watch.ref, who, reason);
    if (monitor->name != NULL) {
        sig->name = monitor->name;
        sig->flags |= FL_SIG_SPECIAL;
        monitor->name = NULL;
    }
    bool waits = FL_UNLIKELY(owner->shard->is_simulated) && fl_sim_hold(owner->shard, sig);
    if (!waits) fl_box_push_sys(owner, sig);
}

static void borrowed_fire(struct fl_shard *shard, struct fl_watch *watch,
                          const struct fl_reason *reason)
{
    fl_list_remove(&watch->of_target);
    struct fl_self *caller = fl_proc_find(shard, watch->watcher);
    if (caller == NULL) return;
    caller->stack->died = *reason;
    fl_call_end_wait(caller, FL_EDIED);
}

static bool watch_is_call(const struct fl_watch *watch)
{
    if (watch->kind != FL_WATCH_LOCAL) return watch->kind == FL_WATCH_BORROWED;
    return FL_OWNER(watch, const struct fl_monitor, watch)->record == FL_RECORD_CALL;
}

void fl_watch_fire_all(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    const struct fl_reason *reason = fl_proc_reason(self);
    while (!fl_list_is_empty(&self->watchers)) {
        struct fl_watch *watch = FL_OWNER(self->watchers.next, struct fl_watch, of_target);
        /* an answer comes before the end of who gave it, also when it is still on its way */
        if (FL_UNLIKELY(shard->is_simulated) && watch_is_call(watch) &&
            fl_sim_flush(shard, self->pid, watch->watcher))
            continue;
        if (watch->kind == FL_WATCH_LOCAL) {
            monitor_fire(FL_OWNER(watch, struct fl_monitor, watch), self->pid, reason);
        } else if (watch->kind == FL_WATCH_BORROWED) {
            borrowed_fire(shard, watch, reason);
        } else {
            struct fl_sig *sig = down_new(shard, watch->watcher, watch->ref, self->pid, reason);
            watch_free(shard, FL_OWNER(watch, struct fl_remote_watch, watch));
            fl_signal_send(shard->node, sig);
        }
    }
}

/* ---- the watching side */

static void monitor_let_go(struct fl_monitor *monitor)
{
    struct fl_shard *shard = monitor->owner->shard;
    fl_list_remove(&monitor->watch.of_target);
    if (monitor->is_remote && !monitor->has_fired) {
        struct fl_sig *sig = fl_sig_new(shard, FL_SIG_DEMONITOR, monitor->target,
                                        monitor->owner->pid);
        sig->ref = monitor->watch.ref;
        fl_signal_send(shard->node, sig);
    }
    free(monitor->name);
    monitor->name = NULL;
}

void fl_monitor_drop(struct fl_monitor *monitor)
{
    struct fl_shard *shard = monitor->owner->shard;
    uint64_t ref = monitor->watch.ref;
    monitor_let_go(monitor);
    fl_table_give(&shard->refs, ref);
    fl_list_remove(&monitor->of_owner);
    if (monitor->record == FL_RECORD_CALL) {
        struct fl_async_call *call = FL_OWNER(monitor, struct fl_async_call, monitor);
        fl_timer_remove(shard, &call->timer);
        fl_cell_free(shard, call, sizeof *call);
    } else {
        fl_cell_free(shard, monitor, sizeof *monitor);
    }
}

void fl_monitor_end(struct fl_monitor *monitor)
{
    FL_ASSERT(!monitor->is_spent);
    if (monitor->alias != 1 + FL_ALIAS_EXPLICIT) {
        fl_monitor_drop(monitor);
        return;
    }
    monitor_let_go(monitor);
    monitor->has_fired = monitor->is_spent = true;
}

void fl_monitor_drop_all(struct fl_self *self)
{
    while (!fl_list_is_empty(&self->monitors))
        fl_monitor_drop(FL_OWNER(self->monitors.next, struct fl_monitor, of_owner));
}

/* Member by member: zeroing it as a block costs more than the rest. */
static struct fl_monitor *monitor_new(struct fl_self *self, struct fl_pid target)
{
    struct fl_shard *shard = self->shard;
    struct fl_monitor *monitor = fl_cell_new(shard, sizeof *monitor);
    uint64_t ref = fl_table_take(&shard->refs, shard->id, monitor);
    FL_ASSERT(ref != 0); /* 16 million on one shard */
    monitor->record = FL_RECORD_MONITOR;
    monitor->has_fired = monitor->is_remote = monitor->is_spent = false;
    monitor->alias = 0;
    monitor->owner = self;
    monitor->target = target;
    monitor->name = NULL;
    monitor->watch.of_target = (struct fl_list){0};
    monitor->watch.watcher = self->pid;
    monitor->watch.ref = ref;
    monitor->watch.kind = FL_WATCH_LOCAL;
    monitor->of_owner = (struct fl_list){0};
    fl_list_push(&self->monitors, &monitor->of_owner);
    return monitor;
}

uint64_t fl_monitor_add(struct fl_self *self, struct fl_self *other, struct fl_pid pid)
{
    struct fl_shard *shard = self->shard;
    struct fl_monitor *monitor = monitor_new(self, pid);
    uint64_t ref = monitor->watch.ref;
    if (other != NULL) {
        if (other != self) fl_list_push(&other->watchers, &monitor->watch.of_target);
        return ref; /* of oneself: never fires */
    }
    if (fl_shard_has(shard, pid) || fl_proc_shard(shard->node, pid) == NULL) {
        struct fl_reason reason = fl_reason_of(FL_EXIT_NOPROC);
        monitor_fire(monitor, pid, &reason);
        return ref;
    }
    monitor->is_remote = true;
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_MONITOR, pid, self->pid);
    sig->ref = ref;
    fl_signal_send(shard->node, sig);
    return ref;
}

uint64_t fl_monitor(struct fl_self *self, struct fl_pid other)
{
    return fl_monitor_add(self, fl_proc_find(self->shard, other), other);
}

uint64_t fl_monitor_name(struct fl_self *self, const char *name)
{
    struct fl_shard *shard = self->shard;
    struct fl_pid pid = fl_whereis(shard->node, name);
    if (pid.bits != 0) {
        uint64_t ref = fl_monitor(self, pid);
        struct fl_monitor *monitor = fl_monitor_find(shard, ref);
        if (!monitor->has_fired) {
            monitor->name = fl_strdup(name);
            return ref;
        }
        fl_demonitor(self, ref); /* it went in this very moment: nobody has the name */
    }
    struct fl_monitor *monitor = monitor_new(self, FL_NO_PID);
    uint64_t ref = monitor->watch.ref;
    monitor->name = fl_strdup(name);
    struct fl_reason reason = fl_reason_of(FL_EXIT_NOPROC);
    monitor_fire(monitor, FL_NO_PID, &reason);
    return ref;
}

void fl_demonitor(struct fl_self *self, uint64_t ref)
{
    struct fl_monitor *monitor = fl_monitor_find(self->shard, ref);
    if (monitor == NULL || monitor->owner != self || monitor->record == FL_RECORD_CALL) return;
    if (!monitor->is_spent)
        fl_monitor_end(monitor); /* a DOWN in the mailbox finds no record and is skipped */
}

bool fl_demonitor_keep(struct fl_self *self, uint64_t ref)
{
    struct fl_monitor *monitor = fl_monitor_find(self->shard, ref);
    if (monitor == NULL || monitor->owner != self || monitor->record == FL_RECORD_CALL)
        return false;
    if (monitor->has_fired) {
        if (self->shard->is_simulated) fl_sim_flush(self->shard, monitor->target, self->pid);
        return false;
    }
    fl_monitor_end(monitor);
    return true;
}

void fl_monitor_on_down(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_shard *shard = self->shard;
    if ((self->flags & FL_PROC_BLOCKED) && self->stack->wait.ref == sig->ref) {
        self->stack->died = sig->reason;
        call_failed(self, sig->ref, sig->from, &sig->reason);
    } else {
        struct fl_monitor *monitor = fl_monitor_find(shard, sig->ref);
        if (monitor != NULL && monitor->owner == self && !monitor->has_fired)
            monitor_fire(monitor, sig->from, &sig->reason);
    }
    fl_sig_free(shard, sig);
}
