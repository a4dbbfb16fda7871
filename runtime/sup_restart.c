#include "runtime/probe.h"
#include "runtime/sup_core.h"

#define RESTARTS_FIRST 4u

/* ---- the limit: OTP's, with exact times */

static void restarts_grow(struct fl_sup_restarts *ring)
{
    uint32_t cap = ring->cap == 0 ? RESTARTS_FIRST : ring->cap * 2;
    fl_ns *at_ns = fl_new_array(fl_ns, cap);
    for (uint32_t i = 0; i < ring->count; i++)
        at_ns[i] = ring->at_ns[(ring->head + i) & (ring->cap - 1)];
    free(ring->at_ns);
    *ring = (struct fl_sup_restarts){.at_ns = at_ns, .cap = cap, .count = ring->count};
}

bool fl_sup_may_restart(struct fl_sup *sup, fl_ns now_ns)
{
    struct fl_sup_restarts *ring = &sup->restarts;
    while (ring->count > 0 && now_ns - ring->at_ns[ring->head] > sup->opts.within_ns) {
        ring->head = (ring->head + 1) & (ring->cap - 1);
        ring->count--;
    }
    FL_ASSERT(ring->count <= (uint32_t)sup->opts.max_restarts);
    if (ring->count == (uint32_t)sup->opts.max_restarts) return false;
    if (ring->count == ring->cap) restarts_grow(ring);
    ring->at_ns[(ring->head + ring->count++) & (ring->cap - 1)] = now_ns;
    return true;
}

void fl_sup_note(struct fl_self *self, struct fl_sup *sup, const struct fl_child *spec,
                 struct fl_pid pid, enum fl_note_kind kind, const struct fl_reason *reason,
                 unsigned count)
{
    FL_ASSERT(spec->server != NULL);
    if (kind == FL_NOTE_RESTART)
        FL_PROBE3(restart, spec->name != NULL ? spec->name : spec->id, (int)sup->restarts.count,
                  sup->opts.max_restarts);
    if (fl_self_node(self)->opts.on_note == NULL) return; /* nobody wants to know the time */
    struct fl_note note = {
        .kind = kind,
        .at_ns = fl_self_now(self),
        .pid = pid,
        .name = spec->name != NULL ? spec->name : spec->id,
        .server = spec->server->name,
        .reason = *reason,
        .restarts = (int)sup->restarts.count,
        .restarts_max = sup->opts.max_restarts,
        .count = count,
    };
    fl_node_note(fl_self_node(self), &note);
}

void fl_sup_give_up(struct fl_self *self, struct fl_sup *sup, const struct fl_child *spec,
                    struct fl_pid pid, const struct fl_reason *reason)
{
    fl_sup_note(self, sup, spec, pid, FL_NOTE_LIMIT, reason, 1);
    if (sup->opts.on_limit != NULL) sup->opts.on_limit(sup->opts.limit_cx, spec->id);
    struct fl_reason shutdown = fl_reason_of(FL_EXIT_SHUTDOWN);
    fl_sup_end(self, sup, &shutdown);
}

/* ---- what a death means */

static bool is_normal(const struct fl_reason *reason)
{
    bool is_good_os = reason->kind == FL_EXIT_OS && reason->code == 0 && reason->signal == 0;
    return reason->kind == FL_EXIT_NORMAL || reason->kind == FL_EXIT_SHUTDOWN || is_good_os;
}

bool fl_sup_is_restarted(enum fl_restart restart, const struct fl_reason *reason)
{
    return restart == FL_PERMANENT || (restart == FL_TRANSIENT && !is_normal(reason));
}

void fl_sup_auto_shutdown(struct fl_self *self, struct fl_sup *sup, uint32_t others)
{
    enum fl_auto_shutdown when = sup->opts.auto_shutdown;
    FL_ASSERT(when != FL_NEVER_BY_CHILD); /* such a spec is refused */
    if (when == FL_ALL_SIGNIFICANT && others > 0) return;
    struct fl_reason shutdown = fl_reason_of(FL_EXIT_SHUTDOWN);
    fl_sup_end(self, sup, &shutdown);
}

fl_ns fl_sup_pause(struct fl_sup *sup, const struct fl_backoff *backoff, uint8_t tries)
{
    fl_ns pause_ns = backoff->min_ns;
    FL_ASSERT(pause_ns > 0 && pause_ns <= backoff->max_ns);
    for (; tries > 0 && pause_ns < backoff->max_ns; tries--)
        pause_ns = pause_ns > backoff->max_ns / 2 ? backoff->max_ns : pause_ns * 2;
    if (backoff->jitter_percent == 0) return pause_ns;
    double spread = (2 * fl_rng_unit(&sup->rng) - 1) * backoff->jitter_percent / 100;
    return pause_ns + (fl_ns)((double)pause_ns * spread);
}

/* ---- starting */

static int shard_of(struct fl_self *self, struct fl_sup *sup, int shard)
{
    int count = fl_self_node(self)->shards_count;
    FL_ASSERT(count > 0);
    if (shard == 0) return FL_SHARD_SAME;
    return shard == FL_SHARD_SPREAD ? FL_SHARD(sup->next_shard++ % count) : shard;
}

int fl_sup_spawn(struct fl_self *self, struct fl_sup *sup, const struct fl_child *spec,
                 const void *args, struct fl_pid *out)
{
    struct fl_spawn_opts opts = {
        .name = spec->name,
        .args = args,
        .link_to = fl_self_pid(self),
        .is_supervised = true,
        .shard = shard_of(self, sup, spec->shard),
        .mailbox_max = spec->mailbox_max,
    };
    bool is_sup = spec->server == &fl_sup_server;
    if (is_sup && opts.mailbox_max == 0) opts.mailbox_max = FL_SUP_MAILBOX_MAX;
    free(sup->info); /* of a start that nobody asked for */
    sup->info = NULL;
    sup->info_len = 0;
    *out = FL_NO_PID;
    int rc = fl_spawn(self, spec->server, &opts, out);
    if (rc == 0 || rc == FL_EIGNORE) return rc;
    struct fl_reason reason = {.kind = FL_EXIT_ERROR, .code = rc};
    fl_sup_note(self, sup, spec, FL_NO_PID, FL_NOTE_START_ERROR, &reason, 1);
    return rc;
}

int fl_sup_child_start(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child)
{
    struct fl_pid pid = FL_NO_PID;
    int rc = fl_sup_spawn(self, sup, &child->spec, child->spec.args, &pid);
    if (rc == 0) {
        fl_sup_child_runs(&sup->children, child, pid);
        if (child->spec.backoff.min_ns > 0) child->during.started_ns = fl_self_now(self);
    }
    return rc == FL_EIGNORE ? 0 : rc;
}

/* ---- restarting: count, then try, then perhaps once more */

static void child_try_later(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                            fl_ns after_ns)
{
    fl_sup_child_set(&sup->children, child, FL_CHILD_RESTARTING);
    child->during.timer = fl_timer_start(self, after_ns, child->number);
}

static void child_restart(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                          const struct fl_reason *reason);

static void child_start_failed(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                               int code)
{
    struct fl_reason reason = {.kind = FL_EXIT_ERROR, .code = code};
    FL_ASSERT(sup->phase == FL_SUP_SETTLED);
    if (child->spec.backoff.min_ns > 0)
        child_restart(self, sup, child, &reason);
    else /* OTP: by way of our own mailbox, so that requests are heard in between */
        child_try_later(self, sup, child, 0);
}

void fl_sup_renew(struct fl_self *self, struct fl_sup *sup)
{
    FL_ASSERT(sup->phase == FL_SUP_RENEWS && sup->from != 0);
    uint32_t n = sup->from;
    struct fl_sup_child *child = NULL;
    int rc = 0;
    for (; n != 0 && rc == 0; n = fl_sup_table_next(&sup->children.table, n)) {
        child = fl_sup_child_at(&sup->children, n);
        rc = fl_sup_child_start(self, sup, child);
    }
    sup->phase = FL_SUP_SETTLED;
    sup->from = 0;
    if (rc != 0) child_start_failed(self, sup, child, rc);
}

static void child_attempt(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child)
{
    FL_ASSERT(sup->phase == FL_SUP_SETTLED);
    if (sup->opts.strategy == FL_ONE_FOR_ONE) {
        int rc = fl_sup_child_start(self, sup, child);
        if (rc != 0) child_start_failed(self, sup, child, rc);
        return;
    }
    bool is_all = sup->opts.strategy == FL_ONE_FOR_ALL;
    sup->phase = FL_SUP_RENEWS;
    sup->from = is_all ? sup->children.table.first : child->number;
    sup->at = sup->children.table.last;
    fl_sup_sweep(self, sup);
}

static void child_restart(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                          const struct fl_reason *reason)
{
    const struct fl_backoff *backoff = &child->spec.backoff;
    fl_ns now_ns = fl_self_now(self);
    bool has_run_long = child->state == FL_CHILD_RUNNING &&
                        now_ns - child->during.started_ns >= backoff->max_ns;
    if (child->state != FL_CHILD_UNDEFINED)
        fl_sup_child_set(&sup->children, child, FL_CHILD_UNDEFINED);
    if (!fl_sup_may_restart(sup, now_ns)) {
        fl_sup_give_up(self, sup, &child->spec, child->pid, reason);
        return;
    }
    fl_sup_note(self, sup, &child->spec, child->pid, FL_NOTE_RESTART, reason, 1);
    if (backoff->min_ns == 0) {
        child_attempt(self, sup, child);
        return;
    }
    if (has_run_long) child->tries = 0;
    child_try_later(self, sup, child, fl_sup_pause(sup, backoff, child->tries));
    if (child->tries < UINT8_MAX) child->tries++;
}

void fl_sup_child_try(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child)
{
    FL_ASSERT(child->state == FL_CHILD_RESTARTING);
    struct fl_reason reason = fl_reason_of(FL_EXIT_ERROR);
    if (child->spec.backoff.min_ns == 0) {
        child_restart(self, sup, child, &reason);
        return;
    }
    /* counted before the pause */
    fl_sup_child_set(&sup->children, child, FL_CHILD_UNDEFINED);
    child_attempt(self, sup, child);
}

void fl_sup_child_died(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                       const struct fl_reason *reason)
{
    FL_ASSERT(sup->phase == FL_SUP_SETTLED);
    if (fl_sup_is_restarted(child->spec.restart, reason)) {
        child_restart(self, sup, child, reason);
        return;
    }
    bool is_significant = child->spec.significant;
    fl_sup_child_set(&sup->children, child, FL_CHILD_UNDEFINED);
    if (child->spec.restart == FL_TEMPORARY) fl_sup_child_remove(&sup->children, child);
    if (is_significant) fl_sup_auto_shutdown(self, sup, sup->children.significant);
}
