/* fault.h: the table of faults. Adding one is one file fault_<name>.c and one row in fault.c.
 *
 * The parser, `faultline list faults`, the planner, the documentation and the tests walk these
 * rows. */
#ifndef FL_CHAOS_FAULT_H
#define FL_CHAOS_FAULT_H

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "runtime/base/param.h"
#include "runtime/base/str.h"

enum fl_aim { FL_AIM_PROCESS = 1, FL_AIM_RUNTIME, FL_AIM_LINK };
enum fl_fault_class { FL_FAULT_INSTANT = 1, FL_FAULT_WINDOWED };

struct fl_injection;

struct fl_fault {
    const char *name;
    enum fl_aim aim;
    enum fl_fault_class fault_class;
    const struct fl_param *params; /* beside at, for, every, …; NULL: none */
    const char *help;
    /** Acts; reports through fl_injection_effect() or fl_injection_missed(), now or later. */
    void (*begin)(struct fl_injection *injection);
    /** Undoes and verifies; reports through fl_injection_healed(). NULL: instant. */
    void (*end)(struct fl_injection *injection);
};

/** The rows, ended by one with a NULL name. */
extern const struct fl_fault fl_faults[];
/** The fault of this name, or NULL. */
const struct fl_fault *fl_fault_find(const char *name);

/** `process`, `runtime`, `link`. */
const char *fl_aim_name(enum fl_aim aim);
/** `instant`, `windowed`. */
const char *fl_fault_class_name(enum fl_fault_class fault_class);

#endif
