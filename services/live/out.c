/* out.c: puts one render into a tree: nodes, lists and streams; out_value.c puts the values. */
#include "runtime/base/rng.h"
#include "services/live/escape.h"
#include "services/live/live.h"
#include "services/live/tree_inside.h"

#include <stdalign.h>
#include <string.h>

void *fl_live_out_take(struct fl_live_out *out, size_t bytes, size_t align)
{
    void *at = out->is_full ? NULL : fl_live_tree_take(out->tree, bytes, align);
    if (at == NULL) out->is_full = true;
    return at;
}

static void *out_take_array(struct fl_live_out *out, size_t count, size_t bytes)
{
    if (count > FL_LIVE_TREE_MAX / bytes) out->is_full = true;
    return fl_live_out_take(out, count * bytes, alignof(max_align_t));
}

/* ---- what is open ---- */

struct fl_live_slot *fl_live_out_next(struct fl_live_out *out)
{
    if (out->is_full) return NULL;
    FL_ASSERT(out->depth > 0);
    struct fl_live_open *open = &out->open[out->depth - 1];
    FL_ASSERT(open->list == NULL && open->next < open->count);
    return &open->slots[open->next++];
}

static bool out_push(struct fl_live_out *out, struct fl_live_open open)
{
    if (out->depth == FL_COUNT(out->open)) {
        out->is_full = true;
        return false;
    }
    out->open[out->depth++] = open;
    return true;
}

static void out_pop(struct fl_live_out *out)
{
    if (out->is_full) return;
    FL_ASSERT(out->depth > 0);
    struct fl_live_open *open = &out->open[--out->depth];
    FL_ASSERT(open->list != NULL || open->next == open->count);
}

void fl_out_begin(struct fl_live_out *out, const struct fl_live_statics *statics)
{
    struct fl_live_slot *slot = out->depth > 0 ? fl_live_out_next(out) : NULL;
    size_t bytes = sizeof(struct fl_live_node) + statics->slots_count * sizeof(struct fl_live_slot);
    struct fl_live_node *node = fl_live_out_take(out, bytes, alignof(struct fl_live_node));
    if (node == NULL) return;
    node->statics = statics;
    if (slot != NULL) {
        *slot = (struct fl_live_slot){.kind = FL_SLOT_NODE, .is.node = node};
    } else {
        FL_ASSERT(out->tree->root == NULL);
        out->tree->root = node;
    }
    out_push(out, (struct fl_live_open){.slots = node->slots, .count = statics->slots_count});
}

void fl_out_end(struct fl_live_out *out)
{
    out_pop(out);
}

void fl_out_empty(struct fl_live_out *out)
{
    struct fl_live_slot *slot = fl_live_out_next(out);
    if (slot != NULL) *slot = (struct fl_live_slot){.kind = FL_SLOT_EMPTY};
}

/* ---- lists ---- */

static struct fl_live_list *out_list(struct fl_live_out *out, const struct fl_live_statics *statics,
                                     size_t count)
{
    struct fl_live_slot *slot = fl_live_out_next(out);
    struct fl_live_list *list = fl_live_out_take(out, sizeof(*list), alignof(struct fl_live_list));
    if (list == NULL) return NULL;
    *list = (struct fl_live_list){.statics = statics};
    if (count > FL_LIVE_LIST_MAX) out->is_full = true;
    list->slots = out_take_array(out, count * statics->slots_count, sizeof(struct fl_live_slot));
    if (list->slots == NULL) return NULL;
    *slot = (struct fl_live_slot){.kind = FL_SLOT_LIST, .is.list = list};
    return out_push(out, (struct fl_live_open){.list = list, .count = count}) ? list : NULL;
}

size_t fl_out_list(struct fl_live_out *out, const struct fl_live_statics *statics, size_t count)
{
    return out_list(out, statics, count) != NULL ? count : 0;
}

/* Opens an entry; the list, or NULL when the tree is full. */
static struct fl_live_list *out_item(struct fl_live_out *out)
{
    if (out->is_full) return NULL;
    FL_ASSERT(out->depth > 0);
    struct fl_live_list *list = out->open[out->depth - 1].list;
    FL_ASSERT(list != NULL && list->count < out->open[out->depth - 1].count);
    size_t slots_count = list->statics->slots_count;
    struct fl_live_open open = {.slots = list->slots + list->count * slots_count,
                                .count = slots_count};
    if (!out_push(out, open)) return NULL;
    list->count++;
    return list;
}

void fl_out_item(struct fl_live_out *out)
{
    out_item(out);
}

static void out_item_key(struct fl_live_out *out, struct fl_live_key key)
{
    struct fl_live_list *list = out_item(out);
    if (list == NULL) return;
    if (list->keys == NULL) {
        FL_ASSERT(list->count == 1);
        list->keys = out_take_array(out, out->open[out->depth - 2].count, sizeof(*list->keys));
        if (list->keys == NULL) return;
    }
    list->keys[list->count - 1] = key;
}

void fl_out_item_int(struct fl_live_out *out, int64_t key)
{
    out_item_key(out, (struct fl_live_key){.value = (uint64_t)key});
}

void fl_out_item_uint(struct fl_live_out *out, uint64_t key)
{
    out_item_key(out, (struct fl_live_key){.value = key});
}

void fl_out_item_text(struct fl_live_out *out, const char *key)
{
    fl_out_item_str(out, fl_str_of(key));
}

void fl_out_item_str(struct fl_live_out *out, struct fl_str key)
{
    char *text = fl_live_out_take(out, key.len + 1, 1);
    if (text == NULL) return;
    if (key.len > 0) memcpy(text, key.at, key.len);
    out_item_key(out, (struct fl_live_key){
                          .value = fl_hash_bytes(key.at, key.len), .text = text, .len = key.len});
}

void fl_out_item_end(struct fl_live_out *out)
{
    out_pop(out);
}

void fl_out_list_end(struct fl_live_out *out)
{
    out_pop(out);
}

/* ---- streams ---- */

static struct fl_str out_copy(struct fl_live_out *out, struct fl_str text)
{
    size_t len = fl_live_escape_len(FL_ESCAPE_NOTHING, text);
    char *copy = fl_live_out_take(out, len, 1);
    if (copy == NULL) return FL_STR("");
    fl_live_escape_write(FL_ESCAPE_NOTHING, text, copy);
    return (struct fl_str){copy, len};
}

size_t fl_out_stream(struct fl_live_out *out, const struct fl_live_statics *statics,
                     const struct fl_live_stream *stream)
{
    static const struct fl_live_stream_inside nothing;
    const struct fl_live_stream_inside *from = stream->inside == NULL ? &nothing : stream->inside;
    struct fl_live_list *list = out_list(out, statics, from->inserts_count);
    struct fl_live_flow *flow = fl_live_out_take(out, sizeof(*flow), alignof(struct fl_live_flow));
    if (list == NULL || flow == NULL) return 0;
    *flow = (struct fl_live_flow){.ref = from->ref,
                                  .max = from->max,
                                  .is_reset = from->is_reset,
                                  .drops_count = from->drops_count};
    flow->drops = out_take_array(out, from->drops_count, sizeof(*flow->drops));
    flow->places = out_take_array(out, from->inserts_count, sizeof(*flow->places));
    if (flow->drops == NULL || flow->places == NULL) return 0;
    for (size_t i = 0; i < from->drops_count; i++)
        flow->drops[i] = out_copy(out, from->drops[i]);
    for (size_t i = 0; i < from->inserts_count; i++)
        flow->places[i] = (struct fl_live_place){out_copy(out, from->inserts[i].dom_id),
                                                 from->inserts[i].at};
    list->flow = flow;
    out->stream = from;
    return from->inserts_count;
}

const void *fl_out_stream_item(struct fl_live_out *out, size_t index)
{
    FL_ASSERT(out->stream != NULL && index < out->stream->inserts_count);
    out->stream_at = index;
    out_item(out);
    return out->stream->inserts[index].item;
}

void fl_out_stream_id(struct fl_live_out *out)
{
    FL_ASSERT(out->stream != NULL);
    fl_out_str(out, out->stream->inserts[out->stream_at].dom_id);
}
