/* render.h: a judgement as text, JSON, JUnit, Markdown, CSV, annotations and one HTML page.
 *
 * Renderers decide nothing: they show what judge.h holds. Times are shown from the first arrival
 * on. */
#ifndef FL_REPORTS_RENDER_H
#define FL_REPORTS_RENDER_H

#include "reports/judge.h"

/** What the terminal shows after a run. */
void fl_render_text(struct fl_buf *out, const struct fl_judgement *judgement, bool colour);
/** report.json, version 1 (docs/report.md). */
void fl_render_json(struct fl_buf *out, const struct fl_judgement *judgement);
/** junit.xml. */
void fl_render_junit(struct fl_buf *out, const struct fl_judgement *judgement);
/** summary.md, for a CI job's page. */
void fl_render_md(struct fl_buf *out, const struct fl_judgement *judgement);
/** `::error` lines for GitHub; nothing when there is nothing to say. */
void fl_render_annotations(struct fl_buf *out, const struct fl_judgement *judgement);
/** report.html, one page that needs nothing else. */
void fl_render_html(struct fl_buf *out, const struct fl_judgement *judgement);
/** operations.csv: every operation, straight into the file, as there may be millions. */
int fl_render_csv(const char *path, const struct fl_judgement *judgement, struct fl_err *err);

/** A fault's recovery in words: `412 ms`, `absorbed`, `not recovered`. Returns out. */
const char *fl_render_recovery(const struct fl_fault_view *fault, char *out, size_t out_len);
/** A figure of a target in words, `—` when there is none. Returns out. */
const char *fl_render_figure(const struct fl_target_result *target, char *out, size_t out_len);
/** An instant as seconds from the first arrival, `5.012 s`; `—` for FL_NEVER. Returns out. */
const char *fl_render_when(const struct fl_record *record, fl_ns at, char *out, size_t out_len);
/** What those seconds count from, and when the storm began on their clock. Returns out. */
const char *fl_render_clock(const struct fl_record *record, char *out, size_t out_len);
/** A span between two instants, `—` when one of them is missing. Returns out. */
const char *fl_render_span(fl_ns from, fl_ns until, char *out, size_t out_len);
/** The margin of a target in words: `48 % to spare`, `90 % over`, `2.1 times the error budget`; may
 * be empty. Returns out. */
const char *fl_render_margin(const struct fl_target_result *target, char *out, size_t out_len);
/** Columns that UTF-8 text takes in a terminal, for padding. */
int fl_render_width(const char *text);

#endif
