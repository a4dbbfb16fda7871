/* page.h: figures as text: the update that viewers get, and the page before any script runs.
 *
 * Knows: docs/figures.md. Does not know: where figures come from. Thread: any. */
#ifndef FL_DASHBOARD_PAGE_H
#define FL_DASHBOARD_PAGE_H

#include "runtime/base/json.h"

/** Appends the figures with `seq` and `t_ns` put in front. FL_EBADMSG: not one JSON object. */
int fl_page_put_update(struct fl_buf *out, struct fl_str figures, uint64_t seq, fl_ns t_ns);
/** Appends the template with every {{name}} filled in from the figures; text is escaped. figures
 * may be NULL: nothing is known yet. */
void fl_page_put(struct fl_buf *out, struct fl_str template, const cJSON *figures);

#endif
