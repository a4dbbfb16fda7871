/* pubsub.h: processes subscribe to topics and get what is broadcast there (Elixir: Phoenix.PubSub,
 * its local half).
 *
 * A message arrives as a cast: tag and data are the broadcaster's, msg->shared holds the bytes,
 * which all subscribers share. `from` is whoever delivered it, the broadcaster or the forwarder of
 * a shard. What one process broadcasts arrives in that order at each subscriber; subscribers of one
 * shard are served in the order in which they subscribed. Nothing is promised to arrive: a full
 * mailbox loses it. Subscribing, unsubscribing and the end of a subscriber take the same time in
 * any crowd. Each shard has its own members and no locks; a broadcast is one message to each other
 * shard that has any subscriber, where a forwarder goes on. Thread: any process of the node. */
#ifndef FL_RUNTIME_PUBSUB_H
#define FL_RUNTIME_PUBSUB_H

#include "runtime/server.h"

struct fl_pubsub;

/** What is broadcast, as encoders and dispatchers see it. */
struct fl_broadcast {
    const char *topic;
    uint32_t tag;
    const void *data;
    size_t len;
    struct fl_shared *shared; /* the same bytes; retain it to send it */
    struct fl_pid except;     /* who gets nothing: of fl_pubsub_broadcast_from */
};
/** Makes a frame of a broadcast. Returns false when this one does not go by the fast lane; then the
 * subscriber gets it as it is. Runs on any shard, once for all who have the same encode and cx;
 * must not wait. */
typedef bool (*fl_encode_fn)(void *cx, const struct fl_broadcast *what, struct fl_buf *frame);
/** The fast lane of a subscription: encoded frames go straight to whoever writes them to a socket.
 */
struct fl_fastlane {
    struct fl_pid to; /* the transport */
    uint32_t tag;     /* of the frames sent to it */
    fl_encode_fn encode;
    void *cx; /* read by all shards; with encode the identity of the serializer */
};
struct fl_subscribe_opts {
    const struct fl_fastlane *fastlane; /* NULL: none; copied */
    const void *meta;                   /* for dispatchers; copied */
    size_t meta_len;
};
/** A subscription as a dispatcher sees it; valid until it returns. */
struct fl_subscriber {
    struct fl_pid pid;
    const struct fl_fastlane *fastlane; /* or NULL */
    const void *meta;
    size_t meta_len;
};
/** Sends a broadcast on in its own way. Runs on each shard that has subscribers of the topic, with
 * those; must not wait. */
typedef void (*fl_dispatch_fn)(struct fl_self *self, const struct fl_broadcast *what,
                               const struct fl_subscriber *subscribers, size_t count);

/** Makes the tables, never NULL; on no thread in particular. Give fl_pubsub_server a place in a
 * tree, or use fl_pubsub_start. Lives until fl_pubsub_free, and the last subscriber. */
struct fl_pubsub *fl_pubsub_new(struct fl_node *node);
/** Lets go of it: nobody may use it after, subscribers may still be there. NULL is fine. */
void fl_pubsub_free(struct fl_pubsub *pubsub);
/** The process that keeps a forwarder on each shard alive; args is the `struct fl_pubsub *`. While
 * it is away, broadcasts reach the own shard only; subscriptions stay. */
extern const struct fl_server fl_pubsub_server;
/** Both at once, linked to self; self NULL: from outside a process, as fl_node_spawn. Started
 * before the node runs, broadcasts reach other shards once it has begun to. Codes of fl_spawn; *out
 * only on success (Elixir: Phoenix.PubSub.Supervisor.start_link). */
int fl_pubsub_start(struct fl_node *node, struct fl_self *self, struct fl_pubsub **out);

/** I get what is broadcast there; subscribing twice delivers twice. Ends with me (Elixir:
 * PubSub.subscribe). */
void fl_pubsub_subscribe(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic);
/** The same with a fast lane, or with metadata for dispatchers; opts and what it points to are
 * copied (Elixir: subscribe/3). */
void fl_pubsub_subscribe_with(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                              const struct fl_subscribe_opts *opts);
/** Drops all my subscriptions of the topic; returns how many there were (Elixir: unsubscribe). */
size_t fl_pubsub_unsubscribe(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic);
/** How many subscriptions of the topic are on my shard (Elixir: Registry.count_match). */
size_t fl_pubsub_count(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic);

/** Sends to all subscribers, me too; data is copied once (Elixir: broadcast, local_broadcast).
 * Waits until those of my shard have it, as a call waits; who was idle may have handled it by then.
 */
void fl_pubsub_broadcast(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                         uint32_t tag, const void *data, size_t len);
/** To all but me (Elixir: broadcast_from). */
void fl_pubsub_broadcast_from(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                              uint32_t tag, const void *data, size_t len);
/** Through a dispatcher of one's own (Elixir: broadcast/4). except: FL_NO_PID, or who to skip,
 * which is the dispatcher's business. */
void fl_pubsub_dispatch(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                        uint32_t tag, const void *data, size_t len, struct fl_pid except,
                        fl_dispatch_fn dispatch);
/** fl_pubsub_broadcast from outside any process; any thread of the node. */
void fl_pubsub_node_broadcast(struct fl_pubsub *pubsub, const char *topic, uint32_t tag,
                              const void *data, size_t len);

#endif
