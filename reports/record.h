/* record.h: the record of a run as it was written: plan.json and the journal, parsed, not judged.
 *
 * Works on the record of a killed run: what is missing is FL_NEVER, NULL or empty. */
#ifndef FL_REPORTS_RECORD_H
#define FL_REPORTS_RECORD_H

#include <cjson/cJSON.h>

#include "runtime/base/journal.h"

/** Operations of one kind, grown as they are read. */
struct fl_op_list {
    struct fl_op *at;
    size_t count, cap;
};

struct fl_rec_load {
    int index;
    const char *name, *workload, *via, *service;
    double rate_per_s;
    int users;
    fl_ns timeout_ns, slow_ns;
    struct fl_op_list ops; /* arrivals, sorted by due */
    struct fl_op_list obs; /* observations, in the order they were seen */
};

struct fl_rec_fault {
    int index, line;
    const char *kind, *target, *aim;
    bool windowed;
    fl_ns at_ns, for_ns; /* as planned, from the start of the storm */
    bool *on_path;       /* a flag for each load */
    /* what happened; FL_NEVER or NULL: it did not */
    fl_ns requested_ns, effect_ns, healed_ns, missed_ns;
    const char *pick, *evidence, *healed_evidence, *missed_why;
};

struct fl_rec_target {
    const char *text;
    int line, column;
};

/** One line of the journal. */
struct fl_fact {
    fl_ns t;
    const char *name; /* proc.exit, …; borrowed from json */
    char *writer;
    cJSON *json;
    size_t order;
};

enum fl_phase { FL_BOOT, FL_WARM, FL_STORM, FL_CALM, FL_DRAIN, FL_STOP, FL_PHASES };

struct fl_record {
    char *folder;
    cJSON *plan;
    const char *scenario, *seed;
    char *replay;                       /* the command that makes this run again, for a shell */
    fl_ns warmup_ns, storm_ns, calm_ns; /* planned lengths */
    fl_ns window_ns, settle_ns;         /* of recovery */
    double epsilon;
    struct fl_rec_load *loads;
    size_t loads_count;
    struct fl_rec_fault *faults;
    size_t faults_count;
    struct fl_rec_target *targets;
    size_t targets_count;

    struct fl_fact *facts; /* sorted by time */
    size_t facts_count, facts_cap;
    fl_ns phase_at[FL_PHASES];
    fl_ns zero_ns;      /* arrivals count from here; time 0 of every report */
    fl_ns storm_at;     /* the storm begins: measured, or else planned */
    fl_ns arrivals_end; /* arrivals were made until here */
    fl_ns last_ns;      /* the last thing that the record knows of */
    const char *host, *kernel, *version, *wall;
    int cpus;
    const char *end_reason, *end_detail; /* NULL: nothing says that the run ended */
    size_t ops_total;
};

/** Reads a run folder. Returns 0, or an error when it is not one. */
int fl_record_open(struct fl_record **out, const char *folder, struct fl_err *err);
/** Frees it; NULL is fine. */
void fl_record_free(struct fl_record *record);
/** The first fact of this name from index `from` on, or facts_count. */
size_t fl_record_find(const struct fl_record *record, const char *name, size_t from);
/** The load of this name, or NULL. */
const struct fl_rec_load *fl_record_load(const struct fl_record *record, const char *name);
/** Names of the phases, in order. */
extern const char *const fl_phase_names[FL_PHASES];

/** facts.c: reads the journal's facts into record and works out its instants. */
int fl_record_read_facts(struct fl_record *record, struct fl_err *err);
/** ops.c: reads the operations, spreads them over the loads and sorts them by due. */
int fl_record_read_ops(struct fl_record *record, struct fl_err *err);

#endif
