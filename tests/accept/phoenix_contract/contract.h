/* contract.h: what the parts of phoenix_contract offer each other: a program that the acceptance
 * tests in tests/accept/phoenix can ask everything of. */
#ifndef FL_ACCEPT_CONTRACT_H
#define FL_ACCEPT_CONTRACT_H

#include "services/services.h"
#include "services/web/presence.h"
#include "services/web/web.h"

/** The args of the site. */
struct contract {
    struct fl_pubsub *pubsub;
    struct fl_presence *presence;
    struct fl_service_opts editor;
};

/** The channels of /socket; ended by a row with a NULL topic. */
extern const struct fl_channel_server contract_channels[];

#endif
