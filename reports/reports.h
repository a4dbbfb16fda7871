/* reports.h: judges a run folder and renders it. Reads plan.json and journal/, never live state.
 *
 * Definitions: docs/recovery.md. */
#ifndef FL_REPORTS_REPORTS_H
#define FL_REPORTS_REPORTS_H

#include "runtime/base/str.h"

/** The numbers are the exit codes. */
enum fl_verdict { FL_PASS = 0, FL_FAILED = 1, FL_CANNOT_TELL = 2 };

enum fl_format {
    FL_FORMAT_HTML = 1,
    FL_FORMAT_JSON = 2,
    FL_FORMAT_JUNIT = 4,
    FL_FORMAT_MD = 8,
    FL_FORMAT_CSV = 16,
    FL_FORMAT_ALL = 15, /* what a run writes */
};

/** Names of formats for --format, `html,json,junit,md,csv`, as a mask. */
int fl_formats_parse(struct fl_str text, unsigned *out_mask, struct fl_err *err);

struct fl_report_summary {
    enum fl_verdict verdict;
    char why[400]; /* one sentence */
    char *text;    /* what `faultline run` prints for a person: verdict, recoveries against targets,
                      lost; free() */
    char *annotations; /* for GITHUB_ACTIONS: ::error lines, or NULL; free() */
};

/** Judges the run and writes report.html, report.json, junit.xml, summary.md (those in formats)
 * into the folder. colour: ANSI colours in summary text. Works on the record of a killed run too.
 * An error with out->text set: the run is judged, but not all files could be written. Free out with
 * fl_report_summary_fini in any case. */
int fl_report_make(const char *run_folder, unsigned formats, bool colour,
                   struct fl_report_summary *out, struct fl_err *err);
/** Compares the recoveries of two sets of runs (folders), by kind of fault. Fail: a kind became
 * slower (Mann–Whitney p < 0.01 after Holm, and a Hodges–Lehmann shift beyond the larger of 10 %
 * and 20 ms). Cannot tell: fewer than 8 recoveries a side, or different hosts unless force. out has
 * verdict, why and text. */
int fl_report_compare(const char *const *base, size_t base_count, const char *const *fresh,
                      size_t fresh_count, bool force, struct fl_report_summary *out,
                      struct fl_err *err);
/** Frees what a summary holds. */
void fl_report_summary_fini(struct fl_report_summary *summary);

/** Checks a target such as `recovery(kill) p95 < 800ms` or `lost = 0`. On error out_column is the
 * 0-based offset in text of what is wrong. loads and faults are the names that selectors may use.
 */
int fl_target_check(const char *text, const char *const *loads, size_t loads_count,
                    const char *const *faults, size_t faults_count, int *out_column,
                    struct fl_err *err);

/** A metric that targets can name, for `faultline list metrics`. */
struct fl_metric {
    const char *name;
    const char *help;
};
/** The rows, ended by one with a NULL name. */
extern const struct fl_metric fl_metrics[];
/** A checker, for `faultline list checks`. */
struct fl_check {
    const char *name;
    const char *help;
};
/** The rows, ended by one with a NULL name. */
extern const struct fl_check fl_checks[];

#endif
