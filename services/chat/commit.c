#include "services/chat/commit.h"

#include <stdatomic.h>

/* A page may bring 150 KiB, so this many hold at most 20 MiB. */
#define COMMIT_PAGES_MAX 128

struct fl_held_archive {
    atomic_int refs;
    struct fl_archive *archive;
};

struct fl_held_archive *fl_held_archive_new(struct fl_archive *archive_take)
{
    struct fl_held_archive *held = fl_new(struct fl_held_archive);
    atomic_init(&held->refs, 1);
    held->archive = archive_take;
    return held;
}

void fl_held_archive_release(void *held)
{
    struct fl_held_archive *mine = held;
    if (atomic_fetch_sub(&mine->refs, 1) > 1) return;
    fl_archive_close(mine->archive);
    free(mine);
}

struct fl_commit *fl_commit_new(struct fl_held_archive *held)
{
    struct fl_commit *commit = fl_new(struct fl_commit);
    atomic_fetch_add(&held->refs, 1);
    commit->held = held;
    return commit;
}

void fl_commit_free(void *commit)
{
    struct fl_commit *mine = commit;
    if (mine == NULL) return;
    for (size_t i = 0; i < mine->count; i++) {
        fl_archive_op_fini(&mine->ops[i]);
        fl_buf_fini(&mine->askers[i].answer);
        free(mine->askers[i].bytes);
    }
    fl_held_archive_release(mine->held);
    free(mine);
}

int fl_commit_add(struct fl_commit *commit, const struct fl_msg *call)
{
    struct fl_archive_op *op = &commit->ops[commit->count];
    if (commit->count == FL_ARCHIVE_GROUP_MAX || commit->pages == COMMIT_PAGES_MAX) return FL_EFULL;
    char *bytes = fl_alloc(call->len + 1);
    if (call->len > 0) memcpy(bytes, call->data, call->len);
    if (!fl_chat_ask_read((struct fl_str){bytes, call->len}, op)) {
        free(bytes);
        return FL_EBADMSG;
    }
    if (op->limit > 0) commit->pages++;
    commit->askers[commit->count++] = (struct fl_commit_asker){
        .from = call->from, .ref = call->ref, .bytes = bytes};
    return 0;
}

int fl_commit_run(void *commit)
{
    struct fl_commit *mine = commit;
    int code = fl_archive_apply(mine->held->archive, mine->ops, mine->count, mine->now_ms,
                                &mine->err);
    for (size_t i = 0; i < mine->count; i++)
        fl_chat_answer_put(&mine->ops[i], &mine->askers[i].answer);
    return code;
}
