#include "runtime/core.h"

/* A block of a process: in its list, so that it goes when the process goes. */
struct block {
    struct fl_list of_owner;
    struct fl_self *owner;
    size_t size;
    unsigned char bytes[];
};
_Static_assert(offsetof(struct block, bytes) % 16 == 0, "blocks are aligned as malloc's are");

struct fl_cold *fl_proc_cold(struct fl_self *self)
{
    if (self->cold == NULL) self->cold = fl_cell_new_zeroed(self->shard, sizeof(struct fl_cold));
    return self->cold;
}

void fl_memory_check(struct fl_self *self)
{
    const struct fl_cold *cold = self->cold;
    if (cold->memory_max == 0 || cold->block_bytes + cold->box_bytes <= cold->memory_max) return;
    struct fl_reason reason = fl_reason_with(
        FL_EXIT_KILLED, FL_EFULL, "memory_max %zu, %u messages", cold->memory_max, self->box_len);
    fl_proc_doom(self, &reason);
}

void *fl_self_alloc(struct fl_self *self, size_t bytes)
{
    struct fl_cold *cold = fl_proc_cold(self);
    struct block *block = fl_cell_new_zeroed(self->shard, sizeof *block + bytes);
    block->owner = self;
    block->size = bytes;
    fl_list_push(&cold->blocks, &block->of_owner);
    cold->block_bytes += bytes;
    if (self->flags & FL_PROC_LIMITED) {
        bool was_fine = !(self->flags & FL_PROC_DOOMED);
        fl_memory_check(self);
        bool is_it = was_fine && (self->flags & FL_PROC_DOOMED) != 0;
        if (is_it) cold->alloc_site = __builtin_return_address(0);
    }
    return block->bytes;
}

static void block_free(struct fl_self *self, struct block *block)
{
    fl_list_remove(&block->of_owner);
    fl_cell_free(self->shard, block, sizeof *block + block->size);
}

void fl_self_free(struct fl_self *self, void *ptr)
{
    if (ptr == NULL) return;
    struct block *block = FL_OWNER(ptr, struct block, bytes);
    FL_ASSERT(block->owner == self);
    self->cold->block_bytes -= block->size;
    block_free(self, block);
}

void fl_self_own(struct fl_self *self, void *ptr, void (*fn)(void *ptr))
{
    struct fl_cold *cold = fl_proc_cold(self);
    struct fl_owned *owned = fl_cell_new(self->shard, sizeof *owned);
    *owned = (struct fl_owned){.next = cold->owned, .ptr = ptr, .fn = fn};
    cold->owned = owned;
}

void fl_self_disown(struct fl_self *self, void *ptr)
{
    if (self->cold == NULL) return;
    for (struct fl_owned **slot = &self->cold->owned; *slot != NULL; slot = &(*slot)->next) {
        struct fl_owned *owned = *slot;
        if (owned->ptr != ptr) continue;
        *slot = owned->next;
        fl_cell_free(self->shard, owned, sizeof *owned);
        return;
    }
}

/* ---- the process dictionary: few keys, so a list */

static struct fl_entry **entry_find(const struct fl_self *self, const char *key)
{
    struct fl_entry **at = &self->cold->dictionary;
    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

void *fl_self_put(struct fl_self *self, const char *key, void *value)
{
    fl_proc_cold(self);
    struct fl_entry **at = entry_find(self, key);
    void *before = *at == NULL ? NULL : (*at)->value;
    if (*at == NULL && value != NULL) {
        size_t len = strlen(key) + 1;
        *at = fl_alloc(sizeof **at + len);
        memcpy((*at)->key, key, len);
    }
    if (value != NULL) {
        (*at)->value = value;
    } else if (*at != NULL) {
        struct fl_entry *entry = *at;
        *at = entry->next;
        free(entry);
    }
    return before;
}

void *fl_self_get(const struct fl_self *self, const char *key)
{
    if (self->cold == NULL) return NULL;
    struct fl_entry **at = entry_find(self, key);
    return *at == NULL ? NULL : (*at)->value;
}

void fl_memory_drop_all(struct fl_self *self)
{
    struct fl_cold *cold = self->cold;
    FL_ASSERT(cold != NULL);
    while (cold->owned != NULL) {
        struct fl_owned *owned = cold->owned;
        cold->owned = owned->next;
        owned->fn(owned->ptr);
        fl_cell_free(self->shard, owned, sizeof *owned);
    }
    while (cold->dictionary != NULL) {
        struct fl_entry *entry = cold->dictionary;
        cold->dictionary = entry->next;
        free(entry);
    }
    while (!fl_list_is_empty(&cold->blocks))
        block_free(self, FL_OWNER(cold->blocks.next, struct block, of_owner));
}
