/* html.h: the sections of the HTML page, one function each, and how they escape. */
#ifndef FL_REPORTS_HTML_H
#define FL_REPORTS_HTML_H

#include "reports/render.h"
#include "runtime/base/html.h"

/** The verdict and the figures that matter most. */
void fl_html_head(struct fl_buf *out, const struct fl_judgement *judgement);
/** Targets, with what was measured and how much is to spare. */
void fl_html_targets(struct fl_buf *out, const struct fl_judgement *judgement);
/** A row for each fault, with its waterfall as SVG. */
void fl_html_faults(struct fl_buf *out, const struct fl_judgement *judgement);
/** Recoveries by kind: a strip with every one of them. */
void fl_html_kinds(struct fl_buf *out, const struct fl_judgement *judgement);
/** Availability and latency by load. */
void fl_html_loads(struct fl_buf *out, const struct fl_judgement *judgement);
/** What was lost, doubled, reordered. */
void fl_html_checks(struct fl_buf *out, const struct fl_judgement *judgement);
/** What supervisors saw and did. */
void fl_html_supervision(struct fl_buf *out, const struct fl_judgement *judgement);
/** The generator's own state, how recovery is defined, how to run it again. */
void fl_html_appendix(struct fl_buf *out, const struct fl_judgement *judgement);

#endif
