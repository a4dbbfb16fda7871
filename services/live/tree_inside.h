/* tree_inside.h: what a tree is made of. Private to services/live/tree*.c and out.c. */
#ifndef FL_LIVE_TREE_INSIDE_H
#define FL_LIVE_TREE_INSIDE_H

#include "services/live/tree.h"

#include <stdalign.h>
#include <stddef.h>

enum fl_live_kind { FL_SLOT_EMPTY, FL_SLOT_TEXT, FL_SLOT_NODE, FL_SLOT_LIST };

struct fl_live_slot {
    enum fl_live_kind kind;
    uint32_t len; /* of text */
    union {
        const char *text; /* HTML; UTF-8 */
        const struct fl_live_node *node;
        const struct fl_live_list *list;
    } is;
};

struct fl_live_node {
    const struct fl_live_statics *statics;
    struct fl_live_slot slots[];
};

/** Says which entry of a list is which: a number, or text and then its hash. */
struct fl_live_key {
    uint64_t value;
    const char *text;
    size_t len;
};

/** Where an entry of a stream goes. */
struct fl_live_place {
    struct fl_str dom_id; /* as it is, not escaped */
    int at;
};

/** What makes a list a stream. */
struct fl_live_flow {
    uint32_t ref;
    int max;
    bool is_reset;
    size_t drops_count;
    struct fl_str *drops;
    struct fl_live_place *places; /* one for each entry */
};

struct fl_live_list {
    const struct fl_live_statics *statics;
    size_t count;
    struct fl_live_key *keys;   /* NULL: an entry is its position's */
    struct fl_live_slot *slots; /* statics->slots_count for each entry */
    struct fl_live_flow *flow;  /* NULL: not a stream */
};

/** A piece of a tree's memory. */
struct fl_live_block {
    struct fl_live_block *next;
    size_t cap, len;
    alignas(max_align_t) char bytes[];
};

/** What fl_live_out has open: a node or an entry (slots to fill) or a list (entries to open). */
struct fl_live_open {
    struct fl_live_slot *slots;
    size_t next, count;
    struct fl_live_list *list; /* not NULL: the list */
};

/** A render that is being made. */
struct fl_live_out {
    struct fl_live_tree *tree;
    bool is_full;
    const char *name;                           /* of the attribute that the next value is for */
    const struct fl_live_stream_inside *stream; /* the open one; streams do not nest */
    size_t stream_at;
    size_t depth;
    struct fl_live_open open[2 * FL_LIVE_DEPTH_MAX];
};

/** Memory of the tree, not zeroed; NULL when the tree has enough of it. */
void *fl_live_tree_take(struct fl_live_tree *tree, size_t bytes, size_t align);
/** Memory of the tree of a render; NULL: it is full. */
void *fl_live_out_take(struct fl_live_out *out, size_t bytes, size_t align);
/** The next slot of the node or entry that is open; NULL: the tree is full. */
struct fl_live_slot *fl_live_out_next(struct fl_live_out *out);

#endif
