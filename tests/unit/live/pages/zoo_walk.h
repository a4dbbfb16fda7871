/* zoo_walk.h: a zoo that changes at random. */
#ifndef FL_TESTS_ZOO_WALK_H
#define FL_TESTS_ZOO_WALK_H

#include "runtime/base/rng.h"
#include "tests/unit/live/pages/zoo.h"

/** Changes one to some things. */
void zoo_walk(struct zoo *zoo, struct fl_rng *rng);

#endif
