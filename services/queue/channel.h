/* channel.h: notices for clients on /socket: `queue:<name>` and `job:<id>` (docs/queue.md). */
#ifndef FL_QUEUE_CHANNEL_H
#define FL_QUEUE_CHANNEL_H

#include "services/web/web.h"

/** The rows, ended by one with a NULL topic. */
extern const struct fl_channel_server fl_queue_channels[];

#endif
