/* supervision.h: what supervisors saw and did during a run, as the journal tells it. */
#ifndef FL_REPORTS_SUPERVISION_H
#define FL_REPORTS_SUPERVISION_H

#include "reports/recovery.h"

/** One line of the supervision list. */
struct fl_sup_event {
    fl_ns t;
    const char *fact; /* proc.start, rt.exit, … */
    const char *who;  /* instance or runtime name */
    bool bad;         /* an end, a kill, a limit */
    bool runtime;     /* inside an instance */
    char text[160];   /* in words */
};

/** The events in order; count is written. Free with free(). */
struct fl_sup_event *fl_supervision_events(const struct fl_record *record, size_t *count);
/** How often the supervisor restarted an instance. */
size_t fl_supervision_restarts(const struct fl_record *record);
/** Fills requested, effect, healed, and detected, restarted and ready of what the fault hit; all
 * else becomes FL_NEVER. */
void fl_supervision_instants(const struct fl_record *record, const struct fl_rec_fault *fault,
                             fl_ns at[FL_INSTANTS]);

#endif
