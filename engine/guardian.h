/* guardian.h: a small process that outlives Faultline by a moment, to leave nothing behind.
 *
 * It knows the process groups that run; when Faultline is gone, however it went, it kills them and
 * ends. It also sees to grandchildren, which a parent-death signal does not reach, and to those who
 * left their group (daemons): all that is started inherits FAULTLINE_RUN in its environment, and
 * whoever still carries this run's is killed too. */
#ifndef FL_ENGINE_GUARDIAN_H
#define FL_ENGINE_GUARDIAN_H

#include <sys/types.h>

#include "runtime/base/fl.h"

struct fl_guardian;

/** Forks it. folder names the run as nothing else does: from now on it is FAULTLINE_RUN in our
 * environment. Call before any thread or loop is made. */
int fl_guardian_start(struct fl_guardian **out, const char *folder, struct fl_err *err);
/** This process group runs. NULL guardian is fine. */
void fl_guardian_add(struct fl_guardian *guardian, pid_t group);
/** This process group is gone. NULL guardian is fine. */
void fl_guardian_drop(struct fl_guardian *guardian, pid_t group);
/** Was it killed? Then nobody sees to what we leave behind. */
bool fl_guardian_is_lost(const struct fl_guardian *guardian);
/** Ends it, which kills what still runs, and waits for it. Returns how many processes had left
 * their group and were killed (100: or more). NULL is fine. */
int fl_guardian_stop(struct fl_guardian *guardian);
/** Says on stderr what fl_guardian_stop returned, unless it is 0. */
void fl_guardian_say_strays(int strays);

#endif
