#include "runtime/core.h"

/* The nodes of a wait live in the fl_stack that the waiter keeps: never on the stack itself, which
 * is thrown away when the waiter is ended. */
static void wait_unlink(struct fl_self *self, struct fl_stack *stack, bool target_is_gone)
{
    struct fl_shard *shard = self->shard;
    fl_list_remove(&stack->wait_watch.of_target);
    fl_timer_remove(shard, &stack->wait_timer);
    if (stack->wait.remote.bits == 0 || target_is_gone) return;
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
    stack->wait.reply = NULL;
    if (stack->wait.on_abandon != NULL) stack->wait.on_abandon(stack->wait.job);
    stack->wait = (struct fl_wait){0};
}

void fl_call_on_reply(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_shard *shard = self->shard;
    if (is_waiting(self, sig->ref)) {
        self->stack->wait.reply = sig;
        fl_call_end_wait(self, sig->code);
        return;
    }
    struct fl_monitor *call = fl_monitor_find(shard, sig->ref);
    if (call == NULL || call->owner != self || !call->is_call || call->has_fired) {
        shard->counts.late_replies++;
        fl_sig_free(shard, sig);
        return;
    }
    fl_timer_remove(shard, &call->timer);
    struct fl_sig *unwatch = fl_sig_new(shard, FL_SIG_DEMONITOR, call->target, self->pid);
    unwatch->ref = sig->ref;
    fl_signal_send(shard->node, unwatch);
    call->has_fired = true;
    fl_box_push(self, sig);
}

static fl_ns due_at(const struct fl_shard *shard, fl_ns timeout_ns)
{
    fl_ns now_ns = fl_shard_now(shard);
    return timeout_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + timeout_ns;
}

/* A neighbour is watched without a message. */
static void wait_watch(struct fl_self *self, struct fl_stack *stack, struct fl_self *target,
                       uint64_t ref)
{
    stack->wait_watch.watcher = self->pid;
    stack->wait_watch.ref = ref;
    stack->wait_watch.is_borrowed = true;
    fl_list_push(&target->watchers, &stack->wait_watch.of_target);
}

static void wait_arm(struct fl_self *self, struct fl_stack *stack, uint64_t ref, fl_ns timeout_ns)
{
    FL_ASSERT(stack->wait.ref == 0);
    stack->wait.ref = ref;
    if (timeout_ns == FL_NEVER) return;
    stack->wait_timer.kind = FL_TIMER_WAIT;
    stack->wait_timer.owner = self;
    fl_timer_add(self->shard, &stack->wait_timer, due_at(self->shard, timeout_ns));
}

static int take_reply(struct fl_self *self, struct fl_wait *wait, void *reply, size_t reply_max,
                      size_t *reply_len)
{
    struct fl_sig *sig = wait->reply;
    int code = wait->code;
    if (sig != NULL && code == 0) {
        size_t len = sig->len < reply_max ? sig->len : reply_max;
        if (reply != NULL && len > 0) memcpy(reply, fl_sig_data(sig), len);
        if (reply_len != NULL) *reply_len = len;
    }
    fl_sig_free(self->shard, sig);
    *wait = (struct fl_wait){0};
    return code;
}

int fl_call(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len,
            void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    FL_ASSERT(shard->running == self);
    if (reply_len != NULL) *reply_len = 0;
    if (fl_pid_eq(self->pid, to)) return FL_ECALLSELF;
    struct fl_shard *there = fl_proc_shard(shard->node, to);
    if (there == NULL) return FL_ENOPROC;

    uint64_t ref = fl_shard_next_ref(shard);
    if (there == shard) {
        struct fl_self *target = fl_proc_find(shard, to);
        if (target == NULL) return FL_ENOPROC;
        if (target->box_len >= target->box_max) return FL_EFULL;
        wait_watch(self, stack, target, ref);
    } else {
        stack->wait.remote = to;
    }
    wait_arm(self, stack, ref, timeout_ns);
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_CALL, to, self->pid);
    sig->tag = tag;
    sig->ref = ref;
    if (there != shard) sig->flags |= FL_SIG_WATCH;
    fl_sig_set_data(sig, data, len);
    fl_signal_send(shard->node, sig);
    fl_proc_park(self);
    return take_reply(self, &stack->wait, reply, reply_max, reply_len);
}

int fl_call_await_end(struct fl_self *self, struct fl_pid who, fl_ns timeout_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    struct fl_self *target = fl_proc_find(shard, who);
    FL_ASSERT(shard->running == self);
    if (target == NULL) return FL_ENOPROC;
    uint64_t ref = fl_shard_next_ref(shard);
    wait_arm(self, stack, ref, timeout_ns);
    wait_watch(self, stack, target, ref);
    fl_proc_park(self);
    return take_reply(self, &stack->wait, NULL, 0, NULL);
}

uint64_t fl_call_async(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data,
                       size_t len, fl_ns timeout_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_monitor *call = fl_new(struct fl_monitor);
    uint64_t ref = fl_shard_next_ref(shard);
    call->owner = self;
    call->target = to;
    call->is_call = true;
    fl_map_add(&shard->monitors_by_ref, &call->by_ref, ref);
    fl_list_push(&self->monitors, &call->of_owner);
    int code = fl_pid_eq(self->pid, to)                 ? FL_ECALLSELF
               : fl_proc_shard(shard->node, to) == NULL ? FL_ENOPROC
                                                        : 0;
    if (code != 0) {
        struct fl_sig *reply = fl_sig_new(shard, FL_SIG_REPLY, self->pid, to);
        reply->ref = ref;
        reply->code = code;
        fl_call_on_reply(self, reply);
        return ref;
    }
    call->timer.kind = FL_TIMER_CALL;
    call->timer.owner = self;
    call->timer.ref = ref;
    if (timeout_ns != FL_NEVER) fl_timer_add(shard, &call->timer, due_at(shard, timeout_ns));
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_CALL, to, self->pid);
    sig->tag = tag;
    sig->ref = ref;
    sig->flags |= FL_SIG_WATCH;
    fl_sig_set_data(sig, data, len);
    fl_signal_send(shard->node, sig);
    return ref;
}

void fl_self_reply(struct fl_self *self, struct fl_pid to, uint64_t ref, const void *data,
                   size_t len)
{
    if (ref == 0) return; /* a cast, not a call */
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_REPLY, to, self->pid);
    sig->ref = ref;
    fl_sig_set_data(sig, data, len);
    fl_signal_send(self->shard->node, sig);
}

void fl_self_reply_error(struct fl_self *self, struct fl_pid to, uint64_t ref, int code)
{
    FL_ASSERT(code != 0);
    if (ref == 0) return;
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_REPLY, to, self->pid);
    sig->ref = ref;
    sig->code = code;
    fl_signal_send(self->shard->node, sig);
}

/* fl_blocking: a job on libuv's thread pool, and who waits for it. */
struct job {
    uv_work_t work;
    struct fl_shard *shard;
    struct fl_pid pid;
    uint64_t ref;
    int (*fn)(void *arg);
    void *arg;
    void (*free_arg)(void *arg);
    int result;
    bool is_done, is_orphan;
};

static void job_drop(struct job *job)
{
    if (job->free_arg != NULL) job->free_arg(job->arg);
    free(job);
}

static void job_abandon(void *ptr)
{
    struct job *job = ptr;
    if (job->is_done)
        job_drop(job);
    else
        job->is_orphan = true;
}

static void job_run(uv_work_t *work)
{
    struct job *job = FL_OWNER(work, struct job, work);
    job->result = job->fn(job->arg);
}

static void job_after(uv_work_t *work, int status)
{
    struct job *job = FL_OWNER(work, struct job, work);
    FL_ASSERT(job->shard->jobs > 0);
    job->shard->jobs--;
    job->is_done = true;
    if (status != 0) job->result = status;
    if (job->is_orphan) {
        job_drop(job);
        return;
    }
    struct fl_self *self = fl_proc_find(job->shard, job->pid);
    FL_ASSERT(self != NULL && is_waiting(self, job->ref));
    fl_call_end_wait(self, 0);
}

int fl_blocking(struct fl_self *self, int (*fn)(void *arg), void *arg, void (*free_arg)(void *arg))
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    if (shard->node->opts.simulated) return fn(arg); /* time stands still meanwhile */
    struct job *job = fl_new(struct job);
    struct fl_stack *stack = shard->stack;
    job->shard = shard;
    job->pid = self->pid;
    job->fn = fn;
    job->arg = arg;
    job->free_arg = free_arg;
    job->ref = fl_shard_next_ref(shard);
    stack->wait.ref = job->ref;
    stack->wait.job = job;
    stack->wait.on_abandon = job_abandon;
    stack->wait.must_finish = free_arg == NULL; /* arg may be on our stack */
    int rc = uv_queue_work(&shard->loop, &job->work, job_run, job_after);
    FL_ASSERT(rc == 0);
    shard->jobs++;
    fl_proc_park(self);
    int result = job->result;
    stack->wait = (struct fl_wait){0};
    free(job);
    return result;
}
