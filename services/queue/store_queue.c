/* store_queue.c: the queues: read once, kept in memory, written with each group that changed them.
 * The counts live in their rows and not only here, so that opening does not count a million jobs.
 */
#include "services/queue/store_inside.h"

static uint32_t queue_bucket(struct fl_str name)
{
    return (uint32_t)(fl_hash_bytes(name.at, name.len) % STORE_BUCKETS);
}

bool fl_store_queue_ok(struct fl_str name)
{
    if (name.len == 0 || name.len > FL_STORE_QUEUE_MAX) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
        if (!ok) return false;
    }
    return true;
}

void fl_store_drop_queues(struct fl_store *store)
{
    for (size_t i = 0; i < store->queues_count; i++)
        free(store->queues[i]);
    free(store->queues);
    store->queues = NULL;
    store->queues_count = 0;
    memset(store->buckets, 0, sizeof store->buckets);
    memset(store->by_id, 0, sizeof store->by_id);
}

static void queue_link(struct fl_store *store, struct store_queue *queue)
{
    store->queues = fl_realloc(store->queues,
                               (store->queues_count + 1) * sizeof(struct store_queue *));
    size_t at = store->queues_count++;
    for (; at > 0 && strcmp(store->queues[at - 1]->info.name, queue->info.name) > 0; at--)
        store->queues[at] = store->queues[at - 1];
    store->queues[at] = queue;
    uint32_t bucket = queue_bucket(fl_str_of(queue->info.name));
    queue->bucket_next = store->buckets[bucket];
    store->buckets[bucket] = queue;
    store->by_id[queue->id] = queue;
}

static void queue_read_row(sqlite3_stmt *row, struct store_queue *queue)
{
    struct fl_queue_info *info = &queue->info;
    queue->id = sqlite3_column_int64(row, 0);
    snprintf(info->name, sizeof info->name, "%s", (const char *)sqlite3_column_text(row, 1));
    snprintf(info->config.handler, sizeof info->config.handler, "%s",
             (const char *)sqlite3_column_text(row, 2));
    int at = 3;
    for (int i = 0; i < FL_SET_COUNT; i++)
        info->config.values[i] = sqlite3_column_int64(row, at++);
    for (int i = 0; i < FL_JOB_STATES; i++)
        info->jobs[i] = sqlite3_column_int64(row, at++);
    for (int i = 0; i < FL_TOTALS; i++)
        info->totals[i] = sqlite3_column_int64(row, at++);
}

static int64_t queue_open_jobs(const struct fl_queue_info *info)
{
    return info->jobs[FL_JOB_SCHEDULED] + info->jobs[FL_JOB_READY] + info->jobs[FL_JOB_LEASED] +
           info->jobs[FL_JOB_DEAD];
}

static int queues_read(struct fl_store *store)
{
    struct store_queue **old = store->queues;
    size_t old_count = store->queues_count;
    store->queues = NULL;
    store->queues_count = 0;
    memset(store->buckets, 0, sizeof store->buckets);
    memset(store->by_id, 0, sizeof store->by_id);
    store->open = 0;

    sqlite3_stmt *row = store->disk.sql[SQL_QUEUES_READ];
    int rc;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct store_queue *queue = fl_new(struct store_queue);
        queue_read_row(row, queue);
        queue->tokens = 1;
        if (queue->id < 1 || queue->id > FL_STORE_QUEUES_MAX) {
            free(queue);
            rc = SQLITE_CORRUPT;
            break;
        }
        for (size_t i = 0; i < old_count; i++) /* what only memory knows */
            if (old[i]->id == queue->id) {
                queue->tokens = old[i]->tokens;
                queue->tokens_ms = old[i]->tokens_ms;
            }
        store->open += queue_open_jobs(&queue->info);
        memcpy(queue->before, queue->info.totals, sizeof queue->before);
        queue_link(store, queue);
    }
    for (size_t i = 0; i < old_count; i++)
        free(old[i]);
    free(old);
    return fl_statement_ended(row, rc);
}

static int queues_read_meta(struct fl_store *store)
{
    sqlite3_stmt *row = store->disk.sql[SQL_META_READ];
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW) {
        store->next_id = sqlite3_column_int64(row, 0);
        store->clock_ms = sqlite3_column_int64(row, 1);
    }
    sqlite3_reset(row);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int fl_store_refresh(struct fl_store *store)
{
    sqlite3_stmt *version = store->disk.sql[SQL_VERSION];
    int rc = sqlite3_step(version);
    int64_t now = rc == SQLITE_ROW ? sqlite3_column_int64(version, 0) : -1;
    rc = fl_statement_ended(version, rc);
    if (rc != SQLITE_OK) return rc;
    if (!store->is_stale && now == store->data_version) return SQLITE_OK;

    rc = queues_read_meta(store);
    if (rc == SQLITE_OK) rc = queues_read(store);
    if (rc != SQLITE_OK) return rc;
    store->repeat_next_ms = 0; /* look */
    store->data_version = now;
    store->is_stale = false;
    return SQLITE_OK;
}

static int queue_write(struct fl_store *store, const struct store_queue *queue)
{
    sqlite3_stmt *stmt = store->disk.sql[SQL_QUEUE_WRITE];
    const struct fl_queue_info *info = &queue->info;
    sqlite3_bind_int64(stmt, 1, queue->id);
    sqlite3_bind_text(stmt, 2, info->config.handler, -1, SQLITE_STATIC);
    int at = 3;
    for (int i = 0; i < FL_SET_COUNT; i++)
        sqlite3_bind_int64(stmt, at++, info->config.values[i]);
    for (int i = 0; i < FL_JOB_STATES; i++)
        sqlite3_bind_int64(stmt, at++, info->jobs[i]);
    for (int i = 0; i < FL_TOTALS; i++)
        sqlite3_bind_int64(stmt, at++, info->totals[i]);
    return fl_store_exec(store, SQL_QUEUE_WRITE);
}

int fl_store_write_queues(struct fl_store *store)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < store->queues_count && rc == SQLITE_OK; i++) {
        struct store_queue *queue = store->queues[i];
        if (!queue->is_dirty) continue;
        rc = queue_write(store, queue);
        queue->is_dirty = false;
    }
    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(store->disk.sql[SQL_META_WRITE], 1, store->next_id);
    sqlite3_bind_int64(store->disk.sql[SQL_META_WRITE], 2, store->clock_ms);
    return fl_store_exec(store, SQL_META_WRITE);
}

struct store_queue *fl_store_queue(const struct fl_store *store, struct fl_str name)
{
    if (name.len == 0) name = FL_STR("default");
    for (struct store_queue *queue = store->buckets[queue_bucket(name)]; queue != NULL;
         queue = queue->bucket_next)
        if (fl_str_is(name, queue->info.name)) return queue;
    return NULL;
}

struct store_queue *fl_store_queue_of(const struct fl_store *store, int64_t id)
{
    return id >= 1 && id <= FL_STORE_QUEUES_MAX ? store->by_id[id] : NULL;
}

static int64_t queue_new_id(const struct fl_store *store)
{
    int64_t id = 1;
    while (fl_store_queue_of(store, id) != NULL)
        id++;
    return id;
}

int fl_store_queue_get(struct fl_store *store, struct fl_str name, struct store_queue **out,
                       int *code)
{
    *out = fl_store_queue(store, name);
    if (*out != NULL) return SQLITE_OK;
    if (name.len == 0) name = FL_STR("default");
    *code = !fl_store_queue_ok(name)                     ? FL_ERANGE
            : store->queues_count >= FL_STORE_QUEUES_MAX ? FL_EFULL
                                                         : 0;
    if (*code != 0) return SQLITE_OK;

    struct store_queue *queue = fl_new(struct store_queue);
    queue->id = queue_new_id(store);
    snprintf(queue->info.name, sizeof queue->info.name, "%.*s", FL_ARG(name));
    fl_queue_config_init(&queue->info.config);
    queue->info.config.values[FL_SET_DONE_MAX] = store->opts.done_max;
    queue->info.config.values[FL_SET_ATTEMPTS_MAX] = store->opts.attempts_max;
    queue->tokens = 1;
    queue->due_ms = INT64_MAX;
    sqlite3_bind_int64(store->disk.sql[SQL_QUEUE_INSERT], 1, queue->id);
    sqlite3_bind_text(store->disk.sql[SQL_QUEUE_INSERT], 2, queue->info.name, -1, SQLITE_STATIC);
    int rc = fl_store_exec(store, SQL_QUEUE_INSERT);
    if (rc != SQLITE_OK) {
        free(queue);
        return rc;
    }
    queue_link(store, queue);
    fl_store_touch(store, queue);
    *out = queue;
    return SQLITE_OK;
}

void fl_store_touch(struct fl_store *store, struct store_queue *queue)
{
    queue->is_dirty = queue->is_changed = true;
    store->is_dirty = true;
}

void fl_store_moved(struct fl_store *store, struct store_queue *queue, enum fl_job_state from,
                    enum fl_job_state to)
{
    int64_t before = queue_open_jobs(&queue->info);
    if (from != FL_JOB_STATES) queue->info.jobs[from]--;
    if (to != FL_JOB_STATES) queue->info.jobs[to]++;
    store->open += queue_open_jobs(&queue->info) - before;
    fl_store_touch(store, queue);
}

static void queues_give(struct fl_store_op *op, const struct fl_queue_info *info)
{
    op->queues = fl_new(struct fl_queue_info);
    op->queues[0] = *info;
    op->queues_count = 1;
}

int fl_store_do_stats(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct store_queue *queue = fl_store_queue(store, op->queue);
    if (queue == NULL) {
        op->code = FL_ENOTFOUND;
        return SQLITE_OK;
    }
    int rc = fl_store_promote(store, queue, now_ms);
    if (rc == SQLITE_OK) queues_give(op, &queue->info);
    return rc;
}

int fl_store_do_queue_set(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    struct fl_queue_config scratch;
    fl_queue_config_init(&scratch); /* a change that is refused makes no queue */
    op->code = fl_queue_config_change(&scratch, &op->change);
    if (op->code != 0) return SQLITE_OK;
    struct store_queue *queue;
    int rc = fl_store_queue_get(store, op->queue, &queue, &op->code);
    if (rc != SQLITE_OK || op->code != 0) return rc;
    op->code = fl_queue_config_change(&queue->info.config, &op->change);
    if (op->code != 0) return SQLITE_OK;
    fl_store_touch(store, queue);
    queues_give(op, &queue->info);
    return SQLITE_OK;
}

int fl_store_do_queues(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    op->queues = fl_new_array(struct fl_queue_info, store->queues_count + 1);
    for (size_t i = 0; i < store->queues_count; i++) {
        int rc = fl_store_promote(store, store->queues[i], now_ms);
        if (rc != SQLITE_OK) return rc;
        op->queues[op->queues_count++] = store->queues[i]->info;
    }
    return SQLITE_OK;
}

int fl_store_do_queue_delete(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    struct store_queue *queue = fl_store_queue(store, op->queue);
    op->code = queue == NULL ? FL_ENOTFOUND : 0;
    if (queue != NULL && queue->info.config.values[FL_SET_WORKERS] > 0) op->code = FL_EREFUSED;
    for (int i = 0; queue != NULL && i < FL_JOB_STATES; i++)
        if (queue->info.jobs[i] != 0) op->code = FL_EREFUSED;
    if (op->code != 0) return SQLITE_OK;

    int rc = fl_store_forget_repeats(store, queue->id);
    if (rc != SQLITE_OK) return rc;
    sqlite3_bind_int64(store->disk.sql[SQL_QUEUE_DELETE], 1, queue->id);
    rc = fl_store_exec(store, SQL_QUEUE_DELETE);
    if (rc != SQLITE_OK) return rc;

    struct store_queue **link = &store->buckets[queue_bucket(fl_str_of(queue->info.name))];
    while (*link != queue)
        link = &(*link)->bucket_next;
    *link = queue->bucket_next;
    store->by_id[queue->id] = NULL;
    size_t at = 0;
    while (store->queues[at] != queue)
        at++;
    store->queues_count--;
    memmove(&store->queues[at], &store->queues[at + 1],
            (store->queues_count - at) * sizeof(struct store_queue *));
    free(queue);
    return SQLITE_OK;
}
