/* scenario_value.h: one written value (`500ms`, `TERM`, `true`) into a number or text, by its kind.
 *
 * Pure; used for scenario keys, for parameters of faults and workloads and for their standards. */
#ifndef FL_ENGINE_SCENARIO_VALUE_H
#define FL_ENGINE_SCENARIO_VALUE_H

#include <cjson/cJSON.h>

#include "runtime/base/param.h"
#include "runtime/base/str.h"

/** Reads a number of any kind but text and map, and checks its limits (most 0: none). */
int scn_number(int kind, struct fl_str text, double least, double most, double *out,
               struct fl_err *err);
/** What a value of this kind looks like: `a duration such as 500ms`. */
const char *scn_such_as(int kind);
/** A number as people write it in this kind: `1.5s`, `200/s`. Returns out. */
const char *scn_show(int kind, double value, char *out, size_t out_len);
/** A duration the same way. Returns out. */
static inline const char *scn_show_duration(fl_ns ns, char *out, size_t out_len)
{
    return scn_show(FL_PARAM_DURATION, (double)ns, out, out_len);
}

#endif
