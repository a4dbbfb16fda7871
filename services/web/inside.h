/* inside.h: what the files of services/web share and no service sees.
 *
 * Memory: a process may be killed while its handler is blocked, and its stack is then dropped, not
 * unwound. So everything malloc'ed hangs off a state that fl_self_own frees. */
#ifndef FL_WEB_INSIDE_H
#define FL_WEB_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/pubsub.h"
#include "runtime/tcp.h"
#include "services/web/web.h"
#include "services/wire/channel.h"
#include "services/wire/http.h"
#include "services/wire/ws.h"

#define FL_WEB_PARAMS_MAX 8
#define FL_WEB_QUERY_MAX 32
#define FL_WEB_FORM_MAX 100
#define FL_WEB_CHANNELS_MAX 100
#define FL_WEB_TOPIC_MAX 1024
#define FL_WEB_JOIN_REF_MAX 255

/* An asset as it is sent: shared, so that a slow reader costs no copy. */
struct web_asset {
    struct fl_shared *plain;
    struct fl_shared *packed; /* gzip; NULL: not worth it */
    char tag[17];             /* of the content: what ?v= says */
};

/* A site while it is served; shared by its listener and its connections. */
struct web_boot {
    atomic_uint refs;
    struct fl_web_site site; /* limits filled in, secret set */
    struct fl_web_secret secret;
    char *host;
    int port;
    struct web_asset *assets; /* one a row of site.assets */
    char cookie[32];          /* the session's name */
    struct fl_err *err;       /* while fl_web_serve waits, else NULL */

    /* who is connected, for the one who says that it is over (drain.c) */
    atomic_bool is_draining;
    pthread_mutex_t lock;
    struct web_conn *conns;
};
/** One more user; returns the same. */
struct web_boot *web_boot_retain(struct web_boot *boot);
/** One less; frees at zero. */
void web_boot_release(struct web_boot *boot);

struct web_pair {
    struct fl_str name, value;
};
/* Names and values of a query or a form, decoded. */
struct web_pairs {
    struct web_pair *at;
    size_t count;
    struct fl_buf decoded; /* does not move once it is filled */
};

/* The parsed head of a request, and what was decoded from it. */
struct fl_web_headers {
    const struct fl_http *http;
    struct web_pair params[FL_WEB_PARAMS_MAX];
    size_t params_count;
    struct fl_buf decoded; /* does not move once a request has begun */
    struct web_pairs query, form;
    struct fl_buf allow; /* methods that the path would take */
};

enum web_body {
    WEB_NO_ANSWER = 0, /* yet */
    WEB_ANSWERED,      /* whole */
    WEB_CHUNKS,        /* begun: chunks follow */
    WEB_UNTIL_CLOSE,   /* begun: the end of the connection will be its end */
};

struct fl_web {
    struct web_conn *conn;
    const struct fl_web_route *route; /* the row that is answering */
    enum web_body body;
    bool head_only, keep_alive;
    struct fl_buf extra;   /* header lines */
    struct fl_buf session; /* empty: not asked for yet */
    int64_t date_s;        /* when `date` was written */
    char date[FL_HTTP_DATE_LEN];
};

/* A request while it is read and answered. A connection has one only from the first byte of one
 * until it was quiet for a while: ten thousand idle ones cost none. */
struct web_request {
    struct fl_http http;
    struct fl_web web;
    struct fl_web_headers headers;
    struct fl_buf out;
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
    const struct fl_channel_server *server;
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
};

/* A connection: HTTP first, perhaps a WebSocket later. State of its process. */
struct web_conn {
    struct fl_self *self;
    struct fl_tcp *tcp; /* NULL: gone */
    struct web_boot *boot;
    struct web_request *request; /* NULL while it is idle, and for a WebSocket */
    struct web_socket *socket;   /* NULL while it is HTTP */
    bool said_continue;
    bool closing;               /* the last word is said: input is dropped */
    uint32_t requests;          /* answered */
    fl_ns heard_ns, request_ns; /* last byte; first byte of the request under way, 0 none */
    fl_ns next_request_ns;      /* when the next one would be no more than requests_per_s */
    struct web_conn *next, **link;
};

/* Between a connection and its channels. */
enum {
    WEB_DRAIN = 0x77650000, /* to the connection: the node stops */
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
/** Queues a head, which is copied, and a body, which is retained. */
void web_conn_write_shared(struct web_conn *conn, const void *head, size_t head_len,
                           struct fl_shared *body);
/** Nothing more is read; closes once the peer has, or after a second. */
void web_conn_finish(struct web_conn *conn);
/** Closes at once: whoever reads sees that something is missing. */
void web_conn_end(struct web_conn *conn, struct fl_reason reason);

/* request.c */
/** The request of a connection, made when there is none. */
struct web_request *web_request_of(struct web_conn *conn);
/** Forgets the answered request, keeps the memory. */
void web_request_reset(struct web_conn *conn);
/** Gives the memory back. None is fine. */
void web_request_free(struct web_conn *conn);
/** Decodes behind what is in the buffer, which has room for all of it and does not move. */
int web_decode(struct fl_buf *decoded, struct fl_str raw, bool plus, struct fl_str *out);
/** Reads `a=b&c=d`. FL_EFULL: more than max pairs. Broken escapes are left out. */
int web_pairs_read(struct web_pairs *pairs, struct fl_str text, size_t max);
/** Reads the body of a form; any other body is none. FL_EFULL: too many fields. */
int web_form_read(struct fl_web_headers *headers);

/* route.c */
/** Answers a complete request from the tables of the site. */
void web_route_request(struct web_conn *conn);

/* answer.c */
/** Answers a request that never got to a handler, and ends the connection after it. */
void web_answer_error(struct web_conn *conn, int status);
/** Begins an answer: the head of it, up to the empty line, in request->out. False: not now. */
bool web_answer_head(struct fl_web *web, int status, const char *content_type, size_t body_len);

/* asset.c */
/** Reads the assets of a site: tags, and what is worth packing. */
struct web_asset *web_assets_new(const struct fl_web_asset *rows);
/** Frees them; NULL is fine. */
void web_assets_free(struct web_asset *assets, const struct fl_web_asset *rows);
/** Answers with the asset of this row. */
void web_answer_asset(struct web_conn *conn, const struct fl_web_request *req, size_t row);

/* stream.c */
/** The handler has returned: what it began and did not end is cut, not made to look whole. */
void web_stream_check(struct web_conn *conn);

/* limit.c */
/** Is the request within the rate, or answered 429? */
bool web_limit_rate(struct web_conn *conn);

/* origin.c */
/** A browser says which page asks; only pages of this very address may, and programs say nothing.
 */
bool web_origin_ok(const struct fl_web_request *req);

/* drain.c */
/** The connection is there. */
void web_drain_add(struct web_conn *conn);
/** It is gone. */
void web_drain_remove(struct web_conn *conn);
/** On its shutdown tells all connections that it is over, and waits for them: the child of the
 * site's supervisor that ends after the listener. args: the boot. */
extern const struct fl_server web_drain_server;

/* upgrade.c */
/** The socket of the site that this path opens, or NULL. */
const struct fl_web_socket *web_upgrade_row(const struct web_conn *conn);
/** Answers 101 and makes conn a WebSocket, or answers why not. */
void web_upgrade(struct web_conn *conn, const struct fl_web_socket *row,
                 const struct fl_web_request *req);

/* socket.c */
/** The connection becomes a WebSocket; bytes of the peer may be fed to it. */
void web_socket_open(struct web_conn *conn, const struct fl_web_socket *row, bool deflates);
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
/** Makes room in front of what will be a frame's content, and for so much of that. */
void web_frame_begin(struct fl_buf *out, size_t content_len);
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
