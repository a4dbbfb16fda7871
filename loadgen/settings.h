/* settings.h: reads a load's settings from the plan, by the rows of its workload's table.
 *
 * What the plan leaves out is what the row says as its standard. */
#ifndef FL_LOADGEN_SETTINGS_H
#define FL_LOADGEN_SETTINGS_H

#include "runtime/base/json.h"
#include "runtime/base/param.h"

/** The settings of one load; borrowed. */
struct fl_settings {
    const cJSON *object; /* may be NULL */
    const struct fl_param *params;
};

/** The number at a row (a duration in nanoseconds, a rate per second, …). */
int fl_settings_number(const struct fl_settings *settings, const char *name, double *out,
                       struct fl_err *err);
/** The text at a row, a number as its text; NULL when it is absent and has no standard. Free with
 * free(). */
char *fl_settings_text(const struct fl_settings *settings, const char *name);
/** The object at a row, or NULL. Borrowed. */
const cJSON *fl_settings_map(const struct fl_settings *settings, const char *name);
/** Appends text with its escapes (`\r \n \t \\ \" \0 \xHH`) decoded. */
int fl_settings_unescape(const char *text, struct fl_buf *out, struct fl_err *err);

#endif
