/* ticker.h: the process named `ticker`: figures and samples in, one shared frame a tick out.
 *
 * A feed (services/look/feed.h) of FL_TICKER_TOPIC: event `figures` ten times a second, and, to who
 * comes, event `series` first: what the values mean. Samplers tell it FL_SAMPLED (sampler.h).
 * Thread: shard 0's. */
#ifndef FL_DASHBOARD_TICKER_H
#define FL_DASHBOARD_TICKER_H

#include "runtime/server.h"

#define FL_TICKER_NAME "ticker"
#define FL_TICKER_TOPIC "dashboard:run"
enum {
    FL_TICKER_JSON_MAX = 1 << 20,  /* larger figures are not shown */
    FL_TICKER_POINTS_MAX = 4 << 20 /* of POINTS; more is FL_EFULL */
};

/* Calls, answered with JSON text: LATEST with the latest figures, SERIES with the table of series,
 * POINTS (data: an int, the ring) with the past; BOARD with a struct fl_board. */
enum { FL_TICKER_LATEST = 1, FL_TICKER_SERIES, FL_TICKER_POINTS, FL_TICKER_BOARD };

/** args: const struct fl_service_opts *. */
extern const struct fl_server fl_ticker_server;

#endif
