/* param.h: a setting that a fault, a workload or a toxic has, as a row of its table.
 *
 * The scenario parser checks and converts by these rows, `faultline list` and the JSON Schema print
 * them, and plan.json carries the converted values under the same names. */
#ifndef FL_BASE_PARAM_H
#define FL_BASE_PARAM_H

#include "runtime/base/fl.h"

enum fl_param_kind {
    FL_PARAM_INT = 1,  /* whole number */
    FL_PARAM_DURATION, /* `500ms` → nanoseconds */
    FL_PARAM_SIZE,     /* `64k` → bytes */
    FL_PARAM_RATE,     /* `200/s` → per second */
    FL_PARAM_PERCENT,  /* `99.5%` → 0.995 */
    FL_PARAM_TEXT,     /* text as it stands */
    FL_PARAM_SIGNAL,   /* `KILL`, `SIGTERM` or 9 → number */
    FL_PARAM_BOOL,     /* true, false */
    FL_PARAM_MAP,      /* name: text, …  → object of texts */
};

struct fl_param {
    const char *name; /* NULL ends a table */
    enum fl_param_kind kind;
    bool required;
    double least, most; /* converted value; most 0: no limit beyond the kind's own */
    const char
        *standard; /* what it is when absent, as written in a scenario; NULL: absent stays absent */
    const char *help; /* one line */
};

#endif
