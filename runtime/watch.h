/* watch.h: the address of a running node, for people who look at it from another terminal.
 *
 * A UNIX socket that only its owner can open speaks the lines of control.h, and beyond them:
 *
 *   {"id":1,"op":"node"}        {"id":1,"ok":true,"name":"chat.1","os_pid":4711,"shards":1}
 *   {"id":2,"op":"processes","order":"memory","max":50,"glob":"room/%"}
 *                               {"id":2,"ok":true,"total":…,"shards":[…],"processes":[…]}
 *   {"id":3,"op":"process","name":"room/a"}   {"id":3,"ok":true,"process":{…}}
 *   {"id":4,"op":"tree"}        {"id":4,"ok":true,"tree":[…]}
 *   {"id":5,"op":"stats"}       {"id":5,"ok":true,"stats":{…}}
 *   {"id":6,"op":"trace","name":"room/a","events":100}
 *                               {"id":6,"ok":true}, then a line for each event, the last one's
 *                               {"id":6,"event":{…}}, {"id":6,"end":true}
 *
 * (% stands for a star.) Of control.h it knows list, exit, suspend and resume. Orders: pid,
 * mailbox, memory, handled. */
#ifndef FL_RUNTIME_WATCH_H
#define FL_RUNTIME_WATCH_H

#include "runtime/process.h"

#define FL_WATCH_PATH_MAX 108

/** The folder of the sockets of this user's nodes: faultline/ in XDG_RUNTIME_DIR, or
 * /tmp/faultline-UID. make: made if it is not there. FL_EIO: cannot be made, or somebody else could
 * write in it. Any thread. */
int fl_watch_folder(char *out, size_t out_len, bool make, struct fl_err *err);
/** Listens there as <node's name>-<pid>.sock until the node ends; path (NULL is fine) gets where.
 * As fl_node_spawn: before the node runs, or on shard 0. FL_ESTATE: a simulated node. */
int fl_watch_open(struct fl_node *node, char path[FL_WATCH_PATH_MAX], struct fl_err *err);

#endif
