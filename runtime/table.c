#include <sys/mman.h>

#include "runtime/annotate.h"
#include "runtime/core.h"

/* A free slot keeps the id it gives out next, with a shard that does not exist, and in place of the
 * pointer the next free one. Slots are used again in the order they were freed, and not before this
 * many are free, so that a generation comes round only after very long. */
#define FREE_SHARD (UINT64_C(0xff) << 56)
#define FREE_LEAST 1024u
#define LSAN_STEP 4096u
#define SLOT_MASK (uint64_t)(FL_ID_SLOTS_MAX - 1)
#define GENERATION_MASK UINT64_C(0x7fffffff)

void fl_table_init(struct fl_table *table, uint32_t max)
{
    FL_ASSERT(max > 0 && max <= FL_ID_SLOTS_MAX);
    table->max = max;
    void *at = mmap(NULL, (size_t)max * sizeof(struct fl_slot), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FL_ASSERT(at != MAP_FAILED);
    table->slots = at;
}

/* What slots lead to is reachable; told to LeakSanitizer as far as they are used. */
static void table_tell_lsan(const struct fl_table *table, bool on)
{
#if FL_ASAN
    for (uint32_t i = 0; i < table->used; i += LSAN_STEP) {
        bool is_new = i + LSAN_STEP >= table->used;
        if (!on) __lsan_unregister_root_region(&table->slots[i], LSAN_STEP * sizeof *table->slots);
        if (on && is_new)
            __lsan_register_root_region(&table->slots[i], LSAN_STEP * sizeof *table->slots);
    }
#else
    FL_ASSERT(table->slots != NULL || on);
#endif
}

void fl_table_fini(struct fl_table *table)
{
    if (table->slots == NULL) return;
    table_tell_lsan(table, false);
    munmap(table->slots, (size_t)table->max * sizeof(struct fl_slot));
    *table = (struct fl_table){0};
}

uint64_t fl_table_take(struct fl_table *table, int shard_id, void *ptr)
{
    uint32_t index;
    uint64_t low;
    bool must_reuse = table->used == table->max;
    if (table->free_count >= FREE_LEAST || (must_reuse && table->free_count > 0)) {
        index = table->free_head;
        struct fl_slot *slot = &table->slots[index];
        low = slot->bits & ~FREE_SHARD;
        table->free_head = (uint32_t)(uintptr_t)slot->ptr;
        table->free_count--;
    } else if (must_reuse) {
        return 0;
    } else {
        index = table->used++;
        if (index % LSAN_STEP == 0) table_tell_lsan(table, true);
        low = UINT64_C(1) << 24 | index;
    }
    uint64_t bits = (uint64_t)shard_id << 56 | low;
    table->slots[index] = (struct fl_slot){.ptr = ptr, .bits = bits};
    return bits;
}

void fl_table_give(struct fl_table *table, uint64_t bits)
{
    uint32_t index = (uint32_t)(bits & SLOT_MASK);
    FL_ASSERT(index < table->used);
    struct fl_slot *slot = &table->slots[index];
    FL_ASSERT(slot->bits == bits);
    uint64_t generation = ((bits >> 24 & GENERATION_MASK) + 1) & GENERATION_MASK;
    if (generation == 0) generation = 1;
    slot->bits = FREE_SHARD | generation << 24 | index;
    slot->ptr = NULL;
    if (table->free_count++ == 0)
        table->free_head = index;
    else
        table->slots[table->free_tail].ptr = (void *)(uintptr_t)index;
    table->free_tail = index;
}
