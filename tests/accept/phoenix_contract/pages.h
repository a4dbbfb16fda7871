/* pages.h: the live views of the contract. */
#ifndef FL_ACCEPT_PAGES_H
#define FL_ACCEPT_PAGES_H

#include "services/live/live.h"

extern const struct fl_live_site contract_pages;
/** Their routes, assets and socket; for a fl_web_site. */
extern const struct fl_web_route contract_routes[];
extern const struct fl_web_asset contract_assets[];
extern const struct fl_channel_server contract_live_channels[];

#endif
