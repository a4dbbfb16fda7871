/* stream.c: lists whose items are told to the page and then forgotten. */
#include "services/live/inside.h"

/* An id that is put twice before a render shows its last item: so far back it is looked for. */
enum { STREAM_TWICE_MAX = 512 };

struct live_stream {
    struct fl_live_stream_inside shown; /* first: it is what `inside` points to */
    struct live_stream *next;
    size_t item_bytes;
    struct fl_live_stream_insert *inserts;
    struct fl_str *drops;
    size_t inserts_cap, drops_cap;
    struct live_memory memory; /* of items and ids */
};

static struct live_stream *stream_of(struct fl_live_stream *stream)
{
    FL_ASSERT(stream->inside != NULL); /* fl_live_stream_init comes first */
    return FL_OWNER(stream->inside, struct live_stream, shown);
}

void fl_live_stream_init(struct fl_live *live, struct fl_live_stream *stream, size_t item_bytes,
                         int max)
{
    FL_ASSERT(stream->inside == NULL);
    struct live_stream *inside = fl_new(struct live_stream);
    inside->shown.ref = live->streams_count++;
    inside->shown.max = max;
    inside->item_bytes = item_bytes;
    inside->next = live->streams;
    live->streams = inside;
    *stream = (struct fl_live_stream){.live = live, .inside = &inside->shown};
}

/* An insert of this id that is not shown yet, or NULL. */
static struct fl_live_stream_insert *stream_find(struct live_stream *inside, struct fl_str dom_id)
{
    size_t count = inside->shown.inserts_count;
    size_t first = count > STREAM_TWICE_MAX ? count - STREAM_TWICE_MAX : 0;
    for (size_t i = count; i > first; i--)
        if (fl_str_eq(inside->inserts[i - 1].dom_id, dom_id)) return &inside->inserts[i - 1];
    return NULL;
}

void fl_live_stream_put(struct fl_live_stream *stream, const char *dom_id, int at, const void *item)
{
    struct live_stream *inside = stream_of(stream);
    void *copy = live_memory_take(&inside->memory, inside->item_bytes);
    memcpy(copy, item, inside->item_bytes);
    struct fl_live_stream_insert *there = stream_find(inside, fl_str_of(dom_id));
    if (there != NULL) { /* shown anew in its place */
        there->item = copy;
        return;
    }
    if (inside->shown.inserts_count == inside->inserts_cap) {
        inside->inserts_cap = inside->inserts_cap == 0 ? 4 : inside->inserts_cap * 2;
        inside->inserts = fl_realloc(inside->inserts,
                                     inside->inserts_cap * sizeof *inside->inserts);
        inside->shown.inserts = inside->inserts;
    }
    inside->inserts[inside->shown.inserts_count++] = (struct fl_live_stream_insert){
        .dom_id = live_memory_keep(&inside->memory, fl_str_of(dom_id)),
        .at = at,
        .item = copy,
    };
}

void fl_live_stream_drop(struct fl_live_stream *stream, const char *dom_id)
{
    struct live_stream *inside = stream_of(stream);
    struct fl_live_stream_insert *there = stream_find(inside, fl_str_of(dom_id));
    if (there != NULL) {
        size_t after = inside->shown.inserts_count - (size_t)(there - inside->inserts) - 1;
        memmove(there, there + 1, after * sizeof *there);
        inside->shown.inserts_count--;
    }
    if (inside->shown.drops_count == inside->drops_cap) {
        inside->drops_cap = inside->drops_cap == 0 ? 4 : inside->drops_cap * 2;
        inside->drops = fl_realloc(inside->drops, inside->drops_cap * sizeof *inside->drops);
        inside->shown.drops = inside->drops;
    }
    inside->drops[inside->shown.drops_count++] = live_memory_keep(&inside->memory,
                                                                  fl_str_of(dom_id));
}

static void stream_forget(struct live_stream *inside)
{
    inside->shown.is_reset = false;
    inside->shown.inserts_count = inside->shown.drops_count = 0;
    live_memory_drop(&inside->memory);
}

void fl_live_stream_reset(struct fl_live_stream *stream)
{
    struct live_stream *inside = stream_of(stream);
    stream_forget(inside);
    inside->shown.is_reset = true;
}

void live_streams_shown(struct fl_live *live)
{
    for (struct live_stream *s = live->streams; s != NULL; s = s->next)
        stream_forget(s);
}

bool live_streams_wait(const struct fl_live *live)
{
    for (const struct live_stream *s = live->streams; s != NULL; s = s->next)
        if (s->shown.is_reset || s->shown.inserts_count + s->shown.drops_count > 0) return true;
    return false;
}

void live_streams_fini(struct fl_live *live)
{
    while (live->streams != NULL) {
        struct live_stream *inside = live->streams;
        live->streams = inside->next;
        live_memory_fini(&inside->memory);
        free(inside->inserts);
        free(inside->drops);
        free(inside);
    }
}
