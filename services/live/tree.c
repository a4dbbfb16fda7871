/* tree.c: the memory of a render, and the render as HTML. */
#include "services/live/tree_inside.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_LEAST = 1024 };

static size_t tree_round(size_t at, size_t align)
{
    return (at + align - 1) & ~(align - 1);
}

static bool tree_grow(struct fl_live_tree *tree, size_t need)
{
    if (need > FL_LIVE_TREE_MAX - tree->bytes) return false;
    size_t cap = tree->bytes / 2; /* half as much again */
    if (cap < BLOCK_LEAST) cap = BLOCK_LEAST;
    if (cap < need) cap = need;
    if (cap > FL_LIVE_TREE_MAX - tree->bytes) cap = FL_LIVE_TREE_MAX - tree->bytes;
    struct fl_live_block *block = malloc(sizeof(*block) + cap);
    if (block == NULL) return false;
    *block = (struct fl_live_block){.next = tree->block, .cap = cap};
    tree->block = block;
    tree->bytes += cap;
    return true;
}

void *fl_live_tree_take(struct fl_live_tree *tree, size_t bytes, size_t align)
{
    struct fl_live_block *block = tree->block;
    size_t at = block == NULL ? 0 : tree_round(block->len, align);
    if (block == NULL || at > block->cap || bytes > block->cap - at) {
        if (bytes > FL_LIVE_TREE_MAX || !tree_grow(tree, bytes + align)) return NULL;
        block = tree->block;
        at = 0;
    }
    block->len = at + bytes;
    return block->bytes + at;
}

int fl_live_tree_render(struct fl_live_tree *tree, const struct fl_live_template *view,
                        const void *state, size_t hint)
{
    FL_ASSERT(tree->block == NULL && tree->root == NULL);
    struct fl_live_out out = {.tree = tree};
    if (hint > 0) tree_grow(tree, hint + hint / 16); /* one block, when little has changed */
    view->render(&out, state);
    if (out.is_full) {
        fl_live_tree_fini(tree);
        return FL_EFULL;
    }
    FL_ASSERT(out.depth == 0 && tree->root != NULL);
    for (const struct fl_live_block *block = tree->block; block != NULL; block = block->next)
        tree->used += block->len;
    return 0;
}

void fl_live_tree_fini(struct fl_live_tree *tree)
{
    struct fl_live_block *next;
    for (struct fl_live_block *block = tree->block; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    *tree = (struct fl_live_tree){0};
}

/* ---- HTML ---- */

static void html_put(struct fl_buf *out, const struct fl_live_statics *statics,
                     const struct fl_live_slot *slots);

/* The entries of a stream in the order in which the page will show them; free with free(). */
static size_t *html_order(const struct fl_live_list *list, size_t *out_count)
{
    size_t *order = fl_new_array(size_t, list->count + 1);
    size_t count = 0, max = list->flow->max == 0 ? SIZE_MAX : (size_t)abs(list->flow->max);
    for (size_t i = 0; i < list->count; i++) {
        int at = list->flow->places[i].at;
        size_t to = at < 0 || (size_t)at > count ? count : (size_t)at;
        memmove(order + to + 1, order + to, (count - to) * sizeof(*order));
        order[to] = i;
        if (count < max) {
            count++;
        } else if (list->flow->max < 0) {
            memmove(order, order + 1, count * sizeof(*order));
        }
    }
    *out_count = count;
    return order;
}

static void html_list(struct fl_buf *out, const struct fl_live_list *list)
{
    size_t slots_count = list->statics->slots_count, count = list->count;
    size_t *order = list->flow != NULL ? html_order(list, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        html_put(out, list->statics, list->slots + (order != NULL ? order[i] : i) * slots_count);
    free(order);
}

static void html_put(struct fl_buf *out, const struct fl_live_statics *statics,
                     const struct fl_live_slot *slots)
{
    fl_buf_add(out, statics->texts[0].at, statics->texts[0].len);
    for (size_t i = 0; i < statics->slots_count; i++) {
        const struct fl_live_slot *slot = &slots[i];
        switch (slot->kind) {
        case FL_SLOT_EMPTY:
            break;
        case FL_SLOT_TEXT:
            fl_buf_add(out, slot->is.text, slot->len);
            break;
        case FL_SLOT_NODE:
            html_put(out, slot->is.node->statics, slot->is.node->slots);
            break;
        case FL_SLOT_LIST:
            html_list(out, slot->is.list);
            break;
        }
        fl_buf_add(out, statics->texts[i + 1].at, statics->texts[i + 1].len);
    }
}

void fl_live_tree_html(const struct fl_live_tree *tree, struct fl_buf *out)
{
    FL_ASSERT(tree->root != NULL);
    html_put(out, tree->root->statics, tree->root->slots);
}
