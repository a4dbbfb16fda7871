/* page.h: the page as a live view: what runs, and what was crashed here.
 *
 * The tree is drawn by a hook (assets/landing.js) from the frames of `look`, which all readers
 * share. Thread: the view's process. */
#ifndef FL_LANDING_PAGE_H
#define FL_LANDING_PAGE_H

#include "services/landing/list.h"
#include "services/live/live.h"

enum { FL_PAGE_SERVICES_MAX = 40, FL_PAGE_LOG_MAX = 30, FL_PAGE_PENDING_MAX = 8 };

/* Something that was crashed; the newest first. */
struct fl_page_entry {
    uint64_t id;
    char at[12], what[100], more[80], outcome[120];
    const char *kind; /* "wait", "took", "bad" */
};
struct fl_page {
    struct fl_list_row services[FL_PAGE_SERVICES_MAX];
    size_t services_count;
    struct fl_page_entry log[FL_PAGE_LOG_MAX];
    size_t log_count;
    uint64_t crashes;
    int pending; /* crashes of this page that are not over */
};

extern const struct fl_live_view fl_page_view;

#endif
