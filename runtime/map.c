#include "runtime/core.h"

#define MAP_BUCKETS_FIRST 4

static void map_grow(struct fl_map *map)
{
    size_t size = map->buckets == NULL ? MAP_BUCKETS_FIRST : (map->mask + 1) * 2;
    struct fl_map_node **buckets = fl_new_array(struct fl_map_node *, size);
    for (size_t i = 0; map->buckets != NULL && i <= map->mask; i++) {
        struct fl_map_node *node = map->buckets[i];
        while (node != NULL) {
            struct fl_map_node *next = node->next;
            struct fl_map_node **bucket = &buckets[fl_hash64(node->key) & (size - 1)];
            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    free(map->buckets);
    map->buckets = buckets;
    map->mask = size - 1;
}

void fl_map_add(struct fl_map *map, struct fl_map_node *node, uint64_t key)
{
    if (map->buckets == NULL || map->count > map->mask) map_grow(map);
    struct fl_map_node **bucket = &map->buckets[fl_hash64(key) & map->mask];
    node->key = key;
    node->next = *bucket;
    *bucket = node;
    map->count++;
}

struct fl_map_node *fl_map_find(const struct fl_map *map, uint64_t key)
{
    if (map->buckets == NULL) return NULL;
    struct fl_map_node *node = map->buckets[fl_hash64(key) & map->mask];
    while (node != NULL && node->key != key)
        node = node->next;
    return node;
}

struct fl_map_node *fl_map_next(const struct fl_map_node *node)
{
    struct fl_map_node *next = node->next;
    while (next != NULL && next->key != node->key)
        next = next->next;
    return next;
}

void fl_map_remove(struct fl_map *map, struct fl_map_node *node)
{
    FL_ASSERT(map->count > 0);
    struct fl_map_node **slot = &map->buckets[fl_hash64(node->key) & map->mask];
    while (*slot != node) {
        FL_ASSERT(*slot != NULL);
        slot = &(*slot)->next;
    }
    *slot = node->next;
    node->next = NULL;
    map->count--;
}

void fl_map_fini(struct fl_map *map)
{
    free(map->buckets);
    *map = (struct fl_map){0};
}

void fl_list_init(struct fl_list *list)
{
    list->next = list->prev = list;
}
