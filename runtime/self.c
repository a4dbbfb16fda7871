#include "runtime/core.h"

/* What a process says about itself. */

struct fl_pid fl_self_pid(const struct fl_self *self)
{
    return self->pid;
}

struct fl_node *fl_self_node(const struct fl_self *self)
{
    return self->shard->node;
}

fl_ns fl_self_now(const struct fl_self *self)
{
    return fl_shard_now(self->shard);
}

size_t fl_self_mailbox_len(const struct fl_self *self)
{
    return self->box_len;
}

void fl_self_exit(struct fl_self *self, struct fl_reason reason)
{
    if (self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) return;
    FL_ASSERT(self->end == NULL);
    self->flags |= FL_PROC_ENDING;
    self->end = fl_sig_new(self->shard, FL_SIG_EXIT, self->pid, self->pid);
    self->end->reason = reason;
}

bool fl_self_is_ending(const struct fl_self *self)
{
    FL_ASSERT(self->pid.bits != 0);
    return (self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) != 0;
}

void fl_self_fail(struct fl_self *self, int code)
{
    fl_self_exit(self, fl_reason_with(FL_EXIT_ERROR, code, "%s", fl_code_name(code)));
}

FL_NORETURN void fl_self_exit_now(struct fl_self *self, struct fl_reason reason)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    FL_ASSERT(!(self->flags & FL_PROC_TERMINATING));
    if (!(self->flags & FL_PROC_DOOMED)) {
        fl_self_exit(self, reason); /* the first reason stays */
        fl_proc_after_handler(self);
    }
    shard->stack->wait.ref = fl_shard_next_ref(shard); /* that nobody answers */
    fl_proc_park(self);
    fl_assert_failed("a process that ended goes on", __FILE__, __LINE__);
}

void fl_self_trap_exits(struct fl_self *self, bool on)
{
    FL_ASSERT(self->pid.bits != 0);
    self->flags = on ? self->flags | FL_PROC_TRAPS : self->flags & ~(uint32_t)FL_PROC_TRAPS;
}

void fl_self_continue(struct fl_self *self, uint32_t tag)
{
    FL_ASSERT(self->shard->running == self);
    fl_proc_cold(self)->continue_tag = tag;
    self->flags |= FL_PROC_CONTINUES;
}

enum fl_priority fl_self_set_priority(struct fl_self *self, enum fl_priority priority)
{
    FL_ASSERT((unsigned)priority <= FL_PRIORITY_HIGH);
    uint32_t mask = UINT32_C(3) << FL_PROC_PRIORITY_SHIFT;
    enum fl_priority before = (enum fl_priority)((self->flags & mask) >> FL_PROC_PRIORITY_SHIFT);
    self->flags = (self->flags & ~mask) | (uint32_t)priority << FL_PROC_PRIORITY_SHIFT;
    if (priority != FL_PRIORITY_NORMAL) fl_shard_use_priorities(self->shard);
    return before;
}
