#include "runtime/core.h"

/* A block of a process: in its list, so that it goes when the process goes. */
struct block {
    _Alignas(16) struct fl_list of_owner;
    unsigned char bytes[];
};

void *fl_self_alloc(struct fl_self *self, size_t bytes)
{
    struct block *block = fl_alloc(sizeof *block + bytes);
    fl_list_push(&self->blocks, &block->of_owner);
    return block->bytes;
}

void fl_self_free(struct fl_self *self, void *ptr)
{
    if (ptr == NULL) return;
    FL_ASSERT(self->pid.bits != 0);
    struct block *block = FL_OWNER(ptr, struct block, bytes);
    fl_list_remove(&block->of_owner);
    free(block);
}

void fl_self_own(struct fl_self *self, void *ptr, void (*fn)(void *ptr))
{
    struct fl_owned *owned = fl_new(struct fl_owned);
    owned->ptr = ptr;
    owned->fn = fn;
    owned->next = self->owned;
    self->owned = owned;
}

void fl_self_disown(struct fl_self *self, void *ptr)
{
    for (struct fl_owned **slot = &self->owned; *slot != NULL; slot = &(*slot)->next) {
        struct fl_owned *owned = *slot;
        if (owned->ptr != ptr) continue;
        *slot = owned->next;
        free(owned);
        return;
    }
}

void fl_memory_drop_all(struct fl_self *self)
{
    while (self->owned != NULL) {
        struct fl_owned *owned = self->owned;
        self->owned = owned->next;
        owned->fn(owned->ptr);
        free(owned);
    }
    while (!fl_list_is_empty(&self->blocks)) {
        struct block *block = FL_OWNER(self->blocks.next, struct block, of_owner);
        fl_list_remove(&block->of_owner);
        free(block);
    }
}
