/* clock.h: what time it is. The one table through which time reaches runtime and services. */
#ifndef FL_BASE_CLOCK_H
#define FL_BASE_CLOCK_H

#include "runtime/base/fl.h"

/** A source of instants. The real one reads CLOCK_MONOTONIC; a simulated one is set by hand. */
struct fl_clock {
    fl_ns (*now)(void *cx);
    void *cx;
};

/** CLOCK_MONOTONIC now. */
fl_ns fl_now(void);
/** CLOCK_REALTIME now, nanoseconds since 1970, for people only, never for arithmetic of recovery.
 */
fl_ns fl_wall_now(void);
/** CPU time that this process has used. */
fl_ns fl_cpu_now(void);
/** The real clock; static, never freed. */
const struct fl_clock *fl_clock_real(void);
/** What this clock says. */
static inline fl_ns fl_clock_now(const struct fl_clock *clock)
{
    return clock->now(clock->cx);
}
/** Writes wall time as `2026-11-22T11:42:12.123Z`; out needs 32 bytes. */
void fl_wall_format(fl_ns wall_ns, char *out, size_t out_len);

#endif
