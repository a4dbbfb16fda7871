#include "loadgen/endpoints.h"

#include <uv.h>

/* Names other than numeric addresses and localhost are not looked up here: hosts come from the
 * engine, which resolves what a scenario says. */
static int endpoint_resolve(struct fl_endpoint *endpoint)
{
    const char *host = strcmp(endpoint->host, "localhost") == 0 ? "127.0.0.1" : endpoint->host;
    memset(&endpoint->addr, 0, sizeof endpoint->addr);
    if (uv_ip4_addr(host, endpoint->port, (struct sockaddr_in *)&endpoint->addr) == 0) return 0;
    return uv_ip6_addr(host, endpoint->port, (struct sockaddr_in6 *)&endpoint->addr);
}

int fl_endpoints_read(struct fl_endpoints *endpoints, const cJSON *list, struct fl_err *err)
{
    int count = cJSON_GetArraySize(list);
    if (count <= 0) return fl_err_set(err, FL_EBADMSG, "no endpoints");

    struct fl_endpoints fresh = {.at = fl_new_array(struct fl_endpoint, (size_t)count)};
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        struct fl_endpoint *endpoint = &fresh.at[fresh.count++];
        endpoint->instance = fl_strdup(fl_json_text(item, "instance", ""));
        endpoint->host = fl_strdup(fl_json_text(item, "host", "127.0.0.1"));
        endpoint->port = (int)fl_json_int(item, "port", 0);
        endpoint->up = true;
        if (endpoint->port <= 0 || endpoint->port > 65535 || endpoint_resolve(endpoint) != 0) {
            fl_err_set(err, FL_EBADMSG, "%s: \"%s\" port %d is no address", endpoint->instance,
                       endpoint->host, endpoint->port);
            fl_endpoints_fini(&fresh);
            return FL_EBADMSG;
        }
    }
    fl_endpoints_fini(endpoints);
    *endpoints = fresh;
    return 0;
}

void fl_endpoints_fini(struct fl_endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        free(endpoints->at[i].instance);
        free(endpoints->at[i].host);
    }
    free(endpoints->at);
    *endpoints = (struct fl_endpoints){0};
}

void fl_endpoints_set(struct fl_endpoints *endpoints, const char *instance, bool up, int port)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        struct fl_endpoint *endpoint = &endpoints->at[i];
        if (strcmp(endpoint->instance, instance) != 0) continue;
        endpoint->up = up;
        if (port <= 0 || port > 65535 || port == endpoint->port) continue;
        endpoint->port = port;
        endpoint_resolve(endpoint);
    }
}

size_t fl_endpoints_pick(struct fl_endpoints *endpoints)
{
    FL_ASSERT(endpoints->count > 0);
    size_t first = endpoints->turn;
    for (size_t i = 0; i < endpoints->count; i++) {
        size_t at = (first + i) % endpoints->count;
        if (!endpoints->at[at].up) continue;
        endpoints->turn = (at + 1) % endpoints->count;
        return at;
    }
    endpoints->turn = (first + 1) % endpoints->count;
    return first;
}
