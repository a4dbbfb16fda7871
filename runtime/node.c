#include <signal.h>

#include "runtime/core.h"
#include "runtime/filter.h"
#include "runtime/hog.h"

#define PROCS_MAX_DEFAULT (4u * 1000 * 1000)
#define MAILBOX_MAX_DEFAULT 100000u

#define STOP_FIRST_WITHIN fl_s(30)
#define STOP_TREES_WITHIN fl_s(60)
#define STOP_ALL_WITHIN fl_s(10)

static fl_ns sim_now(void *cx)
{
    return ((struct fl_node *)cx)->sim_now_ns;
}

int fl_node_new(struct fl_node **out, const struct fl_node_opts *opts, struct fl_err *err)
{
    if (opts->shards < 0 || opts->shards > FL_SHARDS_MAX)
        return fl_err_set(err, FL_ERANGE, "a node has 1 to %d shards, not %d", FL_SHARDS_MAX,
                          opts->shards);
    struct fl_node *node = fl_new(struct fl_node);
    node->name = fl_strdup(opts->name != NULL ? opts->name : "node");
    node->opts = *opts;
    node->opts.name = node->name;
    node->shards_count = opts->simulated || opts->shards == 0 ? 1 : opts->shards;
    if (opts->procs_max == 0) node->opts.procs_max = PROCS_MAX_DEFAULT;
    node->opts.procs_max = node->opts.procs_max / (uint32_t)node->shards_count;
    if (opts->mailbox_max == 0) node->opts.mailbox_max = MAILBOX_MAX_DEFAULT;
    node->clock = *fl_clock_real();
    if (opts->simulated) node->clock = (struct fl_clock){.now = sim_now, .cx = node};
    node->guard_kind = fl_stack_probe_guard();
    pthread_mutex_init(&node->start_lock, NULL);
    pthread_mutex_init(&node->names_lock, NULL);
    pthread_mutex_init(&node->note_lock, NULL);
    pthread_mutex_init(&node->spare_lock, NULL);
    pthread_mutex_init(&node->filters_lock, NULL);
    fl_list_init(&node->controls);
    size_t bytes = sizeof(struct fl_shard) * (size_t)node->shards_count;
    node->shards = aligned_alloc(_Alignof(struct fl_shard), bytes);
    FL_ASSERT(node->shards != NULL);
    memset(node->shards, 0, bytes);
    int rc = 0;
    for (int i = 0; i < node->shards_count && rc == 0; i++)
        rc = fl_shard_init(&node->shards[i], node, i, err);
    if (rc != 0) {
        fl_node_free(node);
        return rc;
    }
    *out = node;
    return 0;
}

static void *shard_thread(void *cx)
{
    struct fl_shard *shard = cx;
    fl_shard_loop(shard);
    return NULL;
}

void fl_node_note(struct fl_node *node, const struct fl_note *note)
{
    if (node->opts.on_note == NULL) return;
    pthread_mutex_lock(&node->note_lock);
    node->opts.on_note(node->opts.note_cx, note);
    pthread_mutex_unlock(&node->note_lock);
}

int fl_node_run(struct fl_node *node)
{
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error value of the write */
    FL_ASSERT(!node->opts.simulated);
    FL_ASSERT(atomic_load(&node->state) == FL_NODE_NEW);
    pthread_mutex_lock(&node->start_lock); /* a thread from outside may be looking at the shards */
    atomic_store(&node->state, FL_NODE_RUNS);
    pthread_mutex_unlock(&node->start_lock);
    for (int i = 1; i < node->shards_count; i++) {
        struct fl_shard *shard = &node->shards[i];
        int rc = pthread_create(&shard->thread, NULL, shard_thread, shard);
        FL_ASSERT(rc == 0);
        shard->thread_runs = true;
    }
    struct fl_hog *hog = fl_hog_start(node);
    fl_shard_loop(&node->shards[0]);
    for (int i = 1; i < node->shards_count; i++) {
        pthread_join(node->shards[i].thread, NULL);
        node->shards[i].thread_runs = false;
    }
    fl_hog_stop(hog);
    atomic_store(&node->state, FL_NODE_STOPPED);
    return atomic_load(&node->stop_code);
}

static void stop_post(struct fl_node *node, int shard_id, int phase)
{
    struct fl_pid pid = {(uint64_t)shard_id << 56 | (FL_ID_SLOTS_MAX - 1)};
    struct fl_sig *sig = fl_sig_new(NULL, FL_SIG_STOP, pid, FL_NO_PID);
    sig->code = phase;
    fl_shard_post(&node->shards[shard_id], sig);
}

void fl_node_stop(struct fl_node *node, int code)
{
    if (atomic_exchange(&node->stop_asked, true)) return; /* the first one's code counts */
    atomic_store(&node->stop_code, code);
    stop_post(node, 0, FL_STOP_ASKED);
}

static void stop_begin(struct fl_shard *shard, int phase)
{
    struct fl_node *node = shard->node;
    FL_ASSERT(shard->id == 0);
    shard->stop_phase = phase;
    fl_ns within_ns = STOP_ALL_WITHIN;
    if (phase == FL_STOP_FIRST) within_ns = STOP_FIRST_WITHIN;
    if (phase == FL_STOP_TREES) within_ns = STOP_TREES_WITHIN;
    node->stop_until_ns = fl_shard_now(shard) + within_ns;
    fl_timer_remove(shard, &node->stop_timer);
    fl_timer_add(shard, &node->stop_timer, node->stop_until_ns);
    for (int i = 0; i < node->shards_count; i++)
        stop_post(node, i, phase);
}

static void stop_timer_fired(struct fl_timer *timer)
{
    FL_ASSERT(timer->kind == FL_TIMER_PORT); /* fl_node_step_stop looks at the time */
}

static void stop_tell(struct fl_shard *shard, struct fl_self *self, enum fl_exit_kind kind)
{
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_EXIT, self->pid, FL_NO_PID);
    sig->reason = fl_reason_of(kind);
    sig->flags = FL_SIG_IS_PARENT;
    fl_signal_arrive(shard, sig);
}

/* In reverse order of slots: roughly the last started first. */
static void stop_tell_all(struct fl_shard *shard, int phase)
{
    for (uint32_t i = shard->procs_by_pid.used; i-- > 0;) {
        const struct fl_slot *slot = &shard->procs_by_pid.slots[i];
        if (slot->bits >> 56 != (uint64_t)shard->id) continue; /* free */
        struct fl_self *self = slot->ptr;
        bool is_root_sup = (self->flags & (FL_PROC_IS_SUP | FL_PROC_SUPERVISED)) == FL_PROC_IS_SUP;
        if (phase == FL_STOP_TREES && !is_root_sup) continue;
        if (phase == FL_STOP_FIRST && !(self->flags & FL_PROC_ENDS_FIRST)) continue;
        stop_tell(shard, self, phase == FL_STOP_KILL ? FL_EXIT_KILL : FL_EXIT_SHUTDOWN);
    }
}

/* How many of a shard's processes this phase waits for. */
static unsigned stop_waits_for(struct fl_shard *shard, int phase)
{
    if (phase == FL_STOP_FIRST) return atomic_load(&shard->firsts_now);
    return atomic_load(phase == FL_STOP_TREES ? &shard->sups_now : &shard->procs_now);
}

static unsigned count_all(const struct fl_node *node, int phase)
{
    unsigned sum = 0;
    for (int i = 0; i < node->shards_count; i++)
        sum += stop_waits_for(&node->shards[i], phase);
    return sum;
}

void fl_node_on_stop_phase(struct fl_shard *shard, int phase)
{
    struct fl_node *node = shard->node;
    if (phase == FL_STOP_ASKED) {
        if (shard->id == 0 && shard->stop_phase == FL_STOP_ASKED) {
            node->stop_timer.kind = FL_TIMER_PORT;
            node->stop_timer.fn = stop_timer_fired;
            stop_begin(shard, count_all(node, FL_STOP_FIRST) > 0 ? FL_STOP_FIRST : FL_STOP_TREES);
        }
        return; /* else: another shard is done, fl_node_step_stop looks */
    }
    shard->stop_phase = phase;
    stop_tell_all(shard, phase);
}

void fl_node_step_stop(struct fl_shard *shard)
{
    struct fl_node *node = shard->node;
    if (shard->stop_phase == FL_STOP_ASKED || atomic_load(&node->loops_end)) return;
    if (shard->id != 0) {
        if (stop_waits_for(shard, shard->stop_phase) == 0 &&
            shard->stop_told != shard->stop_phase) {
            shard->stop_told = shard->stop_phase;
            stop_post(node, 0, FL_STOP_ASKED);
        }
        return;
    }
    bool is_late = fl_shard_now(shard) >= node->stop_until_ns;
    bool is_done = count_all(node, shard->stop_phase) == 0;
    if (count_all(node, FL_STOP_ALL) == 0) {
        fl_timer_remove(shard, &node->stop_timer);
        atomic_store(&node->loops_end, true);
        for (int i = 0; i < node->shards_count; i++)
            fl_shard_wake(&node->shards[i]);
    } else if (shard->stop_phase < FL_STOP_ALL && (is_late || is_done)) {
        stop_begin(shard, shard->stop_phase + 1);
    } else if (shard->stop_phase >= FL_STOP_ALL && is_late) {
        stop_begin(shard, FL_STOP_KILL);
    }
}

/* Ends what is left when a node is freed without having been stopped: simulated ones, and those
 * that never ran. */
static void node_kill_all(struct fl_node *node)
{
    for (int i = 0; i < node->shards_count; i++) {
        struct fl_shard *shard = &node->shards[i];
        if (shard->node == NULL) continue;
        fl_shard_enter(shard);
        fl_stack_adopt_thread(shard);
        fl_shard_drain(shard);
        stop_tell_all(shard, FL_STOP_KILL);
        fl_shard_batch(shard, 0);
        while (shard->procs > 0 && shard->loop_is_open) /* OS processes are waited for */
            uv_run(&shard->loop, UV_RUN_ONCE);
        FL_ASSERT(shard->procs == 0);
    }
}

void fl_node_own(struct fl_node *node, void *ptr, void (*fn)(void *ptr))
{
    FL_ASSERT(atomic_load(&node->state) == FL_NODE_NEW);
    struct fl_node_owned *owned = fl_new(struct fl_node_owned);
    *owned = (struct fl_node_owned){.next = node->owned, .ptr = ptr, .fn = fn};
    node->owned = owned;
}

static void node_free_owned(struct fl_node *node)
{
    struct fl_node_owned *next;
    for (struct fl_node_owned *owned = node->owned; owned != NULL; owned = next) {
        next = owned->next;
        owned->fn(owned->ptr);
        free(owned);
    }
}

void fl_node_free(struct fl_node *node)
{
    if (node == NULL) return;
    FL_ASSERT(atomic_load(&node->state) != FL_NODE_RUNS);
    struct fl_shard *before = fl_shard_enter(NULL);
    node_kill_all(node);
    for (int i = 0; i < node->shards_count; i++)
        fl_shard_fini(&node->shards[i]);
    fl_shard_enter(before != NULL && before->node != node ? before : NULL);
    node_free_owned(node);
    fl_map_fini(&node->names);
    pthread_mutex_destroy(&node->start_lock);
    pthread_mutex_destroy(&node->names_lock);
    pthread_mutex_destroy(&node->note_lock);
    pthread_mutex_destroy(&node->spare_lock);
    fl_filters_fini(node);
    pthread_mutex_destroy(&node->filters_lock);
    free(node->shards);
    free(node->name);
    free(node);
}

uv_loop_t *fl_node_loop(struct fl_node *node)
{
    return node->opts.simulated ? NULL : &node->shards[0].loop;
}
