#include "runtime/sup.h"
const struct fl_server fl_sup_server = {.name = "supervisor"};
