/* html.h: text into a page, as text whatever is in it. */
#ifndef FL_BASE_HTML_H
#define FL_BASE_HTML_H

#include "runtime/base/str.h"

/** Appends text with & < > " and ' escaped: good between tags and in a quoted attribute. */
void fl_html_text(struct fl_buf *out, const char *text);

#endif
