/* doc.h: one open document, a process named `doc/NAME`: puts edits into one order, has them
 * written, then tells everybody.
 *
 * docs/editor.md has the protocol. Whoever wants to hear of a document subscribes to the topic of
 * its name; whoever wants to say something opens it (fl_doc_open) and calls it. */
#ifndef FL_EDITOR_DOC_H
#define FL_EDITOR_DOC_H

#include "runtime/pubsub.h"
#include "services/editor/archive.h"

#define FL_DOCS_NAME "docs" /* the supervisor of documents */
#define FL_DOC_FULL_NAME_MAX (FL_DOC_ARCHIVE_NAME_MAX + 8)
#define FL_DOC_PARTS_MAX 10000 /* of an edit that comes from outside */

enum fl_doc_tag {
    /* Calls. */
    FL_DOC_SUBMIT =
        0x65640010, /* fl_doc_put_submit. 0: it is on the disk, and everybody was told.
                       FL_ESTATE: base is too old to be transformed, sync first.
                       FL_EBADMSG: no edit of that text. FL_ERANGE: the text would be too
                       long. Other: did not happen, or nobody knows: sync, send again */
    FL_DOC_SYNC,    /* fl_doc_put_sync; the answer is the JSON of `state` */
    /* Casts to subscribers. */
    FL_DOC_OP,   /* JSON of `op`: this is in the history now */
    FL_DOC_HEAD, /* JSON of `head`: the process is new, it is at this revision */
};

/** What all documents of a node share; lives as long as it. */
struct fl_docs {
    struct fl_pubsub *pubsub;
    const char *instance;
};

/** Writes the request of FL_DOC_SUBMIT. op is JSON. */
void fl_doc_put_submit(struct fl_buf *out, struct fl_str client, int64_t seq, int64_t base,
                       struct fl_str by, struct fl_str op);
/** Writes the request of FL_DOC_SYNC; since below 0: the whole text. client: whose seq is wanted if
 * `since` is too old. */
void fl_doc_put_sync(struct fl_buf *out, int64_t since, struct fl_str client);

/** Is this a name of a document? */
bool fl_doc_name_ok(struct fl_str name);
/** Writes the registered name, which is the topic too. */
void fl_doc_full_name(const char *name, char out[FL_DOC_FULL_NAME_MAX]);
/** The process of a document, started if it does not run. FL_EFULL: too many are open. */
int fl_doc_open(struct fl_self *self, const struct fl_docs *docs, const char *name,
                struct fl_pid *out);

extern const struct fl_server fl_doc_server;

#endif
