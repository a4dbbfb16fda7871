/* judge.h: everything that is worked out from a record, in one place for the renderers. */
#ifndef FL_REPORTS_JUDGE_H
#define FL_REPORTS_JUDGE_H

#include "reports/availability.h"
#include "reports/checker.h"
#include "reports/reports.h"
#include "reports/stats.h"
#include "reports/supervision.h"
#include "reports/target.h"
#include "reports/timeline.h"

enum fl_target_state { FL_TARGET_MET, FL_TARGET_MISSED, FL_TARGET_CANNOT_TELL };

/** One target and what was measured for it. */
struct fl_target_result {
    const struct fl_rec_target *rec;
    struct fl_target target;
    enum fl_target_state state;
    bool measured; /* is there a figure? */
    double figure; /* in the target's unit; infinity: censored */
    size_t samples;
    double margin; /* share of the limit that is left; negative: passed by so much */
    bool has_margin;
    const char *worst; /* the load that decided, or NULL */
    char why[240];     /* why it cannot be told, or what decided; may be empty */
    char note[240];    /* too few samples and the like; may be empty */
};

/** The generator's own state in one second of the run. */
struct fl_health {
    fl_ns from_ns, until_ns;
    fl_ns lag_p99_ns, lag_max_ns;
    double cpu;
    int64_t unsent;
};

/** All recoveries of one kind of fault. */
struct fl_kind_spread {
    const char *kind;
    size_t faults;
    struct fl_spread spread; /* of the measured and the censored ones, nanoseconds */
};

struct fl_judgement {
    const struct fl_record *record;
    struct fl_view *views;                /* one a load */
    struct fl_availability *availability; /* one a load */
    struct fl_fault_view *faults;         /* one a fault */
    struct fl_check_results checks;
    struct fl_incident *incidents;
    size_t incidents_count;
    struct fl_sup_event *events;
    size_t events_count, restarts;
    struct fl_health *health;
    size_t health_count, bottlenecks; /* seconds in which the generator was the bottleneck */
    fl_ns lag_most_ns;                /* of all of them */
    struct fl_kind_spread *kinds;
    size_t kinds_count;
    struct fl_target_result *targets;
    size_t targets_count;
    struct fl_timeline timeline;
    enum fl_verdict verdict;
    char why[400];
    char **notes; /* sentences that a reader should know */
    size_t notes_count;
};

/** Judges a record, which must outlive the judgement. */
void fl_judge(struct fl_judgement *out, const struct fl_record *record);
/** Frees what it holds. */
void fl_judge_fini(struct fl_judgement *judgement);
/** Adds a sentence to the notes. */
void fl_judge_note(struct fl_judgement *judgement, const char *format, ...) FL_PRINTF(2, 3);
/** `pass`, `fail`, `cannot tell`. */
const char *fl_judge_verdict_name(enum fl_verdict verdict);
/** `met`, `missed`, `cannot tell`. */
const char *fl_judge_state_name(enum fl_target_state state);
/** How many targets are in this state. */
size_t fl_judge_targets_in(const struct fl_judgement *judgement, enum fl_target_state state);

/** health.c: reads load.health, marks the faults whose windows it spoils. */
void fl_health_judge(struct fl_judgement *judgement);
/** Was the generator the bottleneck in any second of [from, until), for figures of this size? */
bool fl_health_is_bottleneck(const struct fl_judgement *judgement, fl_ns from, fl_ns until,
                             double limit_ns);
/** Was this operation, if bad, perhaps made bad by the generator's own lateness? */
bool fl_health_made(const struct fl_judgement *judgement, const struct fl_view *view,
                    const struct fl_op *op);
/** measure.c: measures one target. */
void fl_measure_target(struct fl_target_result *out, const struct fl_judgement *judgement);
/** verdict.c: pass, fail or cannot tell, and why. */
void fl_verdict_reach(struct fl_judgement *judgement);

#endif
