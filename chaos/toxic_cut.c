/* toxic_cut.c: takes the link down. The door itself is proxy_link.c's: a row is all there is. */
#include "chaos/toxic.h"

const struct fl_toxic_type fl_toxic_cut = {
    .name = "cut",
    .help = "resets every connection and refuses new ones",
    .cuts = true,
};
