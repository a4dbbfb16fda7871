#include "runtime/sup_core.h"

/* ---- what a supervisor is told */

static void sup_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_sup_request(self, state, msg);
    fl_sup_settle(self, state);
}

static void sup_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    FL_ASSERT(state != NULL); /* OTP: unexpected messages are dropped */
}

static void child_exit(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                       const struct fl_reason *reason)
{
    if (child->state == FL_CHILD_STOPPING) {
        fl_sup_child_stopped(self, sup, child, reason);
    } else if (child->state == FL_CHILD_RUNNING && sup->phase == FL_SUP_SETTLED) {
        fl_sup_child_died(self, sup, child, reason);
    } else if (child->state == FL_CHILD_RUNNING) {
        struct fl_sup_later *later = fl_sup_later_add(sup, FL_LATER_EXIT);
        later->who = child->pid;
        later->reason = *reason;
        fl_sup_child_set(&sup->children, child, FL_CHILD_DIED);
        child->during.died = later;
    }
}

static void sup_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                        const struct fl_reason *reason)
{
    struct fl_sup *sup = state;
    struct fl_sup_child *child = NULL;
    if (fl_pid_eq(who, self->parent))
        fl_sup_end(self, sup, reason);
    else if (sup->dynamic != NULL)
        fl_sup_dynamic_exit(self, sup, who, reason);
    else if ((child = fl_sup_child_of(&sup->children, who)) != NULL)
        child_exit(self, sup, child, reason);
    fl_sup_settle(self, sup);
}

static void sup_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                        const struct fl_reason *reason)
{
    struct fl_sup *sup = state;
    if (sup->dynamic != NULL) {
        fl_sup_dynamic_down(self, sup, ref, who, reason);
    } else {
        struct fl_sup_child *child = fl_sup_child_of(&sup->children, who);
        if (child == NULL || child->state != FL_CHILD_STOPPING) return;
        if (child->during.stop->monitor != ref) return;
        child->during.stop->monitor = 0;
        fl_sup_child_stopped(self, sup, child, reason);
    }
    fl_sup_settle(self, sup);
}

static void child_timer(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                        uint64_t ref)
{
    bool is_try = child->state == FL_CHILD_RESTARTING && child->during.timer == ref;
    FL_ASSERT(ref != 0);
    if (child->state == FL_CHILD_STOPPING && child->during.stop->timer == ref) {
        fl_exit(self, child->pid, fl_reason_of(FL_EXIT_KILL));
    } else if (is_try && sup->phase == FL_SUP_SETTLED) {
        fl_sup_child_try(self, sup, child);
    } else if (is_try) {
        struct fl_sup_later *later = fl_sup_later_add(sup, FL_LATER_TRY);
        later->number = child->number;
        later->ref = ref;
    }
}

static void sup_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct fl_sup *sup = state;
    if (sup->dynamic != NULL)
        fl_sup_dynamic_timer(self, sup, ref, tag);
    else
        child_timer(self, sup, fl_sup_child_at(&sup->children, tag), ref);
    fl_sup_settle(self, sup);
}

const struct fl_server fl_sup_server = {
    .name = "supervisor",
    .state_bytes = sizeof(struct fl_sup),
    .on_init = fl_sup_on_init,
    .on_call = sup_on_call,
    .on_cast = sup_on_cast,
    .on_timer = sup_on_timer,
    .on_down = sup_on_down,
    .on_exit = sup_on_exit,
};
