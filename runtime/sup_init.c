#include "runtime/names.h"
#include "runtime/sup_core.h"

#define WITHIN_DEFAULT fl_s(5)
#define NAME_MAX_BYTES 256

/* ---- a start that failed is undone, the last child first */

/* fl_call_await_end waits for neighbours only; for a child on another shard this one does. */
static int proxy_on_init(struct fl_self *self, void *state, const void *args)
{
    FL_ASSERT(args != NULL);
    fl_monitor(self, *(const struct fl_pid *)args);
    return 0;
}

static void proxy_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static const struct fl_server proxy_server = {
    .name = "await_end", .on_init = proxy_on_init, .on_down = proxy_on_down};

static void unwind_one(struct fl_self *self, const struct fl_child *spec, struct fl_pid pid)
{
    bool is_brutal = spec->shutdown_ns == FL_SHUTDOWN_BRUTAL;
    struct fl_pid await = pid;
    FL_ASSERT(pid.bits != 0);
    if (fl_proc_shard(fl_self_node(self), pid) != self->shard) {
        struct fl_spawn_opts opts = {.args = &pid, .link_to = fl_self_pid(self), .shard = -1};
        if (fl_spawn(self, &proxy_server, &opts, &await) != 0) return;
    }
    fl_exit(self, pid, fl_reason_of(is_brutal ? FL_EXIT_KILL : FL_EXIT_SHUTDOWN));
    fl_ns within_ns = is_brutal ? FL_SHUTDOWN_INFINITY : spec->shutdown_ns;
    if (fl_call_await_end(self, await, within_ns) != FL_ETIMEOUT) return;
    fl_exit(self, pid, fl_reason_of(FL_EXIT_KILL));
    fl_call_await_end(self, await, FL_NEVER);
}

/* From a uv callback the loop stands still, so nobody can be waited for: the links do it. */
static void unwind(struct fl_self *self, struct fl_sup *sup)
{
    struct fl_sup_children *children = &sup->children;
    bool can_wait = (self->start != NULL && self->start->starter.bits != 0) ||
                    atomic_load(&self->shard->node->state) != FL_NODE_RUNS;
    uint32_t n = can_wait ? children->table.last : 0;
    for (; n != 0; n = fl_sup_table_prev(&children->table, n)) {
        struct fl_sup_child *child = fl_sup_child_at(children, n);
        FL_ASSERT(child->state == FL_CHILD_RUNNING || child->state == FL_CHILD_UNDEFINED);
        if (child->state != FL_CHILD_RUNNING) continue;
        unwind_one(self, &child->spec, child->pid);
        fl_sup_child_set(children, child, FL_CHILD_UNDEFINED);
    }
}

static void sup_fini(void *ptr)
{
    struct fl_sup *sup = ptr;
    const struct fl_sup_table *table = &sup->children.table;
    for (uint32_t n = table->first; n != 0; n = fl_sup_table_next(table, n)) {
        struct fl_sup_child *child = fl_sup_child_at(&sup->children, n);
        if (child->state == FL_CHILD_STOPPING) fl_sup_stop_drop(child->during.stop);
    }
    FL_ASSERT(sup->later.next != NULL);
    while (!fl_list_is_empty(&sup->later))
        fl_sup_later_free(FL_OWNER(sup->later.next, struct fl_sup_later, in_later));
    if (sup->dynamic != NULL) fl_sup_dynamic_fini(sup);
    fl_sup_children_fini(&sup->children);
    free(sup->restarts.at_ns);
    free(sup->info);
}

/* ---- the children: all are looked at before the first one starts (OTP) */

static int add_child(struct fl_sup *sup, const struct fl_child *spec)
{
    struct fl_sup_child *child = NULL;
    int rc = fl_sup_spec_check(spec, sup->opts.auto_shutdown);
    if (rc == 0) rc = fl_sup_child_add(&sup->children, spec, &child);
    if (rc == 0) return 0;
    FL_ASSERT(rc < 0);
    if (spec->id == NULL) return fl_err_set(sup->opts.err, rc, "a child: %s", fl_code_name(rc));
    return fl_err_set(sup->opts.err, rc, "child \"%s\": %s", spec->id, fl_code_name(rc));
}

static int add_partitions(struct fl_self *self, struct fl_sup *sup)
{
    const struct fl_sup_opts *opts = &sup->opts;
    if (opts->children_count != 1 || opts->strategy != FL_ONE_FOR_ONE ||
        opts->partitions > UINT32_MAX)
        return fl_err_set(opts->err, FL_ERANGE,
                          "partitions: one child that is repeated, one_for_one");
    struct fl_child spec = opts->children[0];
    int rc = 0;
    for (size_t i = 0; i < opts->partitions && rc == 0; i++) {
        char id[32], name[NAME_MAX_BYTES];
        snprintf(id, sizeof id, "%zu", i);
        snprintf(name, sizeof name, "%s/%zu", opts->name != NULL ? opts->name : "", i);
        spec.id = id;
        spec.name = opts->name != NULL ? name : NULL;
        if (opts->partition_args != NULL) spec.args = opts->partition_args(opts->partition_cx, i);
        /* each stays where it is, also when it is restarted */
        if (opts->children[0].shard == FL_SHARD_SPREAD)
            spec.shard = FL_SHARD((int)(i % (size_t)fl_self_node(self)->shards_count));
        rc = add_child(sup, &spec);
    }
    FL_ASSERT(rc != 0 || sup->children.table.count == opts->partitions);
    if (rc == 0 && opts->name != NULL) fl_name_set_parts(self, (uint32_t)opts->partitions);
    return rc;
}

static int add_template(struct fl_sup *sup)
{
    const struct fl_sup_opts *opts = &sup->opts;
    FL_ASSERT(opts->strategy == FL_SIMPLE_ONE_FOR_ONE || opts->strategy == FL_DYNAMIC);
    if (opts->strategy == FL_DYNAMIC && opts->children_count == 0) {
        fl_sup_dynamic_init(sup, NULL);
        return 0;
    }
    if (opts->children_count != 1)
        return fl_err_set(opts->err, FL_ERANGE, "simple_one_for_one: one child, the template");
    int rc = fl_sup_spec_check(opts->children, opts->auto_shutdown);
    if (rc != 0) return fl_err_set(opts->err, rc, "the template: %s", fl_code_name(rc));
    fl_sup_dynamic_init(sup, opts->children);
    return 0;
}

static int add_all(struct fl_self *self, struct fl_sup *sup)
{
    FL_ASSERT(sup->children.table.count == 0);
    if (sup->opts.strategy >= FL_SIMPLE_ONE_FOR_ONE) return add_template(sup);
    if (sup->opts.partitions > 0) return add_partitions(self, sup);
    int rc = 0;
    for (size_t i = 0; i < sup->opts.children_count && rc == 0; i++)
        rc = add_child(sup, &sup->opts.children[i]);
    return rc;
}

static int start_all(struct fl_self *self, struct fl_sup *sup)
{
    uint32_t n = sup->children.table.first;
    while (n != 0) {
        struct fl_sup_child *child = fl_sup_child_at(&sup->children, n);
        int rc = fl_sup_child_start(self, sup, child);
        if (rc != 0)
            return fl_err_set(sup->opts.err, rc, "child \"%s\" did not start: %s", child->spec.id,
                              fl_code_name(rc));
        n = child->in_order.next;
        bool is_ignored = child->state == FL_CHILD_UNDEFINED;
        if (is_ignored && child->spec.restart == FL_TEMPORARY)
            fl_sup_child_remove(&sup->children, child);
    }
    return 0;
}

int fl_sup_on_init(struct fl_self *self, void *state, const void *args)
{
    struct fl_sup *sup = state;
    FL_ASSERT(args != NULL);
    sup->opts = *(const struct fl_sup_opts *)args;
    int rc = fl_sup_opts_check(&sup->opts);
    if (rc != 0) return fl_err_set(sup->opts.err, rc, "%s", fl_code_name(rc));
    if (sup->opts.within_ns == 0) sup->opts.within_ns = WITHIN_DEFAULT;
    fl_sup_children_init(&sup->children);
    fl_list_init(&sup->later);
    fl_rng_init(&sup->rng, fl_self_node(self)->opts.seed ^ fl_self_pid(self).bits);
    fl_self_own(self, sup, sup_fini);
    fl_self_trap_exits(self, true);
    self->flags |= FL_PROC_PARENT_AS_MESSAGE;
    rc = add_all(self, sup);
    if (rc == 0) {
        rc = start_all(self, sup);
        if (rc != 0) unwind(self, sup);
    }
    sup->opts.children = NULL; /* the caller's, gone after this */
    sup->opts.extra_args = NULL;
    sup->opts.name = NULL;
    sup->opts.err = NULL;
    return rc;
}
