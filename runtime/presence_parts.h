/* presence_parts.h: what the files of presence share and nobody else sees. All but what is atomic
 * is under the lock, and nothing waits while it is held. */
#ifndef FL_RUNTIME_PRESENCE_PARTS_H
#define FL_RUNTIME_PRESENCE_PARTS_H

#include "runtime/core.h"
#include "runtime/presence.h"

struct fl_presence {
    struct fl_node *node;
    struct fl_presence_opts opts;
    atomic_size_t references; /* the user's, one an owner, one the tracker's */
    _Atomic(uint64_t) tracker;
    atomic_bool woken; /* it has a wake-up in its mailbox */
    pthread_mutex_t lock;
    struct fl_map topics, owners;
    struct fl_list changed; /* topics with something to tell */
    struct fl_list waiting; /* the same, whose turn has not come */
    uint64_t clock;         /* of the last ref given */
    size_t entries;
};
struct presence_topic {
    struct fl_map_node by_text;
    struct fl_list of_changed; /* in changed or waiting */
    struct fl_map by_key;
    struct fl_list keys, dirty; /* all keys; those with something to tell */
    struct fl_list askers;
    size_t entries, keys_count; /* who is there */
    uint64_t seen;              /* the clock when it was last listed */
    fl_ns told_ns;              /* when the last diff was done; 0: never */
    struct fl_shared *telling;  /* the diff that is being told */
    char text[];
};
struct presence_key {
    struct fl_map_node by_text;
    struct fl_list of_topic, of_dirty;
    struct presence_topic *topic;
    struct fl_list entries, gone; /* who is there; who is not, and that is to be told */
    size_t len;
    char text[];
};
struct presence_entry {
    struct fl_list of_key; /* in entries or gone */
    struct fl_list of_owner;
    struct presence_key *key;
    struct fl_pid pid;
    uint64_t clock, prev;
    bool told; /* its coming */
    size_t len;
    char meta[];
};
/* A process that is tracked. */
struct presence_owner {
    struct fl_map_node by_pid;
    struct fl_presence *presence;
    struct fl_pid pid;
    struct fl_list entries;
};
struct presence_asker {
    struct fl_list of_topic;
    struct fl_pid pid;
};

/** The topic, or NULL. */
struct presence_topic *fl_presence_topic_find(const struct fl_presence *presence, const char *text);
/** Frees it when nothing is left of it to know or to tell. */
void fl_presence_topic_sweep(struct fl_presence *presence, struct presence_topic *topic);
/** Frees a key when nothing is left of it. */
void fl_presence_key_sweep(struct presence_key *key);
/** Appends an entry. */
void fl_presence_pack(const struct fl_presence *presence, const struct presence_entry *entry,
                      bool left, struct fl_buf *out);
/** Appends all that are there; they are seen. */
size_t fl_presence_pack_all(struct fl_presence *presence, struct presence_topic *topic,
                            struct fl_buf *out);
/** The tracker has something to do. No lock held. */
void fl_presence_wake(struct fl_presence *presence);

#endif
