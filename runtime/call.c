#include "runtime/core.h"

/* The nodes of a wait live in the fl_stack that the waiter keeps: never on the stack itself, which
 * is thrown away when the waiter is ended. */
static void wait_unlink(struct fl_self *self, struct fl_stack *stack, bool target_knows)
{
    struct fl_shard *shard = self->shard;
    fl_list_remove(&stack->wait_watch.of_target);
    if (FL_UNLIKELY(stack->wait_room.next != NULL)) fl_list_remove(&stack->wait_room);
    fl_timer_remove(shard, &stack->wait_timer);
    if (FL_LIKELY(stack->wait.remote.bits == 0) || target_knows) return;
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_DEMONITOR, stack->wait.remote, self->pid);
    sig->ref = stack->wait.ref;
    fl_signal_send(shard->node, sig);
}

static bool is_waiting(const struct fl_self *self, uint64_t ref)
{
    return (self->flags & FL_PROC_BLOCKED) != 0 && self->stack->wait.ref == ref;
}

void fl_call_end_wait(struct fl_self *self, int code)
{
    struct fl_stack *stack = self->stack;
    FL_ASSERT(stack != NULL);
    wait_unlink(self, stack, code == FL_EDIED || code == FL_ENOPROC);
    stack->wait.code = code;
    fl_proc_wake(self);
}

void fl_call_drop_wait(struct fl_self *self)
{
    struct fl_stack *stack = self->stack;
    FL_ASSERT(stack != NULL);
    wait_unlink(self, stack, false);
    fl_sig_free(self->shard, stack->wait.reply);
    if (stack->wait.on_abandon != NULL) stack->wait.on_abandon(stack->wait.job);
    stack->wait = (struct fl_wait){0};
}

/* An answer to fl_call_async is a message; one that comes too late is dropped. */
static void reply_to_async(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_shard *shard = self->shard;
    struct fl_monitor *call = fl_monitor_find(shard, sig->ref);
    if (call == NULL || call->owner != self || call->record != FL_RECORD_CALL || call->has_fired) {
        shard->counts.late_replies++;
        fl_sig_free(shard, sig);
        return;
    }
    fl_timer_remove(shard, &FL_OWNER(call, struct fl_async_call, monitor)->timer);
    fl_list_remove(&call->watch.of_target);
    if (call->is_remote && !(sig->flags & FL_SIG_UNWATCHED)) {
        struct fl_sig *unwatch = fl_sig_new(shard, FL_SIG_DEMONITOR, call->target, self->pid);
        unwatch->ref = sig->ref;
        fl_signal_send(shard->node, unwatch);
    }
    call->has_fired = true;
    fl_box_push_sys(self, sig);
}

void fl_call_on_reply(struct fl_self *self, struct fl_sig *sig)
{
    if (FL_UNLIKELY(!is_waiting(self, sig->ref))) {
        reply_to_async(self, sig);
        return;
    }
    struct fl_stack *stack = self->stack;
    stack->wait.reply = sig;
    stack->wait.code = sig->code;
    bool target_knows = (sig->flags & FL_SIG_UNWATCHED) != 0 || sig->code == FL_EDIED ||
                        sig->code == FL_ENOPROC;
    wait_unlink(self, stack, target_knows);
    fl_proc_wake(self);
}

void fl_call_arm_wait(struct fl_self *self, uint64_t ref, fl_ns due_ns)
{
    struct fl_stack *stack = self->shard->stack;
    FL_ASSERT(stack->wait.ref == 0);
    stack->wait.ref = ref;
    if (due_ns == FL_NEVER) return;
    stack->wait_timer.kind = FL_TIMER_WAIT;
    stack->wait_timer.owner = self;
    fl_timer_add(self->shard, &stack->wait_timer, due_ns);
}

/* The same with a span: most calls are answered before anybody had to know what time it was. */
static void call_arm(struct fl_self *self, uint64_t ref, fl_ns timeout_ns)
{
    struct fl_stack *stack = self->shard->stack;
    FL_ASSERT(stack->wait.ref == 0);
    stack->wait.ref = ref;
    if (timeout_ns == FL_NEVER) return;
    stack->wait_timer.kind = FL_TIMER_WAIT;
    stack->wait_timer.owner = self;
    fl_timer_add_later(self->shard, &stack->wait_timer, timeout_ns);
}

/* A neighbour is watched without a message. */
static void wait_watch(struct fl_self *self, struct fl_stack *stack, struct fl_self *target,
                       uint64_t ref)
{
    stack->wait_target = target->pid;
    stack->wait_watch.watcher = self->pid;
    stack->wait_watch.ref = ref;
    stack->wait_watch.kind = FL_WATCH_BORROWED;
    fl_list_push(&target->watchers, &stack->wait_watch.of_target);
}

static int take_reply(struct fl_self *self, struct fl_wait *wait, void *reply, size_t reply_max,
                      size_t *reply_len)
{
    struct fl_sig *sig = wait->reply;
    int code = wait->code;
    if (sig != NULL && code == 0) {
        size_t len = sig->len < reply_max ? sig->len : reply_max;
        if (reply != NULL && len == 8) /* most answers: no call for it */
            memcpy(reply, fl_sig_data(sig), 8);
        else if (reply != NULL && len > 0)
            memcpy(reply, fl_sig_data(sig), len);
        if (reply_len != NULL) *reply_len = len;
    }
    fl_sig_free(self->shard, sig);
    wait->ref = 0; /* the rest is as it was, or is set by the next wait */
    wait->reply = NULL;
    wait->remote = FL_NO_PID;
    return code;
}

/* Readies a call to a neighbour: it is there, has room, and is watched. */
static int call_neighbour(struct fl_self *self, struct fl_pid to, uint64_t ref, fl_ns *timeout_ns,
                          struct fl_self **out)
{
    struct fl_shard *shard = self->shard;
    struct fl_self *target = fl_proc_find(shard, to);
    if (target == NULL) return FL_ENOPROC;
    if (fl_box_is_full(target)) {
        fl_ns due_ns = fl_shard_due(shard, *timeout_ns);
        int rc = fl_box_make_room(target, self, due_ns);
        if (rc != 0) return rc;
        target = fl_proc_find(shard, to); /* we may have waited */
        if (target == NULL) return FL_ENOPROC;
        if (due_ns != FL_NEVER) *timeout_ns = fl_ns_max(0, due_ns - fl_shard_now(shard));
    }
    wait_watch(self, shard->stack, target, ref);
    *out = target;
    return 0;
}

int fl_call(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len,
            void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    FL_ASSERT(shard->running == self);
    if (reply_len != NULL) *reply_len = 0;
    if (fl_pid_eq(self->pid, to)) return FL_ECALLSELF;
    if (fl_proc_shard(shard->node, to) == NULL) return FL_ENOPROC;

    uint64_t ref = fl_shard_next_ref(shard);
    bool is_here = fl_shard_has(shard, to);
    struct fl_self *target = NULL;
    if (is_here) {
        int rc = call_neighbour(self, to, ref, &timeout_ns, &target);
        if (rc != 0) return rc;
    } else {
        stack->wait.remote = to;
    }
    call_arm(self, ref, timeout_ns);
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_CALL, to, self->pid);
    sig->tag = tag;
    sig->ref = ref;
    if (!is_here) sig->flags = FL_SIG_WATCH;
    fl_sig_set_data(sig, data, len);
    shard->counts.sent++;
    if (FL_UNLIKELY(self->flags & FL_PROC_SLOW_SEND)) fl_trace_sent(self, sig);
    if (FL_LIKELY(target != NULL && !shard->is_simulated))
        fl_box_push(target, sig);
    else
        fl_signal_send(shard->node, sig);
    fl_proc_park(self);
    return take_reply(self, &stack->wait, reply, reply_max, reply_len);
}

int fl_call_name(struct fl_self *self, const char *name, uint32_t tag, const void *data, size_t len,
                 void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns)
{
    struct fl_pid to = fl_whereis(self->shard->node, name);
    if (reply_len != NULL) *reply_len = 0;
    if (to.bits == 0) return FL_ENOPROC;
    return fl_call(self, to, tag, data, len, reply, reply_max, reply_len, timeout_ns);
}

const struct fl_reason *fl_call_reason(const struct fl_self *self)
{
    FL_ASSERT(self->shard->running == self);
    return &self->shard->stack->died;
}

void fl_call_or_exit(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data,
                     size_t len, void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns)
{
    int rc = fl_call(self, to, tag, data, len, reply, reply_max, reply_len, timeout_ns);
    if (rc == 0) return;
    if (rc == FL_EDIED) fl_self_exit_now(self, *fl_call_reason(self));
    if (rc == FL_ENOPROC) fl_self_exit_now(self, fl_reason_of(FL_EXIT_NOPROC));
    fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, rc, "call: %s", fl_code_name(rc)));
}

int fl_call_await_end(struct fl_self *self, struct fl_pid who, fl_ns timeout_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    struct fl_self *target = fl_proc_find(shard, who);
    FL_ASSERT(shard->running == self);
    if (target == NULL) return FL_ENOPROC;
    uint64_t ref = fl_shard_next_ref(shard);
    fl_call_arm_wait(self, ref, fl_shard_due(shard, timeout_ns));
    wait_watch(self, stack, target, ref);
    fl_proc_park(self);
    return take_reply(self, &stack->wait, NULL, 0, NULL);
}

int fl_call_sys(struct fl_self *self, struct fl_sig *sig_take, void *reply, size_t reply_max,
                size_t *reply_len, fl_ns timeout_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    struct fl_pid to = sig_take->to;
    FL_ASSERT(shard->running == self);
    bool is_here = fl_shard_has(shard, to);
    struct fl_self *target = is_here ? fl_proc_find(shard, to) : NULL;
    int rc = 0;
    if (target == self)
        rc = FL_ECALLSELF;
    else if ((is_here && target == NULL) || fl_proc_shard(shard->node, to) == NULL)
        rc = FL_ENOPROC;
    if (rc != 0) {
        fl_sig_free(shard, sig_take);
        return rc;
    }
    uint64_t ref = sig_take->ref = fl_shard_next_ref(shard);
    if (is_here) {
        wait_watch(self, stack, target, ref);
    } else {
        stack->wait.remote = to;
        sig_take->flags |= FL_SIG_WATCH;
    }
    fl_call_arm_wait(self, ref, fl_shard_due(shard, timeout_ns));
    /* a process that is suspended answers here and now: before we wait */
    self->stack = stack;
    self->flags |= FL_PROC_BLOCKED;
    fl_signal_send(shard->node, sig_take);
    if (self->flags & FL_PROC_BLOCKED)
        fl_proc_park(self);
    else
        self->stack = NULL;
    return take_reply(self, &stack->wait, reply, reply_max, reply_len);
}

static struct fl_async_call *async_new(struct fl_self *self, struct fl_pid to)
{
    struct fl_shard *shard = self->shard;
    struct fl_async_call *call = fl_cell_new_zeroed(shard, sizeof *call);
    uint64_t ref = fl_table_take(&shard->refs, shard->id, call);
    FL_ASSERT(ref != 0); /* 16 million on one shard */
    struct fl_monitor *monitor = &call->monitor;
    monitor->record = FL_RECORD_CALL;
    monitor->owner = self;
    monitor->target = to;
    monitor->watch = (struct fl_watch){.watcher = self->pid, .ref = ref, .kind = FL_WATCH_LOCAL};
    fl_list_push(&self->monitors, &monitor->of_owner);
    return call;
}

static int async_watch(struct fl_self *self, struct fl_async_call *call, struct fl_pid to)
{
    struct fl_shard *shard = self->shard;
    if (fl_pid_eq(self->pid, to)) return FL_ECALLSELF;
    if (!fl_shard_has(shard, to)) {
        call->monitor.is_remote = true;
        return fl_proc_shard(shard->node, to) == NULL ? FL_ENOPROC : 0;
    }
    struct fl_self *target = fl_proc_find(shard, to);
    if (target == NULL) return FL_ENOPROC;
    if (fl_box_is_full(target) && fl_box_make_room(target, NULL, 0) != 0) return FL_EFULL;
    fl_list_push(&target->watchers, &call->monitor.watch.of_target);
    return 0;
}

uint64_t fl_call_async(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data,
                       size_t len, fl_ns timeout_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_async_call *call = async_new(self, to);
    uint64_t ref = call->monitor.watch.ref;
    int code = async_watch(self, call, to);
    if (code != 0) {
        struct fl_sig *reply = fl_sig_new(shard, FL_SIG_REPLY, self->pid, to);
        reply->ref = ref;
        reply->code = code;
        reply->flags = FL_SIG_UNWATCHED;
        fl_call_on_reply(self, reply);
        return ref;
    }
    call->timer.kind = FL_TIMER_CALL;
    call->timer.owner = self;
    call->timer.ref = ref;
    if (timeout_ns != FL_NEVER) fl_timer_add_later(shard, &call->timer, timeout_ns);
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_CALL, to, self->pid);
    sig->tag = tag;
    sig->ref = ref;
    if (call->monitor.is_remote) sig->flags = FL_SIG_WATCH;
    fl_sig_set_data(sig, data, len);
    shard->counts.sent++;
    if (FL_UNLIKELY(self->flags & FL_PROC_SLOW_SEND)) fl_trace_sent(self, sig);
    fl_signal_send(shard->node, sig);
    return ref;
}

void fl_call_abandon(struct fl_self *self, uint64_t ref)
{
    struct fl_monitor *call = fl_monitor_find(self->shard, ref);
    if (call == NULL || call->owner != self || call->record != FL_RECORD_CALL) return;
    fl_monitor_drop(call); /* an answer that is queued finds no record and is skipped */
}

static void reply_send(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_shard *shard = self->shard;
    if (FL_UNLIKELY(self->flags & FL_PROC_SLOW_SEND)) fl_trace_sent(self, sig);
    if (FL_LIKELY(fl_shard_has(shard, sig->to) && !shard->is_simulated)) {
        struct fl_self *caller = fl_proc_find(shard, sig->to);
        const uint32_t long_way = FL_PROC_FILTERED | FL_PROC_TRACED;
        if (FL_LIKELY(caller != NULL && !(caller->flags & long_way))) {
            fl_call_on_reply(caller, sig);
            return;
        }
    }
    /* who called from another shard is watched by us: no need to be told to stop */
    if (!fl_shard_has(shard, sig->to) && fl_watch_drop(shard, sig->ref))
        sig->flags |= FL_SIG_UNWATCHED;
    fl_signal_send(shard->node, sig);
}

void fl_self_reply(struct fl_self *self, struct fl_pid to, uint64_t ref, const void *data,
                   size_t len)
{
    if (ref == 0) return; /* a cast, not a call */
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_REPLY, to, self->pid);
    sig->ref = ref;
    fl_sig_set_data(sig, data, len);
    reply_send(self, sig);
}

void fl_self_reply_error(struct fl_self *self, struct fl_pid to, uint64_t ref, int code)
{
    FL_ASSERT(code != 0);
    if (ref == 0) return;
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_REPLY, to, self->pid);
    sig->ref = ref;
    sig->code = code;
    reply_send(self, sig);
}

void fl_call_send_last(struct fl_self *self)
{
    struct fl_sig *sig = self->cold->last_reply;
    FL_ASSERT(sig != NULL);
    self->cold->last_reply = NULL;
    reply_send(self, sig);
}

void fl_self_stop_with_reply(struct fl_self *self, const struct fl_msg *msg,
                             struct fl_reason reason, const void *data, size_t len)
{
    struct fl_cold *cold = fl_proc_cold(self);
    FL_ASSERT(self->shard->running == self);
    fl_self_exit(self, reason);
    if (msg->ref == 0 || cold->last_reply != NULL) return; /* a cast; or answered already */
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_REPLY, msg->from, self->pid);
    sig->ref = msg->ref;
    fl_sig_set_data(sig, data, len);
    cold->last_reply = sig;
    bool has_no_terminate = (self->flags & (FL_PROC_IS_BODY | FL_PROC_TERMINATING)) != 0;
    if (has_no_terminate) fl_call_send_last(self);
}
