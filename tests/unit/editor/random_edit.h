/* random_edit.h: random texts and edits that never cut a pair, from a seed. */
#ifndef FL_TEST_RANDOM_EDIT_H
#define FL_TEST_RANDOM_EDIT_H

#include "runtime/base/rng.h"
#include "services/editor/edit.h"

/** Up to `max` units of letters, line ends, pairs, and now and then U+0000. */
static inline size_t random_units(struct fl_rng *rng, size_t max, uint16_t *out)
{
    size_t want = (size_t)fl_rng_between(rng, 0, (int64_t)max), count = 0;
    while (count < want) {
        int64_t kind = fl_rng_between(rng, 0, 9);
        if (kind == 0 && count + 2 <= want) {
            out[count++] = 0xd83d;
            out[count++] = (uint16_t)(0xde00 + fl_rng_between(rng, 0, 63));
        } else {
            out[count++] = (uint16_t)(kind == 1   ? fl_rng_between(rng, 0xe0, 0x4fff)
                                      : kind == 2 ? (fl_rng_between(rng, 0, 1) != 0 ? '\n' : 0)
                                                  : fl_rng_between(rng, 'a', 'z'));
        }
    }
    return count;
}

/** At most `most` units from `at` on, ending between characters. */
static inline size_t random_step(struct fl_rng *rng, struct fl_text *text, size_t at, size_t most)
{
    size_t left = text->len - at;
    size_t n = (size_t)fl_rng_between(rng, 0, (int64_t)(left < most ? left : most));
    return fl_text_splits(text, at + n) ? n + 1 : n;
}

/** Fills out with an edit of about `reach` units somewhere. */
static inline void random_edit_near(struct fl_rng *rng, struct fl_text *text, size_t reach,
                                    struct fl_edit *out)
{
    fl_edit_clear(out);
    uint16_t units[8];
    size_t spread = (size_t)fl_rng_between(rng, 1, 12), at = 0;
    if (text->len > reach) at = random_step(rng, text, 0, text->len - reach);
    fl_edit_retain(out, at);
    for (size_t until = at + reach;;) {
        if (fl_rng_between(rng, 0, 2) == 0)
            fl_edit_insert(out, units, random_units(rng, FL_COUNT(units), units));
        if (at >= until) fl_edit_retain(out, text->len - at);
        if (at >= until || at == text->len) break;
        size_t n = random_step(rng, text, at, spread);
        if (fl_rng_between(rng, 0, 2) == 0)
            fl_edit_delete(out, n);
        else
            fl_edit_retain(out, n);
        at += n;
    }
}

/** Fills out with an edit of the whole text. */
static inline void random_edit(struct fl_rng *rng, struct fl_text *text, struct fl_edit *out)
{
    random_edit_near(rng, text, text->len, out);
}

/** Is this the same text? */
static inline bool same_text(struct fl_text *a, struct fl_text *b)
{
    if (a->len != b->len) return false;
    uint16_t x[64], y[64];
    for (size_t at = 0; at < a->len;) {
        size_t n = a->len - at < FL_COUNT(x) ? a->len - at : FL_COUNT(x);
        fl_text_read(a, at, n, x);
        fl_text_read(b, at, n, y);
        if (memcmp(x, y, n * sizeof *x) != 0) return false;
        at += n;
    }
    return true;
}

/** A copy, into an empty text. */
static inline void copy_text(struct fl_text *from, struct fl_text *to)
{
    uint16_t units[64];
    for (size_t at = 0; at < from->len;) {
        size_t n = from->len - at < FL_COUNT(units) ? from->len - at : FL_COUNT(units);
        fl_text_read(from, at, n, units);
        fl_text_insert(to, to->len, units, n);
        at += n;
    }
}

#endif
