/* origin.c: does a page of ours ask, or one of somebody else? */
#include <strings.h>

#include "services/web/inside.h"

bool web_origin_ok(const struct fl_web_request *req)
{
    struct fl_str origin = fl_web_header(req, "origin");
    struct fl_str host = fl_web_header(req, "host");
    if (origin.at == NULL) return true;
    for (size_t i = 0; i + 2 < origin.len; i++) {
        if (memcmp(origin.at + i, "://", 3) != 0) continue;
        struct fl_str site = {origin.at + i + 3, origin.len - i - 3};
        return site.len == host.len && strncasecmp(site.at, host.at, host.len) == 0;
    }
    return false; /* "null": a page that hides where it is from */
}
