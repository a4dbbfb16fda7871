/* sampler.h: the process of one source: looks again and again, and tells the ticker.
 *
 * What it tells is a cast FL_SAMPLED to the ticker: a struct fl_sampled, and its values behind it.
 * Thread: the process's own. */
#ifndef FL_DASHBOARD_SAMPLER_H
#define FL_DASHBOARD_SAMPLER_H

#include "runtime/server.h"
#include "services/dashboard/source.h"

enum { FL_SAMPLED = 0x73610001, FL_SAMPLED_WHY_MAX = 200 };

struct fl_sampled {
    char label[FL_STORE_LABEL_MAX];
    fl_ns at_ns;
    uint64_t dropped;
    uint32_t count;               /* of struct fl_source_value, which follow */
    char why[FL_SAMPLED_WHY_MAX]; /* not "": it failed this time */
};
struct fl_sampler_args {
    struct fl_source_spec spec;
    const struct fl_service_opts *opts;
};

/** args: const struct fl_sampler_args *, copied by its supervisor. */
extern const struct fl_server fl_sampler_server;

#endif
