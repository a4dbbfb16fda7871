/* inside.h: what the files of services/web share and no service sees.
 *
 * Memory: a process may be killed while its handler is blocked, and its stack is then dropped, not
 * unwound. So everything malloc'ed hangs off a state that fl_self_own frees. */
#ifndef FL_WEB_INSIDE_H
#define FL_WEB_INSIDE_H

#include <stdatomic.h>

#include "runtime/tcp.h"
#include "services/web/web.h"
#include "services/wire/channel.h"
#include "services/wire/http.h"
#include "services/wire/ws.h"

#define FL_WEB_PARAMS_MAX 8
#define FL_WEB_QUERY_MAX 32
#define FL_WEB_CHANNELS_MAX 100

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

/* How many bytes of a client wait in a channel's mailbox; shared by both processes. */
struct web_flow {
    atomic_uint refs;
    atomic_size_t bytes;
};
/** One less user; frees at zero. */
void web_flow_release(struct web_flow *flow);

/* One channel of a connection. */
struct web_slot {
    const struct fl_channel_server *server;
    char *topic, *join_ref; /* join_ref NULL: none */
    size_t topic_len;
    struct fl_pid pid;
    uint64_t monitor;
    struct web_flow *flow;
    bool joined;
};

/* The WebSocket side of a connection. */
struct web_socket {
    const struct fl_web_socket *row;
    struct fl_ws ws;
    struct web_slot *slots;
    size_t slots_count, slots_cap;
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
    WEB_JOIN,               /* to the channel: struct web_item */
    WEB_EVENT,              /* to the channel: struct web_item */
    WEB_LEAVE,              /* to the channel: struct web_item */
    WEB_CLOSE,              /* to the channel: joined again, end */
};

/* What follows in a message of the last group: ref, event and payload. */
struct web_item {
    uint32_t ref_len, event_len, payload_len;
    uint8_t has_ref, binary;
};

struct web_channel_args {
    struct web_boot *boot;
    const struct fl_channel_server *server;
    struct fl_str topic, join_ref;
    struct fl_pid conn;
    struct web_flow *flow;
};

extern const struct fl_server web_conn_server;
extern const struct fl_server web_channel_server;

/* conn.c */
/** Queues bytes; a reader that is too slow loses its connection. */
void web_conn_write(struct web_conn *conn, const void *bytes, size_t len);
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
/** The connection becomes a WebSocket. */
void web_socket_open(struct web_conn *conn, const struct fl_web_socket *row);
/** Frees the WebSocket side; NULL is fine. */
void web_socket_free(struct web_socket *socket);
/** Bytes of the peer. */
void web_socket_feed(struct web_conn *conn, const void *bytes, size_t len);
/** Says goodbye with a close code and finishes. */
void web_socket_close(struct web_conn *conn, int code);
/** Writes a whole frame of this kind. */
void web_socket_write(struct web_conn *conn, enum fl_ws_opcode opcode, const void *bytes,
                      size_t len);

/* dispatch.c */
/** A message of the client. */
void web_dispatch(struct web_conn *conn, const struct fl_channel_msg *msg);
/** A channel said how its join went. */
void web_dispatch_joined(struct web_conn *conn, struct fl_pid channel, bool joined);
/** A channel ended. */
void web_dispatch_down(struct web_conn *conn, struct fl_pid channel,
                       const struct fl_reason *reason);

#endif
