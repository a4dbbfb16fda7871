/* assets.h: what browsers need for live views, as rows of fl_web_site.assets. */
#ifndef FL_LIVE_ASSETS_H
#define FL_LIVE_ASSETS_H

#include <fl_assets.h>

#include "services/web/web.h"

/* clang-format off */
#define FL_LIVE_ASSET_(path, name) \
    {path, "text/javascript; charset=utf-8", fl_asset_##name, &fl_asset_##name##_len}
/** The clients from npm, and the script that connects: `assets[] = {FL_LIVE_ASSETS, …, {0}}`. */
#define FL_LIVE_ASSETS                                                        \
    FL_LIVE_ASSET_("/assets/phoenix.min.js", phoenix_js),                     \
    FL_LIVE_ASSET_("/assets/phoenix_live_view.min.js", phoenix_live_view_js), \
    FL_LIVE_ASSET_("/assets/live.js", live_js)
/* clang-format on */

#endif
