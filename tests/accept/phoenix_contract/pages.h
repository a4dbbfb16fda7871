/* pages.h: the site of the contract: its live views, and the channels of room.c. */
#ifndef FL_ACCEPT_PAGES_H
#define FL_ACCEPT_PAGES_H

#include "services/editor/guest.h"
#include "services/live/live.h"

/** Its tables, which lead to this node's documents. */
struct contract_site {
    struct fl_live_site live;
    struct fl_web_route routes[2];
    struct fl_channel_server views[2];
    struct fl_web_socket sockets[3];
    struct fl_web_site web;
};
/** Fills in the tables; they must stay where they are. */
void contract_site_lay_out(struct contract_site *site, const struct fl_guests *guests);

#endif
