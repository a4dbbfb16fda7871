/* limit.c: how many requests a second a connection may send. */
#include "services/web/inside.h"

/* One instant is all the memory of a bucket (GCRA): the next request's due time at an even rate.
 * It may lie in the future by a second's worth of requests. */
bool web_limit_rate(struct web_conn *conn)
{
    int rate = conn->boot->site.requests_per_s;
    if (rate <= 0) return true;
    fl_ns now_ns = fl_self_now(conn->self);
    fl_ns every_ns = FL_NS_PER_S / rate;
    fl_ns due_ns = fl_ns_max(conn->next_request_ns, now_ns);
    if (due_ns - now_ns <= FL_NS_PER_S - every_ns) {
        conn->next_request_ns = due_ns + every_ns;
        return true;
    }
    struct fl_web *web = &conn->request->web;
    fl_web_set_header(web, "Retry-After", "1");
    fl_web_fail(conn->self, web, 429, "too many requests");
    return false;
}

void fl_web_busy(struct fl_self *self, struct fl_web *web)
{
    fl_web_set_header(web, "Retry-After", "1");
    fl_web_fail(self, web, 503, "overloaded");
}
