/* store_look.c: one job, and pages of jobs. */
#include "services/queue/store_inside.h"

struct fl_store_job *fl_store_push_job(struct fl_store_op *op, size_t *cap)
{
    if (op->jobs_count == *cap) {
        *cap = *cap == 0 ? 16 : *cap * 2;
        op->jobs = fl_realloc(op->jobs, *cap * sizeof *op->jobs);
    }
    struct fl_store_job *job = &op->jobs[op->jobs_count++];
    *job = (struct fl_store_job){0};
    return job;
}

void fl_store_take_job(const struct fl_store *store, sqlite3_stmt *row, struct fl_store_job *job)
{
    const struct store_queue *queue = fl_store_queue_of(store, sqlite3_column_int64(row, 1));
    const char *name = queue != NULL ? queue->info.name : "";
    struct fl_str texts[] = {
        fl_str_of(name),          fl_store_column(row, 8),  fl_store_column(row, 9),
        fl_store_column(row, 10), fl_store_column(row, 11), fl_store_column(row, 12),
        fl_store_column(row, 13),
    };
    struct fl_str *const to[] = {&job->queue, &job->key,    &job->unique, &job->worker,
                                 &job->error, &job->result, &job->payload};
    size_t bytes = 0;
    for (size_t i = 0; i < FL_COUNT(texts); i++)
        bytes += texts[i].len;
    job->bytes = fl_alloc(bytes + 1);
    char *at = job->bytes;
    for (size_t i = 0; i < FL_COUNT(texts); i++) {
        if (texts[i].at == NULL) continue;
        if (texts[i].len > 0) memcpy(at, texts[i].at, texts[i].len);
        *to[i] = (struct fl_str){at, texts[i].len};
        at += texts[i].len;
    }
    job->id = sqlite3_column_int64(row, 0);
    job->state = (enum fl_job_state)sqlite3_column_int(row, 2);
    job->at_ms = job->state == FL_JOB_READY ? 0 : sqlite3_column_int64(row, 3);
    job->priority = sqlite3_column_int(row, 4);
    job->attempt = sqlite3_column_int(row, 5);
    job->attempts_max = sqlite3_column_int(row, 6);
    if (job->attempts_max == 0 && queue != NULL)
        job->attempts_max = (int)queue->info.config.values[FL_SET_ATTEMPTS_MAX];
    job->created_ms = sqlite3_column_int64(row, 7);
}

int fl_store_do_get(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    (void)now_ms;
    sqlite3_stmt *row = store->disk.sql[SQL_GET];
    sqlite3_bind_int64(row, 1, op->id);
    int rc = sqlite3_step(row);
    size_t cap = 0;
    if (rc == SQLITE_ROW)
        fl_store_take_job(store, row, fl_store_push_job(op, &cap));
    else
        op->code = FL_ENOTFOUND;
    return fl_statement_ended(row, rc);
}

static void look_from(sqlite3_stmt *list, const struct fl_store_op *op, bool is_down)
{
    int64_t edge = is_down ? INT64_MAX : INT64_MIN;
    sqlite3_bind_int64(list, 3, op->after_id != 0 ? op->after_rank : edge);
    sqlite3_bind_int64(list, 4, op->after_id != 0 ? op->after_id : edge);
}

int fl_store_do_list(struct fl_store *store, struct fl_store_op *op, int64_t now_ms)
{
    struct store_queue *queue = fl_store_queue(store, op->queue);
    op->code = queue == NULL                                                ? FL_ENOTFOUND
               : op->max < 1 || op->max > FL_STORE_PAGE_MAX                 ? FL_ERANGE
               : op->state < FL_JOB_SCHEDULED || op->state >= FL_JOB_STATES ? FL_ERANGE
                                                                            : 0;
    if (op->code != 0) return SQLITE_OK;
    int rc = fl_store_promote(store, queue, now_ms);
    if (rc != SQLITE_OK) return rc;

    bool is_down = op->state >= FL_JOB_DONE; /* the newest first */
    sqlite3_stmt *list = store->disk.sql[is_down ? SQL_LIST_DOWN : SQL_LIST_UP];
    sqlite3_bind_int64(list, 1, queue->id);
    sqlite3_bind_int(list, 2, (int)op->state);
    look_from(list, op, is_down);
    sqlite3_bind_int(list, 5, op->max + 1);
    size_t cap = 0, bytes = 0;
    while ((rc = sqlite3_step(list)) == SQLITE_ROW) {
        size_t count = op->jobs_count;
        if (count == (size_t)op->max || bytes > FL_STORE_LEASE_BYTES_MAX) {
            op->next_id = op->jobs[count - 1].id;
            break;
        }
        struct fl_store_job *job = fl_store_push_job(op, &cap);
        fl_store_take_job(store, list, job);
        op->next_rank = sqlite3_column_int64(list, 3);
        bytes += 6 * (job->key.len + job->unique.len + job->error.len + job->worker.len) +
                 job->payload.len + job->result.len + FL_STORE_JOB_BYTES;
    }
    return fl_statement_ended(list, rc);
}
