/* dashboard.h: /dashboard of the contract: everything that a view does with its own page. */
#ifndef FL_ACCEPT_DASHBOARD_H
#define FL_ACCEPT_DASHBOARD_H

#include "services/live/live.h"

#define DASHBOARD_ROWS_MAX 100
#define DASHBOARD_POINTS 20

struct dashboard_row {
    int id, n;
};
struct dashboard {
    int count, tick;
    char tab[64];
    struct dashboard_row rows[DASHBOARD_ROWS_MAX];
    size_t rows_count;
    char points[DASHBOARD_POINTS * 16];
};

extern const struct fl_live_view contract_dashboard;

#endif
