#include "runtime/core.h"
#include "runtime/refs.h"
#include "runtime/task_parts.h"

#define STREAM_TIMEOUT fl_s(5)

/* A task that runs. They are in a list in the order of their starts, which is the order of their
 * deadlines too. */
struct runner {
    struct fl_list of_stream;
    struct fl_task task;
    size_t index;
    fl_ns due_ns;
    struct runner *next_free;
};
/* A result that came before the one that is due. */
struct early {
    bool is_here;
    int code;
    struct fl_reason why;
    void *data;
    size_t len;
};
struct stream {
    struct fl_self *self;
    const struct fl_task_stream *set;
    struct fl_node *node;
    size_t at_once, started, told; /* told: results handed over, in order */
    bool has_all, is_halted;       /* no more inputs; no more results wanted */
    struct fl_list running;
    struct fl_refs refs; /* of a ref: its runner */
    struct runner *free, *hit;
    struct early *ring; /* results [told, told + ring_cap), by index */
    size_t ring_cap;
};

/* Whoever streams was ended in the middle: linked tasks end by themselves, the others here. */
static void stream_drop(void *ptr)
{
    struct stream *st = ptr;
    for (struct fl_list *at = st->running.next; at != &st->running; at = at->next) {
        struct runner *runner = FL_OWNER(at, struct runner, of_stream);
        fl_node_exit(st->node, runner->task.pid, fl_reason_of(FL_EXIT_KILL));
    }
}

static bool stream_is_answer(void *cx, const struct fl_msg *msg)
{
    struct stream *st = cx;
    uint64_t value;
    if (!fl_task_is_answer(msg) || !fl_refs_get(&st->refs, msg->ref, &value)) return false;
    st->hit = (struct runner *)(uintptr_t)value;
    return true;
}

static fl_ns stream_due(const struct stream *st)
{
    fl_ns timeout_ns = st->set->timeout_ns == 0 ? STREAM_TIMEOUT : st->set->timeout_ns;
    if (timeout_ns == FL_NEVER) return FL_NEVER;
    fl_ns now_ns = fl_self_now(st->self);
    return timeout_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + timeout_ns;
}

static int stream_start(struct stream *st)
{
    struct fl_str args = {0};
    if (!st->set->next(st->set->cx, &args)) {
        st->has_all = true;
        return 0;
    }
    struct fl_task_opts opts = {
        .sup = st->set->sup,
        .is_linked = st->set->sup.bits == 0,
        .shard = st->set->is_spread ? (int)(st->started % (size_t)st->node->shards_count) : -1,
    };
    struct fl_task task;
    int rc = fl_task_start(st->self, &opts, st->set->fn, args.at, args.len, &task);
    if (rc != 0) return rc;
    struct runner *runner = st->free;
    if (runner != NULL)
        st->free = runner->next_free;
    else
        runner = fl_self_alloc(st->self, sizeof *runner);
    runner->task = task;
    runner->index = st->started++;
    runner->due_ns = stream_due(st);
    fl_list_push(&st->running, &runner->of_stream);
    bool is_new = fl_refs_add(st->self, &st->refs, task.ref, (uintptr_t)runner);
    FL_ASSERT(is_new);
    return 0;
}

static void stream_tell(struct stream *st, const struct fl_task_result *result)
{
    st->told++;
    if (!st->is_halted && !st->set->on_result(st->set->cx, result)) st->is_halted = true;
}

static struct early *stream_slot(struct stream *st, size_t index)
{
    return &st->ring[index & (st->ring_cap - 1)];
}

static void stream_keep(struct stream *st, const struct fl_task_result *result)
{
    FL_ASSERT(result->index > st->told);
    if (result->index - st->told >= st->ring_cap) {
        struct early *old = st->ring;
        size_t old_cap = st->ring_cap;
        size_t cap = old_cap == 0 ? 16 : old_cap;
        while (result->index - st->told >= cap)
            cap *= 2;
        st->ring = fl_self_alloc(st->self, cap * sizeof *st->ring);
        st->ring_cap = cap;
        for (size_t i = 0; i < old_cap; i++)
            *stream_slot(st, st->told + i) = old[(st->told + i) & (old_cap - 1)];
        fl_self_free(st->self, old);
    }
    struct early *early = stream_slot(st, result->index);
    FL_ASSERT(!early->is_here);
    *early = (struct early){.is_here = true, .code = result->code, .len = result->len};
    if (result->why != NULL) early->why = *result->why;
    if (result->len == 0) return;
    early->data = fl_self_alloc(st->self, result->len);
    memcpy(early->data, result->data, result->len);
}

/* One more result: hands over what is due now, keeps what is early. */
static void stream_result(struct stream *st, const struct fl_task_result *result)
{
    if (!st->set->is_unordered && result->index != st->told) {
        stream_keep(st, result);
        return;
    }
    stream_tell(st, result);
    while (!st->set->is_unordered && st->ring_cap > 0 && stream_slot(st, st->told)->is_here) {
        struct early *early = stream_slot(st, st->told);
        struct fl_task_result kept = {
            .index = st->told,
            .code = early->code,
            .data = early->data,
            .len = early->len,
            .why = early->code == FL_EDIED ? &early->why : NULL,
        };
        early->is_here = false;
        void *data = early->data;
        stream_tell(st, &kept);
        fl_self_free(st->self, data);
    }
}

/* It runs no more, or is about to be ended. */
static void stream_release(struct stream *st, struct runner *runner)
{
    fl_list_remove(&runner->of_stream);
    runner->next_free = st->free;
    st->free = runner;
}

static void stream_on_answer(struct stream *st, const struct fl_msg *msg)
{
    struct runner *runner = st->hit;
    struct fl_task_result result = {.index = runner->index};
    bool was_there = fl_refs_drop(&st->refs, msg->ref);
    FL_ASSERT(was_there);
    fl_task_settle(st->self, &runner->task, msg, &result);
    stream_release(st, runner);
    stream_result(st, &result);
}

static void stream_end_all(struct stream *st)
{
    while (!fl_list_is_empty(&st->running)) {
        struct runner *runner = FL_OWNER(st->running.next, struct runner, of_stream);
        fl_refs_drop(&st->refs, runner->task.ref);
        fl_task_shutdown(st->self, &runner->task, 0, NULL, 0, NULL, NULL);
        stream_release(st, runner);
    }
}

static void stream_on_timeout(struct stream *st)
{
    struct runner *runner = FL_OWNER(st->running.next, struct runner, of_stream);
    FL_ASSERT(runner->due_ns != FL_NEVER);
    if (st->set->on_timeout == FL_TASK_TIMEOUT_EXIT) {
        stream_end_all(st);
        fl_self_exit_now(st->self,
                         fl_reason_with(FL_EXIT_ERROR, FL_ETIMEOUT, "a task of a stream"));
    }
    struct fl_task_result result = {.index = runner->index, .code = FL_ETIMEOUT};
    fl_refs_drop(&st->refs, runner->task.ref);
    fl_task_shutdown(st->self, &runner->task, 0, NULL, 0, NULL, NULL);
    stream_release(st, runner);
    stream_result(st, &result);
}

/* Until the first of those that run is late. */
static fl_ns stream_left(const struct stream *st)
{
    const struct runner *first = FL_OWNER(st->running.next, struct runner, of_stream);
    FL_ASSERT(!fl_list_is_empty(&st->running));
    if (first->due_ns == FL_NEVER) return FL_NEVER;
    return fl_ns_max(first->due_ns - fl_self_now(st->self), 0);
}

static int stream_run(struct stream *st)
{
    for (;;) {
        while (!st->has_all && !st->is_halted && st->refs.count < st->at_once) {
            int rc = stream_start(st);
            if (rc != 0) return rc;
        }
        if (st->is_halted || fl_list_is_empty(&st->running)) return 0;
        struct fl_msg msg;
        int rc = fl_receive(st->self, stream_is_answer, st, 0, &msg);
        if (rc != 0) rc = fl_receive(st->self, stream_is_answer, st, stream_left(st), &msg);
        if (rc == 0)
            stream_on_answer(st, &msg);
        else if (stream_left(st) == 0)
            stream_on_timeout(st);
    }
}

static void stream_fini(struct stream *st)
{
    struct fl_self *self = st->self;
    fl_refs_fini(self, &st->refs);
    for (size_t i = 0; i < st->ring_cap; i++)
        if (st->ring[i].is_here) fl_self_free(self, st->ring[i].data);
    fl_self_free(self, st->ring);
    while (st->free != NULL) {
        struct runner *runner = st->free;
        st->free = runner->next_free;
        fl_self_free(self, runner);
    }
    fl_self_disown(self, st);
    fl_self_free(self, st);
}

int fl_task_stream(struct fl_self *self, const struct fl_task_stream *stream)
{
    FL_ASSERT(stream->fn != NULL && stream->next != NULL && stream->on_result != NULL);
    struct stream *st = fl_self_alloc(self, sizeof *st);
    st->self = self;
    st->set = stream;
    st->node = fl_self_node(self);
    size_t shards = (size_t)st->node->shards_count;
    st->at_once = stream->max_concurrency != 0 ? stream->max_concurrency : shards > 2 ? shards : 2;
    fl_list_init(&st->running);
    fl_self_own(self, st, stream_drop);
    int rc = stream_run(st);
    stream_end_all(st);
    stream_fini(st);
    return rc;
}
