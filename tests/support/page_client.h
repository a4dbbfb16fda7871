/* page_client.h: the browser's side of trees, made a second time after the rules of LiveView 1.2's
 * client and knowing nothing of ours: what a page shows after what it was told. Thread: any. */
#ifndef FL_TESTS_PAGE_CLIENT_H
#define FL_TESTS_PAGE_CLIENT_H

#include "runtime/base/str.h"

#include <cjson/cJSON.h>

/** A page that shows a view. Zero is a page that was told nothing. */
struct page_client {
    cJSON *tree;
    const char *broken; /* not NULL: what was told made no sense */
};

/** Tells the page the members of a join's tree, or of a diff. */
void page_client_tell(struct page_client *page, struct fl_str members);
/** Appends what it shows. */
void page_client_html(struct page_client *page, struct fl_buf *out);
/** Frees the memory. */
void page_client_fini(struct page_client *page);

#endif
