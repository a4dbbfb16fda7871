/* plan.h: what a seed makes of a scenario, with every random draw made (docs/plan.md).
 *
 * Pure: the same scenario and seed give the same bytes. */
#ifndef FL_ENGINE_PLAN_H
#define FL_ENGINE_PLAN_H

#include "engine/scenario.h"

/** The plan as JSON. Never NULL; free with cJSON_Delete. */
cJSON *fl_plan_make(const struct fl_scenario *scenario, uint64_t seed);
/** The plan as the bytes of plan.json: one line an entry. Free with free(). */
char *fl_plan_text(const cJSON *plan);
/** Reads an edited or stored plan for --plan: it must be of this version and fit the scenario
 * (same phases, services, links and loads; faults may differ). Free with cJSON_Delete. */
int fl_plan_load(cJSON **out, const char *path, const struct fl_scenario *scenario,
                 struct fl_err *err);
/** Does this plan fit the scenario? Says what does not. */
int fl_plan_check(const cJSON *plan, const struct fl_scenario *scenario, struct fl_err *err);
/** The plan for a person: a table of faults and a picture of their times. Free with free(). */
char *fl_plan_table(const cJSON *plan);

#endif
