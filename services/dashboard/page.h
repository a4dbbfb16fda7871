/* page.h: the page as a live view: what the ticker's board says, twice a second; charts and tree
 * are drawn by hooks (assets/dashboard.js) from frames that all viewers share.
 *
 * Thread: the view's process. */
#ifndef FL_DASHBOARD_PAGE_H
#define FL_DASHBOARD_PAGE_H

#include "services/dashboard/board.h"
#include "services/live/live.h"

extern const struct fl_live_view fl_dashboard_view;

#endif
