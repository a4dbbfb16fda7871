/* commit.h: requests that will share one commit, and the pool thread's half of their work.
 *
 * Thread: one at a time: the writer's while it collects and answers, the pool's while it runs. */
#ifndef FL_CHAT_COMMIT_H
#define FL_CHAT_COMMIT_H

#include "runtime/process.h"
#include "services/chat/ask.h"

/** An open archive that a running commit may outlive its process with. */
struct fl_held_archive;
/** Takes the archive; one reference. */
struct fl_held_archive *fl_held_archive_new(struct fl_archive *archive_take);
/** One less; closes the archive at zero. For fl_self_own. */
void fl_held_archive_release(void *held);

struct fl_commit_asker {
    struct fl_pid from;
    uint64_t ref;
    char *bytes;          /* its request, which the op's views point into */
    struct fl_buf answer; /* filled by fl_commit_run */
};
struct fl_commit {
    struct fl_held_archive *held;
    struct fl_archive_op ops[FL_ARCHIVE_GROUP_MAX];
    struct fl_commit_asker askers[FL_ARCHIVE_GROUP_MAX];
    size_t count, pages; /* pages: those that may bring many rows */
    int64_t now_ms;
    struct fl_err err; /* when fl_commit_run said no */
};

/** An empty one on this archive, which it retains. */
struct fl_commit *fl_commit_new(struct fl_held_archive *held);
/** Frees it and what it holds; NULL is fine. For fl_self_own. */
void fl_commit_free(void *commit);
/** Adds a call. FL_EFULL: it has enough, run it first. FL_EBADMSG: makes no sense. */
int fl_commit_add(struct fl_commit *commit, const struct fl_msg *call);
/** Applies it and writes every asker's answer. Takes a struct fl_commit. Returns what
 * fl_archive_apply does; the answers are there in every case. */
int fl_commit_run(void *commit);

#endif
