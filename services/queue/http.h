/* http.h: the queue's routes (docs/queue.md): reads a request, asks the store, writes the answer.
 *
 * Knows: JSON and status codes. Does not know: SQL. Thread: a connection's process. */
#ifndef FL_QUEUE_HTTP_H
#define FL_QUEUE_HTTP_H

#include "services/web/web.h"

/** The rows, ended by one with a NULL method. */
extern const struct fl_web_route fl_queue_routes[];

#endif
