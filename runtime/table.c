#include <sys/mman.h>

#include "runtime/annotate.h"
#include "runtime/core.h"

#define LSAN_STEP 4096u

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

uint64_t fl_table_take_fresh(struct fl_table *table, int shard_id, void *ptr)
{
    if (table->used == table->max) { /* then one that was freed just now has to do */
        if (table->free_count == 0) return 0;
        struct fl_slot *slot = &table->slots[table->free_head];
        uint64_t bits = (slot->bits & ~FL_TABLE_FREE_SHARD) | (uint64_t)shard_id << 56;
        table->free_head = (uint32_t)(uintptr_t)slot->ptr;
        table->free_count--;
        *slot = (struct fl_slot){.ptr = ptr, .bits = bits};
        return bits;
    }
    uint32_t index = table->used++;
    if (index % LSAN_STEP == 0) table_tell_lsan(table, true);
    uint64_t bits = (uint64_t)shard_id << 56 | FL_ID_SLOTS_MAX | index;
    table->slots[index] = (struct fl_slot){.ptr = ptr, .bits = bits};
    return bits;
}
