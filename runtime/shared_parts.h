/* shared_parts.h: references by the thousand, for who sends one block to a crowd. Inside the
 * runtime only. */
#ifndef FL_RUNTIME_SHARED_PARTS_H
#define FL_RUNTIME_SHARED_PARTS_H

#include "runtime/process.h"

/** As many fl_shared_retain at once. Any thread. */
void fl_shared_retain_many(struct fl_shared *shared, size_t count);
/** As many fl_shared_release at once. Any thread. */
void fl_shared_release_many(struct fl_shared *shared, size_t count);

#endif
