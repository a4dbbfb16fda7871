/* desk.h: what the scribe's requests do, on a thread of the pool.
 *
 * Knows: the archive and the requests' layout. Does not know: processes. */
#ifndef FL_EDITOR_DESK_H
#define FL_EDITOR_DESK_H

#include "services/disk/clerk.h"
#include "services/editor/archive.h"

/** Does a batch of requests in one transaction: fl_clerk_kind.work. archive: a struct
 * fl_doc_archive. */
int fl_desk_work(void *archive, struct fl_clerk_batch *batch);

#endif
