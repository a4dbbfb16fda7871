#include "loadgen/load.h"
static int driver_dashboard_open(struct fl_load *load, struct fl_err *err)
{
    (void)load;
    return fl_err_set(err, FL_ESTATE, "not here yet");
}
const struct fl_driver fl_driver_dashboard = {.open = driver_dashboard_open};
