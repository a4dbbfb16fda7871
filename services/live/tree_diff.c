/* tree_diff.c: what changed between two renders. What is the same is not written at all; where a
 * node or list has other statics than before, the whole of it is. */
#include "services/live/escape.h"
#include "services/live/tree_json.h"

#include <stdlib.h>
#include <string.h>

/* ---- slots ---- */

/* Takes back what was written since. */
static void diff_undo(struct fl_live_json *json, size_t len)
{
    json->out->len = len;
    if (json->out->at != NULL) json->out->at[len] = '\0';
}

static bool diff_is_same_list(const struct fl_live_list *a, const struct fl_live_list *b)
{
    if (a->statics != b->statics || (a->flow == NULL) != (b->flow == NULL)) return false;
    return a->flow == NULL || a->flow->ref == b->flow->ref;
}

static bool diff_slot(struct fl_live_json *json, size_t number, const struct fl_live_slot *old,
                      const struct fl_live_slot *now)
{
    bool is_inside = false; /* the change is in what stays where it is */
    if (old->kind == now->kind) {
        switch (now->kind) {
        case FL_SLOT_EMPTY:
            return false;
        case FL_SLOT_TEXT:
            if (old->len == now->len && memcmp(old->is.text, now->is.text, now->len) == 0)
                return false;
            break;
        case FL_SLOT_NODE:
            is_inside = old->is.node->statics == now->is.node->statics;
            break;
        case FL_SLOT_LIST:
            is_inside = diff_is_same_list(old->is.list, now->is.list);
            break;
        }
    }
    size_t before = json->out->len;
    if (!is_inside) {
        fl_json_member(json, number);
        fl_json_slot(json, now);
        return true;
    }
    fl_json_member(json, number);
    fl_buf_putc(json->out, '{');
    bool is_changed = now->kind == FL_SLOT_LIST
                          ? fl_json_list_diff(json, old->is.list, now->is.list)
                          : fl_json_slots_diff(json, old->is.node->slots, now->is.node->slots,
                                               now->is.node->statics->slots_count);
    if (is_changed) {
        fl_buf_putc(json->out, '}');
    } else {
        diff_undo(json, before);
    }
    return is_changed;
}

bool fl_json_slots_diff(struct fl_live_json *json, const struct fl_live_slot *old,
                        const struct fl_live_slot *now, size_t count)
{
    bool is_changed = false;
    for (size_t i = 0; i < count; i++)
        if (diff_slot(json, i, &old[i], &now[i])) is_changed = true;
    return is_changed;
}

/* ---- lists ---- */

/* Finds an old entry by its key. Only those that are not at the same place in the new list. */
struct diff_index {
    const struct fl_live_list *old;
    size_t mask;
    uint32_t *at; /* index + 1; 0: nothing */
};
#define DIFF_TAKEN 0x80000000U /* beside the index */

static bool diff_is_same_key(const struct fl_live_key *a, const struct fl_live_key *b)
{
    return a->value == b->value && (a->text == NULL) == (b->text == NULL) && a->len == b->len &&
           (a->text == NULL || memcmp(a->text, b->text, a->len) == 0);
}

static size_t diff_index_slot(const struct diff_index *index, const struct fl_live_key *key)
{
    size_t at = (key->value ^ key->value >> 32) * 0x9e3779b97f4a7c15 >> 32 & index->mask;
    while (index->at[at] != 0) {
        uint32_t found = index->at[at] & ~DIFF_TAKEN;
        if (diff_is_same_key(&index->old->keys[found - 1], key)) break;
        at = (at + 1) & index->mask;
    }
    return at;
}

static bool diff_stays(const struct fl_live_list *old, const struct fl_live_list *now, size_t i)
{
    if (i >= old->count || i >= now->count) return false;
    return old->keys == NULL || now->keys == NULL || diff_is_same_key(&old->keys[i], &now->keys[i]);
}

static void diff_index_build(struct diff_index *index, const struct fl_live_list *old,
                             const struct fl_live_list *now)
{
    size_t size = 16;
    while (size < 2 * old->count)
        size *= 2;
    *index = (struct diff_index){old, size - 1, fl_new_array(uint32_t, size)};
    for (size_t i = 0; i < old->count; i++) {
        if (diff_stays(old, now, i)) continue;
        size_t at = diff_index_slot(index, &old->keys[i]);
        if (index->at[at] == 0) index->at[at] = (uint32_t)i + 1; /* of twins, the first */
    }
}

/* Takes the old entry of this key; SIZE_MAX: there is none, or it is taken. The page moves it, so
 * it can be given once. */
static size_t diff_index_take(struct diff_index *index, const struct fl_live_key *key)
{
    uint32_t *found = &index->at[diff_index_slot(index, key)];
    if (*found == 0 || (*found & DIFF_TAKEN)) return SIZE_MAX;
    size_t i = *found - 1;
    *found |= DIFF_TAKEN;
    return i;
}

/* What changed in an entry, with braces; false: nothing, and nothing is written. */
static bool diff_entry(struct fl_live_json *json, const struct fl_live_list *old, size_t from,
                       const struct fl_live_list *now, size_t to)
{
    size_t count = now->statics->slots_count, before = json->out->len;
    bool is_wrapped = now->statics->is_element;
    fl_json_put(json, is_wrapped ? FL_STR("{\"0\":{") : FL_STR("{"));
    json->in_lists++;
    bool is_changed = fl_json_slots_diff(json, old->slots + from * count, now->slots + to * count,
                                         count);
    json->in_lists--;
    if (is_changed) {
        fl_json_put(json, is_wrapped ? FL_STR("}}") : FL_STR("}"));
    } else {
        diff_undo(json, before);
    }
    return is_changed;
}

static bool diff_entries(struct fl_live_json *json, const struct fl_live_list *old,
                         const struct fl_live_list *now)
{
    struct diff_index index = {0};
    bool is_changed = old->count != now->count, is_moved = false;
    for (size_t i = 0; i < now->count; i++) {
        size_t before = json->out->len;
        fl_json_member(json, i);
        if (diff_stays(old, now, i)) {
            if (diff_entry(json, old, i, now, i)) {
                is_changed = true;
            } else {
                diff_undo(json, before);
            }
            continue;
        }
        is_changed = true;
        size_t from = SIZE_MAX;
        if (old->keys != NULL && now->keys != NULL) {
            if (index.at == NULL) diff_index_build(&index, old, now);
            from = diff_index_take(&index, &now->keys[i]);
        }
        if (from == SIZE_MAX) {
            fl_json_entry(json, now, i);
            continue;
        }
        is_moved = true;
        size_t at = json->out->len;
        fl_buf_putc(json->out, '[');
        fl_json_number(json, from);
        fl_buf_putc(json->out, ',');
        if (diff_entry(json, old, from, now, i)) {
            fl_buf_putc(json->out, ']');
        } else {
            diff_undo(json, at);
            fl_json_number(json, from);
        }
    }
    free(index.at);
    if (!is_changed) return false;
    fl_json_comma(json);
    fl_json_put(json, FL_STR("\"kc\":"));
    fl_json_number(json, now->count);
    if (is_moved) fl_json_put(json, FL_STR(",\"km\":true"));
    return true;
}

bool fl_json_list_diff(struct fl_live_json *json, const struct fl_live_list *old,
                       const struct fl_live_list *now)
{
    if (now->flow != NULL) {
        if (now->count == 0 && now->flow->drops_count == 0 && !now->flow->is_reset) return false;
        fl_json_list(json, now); /* the page has forgotten all that it was told before */
        return true;
    }
    fl_json_comma(json);
    fl_json_put(json, FL_STR("\"k\":{"));
    if (!diff_entries(json, old, now)) return false;
    fl_buf_putc(json->out, '}');
    return true;
}
