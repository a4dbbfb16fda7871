#include <stdalign.h>

#include "services/live/inside.h"

enum { MEMORY_CHUNK = 1024 };

struct live_chunk {
    struct live_chunk *next;
    size_t used, cap;
    max_align_t bytes[];
};

void *live_memory_take(struct live_memory *memory, size_t bytes)
{
    size_t need = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct live_chunk *chunk = memory->chunks;
    if (chunk == NULL || chunk->cap - chunk->used < need) {
        size_t cap = need > MEMORY_CHUNK ? need : MEMORY_CHUNK;
        chunk = fl_realloc(NULL, sizeof *chunk + cap);
        *chunk = (struct live_chunk){.next = memory->chunks, .cap = cap};
        memory->chunks = chunk;
    }
    char *at = (char *)chunk->bytes + chunk->used;
    chunk->used += need;
    return at;
}

struct fl_str live_memory_keep(struct live_memory *memory, struct fl_str text)
{
    char *copy = live_memory_take(memory, text.len + 1);
    if (text.len > 0) memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return (struct fl_str){copy, text.len};
}

void live_memory_drop(struct live_memory *memory)
{
    struct live_chunk *chunk = memory->chunks;
    while (chunk != NULL && (chunk->next != NULL || chunk->cap > MEMORY_CHUNK)) {
        memory->chunks = chunk->next;
        free(chunk);
        chunk = memory->chunks;
    }
    if (chunk != NULL) chunk->used = 0;
}

void live_memory_fini(struct live_memory *memory)
{
    while (memory->chunks != NULL) {
        struct live_chunk *chunk = memory->chunks;
        memory->chunks = chunk->next;
        free(chunk);
    }
}
