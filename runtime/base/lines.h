/* lines.h: bytes as they come from a pipe, line by line: how the processes of a run talk.
 *
 * Knows: a buffer with a limit. Does not know: where bytes come from, what a line says. */
#ifndef FL_BASE_LINES_H
#define FL_BASE_LINES_H

#include "runtime/base/str.h"

#define FL_LINE_MAX                                                               \
    ((size_t)1 << 20) /* bytes of a line; who writes longer ones is not one of us \
                       */

/** What came and is not read yet; zero is a valid empty one. */
struct fl_lines {
    struct fl_buf buf;
    size_t read; /* bytes of it that were given out */
};

/** Takes bytes that arrived. False: a line is longer than FL_LINE_MAX; hang up. */
bool fl_lines_feed(struct fl_lines *lines, const void *bytes, size_t len);
/** The next whole line, without its newline but with a NUL behind it; NULL: none yet. Valid until
 * the next call with these lines. */
const char *fl_lines_next(struct fl_lines *lines);
/** Frees the memory. */
void fl_lines_fini(struct fl_lines *lines);

#endif
