/* edit.c: building an edit and doing it; edit_algebra.c has what takes two. */
#include "services/editor/edit.h"

void fl_edit_fini(struct fl_edit *edit)
{
    free(edit->parts);
    free(edit->units);
    *edit = (struct fl_edit){0};
}

void fl_edit_clear(struct fl_edit *edit)
{
    edit->count = edit->units_len = edit->base_len = edit->target_len = 0;
}

void fl_edit_move(struct fl_edit *to, struct fl_edit *from)
{
    fl_edit_fini(to);
    *to = *from;
    *from = (struct fl_edit){0};
}

static struct fl_edit_part *edit_last(struct fl_edit *edit, enum fl_edit_kind kind)
{
    if (edit->count == 0 || edit->parts[edit->count - 1].kind != kind) return NULL;
    return &edit->parts[edit->count - 1];
}

static void edit_push(struct fl_edit *edit, struct fl_edit_part part)
{
    if (edit->count == edit->cap) {
        edit->cap = edit->cap == 0 ? 4 : edit->cap * 2;
        edit->parts = fl_realloc(edit->parts, edit->cap * sizeof *edit->parts);
    }
    edit->parts[edit->count++] = part;
}

static void edit_grow(struct fl_edit *edit, enum fl_edit_kind kind, size_t count)
{
    struct fl_edit_part *last = edit_last(edit, kind);
    if (last != NULL)
        last->count += (uint32_t)count;
    else
        edit_push(edit, (struct fl_edit_part){kind, (uint32_t)count, 0});
}

void fl_edit_retain(struct fl_edit *edit, size_t count)
{
    if (count == 0) return;
    edit->base_len += count;
    edit->target_len += count;
    edit_grow(edit, FL_EDIT_RETAIN, count);
}

void fl_edit_delete(struct fl_edit *edit, size_t count)
{
    if (count == 0) return;
    edit->base_len += count;
    edit_grow(edit, FL_EDIT_DELETE, count);
}

static void edit_add_units(struct fl_edit *edit, const uint16_t *units, size_t count)
{
    if (edit->units_len + count > edit->units_cap) {
        edit->units_cap = edit->units_len + count + edit->units_cap / 2 + 8;
        edit->units = fl_realloc(edit->units, edit->units_cap * sizeof *units);
    }
    memcpy(edit->units + edit->units_len, units, count * sizeof *units);
    edit->units_len += count;
}

void fl_edit_insert(struct fl_edit *edit, const uint16_t *units, size_t count)
{
    if (count == 0) return;
    uint32_t from = (uint32_t)edit->units_len;
    edit_add_units(edit, units, count);
    edit->target_len += count;
    /* before a delete at the same place */
    struct fl_edit_part deleted = {0};
    if (edit_last(edit, FL_EDIT_DELETE) != NULL) deleted = edit->parts[--edit->count];
    struct fl_edit_part *last = edit_last(edit, FL_EDIT_INSERT);
    if (last != NULL)
        last->count += (uint32_t)count; /* its units end where these begin */
    else
        edit_push(edit, (struct fl_edit_part){FL_EDIT_INSERT, (uint32_t)count, from});
    if (deleted.count > 0) edit_push(edit, deleted);
}

bool fl_edit_is_nothing(const struct fl_edit *edit)
{
    return edit->count == 0 || (edit->count == 1 && edit->parts[0].kind == FL_EDIT_RETAIN);
}

int fl_edit_check(const struct fl_edit *edit, struct fl_text *text)
{
    if (edit->base_len != text->len) return FL_ERANGE;
    size_t at = 0;
    for (size_t i = 0; i < edit->count; i++) {
        if (fl_text_splits(text, at)) return FL_EBADMSG;
        if (edit->parts[i].kind != FL_EDIT_INSERT) at += edit->parts[i].count;
    }
    return 0;
}

void fl_edit_apply(const struct fl_edit *edit, struct fl_text *text)
{
    FL_ASSERT(edit->base_len == text->len);
    size_t at = 0;
    for (size_t i = 0; i < edit->count; i++) {
        const struct fl_edit_part *part = &edit->parts[i];
        if (part->kind == FL_EDIT_INSERT)
            fl_text_insert(text, at, edit->units + part->from, part->count);
        if (part->kind == FL_EDIT_DELETE)
            fl_text_remove(text, at, part->count);
        else
            at += part->count;
    }
}

void fl_edit_invert(const struct fl_edit *edit, struct fl_text *before, struct fl_edit *out)
{
    FL_ASSERT(edit->base_len == before->len);
    fl_edit_clear(out);
    uint16_t units[256];
    size_t at = 0;
    for (size_t i = 0; i < edit->count; i++) {
        const struct fl_edit_part *part = &edit->parts[i];
        if (part->kind == FL_EDIT_INSERT) {
            fl_edit_delete(out, part->count);
            continue;
        }
        if (part->kind == FL_EDIT_RETAIN) fl_edit_retain(out, part->count);
        for (size_t done = 0; part->kind == FL_EDIT_DELETE && done < part->count;) {
            size_t n = part->count - done < FL_COUNT(units) ? part->count - done : FL_COUNT(units);
            fl_text_read(before, at + done, n, units);
            fl_edit_insert(out, units, n);
            done += n;
        }
        at += part->count;
    }
}

size_t fl_edit_map(const struct fl_edit *edit, size_t at)
{
    size_t base = 0, out = at;
    for (size_t i = 0; i < edit->count && base < at; i++) {
        const struct fl_edit_part *part = &edit->parts[i];
        if (part->kind == FL_EDIT_INSERT) {
            out += part->count;
            continue;
        }
        if (part->kind == FL_EDIT_DELETE) out -= part->count < at - base ? part->count : at - base;
        base += part->count;
    }
    return out;
}

void fl_edit_sizes(const struct fl_edit *edit, size_t *inserted, size_t *deleted)
{
    *inserted = edit->units_len;
    *deleted = edit->base_len + edit->units_len - edit->target_len;
}
