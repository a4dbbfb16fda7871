/* observe_link.h: asks the watch sockets of this user's nodes. */
#ifndef FL_ENGINE_OBSERVE_LINK_H
#define FL_ENGINE_OBSERVE_LINK_H

#include <cjson/cJSON.h>

#include "runtime/base/str.h"
#include "runtime/watch_find.h"

/** One node by the path of its socket, wherever that is. */
int fl_observed_at(struct fl_watched *out, const char *path, struct fl_err *err);

struct fl_observe_link;
/** Connects. FL_EIO. */
int fl_observe_connect(struct fl_observe_link **out, const char *path, struct fl_err *err);
/** Asks `{"id":…, <fields>}` and waits for its answer; NULL: the node is gone, does not answer in
 * time, or said no. cJSON_Delete it. */
cJSON *fl_observe_ask(struct fl_observe_link *link, const char *fields, int timeout_ms);
/** Closes. NULL is fine. */
void fl_observe_close(struct fl_observe_link *link);

#endif
