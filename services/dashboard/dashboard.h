/* dashboard.h: the live figures of a run in a browser (docs/figures.md).
 *
 * One process, `ticker`, reads the figures ten times a second, encodes them once and sends the same
 * block to every viewer; a viewer is a Phoenix channel on topic `dashboard:run` that asks for the
 * next one when it has sent the last, so a slow one gets fewer and holds nobody up. The page is
 * complete before any script runs. */
#ifndef FL_DASHBOARD_DASHBOARD_H
#define FL_DASHBOARD_DASHBOARD_H

#include "services/services.h"

/** Starts the ticker and the site on a node that is about to run; opts must outlive the node. */
int fl_dashboard_start(struct fl_node *node, const struct fl_service_opts *opts,
                       struct fl_err *err);

#endif
