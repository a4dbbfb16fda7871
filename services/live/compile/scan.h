/* scan.h: walks over a template's bytes and says where it is.
 *
 * Knows: lines, columns, how C nests. Does not know: HTML, blocks. */
#ifndef FL_LIVE_COMPILE_SCAN_H
#define FL_LIVE_COMPILE_SCAN_H

#include "services/live/compile/template.h"

/** A place in the source, and the first error. */
struct tpl_scan {
    const char *file;
    struct fl_str source;
    size_t at;
    int rc; /* not 0: stop */
    struct fl_err *err;
};

/** Notes an error at this offset, when it is the first; returns FL_EPARSE. */
int tpl_fail(struct tpl_scan *scan, size_t at, const char *format, ...) FL_PRINTF(3, 4);
/** The line of an offset, from 1; col may be NULL. */
int tpl_line(const struct tpl_scan *scan, size_t at, int *col);

/** The next byte, 0 at the end. */
char tpl_peek(const struct tpl_scan *scan);
/** Does this text come next? */
bool tpl_is_next(const struct tpl_scan *scan, const char *text);
/** Steps over this text when it comes next. */
bool tpl_accept(struct tpl_scan *scan, const char *text);
/** Steps over spaces, tabs and line ends. */
void tpl_skip_space(struct tpl_scan *scan);
/** Takes letters, digits and `_`. */
struct fl_str tpl_take_word(struct tpl_scan *scan);

/** Space, tab, line end? */
bool tpl_is_space(char c);
/** A to z, in any case? */
bool tpl_is_letter(char c);
/** Letter, digit, `_`? */
bool tpl_is_word(char c);

/** Takes C up to the `}` that ends it, which is stepped over too; `from` is where its `{` stands.
 * Trimmed; empty is an error that wants `what`. */
struct tpl_code tpl_take_code(struct tpl_scan *scan, size_t from, const char *what);
/** The offset in C text of the last word like this one outside of strings and brackets, or of the
 * last such character when it is one; SIZE_MAX: none. */
size_t tpl_find_last(struct fl_str code, const char *what);
/** The offset behind the bracket, string or character that starts at `at`; SIZE_MAX: it does not
 * end, or not like that. */
size_t tpl_skip_nested(struct fl_str code, size_t at);

#endif
