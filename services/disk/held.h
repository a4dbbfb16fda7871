/* held.h: a thing that a process and its work on the pool both hold.
 *
 * A process may be killed while a pool's thread works for it, and that work goes on: whoever lets
 * go last closes the thing. Thread: any; the thing itself is used by one at a time. */
#ifndef FL_DISK_HELD_H
#define FL_DISK_HELD_H

struct fl_held;

/** Takes the thing; one reference. */
struct fl_held *fl_held_new(void *thing_take, void (*close)(void *thing));
/** One more; returns it. */
struct fl_held *fl_held_retain(struct fl_held *held);
/** One less; closes the thing at zero. A `void *` so that it can be an owner's function. */
void fl_held_release(void *held);
/** The thing, for who has a reference. */
void *fl_held_thing(const struct fl_held *held);

#endif
