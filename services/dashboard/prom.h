/* prom.h: the text format of Prometheus (version 0.0.4, and what of OpenMetrics looks the same),
 * one sample at a time.
 *
 * Knows: text. Does not know: where it comes from, what a page shows of it. Thread: any. */
#ifndef FL_DASHBOARD_PROM_H
#define FL_DASHBOARD_PROM_H

#include "runtime/base/str.h"

enum { FL_PROM_NAME_MAX = 128, FL_PROM_LABELS_MAX = 24, FL_PROM_HELP_MAX = 200 };

enum fl_prom_type {
    FL_PROM_UNTYPED = 0,
    FL_PROM_COUNTER,
    FL_PROM_GAUGE,
    FL_PROM_HISTOGRAM,
    FL_PROM_SUMMARY,
};
struct fl_prom_label {
    struct fl_str name, value; /* the value without its escapes */
};
/** A line with a value. Views are valid until the callback returns. */
struct fl_prom_sample {
    struct fl_str name;   /* as written: requests_total, latency_bucket */
    struct fl_str family; /* of the TYPE line that it belongs to, or its own name */
    struct fl_str help;   /* of that family, or empty */
    enum fl_prom_type type;
    struct fl_prom_label labels[FL_PROM_LABELS_MAX];
    size_t labels_count;
    double value; /* NaN and infinities too */
};

/** Calls fn for each sample, in order. FL_EPARSE: a line that is none, err says which and why; what
 * came before it was given out. A last line without its newline is a line. */
int fl_prom_parse(struct fl_str text, void (*fn)(void *cx, const struct fl_prom_sample *sample),
                  void *cx, struct fl_err *err);

#endif
