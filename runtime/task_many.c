#include "runtime/refs.h"
#include "runtime/task_parts.h"

/* Waiting for many tasks. Mostly they end in the order of their starts, so the first that is not
 * done is the first guess; once that was wrong, a table tells which task an answer belongs to. */
struct many {
    struct fl_self *self;
    struct fl_task *tasks;
    size_t count, first; /* before it all are answered for */
    size_t hit;
    bool has_table;
    struct fl_refs refs; /* of a ref: the index of its task */
    fl_ns deadline_ns;
};

static void many_begin(struct many *many, struct fl_self *self, struct fl_task *tasks, size_t count,
                       fl_ns timeout_ns)
{
    fl_ns now_ns = fl_self_now(self);
    FL_ASSERT(tasks != NULL || count == 0);
    *many = (struct many){
        .self = self,
        .tasks = tasks,
        .count = count,
        .deadline_ns = timeout_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + timeout_ns,
    };
}

static void many_index(struct many *many)
{
    FL_ASSERT(!many->has_table);
    many->has_table = true;
    for (size_t i = many->first; i < many->count; i++)
        if (fl_task_is_mine(many->self, &many->tasks[i]))
            fl_refs_add(many->self, &many->refs, many->tasks[i].ref, i);
}

static bool many_is_one(void *cx, const struct fl_msg *msg)
{
    struct many *many = cx;
    if (!fl_task_is_answer(msg)) return false;
    while (many->first < many->count && !fl_task_is_mine(many->self, &many->tasks[many->first]))
        many->first++;
    if (many->first == many->count) return false;
    many->hit = many->first;
    if (many->tasks[many->first].ref == msg->ref) return true;
    if (!many->has_table) many_index(many);
    uint64_t index = 0;
    bool is_one = fl_refs_get(&many->refs, msg->ref, &index);
    many->hit = (size_t)index;
    return is_one;
}

/* Receives the answer of one of them, and settles it. 0 or FL_ETIMEOUT. */
static int many_next(struct many *many, struct fl_task_result *result)
{
    struct fl_msg msg;
    int rc = fl_receive(many->self, many_is_one, many, 0, &msg);
    if (rc != 0) {
        fl_ns left = many->deadline_ns;
        if (left != FL_NEVER) left = fl_ns_max(left - fl_self_now(many->self), 0);
        rc = fl_receive(many->self, many_is_one, many, left, &msg);
    }
    if (rc != 0) return rc;
    FL_ASSERT(many->tasks[many->hit].ref == msg.ref);
    result->index = many->hit;
    fl_task_settle(many->self, &many->tasks[many->hit], &msg, result);
    return 0;
}

size_t fl_task_yield_many(struct fl_self *self, struct fl_task *tasks, size_t count, size_t limit,
                          fl_ns timeout_ns, fl_task_result_fn fn, void *cx)
{
    struct many many;
    size_t told = 0, all = 0;
    many_begin(&many, self, tasks, count, timeout_ns);
    for (size_t i = 0; i < count; i++)
        all += fl_task_is_mine(self, &tasks[i]);
    if (limit == 0 || limit > all) limit = all;
    while (told < limit) {
        struct fl_task_result result = {0};
        if (many_next(&many, &result) != 0) break;
        told++;
        if (fn != NULL && !fn(cx, &result)) break;
    }
    fl_refs_fini(self, &many.refs);
    return told;
}

int fl_task_await_many(struct fl_self *self, struct fl_task *tasks, size_t count, fl_ns timeout_ns,
                       fl_task_result_fn fn, void *cx)
{
    struct many many;
    many_begin(&many, self, tasks, count, timeout_ns);
    for (size_t i = 0; i < count; i++)
        if (!fl_task_is_mine(self, &tasks[i])) return FL_ESTATE;
    bool is_heard = true;
    for (size_t told = 0; told < count; told++) {
        struct fl_task_result result = {0};
        int rc = many_next(&many, &result);
        if (rc != 0) result.code = rc;
        if (result.code != 0) fl_task_exit_like(self, &result);
        if (is_heard && fn != NULL) is_heard = fn(cx, &result);
    }
    fl_refs_fini(self, &many.refs);
    return 0;
}
