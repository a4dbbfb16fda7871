/* observe_link.h: finds the watch sockets of this user's nodes, and asks them. */
#ifndef FL_ENGINE_OBSERVE_LINK_H
#define FL_ENGINE_OBSERVE_LINK_H

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "runtime/base/str.h"

struct fl_observed {
    char path[108];
    char name[48]; /* of the node */
    pid_t pid;
    pid_t root; /* the topmost ancestor that is observed too; its own pid: there is none */
};
/** The nodes that run, roots first, each followed by those below it; sockets of dead ones are
 * removed. Free *out with free(). Returns how many. */
size_t fl_observed_find(struct fl_observed **out);
/** One node by the path of its socket, wherever that is. */
int fl_observed_at(struct fl_observed *out, const char *path, struct fl_err *err);

struct fl_observe_link;
/** Connects. FL_EIO. */
int fl_observe_connect(struct fl_observe_link **out, const char *path, struct fl_err *err);
/** Asks `{"id":…, <fields>}` and waits for its answer; NULL: the node is gone, does not answer in
 * time, or said no. cJSON_Delete it. */
cJSON *fl_observe_ask(struct fl_observe_link *link, const char *fields, int timeout_ms);
/** Closes. NULL is fine. */
void fl_observe_close(struct fl_observe_link *link);

#endif
