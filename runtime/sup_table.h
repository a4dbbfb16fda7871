/* sup_table.h: records of children, numbered, in start order, found by key; all in O(1).
 *
 * Numbers stand in for pointers, since half the bytes matter with a million children: records come
 * from chunks, each twice as large as the one before, and never move; an index is a linear hash
 * table, which grows by one bucket at a time and so never stops anybody.
 * Knows: bytes. Does not know: children. */
#ifndef FL_RUNTIME_SUP_TABLE_H
#define FL_RUNTIME_SUP_TABLE_H

#include "runtime/base/fl.h"

/** What every record begins with: its neighbours in start order; 0 is none. */
struct fl_sup_node {
    uint32_t next, prev;
};

struct fl_sup_table {
    unsigned char **chunks;
    uint32_t chunks_count, record_bytes;
    uint32_t high, free_head; /* numbers ever used, and those free again */
    uint32_t count, first, last;
};

/** Readies an empty table; record_bytes is a multiple of 8. */
void fl_sup_table_init(struct fl_sup_table *table, size_t record_bytes);
/** Frees the memory of all records. */
void fl_sup_table_fini(struct fl_sup_table *table);
/** A new record, zeroed, last in the order; its number is never 0. */
uint32_t fl_sup_table_add(struct fl_sup_table *table);
/** Takes a record out; its bytes are zero until the number is used again. */
void fl_sup_table_remove(struct fl_sup_table *table, uint32_t number);
/** The record of a number; NULL for one that was never used. */
void *fl_sup_table_at(const struct fl_sup_table *table, uint32_t number);
/** The number after this one in start order, or 0. */
uint32_t fl_sup_table_next(const struct fl_sup_table *table, uint32_t number);
/** The number before this one, or 0. */
uint32_t fl_sup_table_prev(const struct fl_sup_table *table, uint32_t number);

struct fl_sup_index {
    uint32_t *buckets;
    uint32_t buckets_count, cap, count;
    uint16_t key_at, link_at; /* in a record: a uint64_t, and a uint32_t that is ours */
};

/** Readies an empty index over a field of the records. */
void fl_sup_index_init(struct fl_sup_index *index, size_t key_at, size_t link_at);
/** Frees its memory. */
void fl_sup_index_fini(struct fl_sup_index *index);
/** Adds a record under the key that stands in it; keys may repeat. */
void fl_sup_index_add(struct fl_sup_index *index, const struct fl_sup_table *table,
                      uint32_t number);
/** Takes a record out that is in. */
void fl_sup_index_remove(struct fl_sup_index *index, const struct fl_sup_table *table,
                         uint32_t number);
/** A record of this key, or 0; more of the same key follow by fl_sup_index_next. */
uint32_t fl_sup_index_find(const struct fl_sup_index *index, const struct fl_sup_table *table,
                           uint64_t key);
/** The next record with the key of this one, or 0. */
uint32_t fl_sup_index_next(const struct fl_sup_index *index, const struct fl_sup_table *table,
                           uint32_t number);

#endif
