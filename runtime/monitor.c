#include "runtime/core.h"

void fl_watch_add(struct fl_self *target, struct fl_pid watcher, uint64_t ref)
{
    struct fl_watch *watch = fl_new(struct fl_watch);
    watch->watcher = watcher;
    watch->ref = ref;
    fl_map_add(&target->shard->watches_by_ref, &watch->by_ref, ref);
    fl_list_push(&target->watchers, &watch->of_target);
}

static void watch_free(struct fl_shard *shard, struct fl_watch *watch)
{
    FL_ASSERT(!watch->is_borrowed);
    fl_map_remove(&shard->watches_by_ref, &watch->by_ref);
    fl_list_remove(&watch->of_target);
    free(watch);
}

void fl_watch_drop(struct fl_shard *shard, uint64_t ref)
{
    struct fl_map_node *at = fl_map_find(&shard->watches_by_ref, ref);
    if (at != NULL) watch_free(shard, FL_OWNER(at, struct fl_watch, by_ref));
}

static void watch_send_down(struct fl_shard *shard, struct fl_pid watcher, uint64_t ref,
                            struct fl_pid who, const struct fl_reason *reason)
{
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_DOWN, watcher, who);
    sig->ref = ref;
    sig->reason = *reason;
    fl_signal_send(shard->node, sig);
}

void fl_watch_fire_all(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(self->reason != NULL);
    while (!fl_list_is_empty(&self->watchers)) {
        struct fl_watch *watch = FL_OWNER(self->watchers.next, struct fl_watch, of_target);
        struct fl_pid watcher = watch->watcher;
        uint64_t ref = watch->ref;
        if (watch->is_borrowed) {
            fl_list_remove(&watch->of_target);
            struct fl_self *caller = fl_proc_find(shard, watcher);
            if (caller != NULL) fl_call_end_wait(caller, FL_EDIED);
            continue;
        }
        watch_free(shard, watch);
        watch_send_down(shard, watcher, ref, self->pid, self->reason);
    }
}

struct fl_monitor *fl_monitor_find(struct fl_shard *shard, uint64_t ref)
{
    struct fl_map_node *at = fl_map_find(&shard->monitors_by_ref, ref);
    return at == NULL ? NULL : FL_OWNER(at, struct fl_monitor, by_ref);
}

void fl_monitor_drop(struct fl_monitor *monitor)
{
    struct fl_shard *shard = monitor->owner->shard;
    uint64_t ref = monitor->by_ref.key;
    if (!monitor->has_fired) {
        struct fl_sig *sig = fl_sig_new(shard, FL_SIG_DEMONITOR, monitor->target,
                                        monitor->owner->pid);
        sig->ref = ref;
        fl_signal_send(shard->node, sig);
    }
    fl_timer_remove(shard, &monitor->timer);
    fl_map_remove(&shard->monitors_by_ref, &monitor->by_ref);
    fl_list_remove(&monitor->of_owner);
    free(monitor);
}

void fl_monitor_drop_all(struct fl_self *self)
{
    while (!fl_list_is_empty(&self->monitors))
        fl_monitor_drop(FL_OWNER(self->monitors.next, struct fl_monitor, of_owner));
}

uint64_t fl_monitor(struct fl_self *self, struct fl_pid other)
{
    struct fl_shard *shard = self->shard;
    uint64_t ref = fl_shard_next_ref(shard);
    if (fl_pid_eq(self->pid, other)) return ref; /* never fires */

    struct fl_monitor *monitor = fl_new(struct fl_monitor);
    monitor->owner = self;
    monitor->target = other;
    fl_map_add(&shard->monitors_by_ref, &monitor->by_ref, ref);
    fl_list_push(&self->monitors, &monitor->of_owner);
    if (fl_proc_shard(shard->node, other) == NULL) {
        struct fl_reason reason = fl_reason_of(FL_EXIT_NOPROC);
        watch_send_down(shard, self->pid, ref, other, &reason);
        return ref;
    }
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_MONITOR, other, self->pid);
    sig->ref = ref;
    fl_signal_send(shard->node, sig);
    return ref;
}

void fl_demonitor(struct fl_self *self, uint64_t ref)
{
    struct fl_monitor *monitor = fl_monitor_find(self->shard, ref);
    if (monitor == NULL || monitor->owner != self || monitor->is_call) return;
    fl_monitor_drop(monitor); /* a DOWN in the mailbox finds no record and is skipped */
}

void fl_monitor_on_down(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_shard *shard = self->shard;
    struct fl_monitor *monitor = fl_monitor_find(shard, sig->ref);
    bool waits = (self->flags & FL_PROC_BLOCKED) && self->stack->wait.ref == sig->ref;
    if (waits || (monitor != NULL && monitor->is_call)) {
        bool was_there = sig->reason.kind != FL_EXIT_NOPROC;
        struct fl_sig *reply = fl_sig_new(shard, FL_SIG_REPLY, self->pid, sig->from);
        reply->ref = sig->ref;
        reply->code = was_there ? FL_EDIED : FL_ENOPROC;
        fl_sig_free(shard, sig);
        fl_call_on_reply(self, reply);
        return;
    }
    if (monitor == NULL || monitor->owner != self || monitor->has_fired) {
        fl_sig_free(shard, sig);
        return;
    }
    monitor->has_fired = true;
    fl_box_push(self, sig);
}
