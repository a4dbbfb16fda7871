#include "services/disk/held.h"

#include <stdatomic.h>

#include "runtime/base/fl.h"

struct fl_held {
    atomic_int refs;
    void *thing;
    void (*close)(void *thing);
};

struct fl_held *fl_held_new(void *thing_take, void (*close)(void *thing))
{
    FL_ASSERT(thing_take != NULL);
    struct fl_held *held = fl_new(struct fl_held);
    atomic_init(&held->refs, 1);
    held->thing = thing_take;
    held->close = close;
    return held;
}

struct fl_held *fl_held_retain(struct fl_held *held)
{
    atomic_fetch_add(&held->refs, 1);
    return held;
}

void fl_held_release(void *held)
{
    struct fl_held *mine = held;
    if (atomic_fetch_sub(&mine->refs, 1) > 1) return;
    mine->close(mine->thing);
    free(mine);
}

void *fl_held_thing(const struct fl_held *held)
{
    return held->thing;
}
