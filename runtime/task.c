#include "runtime/core.h"
#include "runtime/task_parts.h"

#define TASK_INLINE 256        /* args and results up to here need no memory of their own */
#define TASK_GO_WITHIN fl_s(5) /* an owner that died in between never says go */
#define TASK_ARGS_AT 16        /* where the args of a body are in its state */

/* What fl_task_return left, on the stack of the task. */
struct fl_task_run {
    const void *data;
    size_t len;
    unsigned char bytes[TASK_INLINE];
};

static struct fl_task_head *task_head(struct fl_self *self)
{
    struct fl_task_head *head = (void *)((char *)fl_self_state(self) + TASK_ARGS_AT);
    bool is_task = (self->flags & FL_PROC_IS_BODY) &&
                   self->state_bytes >= TASK_ARGS_AT + sizeof *head && head->magic == FL_TASK_MAGIC;
    return is_task ? head : NULL;
}

static bool task_is_go(void *cx, const struct fl_msg *msg)
{
    const struct fl_task_head *head = cx;
    return msg->kind == FL_MSG_CAST && msg->tag == FL_TASK_GO && fl_pid_eq(msg->from, head->owner);
}

/* A neighbour's mailbox takes the result even when it is full: as with the answer of a call, one
 * that is waited for must not get lost. */
static void task_answer(struct fl_self *self, struct fl_pid alias, const struct fl_task_run *run)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(alias.bits != 0);
    if (!fl_shard_has(shard, alias)) {
        fl_send(self, alias, FL_TASK_DONE, run->data, run->len);
        return;
    }
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_CAST, alias, self->pid);
    sig->tag = FL_TASK_DONE;
    fl_sig_set_data(sig, run->data, run->len);
    struct fl_self *owner = fl_alias_resolve(shard, sig);
    if (owner != NULL)
        fl_box_push(owner, sig);
    else
        fl_sig_free(shard, sig);
}

void fl_task_body(struct fl_self *self, const void *args, size_t len)
{
    struct fl_task_head *head = task_head(self);
    struct fl_task_run run;
    struct fl_msg go;
    FL_ASSERT(head != NULL && (const void *)head == args);
    run.data = NULL;
    run.len = 0;
    head->run = &run;
    if (head->owner.bits != 0 && head->alias.bits == 0) {
        if (fl_receive(self, task_is_go, head, TASK_GO_WITHIN, &go) != 0) return;
        memcpy(&head->alias, go.data, sizeof head->alias);
    }
    head->fn(self, head + 1, len - sizeof *head);
    if (head->alias.bits == 0 || (self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED))) return;
    /* So that an owner that traps exits is not told of a task that went well. */
    if (head->is_linked) fl_unlink(self, head->owner);
    task_answer(self, head->alias, &run);
}

void fl_task_return(struct fl_self *self, const void *data, size_t len)
{
    struct fl_task_head *head = task_head(self);
    FL_ASSERT(head != NULL && head->run != NULL); /* only a task returns */
    struct fl_task_run *run = head->run;
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
    unsigned char *block = all <= sizeof small ? small : fl_self_alloc(self, all);
    memcpy(block, head, sizeof *head);
    if (len > 0) memcpy(block + sizeof *head, args, len);
    struct fl_spawn_opts spawn = {
        .shard = opts->shard,
        .memory_max = opts->memory_max,
        .priority = opts->priority,
    };
    int rc = opts->is_linked ? fl_spawn_run_link(self, fl_task_body, block, all, &spawn, pid)
                             : fl_spawn_run(self, fl_task_body, block, all, &spawn, pid);
    if (block != small) fl_self_free(self, block);
    return rc;
}

/* Tells it where the result goes. A neighbour that I started has not begun yet: no message needed.
 * From another shard a result can get lost in my full mailbox; there the monitor outlives it, so
 * that I do not wait for ever. */
static void task_go(struct fl_self *self, struct fl_task *task, bool has_begun)
{
    struct fl_shard *shard = self->shard;
    bool is_near = fl_shard_has(shard, task->pid);
    struct fl_pid alias = FL_NO_PID;
    task->ref = fl_monitor_alias(self, task->pid,
                                 is_near ? FL_ALIAS_REPLY_DEMONITOR : FL_ALIAS_DEMONITOR, &alias);
    struct fl_self *child = is_near && !has_begun ? fl_proc_find(shard, task->pid) : NULL;
    if (child == NULL) {
        fl_send(self, task->pid, FL_TASK_GO, &alias, sizeof alias);
        return;
    }
    struct fl_task_head *head = task_head(child);
    FL_ASSERT(head != NULL && head->run == NULL);
    head->alias = alias;
}

int fl_task_start(struct fl_self *self, const struct fl_task_opts *opts, fl_task_fn fn,
                  const void *args, size_t len, struct fl_task *out)
{
    FL_ASSERT(fn != NULL);
    struct fl_task task = {.owner = fl_self_pid(self), .is_linked = opts->is_linked};
    const struct fl_task_head head = {
        .fn = fn, .owner = task.owner, .magic = FL_TASK_MAGIC, .is_linked = opts->is_linked};
    bool has_sup = opts->sup.bits != 0;
    int rc = has_sup ? fl_task_sup_order(self, opts, &head, args, len, &task.pid)
                     : task_spawn(self, opts, &head, args, len, &task.pid);
    if (rc != 0) return rc;
    if (has_sup && opts->is_linked) fl_link(self, task.pid);
    task_go(self, &task, has_sup);
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
    if (!is_down && !fl_shard_has(self->shard, task->pid)) fl_demonitor(self, msg->ref);
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
