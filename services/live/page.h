/* page.h: the document of a dead render. */
#ifndef FL_LIVE_PAGE_H
#define FL_LIVE_PAGE_H

#include "services/live/inside.h"

/** Appends the links of a site's styles and scripts, and of the clients. */
void live_layout_links(const struct fl_web *web, const struct fl_live_site *site,
                       struct fl_buf *out);
/** Appends what belongs into <head>: everything but the site's own. */
void live_layout_head(const struct fl_live_layout *layout, struct fl_str links, struct fl_buf *out);
/** Appends the whole document. */
void live_layout_put(const struct fl_live_layout *layout, struct fl_buf *out);

#endif
