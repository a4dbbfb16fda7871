/* jsonw.h: writes JSON text value by value; commas take care of themselves. */
#ifndef FL_REPORTS_JSONW_H
#define FL_REPORTS_JSONW_H

#include "runtime/base/str.h"

struct fl_jsonw {
    struct fl_buf *out;
    bool comma; /* something stands before at this level */
};

/** Begins an object or array: `{` or `[`; key NULL inside an array. */
void fl_jsonw_open(struct fl_jsonw *w, const char *key, char bracket);
/** Ends it: `}` or `]`. */
void fl_jsonw_close(struct fl_jsonw *w, char bracket);
/** A line break, for people who read the file. */
void fl_jsonw_break(struct fl_jsonw *w);
/** A text; NULL becomes null. */
void fl_jsonw_text(struct fl_jsonw *w, const char *key, const char *text);
/** A whole number. */
void fl_jsonw_int(struct fl_jsonw *w, const char *key, int64_t number);
/** A number; infinite or not a number becomes null. */
void fl_jsonw_num(struct fl_jsonw *w, const char *key, double number);
/** True or false. */
void fl_jsonw_bool(struct fl_jsonw *w, const char *key, bool truth);
/** Nanoseconds; FL_NEVER becomes null. */
void fl_jsonw_ns(struct fl_jsonw *w, const char *key, fl_ns ns);

#endif
