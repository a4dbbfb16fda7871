/* base64.h: bytes as text that may stand in a URL, a cookie or an attribute (RFC 4648, 5: `-` and
 * `_`, no padding). Knows: bytes. Does not know: what they mean. */
#ifndef FL_WIRE_BASE64_H
#define FL_WIRE_BASE64_H

#include "runtime/base/str.h"

/** Appends bytes as base64url. */
void fl_base64_put(struct fl_buf *buf, const void *bytes, size_t len);
/** Appends the bytes that a text says. FL_EBADMSG: it is not base64url, or not in its one
 * canonical form; then nothing is appended. */
int fl_base64_take(struct fl_buf *buf, struct fl_str text);

#endif
