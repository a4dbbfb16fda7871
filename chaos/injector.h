/* injector.h: carries out the faults of a plan, each at its time, and journals what really
 * happened.
 *
 * The injector knows no service and no load: what a target is now (a pid, a control client, a link)
 * it asks through fl_injector_world. Facts: docs/journal.md. Thread: the loop's. */
#ifndef FL_CHAOS_INJECTOR_H
#define FL_CHAOS_INJECTOR_H

#include <uv.h>

#include "chaos/fault.h"
#include "chaos/links.h"
#include "runtime/base/journal.h"
#include "runtime/control.h"

/** How the injector finds what a plan names. Each may be called at any time while faults run. */
struct fl_injector_world {
    void *cx;
    /** The OS pid of a running instance, or 0 while it is down. */
    pid_t (*pid_of)(void *cx, const char *instance);
    /** The control client of a running instance that is a reference service, or NULL. */
    struct fl_control_client *(*control_of)(void *cx, const char *instance);
    /** The instances of a service, running or not: calls fn for each. */
    void (*instances_of)(void *cx, const char *service, void (*fn)(void *cx, const char *instance),
                         void *fn_cx);
    /** A fault of the plan is about to end this instance's process: its exit is asked for. Or, with
     * `will` false, it did not, and the next exit is a surprise again. */
    void (*will_end)(void *cx, const char *instance, bool will);
    /** The links, for faults aimed at them; NULL without links. */
    struct fl_links *links;
};

struct fl_injector;

/** Reads `faults` of a plan (docs/plan.md). plan is borrowed and must outlive the injector. */
int fl_injector_new(struct fl_injector **out, uv_loop_t *loop, const cJSON *plan,
                    const struct fl_injector_world *world, struct fl_journal *journal,
                    struct fl_err *err);
/** Starts the storm: a fault's at_ns counts from storm_zero_ns (CLOCK_MONOTONIC). */
void fl_injector_start(struct fl_injector *injector, fl_ns storm_zero_ns);
/** Names of the faults in effect now, for the live line: `kill chat.1, latency front`. Returns out.
 */
const char *fl_injector_active(const struct fl_injector *injector, char *out, size_t out_len);
/** Must be told of every exit of an instance, and of a process that says it is ready. */
void fl_injector_on_exit(struct fl_injector *injector, const char *instance, pid_t pid,
                         fl_ns at_ns);
/** Starts no more faults and undoes those in effect; done is called once all are healed (also when
 * there was nothing to heal), at most within_ns from now. */
void fl_injector_heal(struct fl_injector *injector, fl_ns within_ns, void (*done)(void *cx),
                      void *cx);
/** Frees; only after heal's done, or before start. */
void fl_injector_free(struct fl_injector *injector);

/* For the faults themselves (chaos/fault_*.c). */

/** It took hold, at at_ns, by this evidence. */
void fl_injection_effect(struct fl_injection *injection, fl_ns at_ns, const char *evidence_format,
                         ...) FL_PRINTF(3, 4);
/** It hit nothing. */
void fl_injection_missed(struct fl_injection *injection, const char *why_format, ...)
    FL_PRINTF(2, 3);
/** It is undone, verified by this evidence. */
void fl_injection_healed(struct fl_injection *injection, const char *evidence_format, ...)
    FL_PRINTF(2, 3);
/** The plan's target, settings and pick of this injection. */
const char *fl_injection_target(const struct fl_injection *injection);
/** Converted values by the fault's own parameter names. */
const cJSON *fl_injection_settings(const struct fl_injection *injection);
/** The 64 bits drawn for this injection before boot. */
uint64_t fl_injection_pick(const struct fl_injection *injection);
/** How to find things. */
const struct fl_injector_world *fl_injection_world(const struct fl_injection *injection);

#endif
