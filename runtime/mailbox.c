#include "runtime/annotate.h"
#include "runtime/core.h"
#include "runtime/filter.h"
#include "runtime/sys_log.h"

/* ---- where signals come from: chunks of a shard, never given back before the node ends. They
 * wander between shards with what they carry; a shard that gathers too many shares them. */
#define SIG_SHARE (FL_SIG_POOL_MAX / 2)

static struct fl_sig *sig_malloc(void)
{
    struct fl_sig *sig = malloc(sizeof *sig);
    FL_ASSERT(sig != NULL);
    return sig;
}

static bool sig_take_spare(struct fl_shard *shard)
{
    struct fl_node *node = shard->node;
    pthread_mutex_lock(&node->spare_lock);
    shard->sig_pool = node->spare;
    node->spare = NULL;
    pthread_mutex_unlock(&node->spare_lock);
    return shard->sig_pool != NULL;
}

struct fl_sig *fl_sig_alloc(struct fl_shard *shard)
{
    if (FL_ASAN || shard == NULL || shard->cells.is_plain) return sig_malloc();
    shard->shares_sigs = shard->node->shards_count > 1;
    shard->sig_pool_freed = 0;
    if (!shard->shares_sigs || !sig_take_spare(shard)) {
        struct fl_sig *sigs = fl_chunk_add(&shard->sig_chunks, &shard->sig_chunk_bytes);
        size_t count = shard->sig_chunk_bytes / sizeof *sigs;
        for (size_t i = 0; i < count; i++)
            sigs[i].next = i + 1 < count ? &sigs[i + 1] : NULL;
        shard->sig_pool = sigs;
    }
    struct fl_sig *sig = shard->sig_pool;
    shard->sig_pool = sig->next;
    return sig;
}

/* So many were freed here without the pool running dry: half of that is more than we need. */
void fl_sig_share(struct fl_shard *shard)
{
    struct fl_sig *first = shard->sig_pool, *last = first;
    shard->sig_pool_freed = 0;
    for (unsigned count = 1; count < SIG_SHARE && last->next != NULL; count++)
        last = last->next;
    if (last->next == NULL) return;
    shard->sig_pool = last->next;
    struct fl_node *node = shard->node;
    pthread_mutex_lock(&node->spare_lock);
    last->next = node->spare;
    node->spare = first;
    pthread_mutex_unlock(&node->spare_lock);
}

void fl_sig_release(struct fl_sig *sig)
{
    if (sig->is_malloced) free(sig); /* else: it goes with its chunk */
}

void fl_sigs_fini(struct fl_shard *shard)
{
    fl_chunks_free(&shard->sig_chunks);
    shard->sig_pool = NULL;
}

void fl_sig_set_block(struct fl_sig *sig, const void *data, size_t len)
{
    FL_ASSERT(len <= UINT32_MAX);
    sig->len = (uint32_t)len;
    if (len <= FL_SIG_INLINE) {
        memcpy(sig->bytes, data, len);
        return;
    }
    sig->flags |= FL_SIG_IN_BLOCK;
    sig->block = malloc(len);
    FL_ASSERT(sig->block != NULL);
    memcpy(sig->block, data, len);
}

void fl_sig_drop_load(struct fl_sig *sig)
{
    if (sig->flags & FL_SIG_SPECIAL) {
        if (sig->kind == FL_SIG_TCP_DATA || sig->kind == FL_SIG_TCP_CLOSED) fl_tcp_sig_drop(sig);
        if (sig->kind == FL_SIG_SPAWN) fl_spawn_request_free(sig->spawn);
        if (sig->kind == FL_SIG_DOWN) free(sig->name);
        if (sig->kind == FL_SIG_ASK) sig->ask.drop(sig->ask.cx);
        if (sig->kind == FL_SIG_SYS && sig->sys.drop != NULL) sig->sys.drop(sig->sys.cx);
    }
    if (sig->flags & FL_SIG_IN_BLOCK) free(sig->block);
    if (sig->flags & FL_SIG_SHARED) fl_shared_release(sig->shared);
}

/* ---- the long way in and out */

static size_t sig_bytes(const struct fl_sig *sig)
{
    return sizeof *sig + (sig->flags & FL_SIG_IN_BLOCK ? sig->len : 0);
}

void fl_box_append(struct fl_self *self, struct fl_sig *sig)
{
    if (self->flags & FL_PROC_TRACED) fl_trace_arrived(self, sig);
    uint32_t flags = self->flags & FL_PROC_SLOW_IN;
    self->flags &= ~FL_PROC_SLOW_IN;
    fl_box_push(self, sig);
    self->flags |= flags;
    if (!(flags & FL_PROC_LIMITED)) return;
    self->cold->box_bytes += sig_bytes(sig);
    fl_memory_check(self);
}

void fl_box_push_slow(struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(self->cold != NULL);
    if ((self->flags & FL_PROC_FILTERED) && fl_filter_take(self, sig)) return;
    fl_box_append(self, sig);
}

void fl_box_push_front(struct fl_self *self, struct fl_sig *sig)
{
    FL_ASSERT(!fl_sig_is_counted(sig));
    sig->next = self->box_head;
    self->box_head = sig;
    if (sig->next == NULL) self->box_tail = sig;
    self->box_len++;
    self->box_sys++;
    self->flags |= FL_PROC_RESCAN;
    if (self->flags & FL_PROC_LIMITED) self->cold->box_bytes += sig_bytes(sig);
    if (self->flags & FL_PROC_RECEIVES) fl_receive_wake(self);
}

static void box_room_made(struct fl_self *self)
{
    struct fl_list *waiters = &self->cold->full_waiters;
    if (fl_list_is_empty(waiters)) {
        self->flags &= ~(uint32_t)FL_PROC_HAS_WAITERS;
        return;
    }
    if (self->box_len - self->box_sys >= self->box_max) return;
    struct fl_stack *stack = FL_OWNER(waiters->next, struct fl_stack, wait_room);
    struct fl_self *sender = fl_proc_find(self->shard, stack->wait_watch.watcher);
    fl_list_remove(&stack->wait_room);
    if (sender != NULL) fl_call_end_wait(sender, 0);
}

void fl_box_popped_slow(struct fl_self *self, struct fl_sig *sig)
{
    struct fl_cold *cold = self->cold;
    FL_ASSERT(cold != NULL);
    if (self->flags & FL_PROC_LIMITED) cold->box_bytes -= sig_bytes(sig);
    if (self->flags & FL_PROC_HAS_WAITERS) box_room_made(self);
    if (self->flags & FL_PROC_LOGGED) fl_sys_log_add(self, sig, false);
    if (self->flags & FL_PROC_TRACED) fl_trace_taken(self, sig);
    if (!(self->flags & FL_PROC_HAS_IDLE)) return;
    if (sig->kind == FL_SIG_SYS) {
        fl_idle_start(self, cold->idle->after_ns); /* OTP: at full length */
    } else if (sig->kind != FL_SIG_IDLE) {
        /* any message takes fl_self_timeout back */
        self->flags &= ~(uint32_t)FL_PROC_HAS_IDLE;
        fl_timer_remove(self->shard, &cold->idle->timer);
        cold->idle->ref = 0;
    }
}

struct fl_sig *fl_box_take(struct fl_self *self, struct fl_sig **at, struct fl_sig *before)
{
    struct fl_sig *sig = *at;
    FL_ASSERT(sig != NULL);
    *at = sig->next;
    if (self->box_tail == sig) self->box_tail = before;
    self->box_len--;
    if (!fl_sig_is_counted(sig)) self->box_sys--;
    if (self->flags & FL_PROC_SLOW_OUT) fl_box_popped_slow(self, sig);
    return sig;
}

/* ---- a full mailbox */

static bool box_drop_oldest(struct fl_self *target)
{
    struct fl_sig *before = NULL;
    for (struct fl_sig **at = &target->box_head; *at != NULL; at = &(*at)->next) {
        if ((*at)->kind == FL_SIG_CAST) {
            target->shard->counts.dropped_full++;
            target->flags |= FL_PROC_RESCAN;
            fl_sig_free(target->shard, fl_box_take(target, at, before));
            return true;
        }
        before = *at;
    }
    return false;
}

/* Waits for room, or the target's end. */
static int box_wait(struct fl_self *target, struct fl_self *sender, fl_ns due_ns)
{
    struct fl_shard *shard = sender->shard;
    struct fl_stack *stack = shard->stack;
    uint64_t ref = fl_shard_next_ref(shard);
    fl_call_arm_wait(sender, ref, due_ns);
    stack->wait_watch = (struct fl_watch){
        .watcher = sender->pid, .ref = ref, .kind = FL_WATCH_BORROWED};
    stack->wait_target = target->pid;
    fl_list_push(&target->watchers, &stack->wait_watch.of_target);
    fl_list_push(&fl_proc_cold(target)->full_waiters, &stack->wait_room);
    target->flags |= FL_PROC_HAS_WAITERS;
    fl_proc_park(sender);
    int code = stack->wait.code;
    fl_sig_free(shard, stack->wait.reply);
    stack->wait = (struct fl_wait){0};
    return code == FL_EDIED ? FL_ENOPROC : code;
}

int fl_box_make_room(struct fl_self *target, struct fl_self *sender, fl_ns due_ns)
{
    enum fl_full full = fl_box_when_full(target);
    struct fl_pid pid = target->pid;
    FL_ASSERT(fl_box_is_full(target));
    if (full == FL_FULL_DROP_OLDEST && box_drop_oldest(target)) return 0;
    if (full == FL_FULL_BLOCK && sender != NULL && sender != target) {
        struct fl_shard *shard = sender->shard;
        while (target != NULL && fl_box_is_full(target)) {
            int rc = box_wait(target, sender, due_ns);
            if (rc != 0) return rc;
            target = fl_proc_find(shard, pid);
        }
        return target == NULL ? FL_ENOPROC : 0;
    }
    target->shard->counts.dropped_full++;
    if (full == FL_FULL_EXIT) {
        struct fl_reason reason = fl_reason_with(FL_EXIT_KILLED, FL_EFULL, "mailbox_max %u",
                                                 target->box_max);
        fl_proc_doom(target, &reason);
    }
    return FL_EFULL;
}
