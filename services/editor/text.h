/* text.h: a text of UTF-16 units that is cheap to change in the middle, whatever its size.
 *
 * The units lie in pieces of a few KiB, so that an edit moves one piece's units and not the text.
 * Knows: UTF-16, UTF-8, JSON strings. Does not know: who edits. Thread: any, one at a time. */
#ifndef FL_EDITOR_TEXT_H
#define FL_EDITOR_TEXT_H

#include "runtime/base/str.h"

#define FL_TEXT_UNITS_MAX 524288 /* what a document may have; the functions take any number */

struct fl_text_piece;
/** Zero is a valid empty text. */
struct fl_text {
    struct fl_text_piece *pieces;
    size_t count, cap;
    size_t len;              /* units */
    size_t near_at, near_ix; /* the piece that was used last, and where it begins */
};

/** Frees the memory; the text is empty and usable again. */
void fl_text_fini(struct fl_text *text);
/** Puts units in at a position, which is at most the length. */
void fl_text_insert(struct fl_text *text, size_t at, const uint16_t *units, size_t count);
/** Takes units out; the range is inside the text. */
void fl_text_remove(struct fl_text *text, size_t at, size_t count);
/** Copies units out; the range is inside the text. */
void fl_text_read(struct fl_text *text, size_t at, size_t count, uint16_t *out);
/** Is this position between the two halves of a surrogate pair? */
bool fl_text_splits(struct fl_text *text, size_t at);
/** Appends UTF-8. FL_EBADMSG: it is none, nothing was appended. */
int fl_text_add_utf8(struct fl_text *text, struct fl_str utf8);
/** Writes it as UTF-8. */
void fl_text_put_utf8(struct fl_text *text, struct fl_buf *out);
/** Writes it as a JSON string with its quotes. */
void fl_text_put_json(struct fl_text *text, struct fl_buf *out);

/** Is this half of a pair the first, or the second? */
static inline bool fl_unit_is_high(uint16_t unit)
{
    return (unit & 0xfc00) == 0xd800;
}
static inline bool fl_unit_is_low(uint16_t unit)
{
    return (unit & 0xfc00) == 0xdc00;
}
/** Appends units, which are well-formed, as UTF-8. */
void fl_units_put_utf8(struct fl_buf *out, const uint16_t *units, size_t count);
/** Appends units, which are well-formed, as what stands between the quotes of a JSON string. */
void fl_units_put_json(struct fl_buf *out, const uint16_t *units, size_t count);
/** Takes one character off the front of UTF-8; writes 1 or 2 units and returns how many. 0: what is
 * there is no UTF-8. */
size_t fl_units_take_utf8(struct fl_str *rest, uint16_t out[2]);

#endif
