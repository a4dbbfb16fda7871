/* inside.h: what the files of services/web share and no service sees.
 *
 * Memory: a process may be killed while its handler is blocked, and its stack is then dropped, not
 * unwound. So everything malloc'ed hangs off a state that fl_self_own frees. */
#ifndef FL_WEB_INSIDE_H
#define FL_WEB_INSIDE_H

#include <stdatomic.h>

#include "runtime/pubsub.h"
#include "runtime/tcp.h"
#include "services/web/web.h"
#include "services/wire/channel.h"
#include "services/wire/http.h"
#include "services/wire/ws.h"

#define FL_WEB_PARAMS_MAX 8
#define FL_WEB_QUERY_MAX 32
#define FL_WEB_CHANNELS_MAX 100
#define FL_WEB_TOPIC_MAX 1024
#define FL_WEB_JOIN_REF_MAX 255
#define FL_WEB_KEEP_BYTES 512 /* a buffer that is larger is freed while nothing happens */

/* A site while it is served; shared by its listener and its connections. */
struct web_boot {
    atomic_uint refs;
    struct fl_web_site site; /* limits filled in, secret set */
    struct fl_web_secret secret;
    char *host;
    int port;
    char (*etags)[24];  /* one an asset */
    struct fl_err *err; /* while fl_web_serve waits, else NULL */
};
/** One more user; returns the same. */
struct web_boot *web_boot_retain(struct web_boot *boot);
/** One less; frees at zero. */
void web_boot_release(struct web_boot *boot);

struct web_pair {
    struct fl_str name, value;
};

/* The parsed head of a request, and what was decoded from it. */
struct fl_web_headers {
    const struct fl_http *http;
    struct web_pair params[FL_WEB_PARAMS_MAX];
    size_t params_count;
    struct web_pair query[FL_WEB_QUERY_MAX];
    size_t query_count;
    struct fl_buf decoded; /* does not move once a request has begun */
    struct fl_buf allow;   /* methods that the path would take */
};

struct fl_web {
    struct web_conn *conn;
    const struct fl_web_route *route; /* the row that is answering */
    bool answered, head_only, keep_alive;
    struct fl_buf extra; /* header lines */
};

/* A joined channel as its connection and its process both see it. Both are on one shard. */
struct web_seat {
    uint32_t refs;
    uint16_t topic_len, join_ref_len;
    bool has_join_ref;
    size_t waiting; /* bytes of the client in the channel's mailbox */
    char text[];    /* topic, NUL, join_ref, NUL */
};
/** A seat with one user. */
struct web_seat *web_seat_new(struct fl_str topic, struct fl_str join_ref);
/** One less user; frees at zero. NULL is fine. */
void web_seat_release(struct web_seat *seat);
static inline struct fl_str web_seat_topic(const struct web_seat *seat)
{
    return (struct fl_str){seat->text, seat->topic_len};
}
static inline struct fl_str web_seat_join_ref(const struct web_seat *seat)
{
    if (!seat->has_join_ref) return (struct fl_str){0};
    return (struct fl_str){seat->text + seat->topic_len + 1, seat->join_ref_len};
}

/* One channel of a connection. */
struct web_slot {
    struct web_seat *seat;
    struct fl_pid pid;
    uint64_t monitor;
    bool joined;
};

/* An open WebSocket that speaks something of its own: what its callbacks get. */
struct fl_socket {
    struct web_conn *conn;
    void *state;
};

/* The WebSocket side of a connection. */
struct web_socket {
    const struct fl_web_socket *row;
    struct fl_ws ws;
    bool deflates, is_gone;
    struct fl_socket raw;   /* of a row with `raw` */
    struct web_slot *slots; /* of one with channels: `first`, or on the heap */
    struct web_slot first;
    size_t slots_count, slots_cap;
    int joins_left; /* before more must wait, as of joins_ns */
    fl_ns joins_ns;
    struct fl_buf scratch; /* decoded strings of the message under way */
    struct fl_buf out;     /* the frame or message being written */
};

/* A connection: HTTP first, perhaps a WebSocket later. State of its process. */
struct web_conn {
    struct fl_self *self;
    struct fl_tcp *tcp; /* NULL: gone */
    struct web_boot *boot;
    struct fl_http *http;      /* NULL once it is a WebSocket */
    struct web_socket *socket; /* NULL while it is HTTP */
    bool said_continue;
    bool closing;               /* the last word is said: input is dropped */
    fl_ns heard_ns, request_ns; /* last byte; first byte of the request under way, 0 none */
    struct fl_web web;
    struct fl_web_headers headers;
    struct fl_buf out;
};

/* Between a connection and its channels. */
enum {
    WEB_FRAME = 0x77650001, /* to the connection: a whole WebSocket frame */
    WEB_JOINED,             /* to the connection: the join was answered ok */
    WEB_REFUSED,            /* to the connection: it was not */
    WEB_DISCONNECT,         /* to the connection: send this client away */
    WEB_CLOSE,              /* to the channel: joined again, or the refusal is known: end */
    WEB_JOIN,               /* to the channel: struct web_item */
    WEB_EVENT,              /* to the channel: struct web_item */
    WEB_LEAVE,              /* to the channel: struct web_item */
};

/* What follows in a message of the last group: ref, event and payload. */
struct web_item {
    uint32_t ref_len, event_len, payload_len;
    uint8_t has_ref, binary;
};

struct web_channel_args {
    struct web_boot *boot;
    const struct fl_channel_server *server;
    struct web_seat *seat; /* counted for the channel */
    struct fl_pid conn;
    bool deflates;
};

extern const struct fl_server web_conn_server;
extern const struct fl_server web_channel_server;

/* conn.c */
/** Queues bytes; a reader that is too slow loses its connection. */
void web_conn_write(struct web_conn *conn, const void *bytes, size_t len);
/** The same with a head before the bytes. */
void web_conn_write_both(struct web_conn *conn, const void *head, size_t head_len,
                         const void *bytes, size_t len);
/** The same with bytes that are shared, and not copied. */
void web_conn_write_shared(struct web_conn *conn, struct fl_shared *shared);
/** Nothing more is read; closes once the peer has, or after a second. */
void web_conn_finish(struct web_conn *conn);

/* route.c */
/** Answers a complete request from the tables of the site. */
void web_route_request(struct web_conn *conn);

/* answer.c */
/** Answers a request that never got to a handler, and ends the connection after it. */
void web_answer_error(struct web_conn *conn, int status);
/** Answers with an asset. */
void web_answer_asset(struct web_conn *conn, const struct fl_web_asset *asset, const char *etag);

/* upgrade.c */
/** The socket of the site that this path opens, or NULL. */
const struct fl_web_socket *web_upgrade_row(const struct web_conn *conn);
/** Answers 101 and makes conn a WebSocket, or answers why not. */
void web_upgrade(struct web_conn *conn, const struct fl_web_socket *row,
                 const struct fl_web_request *req);

/* socket.c */
/** The connection becomes a WebSocket; bytes of the peer may be fed to it. */
void web_socket_open(struct web_conn *conn, const struct fl_web_socket *row, bool deflates);
/** Frees what was of the request that opened it. */
void web_socket_forget_http(struct web_conn *conn);
/** Frees the WebSocket side; NULL is fine. */
void web_socket_free(struct web_socket *socket);
/** Bytes of the peer. */
void web_socket_feed(struct web_conn *conn, const void *bytes, size_t len);
/** A message of another process. */
void web_socket_on_message(struct web_conn *conn, const struct fl_msg *msg);
/** Nothing came of the peer for so long: asks whether it is there. */
void web_socket_is_silent(struct web_conn *conn, fl_ns silent_ns);
/** The connection is about to end, for whatever reason; code is what was said or 1006. */
void web_socket_gone(struct web_conn *conn, int code);
/** Says goodbye with a close code and finishes. */
void web_socket_close(struct web_conn *conn, int code);
/** Writes a whole frame of this kind. */
void web_socket_write(struct web_conn *conn, enum fl_ws_opcode opcode, const void *bytes,
                      size_t len);

/* raw.c */
/** Tells the row's server of the new socket. */
void web_raw_open(struct web_conn *conn, const struct fl_web_request *req);
/** A message of the peer. */
void web_raw_on_frame(struct web_conn *conn, struct fl_str bytes, bool binary);

/* frame.c */
/** Makes room in front of what will be a frame's content. */
void web_frame_begin(struct fl_buf *out);
/** Puts the header before it; the content is deflated when that is shorter. The view is into out.
 */
struct fl_str web_frame_end(struct fl_buf *out, enum fl_ws_opcode opcode, bool deflates);

/** What is fl_web_broadcast there goes straight to this connection. */
void web_frame_subscribe(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                         struct fl_pid conn, bool deflates);

/* dispatch.c */
/** A message of the client. */
void web_dispatch(struct web_conn *conn, const struct fl_channel_msg *msg);
/** A channel said how its join went. */
void web_dispatch_joined(struct web_conn *conn, struct fl_pid channel, bool joined);
/** A channel ended. */
void web_dispatch_down(struct web_conn *conn, struct fl_pid channel,
                       const struct fl_reason *reason);

#endif
