/* recovery.h: how long it took, from the client's chair, after each fault of a run.
 *
 * Pure: the same record gives the same answer. Definitions: docs/recovery.md. */
#ifndef FL_REPORTS_RECOVERY_H
#define FL_REPORTS_RECOVERY_H

#include "reports/baseline.h"

enum fl_instant {
    FL_AT_REQUESTED,
    FL_AT_EFFECT,
    FL_AT_FIRST_BAD,
    FL_AT_DETECTED,
    FL_AT_RESTARTED,
    FL_AT_READY,
    FL_AT_FIRST_OK,
    FL_AT_STEADY,
    FL_AT_HEALED,
    FL_INSTANTS
};
/** `requested`, `effect`, … */
extern const char *const fl_instant_names[FL_INSTANTS];

/** From best to worst, so that the worst of a path is the largest. */
enum fl_outcome_of_fault {
    FL_FAULT_OFF_PATH, /* of one load: not touched */
    FL_FAULT_ABSORBED, /* no operation was bad */
    FL_FAULT_RIDDEN_OUT,
    FL_FAULT_RECOVERED,
    FL_FAULT_MISSED,     /* it hit nothing */
    FL_FAULT_NOT_DONE,   /* the run ended before it */
    FL_FAULT_NO_LOAD,    /* no load on its path, or none of its operations was due */
    FL_FAULT_BROKEN,     /* the load was broken before the first fault */
    FL_FAULT_NOT_HEALED, /* nothing says that it was undone */
    FL_FAULT_CUT_SHORT,  /* the record ends before it could recover */
    FL_FAULT_OVERLAPPED,
    FL_FAULT_BOTTLENECK, /* the generator was the bottleneck in its window */
    FL_FAULT_NOT_RECOVERED,
};

/** One fault on one load of its path. */
struct fl_recovery {
    enum fl_outcome_of_fault outcome;
    fl_ns at[FL_INSTANTS]; /* FL_NEVER: did not happen */
    fl_ns recovery_ns;     /* measured; 0 when absorbed or ridden out; FL_NEVER otherwise */
    fl_ns adaptation_ns;   /* ridden out: steady - requested; else 0 */
    fl_ns low_ns, high_ns; /* FL_FAULT_BOTTLENECK: what the true recovery lies between */
    fl_ns horizon_ns;      /* nothing behind this belongs to the fault */
    fl_ns over_ns;         /* its window ends: steady and healed, or the horizon */
    fl_ns resolution_ns;
    size_t due, bad; /* operations in its window */
    unsigned relapses;
};

/** One fault over its whole path. */
struct fl_fault_view {
    const struct fl_rec_fault *fault;
    struct fl_recovery *loads; /* one for each load */
    int worst;                 /* index of the load that decides, -1 none */
    enum fl_outcome_of_fault outcome;
    fl_ns recovery_ns;     /* FL_NEVER unless measured */
    fl_ns at[FL_INSTANTS]; /* of the deciding load, or what is known without one */
    fl_ns rpo_ns;          /* FL_NEVER: no acknowledged write was lost */
    char why[200];         /* the outcome in words, when it is not a measured one */
};

/** Finds every fault's recovery on every load. views: one for each load of the record. */
struct fl_fault_view *fl_recovery_find(const struct fl_record *record, const struct fl_view *views);
/** Frees what fl_recovery_find returned. */
void fl_recovery_free(struct fl_fault_view *faults, size_t count);
/** Chooses the load that decides; call again after an outcome was changed. */
void fl_recovery_settle(struct fl_fault_view *fault, const struct fl_record *record);
/** `recovered`, `overlapped`, … */
const char *fl_recovery_outcome_name(enum fl_outcome_of_fault outcome);
/** What the true recovery lies between: one number when it was measured, never when it did not
 * happen, nothing to never when nobody knows. */
void fl_recovery_bounds(const struct fl_recovery *recovery, fl_ns *low, fl_ns *high);
/** The same of a fault over its whole path: the slowest load decides. */
void fl_recovery_fault_bounds(const struct fl_fault_view *fault, const struct fl_record *record,
                              fl_ns *low, fl_ns *high);
/** Absorbed, ridden out or recovered. */
bool fl_recovery_measured(enum fl_outcome_of_fault outcome);
/** Was t inside a fault's window on this load? */
bool fl_recovery_covers(const struct fl_fault_view *faults, size_t count, int load, fl_ns t);

#endif
