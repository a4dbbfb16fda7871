#include "runtime/sup.h"

#include "runtime/core.h"
#include "runtime/sup_child.h"

/* Messages of a supervisor. */
enum { SUP_START_CHILD = 1, SUP_STOP_CHILD, SUP_TRY_AGAIN };

struct sup {
    struct fl_sup_opts opts;
    struct fl_sup_children children;
    fl_ns *restarts_ns; /* ring of the last max_restarts restarts */
    size_t restarts_at, restarts_count;
    bool is_ending;
    struct fl_reason end_reason;
};

static void sup_end(struct fl_self *self, struct sup *sup, const struct fl_reason *reason);

/* ---- starting and stopping one child */

static int child_start(struct fl_self *self, struct fl_sup_child *child)
{
    struct fl_spawn_opts opts = {
        .name = child->spec.name,
        .args = child->spec.args,
        .link_to = fl_self_pid(self),
        .shard = -1,
    };
    FL_ASSERT(child->state != FL_CHILD_RUNS);
    struct fl_pid pid = FL_NO_PID;
    int rc = fl_spawn(self, child->spec.server, &opts, &pid);
    if (rc == 0) fl_sup_child_runs(child, pid);
    return rc;
}

static void child_ask_to_end(struct fl_self *self, struct fl_sup_child *child)
{
    struct sup *sup = fl_self_state(self);
    bool is_brutal = child->spec.shutdown_ns == FL_SHUTDOWN_BRUTAL;
    child->state = FL_CHILD_STOPS;
    /* OTP: a monitor, not the link, so that a child which unlinked cannot hang us */
    child->monitor = fl_monitor(self, child->pid);
    if (!is_brutal && child->spec.shutdown_ns != FL_SHUTDOWN_INFINITY) {
        child->timer = fl_timer_start(self, child->spec.shutdown_ns, 0);
        fl_map_add(&sup->children.by_timer, &child->by_timer, child->timer);
    }
    fl_exit(self, child->pid, fl_reason_of(is_brutal ? FL_EXIT_KILL : FL_EXIT_SHUTDOWN));
}

static void child_forget_waits(struct fl_self *self, struct sup *sup, struct fl_sup_child *child)
{
    if (child->monitor != 0) fl_demonitor(self, child->monitor);
    if (child->timer != 0) {
        fl_timer_cancel(self, child->timer);
        fl_map_remove(&sup->children.by_timer, &child->by_timer);
    }
    child->monitor = child->timer = 0;
}

/* ---- ending the whole tree: in reverse order, one at a time */

static void sup_stop_next(struct fl_self *self, struct sup *sup)
{
    struct fl_sup_child *child = fl_sup_child_last_alive(&sup->children);
    if (child == NULL)
        fl_self_exit(self, sup->end_reason);
    else if (child->state == FL_CHILD_RUNS)
        child_ask_to_end(self, child);
}

static void sup_end(struct fl_self *self, struct sup *sup, const struct fl_reason *reason)
{
    if (sup->is_ending) return;
    sup->is_ending = true;
    sup->end_reason = *reason;
    sup_stop_next(self, sup);
}

/* ---- restarting */

/* OTP's intensity with exact times: at most max_restarts within the period. Says whether this one
 * is still allowed, and counts it. */
static bool sup_may_restart(struct sup *sup, fl_ns now_ns)
{
    size_t max = (size_t)sup->opts.max_restarts;
    if (max == 0) return false;
    bool is_full = sup->restarts_count == max;
    fl_ns oldest_ns = sup->restarts_ns[sup->restarts_at];
    if (is_full && now_ns - oldest_ns <= sup->opts.within_ns) return false;
    sup->restarts_ns[sup->restarts_at] = now_ns;
    sup->restarts_at = (sup->restarts_at + 1) % max;
    if (!is_full) sup->restarts_count++;
    return true;
}

static int sup_restarts_within(const struct sup *sup, fl_ns now_ns)
{
    int count = 0;
    for (size_t i = 0; i < sup->restarts_count; i++)
        if (now_ns - sup->restarts_ns[i] <= sup->opts.within_ns) count++;
    return count;
}

static void sup_note(struct fl_self *self, const struct fl_sup_child *child, enum fl_note_kind kind,
                     const struct fl_reason *reason, int restarts)
{
    struct sup *sup = fl_self_state(self);
    struct fl_note note = {
        .kind = kind,
        .at_ns = fl_self_now(self),
        .pid = child->last_pid,
        .name = child->spec.name != NULL ? child->spec.name : child->spec.id,
        .server = child->spec.server->name,
        .reason = *reason,
        .restarts = restarts,
        .restarts_max = sup->opts.max_restarts,
    };
    fl_node_note(fl_self_node(self), &note);
}

static void sup_restart(struct fl_self *self, struct sup *sup, struct fl_sup_child *child,
                        const struct fl_reason *reason)
{
    fl_ns now_ns = fl_self_now(self);
    if (!sup_may_restart(sup, now_ns)) {
        child->state = FL_CHILD_STOPPED;
        sup_note(self, child, FL_NOTE_LIMIT, reason, sup_restarts_within(sup, now_ns));
        if (sup->opts.on_limit != NULL) sup->opts.on_limit(sup->opts.limit_cx, child->spec.id);
        struct fl_reason shutdown = fl_reason_of(FL_EXIT_SHUTDOWN);
        sup_end(self, sup, &shutdown);
        return;
    }
    sup_note(self, child, FL_NOTE_RESTART, reason, sup_restarts_within(sup, now_ns));
    child->state = FL_CHILD_RESTARTS;
    if (child_start(self, child) == 0) return;
    /* OTP: by way of our own mailbox, so that other requests are heard in between; each try
     * counts. */
    fl_send(self, fl_self_pid(self), SUP_TRY_AGAIN, child->spec.id, strlen(child->spec.id) + 1);
}

static bool is_normal(const struct fl_reason *reason)
{
    bool is_good_os = reason->kind == FL_EXIT_OS && reason->code == 0 && reason->signal == 0;
    return reason->kind == FL_EXIT_NORMAL || reason->kind == FL_EXIT_SHUTDOWN || is_good_os;
}

static void child_ended(struct fl_self *self, struct fl_sup_child *child,
                        const struct fl_reason *reason)
{
    struct sup *sup = fl_self_state(self);
    enum fl_child_state was = child->state;
    child_forget_waits(self, sup, child);
    fl_sup_child_ended(child);
    if (sup->is_ending) {
        sup_stop_next(self, sup);
    } else if (was == FL_CHILD_STOPS) {
        fl_self_reply(self, child->stop_from, child->stop_ref, NULL, 0);
        fl_sup_child_remove(&sup->children, child);
    } else if (child->spec.restart == FL_PERMANENT ||
               (child->spec.restart == FL_TRANSIENT && !is_normal(reason))) {
        sup_restart(self, sup, child, reason);
    } else if (child->spec.restart == FL_TEMPORARY) {
        fl_sup_child_remove(&sup->children, child);
    }
}

/* ---- requests */

static void on_start_child(struct fl_self *self, struct sup *sup, const struct fl_msg *msg)
{
    struct fl_child spec;
    int rc = fl_sup_child_decode(&spec, msg->data, msg->len);
    struct fl_sup_child *child = NULL;
    if (rc == 0 && sup->is_ending) rc = FL_ESTATE;
    if (rc == 0) rc = fl_sup_child_add(&sup->children, &spec, &child);
    if (rc == 0) {
        rc = child_start(self, child);
        if (rc != 0) fl_sup_child_remove(&sup->children, child);
    }
    if (rc != 0)
        fl_self_reply_error(self, msg->from, msg->ref, rc);
    else
        fl_self_reply(self, msg->from, msg->ref, &child->pid, sizeof child->pid);
}

static void on_stop_child(struct fl_self *self, struct sup *sup, const struct fl_msg *msg)
{
    struct fl_sup_child *child = fl_sup_child_find(&sup->children, msg->data);
    int rc = child == NULL ? FL_ENOTFOUND : 0;
    if (rc == 0 && (sup->is_ending || child->state == FL_CHILD_STOPS)) rc = FL_ESTATE;
    if (rc != 0) {
        fl_self_reply_error(self, msg->from, msg->ref, rc);
        return;
    }
    if (child->state != FL_CHILD_RUNS) {
        fl_sup_child_remove(&sup->children, child);
        fl_self_reply(self, msg->from, msg->ref, NULL, 0);
        return;
    }
    child->stop_from = msg->from;
    child->stop_ref = msg->ref;
    child_ask_to_end(self, child);
}

static void sup_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == SUP_START_CHILD)
        on_start_child(self, state, msg);
    else if (msg->tag == SUP_STOP_CHILD)
        on_stop_child(self, state, msg);
    else
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
}

static void sup_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct sup *sup = state;
    if (msg->tag != SUP_TRY_AGAIN || !fl_pid_eq(msg->from, fl_self_pid(self))) return;
    struct fl_sup_child *child = fl_sup_child_find(&sup->children, msg->data);
    if (child == NULL || child->state != FL_CHILD_RESTARTS || sup->is_ending) return;
    struct fl_reason reason = fl_reason_of(FL_EXIT_ERROR);
    sup_restart(self, sup, child, &reason);
}

static void sup_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                        const struct fl_reason *reason)
{
    struct sup *sup = state;
    struct fl_sup_child *child = fl_sup_child_of(&sup->children, who);
    if (fl_pid_eq(who, self->parent))
        sup_end(self, sup, reason);
    else if (child != NULL)
        child_ended(self, child, reason);
}

static void sup_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                        const struct fl_reason *reason)
{
    struct sup *sup = state;
    struct fl_sup_child *child = fl_sup_child_of(&sup->children, who);
    if (child == NULL || child->monitor != ref) return;
    child->monitor = 0;
    child_ended(self, child, reason);
}

static void sup_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct sup *sup = state;
    struct fl_map_node *at = fl_map_find(&sup->children.by_timer, ref);
    if (at == NULL) return;
    struct fl_sup_child *child = FL_OWNER(at, struct fl_sup_child, by_timer);
    FL_ASSERT(child->state == FL_CHILD_STOPS);
    fl_exit(self, child->pid, fl_reason_of(FL_EXIT_KILL));
}

/* ---- the start of the supervisor itself */

/* Stops what was started, last first. From a uv callback the loop stands still, so nobody can be
 * waited for: the links do it. */
static void unwind(struct fl_self *self, struct sup *sup)
{
    bool can_wait = (self->start != NULL && self->start->starter.bits != 0) ||
                    atomic_load(&self->shard->node->state) != FL_NODE_RUNS;
    for (;;) {
        struct fl_sup_child *child = fl_sup_child_last_alive(&sup->children);
        if (child == NULL || !can_wait) return;
        bool is_brutal = child->spec.shutdown_ns == FL_SHUTDOWN_BRUTAL;
        fl_exit(self, child->pid, fl_reason_of(is_brutal ? FL_EXIT_KILL : FL_EXIT_SHUTDOWN));
        fl_ns within_ns = is_brutal ? FL_SHUTDOWN_INFINITY : child->spec.shutdown_ns;
        if (fl_call_await_end(self, child->pid, within_ns) == FL_ETIMEOUT) {
            fl_exit(self, child->pid, fl_reason_of(FL_EXIT_KILL));
            fl_call_await_end(self, child->pid, FL_NEVER);
        }
        fl_sup_child_ended(child);
    }
}

static void sup_fini(void *ptr)
{
    struct sup *sup = ptr;
    fl_sup_children_fini(&sup->children);
    free(sup->restarts_ns);
}

static int sup_on_init(struct fl_self *self, void *state, const void *args)
{
    struct sup *sup = state;
    sup->opts = *(const struct fl_sup_opts *)args;
    if (sup->opts.strategy != FL_ONE_FOR_ONE || sup->opts.max_restarts < 0) return FL_ERANGE;
    sup->restarts_ns = fl_new_array(fl_ns, (size_t)sup->opts.max_restarts);
    fl_list_init(&sup->children.in_order);
    fl_self_own(self, sup, sup_fini);
    fl_self_trap_exits(self, true);
    self->flags |= FL_PROC_PARENT_AS_MESSAGE;
    int rc = 0;
    for (size_t i = 0; i < sup->opts.children_count && rc == 0; i++) {
        struct fl_sup_child *child = NULL;
        rc = fl_sup_child_add(&sup->children, &sup->opts.children[i], &child);
        if (rc == 0) rc = child_start(self, child);
    }
    sup->opts.children = NULL; /* the caller's, gone after this */
    sup->opts.name = NULL;
    if (rc != 0) unwind(self, sup);
    return rc;
}

const struct fl_server fl_sup_server = {
    .name = "supervisor",
    .state_bytes = sizeof(struct sup),
    .on_init = sup_on_init,
    .on_call = sup_on_call,
    .on_cast = sup_on_cast,
    .on_timer = sup_on_timer,
    .on_down = sup_on_down,
    .on_exit = sup_on_exit,
};

int fl_sup_start(struct fl_node *node, struct fl_self *self, const struct fl_sup_opts *opts,
                 struct fl_pid *out)
{
    struct fl_spawn_opts spawn = {
        .name = opts->name, .args = opts, .link_to = opts->link_to, .shard = -1};
    if (self != NULL) return fl_spawn(self, &fl_sup_server, &spawn, out);
    /* OS children and the program's own loop are on shard 0 */
    spawn.shard = 0;
    return fl_node_spawn(node, &fl_sup_server, &spawn, out);
}

int fl_sup_start_child(struct fl_self *self, struct fl_pid sup, const struct fl_child *child,
                       struct fl_pid *out)
{
    struct fl_buf buf = {0};
    struct fl_pid pid = FL_NO_PID;
    fl_sup_child_encode(&buf, child);
    /* not freed if we are ended while we wait, unless we own it */
    void *bytes = fl_self_alloc(self, buf.len);
    size_t len = buf.len;
    memcpy(bytes, buf.at, len);
    fl_buf_fini(&buf);
    int rc = fl_call(self, sup, SUP_START_CHILD, bytes, len, &pid, sizeof pid, NULL, FL_NEVER);
    fl_self_free(self, bytes);
    if (rc == 0 && out != NULL) *out = pid;
    return rc;
}

int fl_sup_stop_child(struct fl_self *self, struct fl_pid sup, const char *id)
{
    return fl_call(self, sup, SUP_STOP_CHILD, id, strlen(id) + 1, NULL, 0, NULL, FL_NEVER);
}
