/* ws_deflate.h: permessage-deflate (RFC 7692), the half without memory: every message stands for
 * itself (no context takeover on either side), so that an idle connection keeps nothing. No I/O. */
#ifndef FL_WIRE_WS_DEFLATE_H
#define FL_WIRE_WS_DEFLATE_H

#include "runtime/base/str.h"

/** Can one of the offers of a Sec-WebSocket-Extensions header be taken? Then appends the value of
 * the answer's header. */
bool fl_ws_deflate_accept(struct fl_str offers, struct fl_buf *answer);
/** Inflates the payload of one message behind out's end. Returns 0, or the close code that it
 * deserves: 1007 (not deflated data), 1009 (more than `most` bytes; it stops there). */
int fl_ws_inflate(struct fl_str payload, size_t most, struct fl_buf *out);
/** Deflates a message behind out's end. False: that is no shorter, and out is as before. */
bool fl_ws_deflate(struct fl_str message, struct fl_buf *out);
/** The first byte of a frame that holds a deflated message: | with that of fl_ws_header. */
#define FL_WS_DEFLATED 0x40U

#endif
