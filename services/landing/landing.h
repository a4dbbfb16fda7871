/* landing.h: the page of `faultline serve`: links to the services, shows the tree of all of them,
 * and crashes what a reader chooses, who then watches it heal.
 *
 * The page is a live view (page.h). Only it may crash anything: a view is joined with the token of
 * its page, which is given to loopback names only (Host), so that no other site's name can be
 * pointed here to get it, and sockets are opened by pages of this address alone (Origin).
 *
 *   look    asks the nodes (services/look)
 *   list    watches what runs by the figures (docs/figures.md)
 *   a view a reader, and a process for each crash until it is over
 */
#ifndef FL_LANDING_LANDING_H
#define FL_LANDING_LANDING_H

#include "services/services.h"

/** Starts its processes and the site on a node that is about to run; opts outlive the node. */
int fl_landing_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err);

#endif
