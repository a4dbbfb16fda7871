/* event.h: what the browser sends to a view. */
#ifndef FL_LIVE_EVENT_H
#define FL_LIVE_EVENT_H

#include "services/live/inside.h"

/** Runs the callback for a message of the client, and answers it. */
void live_on_event(struct fl_live *live, const struct fl_channel_event *event);

#endif
