/* tree.h: one render of a template, and what changed between two.
 *
 * A view keeps the tree that its page shows. After a callback it renders another one, sends what
 * fl_live_tree_diff says, and swaps the two. A tree is one or a few blocks of memory; zero is a
 * valid empty tree. Knows: templates, the wire form of LiveView 1.2 trees. Does not know: sockets,
 * processes. Rendering does not wait. Thread: any, objects are not shared. */
#ifndef FL_LIVE_TREE_H
#define FL_LIVE_TREE_H

#include "services/live/out.h"

enum {
    FL_LIVE_DEPTH_MAX = 64,          /* nodes in nodes */
    FL_LIVE_TREE_MAX = 16 * 1048576, /* bytes of a tree */
    FL_LIVE_LIST_MAX = 65536,        /* entries of a list, inserts of a stream at one render */
};

/** One render. */
struct fl_live_tree {
    struct fl_live_block *block; /* private: memory, newest first */
    struct fl_live_node *root;   /* private */
    size_t bytes;                /* private: of memory */
    size_t used;                 /* bytes that the render took: the next one's hint */
};

/** Renders a template over a state into an empty tree (one of fl_live_tree_fini or zero). hint:
 * what the render before this one took (used), or 0. FL_EFULL: more than a tree holds; the tree is
 * empty then. */
int fl_live_tree_render(struct fl_live_tree *tree, const struct fl_live_template *view,
                        const void *state, size_t hint);
/** Frees the memory; the tree is empty and usable again. */
void fl_live_tree_fini(struct fl_live_tree *tree);

/** Appends the HTML. */
void fl_live_tree_html(const struct fl_live_tree *tree, struct fl_buf *out);
/** Appends the members of the JSON object that a join's "rendered" is, without its braces, so that
 * the caller can add others (`"t":…`). */
void fl_live_tree_full(const struct fl_live_tree *tree, struct fl_buf *out);
/** Appends the members of the JSON object that turns a page which shows `old` into one that shows
 * `new`, without its braces. False: nothing has changed and nothing was appended. */
bool fl_live_tree_diff(const struct fl_live_tree *old, const struct fl_live_tree *new,
                       struct fl_buf *out);

/* ---- streams: what one has to show at a render ---- */

/** An item that goes to the page. */
struct fl_live_stream_insert {
    struct fl_str dom_id;
    int at; /* FL_LIVE_LAST, FL_LIVE_FIRST, an index */
    const void *item;
};

/** What struct fl_live_stream has inside, as far as a render reads it. After a render that was sent
 * its owner forgets the inserts and drops. */
struct fl_live_stream_inside {
    uint32_t ref; /* differs from stream to stream of a view */
    int max;      /* items on the page: 0 any, n the first, -n the last */
    bool is_reset;
    size_t inserts_count, drops_count;
    const struct fl_live_stream_insert *inserts;
    const struct fl_str *drops; /* DOM ids; done before the inserts */
};

#endif
