/* look.h: the process named `look`: asks the watch sockets of nodes on this machine, some times a
 * second, and feeds (feed.h) the picture to whoever looks.
 *
 * Topic of its frames: `look:tree`, event `tree`, payload as fl_picture_write says. A frame is sent
 * when the picture has changed. Thread: shard 0's. */
#ifndef FL_LOOK_LOOK_H
#define FL_LOOK_LOOK_H

#include "services/look/feed.h"
#include "services/look/picture.h"

#define FL_LOOK_NAME "look"
#define FL_LOOK_TOPIC "look:tree"

/* Whose nodes: struct fl_look_opts.root. */
enum { FL_LOOK_FAMILY = 0, FL_LOOK_ALL = -1 };

struct fl_look_opts {
    pid_t root; /* FL_LOOK_FAMILY: all below the topmost above me; FL_LOOK_ALL; or a pid */
};

/* Calls: TREE is answered with the latest JSON text (at most FL_LOOK_TREE_MAX), SUMS with an array
 * of struct fl_picture_sums; ASK is fl_look_ask. */
enum { FL_LOOK_TREE = 0x6c6f0001, FL_LOOK_SUMS, FL_LOOK_ASK };
enum { FL_LOOK_TREE_MAX = 1 << 20 };

/** Asks a node that `look` knows one thing of watch.h, `"op":"exit","name":"room/a"`, and waits for
 * its answer, which the caller deletes. FL_ENOPROC: no such node (or no `look`), FL_EDIED: it ended
 * meanwhile, FL_EFULL: too much is asked already, FL_ETIMEOUT. */
int fl_look_ask(struct fl_self *self, pid_t os_pid, const char *fields, cJSON **out,
                fl_ns within_ns);

/** args: const struct fl_look_opts *. */
extern const struct fl_server fl_look_server;
/** The row of a site's channels: whoever joins FL_LOOK_TOPIC gets the tree, and each change. */
#define FL_LOOK_CHANNEL FL_FEED_CHANNEL(FL_LOOK_TOPIC, FL_LOOK_NAME)

#endif
