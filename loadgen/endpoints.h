/* endpoints.h: where a load's connections go: in turn over the instances that are up.
 *
 * While none is up they still go somewhere, so that the load sees what a client would see. */
#ifndef FL_LOADGEN_ENDPOINTS_H
#define FL_LOADGEN_ENDPOINTS_H

#include <netinet/in.h>

#include "runtime/base/json.h"

struct fl_endpoint {
    char *instance, *host;
    int port;
    bool up;
    struct sockaddr_storage addr;
};

struct fl_endpoints {
    struct fl_endpoint *at;
    size_t count, turn;
};

/** Reads `[{"instance":…,"host":…,"port":…}]`; all begin as up. */
int fl_endpoints_read(struct fl_endpoints *endpoints, const cJSON *list, struct fl_err *err);
/** Frees them. */
void fl_endpoints_fini(struct fl_endpoints *endpoints);
/** Says whether an instance is up; port 0: where it was. Unknown names are no matter. */
void fl_endpoints_set(struct fl_endpoints *endpoints, const char *instance, bool up, int port);
/** Whose turn it is: an index into `at`. At least one endpoint must be there. */
size_t fl_endpoints_pick(struct fl_endpoints *endpoints);

#endif
