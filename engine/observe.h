/* observe.h: shows running nodes to a person: who lives on them, and how they are doing. */
#ifndef FL_ENGINE_OBSERVE_H
#define FL_ENGINE_OBSERVE_H

#include "engine/observe_view.h"

struct fl_observe_opts {
    const char *target; /* the path of a socket, or a pid; NULL: the only one that runs */
    enum fl_view_sort sort;
    bool tree;
    bool once; /* print once, also on a terminal */
    bool json;
};
/** Returns the exit code. */
int fl_observe(const struct fl_observe_opts *opts);

#endif
