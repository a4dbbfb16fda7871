/* landing.h: the page of `faultline serve`: links to the services, shows the tree of all of them,
 * and crashes what a reader chooses, who then watches it heal.
 *
 * Only pages of this very address may crash anything: sockets are opened by them alone (Origin),
 * and the word that a crash needs is in the page, which is given to loopback names only (Host), so
 * that no other site's name can be pointed here to get it.
 *
 *   look    asks the nodes (services/look)
 *   list    reads what runs from the figures (docs/figures.md), and feeds it to the viewers
 *   a channel a viewer and topic; `crash` does its work in the viewer's own channel */
#ifndef FL_LANDING_LANDING_H
#define FL_LANDING_LANDING_H

#include "services/services.h"

/** Starts its processes and the site on a node that is about to run; opts outlive the node. */
int fl_landing_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err);

#endif
