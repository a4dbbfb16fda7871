/* guest_inside.h: what guest.c and the files of its answers share; nobody else's business. */
#ifndef FL_EDITOR_GUEST_INSIDE_H
#define FL_EDITOR_GUEST_INSIDE_H

#include "services/editor/guest.h"
#include "services/editor/scribe.h"

enum { GUEST_SYNC = 1, GUEST_SUBMIT, GUEST_VERSIONS, GUEST_TEXT };

/** Tells the page; what is large in parts, and of a large operation only that there is one. */
void guest_push(struct fl_guest *guest, const char *event, struct fl_str payload);
/** Calls a process and remembers what for; NULL: too many are on their way. */
struct fl_guest_ask *guest_call(struct fl_guest *guest, struct fl_pid to, uint32_t tag, int kind);

/* guest_people.c */
/** `hello {client, name}`. */
bool guest_on_hello(struct fl_guest *guest, struct fl_str payload);
/** `cursor {rev, from, to}`. */
bool guest_on_cursor(struct fl_guest *guest, struct fl_str payload);
/** Appends `{"all":…,"joins":[…],"leaves":[…]}`. */
void guest_put_people(struct fl_presence_view view, bool all, struct fl_buf *out);

/* guest_past.c */
/** `history {before}`. */
bool guest_on_history(struct fl_guest *guest, struct fl_str payload);
/** `at {rev}`. */
bool guest_on_at(struct fl_guest *guest, struct fl_str payload);
/** The archive's answer to the first, and why there is none. */
void guest_versions(struct fl_guest *guest, int code, const void *data, size_t len);
/** The archive's answer to the second. */
void guest_text(struct fl_guest *guest, int64_t rev, int code, const void *data, size_t len);

/** A whole number of a key, within [0, 2^53); the fallback when it is null, absent, or none. */
int64_t guest_number(struct fl_str object, const char *key, int64_t fallback);
/** A text of a key, at most `most` bytes (cut between characters), into `to`; the length, 0: none.
 */
size_t guest_take_text(struct fl_guest *guest, struct fl_str object, const char *key, char *to,
                       size_t most);

#endif
