/* guardian.h: a small process that outlives Faultline by a moment, to leave nothing behind.
 *
 * It knows the process groups that run; when Faultline is gone, however it went, it kills them and
 * ends. It also sees to grandchildren, which a parent-death signal does not reach. */
#ifndef FL_ENGINE_GUARDIAN_H
#define FL_ENGINE_GUARDIAN_H

#include <sys/types.h>

#include "runtime/base/fl.h"

struct fl_guardian;

/** Forks it. Call before any thread or loop is made. */
int fl_guardian_start(struct fl_guardian **out, struct fl_err *err);
/** This process group runs. NULL guardian is fine. */
void fl_guardian_add(struct fl_guardian *guardian, pid_t group);
/** This process group is gone. NULL guardian is fine. */
void fl_guardian_drop(struct fl_guardian *guardian, pid_t group);
/** Ends it, which kills the groups that are still known, and waits for it. NULL is fine. */
void fl_guardian_stop(struct fl_guardian *guardian);

#endif
