#include "services/chat/writer.h"

#include "runtime/base/clock.h"
#include "services/chat/commit.h"

enum { WRITER_OPEN = 1, WRITER_FLUSH };

struct writer {
    const struct fl_archive_opts *opts;
    struct fl_held_archive *held; /* NULL until it is open */
    struct fl_commit *next;       /* NULL: nothing to commit */
    fl_ns wall_ns;                /* wall time at the node clock's zero */
};

/* Work for a pool thread: opening may replay a long log. */
struct writer_opening {
    struct fl_archive_opts opts;
    struct fl_archive *archive;
    struct fl_err err;
};

static int writer_open_work(void *arg)
{
    struct writer_opening *opening = arg;
    return fl_archive_open(&opening->archive, &opening->opts, &opening->err);
}

static void writer_opening_free(void *arg)
{
    struct writer_opening *opening = arg;
    fl_archive_close(opening->archive);
    free(opening);
}

/* Opens the archive unless it is open. False: I am ending. */
static bool writer_open(struct fl_self *self, struct writer *writer)
{
    if (writer->held != NULL) return true;
    struct writer_opening *opening = fl_new(struct writer_opening);
    opening->opts = *writer->opts;
    /* The file was checked when the program started (chat.c), and a crash of mine harms no file. */
    opening->opts.unchecked = true;
    int code = fl_blocking(self, writer_open_work, opening, writer_opening_free);
    if (code == 0) {
        writer->held = fl_held_archive_new(opening->archive);
        opening->archive = NULL;
        fl_self_own(self, writer->held, fl_held_archive_release);
    } else {
        fprintf(stderr, "%s\n", opening->err.text);
        fl_self_fail(self, code);
    }
    writer_opening_free(opening);
    return code == 0;
}

/* Commits what was collected, off this thread, and answers. New calls wait in the mailbox. */
static void writer_flush(struct fl_self *self, struct writer *writer)
{
    struct fl_commit *commit = writer->next;
    if (commit == NULL) return;
    writer->next = NULL;
    fl_self_disown(self, commit); /* from here on fl_blocking frees it when I die */

    commit->now_ms = (writer->wall_ns + fl_self_now(self)) / FL_NS_PER_MS;
    int code = fl_blocking(self, fl_commit_run, commit, fl_commit_free);
    for (size_t i = 0; i < commit->count; i++) {
        const struct fl_commit_asker *asker = &commit->askers[i];
        fl_self_reply(self, asker->from, asker->ref, asker->answer.at, asker->answer.len);
    }
    if (code != 0) fprintf(stderr, "%s\n", commit->err.text);
    fl_commit_free(commit);
    /* A full disk may have room again; anything else needs a fresh look at the file, and after a
     * failed fsync nothing less can be trusted. */
    if (code != 0 && code != FL_EFULL) fl_self_fail(self, code);
}

static int writer_on_init(struct fl_self *self, void *state, const void *args)
{
    struct writer *writer = state;
    writer->opts = args;
    /* Wall time is read once: order must not depend on somebody who sets the clock. */
    writer->wall_ns = fl_wall_now() - fl_self_now(self);
    return fl_send(self, fl_self_pid(self), WRITER_OPEN, NULL, 0);
}

/* Adds the call to the next commit, which runs once all that is in the mailbox was added. */
static void writer_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct writer *writer = state;
    if (!writer_open(self, writer)) return;
    int code = msg->tag != FL_CHAT_ASK ? FL_EBADMSG
               : writer->next != NULL  ? fl_commit_add(writer->next, msg)
                                       : FL_EFULL;
    if (code == FL_EFULL) {
        writer_flush(self, writer);
        writer->next = fl_commit_new(writer->held);
        fl_self_own(self, writer->next, fl_commit_free);
        code = fl_commit_add(writer->next, msg);
        int queued = fl_send(self, fl_self_pid(self), WRITER_FLUSH, NULL, 0);
        if (code == 0 && queued != 0) writer_flush(self, writer); /* my mailbox is full */
    }
    if (code != 0) fl_self_reply_error(self, msg->from, msg->ref, code);
}

static void writer_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == WRITER_OPEN) writer_open(self, state);
    if (msg->tag == WRITER_FLUSH) writer_flush(self, state);
}

const struct fl_server fl_chat_writer_server = {
    .name = "writer",
    .state_bytes = sizeof(struct writer),
    .on_init = writer_on_init,
    .on_call = writer_on_call,
    .on_cast = writer_on_cast,
};
