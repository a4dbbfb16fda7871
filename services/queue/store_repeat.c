/* store_repeat.c: jobs that come by the calendar. A firing and the repeat's next time are written
 * in one transaction, and the firing's key says which one it is: no restart can make two of it. */
#include "services/queue/cron.h"
#include "services/queue/store_inside.h"

#define REPEAT_LATE_MS 60000 /* a firing that is later was missed */
#define REPEAT_TICK_MAX 200  /* firings in one step */
#define REPEAT_FULL_MS 1000  /* the queue is full: try again then */

int fl_store_forget_repeats(struct fl_store *store, int64_t queue_id)
{
    sqlite3_bind_int64(store->disk.sql[SQL_REPEATS_OF_QUEUE_DELETE], 1, queue_id);
    store->repeat_next_ms = 0;
    return fl_store_exec(store, SQL_REPEATS_OF_QUEUE_DELETE);
}

static int repeat_find(struct fl_store *store, int64_t queue_id, struct fl_str name, int64_t *id)
{
    sqlite3_stmt *row = store->disk.sql[SQL_REPEAT_FIND];
    sqlite3_bind_int64(row, 1, queue_id);
    sqlite3_bind_text(row, 2, name.at, (int)name.len, SQLITE_STATIC);
    int rc = sqlite3_step(row);
    *id = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    return fl_statement_ended(row, rc);
}

/** One more? Counted, since there are never many. */
static int repeat_check_room(struct fl_store *store, struct fl_store_op *op)
{
    sqlite3_stmt *row = store->disk.sql[SQL_REPEATS_COUNT];
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW && sqlite3_column_int64(row, 0) >= FL_STORE_REPEATS_MAX)
        op->code = FL_EFULL;
    return fl_statement_ended(row, rc);
}

static void repeat_take(const struct fl_store *store, sqlite3_stmt *row, struct fl_repeat_info *out)
{
    const struct store_queue *queue = fl_store_queue_of(store, sqlite3_column_int64(row, 0));
    if (queue != NULL) memcpy(out->queue, queue->info.name, sizeof out->queue);
    struct fl_str texts[] = {fl_store_column(row, 1), fl_store_column(row, 2),
                             fl_store_column(row, 3)};
    struct fl_str *const to[] = {&out->name, &out->cron, &out->payload};
    out->bytes = fl_alloc(texts[0].len + texts[1].len + texts[2].len + 1);
    char *at = out->bytes;
    for (size_t i = 0; i < FL_COUNT(texts); i++) {
        if (texts[i].len > 0) memcpy(at, texts[i].at, texts[i].len);
        *to[i] = (struct fl_str){at, texts[i].len};
        at += texts[i].len;
    }
    out->priority = sqlite3_column_int(row, 4);
    out->misfire = (enum fl_misfire)sqlite3_column_int(row, 5);
    out->next_ms = sqlite3_column_int64(row, 6);
    out->last_ms = sqlite3_column_int64(row, 7);
    out->fired = sqlite3_column_int64(row, 8);
}

static int repeat_list(struct fl_store *store, struct fl_store_op *op, int64_t queue_id,
                       struct fl_str name)
{
    sqlite3_stmt *row = store->disk.sql[SQL_REPEATS];
    sqlite3_bind_int64(row, 1, queue_id);
    if (name.at != NULL) sqlite3_bind_text(row, 2, name.at, (int)name.len, SQLITE_STATIC);
    size_t cap = 0, bytes = 0;
    int rc;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW && bytes < FL_STORE_LEASE_BYTES_MAX) {
        if (op->repeats_count == cap) {
            cap = cap == 0 ? 8 : cap * 2;
            op->repeats = fl_realloc(op->repeats, cap * sizeof *op->repeats);
        }
        struct fl_repeat_info *repeat = &op->repeats[op->repeats_count++];
        *repeat = (struct fl_repeat_info){0};
        repeat_take(store, row, repeat);
        bytes += repeat->payload.len + FL_STORE_JOB_BYTES;
    }
    op->is_more = rc == SQLITE_ROW;
    return fl_statement_ended(row, rc);
}

int fl_store_do_repeat_set(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct fl_cron cron;
    int64_t next_ms = fl_cron_parse(op->unique, &cron, NULL) == 0 ? fl_cron_next(&cron, now_ms)
                                                                  : -1;
    bool is_in_limits = next_ms > 0 && fl_store_queue_ok(op->key) &&
                        op->payload.len <= FL_STORE_PAYLOAD_MAX &&
                        op->priority <= FL_STORE_PRIORITY_MAX &&
                        op->priority >= -FL_STORE_PRIORITY_MAX;
    struct store_queue *queue = NULL;
    if (!is_in_limits) op->code = FL_ERANGE;
    int rc = is_in_limits ? fl_store_queue_get(store, op->queue, &queue, &op->code) : SQLITE_OK;
    if (rc != SQLITE_OK || op->code != 0) return rc;

    int64_t id;
    rc = repeat_find(store, queue->id, op->key, &id);
    op->existed = id != 0;
    if (rc == SQLITE_OK && !op->existed) rc = repeat_check_room(store, op);
    if (rc != SQLITE_OK || op->code != 0) return rc;

    sqlite3_stmt *set = store->disk.sql[SQL_REPEAT_SET];
    sqlite3_bind_int64(set, 1, queue->id);
    sqlite3_bind_text(set, 2, op->key.at, (int)op->key.len, SQLITE_STATIC);
    sqlite3_bind_text(set, 3, op->unique.at, (int)op->unique.len, SQLITE_STATIC);
    fl_store_bind(set, 4, op->payload.at != NULL ? op->payload : FL_STR("null"));
    sqlite3_bind_int64(set, 5, op->priority);
    sqlite3_bind_int(set, 6, op->max);
    sqlite3_bind_int64(set, 7, next_ms);
    rc = fl_store_exec(store, SQL_REPEAT_SET);
    if (rc != SQLITE_OK) return rc;
    if (next_ms < store->repeat_next_ms) store->repeat_next_ms = next_ms;
    return repeat_list(store, op, queue->id, op->key);
}

int fl_store_do_repeat_delete(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    struct store_queue *queue = fl_store_queue(store, op->queue);
    int64_t id = 0;
    int rc = queue != NULL ? repeat_find(store, queue->id, op->key, &id) : SQLITE_OK;
    if (id == 0) op->code = FL_ENOTFOUND;
    if (rc != SQLITE_OK || op->code != 0) return rc;
    sqlite3_bind_int64(store->disk.sql[SQL_REPEAT_DELETE], 1, id);
    return fl_store_exec(store, SQL_REPEAT_DELETE);
}

int fl_store_do_repeats(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    struct store_queue *queue = op->queue.len > 0 ? fl_store_queue(store, op->queue) : NULL;
    if (op->queue.len > 0 && queue == NULL) {
        op->code = FL_ENOTFOUND;
        return SQLITE_OK;
    }
    return repeat_list(store, op, queue != NULL ? queue->id : 0, (struct fl_str){0});
}

/** A repeat that is due, copied off its row. */
struct due_repeat {
    int64_t id, due_ms, priority;
    enum fl_misfire misfire;
    struct fl_cron cron;
    bool is_sound;
    struct store_queue *queue;
    char key[FL_STORE_KEY_MAX];
    struct fl_buf payload;
};

/** The next one that is due behind `out`, which must be zeroed for the first. */
static int repeat_take_due(struct fl_store *store, int64_t now_ms, struct due_repeat *out,
                           bool *found)
{
    sqlite3_stmt *row = store->disk.sql[SQL_REPEATS_DUE];
    sqlite3_bind_int64(row, 1, now_ms);
    sqlite3_bind_int64(row, 2, out->due_ms);
    sqlite3_bind_int64(row, 3, out->id);
    int rc = sqlite3_step(row);
    *found = rc == SQLITE_ROW;
    if (*found) {
        struct fl_str payload = fl_store_column(row, 4);
        *out = (struct due_repeat){
            .id = sqlite3_column_int64(row, 0),
            .queue = fl_store_queue_of(store, sqlite3_column_int64(row, 1)),
            .priority = sqlite3_column_int64(row, 5),
            .misfire = (enum fl_misfire)sqlite3_column_int(row, 6),
            .due_ms = sqlite3_column_int64(row, 7),
        };
        out->is_sound = fl_cron_parse(fl_store_column(row, 3), &out->cron, NULL) == 0;
        snprintf(out->key, sizeof out->key, "repeat/%.*s/%lld", FL_ARG(fl_store_column(row, 2)),
                 (long long)out->due_ms);
        fl_buf_add(&out->payload, payload.at, payload.len);
    }
    return fl_statement_ended(row, rc);
}

/** Makes the job of one firing, unless it was missed and is not wanted then. */
static int repeat_fire(struct fl_store *store, struct due_repeat *repeat, int64_t now_ms,
                       bool *is_full)
{
    bool skip = repeat->misfire == FL_MISFIRE_SKIP && now_ms - repeat->due_ms > REPEAT_LATE_MS;
    if (!skip && repeat->queue != NULL) {
        struct fl_store_op job = {
            .kind = FL_STORE_ENQUEUE,
            .queue = fl_str_of(repeat->queue->info.name),
            .key = fl_str_of(repeat->key),
            .payload = {repeat->payload.at != NULL ? repeat->payload.at : "", repeat->payload.len},
            .priority = repeat->priority,
        };
        int rc = fl_store_do_enqueue(store, &job, now_ms);
        if (rc != SQLITE_OK) return rc;
        *is_full = job.code == FL_EFULL;
        if (*is_full) return SQLITE_OK;
    }
    int64_t next_ms = repeat->is_sound ? fl_cron_next(&repeat->cron, now_ms) : -1;
    sqlite3_stmt *fired = store->disk.sql[SQL_REPEAT_FIRED];
    sqlite3_bind_int64(fired, 1, repeat->id);
    sqlite3_bind_int64(fired, 2, next_ms > 0 ? next_ms : INT64_MAX);
    if (!skip) sqlite3_bind_int64(fired, 3, repeat->due_ms);
    return fl_store_exec(store, SQL_REPEAT_FIRED);
}

static int repeat_read_next(struct fl_store *store)
{
    sqlite3_stmt *row = store->disk.sql[SQL_REPEATS_NEXT];
    int rc = sqlite3_step(row);
    bool has = rc == SQLITE_ROW && sqlite3_column_type(row, 0) != SQLITE_NULL;
    store->repeat_next_ms = has ? sqlite3_column_int64(row, 0) : INT64_MAX;
    return fl_statement_ended(row, rc);
}

static int repeat_tick(struct fl_store *store, int64_t now_ms)
{
    if (store->repeat_next_ms > now_ms) return SQLITE_OK;
    bool found = true, any_full = false;
    struct due_repeat repeat = {0};
    int rc = SQLITE_OK, fired = 0;
    while (rc == SQLITE_OK && fired < REPEAT_TICK_MAX) {
        rc = repeat_take_due(store, now_ms, &repeat, &found);
        if (rc != SQLITE_OK || !found) break;
        bool is_full = false;
        rc = repeat_fire(store, &repeat, now_ms, &is_full);
        fl_buf_fini(&repeat.payload);
        any_full |= is_full;
        fired++;
    }
    if (any_full) store->repeat_next_ms = now_ms + REPEAT_FULL_MS;
    if (rc != SQLITE_OK || any_full || fired == REPEAT_TICK_MAX) return rc; /* or go on at once */
    return repeat_read_next(store);
}

int fl_store_do_tick(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)op;
    int rc = repeat_tick(store, now_ms);
    for (size_t i = 0; i < store->queues_count && rc == SQLITE_OK; i++)
        rc = fl_store_promote(store, store->queues[i], now_ms);
    return rc;
}
