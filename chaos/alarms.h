/* alarms.h: wakes code at instants, to the nanosecond the kernel gives, from one timerfd.
 *
 * libuv's timers count whole milliseconds; a fault that is due at 5 s and a delay of 200 ms deserve
 * better. Knows: instants. Does not know: what wakes. Thread: the loop's. */
#ifndef FL_CHAOS_ALARMS_H
#define FL_CHAOS_ALARMS_H

#include <uv.h>

#include "runtime/base/fl.h"

struct fl_alarms;

/** One wake-up; lives in its owner's struct. Zero with fn set is a valid one that is not set. */
struct fl_alarm {
    void (*fn)(struct fl_alarm *alarm);
    fl_ns at_ns;
    uint64_t order; /* among equals, first set is first woken */
    size_t place;   /* in the heap, from 1; 0: not set */
};

/** Opens the clockwork of a loop. It keeps the loop alive until closed. */
int fl_alarms_open(struct fl_alarms **out, uv_loop_t *loop, struct fl_err *err);
/** Forgets every alarm and closes; allowed inside an alarm. NULL is fine. */
void fl_alarms_close(struct fl_alarms *alarms);
/** Wakes alarm->fn once, at or after this CLOCK_MONOTONIC instant and never from inside this call.
 * An alarm that is set moves. */
void fl_alarms_set(struct fl_alarms *alarms, struct fl_alarm *alarm, fl_ns at_ns);
/** Takes it back; fine when it is not set. */
void fl_alarms_unset(struct fl_alarms *alarms, struct fl_alarm *alarm);

#endif
