/* refs.h: from refs to numbers: which of my many requests does this answer belong to?
 *
 * Knows: a table in the memory of one process, which goes with it. Inside the runtime only.
 * Thread: the process's own. */
#ifndef FL_RUNTIME_REFS_H
#define FL_RUNTIME_REFS_H

#include "runtime/process.h"

struct fl_refs_slot {
    uint64_t ref; /* 0: free */
    uint64_t value;
};
/** Zero is a valid empty table. */
struct fl_refs {
    struct fl_refs_slot *slots;
    size_t cap, count; /* cap is a power of two, or 0 */
};

/** Adds; false when the ref is there already. */
bool fl_refs_add(struct fl_self *self, struct fl_refs *refs, uint64_t ref, uint64_t value);
/** Looks up; *value (may be NULL) only when it is there. */
bool fl_refs_get(const struct fl_refs *refs, uint64_t ref, uint64_t *value);
/** Removes; false when it was not there. */
bool fl_refs_drop(struct fl_refs *refs, uint64_t ref);
/** Gives the memory back; the table is empty and usable again. */
void fl_refs_fini(struct fl_self *self, struct fl_refs *refs);

#endif
