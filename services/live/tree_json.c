/* tree_json.c: a whole tree as LiveView's JSON.
 *
 * {"0":..,"1":..,"s":[..],"r":1} is a node, {"s":[..],"k":{"0":{..},"kc":1}} a list. The statics of
 * nodes in lists stand once in a message, in its "p". An entry of a list that is one element is
 * wrapped into a node of its own with "r":1, so that the page leaves it alone while nothing in it
 * changes; its list has the two empty statics around it. */
#include "services/live/tree_json.h"

#include "services/live/escape.h"

void fl_json_put(struct fl_live_json *json, struct fl_str text)
{
    fl_buf_add(json->out, text.at, text.len);
}

void fl_json_comma(struct fl_live_json *json)
{
    if (json->out->len == json->start) return;
    char last = json->out->at[json->out->len - 1];
    if (last != '{' && last != '[') fl_buf_putc(json->out, ',');
}

void fl_json_number(struct fl_live_json *json, size_t number)
{
    char digits[24], *at = digits + sizeof(digits);
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    fl_buf_add(json->out, at, (size_t)(digits + sizeof(digits) - at));
}

void fl_json_member(struct fl_live_json *json, size_t number)
{
    fl_json_comma(json);
    fl_buf_putc(json->out, '"');
    fl_json_number(json, number);
    fl_json_put(json, FL_STR("\":"));
}

/* The number of these statics in the message's "p"; FL_LIVE_SHARED_MAX: it has no more room. */
static size_t json_share(struct fl_live_json *json, const struct fl_live_statics *statics)
{
    size_t mask = FL_COUNT(json->found) - 1;
    size_t at = ((uintptr_t)statics >> 4) * 0x9e3779b97f4a7c15 >> 32 & mask;
    for (; json->found[at] != 0; at = (at + 1) & mask)
        if (json->shared[json->found[at] - 1] == statics) return json->found[at] - 1U;
    if (json->shared_count == FL_LIVE_SHARED_MAX) return FL_LIVE_SHARED_MAX;
    json->shared[json->shared_count++] = statics;
    json->found[at] = (uint8_t)json->shared_count;
    return json->shared_count - 1;
}

static void json_statics(struct fl_live_json *json, const struct fl_live_statics *statics)
{
    fl_json_comma(json);
    fl_json_put(json, FL_STR("\"s\":"));
    size_t number = json->in_lists > 0 ? json_share(json, statics) : FL_LIVE_SHARED_MAX;
    if (number < FL_LIVE_SHARED_MAX) {
        fl_json_number(json, number);
    } else {
        fl_json_put(json, statics->json);
    }
}

void fl_json_statics(struct fl_live_json *json, const struct fl_live_statics *statics)
{
    json_statics(json, statics);
    if (statics->is_element) fl_json_put(json, FL_STR(",\"r\":1"));
}

static bool json_is_wrapped(const struct fl_live_list *list)
{
    return list->statics->is_element && list->flow == NULL;
}

void fl_json_entry(struct fl_live_json *json, const struct fl_live_list *list, size_t index)
{
    size_t count = list->statics->slots_count;
    bool is_wrapped = json_is_wrapped(list);
    fl_json_put(json, is_wrapped ? FL_STR("{\"0\":{") : FL_STR("{"));
    json->in_lists++;
    fl_json_slots(json, list->slots + index * count, count);
    if (is_wrapped) fl_json_statics(json, list->statics);
    json->in_lists--;
    fl_json_put(json, is_wrapped ? FL_STR("}}") : FL_STR("}"));
}

static void json_flow(struct fl_live_json *json, const struct fl_live_list *list)
{
    const struct fl_live_flow *flow = list->flow;
    fl_buf_printf(json->out, ",\"stream\":[\"%u\",[", flow->ref);
    for (size_t i = 0; i < list->count; i++) {
        fl_json_put(json, i == 0 ? FL_STR("[") : FL_STR(",["));
        fl_live_json_string(json->out, flow->places[i].dom_id);
        if (flow->max == 0) {
            fl_buf_printf(json->out, ",%d,null,null]", flow->places[i].at);
        } else {
            fl_buf_printf(json->out, ",%d,%d,null]", flow->places[i].at, flow->max);
        }
    }
    fl_json_put(json, FL_STR("],["));
    for (size_t i = 0; i < flow->drops_count; i++) {
        if (i > 0) fl_buf_putc(json->out, ',');
        fl_live_json_string(json->out, flow->drops[i]);
    }
    fl_json_put(json, flow->is_reset ? FL_STR("],true]") : FL_STR("]]"));
}

void fl_json_list(struct fl_live_json *json, const struct fl_live_list *list)
{
    fl_json_comma(json);
    fl_json_put(json, FL_STR("\"k\":{"));
    for (size_t i = 0; i < list->count; i++) {
        fl_json_member(json, i);
        fl_json_entry(json, list, i);
    }
    fl_json_comma(json);
    fl_json_put(json, FL_STR("\"kc\":"));
    fl_json_number(json, list->count);
    fl_buf_putc(json->out, '}');
    if (list->flow != NULL) json_flow(json, list);
}

void fl_json_slot(struct fl_live_json *json, const struct fl_live_slot *slot)
{
    switch (slot->kind) {
    case FL_SLOT_EMPTY:
        fl_json_put(json, FL_STR("\"\""));
        return;
    case FL_SLOT_TEXT:
        fl_live_json_string(json->out, (struct fl_str){slot->is.text, slot->len});
        return;
    case FL_SLOT_NODE:
        fl_buf_putc(json->out, '{');
        fl_json_slots(json, slot->is.node->slots, slot->is.node->statics->slots_count);
        fl_json_statics(json, slot->is.node->statics);
        fl_buf_putc(json->out, '}');
        return;
    case FL_SLOT_LIST:
        fl_buf_putc(json->out, '{');
        if (json_is_wrapped(slot->is.list)) {
            fl_json_put(json, FL_STR("\"s\":[\"\",\"\"]"));
        } else {
            json_statics(json, slot->is.list->statics);
        }
        fl_json_list(json, slot->is.list);
        fl_buf_putc(json->out, '}');
    }
}

void fl_json_slots(struct fl_live_json *json, const struct fl_live_slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fl_json_member(json, i);
        fl_json_slot(json, &slots[i]);
    }
}

/* The statics that the message shares; they come last, for only then it is known which they are. */
static void json_shared(struct fl_live_json *json)
{
    if (json->shared_count == 0) return;
    fl_json_comma(json);
    fl_json_put(json, FL_STR("\"p\":{"));
    for (size_t i = 0; i < json->shared_count; i++) {
        fl_json_member(json, i);
        fl_json_put(json, json->shared[i]->json);
    }
    fl_buf_putc(json->out, '}');
}

/* A root has no "r": at the top of a message that is a reply. */
static void json_root(struct fl_live_json *json, const struct fl_live_node *root)
{
    fl_json_slots(json, root->slots, root->statics->slots_count);
    json_statics(json, root->statics);
}

void fl_live_tree_full(const struct fl_live_tree *tree, struct fl_buf *out)
{
    FL_ASSERT(tree->root != NULL);
    struct fl_live_json json = {.out = out, .start = out->len};
    json_root(&json, tree->root);
    json_shared(&json);
}

bool fl_live_tree_diff(const struct fl_live_tree *old, const struct fl_live_tree *new,
                       struct fl_buf *out)
{
    FL_ASSERT(old->root != NULL && new->root != NULL);
    const struct fl_live_statics *statics = new->root->statics;
    struct fl_live_json json = {.out = out, .start = out->len};
    if (old->root->statics != statics) {
        json_root(&json, new->root);
    } else if (!fl_json_slots_diff(&json, old->root->slots, new->root->slots,
                                   statics->slots_count)) {
        return false;
    }
    json_shared(&json);
    return true;
}
