#include "services/editor/scribe.h"

#include "services/editor/desk.h"

/* tags of its own casts */
enum { SCRIBE_OPEN = 1, SCRIBE_WORK };

struct scribe {
    const struct fl_scribe_opts *opts;
    struct fl_held_doc_archive *held; /* NULL until it is open */
    struct fl_desk *next;             /* what the next transaction will do; NULL: nothing yet */
};

/** Work for a pool thread: opening may replay a long log. */
struct scribe_opening {
    char *path;
    struct fl_doc_archive_opts opts;
    struct fl_doc_archive *archive;
    struct fl_err err;
};

static int scribe_open_work(void *arg)
{
    struct scribe_opening *opening = arg;
    opening->opts.path = opening->path;
    return fl_doc_archive_open(&opening->archive, &opening->opts, &opening->err);
}

static void scribe_opening_free(void *arg)
{
    struct scribe_opening *opening = arg;
    fl_doc_archive_close(opening->archive);
    free(opening->path);
    free(opening);
}

/** Opens the archive unless it is open. False: I am ending. */
static bool scribe_open(struct fl_self *self, struct scribe *scribe)
{
    if (scribe->held != NULL) return true;
    struct scribe_opening *opening = fl_new(struct scribe_opening);
    opening->path = fl_format("%s/editor.db", scribe->opts->folder);
    opening->opts.keep_revs = scribe->opts->keep_revs;
    opening->opts.pages_max = scribe->opts->pages_max;
    int code = fl_blocking(self, scribe_open_work, opening, scribe_opening_free);
    if (code == 0) {
        scribe->held = fl_held_doc_archive_new(opening->archive);
        opening->archive = NULL;
        fl_self_own(self, scribe->held, fl_held_doc_archive_release);
    } else {
        fprintf(stderr, "%s: %s\n", scribe->opts->instance, opening->err.text);
        fl_self_fail(self, code);
    }
    scribe_opening_free(opening);
    return code == 0;
}

/** Does what was collected, off this thread, and answers. New calls wait in the mailbox. */
static void scribe_work(struct fl_self *self, struct scribe *scribe)
{
    struct fl_desk *desk = scribe->next;
    if (desk == NULL) return;
    scribe->next = NULL;
    fl_self_disown(self, desk); /* from here on fl_blocking frees it when I die */
    int code = fl_blocking(self, fl_desk_work, desk, fl_desk_free);
    for (size_t i = 0; i < desk->count; i++) {
        const struct fl_desk_asker *asker = &desk->askers[i];
        if (asker->code == 0)
            fl_self_reply(self, asker->from, asker->ref, asker->answer.at, asker->answer.len);
        else
            fl_self_reply_error(self, asker->from, asker->ref, asker->code);
    }
    if (code != 0) fprintf(stderr, "%s: %s\n", scribe->opts->instance, desk->err.text);
    fl_desk_free(desk);
    /* A full disk may have room again; anything else needs a fresh look at the file, and after a
     * failed fsync nothing less can be trusted. */
    if (code != 0 && code != FL_EFULL) fl_self_fail(self, code);
}

static int scribe_on_init(struct fl_self *self, void *state, const void *args)
{
    struct scribe *scribe = state;
    scribe->opts = args;
    return fl_send(self, fl_self_pid(self), SCRIBE_OPEN, NULL, 0);
}

/** Puts the call on the desk, which is worked on once all that is in the mailbox is there. */
static void scribe_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct scribe *scribe = state;
    if (msg->tag != FL_SCRIBE_ASK) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
        return;
    }
    if (!scribe_open(self, scribe)) return;
    if (scribe->next != NULL && fl_desk_add(scribe->next, msg) == 0) return;
    scribe_work(self, scribe);
    scribe->next = fl_desk_new(scribe->held);
    fl_self_own(self, scribe->next, fl_desk_free);
    int code = fl_desk_add(scribe->next, msg);
    FL_ASSERT(code == 0); /* an empty one takes anything */
    /* no room in my own mailbox: then it is done now */
    if (fl_send(self, fl_self_pid(self), SCRIBE_WORK, NULL, 0) != 0) scribe_work(self, scribe);
}

static void scribe_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct scribe *scribe = state;
    if (msg->tag == SCRIBE_OPEN) scribe_open(self, scribe);
    if (msg->tag == SCRIBE_WORK) scribe_work(self, scribe);
}

const struct fl_server fl_scribe_server = {
    .name = "scribe",
    .state_bytes = sizeof(struct scribe),
    .on_init = scribe_on_init,
    .on_call = scribe_on_call,
    .on_cast = scribe_on_cast,
};
