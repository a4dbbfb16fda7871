/* watch_find.h: finds the watch sockets (watch.h) of this user's nodes.
 *
 * Reads a folder and /proc, so it may wait for the disk. Thread: any. */
#ifndef FL_RUNTIME_WATCH_FIND_H
#define FL_RUNTIME_WATCH_FIND_H

#include <sys/types.h>

#include "runtime/watch.h"

struct fl_watched {
    char path[FL_WATCH_PATH_MAX];
    char name[48]; /* of the node */
    pid_t pid;
    pid_t root; /* the topmost ancestor that is watched too; its own pid: there is none */
};

/** The nodes that run, roots first, each followed by those below it; sockets of dead ones are
 * removed. Free *out with free(). Returns how many. */
size_t fl_watch_find(struct fl_watched **out);

#endif
