/* str.h: views of text, a growing buffer, globs, and the nearest word for "did you mean".
 *
 * Knows: bytes. Does not know: encodings beyond UTF-8 validity. Thread: any, objects are not
 * shared. */
#ifndef FL_BASE_STR_H
#define FL_BASE_STR_H

#include "runtime/base/fl.h"

/** A view of bytes that somebody else owns; not NUL-terminated. */
struct fl_str {
    const char *at;
    size_t len;
};

/** For printf("%.*s"). */
#define FL_ARG(str) (int)(str).len, (str).at
/** A view of a string literal. */
#define FL_STR(literal) ((struct fl_str){(literal), sizeof(literal) - 1})

/** A view of a C string; NULL gives the empty view. */
struct fl_str fl_str_of(const char *text);
/** Same bytes? */
bool fl_str_eq(struct fl_str a, struct fl_str b);
/** Same bytes as this C string? */
bool fl_str_is(struct fl_str str, const char *text);
/** Without spaces, tabs, CR and LF at both ends. */
struct fl_str fl_str_trim(struct fl_str str);
/** Takes the text before `separator` off the front of rest; the separator is dropped. */
struct fl_str fl_str_cut(struct fl_str *rest, char separator);
/** A NUL-terminated copy. Free with free(). */
char *fl_str_dup(struct fl_str str);
/** Does `*` and `?` of the pattern match the whole text? `*` also crosses `/` and `:`. */
bool fl_glob(const char *pattern, const char *text);
/** The word nearest to `word` by edit distance, or NULL when none is near enough to suggest. */
const char *fl_nearest(const char *word, const char *const *words, size_t count);
/** Is this well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool fl_utf8_ok(const void *bytes, size_t len);

/** A buffer that grows; zero is a valid empty one. Always NUL-terminated once written to. */
struct fl_buf {
    char *at;
    size_t len, cap;
    size_t max; /* not 0: what would make it longer than this is dropped */
};

/** Makes room for `more` bytes behind len. */
void fl_buf_reserve(struct fl_buf *buf, size_t more);
/** Appends bytes. */
void fl_buf_add(struct fl_buf *buf, const void *bytes, size_t len);
/** Appends a C string. */
void fl_buf_puts(struct fl_buf *buf, const char *text);
/** Appends one byte. */
void fl_buf_putc(struct fl_buf *buf, char c);
/** Appends formatted text. */
void fl_buf_printf(struct fl_buf *buf, const char *format, ...) FL_PRINTF(2, 3);
/** Removes `len` bytes from the front. */
void fl_buf_drop(struct fl_buf *buf, size_t len);
/** Frees the memory; the buffer is empty and usable again. */
void fl_buf_fini(struct fl_buf *buf);
/** The text, moved out to the caller (never NULL); free with free(). The buffer is empty after. */
char *fl_buf_take(struct fl_buf *buf);

#endif
