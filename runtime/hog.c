#include "runtime/hog.h"

#define HOG_LIMIT_DEFAULT fl_ms(100)
#define HOG_LOOK_EVERY fl_ms(10)
/* The most that counts between two looks: when this thread was not run either (the whole OS process
 * was stopped, the machine is overloaded), the handler is not to blame for that time. */
#define HOG_LOOK_MOST (2 * HOG_LOOK_EVERY)

/* What was seen running on one shard, and for how long. */
struct sight {
    uint64_t epoch;
    struct fl_pid pid;
    const struct fl_server *server;
    char *name;
    fl_ns spent_ns;
    bool is_told;
};

struct fl_hog {
    struct fl_node *node;
    fl_ns limit_ns, looked_ns;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_ended;
    struct sight sights[FL_SHARDS_MAX];
};

static void hog_tell(struct fl_hog *hog, const struct sight *sight, bool is_over)
{
    FL_ASSERT(sight->spent_ns >= hog->limit_ns);
    struct fl_note note = {
        .kind = FL_NOTE_HOG,
        .at_ns = fl_now(),
        .pid = sight->pid,
        .name = sight->name,
        .server = sight->server->name,
        .took_ns = sight->spent_ns,
        .is_over = is_over,
    };
    fl_node_note(hog->node, &note);
}

static void hog_look_at(struct fl_hog *hog, int shard_id, fl_ns passed_ns)
{
    struct fl_shard *shard = &hog->node->shards[shard_id];
    struct sight *sight = &hog->sights[shard_id];
    uint64_t epoch = atomic_load_explicit(&shard->epoch, memory_order_relaxed);
    struct fl_pid pid = {atomic_load_explicit(&shard->running_pid, memory_order_relaxed)};
    if (pid.bits == 0 || epoch != sight->epoch || !fl_pid_eq(pid, sight->pid)) {
        if (sight->is_told) hog_tell(hog, sight, true);
        free(sight->name);
        *sight = (struct sight){.epoch = epoch, .pid = pid};
        return;
    }
    sight->spent_ns += passed_ns;
    if (sight->is_told || sight->spent_ns < hog->limit_ns) return;
    sight->server = atomic_load_explicit(&shard->running_server, memory_order_relaxed);
    /* it may end this very moment: then that was somebody else's */
    if (atomic_load_explicit(&shard->epoch, memory_order_relaxed) != epoch) return;
    sight->is_told = true;
    sight->name = fl_name_copy(hog->node, pid);
    hog_tell(hog, sight, false);
}

static void hog_look(struct fl_hog *hog)
{
    fl_ns now_ns = fl_now();
    fl_ns passed_ns = fl_ns_min(now_ns - hog->looked_ns, HOG_LOOK_MOST);
    hog->looked_ns = now_ns;
    for (int i = 0; i < hog->node->shards_count; i++)
        hog_look_at(hog, i, passed_ns);
}

/* Waits for the next look; false: it is over. */
static bool hog_wait(struct fl_hog *hog)
{
    fl_ns due_ns = hog->looked_ns + HOG_LOOK_EVERY;
    struct timespec due = {.tv_sec = due_ns / FL_NS_PER_S, .tv_nsec = due_ns % FL_NS_PER_S};
    pthread_mutex_lock(&hog->lock);
    int rc = 0;
    while (!hog->is_ended && rc == 0)
        rc = pthread_cond_timedwait(&hog->ended, &hog->lock, &due);
    bool goes_on = !hog->is_ended;
    pthread_mutex_unlock(&hog->lock);
    return goes_on;
}

static void *hog_run(void *cx)
{
    struct fl_hog *hog = cx;
    FL_ASSERT(hog->limit_ns > 0);
    hog->looked_ns = fl_now();
    while (hog_wait(hog))
        hog_look(hog);
    return NULL;
}

struct fl_hog *fl_hog_start(struct fl_node *node)
{
    FL_ASSERT(!node->opts.simulated);
    if (node->opts.hog_ns < 0 || node->opts.on_note == NULL) return NULL;
    struct fl_hog *hog = fl_new(struct fl_hog);
    hog->node = node;
    hog->limit_ns = node->opts.hog_ns > 0 ? node->opts.hog_ns : HOG_LIMIT_DEFAULT;
    pthread_mutex_init(&hog->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* as fl_now */
    pthread_cond_init(&hog->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&hog->thread, NULL, hog_run, hog) == 0) return hog;
    pthread_cond_destroy(&hog->ended); /* no thread is left: a node without a watchdog still runs */
    pthread_mutex_destroy(&hog->lock);
    free(hog);
    return NULL;
}

void fl_hog_stop(struct fl_hog *hog)
{
    if (hog == NULL) return;
    pthread_mutex_lock(&hog->lock);
    hog->is_ended = true;
    pthread_cond_signal(&hog->ended);
    pthread_mutex_unlock(&hog->lock);
    pthread_join(hog->thread, NULL);
    FL_ASSERT(hog->node != NULL);
    for (int i = 0; i < hog->node->shards_count; i++) {
        if (hog->sights[i].is_told) hog_tell(hog, &hog->sights[i], true);
        free(hog->sights[i].name);
    }
    pthread_cond_destroy(&hog->ended);
    pthread_mutex_destroy(&hog->lock);
    free(hog);
}
