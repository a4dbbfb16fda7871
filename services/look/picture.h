/* picture.h: what nodes answered (runtime/watch.h) as one picture: who supervises whom, how long
 * mailboxes are, and how often each child was started anew.
 *
 * A child is the same one as before when it stands at the same place: the same id, or the same
 * registered name, under the same supervisor; another pid there is a restart, and is counted.
 * Bounded: a supervisor of many shows some of its children, and says how many others there are.
 * Knows: JSON of watch.h. Does not know: sockets, time. Thread: any, one at a time. */
#ifndef FL_LOOK_PICTURE_H
#define FL_LOOK_PICTURE_H

#include <sys/types.h>

#include "runtime/base/json.h"

enum {
    FL_PICTURE_NODES = 64,
    FL_PICTURE_ITEMS = 400,   /* of a node */
    FL_PICTURE_CROWD = 16,    /* children shown of a dynamic supervisor */
    FL_PICTURE_CHILDREN = 64, /* of another one */
};

struct fl_picture;

/* A node in numbers, since its start. */
struct fl_picture_sums {
    char name[48];
    pid_t os_pid;
    bool silent;
    uint64_t procs, waiting, memory, handled, sent, dropped;
    uint64_t restarts; /* that were seen here */
};

/** An empty one. */
struct fl_picture *fl_picture_new(void);
/** Frees; NULL is fine. */
void fl_picture_free(struct fl_picture *picture);
/** A node answered `tree` and `processes`; it is known by its OS pid, and the topmost above it is
 * `root`. False: there are FL_PICTURE_NODES others. */
bool fl_picture_put(struct fl_picture *picture, const char *name, pid_t os_pid, pid_t root,
                    const cJSON *tree, const cJSON *processes);
/** It does not answer at present, or does again. */
void fl_picture_silent(struct fl_picture *picture, pid_t os_pid, bool silent);
/** It is gone. */
void fl_picture_drop(struct fl_picture *picture, pid_t os_pid);
/** Appends {"nodes":[{"name","os_pid","root","silent","procs","waiting","others":[["web.conn",3]],
 * "tree":[ITEM…]}]}; docs/dashboard.md says what an ITEM is. The same picture gives the same
 * text. */
void fl_picture_write(const struct fl_picture *picture, struct fl_buf *out);
/** The numbers of up to `max` nodes; returns how many. */
size_t fl_picture_sums(const struct fl_picture *picture, struct fl_picture_sums *out, size_t max);

#endif
