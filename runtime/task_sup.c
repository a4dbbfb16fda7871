#include "runtime/task_sup.h"

#include "runtime/core.h"
#include "runtime/task_parts.h"

#define TASK_SUP_SHUTDOWN fl_s(5)
#define TASK_SUP_CALL_NS FL_NEVER /* as Elixir: starting a task waits for its supervisor */

struct task_child {
    struct fl_map_node by_pid;
    struct fl_list of_sup;
    struct fl_pid pid;
};
struct task_sup {
    struct fl_task_sup_opts opts;
    struct fl_map by_pid;
    struct fl_list children;
    size_t count;
};

static void task_sup_drop(void *ptr)
{
    struct task_sup *sup = ptr;
    fl_map_fini(&sup->by_pid);
}

static int task_sup_on_init(struct fl_self *self, void *state, const void *args)
{
    struct task_sup *sup = state;
    if (args != NULL) sup->opts = *(const struct fl_task_sup_opts *)args;
    if (sup->opts.shutdown_ns == 0) sup->opts.shutdown_ns = TASK_SUP_SHUTDOWN;
    fl_list_init(&sup->children);
    fl_self_own(self, sup, task_sup_drop);
    fl_self_trap_exits(self, true);
    return 0;
}

static struct task_child *task_sup_find(const struct task_sup *sup, struct fl_pid pid)
{
    struct fl_map_node *node = fl_map_find(&sup->by_pid, pid.bits);
    return node == NULL ? NULL : FL_OWNER(node, struct task_child, by_pid);
}

static void task_sup_forget(struct fl_self *self, struct task_sup *sup, struct task_child *child)
{
    FL_ASSERT(sup->count > 0);
    sup->count--;
    fl_map_remove(&sup->by_pid, &child->by_pid);
    fl_list_remove(&child->of_sup);
    fl_self_free(self, child);
}

static void task_sup_start(struct fl_self *self, struct task_sup *sup, const struct fl_msg *msg)
{
    struct fl_task_order order;
    FL_ASSERT(msg->len >= sizeof order + sizeof(struct fl_task_head));
    memcpy(&order, msg->data, sizeof order);
    if (sup->opts.max_children != 0 && sup->count >= sup->opts.max_children) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EFULL);
        return;
    }
    struct fl_spawn_opts spawn = {
        .shard = order.opts.shard,
        .memory_max = order.opts.memory_max,
        .priority = order.opts.priority,
    };
    struct fl_pid pid = FL_NO_PID;
    const char *head = (const char *)msg->data + sizeof order;
    int rc = fl_spawn_run_link(self, fl_task_body, head, msg->len - sizeof order, &spawn, &pid);
    if (rc != 0) {
        fl_self_reply_error(self, msg->from, msg->ref, rc);
        return;
    }
    struct task_child *child = fl_self_alloc(self, sizeof *child);
    child->pid = pid;
    fl_map_add(&sup->by_pid, &child->by_pid, pid.bits);
    fl_list_push(&sup->children, &child->of_sup);
    sup->count++;
    fl_self_reply(self, msg->from, msg->ref, &pid, sizeof pid);
}

static void task_sup_list(struct fl_self *self, struct task_sup *sup, const struct fl_msg *msg)
{
    size_t at = 0;
    struct fl_pid *pids = fl_self_alloc(self, (sup->count + 1) * sizeof *pids);
    for (struct fl_list *node = sup->children.next; node != &sup->children; node = node->next)
        pids[at++] = FL_OWNER(node, struct task_child, of_sup)->pid;
    FL_ASSERT(at == sup->count);
    fl_self_reply(self, msg->from, msg->ref, pids, at * sizeof *pids);
    fl_self_free(self, pids);
}

static bool task_sup_is_end(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN && task_sup_find(cx, msg->from) != NULL;
}

/* Waits until all that were told to end have ended, at most until the deadline. */
static void task_sup_await(struct fl_self *self, struct task_sup *sup, fl_ns deadline_ns)
{
    while (sup->count > 0) {
        fl_ns left = deadline_ns == FL_NEVER ? FL_NEVER
                                             : fl_ns_max(deadline_ns - fl_self_now(self), 0);
        struct fl_msg msg;
        if (fl_receive(self, task_sup_is_end, sup, left, &msg) != 0) return;
        task_sup_forget(self, sup, task_sup_find(sup, msg.from));
    }
}

static void task_sup_tell_all(struct fl_self *self, struct task_sup *sup, enum fl_exit_kind kind)
{
    FL_ASSERT(kind == FL_EXIT_SHUTDOWN || kind == FL_EXIT_KILL);
    for (struct fl_list *node = sup->children.next; node != &sup->children; node = node->next)
        fl_exit(self, FL_OWNER(node, struct task_child, of_sup)->pid, fl_reason_of(kind));
}

/* All at once, with one wait for all, as OTP's dynamic kind. By monitors: a task that unlinked
 * itself cannot make us wait for ever. */
static void task_sup_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct task_sup *sup = state;
    for (struct fl_list *node = sup->children.next; node != &sup->children; node = node->next)
        fl_monitor(self, FL_OWNER(node, struct task_child, of_sup)->pid);
    fl_ns now_ns = fl_self_now(self);
    fl_ns wait_ns = sup->opts.shutdown_ns;
    task_sup_tell_all(self, sup, FL_EXIT_SHUTDOWN);
    task_sup_await(self, sup, wait_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + wait_ns);
    task_sup_tell_all(self, sup, FL_EXIT_KILL);
    task_sup_await(self, sup, FL_NEVER);
    FL_ASSERT(sup->count == 0);
}

static bool task_sup_is_down(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN && msg->ref == *(const uint64_t *)cx;
}

static void task_sup_stop(struct fl_self *self, struct task_sup *sup, const struct fl_msg *call)
{
    struct fl_pid pid, caller = call->from;
    uint64_t ref = call->ref;
    FL_ASSERT(call->len == sizeof pid);
    memcpy(&pid, call->data, sizeof pid);
    struct task_child *child = task_sup_find(sup, pid);
    if (child == NULL) {
        fl_self_reply_error(self, caller, ref, FL_ENOTFOUND);
        return;
    }
    struct fl_msg msg;
    uint64_t gone = fl_monitor(self, pid);
    fl_unlink_flush(self, pid);
    fl_exit(self, pid, fl_reason_of(FL_EXIT_SHUTDOWN));
    if (fl_receive(self, task_sup_is_down, &gone, sup->opts.shutdown_ns, &msg) != 0) {
        fl_exit(self, pid, fl_reason_of(FL_EXIT_KILL));
        fl_receive(self, task_sup_is_down, &gone, FL_NEVER, &msg);
    }
    task_sup_forget(self, sup, child);
    fl_self_reply(self, caller, ref, NULL, 0);
}

static void task_sup_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct task_sup *sup = state;
    if (msg->tag == FL_TASK_SUP_START)
        task_sup_start(self, sup, msg);
    else if (msg->tag == FL_TASK_SUP_COUNT)
        fl_self_reply(self, msg->from, msg->ref, &(uint64_t){sup->count}, sizeof(uint64_t));
    else if (msg->tag == FL_TASK_SUP_CHILDREN)
        task_sup_list(self, sup, msg);
    else if (msg->tag == FL_TASK_SUP_STOP)
        task_sup_stop(self, sup, msg);
    else
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
}

static void task_sup_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    FL_ASSERT(msg->kind == FL_MSG_CAST); /* nobody's: dropped, as OTP's supervisors do */
}

static void task_sup_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                             const struct fl_reason *reason)
{
    struct task_sup *sup = state;
    struct task_child *child = task_sup_find(sup, who);
    if (child != NULL) task_sup_forget(self, sup, child);
}

const struct fl_server fl_task_sup_server = {
    .name = "task_sup",
    .state_bytes = sizeof(struct task_sup),
    .on_init = task_sup_on_init,
    .on_call = task_sup_on_call,
    .on_cast = task_sup_on_cast,
    .on_exit = task_sup_on_exit,
    .on_terminate = task_sup_on_terminate,
};

int fl_task_sup_start(struct fl_self *self, const struct fl_task_sup_opts *opts, const char *name,
                      struct fl_pid *out)
{
    struct fl_spawn_opts spawn = {
        .name = name, .args = opts, .link_to = fl_self_pid(self), .shard = -1};
    return fl_spawn(self, &fl_task_sup_server, &spawn, out);
}

static int task_sup_code(int rc)
{
    return rc == FL_EDIED ? FL_ENOPROC : rc;
}

int fl_task_sup_order(struct fl_self *self, const struct fl_task_opts *opts,
                      const struct fl_task_head *head, const void *args, size_t len,
                      struct fl_pid *pid)
{
    const struct fl_task_order order = {.opts = *opts};
    size_t all = sizeof order + sizeof *head + len;
    unsigned char *block = fl_self_alloc(self, all); /* the caller may be ended while it waits */
    memcpy(block, &order, sizeof order);
    memcpy(block + sizeof order, head, sizeof *head);
    if (len > 0) memcpy(block + sizeof order + sizeof *head, args, len);
    struct fl_pid started = FL_NO_PID;
    int rc = fl_call(self, opts->sup, FL_TASK_SUP_START, block, all, &started, sizeof started, NULL,
                     TASK_SUP_CALL_NS);
    fl_self_free(self, block);
    if (rc != 0) return task_sup_code(rc);
    *pid = started;
    return 0;
}

int fl_task_sup_start_child(struct fl_self *self, struct fl_pid sup, fl_task_fn fn,
                            const void *args, size_t len, struct fl_pid *out)
{
    const struct fl_task_opts opts = {.sup = sup, .shard = -1};
    const struct fl_task_head head = {.fn = fn, .magic = FL_TASK_MAGIC};
    struct fl_pid pid;
    int rc = fl_task_sup_order(self, &opts, &head, args, len, out == NULL ? &pid : out);
    FL_ASSERT(rc <= 0);
    return rc;
}

int64_t fl_task_sup_children(struct fl_self *self, struct fl_pid sup, struct fl_pid *pids,
                             size_t pids_max)
{
    uint64_t len = 0;
    FL_ASSERT(pids != NULL || pids_max == 0);
    int rc = fl_call(self, sup, FL_TASK_SUP_COUNT, NULL, 0, &len, sizeof len, NULL,
                     TASK_SUP_CALL_NS);
    if (rc != 0) return task_sup_code(rc);
    if (pids == NULL) return (int64_t)len;
    rc = fl_call(self, sup, FL_TASK_SUP_CHILDREN, NULL, 0, pids, pids_max * sizeof *pids, NULL,
                 TASK_SUP_CALL_NS);
    return rc != 0 ? task_sup_code(rc) : (int64_t)len;
}

int fl_task_sup_stop_child(struct fl_self *self, struct fl_pid sup, struct fl_pid task)
{
    FL_ASSERT(task.bits != 0);
    return task_sup_code(
        fl_call(self, sup, FL_TASK_SUP_STOP, &task, sizeof task, NULL, 0, NULL, TASK_SUP_CALL_NS));
}
