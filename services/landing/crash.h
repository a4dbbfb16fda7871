/* crash.h: crashes what a reader chose, and says how long it took until it was back.
 *
 * Topic `crash`; joining needs {"token": the one in the page, signed by us}. Events, each answered
 * when the thing is back, or is not within some seconds:
 *
 *   "process" {"node":4711,"pid":"<0.5.1>","parent":"<0.2.1>","id":"ticker","name":"ticker"}
 *   "service" {"instance":"chat"}          SIGKILL to its OS process and all that it started
 *
 *   ok    {"healed":true,"took_ns":812000,"pid":"<0.9.2>"}, or {"healed":false,"words":"…"}
 *   error {"reason":"…"}                   nothing was crashed */
#ifndef FL_LANDING_CRASH_H
#define FL_LANDING_CRASH_H

#include <cjson/cJSON.h>

#include "services/web/web.h"

#define FL_CRASH_TOPIC "crash"
#define FL_CRASH_PURPOSE "crash" /* of the token in the page (services/web/token.h) */

/** The pid of the child at this place in a tree of watch.h: of the supervisor `parent` ("": at the
 * top) with this id (or "": this name); NULL: it is not there, or between two lives. Borrowed. */
const char *fl_crash_find(const cJSON *tree, const char *parent, const char *id);

/** Callbacks of the row of FL_CRASH_TOPIC; the site's args are a const struct fl_service_opts *. */
int fl_crash_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join);
/** Crashes, waits, answers. */
void fl_crash_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event);

#endif
