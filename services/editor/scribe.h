/* scribe.h: the process that reads and writes the archive, and how it is asked.
 *
 * A request is a struct fl_scribe_ask and what it says follows; an answer a struct fl_scribe_answer
 * and what it says follows. Both stay inside one OS process. All that waits when it is free shares
 * one transaction and one fsync, on a thread of the pool. */
#ifndef FL_EDITOR_SCRIBE_H
#define FL_EDITOR_SCRIBE_H

#include "runtime/server.h"
#include "services/editor/archive.h"

#define FL_SCRIBE_NAME "scribe"
#define FL_SCRIBE_ASK 0x65640001 /* the tag of the calls that it answers */
#define FL_SCRIBE_MAILBOX_MAX 4000

enum fl_scribe_kind {
    FL_SCRIBE_APPEND = 1, /* rev: the head expected; rows; text: keep it, it is that of the new
                             head. FL_ESTATE: another head */
    FL_SCRIBE_TEXT,       /* the text at rev (INT64_MAX: the head): a text kept, answer.rev says of
                             which revision, and rows to it. FL_ENOTFOUND: rev is not known */
    FL_SCRIBE_SINCE,      /* rows after rev; none when rev is below answer.floor, but answer.seen */
    FL_SCRIBE_VERSIONS,   /* rows before rev, the latest first, joined to versions: seq is the
                             first revision of one, rev its last; without edits */
    FL_SCRIBE_LIST,       /* documents changed last: client is the name, rev the head */
};
/** Followed by name, client, rows and text. */
struct fl_scribe_ask {
    uint32_t kind, name_len, client_len, rows, text_len;
    bool has_text;
    int64_t rev;
    uint32_t most; /* bytes of rows (one row always fits), versions, or documents; 0: a default */
};
/** Followed by text and rows. */
struct fl_scribe_answer {
    int64_t head, floor, rev, seen;
    uint32_t rows, text_len;
    bool more; /* there are rows behind these */
};

/** Appends a row to a request; fl_scribe_ask.rows counts them. */
void fl_scribe_put_row(struct fl_buf *out, const struct fl_doc_archive_row *row);
/** Takes a row off the front; false: there is none. */
bool fl_scribe_take_row(struct fl_str *rest, struct fl_doc_archive_row *row);
/** Begins a request in an empty buffer. */
void fl_scribe_put_ask(struct fl_buf *out, struct fl_scribe_ask ask, struct fl_str name,
                       struct fl_str client);
/** Reads an answer; text and rows point into data. False: it is none. */
bool fl_scribe_read_answer(const void *data, size_t len, struct fl_scribe_answer *answer,
                           struct fl_str *text, struct fl_str *rows);

struct fl_scribe_opts {
    const char *folder;           /* has editor.db; exists */
    const char *instance;         /* for messages */
    int64_t keep_revs, pages_max; /* as fl_doc_archive_opts */
};
/** args: const struct fl_scribe_opts *. */
extern const struct fl_server fl_scribe_server;

#endif
