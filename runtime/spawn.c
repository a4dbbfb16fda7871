#include "runtime/core.h"

/* A spawn on its way to another shard. args stays with the caller, who waits. */
struct fl_spawn_request {
    const struct fl_server *server;
    struct fl_spawn_opts opts;
    char *name;
};

void fl_spawn_request_free(struct fl_spawn_request *request)
{
    if (request == NULL) return;
    free(request->name);
    free(request);
}

static void started_send(struct fl_shard *shard, struct fl_pid to, uint64_t ref,
                         struct fl_pid child, int code)
{
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_STARTED, to, child);
    sig->ref = ref;
    sig->code = code;
    fl_signal_send(shard->node, sig);
}

void fl_proc_on_spawn(struct fl_shard *shard, struct fl_sig *sig)
{
    struct fl_spawn_request *request = sig->spawn;
    struct fl_self *child = NULL;
    int rc = fl_proc_new(shard, request->server, &request->opts, sig->from, sig->ref, &child);
    if (rc == 0)
        fl_shard_ready(child);
    else
        started_send(shard, sig->from, sig->ref, FL_NO_PID, rc);
    fl_sig_free(shard, sig);
}

/* The starter goes on before anything else: spawn is one step, seen from its handler. */
static void starter_go_on(struct fl_self *starter)
{
    struct fl_shard *shard = starter->shard;
    fl_proc_wake(starter);
    if (shard->run_first != NULL || (starter->flags & (FL_PROC_SUSPENDED | FL_PROC_DOOMED))) return;
    fl_shard_unready(starter);
    shard->run_first = starter;
}

void fl_proc_on_started(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_stack *stack = self->stack;
    if ((self->flags & FL_PROC_BLOCKED) && stack->wait.ref == sig->ref) {
        stack->wait.code = sig->code;
        stack->wait.started = sig->from;
        stack->wait.on_abandon = NULL;
        bool is_orphan = (self->flags & FL_PROC_DOOMED) && sig->code == 0;
        if (is_orphan) fl_exit(self, sig->from, fl_reason_of(FL_EXIT_KILL));
        starter_go_on(self);
    }
    fl_sig_free(self->shard, sig);
}

void fl_proc_tell_starter(struct fl_self *child, int code)
{
    struct fl_shard *shard = child->shard;
    uint64_t ref = child->start_ref;
    FL_ASSERT(ref != 0);
    child->start_ref = 0;
    if (child->starter.bits != 0) {
        started_send(shard, child->starter, ref, child->pid, code);
    } else if (fl_pid_eq(shard->outside_child, child->pid)) {
        shard->outside_done = true;
        shard->outside_code = code;
    }
}

static void spawn_elsewhere(struct fl_self *self, struct fl_shard *there,
                            const struct fl_server *server, const struct fl_spawn_opts *opts,
                            uint64_t ref)
{
    struct fl_shard *shard = self->shard;
    struct fl_spawn_request *request = fl_new(struct fl_spawn_request);
    request->server = server;
    request->opts = *opts;
    request->name = opts->name == NULL ? NULL : fl_strdup(opts->name);
    request->opts.name = request->name;
    struct fl_pid nobody_there = {(uint64_t)there->id << 56 | UINT64_C(1) << 32 | UINT32_MAX};
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_SPAWN, nobody_there, self->pid);
    sig->spawn = request;
    sig->ref = ref;
    fl_signal_send(shard->node, sig);
}

/* The starter is gone while its child starts: nobody would ever know the child. */
static void starter_abandons(void *ptr)
{
    struct fl_self *child = ptr;
    struct fl_reason reason = fl_reason_of(FL_EXIT_KILLED);
    fl_proc_doom(child, &reason);
}

int fl_spawn(struct fl_self *self, const struct fl_server *server, const struct fl_spawn_opts *opts,
             struct fl_pid *out)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    struct fl_node *node = shard->node;
    if (opts->shard >= node->shards_count) return FL_ERANGE;
    struct fl_shard *there = opts->shard < 0 ? shard : &node->shards[opts->shard];
    uint64_t ref = fl_shard_next_ref(shard);
    struct fl_stack *stack = shard->stack;
    if (there == shard) {
        struct fl_self *child = NULL;
        int rc = fl_proc_new(shard, server, opts, self->pid, ref, &child);
        if (rc != 0) return rc;
        FL_ASSERT(shard->run_first == NULL);
        shard->run_first = child;
        stack->wait.job = child;
        stack->wait.on_abandon = starter_abandons;
    } else {
        spawn_elsewhere(self, there, server, opts, ref);
        stack->wait.must_finish = true; /* args may be on our stack */
    }
    stack->wait.ref = ref;
    fl_proc_park(self);
    int code = stack->wait.code;
    if (code == 0 && out != NULL) *out = stack->wait.started;
    stack->wait = (struct fl_wait){0};
    return code;
}

/* Runs the start of a process from the thread's own stack. on_init may spawn and call, but only
 * what can be answered without the loop: it stands still meanwhile. */
static int spawn_from_outside(struct fl_shard *shard, const struct fl_server *server,
                              const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    if (shard->stack != &shard->main_stack) return FL_ESTATE;
    struct fl_self *child = NULL;
    uint64_t ref = fl_shard_next_ref(shard);
    int rc = fl_proc_new(shard, server, opts, FL_NO_PID, ref, &child);
    if (rc != 0) return rc;
    struct fl_pid pid = child->pid;
    shard->outside_child = pid;
    shard->outside_done = false;
    shard->run_first = child;
    fl_shard_batch(shard, 0);
    bool may_poll = atomic_load(&shard->node->state) == FL_NODE_NEW && !shard->node->opts.simulated;
    while (!shard->outside_done && (fl_shard_has_work(shard) || may_poll)) {
        if (fl_shard_has_work(shard))
            fl_shard_batch(shard, FL_QUANTUM);
        else
            uv_run(&shard->loop, UV_RUN_ONCE);
    }
    shard->outside_child = FL_NO_PID;
    if (!shard->outside_done) {
        struct fl_reason reason = fl_reason_of(FL_EXIT_KILLED);
        fl_proc_doom(child, &reason);
        fl_shard_batch(shard, 0);
        return FL_ESTATE;
    }
    if (shard->outside_code == 0 && out != NULL) *out = pid;
    return shard->outside_code;
}

int fl_node_spawn(struct fl_node *node, const struct fl_server *server,
                  const struct fl_spawn_opts *opts, struct fl_pid *out)
{
    struct fl_shard *here = fl_shard_here(node);
    if (here != NULL && here->running != NULL) return fl_spawn(here->running, server, opts, out);
    if (opts->shard >= node->shards_count) return FL_ERANGE;
    bool is_new = atomic_load(&node->state) == FL_NODE_NEW;
    struct fl_shard *there = opts->shard >= 0 ? &node->shards[opts->shard] : here;
    if (there == NULL && is_new) {
        there = &node->shards[node->next_shard];
        node->next_shard = (node->next_shard + 1) % node->shards_count;
    }
    if (there == NULL || (there != here && !is_new)) return FL_ESTATE;
    struct fl_shard *before = fl_shard_enter(there);
    if (is_new) fl_stack_adopt_thread(there);
    int rc = spawn_from_outside(there, server, opts, out);
    fl_shard_enter(before);
    return rc;
}
