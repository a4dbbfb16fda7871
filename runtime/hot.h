/* hot.h: what every message passes through, inline. Included by core.h, and by nothing else. */
#ifndef FL_RUNTIME_HOT_H
#define FL_RUNTIME_HOT_H

#include "runtime/annotate.h"

/* Freed signals are kept for the next send; under ASan not, so that a use after free is seen. */
#define FL_SIG_POOL_MAX 65536u

/* A free slot keeps the id it gives out next, with a shard that does not exist, and in place of the
 * pointer the next free one. Slots are used again in the order they were freed, and not before this
 * many are free, so that a generation comes round only after very long. */
#define FL_TABLE_FREE_SHARD (UINT64_C(0xff) << 56)
#define FL_TABLE_FREE_LEAST 64u

/** An id for ptr; 0 when all are in use. */
static inline uint64_t fl_table_take(struct fl_table *table, int shard_id, void *ptr)
{
    if (FL_UNLIKELY(table->free_count < FL_TABLE_FREE_LEAST))
        return fl_table_take_fresh(table, shard_id, ptr);
    struct fl_slot *slot = &table->slots[table->free_head];
    uint64_t bits = (slot->bits & ~FL_TABLE_FREE_SHARD) | (uint64_t)shard_id << 56;
    table->free_head = (uint32_t)(uintptr_t)slot->ptr;
    table->free_count--;
    slot->ptr = ptr;
    slot->bits = bits;
    return bits;
}

/** Ends an id; it is not used again soon. */
static inline void fl_table_give(struct fl_table *table, uint64_t bits)
{
    uint32_t index = (uint32_t)bits & (FL_ID_SLOTS_MAX - 1);
    struct fl_slot *slot = &table->slots[index];
    FL_ASSERT(slot->bits == bits);
    uint64_t low = (bits + FL_ID_SLOTS_MAX) & (FL_ID_ALIAS - 1);    /* the next generation */
    if (FL_UNLIKELY(low < FL_ID_SLOTS_MAX)) low += FL_ID_SLOTS_MAX; /* never zero */
    slot->bits = FL_TABLE_FREE_SHARD | low;
    slot->ptr = NULL;
    if (FL_UNLIKELY(table->free_count++ == 0))
        table->free_head = index;
    else
        table->slots[table->free_tail].ptr = (void *)(uintptr_t)index;
    table->free_tail = index;
}

/** Memory of this size, not zeroed; never NULL. */
static inline void *fl_cell_new(struct fl_shard *shard, size_t bytes)
{
    size_t class = (bytes + FL_CELL_STEP - 1) / FL_CELL_STEP;
    void **cell = bytes > FL_CELL_MAX ? NULL : shard->cells.free[class];
    if (FL_UNLIKELY(cell == NULL)) return fl_cell_new_slow(shard, bytes);
    shard->cells.free[class] = *cell;
    return cell;
}

/** The same, zeroed. */
static inline void *fl_cell_new_zeroed(struct fl_shard *shard, size_t bytes)
{
    return memset(fl_cell_new(shard, bytes), 0, bytes);
}

/** Gives it back; the same size as it was taken with. NULL is fine. */
static inline void fl_cell_free(struct fl_shard *shard, void *ptr, size_t bytes)
{
    struct fl_cells *cells = &shard->cells;
    if (ptr == NULL) return;
    if (FL_ASAN || FL_UNLIKELY(cells->is_plain) || bytes > FL_CELL_MAX) {
        fl_cell_free_slow(ptr);
        return;
    }
    size_t class = (bytes + FL_CELL_STEP - 1) / FL_CELL_STEP;
    *(void **)ptr = cells->free[class];
    cells->free[class] = ptr;
}

/** The record of the watching side of a monitor or a call, or NULL. */
static inline struct fl_monitor *fl_monitor_find(struct fl_shard *shard, uint64_t ref)
{
    uint8_t *record = fl_table_find(&shard->refs, ref);
    if (record == NULL || (*record != FL_RECORD_MONITOR && *record != FL_RECORD_CALL)) return NULL;
    return FL_OWNER(record, struct fl_monitor, record);
}

/** Fetches what a message touches of a process, for later; any address will do. */
static inline void fl_proc_prefetch(const struct fl_self *self)
{
    __builtin_prefetch(&self->queued, 1);
    __builtin_prefetch(&self->box_head, 1);
}

/** The state of a server: right behind its process. */
static inline void *fl_self_state(struct fl_self *self)
{
    return (char *)self + FL_SELF_BYTES;
}

/** Which shard a pid lives on; NULL for a pid that makes no sense. */
static inline struct fl_shard *fl_proc_shard(const struct fl_node *node, struct fl_pid pid)
{
    uint64_t id = pid.bits >> 56;
    return pid.bits == 0 || id >= (uint64_t)node->shards_count ? NULL : &node->shards[id];
}

/** The living process of this pid on this shard, or NULL. */
static inline struct fl_self *fl_proc_find(const struct fl_shard *shard, struct fl_pid pid)
{
    return fl_table_find(&shard->procs_by_pid, pid.bits);
}

/** Does this pid live on this shard? */
static inline bool fl_shard_has(const struct fl_shard *shard, struct fl_pid pid)
{
    return pid.bits >> 56 == (uint64_t)shard->id && pid.bits != 0;
}

/** Why a process ends, once it is DOOMED or ENDING. */
static inline const struct fl_reason *fl_proc_reason(const struct fl_self *self)
{
    FL_ASSERT(self->end != NULL);
    return &self->end->reason;
}

/** The same as fl_shard_ready, on a shard that is not simulated. */
static inline void fl_shard_queue(struct fl_self *self)
{
    uint32_t flags = self->flags;
    if ((flags & FL_PROC_NOT_NOW) != 0) return;
    self->flags = flags | FL_PROC_IN_QUEUE;
    struct fl_run_queue *queue = &self->shard->queues[(flags >> FL_PROC_PRIORITY_SHIFT) & 3];
    self->next_to_run = NULL;
    if (queue->head == NULL)
        queue->head = self;
    else
        queue->tail->next_to_run = self;
    queue->tail = self;
}

/** Puts a process into the run queue unless it must not run. */
static inline void fl_shard_ready(struct fl_self *self)
{
    if (FL_LIKELY(!self->shard->is_simulated)) {
        fl_shard_queue(self);
    } else if ((self->flags & FL_PROC_NOT_NOW) == 0) {
        self->flags |= FL_PROC_IN_QUEUE;
        fl_sim_push(self);
    }
}

/** Another priority than normal is used. */
static inline void fl_shard_use_priorities(struct fl_shard *shard)
{
    shard->has_priorities = true;
    shard->is_plain_turn = false;
}

/** For the watchdog: another handler begins. */
static inline void fl_shard_next_epoch(struct fl_shard *shard)
{
    uint64_t epoch = atomic_load_explicit(&shard->epoch, memory_order_relaxed);
    atomic_store_explicit(&shard->epoch, epoch + 1, memory_order_relaxed);
}

/** For the watchdog: this process runs from now on. */
static inline void fl_shard_note_running(struct fl_shard *shard, const struct fl_self *self)
{
    atomic_store_explicit(&shard->running_pid, self->pid.bits, memory_order_relaxed);
    atomic_store_explicit(&shard->running_server, self->server, memory_order_relaxed);
}

/** The header of a fresh signal of a pool. */
static inline void fl_sig_init(struct fl_sig *sig, enum fl_sig_kind kind, struct fl_pid to,
                               struct fl_pid from)
{
    sig->kind = (uint8_t)kind;
    sig->flags = 0;
    sig->is_malloced = false;
    sig->tag = 0;
    sig->len = 0;
    sig->code = 0;
    sig->to = to;
    sig->from = from;
    sig->ref = 0;
}

/** A signal from the pool of the shard that runs on this thread (NULL: none); never NULL. */
static inline struct fl_sig *fl_sig_new(struct fl_shard *shard, enum fl_sig_kind kind,
                                        struct fl_pid to, struct fl_pid from)
{
    struct fl_sig *sig = shard == NULL ? NULL : shard->sig_pool;
    if (FL_LIKELY(sig != NULL)) {
        shard->sig_pool = sig->next;
        fl_sig_init(sig, kind, to, from);
    } else {
        sig = fl_sig_alloc(shard);
        fl_sig_init(sig, kind, to, from);
        sig->is_malloced = FL_ASAN || shard == NULL || shard->cells.is_plain;
    }
    return sig;
}

/** Copies data into the signal, inline or in a block. */
static inline void fl_sig_set_data(struct fl_sig *sig, const void *data, size_t len)
{
    if (len <= 16 && len > 0) {
        sig->len = (uint32_t)len;
        if (len == 8)
            memcpy(sig->bytes, data, 8);
        else
            memcpy(sig->bytes, data, len);
    } else if (len > 0) {
        fl_sig_set_block(sig, data, len);
    }
}

/** The data that it carries. */
static inline const void *fl_sig_data(const struct fl_sig *sig)
{
    if (FL_UNLIKELY(sig->flags & FL_SIG_SHARED)) return fl_shared_data(sig->shared);
    if (FL_UNLIKELY(sig->flags & FL_SIG_IN_BLOCK)) return sig->block;
    return sig->len == 0 ? NULL : sig->bytes;
}

/** A message as its handler sees it. */
static inline void fl_msg_of(const struct fl_sig *sig, struct fl_msg *out)
{
    *out = (struct fl_msg){.tag = sig->tag,
                           .len = sig->len,
                           .from = sig->from,
                           .ref = sig->ref,
                           .kind = (enum fl_msg_kind)sig->kind,
                           .code = sig->code};
    if (sig->kind <= FL_SIG_REPLY) {
        out->data = fl_sig_data(sig);
        out->shared = sig->flags & FL_SIG_SHARED ? sig->shared : NULL;
    } else if (sig->kind > FL_SIG_EXIT) {
        out->kind = FL_MSG_PORT;
    } else if (sig->kind != FL_SIG_TIMER) {
        out->reason = &sig->reason;
        out->name = sig->flags & FL_SIG_SPECIAL ? sig->name : NULL;
    }
}

/** The same for a cast or call, into an otherwise zeroed message; false: it is none. */
static inline bool fl_msg_of_plain(const struct fl_sig *sig, struct fl_msg *out)
{
    _Static_assert((int)FL_MSG_EXIT == (int)FL_SIG_EXIT, "the first kinds are the same");
    out->tag = sig->tag;
    out->len = sig->len;
    out->from = sig->from;
    out->ref = sig->ref;
    out->data = sig->len == 0 ? NULL : sig->bytes;
    out->shared = NULL;
    out->kind = (enum fl_msg_kind)sig->kind;
    if (FL_UNLIKELY(sig->flags & (FL_SIG_SHARED | FL_SIG_IN_BLOCK))) {
        out->data = fl_sig_data(sig);
        if (sig->flags & FL_SIG_SHARED) out->shared = sig->shared;
    }
    return FL_LIKELY(sig->kind <= FL_SIG_CALL);
}

/** Frees a signal and what it carries; shard NULL: from a thread that is none. NULL is fine. */
static inline void fl_sig_free(struct fl_shard *shard, struct fl_sig *sig)
{
    if (sig == NULL) return;
    if (FL_UNLIKELY(sig->flags & (FL_SIG_IN_BLOCK | FL_SIG_SHARED | FL_SIG_SPECIAL)))
        fl_sig_drop_load(sig);
    if (FL_ASAN || FL_UNLIKELY(shard == NULL || sig->is_malloced)) {
        fl_sig_release(sig);
        return;
    }
    sig->next = shard->sig_pool;
    shard->sig_pool = sig;
    if (FL_UNLIKELY(shard->shares_sigs) && ++shard->sig_pool_freed > FL_SIG_POOL_MAX)
        fl_sig_share(shard);
}

/** Frees what the last fl_receive on this stack gave. */
static inline void fl_stack_drop_held(struct fl_shard *shard, struct fl_stack *stack)
{
    if (FL_LIKELY(stack->held == NULL)) return;
    fl_sig_free(shard, stack->held);
    stack->held = NULL;
}

/** What becomes of a message when the mailbox is full. */
static inline enum fl_full fl_box_when_full(const struct fl_self *self)
{
    return (enum fl_full)((self->flags >> FL_PROC_FULL_SHIFT) & 3);
}

/** Appends to the mailbox and nothing else. */
static inline void fl_box_link(struct fl_self *self, struct fl_sig *sig)
{
    sig->next = NULL;
    if (self->box_head == NULL)
        self->box_head = sig;
    else
        self->box_tail->next = sig;
    self->box_tail = sig;
    self->box_len++;
}

/** Appends to the mailbox and makes the process run. Takes sig. */
static inline void fl_box_push(struct fl_self *self, struct fl_sig *sig)
{
    if (FL_UNLIKELY(self->flags & FL_PROC_SLOW_IN)) {
        fl_box_push_slow(self, sig);
        return;
    }
    fl_box_link(self, sig);
    if (!(self->flags & FL_PROC_BLOCKED))
        fl_shard_ready(self);
    else if (self->flags & FL_PROC_RECEIVES)
        fl_receive_wake(self);
}

/** The same for what no limit counts. */
static inline void fl_box_push_sys(struct fl_self *self, struct fl_sig *sig)
{
    self->box_sys++;
    fl_box_push(self, sig);
}

/** Is the mailbox at its limit? */
static inline bool fl_box_is_full(const struct fl_self *self)
{
    return FL_UNLIKELY(self->box_len - self->box_sys >= self->box_max);
}

/** Is it counted against the limit of a mailbox? */
static inline bool fl_sig_is_counted(const struct fl_sig *sig)
{
    return sig->kind <= FL_SIG_CALL;
}

/** The next message or NULL; the caller frees it. */
static inline struct fl_sig *fl_box_pop(struct fl_self *self)
{
    struct fl_sig *sig = self->box_head;
    if (sig == NULL) return NULL;
    self->box_head = sig->next;
    self->box_len--;
    if (!fl_sig_is_counted(sig)) self->box_sys--;
    if (FL_UNLIKELY(self->flags & FL_PROC_SLOW_OUT)) fl_box_popped_slow(self, sig);
    return sig;
}

#endif
