#include "services/editor/desk.h"

#include "services/editor/scribe.h"

#define ROWS_BYTES_DEFAULT ((uint32_t)1 << 20)
#define VERSIONS_DEFAULT 40u
/* Revisions walked for a page of versions at most, so that nobody's request takes long. */
#define VERSIONS_REVS_MAX 4000
#define VERSION_PAUSE_MS 120000

/* A request, taken apart, and its answer. */
struct job {
    struct fl_doc_archive *archive;
    struct fl_scribe_ask ask;
    struct fl_str name, client, rest; /* rest: rows and text */
    struct fl_scribe_answer answer;
    struct fl_buf text, rows;
    struct fl_doc_archive_row version; /* of FL_SCRIBE_VERSIONS: the one that is growing */
    char version_client[FL_DOC_ARCHIVE_CLIENT_MAX], version_by[FL_DOC_ARCHIVE_BY_MAX];
    int64_t version_oldest_ms;
    int walked;
    struct fl_err *err;
};

static bool job_read(struct job *job, struct fl_str bytes)
{
    if (bytes.len < sizeof job->ask) return false;
    memcpy(&job->ask, bytes.at, sizeof job->ask);
    struct fl_str rest = {bytes.at + sizeof job->ask, bytes.len - sizeof job->ask};
    if (rest.len < (size_t)job->ask.name_len + job->ask.client_len) return false;
    job->name = (struct fl_str){rest.at, job->ask.name_len};
    job->client = (struct fl_str){rest.at + job->name.len, job->ask.client_len};
    size_t used = job->name.len + job->client.len;
    job->rest = (struct fl_str){rest.at + used, rest.len - used};
    return true;
}

static int job_append(struct job *job)
{
    size_t count = job->ask.rows;
    if (count > job->rest.len) return FL_EBADMSG;
    struct fl_doc_archive_row *rows = fl_new_array(struct fl_doc_archive_row, count + 1);
    struct fl_str rest = job->rest;
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = fl_scribe_take_row(&rest, &rows[i]) ? 0 : FL_EBADMSG;
    if (code == 0)
        code = fl_doc_archive_append(job->archive, job->name, job->ask.rev, rows, count, job->err);
    if (code == 0 && job->ask.has_text) {
        int64_t at_ms = count > 0 ? rows[count - 1].at_ms : 0;
        code = fl_doc_archive_snapshot(job->archive, job->name, rest, at_ms, job->err);
    }
    free(rows);
    return code;
}

static bool job_on_row(void *cx, const struct fl_doc_archive_row *row)
{
    struct job *job = cx;
    uint32_t most = job->ask.most != 0 ? job->ask.most : ROWS_BYTES_DEFAULT;
    job->answer.more = job->answer.rows > 0 && job->rows.len + row->edit.len > most;
    if (job->answer.more) return false;
    fl_scribe_put_row(&job->rows, row);
    job->answer.rows++;
    return true;
}

static int job_find(struct job *job)
{
    struct fl_doc_archive_doc doc;
    int code = fl_doc_archive_find(job->archive, job->name, &doc, job->err);
    job->answer.head = doc.head;
    job->answer.floor = doc.floor;
    return code;
}

static int job_text(struct job *job)
{
    int code = job_find(job);
    if (code != 0) return code;
    if (job->ask.rev < job->answer.floor) return FL_ENOTFOUND;
    code = fl_doc_archive_text(job->archive, job->name, job->ask.rev, &job->answer.rev, &job->text,
                               job->err);
    if (code != 0) return code;
    return fl_doc_archive_rows(job->archive, job->name, job->answer.rev, job->ask.rev, job_on_row,
                               job, job->err);
}

static int job_since(struct job *job)
{
    int code = job_find(job);
    if (code != 0) return code;
    if (job->ask.rev < job->answer.floor || job->ask.rev > job->answer.head)
        return fl_doc_archive_seen(job->archive, job->name, job->client, &job->answer.seen,
                                   job->err);
    return fl_doc_archive_rows(job->archive, job->name, job->ask.rev, INT64_MAX, job_on_row, job,
                               job->err);
}

static void version_end(struct job *job)
{
    if (job->version.rev == 0) return;
    fl_scribe_put_row(&job->rows, &job->version);
    job->answer.rows++;
    job->version = (struct fl_doc_archive_row){0};
}

static struct fl_str version_keep(char *to, size_t max, struct fl_str text)
{
    size_t len = text.len < max ? text.len : max;
    memcpy(to, text.at, len);
    return (struct fl_str){to, len};
}

/** Joins rows, latest first, to versions: one client's, without a long pause. */
static bool version_on_row(void *cx, const struct fl_doc_archive_row *row)
{
    struct job *job = cx;
    struct fl_doc_archive_row *version = &job->version;
    bool goes_on = version->rev != 0 && fl_str_eq(version->client, row->client) &&
                   fl_str_eq(version->by, row->by) &&
                   job->version_oldest_ms - row->at_ms < VERSION_PAUSE_MS;
    if (!goes_on) {
        version_end(job);
        uint32_t most = job->ask.most != 0 ? job->ask.most : VERSIONS_DEFAULT;
        job->answer.more = job->answer.rows >= most || job->walked >= VERSIONS_REVS_MAX;
        if (job->answer.more) return false;
        *version = *row;
        version->inserted = version->deleted = 0;
        version->client = version_keep(job->version_client, FL_DOC_ARCHIVE_CLIENT_MAX, row->client);
        version->by = version_keep(job->version_by, FL_DOC_ARCHIVE_BY_MAX, row->by);
    }
    version->seq = row->rev;
    version->inserted += row->inserted;
    version->deleted += row->deleted;
    job->version_oldest_ms = row->at_ms;
    job->walked++;
    return true;
}

static int job_versions(struct job *job)
{
    int code = job_find(job);
    if (code == 0)
        code = fl_doc_archive_recent(job->archive, job->name, job->ask.rev, version_on_row, job,
                                     job->err);
    version_end(job);
    return code;
}

static void job_on_entry(void *cx, const struct fl_doc_archive_entry *entry)
{
    struct job *job = cx;
    struct fl_doc_archive_row row = {
        .rev = entry->head, .at_ms = entry->changed_ms, .client = entry->name};
    fl_scribe_put_row(&job->rows, &row);
    job->answer.rows++;
}

static int job_list(struct job *job)
{
    return fl_doc_archive_list(job->archive, job->ask.most != 0 ? (int)job->ask.most : 50,
                               job_on_entry, job, job->err);
}

static int job_run(struct job *job)
{
    static int (*const run[])(struct job *) = {
        [FL_SCRIBE_APPEND] = job_append, [FL_SCRIBE_TEXT] = job_text,
        [FL_SCRIBE_SINCE] = job_since,   [FL_SCRIBE_VERSIONS] = job_versions,
        [FL_SCRIBE_LIST] = job_list,
    };
    if (job->ask.kind < FL_SCRIBE_APPEND || job->ask.kind > FL_SCRIBE_LIST) return FL_EBADMSG;
    return run[job->ask.kind](job);
}

/** Does one request. Returns what ends the transaction, or 0; ask->code is the request's own. */
static int desk_do(struct fl_doc_archive *archive, struct fl_clerk_ask *ask, struct fl_err *err)
{
    struct job job = {.archive = archive, .err = err};
    ask->code = job_read(&job, ask->bytes) ? job_run(&job) : FL_EBADMSG;
    if (ask->code == 0) {
        job.answer.text_len = (uint32_t)job.text.len;
        fl_buf_add(&ask->answer, &job.answer, sizeof job.answer);
        fl_buf_add(&ask->answer, job.text.at != NULL ? job.text.at : "", job.text.len);
        fl_buf_add(&ask->answer, job.rows.at != NULL ? job.rows.at : "", job.rows.len);
    }
    fl_buf_fini(&job.text);
    fl_buf_fini(&job.rows);
    return ask->code == FL_EIO || ask->code == FL_EFULL ? ask->code : 0;
}

int fl_desk_work(void *archive, struct fl_clerk_batch *batch)
{
    int code = fl_doc_archive_begin(archive, &batch->err);
    for (size_t i = 0; i < batch->count && code == 0; i++)
        code = desk_do(archive, &batch->asks[i], &batch->err);
    if (code == 0) code = fl_doc_archive_commit(archive, &batch->err);
    if (code == 0) return 0;
    fl_doc_archive_rollback(archive);
    for (size_t i = 0; i < batch->count; i++)
        batch->asks[i].code = code;
    return code;
}
