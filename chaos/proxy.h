/* proxy.h: inside the links worker: a link, its connections, and their two directions each.
 *
 * Private to chaos/proxy_*.c and links_worker.c. Thread: the worker's loop. */
#ifndef FL_CHAOS_PROXY_H
#define FL_CHAOS_PROXY_H

#include <uv.h>

#include "chaos/alarms.h"
#include "chaos/toxic.h"

enum {
    FL_PROXY_TOXICS_MAX = 16,
    FL_PROXY_QUEUED_MAX = 256 << 10, /* bytes that the receiving side has not taken */
    FL_PROXY_HELD_MAX = 4 << 20,     /* bytes that toxics hold back in one direction */
};

/** A toxic on a link. */
struct fl_proxy_toxic {
    char *name;
    const struct fl_toxic_type *type;
    void *settings;
    unsigned streams;
    uint64_t number; /* unique in the worker */
    uint64_t seed;
    int64_t seen; /* connections or chunks that it touched */
    /** Called at the first touch; or, with seen 0, when it is taken away without one. */
    void (*on_seen)(void *cx, fl_ns at_ns, int64_t seen);
    void *seen_cx;
};

struct fl_proxy_upstream {
    char *instance;
    struct sockaddr_storage addr;
    bool known; /* addr is one that we could read */
    bool up;
};

/** What a reader waits for to end, and how it ends then. */
enum fl_proxy_end { FL_PROXY_OPEN = 0, FL_PROXY_EOF, FL_PROXY_RESET };

struct fl_proxy_chunk;
struct fl_proxy_conn;
struct fl_proxy_link;

/** One direction of a connection: reads `from`, holds, writes `to`. */
struct fl_proxy_flow {
    struct fl_proxy_conn *conn;
    uv_tcp_t *from, *to;
    enum fl_stream stream;
    struct fl_proxy_chunk *head, **tail; /* held back, in order of arrival */
    size_t held_bytes;
    fl_ns last_due_ns;
    struct fl_alarm alarm;
    struct fl_toxic_memory *memory; /* [FL_PROXY_TOXICS_MAX] by slot; NULL until a toxic touches */
    enum fl_proxy_end end;          /* what `from` said */
    bool reading, end_sent, over;
    uv_shutdown_t shutdown;
};

struct fl_proxy_conn {
    struct fl_proxy_link *link;
    struct fl_proxy_conn *next, **prev;
    uint64_t number; /* on its link, from 1 */
    uv_tcp_t client, service;
    uv_connect_t connect;
    struct fl_proxy_flow up, down;
    int handles_open;
    bool closing;
};

struct fl_proxy_probe;
struct fl_proxy_door; /* a listening socket, or one that only keeps the port */

struct fl_proxy_link {
    char *name;
    uv_loop_t *loop;
    struct fl_alarms *alarms;
    char *read_buf; /* one for all connections, FL_PROXY_READ_BYTES */
    int port;
    struct fl_proxy_door *door;
    struct fl_proxy_conn *conns;
    int64_t conns_open;
    uint64_t conns_made;
    struct fl_proxy_upstream *upstreams;
    size_t upstreams_count, upstreams_turn;
    struct fl_proxy_toxic *toxics[FL_PROXY_TOXICS_MAX]; /* by slot; order[] is the chain */
    size_t chain[FL_PROXY_TOXICS_MAX], chain_count;
    uint64_t toxics_made;
    int cuts;
    struct fl_proxy_probe *probes;
    struct fl_proxy_link *next;
};
enum { FL_PROXY_READ_BYTES = 64 << 10 };

/** Called with 0, or why the door could not be opened or verified. */
typedef void (*fl_proxy_door_fn)(void *cx, int rc, const char *why);

/* proxy_link.c */

/** A link without a door. Free with fl_proxy_link_free. */
struct fl_proxy_link *fl_proxy_link_new(uv_loop_t *loop, struct fl_alarms *alarms, char *read_buf,
                                        const char *name);
/** Closes door, connections and probes; libuv lets go of them later. */
void fl_proxy_link_close(struct fl_proxy_link *link);
/** Frees, after fl_proxy_link_close and once the loop has let go of everything. */
void fl_proxy_link_free(struct fl_proxy_link *link);
/** Adds or changes an upstream. */
void fl_proxy_link_upstream(struct fl_proxy_link *link, const char *instance, const char *host,
                            int port, bool up);
/** The upstream of the next connection: those that are up, in turn; else any, in turn; or NULL. */
const struct fl_proxy_upstream *fl_proxy_link_choose(struct fl_proxy_link *link);
/** Adds a toxic at the end of the chain; NULL with err when there is one of that name or no room.
 * One that cuts resets the connections there are and shuts the door. */
struct fl_proxy_toxic *fl_proxy_link_add(struct fl_proxy_link *link, const char *name,
                                         const struct fl_toxic_type *type, const cJSON *settings,
                                         uint64_t seed, struct fl_err *err);
/** The toxic of this name, or NULL. */
struct fl_proxy_toxic *fl_proxy_link_toxic(struct fl_proxy_link *link, const char *name);
/** Takes a toxic away; what it held goes on in order. Frees it and returns what it has seen. */
int64_t fl_proxy_link_remove(struct fl_proxy_link *link, struct fl_proxy_toxic *toxic);
/** Counts a touch of this toxic. */
void fl_proxy_toxic_touch(struct fl_proxy_toxic *toxic, int64_t times);

/* proxy_door.c */

/** Listens on link->port (0: any) and sets it. */
int fl_proxy_door_open(struct fl_proxy_link *link, struct fl_err *err);
/** Stops listening but keeps the port, so that nobody else takes it: connects are refused. */
void fl_proxy_door_shut(struct fl_proxy_link *link);
/** Listens on the same port again, trying until it may. */
int fl_proxy_door_reopen(struct fl_proxy_link *link, struct fl_err *err);
/** Lets the port go. */
void fl_proxy_door_close(struct fl_proxy_link *link);
/** Connects to the link's own port and says whether that went as wanted: accepted or refused. The
 * connection never reaches an upstream. */
void fl_proxy_probe(struct fl_proxy_link *link, bool accepted, fl_proxy_door_fn fn, void *cx);
/** Is the other end of this accepted connection one of the link's own probes? */
bool fl_proxy_probe_is(const struct fl_proxy_link *link, const uv_tcp_t *tcp);
/** Gives up every probe; their fn is called with UV_ECANCELED. */
void fl_proxy_probes_close(struct fl_proxy_link *link);

/* proxy_conn.c */

/** Takes a connection from the door and leads it to an upstream. */
void fl_proxy_conn_accept(struct fl_proxy_link *link, uv_stream_t *door);
/** Resets both sides at once; what is held is lost. Frees itself when libuv lets go. */
void fl_proxy_conn_reset(struct fl_proxy_conn *conn);
/** A direction is over; the connection is, when both are. */
void fl_proxy_conn_flow_over(struct fl_proxy_conn *conn);

/* proxy_flow.c */

/** Makes a direction of conn; nothing is read yet. */
void fl_proxy_flow_init(struct fl_proxy_flow *flow, struct fl_proxy_conn *conn, uv_tcp_t *from,
                        uv_tcp_t *to, enum fl_stream stream);
/** Begins to read. */
void fl_proxy_flow_start(struct fl_proxy_flow *flow);
/** The chain has changed: works out anew when what is held may go. */
void fl_proxy_flow_rechain(struct fl_proxy_flow *flow);
/** Drops what is held. */
void fl_proxy_flow_fini(struct fl_proxy_flow *flow);

#endif
