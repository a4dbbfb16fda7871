#include "services/editor/archive_inside.h"

/** Ends the use of a statement and says how it went: 0 also after a row. */
static int done(struct fl_doc_archive *archive, enum archive_sql which, int rc, const char *doing,
                struct fl_err *err)
{
    rc = fl_statement_ended(archive->disk.sql[which], rc);
    return rc == SQLITE_OK ? 0 : fl_disk_fail(&archive->disk, rc, doing, err);
}

static int step(struct fl_doc_archive *archive, enum archive_sql which, const char *doing,
                struct fl_err *err)
{
    return done(archive, which, sqlite3_step(archive->disk.sql[which]), doing, err);
}

/** A statement with a document and a number. */
static int step_doc(struct fl_doc_archive *archive, enum archive_sql which, int64_t doc,
                    int64_t number, struct fl_err *err)
{
    sqlite3_bind_int64(archive->disk.sql[which], 1, doc);
    sqlite3_bind_int64(archive->disk.sql[which], 2, number);
    return step(archive, which, "forget what is old", err);
}

int fl_doc_archive_begin(struct fl_doc_archive *archive, struct fl_err *err)
{
    return step(archive, SQL_BEGIN, "begin", err);
}

int fl_doc_archive_commit(struct fl_doc_archive *archive, struct fl_err *err)
{
    return step(archive, SQL_COMMIT, "commit", err);
}

void fl_doc_archive_rollback(struct fl_doc_archive *archive)
{
    fl_disk_rollback(&archive->disk);
}

/** *id 0: there is none of this name. */
static int find(struct fl_doc_archive *archive, struct fl_str name, int64_t *id,
                struct fl_doc_archive_doc *out, struct fl_err *err)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_FIND];
    *id = 0;
    *out = (struct fl_doc_archive_doc){0};
    fl_statement_bind(stmt, 1, name);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *id = sqlite3_column_int64(stmt, 0);
        out->head = sqlite3_column_int64(stmt, 1);
        out->floor = sqlite3_column_int64(stmt, 2);
    }
    return done(archive, SQL_FIND, rc, "find", err);
}

int fl_doc_archive_find(struct fl_doc_archive *archive, struct fl_str name,
                        struct fl_doc_archive_doc *out, struct fl_err *err)
{
    int64_t id;
    return find(archive, name, &id, out, err);
}

static int make(struct fl_doc_archive *archive, struct fl_str name, int64_t *id, struct fl_err *err)
{
    sqlite3_stmt *count = archive->disk.sql[SQL_COUNT_DOCS];
    int rc = sqlite3_step(count);
    int64_t docs = rc == SQLITE_ROW ? sqlite3_column_int64(count, 0) : 0;
    int code = done(archive, SQL_COUNT_DOCS, rc, "count", err);
    if (code != 0) return code;
    if (docs >= archive->docs_max)
        return fl_err_set(err, FL_ERANGE, "editor store %s: %lld documents are enough",
                          archive->disk.path, (long long)docs);
    fl_statement_bind(archive->disk.sql[SQL_MAKE], 1, name);
    code = step(archive, SQL_MAKE, "make a document", err);
    *id = sqlite3_last_insert_rowid(archive->disk.db);
    return code;
}

static int append_row(struct fl_doc_archive *archive, int64_t id, int64_t rev,
                      const struct fl_doc_archive_row *row, struct fl_err *err)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_APPEND];
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, rev);
    fl_statement_bind(stmt, 3, row->client);
    sqlite3_bind_int64(stmt, 4, row->seq);
    fl_statement_bind(stmt, 5, row->by);
    sqlite3_bind_int64(stmt, 6, row->at_ms);
    sqlite3_bind_int64(stmt, 7, row->inserted);
    sqlite3_bind_int64(stmt, 8, row->deleted);
    fl_statement_bind(stmt, 9, row->edit);
    return step(archive, SQL_APPEND, "append", err);
}

int fl_doc_archive_append(struct fl_doc_archive *archive, struct fl_str name, int64_t head,
                          const struct fl_doc_archive_row *rows, size_t count, struct fl_err *err)
{
    int64_t id;
    struct fl_doc_archive_doc doc;
    int code = find(archive, name, &id, &doc, err);
    if (code != 0) return code;
    if (doc.head != head)
        return fl_err_set(err, FL_ESTATE, "the document is at revision %lld and not %lld",
                          (long long)doc.head, (long long)head);
    if (count == 0) return 0;
    if (id == 0) code = make(archive, name, &id, err);
    for (size_t i = 0; i < count && code == 0; i++)
        code = append_row(archive, id, head + 1 + (int64_t)i, &rows[i], err);
    if (code != 0) return code;
    sqlite3_stmt *stmt = archive->disk.sql[SQL_HEAD];
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, head + (int64_t)count);
    sqlite3_bind_int64(stmt, 3, rows[count - 1].at_ms);
    return step(archive, SQL_HEAD, "head", err);
}

/** Forgets revisions up to the last kept text that is old enough. */
static int forget(struct fl_doc_archive *archive, int64_t id, const struct fl_doc_archive_doc *doc,
                  struct fl_err *err)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_OLD_SNAP];
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, doc->head - archive->keep_revs);
    int rc = sqlite3_step(stmt);
    int64_t floor = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    int code = done(archive, SQL_OLD_SNAP, rc, "find the oldest", err);
    if (floor <= doc->floor) return code;
    static const enum archive_sql steps[] = {SQL_KEEP_SEEN, SQL_DROP_OPS, SQL_DROP_SNAPS,
                                             SQL_FLOOR};
    for (size_t i = 0; i < FL_COUNT(steps) && code == 0; i++)
        code = step_doc(archive, steps[i], id, floor, err);
    if (code != 0) return code;
    sqlite3_bind_int64(archive->disk.sql[SQL_DROP_SEEN], 1, id);
    return step(archive, SQL_DROP_SEEN, "forget clients", err);
}

int fl_doc_archive_snapshot(struct fl_doc_archive *archive, struct fl_str name, struct fl_str text,
                            int64_t at_ms, struct fl_err *err)
{
    int64_t id;
    struct fl_doc_archive_doc doc;
    int code = find(archive, name, &id, &doc, err);
    if (code != 0 || id == 0) return code;
    sqlite3_stmt *stmt = archive->disk.sql[SQL_SNAP];
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, doc.head);
    sqlite3_bind_int64(stmt, 3, at_ms);
    fl_statement_bind(stmt, 4, text);
    code = step(archive, SQL_SNAP, "keep the text", err);
    return code != 0 ? code : forget(archive, id, &doc, err);
}

int fl_doc_archive_text(struct fl_doc_archive *archive, struct fl_str name, int64_t rev,
                        int64_t *of, struct fl_buf *out, struct fl_err *err)
{
    int64_t id;
    struct fl_doc_archive_doc doc;
    int code = find(archive, name, &id, &doc, err);
    *of = 0;
    if (code != 0 || id == 0) return code;
    sqlite3_stmt *stmt = archive->disk.sql[SQL_TEXT];
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, rev);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *of = sqlite3_column_int64(stmt, 0);
        struct fl_str text = fl_statement_bytes(stmt, 1);
        fl_buf_add(out, text.at, text.len);
    }
    return done(archive, SQL_TEXT, rc, "read the text", err);
}

/** Hands the rows of a bound statement on, until one is not wanted. */
static int each_row(struct fl_doc_archive *archive, enum archive_sql which,
                    bool (*row)(void *cx, const struct fl_doc_archive_row *row), void *cx,
                    struct fl_err *err)
{
    sqlite3_stmt *stmt = archive->disk.sql[which];
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct fl_doc_archive_row found = {
            .rev = sqlite3_column_int64(stmt, 0),
            .seq = sqlite3_column_int64(stmt, 1),
            .at_ms = sqlite3_column_int64(stmt, 2),
            .inserted = (uint32_t)sqlite3_column_int64(stmt, 3),
            .deleted = (uint32_t)sqlite3_column_int64(stmt, 4),
            .client = fl_statement_bytes(stmt, 5),
            .by = fl_statement_bytes(stmt, 6),
            .edit = fl_statement_bytes(stmt, 7),
        };
        if (!row(cx, &found)) break;
    }
    return done(archive, which, rc, "read revisions", err);
}

int fl_doc_archive_rows(struct fl_doc_archive *archive, struct fl_str name, int64_t since,
                        int64_t until, bool (*row)(void *cx, const struct fl_doc_archive_row *row),
                        void *cx, struct fl_err *err)
{
    int64_t id;
    struct fl_doc_archive_doc doc;
    int code = find(archive, name, &id, &doc, err);
    if (code != 0 || id == 0) return code;
    sqlite3_bind_int64(archive->disk.sql[SQL_ROWS], 1, id);
    sqlite3_bind_int64(archive->disk.sql[SQL_ROWS], 2, since);
    sqlite3_bind_int64(archive->disk.sql[SQL_ROWS], 3, until);
    return each_row(archive, SQL_ROWS, row, cx, err);
}

int fl_doc_archive_recent(struct fl_doc_archive *archive, struct fl_str name, int64_t before,
                          bool (*row)(void *cx, const struct fl_doc_archive_row *row), void *cx,
                          struct fl_err *err)
{
    int64_t id;
    struct fl_doc_archive_doc doc;
    int code = find(archive, name, &id, &doc, err);
    if (code != 0 || id == 0) return code;
    sqlite3_bind_int64(archive->disk.sql[SQL_RECENT], 1, id);
    sqlite3_bind_int64(archive->disk.sql[SQL_RECENT], 2, before);
    return each_row(archive, SQL_RECENT, row, cx, err);
}

int fl_doc_archive_seen(struct fl_doc_archive *archive, struct fl_str name, struct fl_str client,
                        int64_t *out, struct fl_err *err)
{
    int64_t id;
    struct fl_doc_archive_doc doc;
    int code = find(archive, name, &id, &doc, err);
    *out = 0;
    if (code != 0 || id == 0) return code;
    sqlite3_stmt *stmt = archive->disk.sql[SQL_SEEN];
    sqlite3_bind_int64(stmt, 1, id);
    fl_statement_bind(stmt, 2, client);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) *out = sqlite3_column_int64(stmt, 0);
    return done(archive, SQL_SEEN, rc, "find a client", err);
}

int fl_doc_archive_list(struct fl_doc_archive *archive, int most,
                        void (*entry)(void *cx, const struct fl_doc_archive_entry *entry), void *cx,
                        struct fl_err *err)
{
    sqlite3_stmt *stmt = archive->disk.sql[SQL_LIST];
    sqlite3_bind_int(stmt, 1, most);
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct fl_doc_archive_entry found = {fl_statement_bytes(stmt, 0),
                                             sqlite3_column_int64(stmt, 1),
                                             sqlite3_column_int64(stmt, 2)};
        entry(cx, &found);
    }
    return done(archive, SQL_LIST, rc, "list", err);
}
