#include <sys/mman.h>

#include "runtime/annotate.h"
#include "runtime/core.h"

/* Small memory of a shard: lists of free cells by size, filled from chunks that are given back only
 * when the shard ends. A million processes cost what they need and no header each. */
#define CHUNK_LEAST ((size_t)64 * 1024)
#define CHUNK_HUGE ((size_t)2 * 1024 * 1024) /* as large as a huge page, and aligned so */

struct fl_chunk {
    struct fl_chunk *next;
    _Alignas(128) char bytes[];
};

/* Who needs much gets huge pages: a walk through many small things misses the TLB less, and the
 * kernel is asked less often. */
void *fl_chunk_add(struct fl_chunk **chain, size_t *bytes)
{
    size_t size = *bytes == 0 ? CHUNK_LEAST : (*bytes + offsetof(struct fl_chunk, bytes)) * 2;
    if (size > CHUNK_HUGE) size = CHUNK_HUGE;
    struct fl_chunk *chunk = aligned_alloc(size == CHUNK_HUGE ? CHUNK_HUGE : 128, size);
    FL_ASSERT(chunk != NULL);
    if (size == CHUNK_HUGE) madvise(chunk, size, MADV_HUGEPAGE);
    chunk->next = *chain;
    *chain = chunk;
    *bytes = size - offsetof(struct fl_chunk, bytes);
    return chunk->bytes;
}

void fl_chunks_free(struct fl_chunk **chain)
{
    while (*chain != NULL) {
        struct fl_chunk *chunk = *chain;
        *chain = chunk->next;
        free(chunk);
    }
}

static void *cell_fresh(struct fl_cells *cells, size_t bytes)
{
    if (cells->fresh_left < bytes) {
        /* what is left of the old chunk is lost: at most one cell of the largest size */
        cells->fresh = fl_chunk_add(&cells->chunks, &cells->chunk_bytes);
        cells->fresh_left = cells->chunk_bytes;
    }
    void *cell = cells->fresh;
    cells->fresh += bytes;
    cells->fresh_left -= bytes;
    return cell;
}

void *fl_cell_new_slow(struct fl_shard *shard, size_t bytes)
{
    struct fl_cells *cells = &shard->cells;
    if (FL_ASAN || cells->is_plain || bytes > FL_CELL_MAX) {
        void *plain = malloc(bytes == 0 ? 1 : bytes);
        FL_ASSERT(plain != NULL);
        return plain;
    }
    size_t class = (bytes + FL_CELL_STEP - 1) / FL_CELL_STEP;
    return cell_fresh(cells, class * FL_CELL_STEP);
}

void fl_cell_free_slow(void *ptr)
{
    FL_ASSERT(ptr != NULL);
    free(ptr);
}

void fl_cells_fini(struct fl_cells *cells)
{
    fl_chunks_free(&cells->chunks);
    *cells = (struct fl_cells){.is_plain = cells->is_plain};
}
