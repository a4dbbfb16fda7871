#include "runtime/sim_world.h"

/* Candidates stand in an array in the order in which they came; who leaves makes a gap. A Fenwick
 * tree over the array counts, so that "the k-th that is still here" takes log n steps: a schedule
 * speaks of places in the line, and a world may have a hundred thousand in it. */

static void sums_add(struct fl_sim_queue *queue, uint32_t at, uint32_t by)
{
    for (uint32_t i = at + 1; i <= queue->cap; i += i & (0 - i))
        queue->sums[i] += by;
}

/* Closes the gaps, in twice the room when most of it is taken. */
static void queue_rebuild(struct fl_sim_queue *queue)
{
    if (queue->cap == 0 || queue->count > queue->cap / 2) {
        FL_ASSERT(queue->cap < UINT32_MAX / 2);
        queue->cap = queue->cap == 0 ? 64 : queue->cap * 2;
        size_t cap = queue->cap;
        queue->entries = fl_realloc(queue->entries, cap * sizeof(struct fl_sim_entry));
        queue->sums = fl_realloc(queue->sums, (cap + 1) * sizeof(uint32_t));
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < queue->tail; i++) {
        if (queue->entries[i].at == NULL) continue;
        queue->entries[kept] = queue->entries[i];
        *queue->entries[kept].at = kept;
        kept++;
    }
    FL_ASSERT(kept == queue->count);
    queue->tail = kept;
    memset(queue->sums, 0, ((size_t)queue->cap + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < kept; i++)
        sums_add(queue, i, 1);
}

void fl_sim_queue_push(struct fl_sim_queue *queue, struct fl_sim_entry entry)
{
    FL_ASSERT(entry.at != NULL);
    if (queue->tail == queue->cap) queue_rebuild(queue);
    *entry.at = queue->tail;
    queue->entries[queue->tail] = entry;
    sums_add(queue, queue->tail, 1);
    queue->tail++;
    queue->count++;
}

void fl_sim_queue_remove(struct fl_sim_queue *queue, uint32_t at)
{
    FL_ASSERT(at < queue->tail && queue->entries[at].at != NULL);
    queue->entries[at].at = NULL;
    sums_add(queue, at, UINT32_MAX); /* minus one */
    queue->count--;
    if (queue->count == 0) queue->tail = 0; /* all sums are zero: start over, without gaps */
}

uint32_t fl_sim_queue_at(const struct fl_sim_queue *queue, uint32_t index)
{
    FL_ASSERT(index < queue->count);
    uint32_t at = 0;
    for (uint32_t half = queue->cap; half > 0; half /= 2) {
        if (at + half > queue->cap || queue->sums[at + half] > index) continue;
        at += half;
        index -= queue->sums[at];
    }
    FL_ASSERT(queue->entries[at].at != NULL);
    return at;
}

void fl_sim_queue_fini(struct fl_sim_queue *queue)
{
    free(queue->entries);
    free(queue->sums);
    *queue = (struct fl_sim_queue){0};
}
