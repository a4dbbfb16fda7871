/* pubsub_parts.h: what the files of pubsub share and nobody else sees. */
#ifndef FL_RUNTIME_PUBSUB_PARTS_H
#define FL_RUNTIME_PUBSUB_PARTS_H

#include "runtime/core.h"
#include "runtime/pubsub.h"

struct fl_pubsub_sub;

/* One subscription in the row of its topic. Those who left leave a gap, so that the others keep
 * their order and a walk that waited in the middle can go on. */
struct fl_pubsub_seat {
    struct fl_pid pid;         /* 0: a gap */
    struct fl_pubsub_sub *sub; /* whose fastlane counts when has_lane */
    uint64_t seq : 63;         /* grows along the row */
    uint64_t has_lane : 1;
};
struct fl_pubsub_topic {
    struct fl_map_node by_text;
    struct fl_pubsub_seat *seats;
    size_t used, cap, gaps;
    char text[];
};
/* What one shard knows, touched by its thread only except for what is atomic. */
struct fl_pubsub_table {
    _Alignas(64) struct fl_map topics;
    struct fl_map members; /* by pid */
    struct fl_map pairs;   /* subscriptions, by topic and pid */
    uint64_t seq_last;
    uint64_t epoch; /* grows when seats move or a topic goes */
    atomic_size_t count;
    _Atomic(uint64_t) forwarder; /* a pid, or 0 */
};
struct fl_pubsub {
    struct fl_node *node;
    atomic_size_t references; /* the user's, and one a member */
    int tables_count;
    struct fl_pubsub_table *tables;
};
struct fl_pubsub_member {
    struct fl_map_node by_pid;
    struct fl_pubsub *pubsub;
    struct fl_pubsub_table *table;
    struct fl_pid pid;
    struct fl_list subs;
};
struct fl_pubsub_sub {
    struct fl_map_node by_pair;
    struct fl_list of_member;
    struct fl_pubsub_member *member;
    struct fl_pubsub_topic *topic;
    size_t at; /* its seat */
    bool has_lane;
    struct fl_fastlane lane;
    size_t meta_len;
    unsigned char meta[];
};

/** The table of the shard that runs self. */
struct fl_pubsub_table *fl_pubsub_here(struct fl_self *self, struct fl_pubsub *pubsub);
/** The topic of this name on a shard, or NULL. */
struct fl_pubsub_topic *fl_pubsub_topic(const struct fl_pubsub_table *table, const char *text);
/** Delivers to the subscribers of self's shard. */
void fl_pubsub_deliver(struct fl_self *self, struct fl_pubsub_table *table,
                       struct fl_broadcast *what, fl_dispatch_fn dispatch);

#endif
