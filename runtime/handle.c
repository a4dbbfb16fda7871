#include "runtime/core.h"

typedef void (*handle_fn)(struct fl_self *self, struct fl_sig *sig);

static struct fl_msg msg_of(const struct fl_sig *sig)
{
    return (struct fl_msg){
        .tag = sig->tag,
        .len = sig->len,
        .from = sig->from,
        .ref = sig->ref,
        .data = fl_sig_data(sig),
        .shared = sig->flags & FL_SIG_SHARED ? sig->shared : NULL,
    };
}

static void fail_undefined(struct fl_self *self, const char *callback)
{
    struct fl_reason reason = {.kind = FL_EXIT_ERROR, .code = FL_EBADMSG};
    snprintf(reason.detail, sizeof reason.detail, "%s has no %s", self->server->name, callback);
    fl_self_exit(self, reason);
}

static void handle_cast(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_msg msg = msg_of(sig);
    if (self->server->on_cast == NULL)
        fail_undefined(self, "on_cast");
    else
        self->server->on_cast(self, self->state, &msg);
}

static void handle_call(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_msg msg = msg_of(sig);
    if (self->server->on_call == NULL)
        fail_undefined(self, "on_call");
    else
        self->server->on_call(self, self->state, &msg);
}

static void handle_reply(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_monitor *call = fl_monitor_find(self->shard, sig->ref);
    FL_ASSERT(call != NULL && call->is_call && call->has_fired);
    fl_monitor_drop(call);
    if (self->server->on_reply == NULL) return;
    uint32_t len = sig->code == 0 ? sig->len : 0;
    self->server->on_reply(self, self->state, sig->ref, sig->code,
                           len == 0 ? NULL : fl_sig_data(sig), len);
}

static void handle_timer(struct fl_self *self, struct fl_sig *sig)
{
    if (self->server->on_timer != NULL)
        self->server->on_timer(self, self->state, sig->ref, sig->tag);
}

static void handle_down(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_monitor *monitor = fl_monitor_find(self->shard, sig->ref);
    if (monitor == NULL) return; /* fl_demonitor came first */
    FL_ASSERT(monitor->owner == self && monitor->has_fired);
    fl_monitor_drop(monitor);
    if (self->server->on_down != NULL)
        self->server->on_down(self, self->state, sig->ref, sig->from, &sig->reason);
}

static void handle_exit(struct fl_self *self, struct fl_sig *sig)
{
    bool is_parent = fl_pid_eq(sig->from, self->parent) || (sig->flags & FL_SIG_IS_PARENT) != 0;
    if (is_parent && !(self->flags & FL_PROC_PARENT_AS_MESSAGE)) {
        fl_self_exit(self, sig->reason); /* OTP: not for handle_info, the server terminates */
        return;
    }
    struct fl_pid from = is_parent ? self->parent : sig->from;
    if (self->server->on_exit != NULL) self->server->on_exit(self, self->state, from, &sig->reason);
}

static void handle_port(struct fl_self *self, struct fl_sig *sig)
{
    sig->port.fn(self, sig->port.port);
}

static const handle_fn handle[] = {
    [FL_SIG_CAST] = handle_cast,       [FL_SIG_CALL] = handle_call,
    [FL_SIG_REPLY] = handle_reply,     [FL_SIG_TIMER] = handle_timer,
    [FL_SIG_DOWN] = handle_down,       [FL_SIG_EXIT] = handle_exit,
    [FL_SIG_TCP_DATA] = fl_tcp_handle, [FL_SIG_TCP_CLOSED] = fl_tcp_handle,
    [FL_SIG_PORT] = handle_port,
};

void fl_proc_handle(struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(sig->kind < FL_COUNT(handle) && handle[sig->kind] != NULL);
    handle[sig->kind](self, sig);
}
