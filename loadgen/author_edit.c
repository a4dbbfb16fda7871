/* author_edit.c: the one edit that is in flight: made, sent, in or refused. */
#include "loadgen/author_inside.h"

#include "runtime/base/clock.h"

void author_send(struct fl_author *author)
{
    struct fl_buf payload = {0};
    fl_buf_printf(&payload, "{\"client\":\"%s\",\"seq\":%lld,\"base\":%lld,\"op\":", author->id,
                  (long long)author->seq, (long long)author->edit.base);
    fl_buf_add(&payload, author->edit.op.at, author->edit.op.len);
    fl_buf_putc(&payload, '}');
    struct fl_pending *pending = author->edit.pending;
    if (pending != NULL && pending->sent_ns == 0) pending->sent_ns = fl_now();
    author_push(author, "op", &payload);
    author_retry_in(author, AUTHOR_PATIENCE_MS);
}

void author_make(struct fl_author *author)
{
    struct fl_author_edit *edit = &author->edit;
    size_t at, len;
    edit->out_key = 0;
    while (author->kept_count == author->kept_max) {
        uint64_t oldest = author->kept[author->kept_at];
        if (fl_replica_find(&author->replica, oldest, &at, &len)) {
            edit->out_key = oldest;
            author_observe(author, FL_OBS_EDIT_OUT_MAYBE, oldest);
            break;
        }
        author_observe(author, FL_OBS_EDIT_MISSED, oldest); /* it was in, and nobody took it out */
        author->kept_at = (author->kept_at + 1) % author->kept_max;
        author->kept_count--;
    }
    edit->base = author->replica.rev;
    edit->is_stale = false;
    edit->op.len = 0;
    fl_replica_put_edit(&author->replica, &author->rng, edit->key, edit->out_key, &edit->op);
}

static struct fl_pending *author_pop(struct fl_author *author)
{
    struct fl_pending *pending = author->first;
    author->first = pending->work;
    if (author->first == NULL) author->last = NULL;
    pending->work = NULL;
    return pending;
}

void author_go(struct fl_author *author)
{
    bool can = author->member.state == FL_MEMBER_JOINED && author->replica.is_known &&
               !author->is_syncing && author->edit.key == 0;
    if (!can || author->first == NULL) return;
    struct fl_pending *pending = author_pop(author);
    author->edit.pending = pending;
    author->edit.key = pending->key;
    author->seq++;
    author_make(author);
    author_send(author);
}

void author_settle(struct fl_author *author, enum fl_outcome outcome, enum fl_op_error error)
{
    struct fl_pending *pending = author->edit.pending;
    author->edit.key = 0;
    author->edit.pending = NULL;
    if (!author->is_syncing) uv_timer_stop(&author->retry);
    if (pending != NULL) fl_load_settle(pending, outcome, error, fl_now());
}

void author_acknowledged(struct fl_author *author)
{
    struct fl_author_edit *edit = &author->edit;
    author_observe(author, FL_OBS_EDIT_IN, edit->key);
    if (edit->out_key != 0) {
        author_observe(author, FL_OBS_EDIT_OUT, edit->out_key);
        author->kept_at = (author->kept_at + 1) % author->kept_max;
        author->kept_count--;
    }
    uint32_t place = (author->kept_at + author->kept_count++) % author->kept_max;
    author->kept[place] = edit->key;
    author_settle(author, FL_OK, FL_OPERR_NONE);
}

/* ---- its owner's side ---- */

void fl_author_write(struct fl_author *author, struct fl_pending *pending)
{
    pending->work = NULL;
    if (author->last != NULL)
        author->last->work = pending;
    else
        author->first = pending;
    author->last = pending;
    author_go(author);
}

void fl_author_drop(struct fl_author *author, const struct fl_pending *pending)
{
    if (author->edit.pending == pending) {
        author->edit.pending = NULL;
        return;
    }
    struct fl_pending *first = author_pop(author);
    FL_ASSERT(first == pending); /* deadlines come in due order, too */
}
