/* escape.h: text made fit for HTML and for JSON.
 *
 * Knows: which bytes mean something there. Thread: any. */
#ifndef FL_LIVE_ESCAPE_H
#define FL_LIVE_ESCAPE_H

#include "runtime/base/str.h"

/** How a value goes into HTML: escaped, or as it stands. Both make it UTF-8 without NUL: what is
 * not becomes U+FFFD, for a browser ends the connection that sends it anything else. */
enum fl_live_escape { FL_ESCAPE_TEXT, FL_ESCAPE_NOTHING };

/** The bytes that fl_live_escape_write will write. */
size_t fl_live_escape_len(enum fl_live_escape how, struct fl_str text);
/** Writes the escaped text; returns its end. */
char *fl_live_escape_write(enum fl_live_escape how, struct fl_str text, char *to);
/** Would a browser run this address as a script (`javascript:`, in any disguise that it sees
 * through)? Also of `vbscript:` and of `data:`, which brings a document of its own. */
bool fl_live_url_is_script(struct fl_str url);
/** Appends a JSON string of UTF-8 text. */
void fl_live_json_string(struct fl_buf *out, struct fl_str text);

#endif
