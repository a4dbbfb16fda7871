#include "runtime/annotate.h"
#include "runtime/core.h"

/* Small memory of a shard: lists of free cells by size, filled from chunks that are given back only
 * when the shard ends. A million processes cost what they need and no header each. */
#define CHUNK_BYTES ((size_t)256 * 1024)

struct chunk {
    struct chunk *next;
    _Alignas(64) char bytes[];
};

static void *cell_fresh(struct fl_cells *cells, size_t bytes)
{
    if (cells->fresh_left < bytes) {
        /* what is left of the old chunk is lost: at most one cell of the largest size */
        struct chunk *chunk = aligned_alloc(64, CHUNK_BYTES);
        FL_ASSERT(chunk != NULL);
        chunk->next = cells->chunks;
        cells->chunks = chunk;
        cells->fresh = chunk->bytes;
        cells->fresh_left = CHUNK_BYTES - offsetof(struct chunk, bytes);
    }
    void *cell = cells->fresh;
    cells->fresh += bytes;
    cells->fresh_left -= bytes;
    return cell;
}

void *fl_cell_new(struct fl_shard *shard, size_t bytes)
{
    struct fl_cells *cells = &shard->cells;
    if (FL_ASAN || cells->is_plain || bytes > FL_CELL_MAX) {
        void *plain = malloc(bytes == 0 ? 1 : bytes);
        FL_ASSERT(plain != NULL);
        return plain;
    }
    size_t class = (bytes + FL_CELL_STEP - 1) / FL_CELL_STEP;
    void **cell = cells->free[class];
    if (cell == NULL) return cell_fresh(cells, class * FL_CELL_STEP);
    cells->free[class] = *cell;
    return cell;
}

void *fl_cell_new_zeroed(struct fl_shard *shard, size_t bytes)
{
    return memset(fl_cell_new(shard, bytes), 0, bytes);
}

void fl_cell_free(struct fl_shard *shard, void *ptr, size_t bytes)
{
    struct fl_cells *cells = &shard->cells;
    if (ptr == NULL) return;
    if (FL_ASAN || cells->is_plain || bytes > FL_CELL_MAX) {
        free(ptr);
        return;
    }
    size_t class = (bytes + FL_CELL_STEP - 1) / FL_CELL_STEP;
    *(void **)ptr = cells->free[class];
    cells->free[class] = ptr;
}

void fl_cells_fini(struct fl_cells *cells)
{
    for (struct chunk *chunk = cells->chunks; chunk != NULL;) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *cells = (struct fl_cells){.is_plain = cells->is_plain};
}
