/* list_parts.h: lists and hash maps whose nodes live in somebody else's struct: nothing is
 * allocated to put something in. */
#ifndef FL_RUNTIME_LIST_PARTS_H
#define FL_RUNTIME_LIST_PARTS_H

#include "runtime/base/fl.h"

/* A hash map of nodes that live in somebody else's struct. */
struct fl_map_node {
    struct fl_map_node *next;
    uint64_t key;
};
struct fl_map {
    struct fl_map_node **buckets;
    size_t mask, count;
};
/** Adds a node under key; keys may repeat. */
void fl_map_add(struct fl_map *map, struct fl_map_node *node, uint64_t key);
/** The first node of this key, or NULL; more of the same key follow by fl_map_next. */
struct fl_map_node *fl_map_find(const struct fl_map *map, uint64_t key);
/** The next node with the key of this one, or NULL. */
struct fl_map_node *fl_map_next(const struct fl_map_node *node);
/** Takes a node out that is in. */
void fl_map_remove(struct fl_map *map, struct fl_map_node *node);
/** Frees the buckets, not the nodes. */
void fl_map_fini(struct fl_map *map);

/* A doubly linked list in somebody else's struct; zero is an empty list, and a node in none. */
struct fl_list {
    struct fl_list *next, *prev;
};
/** An empty list; zeroed memory is one already. */
void fl_list_init(struct fl_list *list);
static inline bool fl_list_is_empty(const struct fl_list *list)
{
    return list->next == NULL || list->next == list;
}
/** Adds at the end. */
static inline void fl_list_push(struct fl_list *list, struct fl_list *node)
{
    FL_ASSERT(node->next == NULL);
    if (FL_UNLIKELY(list->next == NULL)) list->next = list->prev = list;
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}
/** Takes a node out of whatever list it is in; a node in none is fine. */
static inline void fl_list_remove(struct fl_list *node)
{
    if (node->next == NULL) return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

#endif
