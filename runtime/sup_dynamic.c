#include "runtime/sup_core.h"

/* The dynamic kind: any number of children of one template, told apart by pid. A child is 48 bytes
 * and a place in the index; what it does not have is an id, a spec, and a place to be kept when it
 * does not run. */

#define ARGS_INLINE 8u

struct dynamic_child {
    struct fl_sup_node in_order;
    struct fl_pid pid; /* RESTARTING: the last one, by which it is still found, as in OTP */
    union fl_sup_during during;
    union {
        void *block;
        _Alignas(8) unsigned char bytes[ARGS_INLINE];
    } args;
    uint32_t pid_next;
    uint32_t args_len; /* 0: those of the template */
    uint32_t number;
    uint8_t state, tries;
};

_Static_assert(sizeof(struct dynamic_child) <= 48, "a million of them must stay small");

#define END_KINDS (FL_EXIT_OS + 1)

struct fl_sup_dynamic {
    struct fl_child spec;
    struct fl_sup_table table;
    struct fl_sup_index by_pid;
    uint32_t restarting;
    /* while it ends */
    uint64_t timer, monitor;
    struct {
        unsigned count;
        struct fl_pid pid;
        struct fl_reason reason;
    } bad_ends[END_KINDS];
};

static struct dynamic_child *child_at(const struct fl_sup_dynamic *dynamic, uint32_t number)
{
    FL_ASSERT(dynamic != NULL);
    return fl_sup_table_at(&dynamic->table, number);
}

static struct dynamic_child *child_of(const struct fl_sup_dynamic *dynamic, struct fl_pid pid)
{
    return child_at(dynamic, fl_sup_index_find(&dynamic->by_pid, &dynamic->table, pid.bits));
}

void fl_sup_dynamic_init(struct fl_sup *sup, const struct fl_child *spec)
{
    struct fl_sup_dynamic *dynamic = fl_new(struct fl_sup_dynamic);
    FL_ASSERT(sup->dynamic == NULL);
    fl_sup_table_init(&dynamic->table, sizeof(struct dynamic_child));
    fl_sup_index_init(&dynamic->by_pid, offsetof(struct dynamic_child, pid),
                      offsetof(struct dynamic_child, pid_next));
    dynamic->spec = *spec;
    fl_sup_spec_fill(&dynamic->spec);
    fl_sup_spec_own(&dynamic->spec);
    sup->dynamic = dynamic;
}

static bool args_are_inline(const struct dynamic_child *child)
{
    return child->args_len <= ARGS_INLINE;
}

static void args_free(struct dynamic_child *child)
{
    if (!args_are_inline(child)) free(child->args.block);
    child->args_len = 0;
}

void fl_sup_dynamic_fini(struct fl_sup *sup)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(dynamic != NULL);
    const struct fl_sup_table *table = &dynamic->table;
    for (uint32_t n = table->first; n != 0; n = fl_sup_table_next(table, n)) {
        struct dynamic_child *child = child_at(dynamic, n);
        args_free(child);
        if (child->state == FL_CHILD_STOPPING) fl_sup_stop_drop(child->during.stop);
    }
    fl_sup_table_fini(&dynamic->table);
    fl_sup_index_fini(&dynamic->by_pid);
    fl_sup_spec_disown(&dynamic->spec);
    free(dynamic);
    sup->dynamic = NULL;
}

const struct fl_child *fl_sup_dynamic_template(const struct fl_sup *sup)
{
    FL_ASSERT(sup->dynamic != NULL);
    return &sup->dynamic->spec;
}

static void child_remove(struct fl_sup_dynamic *dynamic, struct dynamic_child *child)
{
    FL_ASSERT(child->number != 0);
    if (child->state == FL_CHILD_RESTARTING) dynamic->restarting--;
    if (child->pid.bits != 0) fl_sup_index_remove(&dynamic->by_pid, &dynamic->table, child->number);
    args_free(child);
    fl_sup_table_remove(&dynamic->table, child->number);
}

static int child_start(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    const void *args = child->args_len == 0     ? dynamic->spec.args
                       : args_are_inline(child) ? child->args.bytes
                                                : child->args.block;
    struct fl_pid pid = FL_NO_PID;
    int rc = fl_sup_spawn(self, sup, &dynamic->spec, args, &pid);
    if (rc != 0) return rc;
    FL_ASSERT(pid.bits != 0);
    if (child->pid.bits != 0) fl_sup_index_remove(&dynamic->by_pid, &dynamic->table, child->number);
    if (child->state == FL_CHILD_RESTARTING) dynamic->restarting--;
    child->pid = pid;
    child->state = FL_CHILD_RUNNING;
    child->during = (union fl_sup_during){0};
    if (dynamic->spec.backoff.min_ns > 0) child->during.started_ns = fl_self_now(self);
    fl_sup_index_add(&dynamic->by_pid, &dynamic->table, child->number);
    return 0;
}

/* ---- requests */

void fl_sup_dynamic_start(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    size_t max = sup->opts.max_children;
    if (max != 0 && dynamic->table.count >= max) {
        fl_sup_answer(self, sup, msg, FL_EFULL, FL_NO_PID);
        return;
    }
    uint32_t number = fl_sup_table_add(&dynamic->table);
    struct dynamic_child *child = child_at(dynamic, number);
    child->number = number;
    child->args_len = msg->len;
    if (!args_are_inline(child)) child->args.block = fl_alloc(msg->len);
    if (msg->len > 0)
        memcpy(args_are_inline(child) ? child->args.bytes : child->args.block, msg->data, msg->len);
    int rc = child_start(self, sup, child);
    struct fl_pid pid = child->pid;
    FL_ASSERT((rc == 0) == (pid.bits != 0));
    if (rc != 0)
        child_remove(dynamic, child);
    else if (dynamic->spec.restart == FL_TEMPORARY)
        args_free(child); /* OTP: they are for restarts */
    fl_sup_answer(self, sup, msg, rc, pid);
}

/* Of another shard nobody knows: such a pid counts as somebody else's. */
static bool may_be_alive(struct fl_self *self, struct fl_pid pid)
{
    struct fl_shard *there = fl_proc_shard(fl_self_node(self), pid);
    FL_ASSERT(self->shard != NULL);
    return there != NULL && (there != self->shard || fl_proc_find(there, pid) != NULL);
}

void fl_sup_dynamic_terminate(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    struct fl_pid pid;
    memcpy(&pid, msg->data, sizeof pid);
    struct dynamic_child *child = child_of(dynamic, pid);
    FL_ASSERT(child == NULL || child->state != FL_CHILD_UNDEFINED);
    if (child == NULL && may_be_alive(self, pid)) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_ENOTFOUND);
    } else if (child == NULL) { /* OTP: a dead one has been terminated */
        fl_self_reply(self, msg->from, msg->ref, NULL, 0);
    } else if (child->state == FL_CHILD_STOPPING) {
        fl_sup_keep(&child->during.stop->waiting, msg);
    } else if (child->state == FL_CHILD_RESTARTING) {
        fl_timer_cancel(self, child->during.timer);
        child_remove(dynamic, child);
        fl_self_reply(self, msg->from, msg->ref, NULL, 0);
    } else {
        child->state = FL_CHILD_STOPPING;
        child->during.stop = fl_sup_stop_new(self, &dynamic->spec, pid, child->number);
        child->during.stop->from = msg->from;
        child->during.stop->ref = msg->ref;
    }
}

void fl_sup_dynamic_each(const struct fl_sup *sup, size_t most,
                         void (*fn)(void *cx, const struct fl_child_info *info), void *cx)
{
    const struct fl_sup_dynamic *dynamic = sup->dynamic;
    const struct fl_sup_table *table = &dynamic->table;
    for (uint32_t n = table->last; n != 0 && most-- > 0; n = fl_sup_table_prev(table, n)) {
        const struct dynamic_child *child = child_at(dynamic, n);
        bool runs = child->state == FL_CHILD_RUNNING || child->state == FL_CHILD_STOPPING;
        if (child->state == FL_CHILD_UNDEFINED) continue; /* it is starting */
        struct fl_child_info info = {
            .kind = dynamic->spec.server->name,
            .pid = runs ? child->pid : FL_NO_PID,
            .state = runs ? FL_CHILD_RUNNING : FL_CHILD_RESTARTING,
            .type = dynamic->spec.type,
        };
        fn(cx, &info);
    }
}

struct fl_sup_counts fl_sup_dynamic_counts(const struct fl_sup *sup)
{
    const struct fl_sup_dynamic *dynamic = sup->dynamic;
    uint32_t all = dynamic->table.count;
    FL_ASSERT(dynamic->restarting <= all);
    bool is_sup = dynamic->spec.type == FL_CHILD_SUPERVISOR;
    return (struct fl_sup_counts){
        .specs = 1,
        .active = all - dynamic->restarting,
        .supervisors = is_sup ? all : 0,
        .workers = is_sup ? 0 : all,
    };
}

/* ---- restarts */

static void child_try_later(struct fl_self *self, struct fl_sup_dynamic *dynamic,
                            struct dynamic_child *child, fl_ns after_ns)
{
    FL_ASSERT(child->pid.bits != 0);
    if (child->state != FL_CHILD_RESTARTING) dynamic->restarting++;
    child->state = FL_CHILD_RESTARTING;
    child->during.timer = fl_timer_start(self, after_ns, child->number);
}

static void child_restart(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child,
                          const struct fl_reason *reason);

static void child_attempt(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    int rc = child_start(self, sup, child);
    if (rc == 0) return;
    struct fl_reason reason = {.kind = FL_EXIT_ERROR, .code = rc};
    FL_ASSERT(sup->phase == FL_SUP_SETTLED);
    if (rc == FL_EIGNORE)
        child_remove(dynamic, child);
    else if (dynamic->spec.backoff.min_ns > 0)
        child_restart(self, sup, child, &reason);
    else
        child_try_later(self, dynamic, child, 0);
}

static void child_restart(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child,
                          const struct fl_reason *reason)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    const struct fl_backoff *backoff = &dynamic->spec.backoff;
    fl_ns now_ns = fl_self_now(self);
    struct fl_pid pid = child->pid;
    if (!fl_sup_may_restart(sup, now_ns)) {
        child_remove(dynamic, child);
        fl_sup_give_up(self, sup, &dynamic->spec, pid, reason);
        return;
    }
    fl_sup_note(self, sup, &dynamic->spec, pid, FL_NOTE_RESTART, reason, 1);
    if (backoff->min_ns == 0) {
        child_attempt(self, sup, child);
        return;
    }
    bool has_run_long = child->state == FL_CHILD_RUNNING &&
                        now_ns - child->during.started_ns >= backoff->max_ns;
    if (has_run_long) child->tries = 0;
    child_try_later(self, dynamic, child, fl_sup_pause(sup, backoff, child->tries));
    if (child->tries < UINT8_MAX) child->tries++;
}

static void child_died(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child,
                       const struct fl_reason *reason)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(child->state == FL_CHILD_RUNNING);
    if (fl_sup_is_restarted(dynamic->spec.restart, reason)) {
        child_restart(self, sup, child, reason);
        return;
    }
    child_remove(dynamic, child);
    if (dynamic->spec.significant) fl_sup_auto_shutdown(self, sup, dynamic->table.count);
}

/* ---- the end: all are told at once and share one timer. Their ends come over the links; for
 * those that unlinked there is one monitor, on the first of those that are left. */

static void end_look(struct fl_self *self, struct fl_sup *sup)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(sup->phase == FL_SUP_ENDS);
    if (dynamic->table.count > 0) {
        if (dynamic->monitor == 0)
            dynamic->monitor = fl_monitor(self, child_at(dynamic, dynamic->table.first)->pid);
        return;
    }
    for (size_t i = 0; i < FL_COUNT(dynamic->bad_ends); i++)
        if (dynamic->bad_ends[i].count > 0)
            fl_sup_note(self, sup, &dynamic->spec, dynamic->bad_ends[i].pid, FL_NOTE_SHUTDOWN_ERROR,
                        &dynamic->bad_ends[i].reason, dynamic->bad_ends[i].count);
    fl_self_exit(self, sup->end_reason);
}

/* OTP: one report for each reason, however many children had it. */
static void end_count(struct fl_sup_dynamic *dynamic, struct fl_pid pid,
                      const struct fl_reason *reason)
{
    FL_ASSERT((size_t)reason->kind < FL_COUNT(dynamic->bad_ends));
    if (fl_sup_stop_is_good(&dynamic->spec, reason)) return;
    if (dynamic->bad_ends[reason->kind].count++ > 0) return;
    dynamic->bad_ends[reason->kind].pid = pid;
    dynamic->bad_ends[reason->kind].reason = *reason;
}

static void tell_all(struct fl_self *self, struct fl_sup_dynamic *dynamic, enum fl_exit_kind kind)
{
    FL_ASSERT(kind == FL_EXIT_KILL || kind == FL_EXIT_SHUTDOWN);
    uint32_t n = dynamic->table.first;
    while (n != 0) {
        struct dynamic_child *child = child_at(dynamic, n);
        n = child->in_order.next;
        if (child->state == FL_CHILD_RUNNING)
            fl_exit(self, child->pid, fl_reason_of(kind));
        else if (child->state == FL_CHILD_RESTARTING)
            child_remove(dynamic, child);
    }
}

void fl_sup_dynamic_end(struct fl_self *self, struct fl_sup *sup)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(sup->phase == FL_SUP_ENDS);
    fl_ns within_ns = dynamic->spec.shutdown_ns;
    tell_all(self, dynamic, within_ns == FL_SHUTDOWN_BRUTAL ? FL_EXIT_KILL : FL_EXIT_SHUTDOWN);
    if (within_ns != FL_SHUTDOWN_BRUTAL && within_ns != FL_SHUTDOWN_INFINITY)
        dynamic->timer = fl_timer_start(self, within_ns, 0);
    end_look(self, sup);
}

static void child_ended(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child,
                        const struct fl_reason *reason)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(child->state == FL_CHILD_STOPPING || sup->phase == FL_SUP_ENDS);
    if (sup->phase == FL_SUP_ENDS)
        end_count(dynamic, child->pid, reason);
    else if (!fl_sup_stop_is_good(&dynamic->spec, reason))
        fl_sup_note(self, sup, &dynamic->spec, child->pid, FL_NOTE_SHUTDOWN_ERROR, reason, 1);
    struct fl_sup_stop *stop = child->state == FL_CHILD_STOPPING ? child->during.stop : NULL;
    child_remove(dynamic, child);
    if (stop != NULL) fl_sup_stop_free(self, sup, stop);
}

void fl_sup_dynamic_exit(struct fl_self *self, struct fl_sup *sup, struct fl_pid who,
                         const struct fl_reason *reason)
{
    struct dynamic_child *child = child_of(sup->dynamic, who);
    if (child == NULL || child->state == FL_CHILD_RESTARTING) return;
    FL_ASSERT(child->state != FL_CHILD_UNDEFINED);
    if (child->state == FL_CHILD_RUNNING && sup->phase == FL_SUP_SETTLED) {
        child_died(self, sup, child, reason);
        return;
    }
    child_ended(self, sup, child, reason);
    if (sup->phase == FL_SUP_ENDS && sup->dynamic->table.count == 0) end_look(self, sup);
}

void fl_sup_dynamic_down(struct fl_self *self, struct fl_sup *sup, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    struct dynamic_child *child = child_of(dynamic, who);
    bool is_stop = child != NULL && child->state == FL_CHILD_STOPPING &&
                   child->during.stop->monitor == ref;
    bool is_end = ref == dynamic->monitor;
    FL_ASSERT(ref != 0);
    if (is_stop) child->during.stop->monitor = 0;
    if (is_end) dynamic->monitor = 0;
    if (is_stop || (is_end && child != NULL)) child_ended(self, sup, child, reason);
    bool is_over = sup->phase == FL_SUP_ENDS && dynamic->table.count == 0;
    if (is_end || is_over) end_look(self, sup);
}

void fl_sup_dynamic_timer(struct fl_self *self, struct fl_sup *sup, uint64_t ref, uint32_t number)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    struct dynamic_child *child = child_at(dynamic, number);
    FL_ASSERT(ref != 0);
    if (ref == dynamic->timer)
        tell_all(self, dynamic, FL_EXIT_KILL);
    else if (child == NULL)
        return;
    else if (child->state == FL_CHILD_STOPPING && child->during.stop->timer == ref)
        fl_exit(self, child->pid, fl_reason_of(FL_EXIT_KILL));
    else if (child->state == FL_CHILD_RESTARTING && child->during.timer == ref &&
             dynamic->spec.backoff.min_ns > 0)
        child_attempt(self, sup, child); /* counted before the pause */
    else if (child->state == FL_CHILD_RESTARTING && child->during.timer == ref)
        child_restart(self, sup, child, &(struct fl_reason){.kind = FL_EXIT_ERROR});
}
