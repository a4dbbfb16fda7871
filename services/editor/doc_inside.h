/* doc_inside.h: what the files of a document's process share; nobody else's business.
 *
 * Memory: the process may be killed whenever a handler waits, so everything hangs off its state. */
#ifndef FL_EDITOR_DOC_INSIDE_H
#define FL_EDITOR_DOC_INSIDE_H

#include "services/editor/doc.h"
#include "services/editor/past.h"
#include "services/editor/scribe.h"

#define DOC_MAILBOX_MAX 20000
#define DOC_PENDING_MAX 2000 /* revisions that are not on the disk yet */
#define DOC_WAITERS_MAX 8000
#define DOC_SYNCS_MAX 1000

struct doc_args {
    const struct fl_docs *docs;
    char name[FL_DOC_ARCHIVE_NAME_MAX + 1];
};
/* Of a submit and a sync; number is base or since. Followed by client, by, op. */
struct doc_request {
    int64_t number, seq;
    uint32_t client_len, by_len, op_len;
};
/* Whoever waits until a revision is on the disk. */
struct doc_waiter {
    struct fl_pid from;
    uint64_t ref;
    int64_t rev;
};
/* Whoever waits for revisions that only the archive has. */
struct doc_sync {
    struct fl_pid from;
    uint64_t ref;     /* of their call */
    uint64_t ask_ref; /* of mine */
    char client[FL_DOC_ARCHIVE_CLIENT_MAX];
    size_t client_len;
};

struct doc {
    struct doc_args args;
    char full_name[FL_DOC_FULL_NAME_MAX];
    fl_ns wall_ns; /* wall time at the node clock's zero */
    bool broken;   /* what is stored makes no sense: every call is answered FL_EIO */
    int tries;     /* to load */

    struct fl_text text;  /* of the head: what comes in is applied here at once */
    struct fl_text saved; /* of `committed`: what may be told */
    struct fl_past past;
    int64_t committed, sent; /* on the disk; on the way there: at most one request */
    uint64_t append_ref;
    int64_t snap_rev;  /* the last text kept */
    size_t snap_bytes; /* of edits since */

    struct doc_waiter *waiters; /* by rev */
    size_t waiters_count, waiters_cap;
    struct doc_sync *syncs;
    size_t syncs_count, syncs_cap;
    struct fl_edit incoming, moved, other; /* scratch */
    struct fl_buf out;
};

/** Takes a request apart; false: it is none. */
bool doc_read_request(const struct fl_msg *msg, struct doc_request *request, struct fl_str *client,
                      struct fl_str *by, struct fl_str *op);

/* doc_load.c */
/** Forgets all and reads the document from the archive; waits. False: I am ending. */
bool doc_load(struct fl_self *self, struct doc *doc);

/* doc_sync.c */
/** Answers a sync, or asks the archive first. */
void doc_on_sync(struct fl_self *self, struct doc *doc, const struct fl_msg *msg);
/** The archive's answer; false: it was not for a sync. */
bool doc_on_archive(struct fl_self *self, struct doc *doc, uint64_t ref, int code, const void *data,
                    size_t len);

#endif
