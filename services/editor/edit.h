/* edit.h: what somebody did to a text, as a value: applied, joined, turned round, and moved past
 * what somebody else did meanwhile.
 *
 * docs/editor.md has the laws and why they make everybody agree; assets/editor-ot.js is the same in
 * a browser. Knows: text.h. Does not know: revisions, people. Thread: any, one at a time. */
#ifndef FL_EDITOR_EDIT_H
#define FL_EDITOR_EDIT_H

#include "services/editor/text.h"

#define FL_EDIT_PARTS_MAX 65536     /* of one that is kept; what comes from outside has fewer */
#define FL_EDIT_INSERTED_MAX 131072 /* units in its inserts */

enum fl_edit_kind { FL_EDIT_RETAIN = 1, FL_EDIT_INSERT, FL_EDIT_DELETE };
struct fl_edit_part {
    enum fl_edit_kind kind;
    uint32_t count; /* units, at least 1 */
    uint32_t from;  /* of an insert: where its units begin in fl_edit.units */
};
/** An operation. Zero is nothing, done to the empty text. */
struct fl_edit {
    struct fl_edit_part *parts;
    size_t count, cap;
    uint16_t *units; /* of all inserts, in order */
    size_t units_len, units_cap;
    size_t base_len, target_len; /* of the text before and after */
};

/** Frees the memory; zero after. */
void fl_edit_fini(struct fl_edit *edit);
/** Empties it and keeps the memory. */
void fl_edit_clear(struct fl_edit *edit);
/** Moves from into *to, whose memory is freed; *from is zero after. */
void fl_edit_move(struct fl_edit *to, struct fl_edit *from);

/* Building one, from the front; what is adjacent is joined, and an insert goes before a delete at
 * the same place, so that there is one way to write an operation. A count of 0 adds nothing. */
/** The next units stay. */
void fl_edit_retain(struct fl_edit *edit, size_t count);
/** These units are put in; copied. */
void fl_edit_insert(struct fl_edit *edit, const uint16_t *units, size_t count);
/** The next units go. */
void fl_edit_delete(struct fl_edit *edit, size_t count);

/** Reads `[5,"abc",-2]` into an edit that was cleared or is zero. FL_EBADMSG: it is none (also:
 * half a surrogate pair, a carriage return). FL_ERANGE: it is beyond the limits above, or a text's.
 */
int fl_edit_parse(struct fl_str json, struct fl_edit *edit);
/** Writes it that way. */
void fl_edit_print(const struct fl_edit *edit, struct fl_buf *out);
/** Does it change nothing? */
bool fl_edit_is_nothing(const struct fl_edit *edit);

/** Can it be done to this text? FL_ERANGE: that has another length. FL_EBADMSG: a part would begin
 * or end inside a surrogate pair. */
int fl_edit_check(const struct fl_edit *edit, struct fl_text *text);
/** Does it to a text that it can be done to. */
void fl_edit_apply(const struct fl_edit *edit, struct fl_text *text);
/** out does what a, then b do. Needs a->target_len == b->base_len; out is cleared first and neither
 * of them. */
void fl_edit_compose(const struct fl_edit *a, const struct fl_edit *b, struct fl_edit *out);
/** For two edits of one text: a_out is what is left of a after b, b_out of b after a; a then b_out
 * gives the text that b then a_out gives. Of two inserts at one place a's comes first. Needs
 * a->base_len
 * == b->base_len; the outs are cleared first, and neither of them. */
void fl_edit_transform(const struct fl_edit *a, const struct fl_edit *b, struct fl_edit *a_out,
                       struct fl_edit *b_out);
/** out takes back what edit does to this text (the one before it). */
void fl_edit_invert(const struct fl_edit *edit, struct fl_text *before, struct fl_edit *out);
/** Where a position of the text before is after it; an insert exactly there does not push it. */
size_t fl_edit_map(const struct fl_edit *edit, size_t at);
/** How many units it inserts, and deletes. */
void fl_edit_sizes(const struct fl_edit *edit, size_t *inserted, size_t *deleted);

#endif
