/* units.h: durations, rates, sizes and percentages, as people write and read them.
 *
 * Grammar (docs/scenario.md): `500ms 2s 1.5s 3m 1h 250us`, `200/s 30/m`, `64k 1M`, `99.5%`. */
#ifndef FL_BASE_UNITS_H
#define FL_BASE_UNITS_H

#include "runtime/base/str.h"

/** Reads `500ms`, `2s`, `1.5m`, `0`; a bare number other than 0 is an error that asks for a unit.
 */
int fl_parse_duration(struct fl_str text, fl_ns *out_ns, struct fl_err *err);
/** Reads `200/s`, `30/m`, `5/h`. */
int fl_parse_rate(struct fl_str text, double *out_per_s, struct fl_err *err);
/** Reads `64`, `64k`, `1M`, `2G` (powers of 1024) as bytes. */
int fl_parse_size(struct fl_str text, uint64_t *out_bytes, struct fl_err *err);
/** Reads `99.5%` as 0.995. */
int fl_parse_percent(struct fl_str text, double *out_share, struct fl_err *err);
/** Reads a whole number within limits. */
int fl_parse_int(struct fl_str text, int64_t least, int64_t most, int64_t *out, struct fl_err *err);

/** Writes a span with three significant digits: `812 ms`, `1.52 s`, `45 us`, `0`. Returns out. */
const char *fl_show_ns(fl_ns ns, char *out, size_t out_len);
#define FL_SHOW_NS(ns) fl_show_ns((ns), (char[32]){0}, 32)

#endif
