/* edit_algebra.c: two edits walked side by side. */
#include "services/editor/edit.h"

/* Where the walk stands in one of them. */
struct walk {
    const struct fl_edit *edit;
    size_t ix;
    uint32_t used; /* of parts[ix] */
};

/** The kind of what is next; 0 at the end. */
static unsigned walk_kind(const struct walk *walk)
{
    return walk->ix < walk->edit->count ? walk->edit->parts[walk->ix].kind : 0;
}

static uint32_t walk_left(const struct walk *walk)
{
    return walk->edit->parts[walk->ix].count - walk->used;
}

/** The units of what is next, an insert. */
static const uint16_t *walk_units(const struct walk *walk)
{
    FL_ASSERT(walk_kind(walk) == FL_EDIT_INSERT);
    return walk->edit->units + walk->edit->parts[walk->ix].from + walk->used;
}

static void walk_on(struct walk *walk, uint32_t count)
{
    walk->used += count;
    if (walk->used < walk->edit->parts[walk->ix].count) return;
    walk->ix++;
    walk->used = 0;
}

/** How far both go on alike. */
static uint32_t walk_both(const struct walk *a, const struct walk *b)
{
    FL_ASSERT(walk_kind(a) != 0 && walk_kind(b) != 0); /* the lengths fit */
    return walk_left(a) < walk_left(b) ? walk_left(a) : walk_left(b);
}

void fl_edit_compose(const struct fl_edit *first, const struct fl_edit *second, struct fl_edit *out)
{
    FL_ASSERT(first->target_len == second->base_len);
    fl_edit_clear(out);
    struct walk a = {.edit = first}, b = {.edit = second};
    while (walk_kind(&a) != 0 || walk_kind(&b) != 0) {
        if (walk_kind(&a) == FL_EDIT_DELETE) { /* the second never saw these */
            fl_edit_delete(out, walk_left(&a));
            walk_on(&a, walk_left(&a));
            continue;
        }
        if (walk_kind(&b) == FL_EDIT_INSERT) {
            fl_edit_insert(out, walk_units(&b), walk_left(&b));
            walk_on(&b, walk_left(&b));
            continue;
        }
        uint32_t n = walk_both(&a, &b);
        bool stays = walk_kind(&b) == FL_EDIT_RETAIN;
        if (walk_kind(&a) == FL_EDIT_INSERT && stays)
            fl_edit_insert(out, walk_units(&a), n);
        else if (walk_kind(&a) == FL_EDIT_RETAIN && stays)
            fl_edit_retain(out, n);
        else if (walk_kind(&a) == FL_EDIT_RETAIN)
            fl_edit_delete(out, n);
        walk_on(&a, n);
        walk_on(&b, n);
    }
}

/** An insert of one: the other retains it. */
static void transform_insert(struct walk *walk, struct fl_edit *own, struct fl_edit *other)
{
    uint32_t n = walk_left(walk);
    fl_edit_insert(own, walk_units(walk), n);
    fl_edit_retain(other, n);
    walk_on(walk, n);
}

void fl_edit_transform(const struct fl_edit *first, const struct fl_edit *second,
                       struct fl_edit *first_out, struct fl_edit *second_out)
{
    FL_ASSERT(first->base_len == second->base_len);
    fl_edit_clear(first_out);
    fl_edit_clear(second_out);
    struct walk a = {.edit = first}, b = {.edit = second};
    while (walk_kind(&a) != 0 || walk_kind(&b) != 0) {
        if (walk_kind(&a) == FL_EDIT_INSERT) {
            transform_insert(&a, first_out, second_out);
            continue;
        }
        if (walk_kind(&b) == FL_EDIT_INSERT) {
            transform_insert(&b, second_out, first_out);
            continue;
        }
        uint32_t n = walk_both(&a, &b);
        bool a_stays = walk_kind(&a) == FL_EDIT_RETAIN, b_stays = walk_kind(&b) == FL_EDIT_RETAIN;
        if (a_stays && b_stays) {
            fl_edit_retain(first_out, n);
            fl_edit_retain(second_out, n);
        } else if (b_stays) {
            fl_edit_delete(first_out, n);
        } else if (a_stays) {
            fl_edit_delete(second_out, n);
        }
        walk_on(&a, n);
        walk_on(&b, n);
    }
}
