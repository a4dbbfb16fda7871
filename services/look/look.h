/* look.h: the process named `look`: asks the watch sockets of nodes on this machine, some times a
 * second, and feeds (feed.h) the picture to whoever looks.
 *
 * Topic of its frames: `look:tree`, event `tree`, payload as fl_picture_write says. A frame is sent
 * when the picture has changed. Thread: shard 0's. */
#ifndef FL_LOOK_LOOK_H
#define FL_LOOK_LOOK_H

#include "services/look/picture.h"
#include "services/web/web.h"

#define FL_LOOK_NAME "look"
#define FL_LOOK_TOPIC "look:tree"

/* Whose nodes: struct fl_look_opts.root. */
enum { FL_LOOK_FAMILY = 0, FL_LOOK_ALL = -1 };

struct fl_look_opts {
    pid_t root; /* FL_LOOK_FAMILY: all below the topmost above me; FL_LOOK_ALL; or a pid */
};

/* Calls: TREE is answered with the latest JSON text (at most FL_LOOK_TREE_MAX), SUMS with an array
 * of struct fl_picture_sums. */
enum { FL_LOOK_TREE = 0x6c6f0001, FL_LOOK_SUMS };
enum { FL_LOOK_TREE_MAX = 1 << 20 };

/** args: const struct fl_look_opts *. */
extern const struct fl_server fl_look_server;
/** A row for a site's channels: whoever joins FL_LOOK_TOPIC gets the tree, and each change. */
extern const struct fl_channel_server fl_look_channel;

#endif
