/* fault_link.c: faults that are a toxic on a link: cut and latency. The links process acts and says
 * what it saw. */
#include "chaos/injection.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

struct link_fault {
    char toxic[32];
    int64_t connections;
};

static struct link_fault *link_of(struct fl_injection *injection)
{
    return fl_injection_own(injection, sizeof(struct link_fault));
}

static void link_begin(struct fl_injection *injection, const char *type, fl_links_fn fn)
{
    struct fl_links *links = fl_injection_world(injection)->links;
    const char *target = fl_injection_target(injection);
    fl_injection_requested(injection, target);
    if (links == NULL) {
        fl_injection_missed(injection, "no link %s in this run", target);
        return;
    }
    struct link_fault *own = link_of(injection);
    snprintf(own->toxic, sizeof own->toxic, "fault-%lld", (long long)fl_injection_index(injection));
    fl_links_add_toxic(links, target, own->toxic, type, fl_injection_settings(injection),
                       fl_injection_pick(injection), fn,
                       fl_injection_ask(injection, NULL, FL_NEVER));
}

static void link_on_cut(void *cx, bool ok, const cJSON *answer, const char *why)
{
    struct fl_injection *injection = fl_injection_answered(cx, NULL);
    if (injection == NULL) return;
    int64_t connections = fl_json_int(answer, "connections", 0);
    bool refuses = fl_json_bool(answer, "refuses", false);
    fl_ns at_ns = fl_json_int(answer, "at_ns", fl_now());
    if (!ok)
        fl_injection_missed(injection, "%s", why);
    else if (refuses)
        fl_injection_effect(injection, at_ns, "%lld connections reset, the port refuses",
                            (long long)connections);
    else if (connections > 0)
        fl_injection_effect(injection, at_ns, "%lld connections reset", (long long)connections);
    else
        fl_injection_missed(injection, "no connection to reset, and the port still accepts");
}

void fl_fault_cut_begin(struct fl_injection *injection)
{
    link_begin(injection, "cut", link_on_cut);
}

static void link_on_touched(void *cx, bool ok, const cJSON *answer, const char *why)
{
    struct fl_injection *injection = fl_injection_answered(cx, NULL);
    if (injection == NULL || !ok) return; /* not ok: its end says what became of it */
    fl_injection_effect(injection, fl_json_int(answer, "at_ns", fl_now()),
                        "first chunk held back; %lld connections when it began",
                        (long long)link_of(injection)->connections);
}

static void link_on_latency(void *cx, bool ok, const cJSON *answer, const char *why)
{
    struct fl_injection *injection = fl_injection_answered(cx, NULL);
    if (injection == NULL) return;
    if (!ok) {
        fl_injection_missed(injection, "%s", why);
        return;
    }
    struct link_fault *own = link_of(injection);
    own->connections = fl_json_int(answer, "connections", 0);
    fl_links_watch_toxic(fl_injection_world(injection)->links, fl_injection_target(injection),
                         own->toxic, link_on_touched, fl_injection_ask(injection, NULL, FL_NEVER));
}

void fl_fault_latency_begin(struct fl_injection *injection)
{
    link_begin(injection, "latency", link_on_latency);
}

static void link_on_removed(void *cx, bool ok, const cJSON *answer, const char *why)
{
    struct fl_injection *injection = fl_injection_answered(cx, NULL);
    if (injection == NULL) return;
    if (!ok) {
        fl_injection_stuck(injection, "%s", why);
        return;
    }
    int64_t seen = fl_json_int(answer, "seen", 0);
    if (seen == 0) fl_injection_missed(injection, "nothing passed while it was there");
    if (fl_json_bool(answer, "accepts", false))
        fl_injection_healed(injection, "toxic removed, the port accepts");
    else
        fl_injection_healed(injection, "toxic removed, it had touched %lld", (long long)seen);
}

void fl_fault_link_end(struct fl_injection *injection)
{
    struct fl_links *links = fl_injection_world(injection)->links;
    FL_ASSERT(links != NULL);
    fl_links_remove_toxic(links, fl_injection_target(injection), link_of(injection)->toxic,
                          link_on_removed, fl_injection_ask(injection, NULL, FL_NEVER));
}
