/* json.h: the little glue around cJSON: reading with defaults, writing into a buffer.
 *
 * Numbers in JSON are doubles; a nanosecond instant below 2^53 (104 days of uptime) is exact. Above
 * that, instants lose at most a microsecond after 28 years. Seeds are written as text. */
#ifndef FL_BASE_JSON_H
#define FL_BASE_JSON_H

#include <cjson/cJSON.h>

#include "runtime/base/str.h"

/** The text at this key, or the fallback. Borrowed from the tree. */
const char *fl_json_text(const cJSON *object, const char *key, const char *fallback);
/** The whole number at this key, or the fallback. */
int64_t fl_json_int(const cJSON *object, const char *key, int64_t fallback);
/** The number at this key, or the fallback. */
double fl_json_num(const cJSON *object, const char *key, double fallback);
/** The truth at this key, or the fallback. */
bool fl_json_bool(const cJSON *object, const char *key, bool fallback);
/** Parses a whole file. The caller deletes the tree. */
int fl_json_load(cJSON **out, const char *path, struct fl_err *err);
/** Writes text to `path` by way of a temporary file and rename, so that a reader never sees half.
 */
int fl_file_write(const char *path, const void *bytes, size_t len, struct fl_err *err);
/** Reads a whole file into fresh NUL-terminated memory; len may be NULL. Free with free(). */
int fl_file_read(char **out, size_t *len, const char *path, struct fl_err *err);
/** Makes a folder and the folders above it. */
int fl_make_dirs(const char *path, struct fl_err *err);

/** Appends text as a JSON string with its quotes; invalid UTF-8 bytes become U+FFFD. */
void fl_json_put_str(struct fl_buf *buf, struct fl_str text);

#endif
