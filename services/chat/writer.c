#include "services/chat/writer.h"

#include "services/disk/clerk.h"

/* A page may bring 150 KiB, so this many hold at most 20 MiB. */
#define WRITER_PAGES_MAX 128

static int writer_open(void **db, const void *args, struct fl_err *err)
{
    struct fl_archive_opts opts = *(const struct fl_archive_opts *)args;
    /* The file was checked when the program started (chat.c), and a crash of mine harms no file. */
    opts.unchecked = true;
    struct fl_archive *archive = NULL;
    int code = fl_archive_open(&archive, &opts, err);
    *db = archive;
    return code;
}

static void writer_close(void *db)
{
    fl_archive_close(db);
}

/* Only what may bring many rows weighs anything. */
static size_t writer_weigh(const struct fl_msg *call)
{
    struct fl_archive_op op;
    return fl_chat_ask_read((struct fl_str){call->data, call->len}, &op) && op.limit > 0;
}

/* What is no request is not among the operations. */
static int writer_work(void *db, struct fl_clerk_batch *batch)
{
    struct fl_archive_op *ops = fl_new_array(struct fl_archive_op, batch->count);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        bool is_one = fl_chat_ask_read(batch->asks[i].bytes, &ops[count]);
        batch->asks[i].code = is_one ? 0 : FL_EBADMSG;
        if (is_one) count++;
    }
    int code = fl_archive_apply(db, ops, count, batch->now_ms, &batch->err);
    for (size_t i = 0, next = 0; i < batch->count; i++) {
        if (batch->asks[i].code != 0) continue;
        fl_chat_answer_put(&ops[next], &batch->asks[i].answer);
        fl_archive_op_fini(&ops[next++]);
    }
    free(ops);
    return code;
}

static const struct fl_clerk_kind writer_kind = {
    .tag = FL_CHAT_ASK,
    .asks_max = FL_ARCHIVE_GROUP_MAX,
    .weight_max = WRITER_PAGES_MAX,
    .weigh = writer_weigh,
    .open = writer_open,
    .close = writer_close,
    .work = writer_work,
};

static int writer_on_init(struct fl_self *self, void *state, const void *args)
{
    return fl_clerk_init(self, state, &writer_kind, args, NULL);
}

const struct fl_server fl_chat_writer_server = {
    .name = "writer",
    .state_bytes = sizeof(struct fl_clerk),
    .on_init = writer_on_init,
    .on_call = fl_clerk_on_call,
    .on_cast = fl_clerk_on_cast,
};
