/* cron.h: five fields that say when, in UTC: minute, hour, day, month, weekday.
 *
 * Each field: a star, a number, a range (1-5), a step (star/15, 10-40/10), lists of these with
 * commas; months and weekdays also by their first three letters, Sunday is 0 and 7. When both day
 * and weekday say something, either is enough. @hourly @daily @weekly @monthly @yearly are short
 * for the usual ones. Knows: the calendar. Does not know: time zones, what time it is. */
#ifndef FL_QUEUE_CRON_H
#define FL_QUEUE_CRON_H

#include "runtime/base/str.h"

struct fl_cron {
    uint64_t minutes;             /* bit n: at minute n */
    uint32_t hours, days, months; /* days and months begin at bit 1 */
    uint32_t weekdays;            /* bit 0: Sunday */
    bool any_day, any_weekday;    /* the field began with a star */
};

/** Reads the text. FL_EPARSE: err (may be NULL) names the field and what would be right. */
int fl_cron_parse(struct fl_str text, struct fl_cron *out, struct fl_err *err);
/** The first instant after this one, both milliseconds since 1970; -1: never (30 February), or not
 * within a dozen years. */
int64_t fl_cron_next(const struct fl_cron *cron, int64_t after_ms);

#endif
