#include "runtime/annotate.h"
#include "runtime/core.h"

/* Freed signals are kept for the next send; under ASan not, so that a use after free is seen. */
#define SIG_POOL_MAX 16384u

struct fl_sig *fl_sig_new(struct fl_shard *shard, enum fl_sig_kind kind, struct fl_pid to,
                          struct fl_pid from)
{
    struct fl_sig *sig = shard == NULL ? NULL : shard->sig_pool;
    if (sig != NULL) {
        shard->sig_pool = sig->next;
        shard->sig_pool_count--;
    } else {
        sig = malloc(sizeof *sig);
        FL_ASSERT(sig != NULL);
    }
    memset(sig, 0, offsetof(struct fl_sig, bytes));
    sig->kind = (uint8_t)kind;
    sig->to = to;
    sig->from = from;
    return sig;
}

void fl_sig_set_data(struct fl_sig *sig, const void *data, size_t len)
{
    FL_ASSERT(len <= UINT32_MAX);
    sig->len = (uint32_t)len;
    if (len == 0) return;
    if (len <= FL_SIG_INLINE) {
        memcpy(sig->bytes, data, len);
        return;
    }
    sig->flags |= FL_SIG_IN_BLOCK;
    sig->block = malloc(len);
    FL_ASSERT(sig->block != NULL);
    memcpy(sig->block, data, len);
}

const void *fl_sig_data(const struct fl_sig *sig)
{
    if (sig->flags & FL_SIG_SHARED) return fl_shared_data(sig->shared);
    if (sig->flags & FL_SIG_IN_BLOCK) return sig->block;
    return sig->len == 0 ? NULL : sig->bytes;
}

void fl_sig_free(struct fl_shard *shard, struct fl_sig *sig)
{
    if (sig == NULL) return;
    if (sig->kind == FL_SIG_TCP_DATA || sig->kind == FL_SIG_TCP_CLOSED) fl_tcp_sig_drop(sig);
    if (sig->kind == FL_SIG_SPAWN) fl_spawn_request_free(sig->spawn);
    if (sig->flags & FL_SIG_IN_BLOCK) free(sig->block);
    if (sig->flags & FL_SIG_SHARED) fl_shared_release(sig->shared);
    if (FL_ASAN || shard == NULL || shard->sig_pool_count >= SIG_POOL_MAX) {
        free(sig);
        return;
    }
    sig->next = shard->sig_pool;
    shard->sig_pool = sig;
    shard->sig_pool_count++;
}

void fl_box_push(struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(sig->kind <= FL_SIG_PORT);
    sig->next = NULL;
    if (self->box_tail == NULL)
        self->box_head = sig;
    else
        self->box_tail->next = sig;
    self->box_tail = sig;
    self->box_len++;
    if (!(self->flags & FL_PROC_BLOCKED)) fl_shard_ready(self);
}

struct fl_sig *fl_box_pop(struct fl_self *self)
{
    struct fl_sig *sig = self->box_head;
    if (sig == NULL) return NULL;
    self->box_head = sig->next;
    if (self->box_head == NULL) self->box_tail = NULL;
    self->box_len--;
    return sig;
}
