#include "services/editor/text.h"

/* An edit moves at most one piece's units, 4 KiB; a full document has 256 to 512 pieces. */
#define PIECE_UNITS_MAX 2048

struct fl_text_piece {
    uint16_t *units; /* PIECE_UNITS_MAX of them */
    size_t len;      /* at least 1 */
};

void fl_text_fini(struct fl_text *text)
{
    for (size_t i = 0; i < text->count; i++)
        free(text->pieces[i].units);
    free(text->pieces);
    *text = (struct fl_text){0};
}

/** The piece that holds the unit at `at`, or at the end of the text the last one; *begins says
 * where it begins. Walks from where it was last: edits and reads come in runs. */
static size_t text_find(struct fl_text *text, size_t at, size_t *begins)
{
    size_t ix = text->near_ix, begin = text->near_at;
    if (ix >= text->count) ix = begin = 0;
    while (begin > at)
        begin -= text->pieces[--ix].len;
    while (ix + 1 < text->count && begin + text->pieces[ix].len <= at)
        begin += text->pieces[ix++].len;
    text->near_ix = ix;
    text->near_at = begin;
    *begins = begin;
    return ix;
}

/** Makes room for an empty piece at this index; the caller fills it. */
static struct fl_text_piece *text_open_piece(struct fl_text *text, size_t ix)
{
    if (text->count == text->cap) {
        text->cap = text->cap == 0 ? 8 : text->cap * 2;
        text->pieces = fl_realloc(text->pieces, text->cap * sizeof *text->pieces);
    }
    struct fl_text_piece *piece = &text->pieces[ix];
    memmove(piece + 1, piece, (text->count - ix) * sizeof *piece);
    text->count++;
    *piece = (struct fl_text_piece){fl_alloc(PIECE_UNITS_MAX * sizeof(uint16_t)), 0};
    return piece;
}

static void text_close_piece(struct fl_text *text, size_t ix)
{
    free(text->pieces[ix].units);
    memmove(&text->pieces[ix], &text->pieces[ix + 1],
            (text->count - ix - 1) * sizeof *text->pieces);
    text->count--;
    text->near_ix = text->near_at = 0;
}

/** Splits the piece so that `at` (inside the text) is where a piece begins; returns its index. */
static size_t text_cut(struct fl_text *text, size_t at)
{
    size_t begins;
    size_t ix = text_find(text, at, &begins);
    size_t inside = at - begins;
    if (text->count == 0 || inside == 0) return ix;
    if (inside == text->pieces[ix].len) return ix + 1;
    struct fl_text_piece *right = text_open_piece(text, ix + 1), *left = right - 1;
    right->len = left->len - inside;
    memcpy(right->units, left->units + inside, right->len * sizeof(uint16_t));
    left->len = inside;
    return ix + 1;
}

static bool text_insert_inside(struct fl_text *text, size_t at, const uint16_t *units, size_t count)
{
    if (text->count == 0) return false;
    size_t begins;
    struct fl_text_piece *piece = &text->pieces[text_find(text, at, &begins)];
    if (piece->len + count > PIECE_UNITS_MAX) return false;
    uint16_t *to = piece->units + (at - begins);
    memmove(to + count, to, (piece->len - (at - begins)) * sizeof *to);
    memcpy(to, units, count * sizeof *to);
    piece->len += count;
    text->len += count;
    return true;
}

void fl_text_insert(struct fl_text *text, size_t at, const uint16_t *units, size_t count)
{
    FL_ASSERT(at <= text->len);
    if (count == 0 || text_insert_inside(text, at, units, count)) return;
    size_t ix = text_cut(text, at);
    for (size_t done = 0; done < count; ix++) {
        /* the last one is left half empty: what is typed next goes in there */
        size_t part = count - done;
        if (part > PIECE_UNITS_MAX) part = PIECE_UNITS_MAX;
        struct fl_text_piece *piece = text_open_piece(text, ix);
        memcpy(piece->units, units + done, part * sizeof *units);
        piece->len = part;
        done += part;
    }
    text->len += count;
}

void fl_text_remove(struct fl_text *text, size_t at, size_t count)
{
    FL_ASSERT(at <= text->len && count <= text->len - at);
    while (count > 0) {
        size_t begins;
        size_t ix = text_find(text, at, &begins);
        struct fl_text_piece *piece = &text->pieces[ix];
        size_t inside = at - begins, part = piece->len - inside;
        if (part > count) part = count;
        memmove(piece->units + inside, piece->units + inside + part,
                (piece->len - inside - part) * sizeof(uint16_t));
        piece->len -= part;
        text->len -= part;
        count -= part;
        if (piece->len == 0) text_close_piece(text, ix);
    }
}

void fl_text_read(struct fl_text *text, size_t at, size_t count, uint16_t *out)
{
    FL_ASSERT(at <= text->len && count <= text->len - at);
    while (count > 0) {
        size_t begins;
        const struct fl_text_piece *piece = &text->pieces[text_find(text, at, &begins)];
        size_t inside = at - begins, part = piece->len - inside;
        if (part > count) part = count;
        memcpy(out, piece->units + inside, part * sizeof *out);
        out += part;
        at += part;
        count -= part;
    }
}

bool fl_text_splits(struct fl_text *text, size_t at)
{
    if (at == 0 || at >= text->len) return false;
    uint16_t pair[2];
    fl_text_read(text, at - 1, 2, pair);
    return fl_unit_is_high(pair[0]) && fl_unit_is_low(pair[1]);
}

int fl_text_add_utf8(struct fl_text *text, struct fl_str utf8)
{
    if (!fl_utf8_ok(utf8.at, utf8.len)) return FL_EBADMSG;
    uint16_t units[1024];
    size_t count = 0;
    while (utf8.len > 0) {
        if (count + 2 > FL_COUNT(units)) {
            fl_text_insert(text, text->len, units, count);
            count = 0;
        }
        size_t took = fl_units_take_utf8(&utf8, units + count);
        FL_ASSERT(took > 0);
        count += took;
    }
    fl_text_insert(text, text->len, units, count);
    return 0;
}

/** Writes the text through put in runs that begin and end between characters. */
static void text_put(struct fl_text *text, struct fl_buf *out,
                     void (*put)(struct fl_buf *out, const uint16_t *units, size_t count))
{
    uint16_t units[1024];
    for (size_t at = 0; at < text->len;) {
        size_t count = text->len - at < FL_COUNT(units) ? text->len - at : FL_COUNT(units);
        fl_text_read(text, at, count, units);
        if (fl_unit_is_high(units[count - 1]) && count > 1) count--;
        put(out, units, count);
        at += count;
    }
}

void fl_text_put_utf8(struct fl_text *text, struct fl_buf *out)
{
    fl_buf_reserve(out, text->len + 1);
    text_put(text, out, fl_units_put_utf8);
}

void fl_text_put_json(struct fl_text *text, struct fl_buf *out)
{
    fl_buf_reserve(out, text->len + 3);
    fl_buf_putc(out, '"');
    text_put(text, out, fl_units_put_json);
    fl_buf_putc(out, '"');
}
