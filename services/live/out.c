/* out.c: puts one render into a tree. Values are copied once, escaped, into the tree's memory. */
#include "runtime/base/rng.h"
#include "services/live/escape.h"
#include "services/live/live.h"
#include "services/live/tree_inside.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *out_take(struct fl_live_out *out, size_t bytes, size_t align)
{
    void *at = out->is_full ? NULL : fl_live_tree_take(out->tree, bytes, align);
    if (at == NULL) out->is_full = true;
    return at;
}

static void *out_take_array(struct fl_live_out *out, size_t count, size_t bytes)
{
    if (count > FL_LIVE_TREE_MAX / bytes) out->is_full = true;
    return out_take(out, count * bytes, alignof(max_align_t));
}

/* ---- what is open ---- */

/* The next slot of the node or entry that is open; NULL when the tree is full. */
static struct fl_live_slot *out_next(struct fl_live_out *out)
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
    struct fl_live_slot *slot = out->depth > 0 ? out_next(out) : NULL;
    size_t bytes = sizeof(struct fl_live_node) + statics->slots_count * sizeof(struct fl_live_slot);
    struct fl_live_node *node = out_take(out, bytes, alignof(struct fl_live_node));
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
    struct fl_live_slot *slot = out_next(out);
    if (slot != NULL) *slot = (struct fl_live_slot){.kind = FL_SLOT_EMPTY};
}

/* ---- lists ---- */

static struct fl_live_list *out_list(struct fl_live_out *out, const struct fl_live_statics *statics,
                                     size_t count)
{
    struct fl_live_slot *slot = out_next(out);
    struct fl_live_list *list = out_take(out, sizeof(*list), alignof(struct fl_live_list));
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
    char *text = out_take(out, key.len + 1, 1);
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
    char *copy = out_take(out, len, 1);
    if (copy == NULL) return FL_STR("");
    fl_live_escape_write(FL_ESCAPE_NOTHING, text, copy);
    return (struct fl_str){copy, len};
}

size_t fl_out_stream(struct fl_live_out *out, const struct fl_live_statics *statics,
                     const struct fl_live_stream *stream)
{
    const struct fl_live_stream_inside *from = stream->inside;
    FL_ASSERT(from != NULL); /* fl_live_stream_init comes before the first render */
    struct fl_live_list *list = out_list(out, statics, from->inserts_count);
    struct fl_live_flow *flow = out_take(out, sizeof(*flow), alignof(struct fl_live_flow));
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

/* ---- values ---- */

/* A value, as it is named when it is an attribute; at NULL: nothing. */
static void out_value(struct fl_live_out *out, enum fl_live_escape how, struct fl_str text)
{
    const char *name = out->name;
    out->name = NULL;
    struct fl_live_slot *slot = out_next(out);
    if (slot == NULL) return;
    *slot = (struct fl_live_slot){.kind = FL_SLOT_EMPTY};
    if (text.at == NULL || (text.len == 0 && name == NULL)) return;
    if (text.len > FL_LIVE_TREE_MAX) {
        out->is_full = true;
        return;
    }
    size_t name_len = name == NULL ? 0 : strlen(name);
    size_t around = name == NULL ? 0 : name_len + sizeof(" =\"\"") - 1;
    size_t len = fl_live_escape_len(how, text) + around;
    char *at = out_take(out, len, 1);
    if (at == NULL) return;
    *slot = (struct fl_live_slot){.kind = FL_SLOT_TEXT, .len = (uint32_t)len, .is.text = at};
    if (name == NULL) {
        fl_live_escape_write(how, text, at);
        return;
    }
    *at++ = ' ';
    memcpy(at, name, name_len);
    at += name_len;
    *at++ = '=';
    *at++ = '"';
    at = fl_live_escape_write(how, text, at);
    *at = '"';
}

void fl_out_name(struct fl_live_out *out, const char *name)
{
    out->name = name;
}

void fl_out_is(struct fl_live_out *out, bool is)
{
    fl_out_str(out, is ? FL_STR("") : (struct fl_str){NULL, 0});
}

void fl_out_text(struct fl_live_out *out, const char *text)
{
    out_value(out, FL_ESCAPE_TEXT, (struct fl_str){text, text == NULL ? 0 : strlen(text)});
}

void fl_out_str(struct fl_live_out *out, struct fl_str text)
{
    out_value(out, FL_ESCAPE_TEXT, text);
}

static void out_digits(struct fl_live_out *out, uint64_t number, bool is_negative)
{
    char digits[24], *at = digits + sizeof(digits);
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    if (is_negative) *--at = '-';
    out_value(out, FL_ESCAPE_NOTHING, (struct fl_str){at, (size_t)(digits + sizeof(digits) - at)});
}

void fl_out_int(struct fl_live_out *out, int64_t number)
{
    out_digits(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, number < 0);
}

void fl_out_uint(struct fl_live_out *out, uint64_t number)
{
    out_digits(out, number, false);
}

void fl_out_real(struct fl_live_out *out, double number)
{
    char text[40];
    int len = 0;
    for (int digits = 6; digits <= 17; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, number);
        double back;
        if (sscanf(text, "%lf", &back) == 1 && !(back < number || back > number)) break;
    }
    out_value(out, FL_ESCAPE_NOTHING, (struct fl_str){text, (size_t)len});
}

void fl_out_bool(struct fl_live_out *out, bool is)
{
    out_value(out, FL_ESCAPE_NOTHING, is ? FL_STR("true") : FL_STR("false"));
}

void fl_out_printf(struct fl_live_out *out, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0) len = 0, small[0] = 0;
    if ((size_t)len < sizeof(small)) {
        out_value(out, FL_ESCAPE_TEXT, (struct fl_str){small, (size_t)len});
        return;
    }
    /* In the tree's memory, where nobody forgets to free it. */
    char *large = out_take(out, (size_t)len + 1, 1);
    if (large == NULL) return;
    va_start(args, format);
    vsnprintf(large, (size_t)len + 1, format, args);
    va_end(args);
    out_value(out, FL_ESCAPE_TEXT, (struct fl_str){large, (size_t)len});
}

void fl_out_html_text(struct fl_live_out *out, const char *html)
{
    fl_out_html_str(out, fl_str_of(html));
}

void fl_out_html_str(struct fl_live_out *out, struct fl_str html)
{
    out_value(out, FL_ESCAPE_NOTHING, html);
}

void fl_out_url_text(struct fl_live_out *out, const char *url)
{
    fl_out_url_str(out, (struct fl_str){url, url == NULL ? 0 : strlen(url)});
}

void fl_out_url_str(struct fl_live_out *out, struct fl_str url)
{
    fl_out_str(out, fl_live_url_is_script(url) ? FL_STR("#") : url);
}
