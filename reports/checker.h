/* checker.h: was anything lost, doubled or put out of order? Answers from observations, never from
 * errors. One checker a row of the table; adding one is one file check_<name>.c and one row. */
#ifndef FL_REPORTS_CHECKER_H
#define FL_REPORTS_CHECKER_H

#include "reports/record.h"

enum fl_check_state { FL_CHECK_VALID, FL_CHECK_INVALID, FL_CHECK_CANNOT_TELL };

#define FL_OFFENDERS_MAX 20

/** What one checker found about one load. */
struct fl_check_result {
    const char *check;  /* row of fl_checks */
    const char *metric; /* lost, duplicated, reordered, diverged; NULL: informational */
    const struct fl_rec_load *load;
    enum fl_check_state state;
    bool by_target;     /* a target states a limit: it judges, and not the checker's own, 0 */
    uint64_t looked_at; /* how many acknowledged things were checked */
    uint64_t count;     /* how many were violated */
    uint64_t indeterminate;
    uint64_t offenders[FL_OFFENDERS_MAX]; /* keys */
    size_t offenders_count;
    char why[200];
};

/** A lost write, for the recovery point (RPO). */
struct fl_lost_write {
    fl_ns ack_ns;
    uint64_t key;
    const struct fl_rec_load *load;
};

struct fl_check_results {
    struct fl_check_result *rows;
    size_t count, cap;
    struct fl_lost_write *lost;
    size_t lost_count, lost_cap;
};

/** Runs every checker on the loads it understands. */
void fl_checker_run(struct fl_check_results *out, const struct fl_record *record);
/** Frees the rows. */
void fl_checker_fini(struct fl_check_results *results);
/** `valid`, `invalid`, `cannot tell`. */
const char *fl_check_state_name(enum fl_check_state state);

/* For the checkers themselves. */

/** Adds a row; state is valid until something is found. */
struct fl_check_result *fl_checker_row(struct fl_check_results *out, const char *check,
                                       const char *metric, const struct fl_rec_load *load);
/** Counts a violation and makes the row invalid. */
void fl_checker_offend(struct fl_check_result *row, uint64_t key);
/** Remembers a lost write. */
void fl_checker_lost(struct fl_check_results *out, const struct fl_rec_load *load, uint64_t key,
                     fl_ns ack_ns);
/** check_chat.c: lost, duplicated and reordered messages of a chat load. */
void fl_check_chat(struct fl_check_results *out, const struct fl_rec_load *load);
/** check_queue.c: lost, duplicated and redelivered jobs of all queue loads of one service. */
void fl_check_queue(struct fl_check_results *out, const struct fl_record *record,
                    const char *service);
/** check_editor.c: lost and duplicated edits, and texts that are not like the others. */
void fl_check_editor(struct fl_check_results *out, const struct fl_rec_load *load);
/** check_dashboard.c: views of what never was. */
void fl_check_dashboard(struct fl_check_results *out, const struct fl_rec_load *load);

#endif
