/* contract.h: what the parts of phoenix_contract offer each other: a program that the acceptance
 * tests in tests/accept/phoenix can ask everything of. */
#ifndef FL_ACCEPT_CONTRACT_H
#define FL_ACCEPT_CONTRACT_H

#include "services/web/web.h"

/** The channels of /socket; ended by a row with a NULL topic. */
extern const struct fl_channel_server contract_channels[];
/** Starts the process that knows who is in which room, on a node that is about to run. */
int contract_rooms_start(struct fl_node *node);

#endif
