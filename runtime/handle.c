#include "runtime/core.h"

void fl_proc_has_no(struct fl_self *self, const char *callback)
{
    FL_ASSERT(self->server != NULL);
    fl_self_exit(self, fl_reason_with(FL_EXIT_ERROR, FL_EBADMSG, "%s has no %s", self->server->name,
                                      callback));
}

static void handle_info(struct fl_self *self, const struct fl_msg *msg)
{
    if (self->server->on_info != NULL)
        self->server->on_info(self, fl_self_state(self), msg); /* OTP: else it is logged and gone */
}

static void handle_reply(struct fl_self *self, struct fl_sig *sig, const struct fl_msg *msg)
{
    struct fl_monitor *call = fl_monitor_find(self->shard, sig->ref);
    if (call == NULL) return; /* fl_call_abandon came first */
    FL_ASSERT(call->record == FL_RECORD_CALL && call->has_fired);
    fl_monitor_drop(call);
    const struct fl_server *server = self->server;
    if (server->on_reply == NULL) {
        handle_info(self, msg);
        return;
    }
    size_t len = sig->code == 0 ? sig->len : 0;
    server->on_reply(self, fl_self_state(self), sig->ref, sig->code, len == 0 ? NULL : msg->data,
                     len);
}

static void handle_down(struct fl_self *self, struct fl_sig *sig, const struct fl_msg *msg)
{
    struct fl_monitor *monitor = fl_monitor_find(self->shard, sig->ref);
    if (monitor == NULL || monitor->is_spent) return; /* fl_demonitor came first */
    FL_ASSERT(monitor->owner == self && monitor->has_fired);
    fl_monitor_end(monitor);
    if (self->server->on_down != NULL)
        self->server->on_down(self, fl_self_state(self), sig->ref, sig->from, &sig->reason);
    else
        handle_info(self, msg);
}

static void handle_exit(struct fl_self *self, struct fl_sig *sig, const struct fl_msg *msg)
{
    /* from outside of any process, to one without a parent: the node is its parent */
    bool is_parent = (sig->flags & FL_SIG_IS_PARENT) != 0 || fl_pid_eq(sig->from, self->parent);
    if (is_parent && !(self->flags & FL_PROC_PARENT_AS_MESSAGE)) {
        fl_self_exit(self, sig->reason); /* OTP: not for handle_info, the server terminates */
        return;
    }
    struct fl_pid from = is_parent ? self->parent : sig->from;
    if (self->server->on_exit != NULL)
        self->server->on_exit(self, fl_self_state(self), from, &sig->reason);
    else
        handle_info(self, msg);
}

static void handle_timer(struct fl_self *self, struct fl_sig *sig, const struct fl_msg *msg)
{
    if (self->server->on_timer != NULL)
        self->server->on_timer(self, fl_self_state(self), sig->ref, sig->tag);
    else
        handle_info(self, msg);
}

static void handle_idle(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_cold *cold = self->cold;
    if (!(self->flags & FL_PROC_HAS_IDLE) || sig->ref != cold->idle->ref) return; /* taken back */
    self->flags &= ~(uint32_t)FL_PROC_HAS_IDLE;
    cold->idle->ref = 0;
    if (self->server->on_timeout != NULL) self->server->on_timeout(self, fl_self_state(self));
}

void fl_proc_handle_other(struct fl_self *self, struct fl_sig *sig, const struct fl_msg *msg)
{
    switch ((enum fl_sig_kind)sig->kind) {
    case FL_SIG_REPLY:
        handle_reply(self, sig, msg);
        break;
    case FL_SIG_TIMER:
        handle_timer(self, sig, msg);
        break;
    case FL_SIG_DOWN:
        handle_down(self, sig, msg);
        break;
    case FL_SIG_EXIT:
        handle_exit(self, sig, msg);
        break;
    case FL_SIG_TCP_DATA:
    case FL_SIG_TCP_CLOSED:
        fl_tcp_handle(self, sig);
        break;
    case FL_SIG_PORT:
        sig->port.fn(self, sig->port.port);
        break;
    case FL_SIG_IDLE:
        handle_idle(self, sig);
        break;
    case FL_SIG_SYS:
        sig->sys.fn(self, sig);
        break;
    default:
        fl_assert_failed("a signal of this kind is in no mailbox", __FILE__, __LINE__);
    }
}

const struct fl_msg *fl_self_msg(struct fl_self *self)
{
    FL_ASSERT(self->pid.bits != 0);
    if (self->current == NULL) return NULL;
    struct fl_msg *view = &self->shard->stack->view;
    fl_msg_of(self->current, view);
    return view;
}
