/* said.h: what the worker has lately told of itself, so that a page that shows it can be checked:
 * this is the one state whose truth a load generator knows. Pure; time is an argument. */
#ifndef FL_LOADGEN_SAID_H
#define FL_LOADGEN_SAID_H

#include "runtime/base/json.h"

#define FL_SAID_MAX 128 /* at five a second: 25 seconds */

/** Zero is nothing said yet. */
struct fl_said {
    struct {
        fl_ns at_ns;
        cJSON *loads;
    } ring[FL_SAID_MAX];
    uint64_t count; /* so far */
};

/** Frees it. */
void fl_said_fini(struct fl_said *said);
/** Remembers the figures of all loads, a JSON array, as said at this instant. */
void fl_said_add(struct fl_said *said, fl_ns at_ns, struct fl_str loads);
/** Was this the latest word at any time in [from_ns, until_ns]? Also before there was one: [].
 * True for a span before what is remembered. */
bool fl_said_within(const struct fl_said *said, const cJSON *loads, fl_ns from_ns, fl_ns until_ns);

#endif
