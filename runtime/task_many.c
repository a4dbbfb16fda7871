#include "runtime/refs.h"
#include "runtime/task_parts.h"

/* Waiting for many tasks: each answer finds its task by a table, whatever order they come in. */
struct many {
    struct fl_refs refs; /* of a ref: the index of its task */
    uint64_t hit;
};

static bool many_is_one(void *cx, const struct fl_msg *msg)
{
    struct many *many = cx;
    return fl_task_is_answer(msg) && fl_refs_get(&many->refs, msg->ref, &many->hit);
}

static fl_ns many_deadline(struct fl_self *self, fl_ns timeout_ns)
{
    fl_ns now_ns = fl_self_now(self);
    return timeout_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + timeout_ns;
}

/* Receives the answer of one of them, and settles it. 0 or FL_ETIMEOUT. */
static int many_next(struct fl_self *self, struct many *many, struct fl_task *tasks,
                     fl_ns deadline_ns, struct fl_task_result *result)
{
    struct fl_msg msg;
    fl_ns left = deadline_ns == FL_NEVER ? FL_NEVER : fl_ns_max(deadline_ns - fl_self_now(self), 0);
    int rc = fl_receive(self, many_is_one, many, left, &msg);
    if (rc != 0) return rc;
    bool was_there = fl_refs_drop(&many->refs, msg.ref);
    FL_ASSERT(was_there);
    result->index = many->hit;
    fl_task_settle(self, &tasks[many->hit], &msg, result);
    return 0;
}

size_t fl_task_yield_many(struct fl_self *self, struct fl_task *tasks, size_t count, size_t limit,
                          fl_ns timeout_ns, fl_task_result_fn fn, void *cx)
{
    struct many many = {0};
    size_t told = 0;
    for (size_t i = 0; i < count; i++)
        if (fl_task_is_mine(self, &tasks[i])) fl_refs_add(self, &many.refs, tasks[i].ref, i);
    if (limit == 0 || limit > many.refs.count) limit = many.refs.count;

    fl_ns deadline_ns = many_deadline(self, timeout_ns);
    while (told < limit) {
        struct fl_task_result result = {0};
        if (many_next(self, &many, tasks, deadline_ns, &result) != 0) break;
        told++;
        if (fn != NULL && !fn(cx, &result)) break;
    }
    fl_refs_fini(self, &many.refs);
    return told;
}

int fl_task_await_many(struct fl_self *self, struct fl_task *tasks, size_t count, fl_ns timeout_ns,
                       fl_task_result_fn fn, void *cx)
{
    struct many many = {0};
    for (size_t i = 0; i < count; i++)
        if (!fl_task_is_mine(self, &tasks[i])) return FL_ESTATE;
    for (size_t i = 0; i < count; i++)
        fl_refs_add(self, &many.refs, tasks[i].ref, i);

    fl_ns deadline_ns = many_deadline(self, timeout_ns);
    bool is_heard = true;
    while (many.refs.count > 0) {
        struct fl_task_result result = {0};
        int rc = many_next(self, &many, tasks, deadline_ns, &result);
        if (rc != 0) result.code = rc;
        if (result.code != 0) fl_task_exit_like(self, &result);
        if (is_heard && fn != NULL) is_heard = fn(cx, &result);
    }
    fl_refs_fini(self, &many.refs);
    return 0;
}
