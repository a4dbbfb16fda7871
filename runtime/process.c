#include "runtime/base/failpoint.h"
#include "runtime/core.h"
#include "runtime/filter.h"
#include "runtime/probe.h"
#include "runtime/sup.h"
#include "runtime/sys_log.h"

static void proc_count(struct fl_shard *shard, struct fl_self *self, int by)
{
    shard->procs += (uint32_t)by;
    atomic_store_explicit(&shard->procs_now, shard->procs, memory_order_release);
    if (FL_UNLIKELY(self->flags & FL_PROC_IS_SUP)) atomic_fetch_add(&shard->sups_now, (unsigned)by);
    if (FL_UNLIKELY(self->flags & FL_PROC_ENDS_FIRST))
        atomic_fetch_add(&shard->firsts_now, (unsigned)by);
}

static int proc_apply_opts(struct fl_self *self, const struct fl_spawn_opts *opts)
{
    if (opts->mailbox_max != 0) self->box_max = opts->mailbox_max;
    self->flags |= (uint32_t)opts->full << FL_PROC_FULL_SHIFT;
    fl_self_set_priority(self, opts->priority);
    if (opts->is_supervised) self->flags |= FL_PROC_SUPERVISED;
    if (opts->memory_max != 0) {
        fl_proc_cold(self)->memory_max = opts->memory_max;
        self->flags |= FL_PROC_LIMITED;
    }
    return opts->name == NULL ? 0 : fl_name_add(self, opts->name, NULL);
}

static void proc_free(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    if (self->cold != NULL && self->cold->idle != NULL)
        fl_cell_free(shard, self->cold->idle, sizeof(struct fl_idle));
    fl_cell_free(shard, self->cold, sizeof(struct fl_cold));
    fl_cell_free(shard, self, FL_SELF_BYTES + self->state_bytes);
}

static void proc_is_sup(struct fl_self *self, const struct fl_spawn_opts *opts)
{
    const struct fl_sup_opts *sup = opts->args;
    FL_ASSERT(sup != NULL);
    self->flags |= FL_PROC_IS_SUP;
    if (sup->ends_first && !opts->is_supervised) self->flags |= FL_PROC_ENDS_FIRST;
}

int fl_proc_new(struct fl_shard *shard, const struct fl_server *server, size_t state_bytes,
                const struct fl_spawn_opts *opts, struct fl_self **out)
{
    const struct fl_node_opts *limits = &shard->node->opts;
    if (FL_UNLIKELY(shard->procs >= limits->procs_max)) return FL_EFULL;
    if (FL_FAIL("faultline/spawn")) return FL_EFULL;
    if (FL_UNLIKELY(shard->stop_phase >= FL_STOP_ALL)) return FL_ESTATE;

    struct fl_self *self = fl_cell_new(shard, FL_SELF_BYTES + state_bytes);
    memset(self, 0, FL_SELF_BYTES + state_bytes);
    self->shard = shard;
    self->server = server;
    self->state_bytes = (uint32_t)state_bytes;
    self->pid.bits = fl_table_take(&shard->procs_by_pid, shard->id, self);
    FL_ASSERT(self->pid.bits != 0);
    self->flags = FL_PROC_STARTING | shard->new_flags;
    self->box_max = limits->mailbox_max;
    if (opts != NULL) {
        int rc = proc_apply_opts(self, opts);
        if (rc != 0) {
            fl_table_give(&shard->procs_by_pid, self->pid.bits);
            proc_free(self);
            return rc;
        }
        if (server == &fl_sup_server) proc_is_sup(self, opts);
    }
    proc_count(shard, self, 1);
    shard->counts.spawned++;
    FL_PROBE2(spawn, self->pid.bits, server->name);
    *out = self;
    return 0;
}

static void proc_note(struct fl_self *self, enum fl_note_kind kind, const struct fl_reason *reason)
{
    struct fl_node *node = self->shard->node;
    if (node->opts.on_note == NULL) return;
    const char *name = fl_name_of(self);
    if (name == NULL && !(self->flags & FL_PROC_SUPERVISED)) return;
    struct fl_note note = {
        .kind = kind,
        .at_ns = fl_shard_now(self->shard),
        .pid = self->pid,
        .name = name,
        .server = self->server->name,
    };
    if (reason != NULL) note.reason = *reason;
    fl_node_note(node, &note);
}

static void proc_set_reason(struct fl_self *self, const struct fl_reason *reason)
{
    if (self->end == NULL) self->end = fl_sig_new(self->shard, FL_SIG_EXIT, self->pid, self->pid);
    self->end->reason = *reason;
}

void fl_proc_doom(struct fl_self *self, const struct fl_reason *reason)
{
    struct fl_shard *shard = self->shard;
    if (self->flags & FL_PROC_DOOMED) return;
    proc_set_reason(self, reason);
    self->flags |= FL_PROC_DOOMED;
    if (self->flags & FL_PROC_IN_QUEUE) {
        if (shard->run_first == self) {
            shard->run_first = NULL;
        } else if (shard->is_simulated) {
            fl_sim_remove(self);
        } else {
            return; /* it is buried when its turn comes */
        }
        self->flags &= ~(uint32_t)FL_PROC_IN_QUEUE;
    }
    self->queued = (struct fl_list){0};
    fl_list_push(&shard->doomed, &self->queued);
    shard->is_plain_turn = false;
}

void fl_proc_let_go(struct fl_self *self)
{
    FL_ASSERT(self->flags & FL_PROC_DOOMED);
    if (self->cold != NULL) self->cold->on_doom = NULL;
    if ((self->flags & FL_PROC_IN_QUEUE) || self->queued.prev != NULL) return; /* it will be */
    self->queued = (struct fl_list){0};
    fl_list_push(&self->shard->doomed, &self->queued);
    self->shard->is_plain_turn = false;
}

static void proc_drop_cold(struct fl_self *self)
{
    if (!fl_list_is_empty(&self->cold->ports)) fl_port_close_all(self);
    if (self->cold->filters != NULL) fl_filter_drop_all(self);
    fl_sys_log_drop(self);
    fl_sig_free(self->shard, self->cold->last_reply); /* killed before it got there */
    fl_memory_drop_all(self);
    fl_timer_drop_all(self);
    fl_alias_drop_all(self);
}

/* The order is a promise: handles and the name first, then EXIT to links, then DOWN to watchers,
 * last the answer to whoever waits for the start. */
void fl_proc_reap(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(self != shard->running);
    FL_ASSERT(self->end != NULL && !(self->flags & FL_PROC_IN_QUEUE));
    FL_PROBE3(exit, self->pid.bits, self->server->name, fl_proc_reason(self)->kind);
    if (FL_UNLIKELY(shard->node->opts.on_note != NULL)) fl_crash_tell(self, true);
    if (FL_UNLIKELY(self->flags & FL_PROC_TRACED)) fl_trace_exited(self);
    struct fl_stack *stack = self->stack;
    if (stack != NULL) {
        fl_call_drop_wait(self);
        self->stack = NULL;
        fl_stack_discard(stack);
    }
    if (self->cold != NULL) proc_drop_cold(self);
    fl_monitor_drop_all(self);
    if ((self->flags & FL_PROC_ANNOUNCED) && shard->node->opts.on_note != NULL)
        proc_note(self, FL_NOTE_EXIT, fl_proc_reason(self));
    if (self->cold != NULL) fl_name_drop(self);
    fl_table_give(&shard->procs_by_pid, self->pid.bits);
    fl_sig_free(shard, self->current);
    while (self->box_head != NULL) {
        struct fl_sig *sig = self->box_head;
        self->box_head = sig->next;
        fl_sig_free(shard, sig);
    }
    if (!fl_list_is_empty(&self->links)) fl_link_break_all(self);
    if (!fl_list_is_empty(&self->watchers)) fl_watch_fire_all(self);
    if (self->start != NULL) {
        const struct fl_reason *why = fl_proc_reason(self);
        bool failed = why->kind == FL_EXIT_ERROR && why->code != 0;
        bool ignored = why->kind == FL_EXIT_NORMAL && why->code == FL_EIGNORE;
        if (self->start->why != NULL) *self->start->why = *why;
        fl_proc_tell_starter(self, failed || ignored ? why->code : FL_EDIED);
    }
    proc_count(shard, self, -1);
    fl_sig_free(shard, self->end);
    proc_free(self);
}

static void proc_started(struct fl_self *self, int rc)
{
    self->flags &= ~(uint32_t)FL_PROC_STARTING;
    if (self->start != NULL) self->start->args = NULL;
    if (self->flags & FL_PROC_DOOMED) return;
    if (rc != 0) {
        struct fl_reason reason = {.kind = FL_EXIT_ERROR, .code = rc > 0 ? FL_EBADRETURN : rc};
        if (rc == FL_EIGNORE) reason.kind = FL_EXIT_NORMAL;
        snprintf(reason.detail, sizeof reason.detail, "%s", fl_code_name(reason.code));
        fl_proc_doom(self, &reason);
    } else if (!(self->flags & FL_PROC_ENDING)) {
        self->flags |= FL_PROC_ANNOUNCED;
        proc_note(self, FL_NOTE_START, NULL);
        if (self->start != NULL) fl_proc_tell_starter(self, 0);
    }
}

bool fl_proc_start(struct fl_self *self)
{
    const struct fl_server *server = self->server;
    if (self->flags & FL_PROC_IS_BODY) {
        self->flags = (self->flags & ~(uint32_t)FL_PROC_STARTING) | FL_PROC_ANNOUNCED;
        if (self->flags & FL_PROC_SUPERVISED || self->cold != NULL)
            proc_note(self, FL_NOTE_START, NULL);
        return fl_body_run(self);
    }
    const void *args = self->start == NULL ? NULL : self->start->args;
    int rc = server->on_init == NULL ? 0 : server->on_init(self, fl_self_state(self), args);
    proc_started(self, rc);
    if (self->flags & FL_PROC_SLOW_AFTER) fl_proc_after_handler(self);
    return true;
}

static void proc_terminate(struct fl_self *self)
{
    struct fl_reason reason = *fl_proc_reason(self);
    self->flags |= FL_PROC_TERMINATING;
    fl_crash_tell(self, false); /* before on_terminate takes the state apart */
    /* one that did not get through its start has nothing to clean up */
    bool may = !(self->flags & FL_PROC_STARTING) && self->server->on_terminate != NULL;
    if (may) self->server->on_terminate(self, fl_self_state(self), &reason);
    if (self->cold != NULL && self->cold->last_reply != NULL) fl_call_send_last(self);
    fl_proc_doom(self, &reason);
}

void fl_proc_after_handler(struct fl_self *self)
{
    while ((self->flags & FL_PROC_CONTINUES) &&
           !(self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED | FL_PROC_STARTING))) {
        self->flags &= ~(uint32_t)FL_PROC_CONTINUES;
        if (self->server->on_continue != NULL)
            self->server->on_continue(self, fl_self_state(self), self->cold->continue_tag);
        else
            fl_proc_has_no(self, "on_continue");
    }
    if ((self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) == FL_PROC_ENDING) proc_terminate(self);
}

void fl_proc_park(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    FL_ASSERT(shard->stack != &shard->main_stack);
    self->stack = shard->stack;
    self->flags = (self->flags & ~(uint32_t)FL_PROC_RUNNING) | FL_PROC_BLOCKED;
    fl_shard_go_on(shard);
    FL_ASSERT(shard->running == self);
}

void fl_proc_resume(struct fl_self *self)
{
    FL_ASSERT(self->pid.bits != 0);
    self->flags &= ~(uint32_t)FL_PROC_SUSPENDED;
    bool can_go_on = self->stack != NULL && !(self->flags & FL_PROC_BLOCKED);
    bool has_mail = self->stack == NULL && self->box_head != NULL;
    if (can_go_on || has_mail || ((self->flags & FL_PROC_STARTING) && self->stack == NULL))
        fl_shard_ready(self);
}

void fl_proc_wake(struct fl_self *self)
{
    FL_ASSERT(self->flags & FL_PROC_BLOCKED);
    self->flags &= ~(uint32_t)(FL_PROC_BLOCKED | FL_PROC_RECEIVES);
    fl_shard_ready(self);
    /* doomed while it had to wait for another thread: now it can end */
    if (self->flags & FL_PROC_DOOMED) fl_proc_let_go(self);
}
