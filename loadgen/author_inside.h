/* author_inside.h: what author.c and author_edit.c share; nobody else's business. */
#ifndef FL_LOADGEN_AUTHOR_INSIDE_H
#define FL_LOADGEN_AUTHOR_INSIDE_H

#include "loadgen/author.h"

#define AUTHOR_PATIENCE_MS 3000 /* without an answer: ask anew */

/** Sends an event, when it is joined. The payload is freed. */
void author_push(struct fl_author *author, const char *event, struct fl_buf *payload_take);
/** Asks for what came after what is applied. */
void author_sync(struct fl_author *author);
/** That again, after a while. */
void author_retry_in(struct fl_author *author, uint64_t ms);
/** Writes an observation about a token down. */
void author_observe(struct fl_author *author, enum fl_op_kind kind, uint64_t key);

/* author_edit.c */
/** Makes the edit in flight for the text as it is. */
void author_make(struct fl_author *author);
/** Sends it, once more too. */
void author_send(struct fl_author *author);
/** Sends what waits, if it can. */
void author_go(struct fl_author *author);
/** The edit in flight is in the history. */
void author_acknowledged(struct fl_author *author);
/** The edit in flight is over. */
void author_settle(struct fl_author *author, enum fl_outcome outcome, enum fl_op_error error);

#endif
