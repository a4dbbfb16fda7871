/* queue.h: a job queue over HTTP whose acknowledged jobs survive SIGKILL (docs/queue.md).
 *
 * One process, `store`, owns the database. Connections ask it by fl_call; what arrives while a
 * commit runs on libuv's pool becomes the next commit, so that a slow disk makes groups larger, not
 * queues longer. When it crashes its supervisor starts it again on the same file. `notices` tells
 * subscribers what happened, `pools` keeps a pool of workers for each queue that wants one. */
#ifndef FL_QUEUE_QUEUE_H
#define FL_QUEUE_QUEUE_H

#include "services/services.h"

/** Starts the store and the site on a node that is about to run; opts must outlive the node. */
int fl_queue_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err);

#endif
