/* member.h: one simulated person on one Phoenix channel, who comes back whatever happens.
 *
 * Connects over plain TCP, upgrades, joins its topic, sends heartbeats. A lost connection is made
 * anew at once, then as the official client does it; a crashed channel is joined again after
 * 100 ms. Knows: WebSocket and channel framing. Does not know: what is said. Thread: the loop's. */
#ifndef FL_LOADGEN_MEMBER_H
#define FL_LOADGEN_MEMBER_H

#include "loadgen/load.h"
#include "services/wire/channel.h"

struct fl_member;
struct member_conn;

/** What its owner wants to know; each may be NULL. */
struct fl_member_events {
    /** About to join: the time to set other params (fl_member_set_params). */
    void (*on_joining)(struct fl_member *member);
    /** The server said yes: it is a member from here on. */
    void (*on_joined)(struct fl_member *member, fl_ns at_ns);
    /** It is none any more: channel or connection lost. */
    void (*on_parted)(struct fl_member *member, fl_ns at_ns);
    /** A message on its topic that is no reply. */
    void (*on_push)(struct fl_member *member, const struct fl_channel_msg *msg, fl_ns at_ns);
    /** The answer to fl_member_push. */
    void (*on_reply)(struct fl_member *member, uint64_t ref, bool ok, fl_ns at_ns);
};

enum fl_member_state {
    FL_MEMBER_AWAY = 0, /* no connection; waits to make one */
    FL_MEMBER_CONNECTING,
    FL_MEMBER_UPGRADING,
    FL_MEMBER_JOINING,
    FL_MEMBER_JOINED,
    FL_MEMBER_OUTSIDE, /* connected; waits to join again */
};

struct fl_member {
    const struct fl_member_events *events;
    struct fl_load *load;
    char *topic, *params; /* params: JSON of the join */
    enum fl_member_state state;
    struct member_conn *conn;
    size_t tries; /* connections since the last that opened */
    uint64_t ref, join_ref, heartbeat_ref;
    struct fl_rng rng;
    uv_timer_t timer; /* waits and limits of the states */
    uv_timer_t heartbeat;
};

struct fl_member_opts {
    const struct fl_member_events *events;
    struct fl_load *load;
    uint32_t user;
    const char *topic, *params; /* copied */
};

/** Prepares a member; nothing happens before fl_member_start. */
void fl_member_init(struct fl_member *member, const struct fl_member_opts *opts);
/** What the next join says; copied. */
void fl_member_set_params(struct fl_member *member, const char *params);
/** Begins to connect. */
void fl_member_start(struct fl_member *member);
/** Sends an event on the topic. False: not joined, nothing was sent. payload is raw JSON. */
bool fl_member_push(struct fl_member *member, const char *event, struct fl_str payload,
                    uint64_t *ref);
/** Closes everything, without an event; callbacks of closing come after. */
void fl_member_stop(struct fl_member *member);
/** Frees what it holds, once the loop has ended. */
void fl_member_fini(struct fl_member *member);

#endif
