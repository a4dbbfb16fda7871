/* target.h: from what a plan names to what is there now. Knows: names. */
#ifndef FL_CHAOS_TARGET_H
#define FL_CHAOS_TARGET_H

#include "chaos/injector.h"

/** Names with where they were found, to pick one from. Zero is a valid empty one. */
struct fl_target_names {
    struct fl_target_name {
        char *name, *instance;
    } * at;
    size_t count;
};

/** Adds one; copies. */
void fl_target_add(struct fl_target_names *names, const char *name, const char *instance);
/** Sorts by name, then by instance, and picks number `pick` modulo their count; NULL when empty. */
const struct fl_target_name *fl_target_pick(struct fl_target_names *names, uint64_t pick);
/** Frees; empty after. */
void fl_target_fini(struct fl_target_names *names);

/** The instances that a target means: `chat.1` itself, all of service `chat`, or those of service
 * `chat` that match `chat.*`. Running or not. */
void fl_target_instances(struct fl_target_names *names, const struct fl_injector_world *world,
                         const char *target);
/** A running instance that the target means, picked, with its pid; "" and 0 when none runs. Free
 * with free(). */
char *fl_target_choose(const struct fl_injection *injection, pid_t *pid);

#endif
