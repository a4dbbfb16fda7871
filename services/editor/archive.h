/* archive.h: documents that survive a crash: SQLite (WAL, synchronous=FULL), many writes in one
 * commit.
 *
 * Knows: SQLite, one file. Does not know: the runtime, what an edit means: texts and edits are
 * bytes to it. Thread: one at a time, any. docs/editor.md has the tables and what is kept for how
 * long. */
#ifndef FL_EDITOR_ARCHIVE_H
#define FL_EDITOR_ARCHIVE_H

#include "runtime/base/str.h"

#define FL_DOC_ARCHIVE_NAME_MAX 64   /* bytes of a document's name */
#define FL_DOC_ARCHIVE_CLIENT_MAX 32 /* bytes of a client's id */
#define FL_DOC_ARCHIVE_BY_MAX 64     /* bytes of an author's name */

struct fl_doc_archive_opts {
    const char *path;  /* the database file; made when it is not there */
    int64_t docs_max;  /* documents; 0: 100,000; above: FL_EFULL */
    int64_t keep_revs; /* revisions kept of a document; 0: 10,000 */
    int64_t pages_max; /* 4 KiB pages the file may have; 0: no limit but the disk */
};

/** A revision. Views are borrowed. */
struct fl_doc_archive_row {
    int64_t rev, seq, at_ms; /* at_ms: wall time */
    uint32_t inserted, deleted;
    struct fl_str client, by, edit;
};
/** What there is of a document. */
struct fl_doc_archive_doc {
    int64_t head;  /* its last revision; 0: nobody ever wrote it */
    int64_t floor; /* the oldest revision whose text is known */
};
/** A line of the list of documents. */
struct fl_doc_archive_entry {
    struct fl_str name;
    int64_t head, changed_ms;
};

struct fl_doc_archive;

/** Opens or makes the database. FL_EIO: it cannot be opened, is damaged, or is another program's.
 */
int fl_doc_archive_open(struct fl_doc_archive **out, const struct fl_doc_archive_opts *opts,
                        struct fl_err *err);
/** Closes; NULL is fine. */
void fl_doc_archive_close(struct fl_doc_archive *archive);

/** What follows until fl_doc_archive_commit is one transaction. Errors of all that is inside one,
 * and of itself: FL_EFULL (the disk is full), FL_EIO; then nothing of it happened, and it has to be
 * ended with fl_doc_archive_rollback. */
int fl_doc_archive_begin(struct fl_doc_archive *archive, struct fl_err *err);
/** On the disk when this returns 0; after a failure it may be or not. */
int fl_doc_archive_commit(struct fl_doc_archive *archive, struct fl_err *err);
/** Nothing of it happened. */
void fl_doc_archive_rollback(struct fl_doc_archive *archive);

/** Adds revisions head+1 … to a document. FL_ESTATE: its head is another, FL_ERANGE: docs_max; with
 * both nothing was written and the transaction goes on. */
int fl_doc_archive_append(struct fl_doc_archive *archive, struct fl_str name, int64_t head,
                          const struct fl_doc_archive_row *rows, size_t count, struct fl_err *err);
/** Keeps the whole text (UTF-8) of the head, and forgets revisions that are too old. */
int fl_doc_archive_snapshot(struct fl_doc_archive *archive, struct fl_str name, struct fl_str text,
                            int64_t at_ms, struct fl_err *err);
/** What there is of a document; zeros when there is none. */
int fl_doc_archive_find(struct fl_doc_archive *archive, struct fl_str name,
                        struct fl_doc_archive_doc *out, struct fl_err *err);
/** Appends the latest kept text that is not after `rev` to out, and says which revision it is of
 * (0: the empty text). */
int fl_doc_archive_text(struct fl_doc_archive *archive, struct fl_str name, int64_t rev,
                        int64_t *of, struct fl_buf *out, struct fl_err *err);
/** Calls row for the revisions after `since` up to `until`, in order, until it returns false; views
 * are valid during the call. */
int fl_doc_archive_rows(struct fl_doc_archive *archive, struct fl_str name, int64_t since,
                        int64_t until, bool (*row)(void *cx, const struct fl_doc_archive_row *row),
                        void *cx, struct fl_err *err);
/** The same without the edits (their view is empty), for those before `before`, the latest first.
 */
int fl_doc_archive_recent(struct fl_doc_archive *archive, struct fl_str name, int64_t before,
                          bool (*row)(void *cx, const struct fl_doc_archive_row *row), void *cx,
                          struct fl_err *err);
/** The last seq of a client that is in the history, 0: none. */
int fl_doc_archive_seen(struct fl_doc_archive *archive, struct fl_str name, struct fl_str client,
                        int64_t *out, struct fl_err *err);
/** Calls entry for the documents that were changed last, at most `most`. */
int fl_doc_archive_list(struct fl_doc_archive *archive, int most,
                        void (*entry)(void *cx, const struct fl_doc_archive_entry *entry), void *cx,
                        struct fl_err *err);

#endif
