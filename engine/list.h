/* list.h: what this version knows, printed from the tables that the program itself uses. */
#ifndef FL_ENGINE_LIST_H
#define FL_ENGINE_LIST_H

#include <cjson/cJSON.h>

#include "runtime/base/param.h"

/** One of `faults toxics workloads checks services metrics` as a JSON array, or NULL when kind is
 * none of them. Free with cJSON_Delete. */
cJSON *fl_list_make(const char *kind);
/** A kind of parameter as people call it: `duration`. */
const char *fl_list_param_kind(enum fl_param_kind kind);

#endif
