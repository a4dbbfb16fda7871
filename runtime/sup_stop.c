#include <signal.h>

#include "runtime/sup_core.h"

/* ---- one process */

struct fl_sup_stop *fl_sup_stop_new(struct fl_self *self, const struct fl_child *spec,
                                    struct fl_pid pid, uint32_t number)
{
    struct fl_sup_stop *stop = fl_new(struct fl_sup_stop);
    bool is_brutal = spec->shutdown_ns == FL_SHUTDOWN_BRUTAL;
    FL_ASSERT(pid.bits != 0);
    fl_list_init(&stop->waiting);
    stop->monitor = fl_monitor(self, pid);
    if (!is_brutal && spec->shutdown_ns != FL_SHUTDOWN_INFINITY)
        stop->timer = fl_timer_start(self, spec->shutdown_ns, number);
    fl_exit(self, pid, fl_reason_of(is_brutal ? FL_EXIT_KILL : FL_EXIT_SHUTDOWN));
    return stop;
}

void fl_sup_stop_free(struct fl_self *self, struct fl_sup *sup, struct fl_sup_stop *stop)
{
    FL_ASSERT(stop != NULL);
    if (stop->monitor != 0) fl_demonitor(self, stop->monitor);
    if (stop->timer != 0) fl_timer_cancel(self, stop->timer);
    if (stop->from.bits != 0) fl_self_reply(self, stop->from, stop->ref, NULL, 0);
    if (sup->phase == FL_SUP_ENDS) fl_sup_turn_away(self, &stop->waiting);
    while (!fl_list_is_empty(&stop->waiting)) {
        struct fl_list *request = stop->waiting.next;
        fl_list_remove(request);
        fl_list_push(&sup->later, request);
    }
    free(stop);
}

void fl_sup_stop_drop(struct fl_sup_stop *stop)
{
    FL_ASSERT(stop != NULL);
    while (!fl_list_is_empty(&stop->waiting))
        fl_sup_later_free(FL_OWNER(stop->waiting.next, struct fl_sup_later, in_later));
    free(stop);
}

bool fl_sup_stop_is_good(const struct fl_child *spec, const struct fl_reason *reason)
{
    bool is_brutal = spec->shutdown_ns == FL_SHUTDOWN_BRUTAL;
    switch (reason->kind) {
    case FL_EXIT_KILLED:
        return is_brutal;
    case FL_EXIT_SHUTDOWN: /* with words it is OTP's {shutdown, Words} */
        return reason->detail[0] != '\0' || is_brutal ? spec->restart != FL_PERMANENT : true;
    case FL_EXIT_NORMAL:
    case FL_EXIT_NOPROC:
        return spec->restart != FL_PERMANENT;
    case FL_EXIT_OS: /* programs obey a signal in their own ways */
        return is_brutal || reason->signal != SIGKILL;
    default:
        return false;
    }
}

/* ---- one child of the table */

void fl_sup_child_stop(struct fl_self *self, struct fl_sup_children *children,
                       struct fl_sup_child *child)
{
    FL_ASSERT(child->state == FL_CHILD_RUNNING);
    fl_sup_child_set(children, child, FL_CHILD_STOPPING);
    child->during.stop = fl_sup_stop_new(self, &child->spec, child->pid, child->number);
}

static void child_note_end(struct fl_self *self, struct fl_sup *sup,
                           const struct fl_sup_child *child, const struct fl_reason *reason)
{
    FL_ASSERT(child->pid.bits != 0);
    if (fl_sup_stop_is_good(&child->spec, reason)) return;
    fl_sup_note(self, sup, &child->spec, child->pid, FL_NOTE_SHUTDOWN_ERROR, reason, 1);
}

static void child_forget(struct fl_sup *sup, struct fl_sup_child *child)
{
    FL_ASSERT(sup->at != child->number);
    if (sup->from == child->number)
        sup->from = fl_sup_table_next(&sup->children.table, child->number);
    fl_sup_child_remove(&sup->children, child);
}

/* Its turn is over: the one before it is next. */
static void sweep_pass(struct fl_sup *sup, const struct fl_sup_child *child)
{
    FL_ASSERT(sup->at == child->number);
    bool is_last = child->number == sup->from;
    sup->at = is_last ? 0 : fl_sup_table_prev(&sup->children.table, child->number);
}

void fl_sup_child_stopped(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                          const struct fl_reason *reason)
{
    struct fl_sup_stop *stop = child->during.stop;
    FL_ASSERT(child->state == FL_CHILD_STOPPING);
    child_note_end(self, sup, child, reason);
    bool is_forgotten = stop->is_forgotten || child->spec.restart == FL_TEMPORARY;
    bool is_its_turn = sup->phase != FL_SUP_SETTLED && sup->at == child->number;
    fl_sup_child_set(&sup->children, child, FL_CHILD_UNDEFINED);
    fl_sup_stop_free(self, sup, stop);
    if (is_its_turn) sweep_pass(sup, child);
    if (is_forgotten) child_forget(sup, child);
    if (is_its_turn) fl_sup_sweep(self, sup);
}

/* ---- many, the last one first */

void fl_sup_child_clear(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child)
{
    if (child->state == FL_CHILD_DIED) {
        child_note_end(self, sup, child, &child->during.died->reason);
        fl_sup_later_free(child->during.died);
    } else {
        FL_ASSERT(child->state == FL_CHILD_RESTARTING);
        fl_timer_cancel(self, child->during.timer);
    }
    fl_sup_child_set(&sup->children, child, FL_CHILD_UNDEFINED);
}

/* Says whether the child has no process now. */
static bool sweep_stop(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child)
{
    FL_ASSERT(sup->phase != FL_SUP_SETTLED);
    if (child->state == FL_CHILD_STOPPING) return false; /* somebody asked for it before */
    if (child->state == FL_CHILD_RUNNING) {
        fl_sup_child_stop(self, &sup->children, child);
        return false;
    }
    if (child->state != FL_CHILD_UNDEFINED) fl_sup_child_clear(self, sup, child);
    return true;
}

void fl_sup_sweep(struct fl_self *self, struct fl_sup *sup)
{
    FL_ASSERT(sup->phase != FL_SUP_SETTLED);
    while (sup->at != 0) {
        struct fl_sup_child *child = fl_sup_child_at(&sup->children, sup->at);
        if (!sweep_stop(self, sup, child)) return;
        sweep_pass(sup, child);
        /* OTP: a temporary one is not started again */
        if (child->spec.restart == FL_TEMPORARY) child_forget(sup, child);
    }
    if (sup->phase == FL_SUP_RENEWS)
        fl_sup_renew(self, sup);
    else
        fl_self_exit(self, sup->end_reason);
}

void fl_sup_end(struct fl_self *self, struct fl_sup *sup, const struct fl_reason *reason)
{
    if (sup->phase == FL_SUP_ENDS) return;
    FL_ASSERT(self->pid.bits != 0);
    sup->phase = FL_SUP_ENDS;
    sup->end_reason = *reason;
    fl_sup_turn_away(self, &sup->later);
    if (sup->dynamic != NULL) {
        fl_sup_dynamic_end(self, sup);
        return;
    }
    sup->from = sup->children.table.first;
    sup->at = sup->children.table.last;
    fl_sup_sweep(self, sup);
}
