#include "runtime/inspect_core.h"

#if __has_include("runtime/sup_core.h")
#include "runtime/sup_core.h"

static const char *const strategy_words[] = {
    [FL_ONE_FOR_ONE] = "one_for_one",
    [FL_ONE_FOR_ALL] = "one_for_all",
    [FL_REST_FOR_ONE] = "rest_for_one",
    [FL_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one",
};

struct fl_sup_view fl_sup_look(struct fl_self *self)
{
    const struct fl_sup *sup = fl_self_state(self);
    const struct fl_sup_restarts *ring = &sup->restarts;
    fl_ns since_ns = fl_self_now(self) - sup->opts.within_ns;
    struct fl_sup_view view = {
        .strategy = strategy_words[sup->opts.strategy],
        .restarts_max = sup->opts.max_restarts,
        .within_ns = sup->opts.within_ns,
        .children = fl_sup_counts(sup).active,
    };
    FL_ASSERT(view.strategy != NULL);
    if (sup->dynamic == NULL) view.children = fl_sup_counts(sup).specs;
    for (uint32_t i = 0; i < ring->count; i++)
        if (ring->at_ns[(ring->head + i) & (ring->cap - 1)] >= since_ns) view.restarts++;
    return view;
}

struct look {
    void (*fn)(void *cx, const struct fl_sup_view_child *child);
    void *cx;
};

static void look_at_one(void *cx, const struct fl_child_info *info)
{
    const struct look *look = cx;
    FL_ASSERT(look->fn != NULL);
    look->fn(look->cx, &(struct fl_sup_view_child){
                           .id = info->id,
                           .server = info->kind,
                           .state = info->state == FL_CHILD_RUNNING      ? "running"
                                    : info->state == FL_CHILD_RESTARTING ? "restarting"
                                                                         : "undefined",
                           .pid = info->pid,
                       });
}

void fl_sup_look_at_children(struct fl_self *self,
                             void (*fn)(void *cx, const struct fl_sup_view_child *child), void *cx)
{
    struct look look = {.fn = fn, .cx = cx};
    FL_ASSERT(self->flags & FL_PROC_IS_SUP);
    fl_sup_each(fl_self_state(self), look_at_one, &look);
}

#else /* a supervisor without insides: its children are those of its links that it has started */

struct fl_sup_view fl_sup_look(struct fl_self *self)
{
    FL_ASSERT(self->flags & FL_PROC_IS_SUP);
    return (struct fl_sup_view){.strategy = "one_for_one", .restarts_max = -1};
}

void fl_sup_look_at_children(struct fl_self *self,
                             void (*fn)(void *cx, const struct fl_sup_view_child *child), void *cx)
{
    const struct fl_list *list = &self->links;
    FL_ASSERT(self->flags & FL_PROC_IS_SUP);
    for (const struct fl_list *at = list->next; at != NULL && at != list; at = at->next) {
        struct fl_pid peer = FL_OWNER(at, struct fl_link, of_owner)->peer;
        const struct fl_self *child = fl_proc_find(self->shard, peer);
        if (child == NULL || !fl_pid_eq(child->parent, self->pid)) continue;
        fn(cx, &(struct fl_sup_view_child){.id = fl_name_of(child),
                                           .server = child->server->name,
                                           .state = "running",
                                           .pid = peer});
    }
}
#endif
