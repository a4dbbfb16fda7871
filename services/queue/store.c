#include "services/queue/store_inside.h"

static const struct fl_disk_kind store_kind = {
    .called = "queue store",
    .whose = "a queue's",
    .application_id = 0x464c5131, /* "FLQ1" */
    .sql = fl_store_sql_text,
    .sql_count = SQL_COUNT,
    .full_code = FL_STORE_EDISK,
    .when_full = "the disk is full",
    .when_damaged = "; the file is left as it is: put back a copy, or move it away together with"
                    " its -wal and -shm to begin with an empty queue",
};

static void store_fill_opts(struct fl_store *store, const struct fl_store_opts *opts)
{
    store->opts = *opts;
    store->opts.path = NULL; /* the caller's; ours is disk.path */
    if (store->opts.jobs_max == 0) store->opts.jobs_max = 1000000;
    if (store->opts.done_max == 0)
        store->opts.done_max = fl_queue_settings[FL_SET_DONE_MAX].standard;
    if (store->opts.attempts_max == 0)
        store->opts.attempts_max = (int)fl_queue_settings[FL_SET_ATTEMPTS_MAX].standard;
    fl_rng_init(&store->rng, opts->seed != 0 ? opts->seed : fl_rng_fresh_seed());
    store->is_stale = true;
}

/** Reads queues and counters once, so that questions can be answered before the first group. */
static int store_first_look(struct fl_store *store, struct fl_err *err)
{
    int rc = fl_store_refresh(store);
    return rc == SQLITE_OK ? 0 : fl_disk_fail(&store->disk, rc, "read queues", err);
}

int fl_store_open(struct fl_store **out, const struct fl_store_opts *opts, struct fl_err *err)
{
    struct fl_store *store = fl_new(struct fl_store);
    store_fill_opts(store, opts);
    const struct fl_disk_opts disk = {
        .path = opts->path,
        .pages_max = opts->pages_max,
        .unchecked = opts->unchecked,
        .make = fl_store_schema,
        .cx = store,
    };
    int code = fl_disk_open(&store->disk, &store_kind, &disk, err);
    if (code == 0) code = store_first_look(store, err);
    if (code == 0)
        *out = store;
    else
        fl_store_close(store);
    return code;
}

void fl_store_close(struct fl_store *store)
{
    if (store == NULL) return;
    fl_disk_close(&store->disk);
    fl_store_drop_queues(store);
    free(store->events);
    free(store);
}

void fl_store_op_fini(struct fl_store_op *op)
{
    for (size_t i = 0; i < op->jobs_count; i++)
        free(op->jobs[i].bytes);
    for (size_t i = 0; i < op->repeats_count; i++)
        free(op->repeats[i].bytes);
    free(op->jobs);
    free(op->queues);
    free(op->repeats);
    op->jobs = NULL;
    op->queues = NULL;
    op->repeats = NULL;
    op->jobs_count = op->queues_count = op->repeats_count = 0;
}

static int store_op_run(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    static int (*const run[FL_STORE_KINDS])(struct fl_store *, struct fl_store_op *, int64_t) = {
        [FL_STORE_ENQUEUE] = fl_store_do_enqueue,
        [FL_STORE_LEASE] = fl_store_do_lease,
        [FL_STORE_ACK] = fl_store_do_ack,
        [FL_STORE_FAIL] = fl_store_do_fail,
        [FL_STORE_HEARTBEAT] = fl_store_do_heartbeat,
        [FL_STORE_RELEASE] = fl_store_do_release,
        [FL_STORE_STATS] = fl_store_do_stats,
        [FL_STORE_GET] = fl_store_do_get,
        [FL_STORE_LIST] = fl_store_do_list,
        [FL_STORE_REQUEUE] = fl_store_do_requeue,
        [FL_STORE_REQUEUE_ALL] = fl_store_do_requeue_all,
        [FL_STORE_DELETE] = fl_store_do_delete,
        [FL_STORE_PURGE] = fl_store_do_purge,
        [FL_STORE_QUEUE_SET] = fl_store_do_queue_set,
        [FL_STORE_QUEUES] = fl_store_do_queues,
        [FL_STORE_QUEUE_DELETE] = fl_store_do_queue_delete,
        [FL_STORE_REPEAT_SET] = fl_store_do_repeat_set,
        [FL_STORE_REPEAT_DELETE] = fl_store_do_repeat_delete,
        [FL_STORE_REPEATS] = fl_store_do_repeats,
        [FL_STORE_TICK] = fl_store_do_tick,
    };
    FL_ASSERT(op->kind >= FL_STORE_ENQUEUE && op->kind < FL_STORE_KINDS);
    op->code = 0;
    op->existed = op->dead = op->is_more = false;
    op->until_ms = op->count = op->next_rank = op->next_id = 0;
    return run[op->kind](store, op, now_ms);
}

/** Everything between BEGIN and COMMIT. */
static int store_run_group(struct fl_store *store, struct fl_store_op *ops, size_t count,
                           int64_t now_ms, const char **doing)
{
    *doing = "read queues";
    int rc = fl_store_refresh(store);
    store->is_dirty = false;
    now_ms = fl_store_now(store, now_ms);

    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        *doing = "operation";
        rc = store_op_run(store, &ops[i], now_ms);
    }
    /* A group that changed nothing (a lease of an empty queue) writes nothing, so it costs no
     * fsync. */
    if (rc != SQLITE_OK || !store->is_dirty) return rc;

    *doing = "trim";
    rc = fl_store_trim(store, now_ms);
    if (rc != SQLITE_OK) return rc;
    *doing = "write queues";
    store->clock_ms = now_ms;
    return fl_store_write_queues(store);
}

/** Nobody must see half of a group that failed: neither in the file nor in memory. */
static int store_undo(struct fl_store *store, struct fl_store_op *ops, size_t count, int code)
{
    fl_disk_rollback(&store->disk);
    store->is_stale = true;
    store->events_count = 0;
    for (size_t i = 0; i < count; i++) {
        fl_store_op_fini(&ops[i]);
        ops[i].code = code;
    }
    return code;
}

/** What is told after this group is what this group does. */
static void store_begin_news(struct fl_store *store)
{
    store->events_count = 0;
    for (size_t i = 0; i < store->queues_count; i++) {
        struct store_queue *queue = store->queues[i];
        if (!queue->is_changed) continue;
        queue->is_changed = false;
        memcpy(queue->before, queue->info.totals, sizeof queue->before);
    }
}

int fl_store_apply(struct fl_store *store, struct fl_store_op *ops, size_t count, int64_t now_ms,
                   struct fl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        FL_ASSERT(ops[i].jobs == NULL && ops[i].queues == NULL && ops[i].repeats == NULL);
        ops[i].code = FL_ESTATE;
    }
    store_begin_news(store);
    if (count > FL_STORE_GROUP_MAX)
        return fl_err_set(err, FL_ERANGE, "a group of %zu operations; at most %d", count,
                          FL_STORE_GROUP_MAX);
    if (count == 0) return 0;

    const char *doing = "begin";
    bool is_committing = false;
    int rc = fl_store_exec(store, SQL_BEGIN);
    if (rc == SQLITE_OK) rc = store_run_group(store, ops, count, now_ms, &doing);
    if (rc == SQLITE_OK) {
        doing = "commit";
        is_committing = store->is_dirty;
        rc = fl_store_exec(store, SQL_COMMIT);
    }
    if (rc == SQLITE_OK) return 0;

    int code = fl_disk_fail(&store->disk, rc, doing, err);
    /* before the commit nothing can have happened */
    if (code == FL_EIO && !is_committing) code = FL_ESTATE;
    return store_undo(store, ops, count, code);
}

int64_t fl_store_now(const struct fl_store *store, int64_t now_ms)
{
    return now_ms > store->clock_ms ? now_ms : store->clock_ms;
}

int64_t fl_store_next_ms(const struct fl_store *store)
{
    int64_t next_ms = store->repeat_next_ms;
    for (size_t i = 0; i < store->queues_count; i++)
        if (store->queues[i]->due_ms < next_ms) next_ms = store->queues[i]->due_ms;
    return next_ms;
}

const struct fl_store_event *fl_store_events(const struct fl_store *store, size_t *count)
{
    *count = store->events_count;
    return store->events;
}

size_t fl_store_changed(const struct fl_store *store, struct fl_buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < store->queues_count; i++) {
        struct store_queue *queue = store->queues[i];
        if (!queue->is_changed) continue;
        struct fl_queue_news news = {.info = queue->info};
        news.leasable = fl_store_leasable(queue, store->clock_ms, &news.again_ms);
        for (int k = 0; k < FL_TOTALS; k++)
            news.added[k] = queue->info.totals[k] - queue->before[k];
        fl_buf_add(out, &news, sizeof news);
        count++;
    }
    return count;
}

static const char *const total_names[FL_TOTALS] = {"enqueued", "leased", "done",
                                                   "failed",   "dead",   "expired"};

const char *fl_queue_total_name(enum fl_queue_total total)
{
    FL_ASSERT(total < FL_TOTALS);
    return total_names[total];
}

static const char *const state_names[FL_JOB_STATES] = {"scheduled", "ready", "leased", "done",
                                                       "dead"};

const char *fl_job_state_name(enum fl_job_state state)
{
    FL_ASSERT(state < FL_JOB_STATES);
    return state_names[state];
}

bool fl_job_state_of(struct fl_str word, enum fl_job_state *out)
{
    for (int i = 0; i < FL_JOB_STATES; i++)
        if (fl_str_is(word, state_names[i])) {
            *out = (enum fl_job_state)i;
            return true;
        }
    return false;
}
