#include "runtime/inspect_core.h"
#include "runtime/sup_core.h"

static const char *const strategy_words[] = {
    [FL_ONE_FOR_ONE] = "one_for_one",   [FL_ONE_FOR_ALL] = "one_for_all",
    [FL_REST_FOR_ONE] = "rest_for_one", [FL_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one",
    [FL_DYNAMIC] = "dynamic",
};

struct fl_sup_view fl_sup_look(struct fl_self *self)
{
    const struct fl_sup *sup = fl_self_state(self);
    const struct fl_sup_restarts *ring = &sup->restarts;
    fl_ns since_ns = fl_self_now(self) - sup->opts.within_ns;
    struct fl_sup_counts counts = fl_sup_counts(sup);
    struct fl_sup_view view = {
        .strategy = strategy_words[sup->opts.strategy],
        .restarts_max = sup->opts.max_restarts,
        .within_ns = sup->opts.within_ns,
        .children = sup->dynamic != NULL ? counts.workers + counts.supervisors : counts.specs,
    };
    FL_ASSERT(view.strategy != NULL);
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

void fl_sup_look_at_children(struct fl_self *self, size_t most,
                             void (*fn)(void *cx, const struct fl_sup_view_child *child), void *cx)
{
    struct look look = {.fn = fn, .cx = cx};
    FL_ASSERT(self->flags & FL_PROC_IS_SUP);
    fl_sup_each(fl_self_state(self), most, look_at_one, &look);
}
