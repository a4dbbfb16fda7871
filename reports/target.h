/* target.h: what a scenario demands: `metric [(selector)] [stat] cmp value [phase]`.
 *
 * Knows: the grammar (docs/report.md). Does not know: how a figure is measured (measure.c). */
#ifndef FL_REPORTS_TARGET_H
#define FL_REPORTS_TARGET_H

#include "runtime/base/str.h"

enum fl_metric_id {
    FL_METRIC_RECOVERY,
    FL_METRIC_AVAILABILITY,
    FL_METRIC_LATENCY,
    FL_METRIC_LOST,
    FL_METRIC_DUPLICATED,
    FL_METRIC_REORDERED,
    FL_METRIC_DIVERGED,
    FL_METRIC_ERRORS,
    FL_METRIC_UNAVAILABLE,
    FL_METRIC_RESTARTS,
    FL_METRIC_COUNT
};

enum fl_unit { FL_UNIT_NS, FL_UNIT_SHARE, FL_UNIT_COUNT };
enum fl_stat { FL_STAT_NONE, FL_STAT_MIN, FL_STAT_MEAN, FL_STAT_MAX, FL_STAT_QUANTILE };
enum fl_cmp { FL_CMP_LT, FL_CMP_LE, FL_CMP_GT, FL_CMP_GE, FL_CMP_EQ };
enum fl_target_phase {
    FL_TARGET_ALL, /* storm and calm */
    FL_TARGET_OUTSIDE_FAULTS,
    FL_TARGET_DURING_FAULTS,
    FL_TARGET_IN_BASELINE
};

struct fl_target {
    enum fl_metric_id metric;
    enum fl_unit unit;
    char load[64]; /* selector: a load, or empty */
    char kind[64]; /* selector: a fault kind, or empty */
    char aim[128]; /* selector: the target of that kind, may be a glob, or empty */
    enum fl_stat stat;
    double quantile; /* of FL_STAT_QUANTILE, 0…1 */
    char stat_name[16];
    enum fl_cmp cmp;
    double value; /* nanoseconds, share, or count */
    enum fl_target_phase phase;
    char value_text[32]; /* as written */
};

/** The names that a selector may use. */
struct fl_target_names {
    const char *const *loads;
    size_t loads_count;
    const char *const *faults;
    size_t faults_count;
};

/** Reads one target. On error out_column (may be NULL) is the 0-based offset of what is wrong. */
int fl_target_parse(struct fl_target *out, const char *text, const struct fl_target_names *names,
                    int *out_column, struct fl_err *err);
/** Does `measured` satisfy the comparison? */
bool fl_target_holds(const struct fl_target *target, double measured);
/** Is a larger figure a worse one for this comparison? */
bool fl_target_larger_is_worse(const struct fl_target *target);
/** Writes a figure in the target's unit: `812 ms`, `99.53 %`, `3`. Returns out. */
const char *fl_target_show(const struct fl_target *target, double figure, char *out,
                           size_t out_len);

#endif
