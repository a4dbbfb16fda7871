/* channel.h: Phoenix Channels V2 messages: `[join_ref, ref, topic, event, payload]`, text and
 * binary.
 *
 * The payload stays raw JSON text (a JSON string may hold U+0000, so it is never a C string); who
 * needs a field parses it. */
#ifndef FL_WIRE_CHANNEL_H
#define FL_WIRE_CHANNEL_H

#include "runtime/base/str.h"

/** A message; the views point into the bytes it was parsed from, or into scratch.
 */
struct fl_channel_msg {
    struct fl_str join_ref, ref; /* at NULL: null */
    struct fl_str topic, event;
    struct fl_str payload; /* raw JSON, or bytes when binary */
    bool binary;
};

/** Parses a TEXT frame. scratch holds decoded strings and must live as long as the views.
 * FL_EBADMSG: not an array of five of the right types; more is let be. */
int fl_channel_parse(struct fl_str frame, struct fl_buf *scratch, struct fl_channel_msg *out);
/** Parses a BINARY frame of a client (kind 0). */
int fl_channel_parse_binary(struct fl_str frame, struct fl_channel_msg *out);

/** Appends a TEXT frame's content; payload is raw JSON. join_ref or ref with at NULL become null.
 */
void fl_channel_put(struct fl_buf *buf, struct fl_str join_ref, struct fl_str ref,
                    struct fl_str topic, const char *event, struct fl_str payload);
/** Appends a reply: event phx_reply, {"status":…,"response":…}. */
void fl_channel_put_reply(struct fl_buf *buf, struct fl_str join_ref, struct fl_str ref,
                          struct fl_str topic, const char *status, struct fl_str response);
/** Appends a binary reply (kind 1). FL_ERANGE: a part is longer than 255 bytes. */
int fl_channel_put_binary_reply(struct fl_buf *buf, struct fl_str join_ref, struct fl_str ref,
                                struct fl_str topic, const char *status, struct fl_str bytes);
/** Appends a binary push of the server (kind 0, which has no ref). FL_ERANGE as above. */
int fl_channel_put_binary_push(struct fl_buf *buf, struct fl_str join_ref, struct fl_str topic,
                               const char *event, struct fl_str bytes);

#endif
