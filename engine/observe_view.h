/* observe_view.h: what was seen of running nodes, as lines for a person.
 *
 * Knows: the answers of a watch socket (runtime/watch.h). Does not know: sockets, terminals. */
#ifndef FL_ENGINE_OBSERVE_VIEW_H
#define FL_ENGINE_OBSERVE_VIEW_H

#include <cjson/cJSON.h>

#include "runtime/base/str.h"

struct fl_view_node {
    const char *name;
    int os_pid;
    const cJSON *now;    /* the answer to `processes` */
    const cJSON *before; /* the one before, or NULL */
    const cJSON *tree;   /* the answer to `tree` */
};

enum fl_view_sort { FL_VIEW_MEMORY = 0, FL_VIEW_MAILBOX, FL_VIEW_HANDLED, FL_VIEW_SORTS };
/** "memory", … */
const char *fl_view_sort_word(enum fl_view_sort sort);
/** The sort of this name; false: none. */
bool fl_view_sort_find(const char *word, enum fl_view_sort *out);

struct fl_view {
    const struct fl_view_node *nodes;
    size_t count;
    enum fl_view_sort sort;
    bool tree; /* the trees instead of the list */
    bool colour;
    bool only_body;      /* no head */
    int width;           /* longer lines are cut */
    int height;          /* of the screen; 0: all lines, and no line about keys */
    int top;             /* the first line of the body that is shown */
    int body_lines;      /* set by fl_view_render: how many the body has */
    const char *message; /* instead of the line about keys, or NULL */
};
/** Writes the lines, each ended by a newline. Nothing of a name can reach the terminal as a
 * command. */
void fl_view_render(struct fl_view *view, struct fl_buf *out);

#endif
