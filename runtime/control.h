/* control.h: the seam through which chaos reaches runtime processes: list, kill, suspend, resume.
 *
 * In another OS process it is spoken over descriptor 3, one JSON object a line:
 *
 *   {"id":1,"op":"list","glob":"room/%"}   answer {"id":1,"ok":true,"names":["room/a"]}
 *   {"id":2,"op":"exit","name":"room/a","kind":"crash"}   {"id":2,"ok":true,"at_ns":…}
 *                                                        once it is gone
 *   {"id":3,"op":"suspend","name":"room/a"}, resume   {"id":3,"ok":true}
 *   whatever cannot be done                {"id":4,"ok":false,"error":"no such process"}
 *
 * (% stands for a star.) Kinds: crash, kill, shutdown, normal, error. */
#ifndef FL_RUNTIME_CONTROL_H
#define FL_RUNTIME_CONTROL_H

#include <uv.h>

#include "runtime/process.h"

/** Calls fn for each registered name that matches, sorted. Shard 0's thread. */
void fl_control_list(struct fl_node *node, const char *glob, void (*fn)(void *cx, const char *name),
                     void *cx);
/** Ends a named process with this reason: FL_EXIT_CRASH cannot be trapped either. FL_ENOPROC. */
int fl_control_exit(struct fl_node *node, const char *name, struct fl_reason reason);
/** The process stops taking messages; they queue. FL_ENOPROC. */
int fl_control_suspend(struct fl_node *node, const char *name);
/** Undoes fl_control_suspend. */
int fl_control_resume(struct fl_node *node, const char *name);

/** Serves this seam on a descriptor of ours (3) from the node's loop; closes when the peer does. */
int fl_control_serve(struct fl_node *node, int fd, struct fl_err *err);

/** The other end: asks a control server in another process. Thread: the loop's. */
struct fl_control_client;
/** Takes fd. on_lost (may be NULL) is called when the peer closes. */
int fl_control_client_open(struct fl_control_client **out, uv_loop_t *loop, int fd_take,
                           void (*on_lost)(void *cx), void *cx, struct fl_err *err);
/** Called once for each request: ok and the answer's JSON text, or why not; never after close. */
typedef void (*fl_control_fn)(void *cx, bool ok, const char *answer_json);
/** Sends `{"id":…, <request_fields>}`; the answer comes to fn, or ok=false after timeout_ns. */
void fl_control_ask(struct fl_control_client *client, const char *request_fields, fl_ns timeout_ns,
                    fl_control_fn fn, void *cx);
/** Closes; frees itself when libuv lets go. NULL is fine. */
void fl_control_client_close(struct fl_control_client *client);

#endif
