/* ws.h: WebSocket framing (RFC 6455), both sides; no I/O. Fuzzed against libwslay.
 *
 * Used by the server (services/web) and the load generator alike. */
#ifndef FL_WIRE_WS_H
#define FL_WIRE_WS_H

#include "runtime/base/str.h"

enum fl_ws_opcode {
    FL_WS_CONT = 0,
    FL_WS_TEXT = 1,
    FL_WS_BINARY = 2,
    FL_WS_CLOSE = 8,
    FL_WS_PING = 9,
    FL_WS_PONG = 10,
};

#define FL_WS_HEADER_MAX 14

/** Reassembles messages from bytes as they come. Zero, then fl_ws_init. */
struct fl_ws {
    bool server;           /* we are the server: frames must be masked */
    bool inflates;         /* permessage-deflate was agreed on: messages may come compressed */
    size_t message_max;    /* larger, also once inflated: close code 1009 */
    struct fl_buf message; /* the data message so far; no memory between messages */
    int message_opcode;    /* of the message under way, 0 none */
    bool is_compressed;    /* the message under way */
    bool closed;           /* a close frame came: what follows is not read */

    /* private: the frame under way */
    uint64_t payload_len, payload_seen;
    uint8_t mask[4];
    uint8_t opcode;
    bool in_payload, final;
    uint8_t head_len; /* bytes of it so far; 0: between frames */
    uint8_t head[FL_WS_HEADER_MAX];
    struct fl_buf control; /* payload of a control frame, while it comes */
};

/** One whole message or control frame; bytes are valid until the callback returns. */
typedef void (*fl_ws_fn)(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes, size_t len);

/** Prepares a parser. */
void fl_ws_init(struct fl_ws *ws, bool server, size_t message_max);
/** Frees what it holds. */
void fl_ws_fini(struct fl_ws *ws);
/** Takes bytes from the peer and calls fn for each message. Returns 0, or the close code that the
 * peer's bytes deserve (1002 protocol, 1007 not UTF-8, 1009 too big); nothing more is parsed then.
 * fn may end the connection: *stop (may be NULL), once true, stops the parsing. */
int fl_ws_feed(struct fl_ws *ws, const void *bytes, size_t len, fl_ws_fn fn, void *cx,
               const bool *stop);

/** Writes a frame header for a whole message and returns its length (at most FL_WS_HEADER_MAX).
 * mask NULL: server side, unmasked. */
size_t fl_ws_header(uint8_t out[FL_WS_HEADER_MAX], enum fl_ws_opcode opcode, size_t len,
                    const uint8_t mask[4]);
/** How long the header of a frame of ours is: fl_ws_header's, unmasked. */
size_t fl_ws_header_len(const void *frame);
/** Applies (or removes) a mask in place. */
void fl_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4]);
/** Sec-WebSocket-Accept for a Sec-WebSocket-Key (base64, NUL-terminated). */
void fl_ws_accept_key(struct fl_str key, char out[29]);

#endif
