#include "runtime/refs.h"

#include "runtime/base/rng.h"

#define REFS_FIRST 16

/* Open addressing, linear probing, at most half full; removal shifts the rest of the run back, so
 * there are no tombstones to wade through. */
static size_t refs_home(const struct fl_refs *refs, uint64_t ref)
{
    return fl_hash64(ref) & (refs->cap - 1);
}

static size_t refs_find(const struct fl_refs *refs, uint64_t ref)
{
    size_t at = refs_home(refs, ref);
    while (refs->slots[at].ref != 0 && refs->slots[at].ref != ref)
        at = (at + 1) & (refs->cap - 1);
    return at;
}

static void refs_grow(struct fl_self *self, struct fl_refs *refs)
{
    struct fl_refs old = *refs;
    refs->cap = old.cap == 0 ? REFS_FIRST : old.cap * 2;
    refs->slots = fl_self_alloc(self, refs->cap * sizeof *refs->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].ref != 0) refs->slots[refs_find(refs, old.slots[i].ref)] = old.slots[i];
    fl_self_free(self, old.slots);
}

bool fl_refs_add(struct fl_self *self, struct fl_refs *refs, uint64_t ref, uint64_t value)
{
    FL_ASSERT(ref != 0);
    if (refs->count * 2 >= refs->cap) refs_grow(self, refs);
    size_t at = refs_find(refs, ref);
    if (refs->slots[at].ref == ref) return false;
    refs->slots[at] = (struct fl_refs_slot){.ref = ref, .value = value};
    refs->count++;
    return true;
}

bool fl_refs_get(const struct fl_refs *refs, uint64_t ref, uint64_t *value)
{
    if (refs->count == 0 || ref == 0) return false;
    size_t at = refs_find(refs, ref);
    if (refs->slots[at].ref != ref) return false;
    if (value != NULL) *value = refs->slots[at].value;
    return true;
}

bool fl_refs_drop(struct fl_refs *refs, uint64_t ref)
{
    if (!fl_refs_get(refs, ref, NULL)) return false;
    size_t mask = refs->cap - 1;
    size_t hole = refs_find(refs, ref);
    FL_ASSERT(refs->slots[hole].ref == ref);
    for (size_t at = (hole + 1) & mask; refs->slots[at].ref != 0; at = (at + 1) & mask) {
        size_t home = refs_home(refs, refs->slots[at].ref);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it may not go before its home */
        refs->slots[hole] = refs->slots[at];
        hole = at;
    }
    refs->slots[hole] = (struct fl_refs_slot){0};
    refs->count--;
    return true;
}

void fl_refs_fini(struct fl_self *self, struct fl_refs *refs)
{
    FL_ASSERT(refs->count <= refs->cap);
    fl_self_free(self, refs->slots);
    *refs = (struct fl_refs){0};
}
