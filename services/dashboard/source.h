/* source.h: where numbers come from: one file each behind one table. Adding one is a file and a
 * row.
 *
 * Each source that was asked for is a process of its own (sampler.h) that is started anew when it
 * crashes, and hurts nobody else. Spec of a source as people write it: `kind` or `kind:what`. */
#ifndef FL_DASHBOARD_SOURCE_H
#define FL_DASHBOARD_SOURCE_H

#include "services/dashboard/store.h"
#include "services/services.h"

/* Which ones there shall be. */
#define FL_SOURCES_ENV "FAULTLINE_SOURCES"
enum { FL_SOURCE_VALUES_MAX = 128, FL_SOURCES_MAX = 16, FL_SOURCE_WHAT_MAX = 256 };

struct fl_source_value {
    struct fl_series series; /* source is filled in by the sampler */
    double value;
};
/** What one look gave. */
struct fl_sample {
    struct fl_source_value values[FL_SOURCE_VALUES_MAX];
    size_t count;
    uint64_t dropped; /* over the maximum */
};
/** Adds a value; texts are cut to fit. */
void fl_sample_add(struct fl_sample *sample, const char *group, const char *unit, double value,
                   const char *name_format, ...) FL_PRINTF(5, 6);

/* A kind of source. */
struct fl_source {
    const char *kind;
    const char *what; /* how to write it, `prometheus:URL` */
    const char *help;
    size_t state_bytes; /* zeroed, of the process */
    fl_ns every_ns;
    /** Begins; what is what stood after the colon, "" when nothing did. Not 0: it can never work,
     * err says why. May be NULL. */
    int (*open)(struct fl_self *self, void *state, const char *what,
                const struct fl_service_opts *opts, struct fl_err *err);
    /** Looks once, and may wait. Not 0: it failed this time, err says why and the page shows it. */
    int (*look)(struct fl_self *self, void *state, fl_ns now_ns, struct fl_sample *out,
                struct fl_err *err);
};

/* The rows of the table in source.c. */
extern const struct fl_source fl_source_run, fl_source_node, fl_source_proc, fl_source_prometheus,
    fl_source_simulated;

/* A source that was asked for. */
struct fl_source_spec {
    const struct fl_source *source;
    char what[FL_SOURCE_WHAT_MAX];
    char label[FL_STORE_LABEL_MAX]; /* unique among them: "proc", "prometheus 2" */
};
/** Reads `proc node prometheus:http://127.0.0.1:9100/metrics` (spaces or commas between; a URL
 * alone is a prometheus one). FL_EPARSE: err says which is none; *count is how many were read. */
int fl_source_parse(struct fl_str text, struct fl_source_spec out[FL_SOURCES_MAX], size_t *count,
                    struct fl_err *err);

/** A counter's change a second since the last look, kept by the caller; NAN the first time, or when
 * it went back. */
struct fl_rate {
    double last;
    fl_ns at_ns; /* 0: none yet */
};
/** Takes the counter's value now. */
double fl_rate_of(struct fl_rate *rate, double counter, fl_ns now_ns);

#endif
