#include <stdatomic.h>

#include "runtime/annotate.h"
#include "runtime/shared_parts.h"

struct fl_shared {
    atomic_size_t references;
    size_t len;
    unsigned char bytes[];
};

struct fl_shared *fl_shared_new(const void *bytes, size_t len)
{
    struct fl_shared *shared = malloc(sizeof *shared + len);
    FL_ASSERT(shared != NULL);
    atomic_init(&shared->references, 1);
    VALGRIND_HG_DISABLE_CHECKING(&shared->references, sizeof shared->references);
    shared->len = len;
    if (len > 0) memcpy(shared->bytes, bytes, len);
    return shared;
}

struct fl_shared *fl_shared_retain(struct fl_shared *shared)
{
    size_t before = atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    FL_ASSERT(before > 0);
    return shared;
}

void fl_shared_retain_many(struct fl_shared *shared, size_t count)
{
    size_t before = atomic_fetch_add_explicit(&shared->references, count, memory_order_relaxed);
    FL_ASSERT(before > 0);
}

void fl_shared_release_many(struct fl_shared *shared, size_t count)
{
    if (count == 0) return;
    if (count > 1) {
        size_t before = atomic_fetch_sub_explicit(&shared->references, count - 1,
                                                  memory_order_acq_rel);
        FL_ASSERT(before >= count);
    }
    fl_shared_release(shared);
}

void fl_shared_release(struct fl_shared *shared)
{
    if (shared == NULL) return;
    ANNOTATE_HAPPENS_BEFORE(shared);
    size_t before = atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel);
    FL_ASSERT(before > 0);
    if (before > 1) return;
    ANNOTATE_HAPPENS_AFTER(shared);
    free(shared);
}

const void *fl_shared_data(const struct fl_shared *shared)
{
    return shared->bytes;
}

size_t fl_shared_len(const struct fl_shared *shared)
{
    return shared->len;
}
