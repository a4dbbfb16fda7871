#include "runtime/core.h"

/* ---- bodies: processes that run a function */

struct body {
    fl_run_fn fn;
    size_t args_len;
    unsigned char args[];
};
_Static_assert(sizeof(struct body) % 16 == 0, "args are aligned as malloc's memory is");

const struct fl_server fl_body_server = {.name = "body"};

bool fl_body_run(struct fl_self *self)
{
    struct body *body = fl_self_state(self);
    body->fn(self, body->args, body->args_len);
    if ((self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) == FL_PROC_ENDING)
        fl_crash_tell(self, false);
    if (self->flags & FL_PROC_DOOMED) return true; /* it is in the list of those already */
    if (!(self->flags & FL_PROC_ENDING)) {
        self->end = fl_sig_new(self->shard, FL_SIG_EXIT, self->pid, self->pid);
        self->end->reason = fl_reason_of(FL_EXIT_NORMAL);
    }
    self->flags |= FL_PROC_DOOMED;
    return false;
}

static int body_new(struct fl_shard *shard, fl_run_fn fn, const void *args, size_t args_len,
                    const struct fl_spawn_opts *opts, struct fl_self **out)
{
    int rc = fl_proc_new(shard, &fl_body_server, sizeof(struct body) + args_len, opts, out);
    if (rc != 0) return rc;
    struct body *body = fl_self_state(*out);
    body->fn = fn;
    body->args_len = args_len;
    if (args_len > 0) memcpy(body->args, args, args_len);
    (*out)->flags |= FL_PROC_IS_BODY;
    return 0;
}

/* Linked before it runs. */
static void proc_set_parent(struct fl_self *child, struct fl_pid parent_pid)
{
    child->parent = parent_pid;
    if (parent_pid.bits == 0) return;
    struct fl_self *parent = fl_proc_find(child->shard, parent_pid);
    if (parent == NULL)
        fl_link_both(child, parent_pid);
    else
        fl_link_pair(child, parent);
}

/* ---- where it goes */

static struct fl_shard *shard_with_least(struct fl_node *node)
{
    struct fl_shard *least = &node->shards[0];
    FL_ASSERT(node->shards_count > 0);
    for (int i = 1; i < node->shards_count; i++) {
        struct fl_shard *shard = &node->shards[i];
        if (atomic_load(&shard->procs_now) < atomic_load(&least->procs_now)) least = shard;
    }
    return least;
}

struct fl_shard *fl_shard_place(struct fl_shard *shard, int wanted)
{
    struct fl_node *node = shard->node;
    if (wanted == FL_SHARD_SAME || wanted == 0) return shard;
    if (wanted == FL_SHARD_LEAST) return shard_with_least(node);
    int id = wanted >= FL_SHARD(0) ? wanted - FL_SHARD(0) : wanted;
    if (wanted == FL_SHARD_SPREAD) {
        id = shard->next_spread;
        shard->next_spread = (id + 1) % node->shards_count;
    }
    return id < 0 || id >= node->shards_count ? NULL : &node->shards[id];
}

/* ---- a spawn on its way to another shard */
struct fl_spawn_request {
    struct fl_start start;
    const struct fl_server *server; /* NULL: a body */
    fl_run_fn fn;
    void *body_args;
    size_t body_args_len;
    struct fl_spawn_opts opts;
    uint64_t monitor_ref;
    char *name;
    struct fl_timer timer; /* start_within_ns, on the child's shard */
    struct fl_self *child;
    bool is_late;
};

void fl_spawn_request_free(struct fl_spawn_request *request)
{
    if (request == NULL) return;
    free(request->body_args);
    free(request->name);
    free(request);
}

static void started_send(struct fl_shard *shard, const struct fl_start *start, struct fl_pid child,
                         int code)
{
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_STARTED, start->starter, child);
    sig->ref = start->ref;
    sig->code = code;
    fl_signal_send(shard->node, sig);
}

/* The child took too long: it is killed, and nothing of it reaches the starter (OTP: timeout). */
static void spawn_is_late(struct fl_timer *timer)
{
    struct fl_spawn_request *request = FL_OWNER(timer, struct fl_spawn_request, timer);
    struct fl_reason reason = fl_reason_of(FL_EXIT_KILLED);
    FL_ASSERT(request->child->start == &request->start);
    request->is_late = true;
    request->start.why = NULL;
    fl_link_drop_remote(request->child, request->start.starter);
    fl_proc_doom(request->child, &reason);
}

void fl_proc_on_spawn(struct fl_shard *shard, struct fl_sig *sig)
{
    struct fl_spawn_request *request = sig->spawn;
    struct fl_self *child = NULL;
    int rc = request->server != NULL
                 ? fl_proc_new(shard, request->server, request->server->state_bytes, &request->opts,
                               &child)
                 : body_new(shard, request->fn, request->body_args, request->body_args_len,
                            &request->opts, &child);
    if (rc != 0) {
        started_send(shard, &request->start, FL_NO_PID, rc);
        fl_sig_free(shard, sig);
        return;
    }
    sig->flags &= (uint8_t)~FL_SIG_SPECIAL; /* the child has the request now */
    fl_sig_free(shard, sig);
    proc_set_parent(child, request->opts.link_to);
    if (request->monitor_ref != 0)
        fl_watch_add(child, request->start.starter, request->monitor_ref);
    child->start = &request->start;
    request->child = child;
    if (request->server == NULL) {
        fl_proc_tell_starter(child, 0);
    } else if (request->opts.start_within_ns > 0) {
        request->timer.kind = FL_TIMER_PORT;
        request->timer.fn = spawn_is_late;
        fl_timer_add(shard, &request->timer, fl_shard_due(shard, request->opts.start_within_ns));
    }
    fl_shard_ready(child);
}

/* The starter goes on before anything else: spawn is one step, seen from its handler. */
static void starter_go_on(struct fl_self *starter)
{
    fl_timer_remove(starter->shard, &starter->stack->wait_timer);
    starter->flags &= ~(uint32_t)FL_PROC_BLOCKED;
    if (starter->flags & FL_PROC_DOOMED)
        fl_proc_let_go(starter);
    else if (!(starter->flags & FL_PROC_IN_QUEUE))
        fl_shard_run_first(starter);
}

/* False: the starter is gone, or does not wait for it any more. */
static bool starter_tell(struct fl_self *starter, uint64_t ref, struct fl_pid child, int code)
{
    if (starter == NULL || !(starter->flags & FL_PROC_BLOCKED)) return false;
    struct fl_stack *stack = starter->stack;
    if (stack->wait.ref != ref) return false;
    stack->wait.code = code;
    stack->wait.started = child;
    stack->wait.on_abandon = NULL;
    starter_go_on(starter);
    return true;
}

void fl_proc_on_started(struct fl_self *self, struct fl_sig *sig)
{
    bool is_orphan = (self->flags & FL_PROC_DOOMED) && sig->code == 0;
    if (starter_tell(self, sig->ref, sig->from, sig->code) && is_orphan)
        fl_exit(self, sig->from, fl_reason_of(FL_EXIT_KILL));
    fl_sig_free(self->shard, sig);
}

void fl_proc_tell_starter(struct fl_self *child, int code)
{
    struct fl_shard *shard = child->shard;
    struct fl_start *start = child->start;
    FL_ASSERT(start != NULL);
    child->start = NULL;
    if (start->starter.bits == 0) {
        if (!fl_pid_eq(shard->outside_child, child->pid)) return; /* nobody waits */
        shard->outside_done = true;
        shard->outside_code = code;
    } else if (fl_shard_has(shard, start->starter)) {
        starter_tell(fl_proc_find(shard, start->starter), start->ref, child->pid, code);
    } else {
        struct fl_spawn_request *request = FL_OWNER(start, struct fl_spawn_request, start);
        fl_timer_remove(shard, &request->timer);
        started_send(shard, start, child->pid, request->is_late ? FL_ETIMEOUT : code);
        fl_spawn_request_free(request);
    }
}

/* Sends the request and waits. args and why may be on our stack: we stay until it is answered. */
static int spawn_elsewhere(struct fl_self *self, struct fl_shard *there,
                           struct fl_spawn_request *request, const struct fl_spawn_opts *opts,
                           struct fl_pid *out)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    request->opts = *opts;
    request->name = opts->name == NULL ? NULL : fl_strdup(opts->name);
    request->opts.name = request->name;
    request->start = (struct fl_start){.starter = self->pid,
                                       .ref = fl_shard_next_ref(shard),
                                       .args = opts->args,
                                       .why = opts->why};
    struct fl_pid nobody_there = {(uint64_t)there->id << 56 | (FL_ID_SLOTS_MAX - 1)};
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_SPAWN, nobody_there, self->pid);
    sig->flags = FL_SIG_SPECIAL;
    sig->spawn = request;
    stack->wait.must_finish = true;
    stack->wait.ref = request->start.ref;
    fl_signal_send(shard->node, sig);
    fl_proc_park(self);
    int code = stack->wait.code;
    struct fl_pid child = stack->wait.started;
    stack->wait = (struct fl_wait){0};
    if (code == 0 && out != NULL) *out = child;
    if (code == FL_ETAKEN && out != NULL) *out = fl_whereis(shard->node, opts->name);
    if (code == FL_ETIMEOUT && child.bits != 0) fl_unlink_flush(self, child);
    if (code == 0 && (self->flags & FL_PROC_TRACED)) fl_trace_other(self, FL_TRACE_SPAWN, child);
    return code;
}

/* ---- servers */

/* The starter is gone while its child starts: nobody would ever know the child. */
static void starter_abandons(void *ptr)
{
    struct fl_self *child = ptr;
    struct fl_reason reason = fl_reason_of(FL_EXIT_KILLED);
    child->start = NULL;
    fl_proc_doom(child, &reason);
}

/* The child took too long: it is killed, and nothing of it reaches the starter (OTP: timeout). */
static void starter_gives_up(struct fl_self *self, struct fl_pid child_pid)
{
    struct fl_self *child = fl_proc_find(self->shard, child_pid);
    if (child == NULL) return;
    child->start = NULL;
    fl_unlink_flush(self, child_pid);
    fl_exit(self, child_pid, fl_reason_of(FL_EXIT_KILL));
    fl_call_await_end(self, child_pid, FL_NEVER);
}

static int spawn_here(struct fl_self *self, const struct fl_server *server,
                      const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    struct fl_shard *shard = self->shard;
    struct fl_stack *stack = shard->stack;
    struct fl_self *child = NULL;
    int rc = fl_proc_new(shard, server, server->state_bytes, opts, &child);
    if (rc == FL_ETAKEN && out != NULL) *out = fl_whereis(shard->node, opts->name);
    if (rc != 0) return rc;
    struct fl_start start = {.starter = self->pid,
                             .ref = fl_shard_next_ref(shard),
                             .args = opts->args,
                             .why = opts->why};
    struct fl_pid child_pid = child->pid;
    child->start = &start;
    proc_set_parent(child, opts->link_to);
    fl_shard_run_first(child); /* or after our own starter, when we are in on_continue */
    fl_ns within_ns = opts->start_within_ns > 0 ? opts->start_within_ns : FL_NEVER;
    fl_call_arm_wait(self, start.ref, fl_shard_due(shard, within_ns));
    stack->wait.job = child;
    stack->wait.on_abandon = starter_abandons;
    fl_proc_park(self);
    int code = stack->wait.code;
    stack->wait = (struct fl_wait){0};
    if (code == FL_ETIMEOUT) {
        child = fl_proc_find(shard, child_pid);
        if (child != NULL && child->start == &start) starter_gives_up(self, child_pid);
    }
    if (code == 0 && out != NULL) *out = child_pid;
    if (FL_UNLIKELY(self->flags & FL_PROC_TRACED) && code == 0)
        fl_trace_other(self, FL_TRACE_SPAWN, child_pid);
    return code;
}

int fl_spawn(struct fl_self *self, const struct fl_server *server, const struct fl_spawn_opts *opts,
             struct fl_pid *out)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    struct fl_shard *there = fl_shard_place(shard, opts->shard);
    if (there == NULL) return FL_ERANGE;
    if (there == shard) return spawn_here(self, server, opts, out);
    struct fl_spawn_request *request = fl_new(struct fl_spawn_request);
    request->server = server;
    return spawn_elsewhere(self, there, request, opts, out);
}

/* ---- bodies, from inside */

static int spawn_run(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len,
                     const struct fl_spawn_opts *opts, bool link, uint64_t *monitor_ref,
                     struct fl_pid *out)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    struct fl_shard *where = opts == NULL ? shard : fl_shard_place(shard, opts->shard);
    if (where == NULL) return FL_ERANGE;
    if (where == shard) {
        struct fl_self *child = NULL;
        int rc = body_new(shard, fn, args, args_len, opts, &child);
        if (rc != 0) return rc;
        if (link) {
            child->parent = self->pid;
            fl_link_pair(child, self);
        }
        if (monitor_ref != NULL) *monitor_ref = fl_monitor_add(self, child, child->pid);
        if (out != NULL) *out = child->pid;
        fl_shard_ready(child);
        if (FL_UNLIKELY(self->flags & FL_PROC_TRACED))
            fl_trace_other(self, FL_TRACE_SPAWN, child->pid);
        return 0;
    }
    struct fl_spawn_request *request = fl_new(struct fl_spawn_request);
    request->fn = fn;
    request->body_args = fl_alloc(args_len);
    request->body_args_len = args_len;
    if (args_len > 0) memcpy(request->body_args, args, args_len);
    struct fl_spawn_opts there = *opts;
    there.link_to = link ? self->pid : FL_NO_PID;
    struct fl_monitor *monitor = NULL;
    if (monitor_ref != NULL) {
        /* of nobody yet; the other side gets the ref along with the request */
        *monitor_ref = request->monitor_ref = fl_monitor_add(self, self, FL_NO_PID);
        monitor = fl_monitor_find(shard, *monitor_ref);
    }
    struct fl_pid pid = FL_NO_PID;
    int rc = spawn_elsewhere(self, where, request, &there, &pid);
    if (monitor != NULL && rc == 0) {
        monitor = fl_monitor_find(shard, *monitor_ref);
        if (monitor != NULL) monitor->target = pid;
        if (monitor != NULL) monitor->is_remote = true;
    } else if (monitor != NULL) {
        fl_demonitor(self, *monitor_ref);
    }
    if (rc == 0 && out != NULL) *out = pid;
    return rc;
}

int fl_spawn_run(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len,
                 const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    return spawn_run(self, fn, args, args_len, opts, false, NULL, out);
}

int fl_spawn_run_link(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len,
                      const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    return spawn_run(self, fn, args, args_len, opts, true, NULL, out);
}

int fl_spawn_run_monitor(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len,
                         const struct fl_spawn_opts *opts, struct fl_pid *out, uint64_t *out_ref)
{
    FL_ASSERT(out_ref != NULL);
    return spawn_run(self, fn, args, args_len, opts, false, out_ref, out);
}

/* ---- from outside any process */

/* Runs the start of a process from the thread's own stack. on_init may spawn and call, but only
 * what can be answered without the loop: it stands still meanwhile. */
static int spawn_from_outside(struct fl_shard *shard, const struct fl_server *server,
                              const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    if (shard->stack != &shard->main_stack) return FL_ESTATE;
    struct fl_self *child = NULL;
    int rc = fl_proc_new(shard, server, server->state_bytes, opts, &child);
    if (rc == FL_ETAKEN && out != NULL) *out = fl_whereis(shard->node, opts->name);
    if (rc != 0) return rc;
    struct fl_pid pid = child->pid;
    struct fl_start start = {.args = opts->args, .why = opts->why};
    child->start = &start;
    proc_set_parent(child, opts->link_to);
    shard->outside_child = pid;
    shard->outside_done = false;
    fl_shard_run_first(child);
    fl_shard_batch(shard, 0);
    bool may_poll = atomic_load(&shard->node->state) == FL_NODE_NEW && !shard->is_simulated;
    while (!shard->outside_done && (fl_shard_has_work(shard) || may_poll)) {
        if (fl_shard_has_work(shard))
            fl_shard_batch(shard, FL_QUANTUM);
        else
            uv_run(&shard->loop, UV_RUN_ONCE);
    }
    shard->outside_child = FL_NO_PID;
    if (!shard->outside_done) {
        child->start = NULL;
        fl_proc_doom(child, &(struct fl_reason){.kind = FL_EXIT_KILLED});
        fl_shard_batch(shard, 0);
        return FL_ESTATE;
    }
    if (shard->outside_code == 0 && out != NULL) *out = pid;
    return shard->outside_code;
}

/* Which shard a spawn from outside may go to, in *out. FL_ESTATE: not from this thread, not now. */
static int outside_shard(struct fl_node *node, int wanted, struct fl_shard **out)
{
    struct fl_shard *here = fl_shard_here(node);
    bool is_new = atomic_load(&node->state) == FL_NODE_NEW;
    bool may_choose = wanted < 0 && !is_new; /* then there is no choice but this one */
    if (here == NULL && !is_new) return FL_ESTATE;
    if (wanted == FL_SHARD_SAME && here == NULL) wanted = FL_SHARD_SPREAD;
    if (wanted == 0) wanted = FL_SHARD(0); /* from outside there is no "same" to mean */
    *out = fl_shard_place(here != NULL ? here : &node->shards[0],
                          may_choose ? FL_SHARD_SAME : wanted);
    if (*out == NULL) return FL_ERANGE;
    return *out != here && !is_new ? FL_ESTATE : 0;
}

int fl_node_spawn(struct fl_node *node, const struct fl_server *server,
                  const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    struct fl_shard *here = fl_shard_here(node);
    if (here != NULL && here->running != NULL) return fl_spawn(here->running, server, opts, out);
    struct fl_shard *there = NULL;
    int rc = outside_shard(node, opts->shard, &there);
    if (rc != 0) return rc;
    struct fl_shard *before = fl_shard_enter(there);
    if (atomic_load(&node->state) == FL_NODE_NEW) fl_stack_adopt_thread(there);
    rc = spawn_from_outside(there, server, opts, out);
    fl_shard_enter(before);
    return rc;
}

int fl_node_spawn_run(struct fl_node *node, fl_run_fn fn, const void *args, size_t args_len,
                      const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    struct fl_shard *here = fl_shard_here(node);
    if (here != NULL && here->running != NULL)
        return fl_spawn_run(here->running, fn, args, args_len, opts, out);
    struct fl_shard *there = NULL;
    int rc = outside_shard(node, opts == NULL ? FL_SHARD_SAME : opts->shard, &there);
    if (rc != 0) return rc;
    struct fl_shard *before = fl_shard_enter(there);
    struct fl_self *child = NULL;
    rc = body_new(there, fn, args, args_len, opts, &child);
    if (rc == 0) {
        if (opts != NULL) proc_set_parent(child, opts->link_to);
        if (out != NULL) *out = child->pid;
        fl_shard_ready(child);
    }
    fl_shard_enter(before);
    return rc;
}
