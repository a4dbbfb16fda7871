#include "runtime/core.h"
#include "runtime/task_parts.h"

#define TASK_KEY "fl.task"     /* in the process dictionary of a task */
#define TASK_INLINE 256        /* args and results up to here need no memory of their own */
#define TASK_GO_WITHIN fl_s(5) /* an owner that died in between never says go */
#define TASK_RETRY_NS (FL_NS_PER_MS / 4) /* the owner's mailbox is full */

/* What fl_task_return left, on the stack of the task. */
struct task_run {
    const void *data;
    size_t len;
    unsigned char bytes[TASK_INLINE];
};

static bool task_is_go(void *cx, const struct fl_msg *msg)
{
    const struct fl_task_head *head = cx;
    return msg->kind == FL_MSG_CAST && msg->tag == FL_TASK_GO && fl_pid_eq(msg->from, head->owner);
}

/* A result must not get lost in a full mailbox: the task stays until there is room. */
static void task_answer(struct fl_self *self, struct fl_pid alias, const struct task_run *run)
{
    FL_ASSERT(alias.bits != 0);
    while (fl_send(self, alias, FL_TASK_DONE, run->data, run->len) == FL_EFULL)
        fl_pause(self, TASK_RETRY_NS);
}

void fl_task_body(struct fl_self *self, const void *args, size_t len)
{
    FL_ASSERT(len >= sizeof(struct fl_task_head));
    struct fl_task_head head;
    struct task_run run;
    struct fl_pid alias = FL_NO_PID;
    memcpy(&head, args, sizeof head);
    run.data = NULL;
    run.len = 0;
    if (head.owner.bits != 0) {
        struct fl_msg go;
        if (fl_receive(self, task_is_go, &head, TASK_GO_WITHIN, &go) != 0) return;
        memcpy(&alias, go.data, sizeof alias);
        fl_self_put(self, TASK_KEY, &run);
    }
    head.fn(self, (const char *)args + sizeof head, len - sizeof head);
    if (alias.bits == 0 || (self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED))) return;
    /* So that an owner that traps exits is not told of a task that went well. */
    if (head.is_linked) fl_unlink(self, head.owner);
    task_answer(self, alias, &run);
}

void fl_task_return(struct fl_self *self, const void *data, size_t len)
{
    struct task_run *run = fl_self_get(self, TASK_KEY);
    if (run == NULL) return; /* of a task whose result nobody wants */
    FL_ASSERT(data != NULL || len == 0);
    void *to = len <= sizeof run->bytes ? run->bytes : fl_self_alloc(self, len);
    if (len > 0) memmove(to, data, len);
    run->data = to;
    run->len = len;
}

static int task_spawn(struct fl_self *self, const struct fl_task_opts *opts,
                      const struct fl_task_head *head, const void *args, size_t len,
                      struct fl_pid *pid)
{
    _Alignas(16) unsigned char small[TASK_INLINE];
    size_t all = sizeof *head + len;
    unsigned char *block = all <= sizeof small ? small : fl_alloc(all);
    memcpy(block, head, sizeof *head);
    if (len > 0) memcpy(block + sizeof *head, args, len);
    struct fl_spawn_opts spawn = {
        .shard = opts->shard,
        .memory_max = opts->memory_max,
        .priority = opts->priority,
    };
    int rc = opts->is_linked ? fl_spawn_run_link(self, fl_task_body, block, all, &spawn, pid)
                             : fl_spawn_run(self, fl_task_body, block, all, &spawn, pid);
    if (block != small) free(block);
    return rc;
}

int fl_task_start(struct fl_self *self, const struct fl_task_opts *opts, fl_task_fn fn,
                  const void *args, size_t len, struct fl_task *out)
{
    FL_ASSERT(fn != NULL);
    struct fl_task task = {.owner = fl_self_pid(self), .is_linked = opts->is_linked};
    struct fl_task_head head = {.fn = fn, .owner = task.owner, .is_linked = opts->is_linked};
    int rc = opts->sup.bits == 0 ? task_spawn(self, opts, &head, args, len, &task.pid)
                                 : fl_task_sup_order(self, opts, &head, args, len, &task.pid);
    if (rc != 0) return rc;
    if (opts->sup.bits != 0 && opts->is_linked) fl_link(self, task.pid);

    struct fl_pid alias = FL_NO_PID;
    task.ref = fl_monitor_alias(self, task.pid, FL_ALIAS_REPLY_DEMONITOR, &alias);
    fl_send(self, task.pid, FL_TASK_GO, &alias, sizeof alias);
    *out = task;
    return 0;
}

int fl_task_async(struct fl_self *self, fl_task_fn fn, const void *args, size_t len,
                  struct fl_task *out)
{
    const struct fl_task_opts opts = {.is_linked = true, .shard = -1};
    return fl_task_start(self, &opts, fn, args, len, out);
}

int fl_task_async_nolink(struct fl_self *self, struct fl_pid sup, fl_task_fn fn, const void *args,
                         size_t len, struct fl_task *out)
{
    const struct fl_task_opts opts = {.sup = sup, .shard = -1};
    return fl_task_start(self, &opts, fn, args, len, out);
}

bool fl_task_is_mine(struct fl_self *self, const struct fl_task *task)
{
    return task->ref != 0 && fl_pid_eq(task->owner, fl_self_pid(self));
}

bool fl_task_is_answer(const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN || (msg->kind == FL_MSG_CAST && msg->tag == FL_TASK_DONE);
}

static bool task_is_this(void *cx, const struct fl_msg *msg)
{
    return msg->ref == *(const uint64_t *)cx && fl_task_is_answer(msg);
}

void fl_task_settle(struct fl_self *self, struct fl_task *task, const struct fl_msg *msg,
                    struct fl_task_result *result)
{
    FL_ASSERT(task->ref == msg->ref);
    bool is_down = msg->kind == FL_MSG_DOWN;
    result->code = is_down ? FL_EDIED : 0;
    result->why = is_down ? msg->reason : NULL;
    result->data = is_down ? NULL : msg->data;
    result->len = is_down ? 0 : msg->len;
    task->ref = 0;
    if (is_down && task->is_linked) fl_unlink_flush(self, task->pid);
}

static int task_wait(struct fl_self *self, struct fl_task *task, fl_ns timeout_ns,
                     struct fl_task_result *result)
{
    struct fl_msg msg;
    if (fl_receive(self, task_is_this, &task->ref, timeout_ns, &msg) != 0) return FL_ETIMEOUT;
    fl_task_settle(self, task, &msg, result);
    return result->code;
}

/* Its answer will not come, and is not there. */
static void task_forget(struct fl_self *self, struct fl_task *task)
{
    struct fl_msg msg;
    FL_ASSERT(task->ref != 0);
    if (!fl_demonitor_keep(self, task->ref)) fl_receive(self, task_is_this, &task->ref, 0, &msg);
    task->ref = 0;
}

static void task_copy(const struct fl_task_result *result, void *reply, size_t reply_max,
                      size_t *reply_len)
{
    size_t len = result->len < reply_max ? result->len : reply_max;
    if (reply == NULL) len = 0;
    if (len > 0) memcpy(reply, result->data, len);
    if (reply_len != NULL) *reply_len = len;
}

void fl_task_exit_like(struct fl_self *self, const struct fl_task_result *result)
{
    FL_ASSERT(result->code != 0);
    if (result->code == FL_ETIMEOUT)
        fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_ETIMEOUT, "waited for a task"));
    /* Ending without a result is no good end for who waits for one. */
    if (result->why->kind == FL_EXIT_NORMAL)
        fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_EDIED, "a task without a result"));
    fl_self_exit_now(self, *result->why);
}

int fl_task_yield(struct fl_self *self, struct fl_task *task, void *reply, size_t reply_max,
                  size_t *reply_len, fl_ns timeout_ns, struct fl_reason *why)
{
    struct fl_task_result result = {0};
    if (!fl_task_is_mine(self, task)) return FL_ESTATE;
    int rc = task_wait(self, task, timeout_ns, &result);
    task_copy(&result, reply, reply_max, reply_len);
    if (rc == FL_EDIED && why != NULL) *why = *result.why;
    return rc;
}

int fl_task_try_await(struct fl_self *self, struct fl_task *task, void *reply, size_t reply_max,
                      size_t *reply_len, fl_ns timeout_ns, struct fl_reason *why)
{
    int rc = fl_task_yield(self, task, reply, reply_max, reply_len, timeout_ns, why);
    if (rc == FL_ETIMEOUT) task_forget(self, task);
    return rc;
}

int fl_task_await(struct fl_self *self, struct fl_task *task, void *reply, size_t reply_max,
                  size_t *reply_len, fl_ns timeout_ns)
{
    struct fl_reason why;
    int rc = fl_task_try_await(self, task, reply, reply_max, reply_len, timeout_ns, &why);
    if (rc == 0 || rc == FL_ESTATE) return rc;
    fl_task_exit_like(self, &(struct fl_task_result){.code = rc, .why = &why});
}

int fl_task_ignore(struct fl_self *self, struct fl_task *task)
{
    if (!fl_task_is_mine(self, task)) return FL_ESTATE;
    if (task->is_linked) fl_unlink_flush(self, task->pid);
    task_forget(self, task);
    return 0;
}

static bool task_is_down(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN && msg->ref == *(const uint64_t *)cx;
}

/* Tells it to end and waits for that. The monitor of the task itself does not do: a result that is
 * here already has ended it. */
static struct fl_reason task_end(struct fl_self *self, struct fl_pid pid, fl_ns timeout_ns)
{
    struct fl_msg msg;
    uint64_t gone = fl_monitor(self, pid);
    if (timeout_ns > 0) {
        fl_exit(self, pid, fl_reason_of(FL_EXIT_SHUTDOWN));
        if (fl_receive(self, task_is_down, &gone, timeout_ns, &msg) == 0) return *msg.reason;
    }
    fl_exit(self, pid, fl_reason_of(FL_EXIT_KILL));
    int rc = fl_receive(self, task_is_down, &gone, FL_NEVER, &msg);
    FL_ASSERT(rc == 0);
    return *msg.reason;
}

int fl_task_shutdown(struct fl_self *self, struct fl_task *task, fl_ns timeout_ns, void *reply,
                     size_t reply_max, size_t *reply_len, struct fl_reason *why)
{
    if (!fl_task_is_mine(self, task)) return FL_ESTATE;
    if (reply_len != NULL) *reply_len = 0;
    if (task->is_linked) fl_unlink_flush(self, task->pid);
    struct fl_reason reason = task_end(self, task->pid, timeout_ns);

    /* Its own DOWN came before the one that was waited for, or its result before both. */
    struct fl_task_result result = {0};
    int rc = task_wait(self, task, 0, &result);
    task_copy(&result, reply, reply_max, reply_len);
    if (rc == FL_ETIMEOUT) task_forget(self, task);
    if (rc == 0) return 0;
    if (rc == FL_EDIED) reason = *result.why;
    enum fl_exit_kind told = timeout_ns > 0 ? FL_EXIT_SHUTDOWN : FL_EXIT_KILLED;
    if (reason.kind == told && reason.detail[0] == '\0') return FL_ENOTFOUND;
    if (why != NULL) *why = reason;
    return FL_EDIED;
}
