/* table_parts.h: where a shard keeps what it makes most of: ids that never dangle, and small
 * memory.
 *
 * Thread: the shard's. */
#ifndef FL_RUNTIME_TABLE_PARTS_H
#define FL_RUNTIME_TABLE_PARTS_H

#include "runtime/base/fl.h"

#define FL_SHARDS_MAX 64

struct fl_shard;

/* table.c: slots with generations: pids and refs are looked up here, and never dangle.
 * An id is shard:8 | kind:1 | generation:31 | slot:24. */
#define FL_ID_SLOTS_MAX (UINT32_C(1) << 24)
#define FL_ID_ALIAS (UINT64_C(1) << 55)   /* of a pid: it is an alias, the rest is its ref */
#define FL_ID_COUNTED (UINT64_C(1) << 55) /* of a ref: a number, not a slot (of a call) */
struct fl_slot {
    void *ptr;
    uint64_t bits; /* the id while in use */
};
struct fl_table {
    struct fl_slot *slots; /* address space for all of them, memory for those used */
    uint32_t used, max;
    uint32_t free_count, free_head, free_tail;
};
/** Reserves address space for max slots. */
void fl_table_init(struct fl_table *table, uint32_t max);
/** Gives it back. */
void fl_table_fini(struct fl_table *table);
/** An id of a slot that was never used; 0 when there is none. */
uint64_t fl_table_take_fresh(struct fl_table *table, int shard_id, void *ptr);
/** What an id stands for, or NULL. */
static inline void *fl_table_find(const struct fl_table *table, uint64_t bits)
{
    uint32_t index = (uint32_t)bits & (FL_ID_SLOTS_MAX - 1);
    if (index >= table->used) return NULL;
    const struct fl_slot *slot = &table->slots[index];
    return FL_LIKELY(slot->bits == bits) ? slot->ptr : NULL;
}
/** What the id in this slot stands for, or NULL; index < used. */
static inline void *fl_table_at(const struct fl_table *table, uint32_t index)
{
    const struct fl_slot *slot = &table->slots[index];
    return slot->bits >> 56 < FL_SHARDS_MAX ? slot->ptr : NULL; /* else it is free */
}

/* cell.c: small memory of a shard, by size, from chunks; malloc's own under a checker. */
#define FL_CELL_STEP 16
#define FL_CELL_MAX 1024
struct fl_chunk;
struct fl_cells {
    void *free[FL_CELL_MAX / FL_CELL_STEP + 1];
    struct fl_chunk *chunks;
    size_t chunk_bytes;
    char *fresh;
    size_t fresh_left;
    bool is_plain; /* malloc and free, so that a checker sees each */
};
/** The next chunk of a growing chain: *bytes of it are for use, more each time; never NULL. */
void *fl_chunk_add(struct fl_chunk **chain, size_t *bytes);
/** Frees a chain. */
void fl_chunks_free(struct fl_chunk **chain);
/** Memory where no free cell of this size is. */
void *fl_cell_new_slow(struct fl_shard *shard, size_t bytes);
/** The end of memory that is no cell: under a checker, or larger than FL_CELL_MAX. */
void fl_cell_free_slow(void *ptr);
/** Frees all chunks. */
void fl_cells_fini(struct fl_cells *cells);

#endif
