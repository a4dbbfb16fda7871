/* jscan.h: finds values in JSON text and leaves them as they stand.
 *
 * For messages that are passed on rather than understood: numbers keep their digits, strings may
 * hold U+0000, nothing is allocated. Knows: RFC 8259. Does not know: what a message means. */
#ifndef FL_WIRE_JSCAN_H
#define FL_WIRE_JSCAN_H

#include "runtime/base/str.h"

#define FL_JSCAN_DEPTH_MAX 512

/** Takes one whole value, checked, off the front of rest (spaces around it too). FL_EBADMSG. */
int fl_jscan_take(struct fl_str *rest, struct fl_str *out_value);
/** Is this exactly one JSON value? */
bool fl_jscan_ok(struct fl_str text);
/** Is this text an object by its first byte? For values of fl_jscan_take. */
bool fl_jscan_is_object(struct fl_str value);
/** Takes this character, with spaces around it, off the front of rest; false: something else. */
bool fl_jscan_punct(struct fl_str *rest, char c);
/** The raw value of a key of a checked object (the last one when it comes twice); at NULL: absent.
 */
struct fl_str fl_jscan_get(struct fl_str object, const char *key);
/** Appends the text of a checked string value, escapes decoded (lone surrogates become U+FFFD).
 * FL_EBADMSG: not a string. */
int fl_jscan_text(struct fl_str value, struct fl_buf *out);
/** The text of a key of a checked object, decoded behind out's end; at NULL: absent or no string.
 * The view is valid until out grows again. */
struct fl_str fl_jscan_get_text(struct fl_str object, const char *key, struct fl_buf *out);

#endif
