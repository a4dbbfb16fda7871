#include "runtime/sup_table.h"

#define CHUNK_FIRST 4u
#define BUCKETS_FIRST 8u

static uint32_t log2_of(uint32_t value)
{
    FL_ASSERT(value != 0);
    return 31u - (uint32_t)__builtin_clz(value);
}

void fl_sup_table_init(struct fl_sup_table *table, size_t record_bytes)
{
    FL_ASSERT(record_bytes % 8 == 0);
    *table = (struct fl_sup_table){.record_bytes = (uint32_t)record_bytes};
}

void fl_sup_table_fini(struct fl_sup_table *table)
{
    for (uint32_t i = 0; i < table->chunks_count; i++)
        free(table->chunks[i]);
    free(table->chunks);
    fl_sup_table_init(table, table->record_bytes);
}

/* Chunk k has CHUNK_FIRST << k records, so a number says where it is by its highest bit. */
static void *record_at(const struct fl_sup_table *table, uint32_t number)
{
    uint32_t place = number - 1 + CHUNK_FIRST;
    uint32_t top = log2_of(place);
    size_t in_chunk = place - (UINT32_C(1) << top);
    return table->chunks[top - log2_of(CHUNK_FIRST)] + in_chunk * table->record_bytes;
}

void *fl_sup_table_at(const struct fl_sup_table *table, uint32_t number)
{
    return number == 0 || number > table->high ? NULL : record_at(table, number);
}

static struct fl_sup_node *node_at(const struct fl_sup_table *table, uint32_t number)
{
    FL_ASSERT(number != 0 && number <= table->high);
    return record_at(table, number);
}

static uint32_t table_grow(struct fl_sup_table *table)
{
    FL_ASSERT(table->high < UINT32_MAX - CHUNK_FIRST);
    uint32_t number = ++table->high;
    uint32_t chunk = log2_of(number - 1 + CHUNK_FIRST) - log2_of(CHUNK_FIRST);
    if (chunk == table->chunks_count) {
        table->chunks = fl_realloc(table->chunks, (chunk + 1) * sizeof(unsigned char *));
        /* memory that is not used yet is not there yet either: pages come at the first touch */
        table->chunks[chunk] = fl_alloc_array(table->record_bytes, (size_t)CHUNK_FIRST << chunk);
        table->chunks_count++;
    }
    return number;
}

uint32_t fl_sup_table_add(struct fl_sup_table *table)
{
    uint32_t number = table->free_head;
    if (number == 0)
        number = table_grow(table);
    else
        table->free_head = node_at(table, number)->next;
    struct fl_sup_node *node = node_at(table, number);
    *node = (struct fl_sup_node){.prev = table->last};
    if (table->last != 0)
        node_at(table, table->last)->next = number;
    else
        table->first = number;
    table->last = number;
    table->count++;
    return number;
}

void fl_sup_table_remove(struct fl_sup_table *table, uint32_t number)
{
    struct fl_sup_node *node = node_at(table, number);
    FL_ASSERT(table->count > 0);
    if (node->prev != 0)
        node_at(table, node->prev)->next = node->next;
    else
        table->first = node->next;
    if (node->next != 0)
        node_at(table, node->next)->prev = node->prev;
    else
        table->last = node->prev;
    table->count--;
    memset(node, 0, table->record_bytes);
    node->next = table->free_head;
    table->free_head = number;
}

uint32_t fl_sup_table_next(const struct fl_sup_table *table, uint32_t number)
{
    return node_at(table, number)->next;
}

uint32_t fl_sup_table_prev(const struct fl_sup_table *table, uint32_t number)
{
    return node_at(table, number)->prev;
}

/* ---- the index */

void fl_sup_index_init(struct fl_sup_index *index, size_t key_at, size_t link_at)
{
    FL_ASSERT(key_at % 8 == 0 && link_at % 4 == 0);
    *index = (struct fl_sup_index){.key_at = (uint16_t)key_at, .link_at = (uint16_t)link_at};
}

void fl_sup_index_fini(struct fl_sup_index *index)
{
    free(index->buckets);
    fl_sup_index_init(index, index->key_at, index->link_at);
}

static uint64_t key_of(const struct fl_sup_index *index, const void *record)
{
    uint64_t key;
    memcpy(&key, (const unsigned char *)record + index->key_at, sizeof key);
    return key;
}

static uint32_t *link_of(const struct fl_sup_index *index, void *record)
{
    FL_ASSERT(record != NULL);
    return (uint32_t *)(void *)((unsigned char *)record + index->link_at);
}

/* Pids count up by their low half, and neighbours shall stay neighbours: they are started, and
 * often end, together. Hashes of ids are random anyway. */
static uint32_t hash_of(uint64_t key)
{
    return (uint32_t)key ^ (uint32_t)(key >> 32) * UINT32_C(0x9e3779b1);
}

/* Those buckets that are not split yet in this round still hold what the upper half will. */
static uint32_t *bucket_of(const struct fl_sup_index *index, uint64_t key)
{
    uint32_t half = UINT32_C(1) << log2_of(index->buckets_count);
    uint32_t hash = hash_of(key);
    uint32_t at = hash & (2 * half - 1);
    return &index->buckets[at < index->buckets_count ? at : hash & (half - 1)];
}

static void index_split(struct fl_sup_index *index, const struct fl_sup_table *table)
{
    if (index->buckets_count == index->cap) {
        index->cap = index->cap == 0 ? BUCKETS_FIRST : index->cap * 2;
        index->buckets = fl_realloc(index->buckets, index->cap * sizeof *index->buckets);
    }
    if (index->buckets_count == 0) {
        memset(index->buckets, 0, BUCKETS_FIRST * sizeof *index->buckets);
        index->buckets_count = BUCKETS_FIRST;
        return;
    }
    uint32_t half = UINT32_C(1) << log2_of(index->buckets_count);
    uint32_t from = index->buckets_count - half;
    uint32_t number = index->buckets[from];
    index->buckets[from] = 0;
    index->buckets[index->buckets_count++] = 0;
    while (number != 0) {
        void *record = record_at(table, number);
        uint32_t *bucket = bucket_of(index, key_of(index, record)), *link = link_of(index, record);
        uint32_t next = *link;
        *link = *bucket;
        *bucket = number;
        number = next;
    }
}

void fl_sup_index_add(struct fl_sup_index *index, const struct fl_sup_table *table, uint32_t number)
{
    if (index->count >= index->buckets_count) index_split(index, table);
    void *record = record_at(table, number);
    uint32_t *bucket = bucket_of(index, key_of(index, record));
    *link_of(index, record) = *bucket;
    *bucket = number;
    index->count++;
}

void fl_sup_index_remove(struct fl_sup_index *index, const struct fl_sup_table *table,
                         uint32_t number)
{
    FL_ASSERT(index->count > 0);
    void *record = record_at(table, number);
    uint32_t *slot = bucket_of(index, key_of(index, record));
    while (*slot != number) {
        FL_ASSERT(*slot != 0);
        slot = link_of(index, record_at(table, *slot));
    }
    *slot = *link_of(index, record);
    *link_of(index, record) = 0;
    index->count--;
}

static uint32_t find_from(const struct fl_sup_index *index, const struct fl_sup_table *table,
                          uint32_t number, uint64_t key)
{
    while (number != 0) {
        void *record = record_at(table, number);
        if (key_of(index, record) == key) break;
        number = *link_of(index, record);
    }
    return number;
}

uint32_t fl_sup_index_find(const struct fl_sup_index *index, const struct fl_sup_table *table,
                           uint64_t key)
{
    return index->count == 0 ? 0 : find_from(index, table, *bucket_of(index, key), key);
}

uint32_t fl_sup_index_next(const struct fl_sup_index *index, const struct fl_sup_table *table,
                           uint32_t number)
{
    void *record = record_at(table, number);
    return find_from(index, table, *link_of(index, record), key_of(index, record));
}
