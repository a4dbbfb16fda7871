/* registry_parts.h: what the files of registries share and nobody else sees. */
#ifndef FL_RUNTIME_REGISTRY_PARTS_H
#define FL_RUNTIME_REGISTRY_PARTS_H

#include "runtime/core.h"
#include "runtime/registry.h"

struct fl_registry_key {
    struct fl_map_node by_text;
    struct fl_list entries;
    char text[];
};
struct fl_registry_value {
    size_t len;
    unsigned char bytes[];
};
struct fl_registry_member;
struct fl_registry_item {
    struct fl_map_node by_pair; /* under the lock of the key's part, as is of_key and value */
    struct fl_list of_key;
    struct fl_list of_member; /* under the lock of the member's part */
    struct fl_registry_key *key;
    struct fl_registry_member *member;
    struct fl_registry_value *value;
};
/* A process that is in it. Only its own thread adds and removes items, so that it may read the list
 * without a lock; others read it under the lock of its part. */
struct fl_registry_member {
    struct fl_map_node by_pid;
    struct fl_registry *registry;
    struct fl_pid pid;
    struct fl_list items;
};
struct fl_registry_part {
    _Alignas(64) pthread_mutex_t lock;
    struct fl_map keys, pairs; /* items of a process under a key */
    struct fl_map members;     /* of the pids that fall here */
    size_t count;
};
struct fl_registry_meta {
    struct fl_registry_meta *next;
    char *key;
    void *value;
    size_t len;
};
struct fl_registry {
    struct fl_node *node;
    struct fl_registry_opts opts;
    atomic_size_t references; /* the user's, and one a member */
    size_t parts_count;
    struct fl_registry_part *parts;
    pthread_mutex_t meta_lock;
    struct fl_registry_meta *metas;
};

/** The part of a key, and the hash of it. */
struct fl_registry_part *fl_registry_part_of(struct fl_registry *registry, const char *key,
                                             uint64_t *hash);
/** The part of a process. */
struct fl_registry_part *fl_registry_part_of_pid(struct fl_registry *registry, struct fl_pid pid);
/** The key in its part, or NULL. Under its lock. */
struct fl_registry_key *fl_registry_key_find(const struct fl_registry_part *part, const char *key,
                                             uint64_t hash);
/** Tells listeners. No lock held; the process of the entry runs, or ends. */
void fl_registry_tell(struct fl_registry *registry, uint32_t tag, const char *key,
                      struct fl_pid pid, const struct fl_registry_value *value);

#endif
