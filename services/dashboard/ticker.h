/* ticker.h: the process named `ticker`: figures in, one shared frame a tick out.
 *
 * Thread: shard 0's. */
#ifndef FL_DASHBOARD_TICKER_H
#define FL_DASHBOARD_TICKER_H

#include "runtime/server.h"

#define FL_TICKER_NAME "ticker"
#define FL_TICKER_TOPIC "dashboard:run"
#define FL_TICKER_EVENT "figures"
#define FL_TICKER_HISTORY_EVENT "history"
#define FL_TICKER_JSON_MAX (1 << 20) /* larger figures are not shown */

/* What it is sent: FIRST and NEXT are casts of a viewer, answered by a shared frame tagged NEXT, at
 * once or with the next tick; FIRST also by one tagged HISTORY, the last minute. LATEST is a call,
 * answered with the JSON text. */
enum { FL_TICKER_FIRST = 1, FL_TICKER_NEXT, FL_TICKER_LATEST, FL_TICKER_HISTORY };

/** args: const struct fl_service_opts *. */
extern const struct fl_server fl_ticker_server;

#endif
