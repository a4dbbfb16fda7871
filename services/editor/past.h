/* past.h: the last revisions of a document, in memory: what late edits are transformed over.
 *
 * Knows: edits, their JSON. Does not know: processes, the archive. Thread: its owner's. */
#ifndef FL_EDITOR_PAST_H
#define FL_EDITOR_PAST_H

#include "services/editor/archive.h"
#include "services/editor/edit.h"

/** A revision: `{"rev":5,"client":"x","seq":1,"by":"ana","op":[…]}` and what that means. */
struct fl_past_op {
    struct fl_edit edit;
    char *wire;
    size_t wire_len, edit_at, edit_len; /* the JSON of the edit is a piece of it */
    char client[FL_DOC_ARCHIVE_CLIENT_MAX];
    size_t client_len;
    char by[FL_DOC_ARCHIVE_BY_MAX];
    size_t by_len;
    int64_t seq, at_ms;
};
/** Zero is a valid empty one, of a document at revision 0. */
struct fl_past {
    struct fl_past_op *ops; /* in [first, first + count): the revisions up to head */
    size_t first, count, cap;
    int64_t head;
    size_t bytes; /* of wires */
};

/** Frees the memory; zero after. */
void fl_past_fini(struct fl_past *past);
/** Revision head+1. row->rev is not looked at, row->edit neither: the edit is moved from edit. */
void fl_past_push(struct fl_past *past, const struct fl_doc_archive_row *row,
                  struct fl_edit *edit_take);
/** A revision that is there: above fl_past_oldest, up to head. */
const struct fl_past_op *fl_past_get(const struct fl_past *past, int64_t rev);
/** Revisions after this one are there. */
int64_t fl_past_oldest(const struct fl_past *past);
/** Forgets the oldest revision. */
void fl_past_drop(struct fl_past *past);
/** The revision after `since` that has this id; 0: none. */
int64_t fl_past_find(const struct fl_past *past, int64_t since, struct fl_str client, int64_t seq);
/** As it goes into the archive. */
struct fl_doc_archive_row fl_past_row(const struct fl_past *past, int64_t rev);

#endif
