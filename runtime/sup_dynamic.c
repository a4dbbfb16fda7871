#include "runtime/sup_core.h"

/* The dynamic kind: any number of children, told apart by pid, of one template or with a spec of
 * their own. A child of the template is 48 bytes and a place in the index; what it does not have is
 * an id, a spec, and a place to be kept when it does not run. */

#define ARGS_INLINE 8u

struct dynamic_child {
    struct fl_sup_node in_order;
    struct fl_pid pid; /* RESTARTING: the last one, by which it is still found, as in OTP */
    union fl_sup_during during;
    union {
        void *block;
        struct fl_child *spec; /* with has_spec: args are in it */
        _Alignas(8) unsigned char bytes[ARGS_INLINE];
    } args;
    uint32_t pid_next;
    uint32_t args_len; /* 0: those of the template */
    uint32_t number;
    uint8_t state, tries;
    bool has_spec;
};

_Static_assert(sizeof(struct dynamic_child) <= 48, "a million of them must stay small");

#define END_KINDS (FL_EXIT_OS + 1)

struct fl_sup_dynamic {
    struct fl_child spec; /* the template; without a server: there is none */
    struct fl_sup_table table;
    struct fl_sup_index by_pid;
    uint32_t restarting, supervisors, significant, own_specs; /* how many are of this kind */
    void *extra;                                              /* args before those of each child */
    size_t extra_bytes;
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

static const struct fl_child *spec_of(const struct fl_sup_dynamic *dynamic,
                                      const struct dynamic_child *child)
{
    FL_ASSERT(!child->has_spec || child->args.spec != NULL);
    return child->has_spec ? child->args.spec : &dynamic->spec;
}

void fl_sup_dynamic_init(struct fl_sup *sup, const struct fl_child *spec)
{
    struct fl_sup_dynamic *dynamic = fl_new(struct fl_sup_dynamic);
    FL_ASSERT(sup->dynamic == NULL);
    fl_sup_table_init(&dynamic->table, sizeof(struct dynamic_child));
    fl_sup_index_init(&dynamic->by_pid, offsetof(struct dynamic_child, pid),
                      offsetof(struct dynamic_child, pid_next));
    dynamic->spec = spec != NULL ? *spec : (struct fl_child){.id = ""};
    fl_sup_spec_fill(&dynamic->spec);
    fl_sup_spec_own(&dynamic->spec);
    dynamic->extra_bytes = sup->opts.extra_bytes;
    dynamic->extra = fl_alloc(dynamic->extra_bytes);
    if (dynamic->extra_bytes > 0)
        memcpy(dynamic->extra, sup->opts.extra_args, dynamic->extra_bytes);
    sup->dynamic = dynamic;
}

static bool args_are_inline(const struct dynamic_child *child)
{
    return child->args_len <= ARGS_INLINE;
}

static void args_free(struct dynamic_child *child)
{
    FL_ASSERT(!child->has_spec);
    if (!args_are_inline(child)) free(child->args.block);
    child->args_len = 0;
}

static void child_drop(struct dynamic_child *child)
{
    FL_ASSERT(child->number != 0);
    if (!child->has_spec) {
        args_free(child);
        return;
    }
    fl_sup_spec_disown(child->args.spec);
    free(child->args.spec);
}

void fl_sup_dynamic_fini(struct fl_sup *sup)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(dynamic != NULL);
    const struct fl_sup_table *table = &dynamic->table;
    for (uint32_t n = table->first; n != 0; n = fl_sup_table_next(table, n)) {
        struct dynamic_child *child = child_at(dynamic, n);
        if (child->state == FL_CHILD_STOPPING) fl_sup_stop_drop(child->during.stop);
        child_drop(child);
    }
    fl_sup_table_fini(&dynamic->table);
    fl_sup_index_fini(&dynamic->by_pid);
    fl_sup_spec_disown(&dynamic->spec);
    free(dynamic->extra);
    free(dynamic);
    sup->dynamic = NULL;
}

const struct fl_child *fl_sup_dynamic_template(const struct fl_sup *sup)
{
    FL_ASSERT(sup->dynamic != NULL);
    return &sup->dynamic->spec;
}

/* Takes it out of the tables; its spec and args stay. */
static void child_forget(struct fl_sup_dynamic *dynamic, struct dynamic_child *child)
{
    const struct fl_child *spec = spec_of(dynamic, child);
    FL_ASSERT(child->number != 0);
    if (child->state == FL_CHILD_RESTARTING) dynamic->restarting--;
    dynamic->supervisors -= spec->type == FL_CHILD_SUPERVISOR;
    dynamic->significant -= spec->significant;
    dynamic->own_specs -= child->has_spec;
    if (child->pid.bits != 0) fl_sup_index_remove(&dynamic->by_pid, &dynamic->table, child->number);
    fl_sup_table_remove(&dynamic->table, child->number);
}

static void child_remove(struct fl_sup_dynamic *dynamic, struct dynamic_child *child)
{
    struct dynamic_child was = *child;
    child_forget(dynamic, child);
    child_drop(&was);
}

static struct dynamic_child *child_add(struct fl_sup_dynamic *dynamic)
{
    uint32_t number = fl_sup_table_add(&dynamic->table);
    struct dynamic_child *child = child_at(dynamic, number);
    FL_ASSERT(child->pid.bits == 0 && !child->has_spec);
    child->number = number;
    return child;
}

static void child_count(struct fl_sup_dynamic *dynamic, const struct dynamic_child *child)
{
    const struct fl_child *spec = spec_of(dynamic, child);
    FL_ASSERT(spec->type != FL_CHILD_AUTO);
    dynamic->supervisors += spec->type == FL_CHILD_SUPERVISOR;
    dynamic->significant += spec->significant;
    dynamic->own_specs += child->has_spec;
}

static const void *child_args(const struct fl_sup_dynamic *dynamic,
                              const struct dynamic_child *child, size_t *len)
{
    const struct fl_child *spec = spec_of(dynamic, child);
    bool is_of_spec = child->has_spec || child->args_len == 0;
    FL_ASSERT(!child->has_spec || child->args_len == 0);
    *len = is_of_spec ? spec->args_bytes : child->args_len;
    if (is_of_spec) return spec->args;
    return args_are_inline(child) ? child->args.bytes : child->args.block;
}

/* The extra args, and the child's behind them where anything may lie. */
static int spawn_with_extra(struct fl_self *self, struct fl_sup *sup, const struct fl_child *spec,
                            const void *args, size_t args_len, struct fl_pid *out)
{
    const struct fl_sup_dynamic *dynamic = sup->dynamic;
    size_t before = FL_EXTRA_ARGS_BYTES(dynamic->extra_bytes);
    FL_ASSERT(before >= dynamic->extra_bytes);
    char *both = fl_self_alloc(self, before + args_len);
    memcpy(both, dynamic->extra, dynamic->extra_bytes);
    if (args_len > 0) memcpy(both + before, args, args_len);
    int rc = fl_sup_spawn(self, sup, spec, both, out);
    fl_self_free(self, both);
    return rc;
}

static int child_start(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    const struct fl_child *spec = spec_of(dynamic, child);
    size_t args_len = 0;
    const void *args = child_args(dynamic, child, &args_len);
    struct fl_pid pid = FL_NO_PID;
    int rc = dynamic->extra_bytes == 0 ? fl_sup_spawn(self, sup, spec, args, &pid)
                                       : spawn_with_extra(self, sup, spec, args, args_len, &pid);
    if (rc != 0) return rc;
    FL_ASSERT(pid.bits != 0);
    if (child->pid.bits != 0) fl_sup_index_remove(&dynamic->by_pid, &dynamic->table, child->number);
    if (child->state == FL_CHILD_RESTARTING) dynamic->restarting--;
    child->pid = pid;
    child->state = FL_CHILD_RUNNING;
    child->during = (union fl_sup_during){0};
    if (spec->backoff.min_ns > 0) child->during.started_ns = fl_self_now(self);
    fl_sup_index_add(&dynamic->by_pid, &dynamic->table, child->number);
    return 0;
}

/* ---- requests */

static bool is_full(const struct fl_sup *sup)
{
    size_t max = sup->opts.max_children;
    FL_ASSERT(sup->dynamic != NULL);
    return max != 0 && sup->dynamic->table.count >= max;
}

/* Starts one that was added, and answers; what does not start is not kept. */
static void start_and_answer(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child,
                             const struct fl_msg *msg)
{
    child_count(sup->dynamic, child);
    int rc = child_start(self, sup, child);
    struct fl_pid pid = child->pid;
    FL_ASSERT((rc == 0) == (pid.bits != 0));
    if (rc != 0)
        child_remove(sup->dynamic, child);
    else if (!child->has_spec && sup->dynamic->spec.restart == FL_TEMPORARY)
        args_free(child); /* OTP: they are for restarts */
    fl_sup_answer(self, sup, msg, rc, pid);
}

void fl_sup_dynamic_start(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    int rc = dynamic->spec.server == NULL ? FL_ENOSERVER : is_full(sup) ? FL_EFULL : 0;
    if (rc != 0) {
        fl_sup_answer(self, sup, msg, rc, FL_NO_PID);
        return;
    }
    struct dynamic_child *child = child_add(dynamic);
    child->args_len = msg->len;
    if (!args_are_inline(child)) child->args.block = fl_alloc(msg->len);
    if (msg->len > 0)
        memcpy(args_are_inline(child) ? child->args.bytes : child->args.block, msg->data, msg->len);
    start_and_answer(self, sup, child, msg);
}

void fl_sup_dynamic_start_spec(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct fl_child spec = {0};
    int rc = fl_sup_spec_decode(&spec, msg->data, msg->len);
    if (rc == 0 && spec.id == NULL) spec.id = ""; /* OTP: ids of dynamic children are ignored */
    if (rc == 0) rc = fl_sup_spec_check(&spec, sup->opts.auto_shutdown);
    if (rc == 0 && is_full(sup)) rc = FL_EFULL;
    if (rc != 0) {
        fl_sup_answer(self, sup, msg, rc, FL_NO_PID);
        return;
    }
    struct dynamic_child *child = child_add(sup->dynamic);
    child->has_spec = true;
    child->args.spec = fl_new(struct fl_child);
    *child->args.spec = spec;
    fl_sup_spec_fill(child->args.spec);
    fl_sup_spec_own(child->args.spec);
    FL_ASSERT(child->args.spec->id != NULL);
    start_and_answer(self, sup, child, msg);
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
        child->during.stop = fl_sup_stop_new(self, spec_of(dynamic, child), pid, child->number);
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
        const struct fl_child *spec = spec_of(dynamic, child);
        struct fl_child_info info = {
            .kind = spec->server->name,
            .pid = runs ? child->pid : FL_NO_PID,
            .state = runs ? FL_CHILD_RUNNING : FL_CHILD_RESTARTING,
            .type = spec->type,
        };
        fn(cx, &info);
    }
}

struct fl_sup_counts fl_sup_dynamic_counts(const struct fl_sup *sup)
{
    const struct fl_sup_dynamic *dynamic = sup->dynamic;
    uint32_t all = dynamic->table.count;
    FL_ASSERT(dynamic->restarting <= all && dynamic->supervisors <= all);
    return (struct fl_sup_counts){
        .specs = (dynamic->spec.server != NULL) + dynamic->own_specs,
        .active = all - dynamic->restarting,
        .supervisors = dynamic->supervisors,
        .workers = all - dynamic->supervisors,
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
    else if (spec_of(dynamic, child)->backoff.min_ns > 0)
        child_restart(self, sup, child, &reason);
    else
        child_try_later(self, dynamic, child, 0);
}

static void child_restart(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child,
                          const struct fl_reason *reason)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    const struct fl_child *spec = spec_of(dynamic, child);
    const struct fl_backoff *backoff = &spec->backoff;
    fl_ns now_ns = fl_self_now(self);
    if (!fl_sup_may_restart(sup, now_ns)) {
        struct dynamic_child was = *child;
        child_forget(dynamic, child);
        fl_sup_give_up(self, sup, spec, was.pid, reason);
        child_drop(&was);
        return;
    }
    fl_sup_note(self, sup, spec, child->pid, FL_NOTE_RESTART, reason, 1);
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
    if (fl_sup_is_restarted(spec_of(dynamic, child)->restart, reason)) {
        child_restart(self, sup, child, reason);
        return;
    }
    bool is_significant = spec_of(dynamic, child)->significant;
    child_remove(dynamic, child);
    if (is_significant) fl_sup_auto_shutdown(self, sup, dynamic->significant);
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
    FL_ASSERT(dynamic->spec.server != NULL);
    FL_ASSERT((size_t)reason->kind < FL_COUNT(dynamic->bad_ends));
    if (dynamic->bad_ends[reason->kind].count++ > 0) return;
    dynamic->bad_ends[reason->kind].pid = pid;
    dynamic->bad_ends[reason->kind].reason = *reason;
}

/* Children with a spec of their own have a timer of their own. */
static void tell_to_end(struct fl_self *self, const struct fl_sup_dynamic *dynamic,
                        struct dynamic_child *child)
{
    fl_ns within_ns = spec_of(dynamic, child)->shutdown_ns;
    bool is_brutal = within_ns == FL_SHUTDOWN_BRUTAL;
    FL_ASSERT(child->state == FL_CHILD_RUNNING);
    child->during = (union fl_sup_during){0};
    if (child->has_spec && !is_brutal && within_ns != FL_SHUTDOWN_INFINITY)
        child->during.timer = fl_timer_start(self, within_ns, child->number);
    fl_exit(self, child->pid, fl_reason_of(is_brutal ? FL_EXIT_KILL : FL_EXIT_SHUTDOWN));
}

static void tell_all(struct fl_self *self, struct fl_sup_dynamic *dynamic)
{
    uint32_t n = dynamic->table.first;
    while (n != 0) {
        struct dynamic_child *child = child_at(dynamic, n);
        n = child->in_order.next;
        FL_ASSERT(child->state != FL_CHILD_DIED);
        if (child->state == FL_CHILD_RUNNING)
            tell_to_end(self, dynamic, child);
        else if (child->state == FL_CHILD_RESTARTING)
            child_remove(dynamic, child);
    }
}

static void kill_those_of_the_template(struct fl_self *self, const struct fl_sup_dynamic *dynamic)
{
    FL_ASSERT(dynamic->spec.server != NULL);
    const struct fl_sup_table *table = &dynamic->table;
    for (uint32_t n = table->first; n != 0; n = fl_sup_table_next(table, n)) {
        const struct dynamic_child *child = child_at(dynamic, n);
        if (child->state == FL_CHILD_RUNNING && !child->has_spec)
            fl_exit(self, child->pid, fl_reason_of(FL_EXIT_KILL));
    }
}

void fl_sup_dynamic_end(struct fl_self *self, struct fl_sup *sup)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(sup->phase == FL_SUP_ENDS);
    fl_ns within_ns = dynamic->spec.shutdown_ns;
    bool has_any = dynamic->table.count > dynamic->own_specs;
    tell_all(self, dynamic);
    if (has_any && within_ns != FL_SHUTDOWN_BRUTAL && within_ns != FL_SHUTDOWN_INFINITY)
        dynamic->timer = fl_timer_start(self, within_ns, 0);
    end_look(self, sup);
}

static void child_ended(struct fl_self *self, struct fl_sup *sup, struct dynamic_child *child,
                        const struct fl_reason *reason)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    FL_ASSERT(child->state == FL_CHILD_STOPPING || sup->phase == FL_SUP_ENDS);
    const struct fl_child *spec = spec_of(dynamic, child);
    bool is_good = fl_sup_stop_is_good(spec, reason);
    if (!is_good && sup->phase == FL_SUP_ENDS && !child->has_spec)
        end_count(dynamic, child->pid, reason);
    else if (!is_good)
        fl_sup_note(self, sup, spec, child->pid, FL_NOTE_SHUTDOWN_ERROR, reason, 1);
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

static void child_is_late(struct fl_self *self, const struct dynamic_child *child, uint64_t ref)
{
    FL_ASSERT(child->state != FL_CHILD_RESTARTING);
    if (child->state == FL_CHILD_RUNNING && child->during.timer == ref)
        fl_exit(self, child->pid, fl_reason_of(FL_EXIT_KILL));
}

void fl_sup_dynamic_timer(struct fl_self *self, struct fl_sup *sup, uint64_t ref, uint32_t number)
{
    struct fl_sup_dynamic *dynamic = sup->dynamic;
    struct dynamic_child *child = child_at(dynamic, number);
    FL_ASSERT(ref != 0);
    if (ref == dynamic->timer)
        kill_those_of_the_template(self, dynamic);
    else if (child == NULL)
        return;
    else if (child->state == FL_CHILD_STOPPING && child->during.stop->timer == ref)
        fl_exit(self, child->pid, fl_reason_of(FL_EXIT_KILL));
    else if (sup->phase == FL_SUP_ENDS) /* of one with a spec of its own that is told to end */
        child_is_late(self, child, ref);
    else if (child->state == FL_CHILD_RESTARTING && child->during.timer == ref &&
             spec_of(dynamic, child)->backoff.min_ns > 0)
        child_attempt(self, sup, child); /* counted before the pause */
    else if (child->state == FL_CHILD_RESTARTING && child->during.timer == ref)
        child_restart(self, sup, child, &(struct fl_reason){.kind = FL_EXIT_ERROR});
}
