#include "runtime/core.h"

/* Selective receive. The mailbox is walked once: when nothing matched, the walk goes on with what
 * came since, unless something was taken out behind its back. */
struct scan {
    struct fl_sig **at;
    struct fl_sig *before;
};

/* A DOWN or an answer whose monitor or call was given up while it was queued. */
static bool sig_is_stale(struct fl_self *self, const struct fl_sig *sig)
{
    if (sig->kind != FL_SIG_DOWN && sig->kind != FL_SIG_REPLY) return false;
    const struct fl_monitor *monitor = fl_monitor_find(self->shard, sig->ref);
    return monitor == NULL || monitor->is_spent;
}

/* As the receiver will see it in *out, also when it does not want it. */
static bool sig_matches(const struct fl_sig *sig, fl_match_fn match, void *cx, struct fl_msg *out)
{
    if (sig->kind > FL_SIG_EXIT) return false; /* of ports, and of the runtime */
    fl_msg_of(sig, out);
    return match == NULL || match(cx, out);
}

/* A body is asked something while it receives; a server is, between two handlers. */
static void scan_sys(struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(sig->kind == FL_SIG_SYS);
    sig->sys.fn(self, sig);
    fl_sig_free(self->shard, sig);
    if (self->flags & FL_PROC_ENDING) fl_self_exit_now(self, *fl_proc_reason(self));
    while (self->flags & FL_PROC_SUSPENDED) {
        fl_yield(self); /* until it is resumed */
        self->flags |= FL_PROC_RESCAN;
    }
}

/* What comes through a port is handled in between, as between two handlers of a server. It may
 * wait, and receive: so what was taken out is let go of first, and the walk begins anew. */
static void scan_port(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_port_event event = sig->port;
    FL_ASSERT(sig->kind == FL_SIG_PORT);
    fl_sig_free(self->shard, sig);
    event.fn(self, event.port);
    self->flags |= FL_PROC_RESCAN;
}

static struct fl_sig *scan_next(struct fl_self *self, struct scan *scan, fl_match_fn match,
                                void *cx, struct fl_msg *out)
{
    for (;;) {
        if (FL_UNLIKELY((self->flags & FL_PROC_RESCAN) != 0 || scan->at == NULL)) {
            self->flags &= ~(uint32_t)FL_PROC_RESCAN;
            *scan = (struct scan){.at = &self->box_head};
        }
        struct fl_sig *sig = *scan->at;
        if (sig == NULL) return NULL;
        if (sig_is_stale(self, sig)) {
            fl_sig_free(self->shard, fl_box_take(self, scan->at, scan->before));
        } else if (sig->kind == FL_SIG_SYS && (self->flags & FL_PROC_IS_BODY)) {
            fl_box_take(self, scan->at, scan->before);
            scan_sys(self, sig);
        } else if (sig->kind == FL_SIG_PORT && (self->flags & FL_PROC_IS_BODY)) {
            fl_box_take(self, scan->at, scan->before);
            scan_port(self, sig);
        } else if (sig_matches(sig, match, cx, out)) {
            return fl_box_take(self, scan->at, scan->before);
        } else {
            scan->before = sig;
            scan->at = &sig->next;
        }
    }
}

void fl_receive_wake(struct fl_self *self)
{
    FL_ASSERT(self->flags & FL_PROC_RECEIVES);
    struct fl_timer *timer = &self->stack->wait_timer;
    if (FL_UNLIKELY(fl_timer_is_on(timer))) fl_timer_remove(self->shard, timer);
    fl_proc_wake(self);
}

/* Waits for any message; FL_ETIMEOUT. */
static int receive_wait(struct fl_self *self, fl_ns due_ns)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    stack->wait.code = 0;
    if (due_ns != FL_NEVER) fl_call_arm_wait(self, fl_shard_next_ref(shard), due_ns);
    self->flags |= FL_PROC_RECEIVES;
    fl_proc_park(self);
    stack->wait.ref = 0;
    return stack->wait.code;
}

/* The head of the mailbox, where that is just what is wanted and nothing has to be looked at. */
static inline struct fl_sig *receive_head(struct fl_self *self, fl_match_fn match,
                                          struct fl_msg *out)
{
    struct fl_sig *sig = self->box_head;
    if (match != NULL || !fl_sig_is_counted(sig)) return NULL;
    fl_msg_of(sig, out);
    return fl_box_pop(self);
}

int fl_receive(struct fl_self *self, fl_match_fn match, void *cx, fl_ns timeout_ns,
               struct fl_msg *out)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    FL_ASSERT(shard->running == self);
    if (FL_UNLIKELY(shard->is_simulated)) fl_sim_on_receive(self);
    struct scan scan = {0};
    struct fl_sig *sig = NULL;
    if (self->box_head != NULL) sig = receive_head(self, match, out);
    if (sig == NULL && self->box_head != NULL) sig = scan_next(self, &scan, match, cx, out);
    if (sig == NULL && timeout_ns > 0) {
        fl_ns due_ns = fl_shard_due(shard, timeout_ns);
        int code = 0;
        while (sig == NULL && code == 0) {
            code = receive_wait(self, due_ns);
            sig = scan_next(self, &scan, match, cx, out);
        }
    }
    if (sig == NULL) return FL_ETIMEOUT;
    fl_stack_drop_held(shard, stack);
    stack->held = sig;
    self->handled++;
    shard->counts.handled++;
    if (sig->kind == FL_SIG_DOWN || sig->kind == FL_SIG_REPLY)
        fl_monitor_end(fl_monitor_find(shard, sig->ref));
    return 0;
}

void fl_yield(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    shard->stack->wait.ref = fl_shard_next_ref(shard);
    self->stack = shard->stack;
    self->flags = (self->flags & ~(uint32_t)FL_PROC_RUNNING);
    shard->budget--;
    fl_shard_ready(self);
    fl_shard_go_on(shard);
    shard->stack->wait = (struct fl_wait){0};
}

void fl_pause(struct fl_self *self, fl_ns ns)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    struct fl_stack *stack = shard->stack;
    fl_call_arm_wait(self, fl_shard_next_ref(shard), fl_shard_due(shard, fl_ns_max(ns, 0)));
    fl_proc_park(self);
    stack->wait = (struct fl_wait){0};
}
