/* desk.h: requests that will share one commit, and the pool thread's half of their work.
 *
 * Knows: the archive and the requests' layout. Does not know: processes beyond the pids to answer.
 * Thread: one at a time: the shard's while it collects and answers, the pool's while it works. */
#ifndef FL_EDITOR_DESK_H
#define FL_EDITOR_DESK_H

#include "services/editor/scribe.h"

/** An open archive that work under way may outlive its process with. */
struct fl_held_doc_archive;
/** Takes the archive; one reference. */
struct fl_held_doc_archive *fl_held_doc_archive_new(struct fl_doc_archive *archive_take);
/** One less; closes the archive at zero. A `void *` so that it can be an owner's function. */
void fl_held_doc_archive_release(void *held);

/** One request. */
struct fl_desk_asker {
    struct fl_pid from;
    uint64_t ref;
    char *bytes; /* its copy */
    size_t len;
    int code;
    struct fl_buf answer;
};
struct fl_desk {
    struct fl_held_doc_archive *held;
    struct fl_desk_asker *askers;
    size_t count, cap, bytes;
    struct fl_err err; /* when fl_desk_work said no */
};

/** An empty desk on this archive, which it retains. */
struct fl_desk *fl_desk_new(struct fl_held_doc_archive *held);
/** Frees it and what lies on it; NULL is fine. A `void *` so that it can be an owner's function. */
void fl_desk_free(void *desk);
/** Adds a call. FL_EFULL: there is enough on it, work first. */
int fl_desk_add(struct fl_desk *desk, const struct fl_msg *call);
/** Does it all in one transaction; each asker has its code and answer then. Takes a struct fl_desk.
 * 0, or what went wrong with all of it. */
int fl_desk_work(void *desk);

#endif
