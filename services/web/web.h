/* web.h: HTTP, WebSockets and Phoenix channels for a service: tables of routes, assets, channels.
 *
 * Knows: the runtime and the wire. Does not know: any one service.
 * Every connection is a process. A route's handler runs inside its connection's process, so it may
 * block in fl_call(): only that connection waits, requests that follow on it are answered in order.
 * Every joined channel is a process of its own: when it crashes its client gets phx_error, and
 * nothing else is touched. Slow readers are disconnected, bodies and messages are bounded.
 * Thread: handlers run on the shard of their process. */
#ifndef FL_WEB_WEB_H
#define FL_WEB_WEB_H

#include "runtime/node.h"
#include "runtime/pubsub.h"
#include "services/web/token.h"

struct fl_web;         /* the request being answered, seen from its handler */
struct fl_channel;     /* a joined channel, seen from its callbacks */
struct fl_web_headers; /* private: the parsed head of a request */

/* ---- HTTP ---- */

/** A request; every view is valid until the handler returns. */
struct fl_web_request {
    const char *method;  /* GET (also for HEAD: the body of the answer is left out), POST, … */
    struct fl_str path;  /* as sent, without the query */
    struct fl_str query; /* as sent, without the question mark */
    struct fl_str body;
    const struct fl_web_headers *headers; /* private: fl_web_header, _param, _query, _form */
};

/** One row: method and path (`/jobs/:id/ack`, or `/files/` and a last `*rest`) to handler.
 * A known path with another method is answered 405, an unknown path 404, GET serves HEAD too.
 * What a page of another site asks for with POST, PUT and the like is answered 403. */
struct fl_web_route {
    const char *method;
    const char *path;
    /** Answers with fl_web_respond, fl_web_fail or fl_web_begin … fl_web_end before it returns;
     * without an answer: 500. */
    void (*handle)(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req);
    const void *cx; /* given to the handler by fl_web_cx; outlives the node */
};

/** A file embedded into the program. Answered with an ETag (304 when the client has it), packed
 * (gzip) when the client takes that; `?v=TAG` with fl_web_asset_tag is kept by browsers for good.
 */
struct fl_web_asset {
    const char *path; /* `/assets/app.js` */
    const char *content_type;
    const char *bytes;
    const size_t *len; /* &fl_asset_…_len */
};

/** The value of a path parameter, percent-decoded; at NULL: the route has none of this name. */
struct fl_str fl_web_param(const struct fl_web_request *req, const char *name);
/** The first value of a query parameter, decoded (+ and %XX); at NULL: absent. */
struct fl_str fl_web_query(const struct fl_web_request *req, const char *name);
/** A whole number from the query: the fallback when absent. FL_ERANGE: not one within limits. */
int fl_web_query_int(const struct fl_web_request *req, const char *name, int64_t least,
                     int64_t most, int64_t fallback, int64_t *out);
/** The first value of a form's field, decoded; at NULL: absent, or the body is no form
 * (application/x-www-form-urlencoded, at most 100 fields: more are answered 400). */
struct fl_str fl_web_form(const struct fl_web_request *req, const char *name);
/** A header's value, trimmed; the name in any case; at NULL: absent. */
struct fl_str fl_web_header(const struct fl_web_request *req, const char *name);
/** The value of a cookie; at NULL: absent. */
struct fl_str fl_web_cookie(const struct fl_web_request *req, const char *name);

/** The site's args. */
const void *fl_web_args(const struct fl_web *web);
/** The site's secret: for fl_web_sign and fl_web_verify. */
const struct fl_web_secret *fl_web_secret(const struct fl_web *web);
/** The cx of the row that is answering. */
const void *fl_web_cx(const struct fl_web *web);
/** What `?v=` says in the address of this asset; it changes with the content. NULL: no such one. */
const char *fl_web_asset_tag(const struct fl_web *web, const char *path);
/** Adds a header to the answer; call it before fl_web_respond. Values are plain ASCII; control
 * characters become spaces. */
void fl_web_set_header(struct fl_web *web, const char *name, const char *value);
/** Answers; bytes are copied. Once for each request (a second answer is dropped). Pages (text/html)
 * get the headers that keep them from running what is not from here. */
void fl_web_respond(struct fl_self *self, struct fl_web *web, int status, const char *content_type,
                    const void *bytes, size_t len);
/** Answers with JSON text. */
void fl_web_respond_json(struct fl_self *self, struct fl_web *web, int status, struct fl_str json);
/** Answers {"error":"words"} with this status. */
void fl_web_fail(struct fl_self *self, struct fl_web *web, int status, const char *words);
/** Answers 503 {"error":"overloaded"} and when to try again: a server or a mailbox is full. */
void fl_web_busy(struct fl_self *self, struct fl_web *web);
/** Sends the browser elsewhere (303: with GET), `/rooms/7`. */
void fl_web_redirect(struct fl_self *self, struct fl_web *web, const char *path);

/** Begins an answer of unknown length. A handler that returns or dies before fl_web_end cuts the
 * connection, so that nobody takes a part for the whole. */
void fl_web_begin(struct fl_self *self, struct fl_web *web, int status, const char *content_type);
/** Sends a piece. Waits, as fl_call does, while its reader is slow. FL_EFULL: it was too slow, and
 * is disconnected; FL_ESTATE: it is gone: nothing more needs to be made. */
int fl_web_chunk(struct fl_self *self, struct fl_web *web, const void *bytes, size_t len);
/** Ends the answer. */
void fl_web_end(struct fl_self *self, struct fl_web *web);

/* ---- sessions and forms
 *
 * A browser's session is a random id in a signed cookie, given with the first answer that asks for
 * it. A form carries a token made from it in a field `_csrf_token`, a script in a header
 * `x-csrf-token`: other sites can send our cookie along, but not that. */

/** The id of the browser's session; a new one where it has none (call it before answering). Valid
 * until the handler returns. */
struct fl_str fl_web_session(struct fl_web *web, const struct fl_web_request *req);
/** Appends the token for this browser's forms, safe in HTML as it is. Before answering. */
void fl_web_csrf(struct fl_web *web, const struct fl_web_request *req, struct fl_buf *out);
/** May this request change anything? Yes with the session's token in the form or the header, and
 * for JSON (application/json) without a session, which no other site's page can send. */
bool fl_web_csrf_ok(struct fl_web *web, const struct fl_web_request *req);

/* ---- channels (Phoenix V2) ---- */

/** What a client sent on a topic. Views are valid until the callback returns. */
struct fl_channel_event {
    struct fl_str ref;     /* what fl_channel_reply answers; at NULL: wants no reply */
    struct fl_str event;   /* "new_msg"; "phx_join" in on_join */
    struct fl_str payload; /* raw JSON text, or bytes when binary */
    bool binary;
};

/** A kind of channel. Callbacks run in the channel's own process, one at a time; they may block in
 * fl_call(). A missing callback ignores what it would get. */
struct fl_channel_server {
    const char *topic;  /* `room:*` (the star is a last one) or a whole topic */
    size_t state_bytes; /* zeroed memory, given to every callback, gone with the channel */
    const void *cx;     /* given to callbacks by fl_channel_cx; outlives the node */
    /* A client that pushes more than can wait (10,000 messages, 8 MiB) is answered an error; true:
     * its channel crashes instead, for clients that join again and make nothing of an error. */
    bool ends_when_full;

    /** Join. 0: joined, answered ok {} unless on_join answered itself. Other: refused, answered
     * error {"reason": name of the code} unless on_join answered itself with "error". Pushes made
     * in on_join come after the answer when it was given before them. */
    int (*on_join)(struct fl_channel *ch, void *state, const struct fl_channel_event *join);
    /** A push of the client. Answer with fl_channel_reply, now or later, or not at all. */
    void (*on_event)(struct fl_channel *ch, void *state, const struct fl_channel_event *event);
    /** A message of another process (fl_send, or fl_call: answer with fl_self_reply). */
    void (*on_message)(struct fl_channel *ch, void *state, const struct fl_msg *msg);
    /** The answer to fl_call_async. */
    void (*on_reply)(struct fl_channel *ch, void *state, uint64_t ref, int code, const void *data,
                     size_t len);
    /** A process that this one monitors (fl_monitor) ended. */
    void (*on_down)(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                    const struct fl_reason *reason);
    /** A timer of fl_timer_start. */
    void (*on_timer)(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag);
    /** No message came within the time of fl_self_timeout. */
    void (*on_timeout)(struct fl_channel *ch, void *state);
    /** The client left, joined again, or its connection is gone; not after a crash or a refusal. */
    void (*on_leave)(struct fl_channel *ch, void *state);
    /** The state in words, behind the topic in crash reports and for who asks; read only. */
    void (*on_format)(const void *state, struct fl_buf *out);
};

/** The process that the callbacks run in. To end the channel: fl_self_exit with FL_EXIT_NORMAL
 * (phx_close) or fl_self_fail (phx_error: the client joins again after a second). */
struct fl_self *fl_channel_self(struct fl_channel *ch);
/** The cx of its row. */
const void *fl_channel_cx(const struct fl_channel *ch);
/** The site's args. */
const void *fl_channel_args(const struct fl_channel *ch);
/** The site's secret. */
const struct fl_web_secret *fl_channel_secret(const struct fl_channel *ch);
/** The topic, `room:lobby`; lives as long as the channel. */
struct fl_str fl_channel_topic(const struct fl_channel *ch);
/** Answers a push (or the join) with "ok" or "error"; response is a raw JSON object, an empty view
 * means {}. A ref with at NULL is not answered. Copy event->ref to answer later. */
void fl_channel_reply(struct fl_channel *ch, struct fl_str ref, const char *status,
                      struct fl_str response);
/** Answers a push with bytes (a binary frame). */
void fl_channel_reply_binary(struct fl_channel *ch, struct fl_str ref, const char *status,
                             struct fl_str bytes);
/** Pushes an event to this client; payload is a raw JSON object. */
void fl_channel_push(struct fl_channel *ch, const char *event, struct fl_str payload);
/** Pushes an event with bytes, which the client gets as an ArrayBuffer. Topic, event and join_ref
 * have at most 255 bytes each then; with more, nothing is pushed. */
void fl_channel_push_binary(struct fl_channel *ch, const char *event, struct fl_str bytes);
/** Pushes a frame of fl_web_frame to this client without copying; the caller keeps its reference.
 */
void fl_channel_push_frame(struct fl_channel *ch, struct fl_shared *encoded);
/** Encodes a broadcast `[null,null,topic,event,payload]` once, for any number of
 * fl_channel_push_frame on channels of that topic. One reference, the caller's. */
struct fl_shared *fl_web_frame(struct fl_str topic, const char *event, struct fl_str payload);
/** Sends this client away: its connection closes with 1001, and its channels leave. */
void fl_channel_disconnect(struct fl_channel *ch);

/* ---- broadcasts: encoded once, straight to the connections of all who are on the topic ---- */

/** From now on the client gets what is fl_web_broadcast on the channel's topic (NULL: the same),
 * past the channel's process. In on_join it answers the join, ok {}, unless that has an answer, so
 * that nothing comes before it. What is broadcast there by other means, and what comes on another
 * topic, goes to on_message. Ends with the channel. (Phoenix: what every channel does) */
void fl_channel_subscribe(struct fl_channel *ch, struct fl_pubsub *pubsub, const char *topic);
/** Sends an event to all clients on the topic; payload is a raw JSON object. From any process of
 * the node. (Phoenix: Endpoint.broadcast) */
void fl_web_broadcast(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                      const char *event, struct fl_str payload);
/** The same to all but the client of the calling channel. (Phoenix: broadcast_from) */
void fl_web_broadcast_from(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                           const char *event, struct fl_str payload);
#define FL_WEB_BROADCAST 0x77657002 /* the tag, where a process that is no channel hears it */
/** What such a message says; false: it is none. Valid as long as the message. */
bool fl_web_broadcast_read(const struct fl_msg *msg, struct fl_str *event, struct fl_str *payload);

/* ---- WebSockets that speak something of their own ---- */

struct fl_socket; /* an open WebSocket, seen from its callbacks */

/** Callbacks run in the connection's process, one at a time; they may block in fl_call(). A missing
 * callback ignores what it would get. */
struct fl_socket_server {
    size_t state_bytes; /* zeroed memory, given to every callback, gone with the connection */
    const void *cx;     /* for fl_socket_cx; outlives the node */
    /** Open: the client may be written to. The request is valid until it returns. */
    void (*on_open)(struct fl_socket *socket, void *state, const struct fl_web_request *req);
    /** A whole message: text (valid UTF-8), or bytes. Valid until it returns. */
    void (*on_message)(struct fl_socket *socket, void *state, struct fl_str bytes, bool binary);
    /** A message of another process (fl_send). */
    void (*on_info)(struct fl_socket *socket, void *state, const struct fl_msg *msg);
    /** It is closed, with the client's code, ours, or 1006: just gone. Not after a crash. */
    void (*on_close)(struct fl_socket *socket, void *state, int code);
};
/** The connection's process. */
struct fl_self *fl_socket_self(struct fl_socket *socket);
/** The cx of its row's server. */
const void *fl_socket_cx(const struct fl_socket *socket);
/** The site's args. */
const void *fl_socket_args(const struct fl_socket *socket);
/** Sends a message; bytes are copied. A client that does not read is disconnected. */
void fl_socket_send(struct fl_socket *socket, struct fl_str bytes, bool binary);
/** Says goodbye with a close code (1000 to 1014, 3000 to 4999); on_close comes after. */
void fl_socket_close(struct fl_socket *socket, int code);

/* ---- a site ---- */

/** A path that WebSockets are opened at, and what is spoken there. */
struct fl_web_socket {
    const char *path;                         /* "/socket": clients open /socket/websocket */
    const struct fl_channel_server *channels; /* ended by a row with a NULL topic */
    /* Not NULL, in place of channels: a WebSocket at exactly this path, with no `vsn` to it. */
    const struct fl_socket_server *raw;
    /** May this client open it? Not 0: answered 403. NULL: all may. Must not block. */
    int (*on_connect)(struct fl_self *self, const struct fl_web_request *req, const void *args);
};

/** What a service offers. Static tables: they must outlive the node. */
struct fl_web_site {
    const struct fl_web_route *routes;   /* ended by a row with a NULL method; may be NULL */
    const struct fl_web_asset *assets;   /* ended by a row with a NULL path; may be NULL */
    const struct fl_web_socket *sockets; /* ended by a row with a NULL path; may be NULL */
    const void *args;                    /* given to handlers and channels; outlives the node */
    const struct fl_web_secret *secret;  /* signs sessions and tokens; copied. NULL: a random one */
    size_t body_max;                     /* 0: 1 MiB; larger request bodies are answered 413 */
    size_t message_max;                  /* 0: 2 MiB; larger WebSocket messages close with 1009 */
    int connections_max;                 /* 0: 10,000; above: answered 503, closed */
    int requests_max;    /* of a connection, then it is closed; 0: no limit, clients keep it */
    int requests_per_s;  /* of a connection, with bursts of a second; above: 429. 0: no limit */
    bool deflate;        /* WebSockets may be compressed (permessage-deflate): slower, shorter */
    uint32_t events_max; /* 0: 10,000 may wait for a channel; more: error "overloaded" */
    size_t out_max;      /* 0: 4 MiB may wait for a client that reads slowly; then it is cut off */
    fl_ns idle_ns;  /* 0: 60 s without a byte from the client closes its connection; a WebSocket
                     * that is silent is asked with pings before */
    fl_ns drain_ns; /* 0: 3 s for requests under way when the node stops */
};

/** Starts a supervised listener for this site on a node that is about to run. host NULL: 127.0.0.1;
 * port 0: a free one, kept over restarts of the listener; *out_port says which. *out (may be NULL)
 * is the listener's supervisor. When the node stops this ends first: no more connections, requests
 * under way are answered, idle ones and WebSockets (1012) are closed, at most within drain_ns. */
int fl_web_serve(struct fl_node *node, const struct fl_web_site *site, const char *host, int port,
                 int *out_port, struct fl_pid *out, struct fl_err *err);

#endif
