/* scan.h: reads JSON in place, so that what is in it comes through byte for byte.
 *
 * A payload stays the text that the client sent, and a key may hold U+0000, which no C string can.
 * Knows: RFC 8259. Does not know: what the members mean. Thread: any. */
#ifndef FL_QUEUE_SCAN_H
#define FL_QUEUE_SCAN_H

#include "runtime/base/str.h"

/** 0 when text is one JSON value with nothing but space around it, nested at most 64 deep, in
 * well-formed UTF-8; else FL_EBADMSG. The others below want text that passed this. */
int fl_scan_check(struct fl_str text);
/** The raw text of an object's member (the last of that name, as most parsers have it); at NULL:
 * there is none, or text is not an object. Names with escapes do not match. */
struct fl_str fl_scan_member(struct fl_str object, const char *name);
/** Walks an array: rest starts as the array's text; gives the next item's raw text, or false at the
 * end, also when it was not an array. */
bool fl_scan_item(struct fl_str *rest, struct fl_str *out);
/** Appends what a string says. FL_EBADMSG: not a string, or half of a surrogate pair. */
int fl_scan_string(struct fl_str raw, struct fl_buf *out);
/** Reads a whole number, exactly. FL_EBADMSG: not one. */
int fl_scan_int(struct fl_str raw, int64_t *out);

#endif
