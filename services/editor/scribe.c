#include "services/editor/scribe.h"

#include "services/editor/desk.h"

#define SCRIBE_ASKS_MAX 512
#define SCRIBE_BYTES_MAX ((size_t)16 << 20)

static size_t scribe_weigh(const struct fl_msg *call)
{
    return call->len;
}

static int scribe_open(void **db, const void *args, struct fl_err *err)
{
    const struct fl_scribe_opts *opts = args;
    char *path = fl_format("%s/editor.db", opts->folder);
    const struct fl_doc_archive_opts archive = {
        .path = path, .keep_revs = opts->keep_revs, .pages_max = opts->pages_max};
    struct fl_doc_archive *opened = NULL;
    int code = fl_doc_archive_open(&opened, &archive, err);
    free(path);
    *db = opened;
    return code;
}

static void scribe_close(void *db)
{
    fl_doc_archive_close(db);
}

static const struct fl_clerk_kind scribe_kind = {
    .tag = FL_SCRIBE_ASK,
    .asks_max = SCRIBE_ASKS_MAX,
    .weight_max = SCRIBE_BYTES_MAX,
    .weigh = scribe_weigh,
    .open = scribe_open,
    .close = scribe_close,
    .work = fl_desk_work,
};

static int scribe_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct fl_scribe_opts *opts = args;
    return fl_clerk_init(self, state, &scribe_kind, opts, opts->instance);
}

const struct fl_server fl_scribe_server = {
    .name = "scribe",
    .state_bytes = sizeof(struct fl_clerk),
    .on_init = scribe_on_init,
    .on_call = fl_clerk_on_call,
    .on_cast = fl_clerk_on_cast,
};
