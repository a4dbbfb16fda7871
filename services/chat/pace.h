/* pace.h: how fast one may talk: 50 a second, and 300 at once. */
#ifndef FL_CHAT_PACE_H
#define FL_CHAT_PACE_H

#include "runtime/base/fl.h"

#define FL_PACE_EACH_NS (20 * FL_NS_PER_MS)
#define FL_PACE_BURST 300

/** Zero has said nothing yet. */
struct fl_pace {
    fl_ns paid_ns; /* when all that was said is forgiven */
};

/** May one say something now? Each word costs its time, and time forgives. */
static inline bool fl_pace_take(struct fl_pace *pace, fl_ns now_ns)
{
    fl_ns from_ns = fl_ns_max(pace->paid_ns, now_ns);
    if (from_ns - now_ns > FL_PACE_BURST * FL_PACE_EACH_NS) return false;
    pace->paid_ns = from_ns + FL_PACE_EACH_NS;
    return true;
}

#endif
