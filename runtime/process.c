#include "runtime/core.h"

#define PID_GENERATION_MASK 0xffffffu
#define SLOT_NONE UINT32_MAX

/* pid: shard:8 | generation:24 | slot:32. Slots are reused in the order they were freed, so that a
 * generation comes round only after all the others. */
static struct fl_slot *slot_at(const struct fl_shard *shard, uint32_t index)
{
    return &shard->slots[index / FL_SLOTS_CHUNK][index % FL_SLOTS_CHUNK];
}

struct fl_shard *fl_proc_shard(const struct fl_node *node, struct fl_pid pid)
{
    uint64_t id = pid.bits >> 56;
    return pid.bits == 0 || id >= (uint64_t)node->shards_count ? NULL : &node->shards[id];
}

struct fl_self *fl_proc_find(const struct fl_shard *shard, struct fl_pid pid)
{
    uint32_t index = (uint32_t)pid.bits;
    if (index / FL_SLOTS_CHUNK >= shard->slots_chunks) return NULL;
    struct fl_slot *slot = slot_at(shard, index);
    return slot->self != NULL && slot->self->pid.bits == pid.bits ? slot->self : NULL;
}

static void slots_grow(struct fl_shard *shard)
{
    uint32_t first = shard->slots_chunks * FL_SLOTS_CHUNK;
    shard->slots = fl_realloc(shard->slots, (shard->slots_chunks + 1) * sizeof(struct fl_slot *));
    struct fl_slot *chunk = fl_new_array(struct fl_slot, FL_SLOTS_CHUNK);
    for (uint32_t i = 0; i < FL_SLOTS_CHUNK; i++)
        chunk[i] = (struct fl_slot){
            .generation = 1,
            .next_free = i + 1 < FL_SLOTS_CHUNK ? first + i + 1 : SLOT_NONE,
        };
    shard->slots[shard->slots_chunks++] = chunk;
    shard->slot_free_head = first;
    shard->slot_free_tail = first + FL_SLOTS_CHUNK - 1;
}

static struct fl_pid slot_take(struct fl_shard *shard, struct fl_self *self)
{
    /* one is always left, so that the tail stays valid */
    if (shard->slots_chunks == 0 || slot_at(shard, shard->slot_free_head)->next_free == SLOT_NONE) {
        uint32_t last = shard->slots_chunks == 0 ? SLOT_NONE : shard->slot_free_head;
        slots_grow(shard);
        if (last != SLOT_NONE) {
            slot_at(shard, last)->next_free = shard->slot_free_head;
            shard->slot_free_head = last;
        }
    }
    uint32_t index = shard->slot_free_head;
    struct fl_slot *slot = slot_at(shard, index);
    shard->slot_free_head = slot->next_free;
    slot->self = self;
    return (struct fl_pid){(uint64_t)shard->id << 56 | (uint64_t)slot->generation << 32 | index};
}

static void slot_give(struct fl_shard *shard, struct fl_pid pid)
{
    uint32_t index = (uint32_t)pid.bits;
    struct fl_slot *slot = slot_at(shard, index);
    slot->self = NULL;
    slot->generation = (slot->generation + 1) & PID_GENERATION_MASK;
    if (slot->generation == 0) slot->generation = 1;
    slot->next_free = SLOT_NONE;
    slot_at(shard, shard->slot_free_tail)->next_free = index;
    shard->slot_free_tail = index;
}

static void proc_count(struct fl_shard *shard, struct fl_self *self, int by)
{
    shard->procs += (uint32_t)by;
    atomic_store_explicit(&shard->procs_now, shard->procs, memory_order_release);
    if (self->flags & FL_PROC_IS_SUP) atomic_fetch_add(&shard->sups_now, (unsigned)by);
}

extern const struct fl_server fl_sup_server;

int fl_proc_new(struct fl_shard *shard, const struct fl_server *server,
                const struct fl_spawn_opts *opts, struct fl_pid starter, uint64_t start_ref,
                struct fl_self **out)
{
    const struct fl_node_opts *limits = &shard->node->opts;
    if (shard->procs >= limits->procs_max) return FL_EFULL;
    if (shard->stop_phase >= FL_STOP_ALL) return FL_ESTATE;

    size_t state_at = (sizeof(struct fl_self) + 15) / 16 * 16;
    struct fl_self *self = fl_alloc(state_at + server->state_bytes);
    self->shard = shard;
    self->server = server;
    self->state = (char *)self + state_at;
    self->pid = slot_take(shard, self);
    self->parent = opts->link_to;
    self->starter = starter;
    self->start_ref = start_ref;
    self->args = opts->args;
    self->flags = FL_PROC_STARTING | (server == &fl_sup_server ? (uint32_t)FL_PROC_IS_SUP : 0);
    self->box_max = opts->mailbox_max != 0 ? opts->mailbox_max : limits->mailbox_max;
    struct fl_list *lists[] = {&self->links,  &self->watchers, &self->monitors,
                               &self->timers, &self->blocks,   &self->ports};
    for (size_t i = 0; i < FL_COUNT(lists); i++)
        fl_list_init(lists[i]);
    int rc = opts->name == NULL ? 0 : fl_name_add(self, opts->name);
    if (rc != 0) {
        slot_give(shard, self->pid);
        free(self);
        return rc;
    }
    proc_count(shard, self, 1);
    struct fl_self *parent = fl_proc_find(shard, self->parent);
    if (parent != NULL && (parent->flags & FL_PROC_IS_SUP)) self->flags |= FL_PROC_SUPERVISED;
    fl_link_both(self, opts->link_to);
    *out = self;
    return 0;
}

static void proc_note(struct fl_self *self, enum fl_note_kind kind, const struct fl_reason *reason)
{
    struct fl_node *node = self->shard->node;
    if (node->opts.on_note == NULL) return;
    if (self->name == NULL && !(self->flags & FL_PROC_SUPERVISED)) return;
    struct fl_note note = {
        .kind = kind,
        .at_ns = fl_shard_now(self->shard),
        .pid = self->pid,
        .name = fl_name_text(self->name),
        .server = self->server->name,
    };
    if (reason != NULL) note.reason = *reason;
    fl_node_note(node, &note);
}

void fl_proc_doom(struct fl_self *self, const struct fl_reason *reason)
{
    if (self->flags & FL_PROC_DOOMED) return;
    fl_shard_unready(self);
    if (self->reason == NULL) self->reason = fl_new(struct fl_reason);
    *self->reason = *reason;
    self->flags |= FL_PROC_DOOMED;
    fl_list_push(&self->shard->doomed, &self->queued);
}

void fl_proc_let_go(struct fl_self *self)
{
    FL_ASSERT(self->flags & FL_PROC_DOOMED);
    self->on_doom = NULL;
    if (self->queued.next == NULL) fl_list_push(&self->shard->doomed, &self->queued);
}

/* The order is a promise: handles and the name first, then EXIT to links, then DOWN to watchers,
 * last the answer to whoever waits for the start. */
void fl_proc_reap(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(self != shard->running);
    FL_ASSERT(self->flags & FL_PROC_DOOMED);
    struct fl_stack *stack = self->stack;
    if (stack != NULL) {
        fl_call_drop_wait(self);
        self->stack = NULL;
        fl_stack_discard(stack);
    }
    fl_port_close_all(self);
    fl_memory_drop_all(self);
    fl_timer_drop_all(self);
    fl_monitor_drop_all(self);
    if (self->flags & FL_PROC_ANNOUNCED) proc_note(self, FL_NOTE_EXIT, self->reason);
    fl_name_drop(self);
    slot_give(shard, self->pid);
    fl_sig_free(shard, self->current);
    for (struct fl_sig *sig = fl_box_pop(self); sig != NULL; sig = fl_box_pop(self))
        fl_sig_free(shard, sig);
    fl_link_break_all(self);
    fl_watch_fire_all(self);
    if (self->start_ref != 0) {
        int code = self->reason->code;
        bool failed = self->reason->kind == FL_EXIT_ERROR && code != 0;
        fl_proc_tell_starter(self, failed ? code : FL_EDIED);
    }
    proc_count(shard, self, -1);
    free(self->reason);
    free(self);
}

static void proc_init(struct fl_self *self)
{
    const struct fl_server *server = self->server;
    int rc = server->on_init == NULL ? 0 : server->on_init(self, self->state, self->args);
    self->flags &= ~(uint32_t)FL_PROC_STARTING;
    self->args = NULL;
    if (self->flags & FL_PROC_DOOMED) return;
    if (rc != 0) {
        struct fl_reason reason = {.kind = FL_EXIT_ERROR, .code = rc};
        fl_proc_doom(self, &reason);
    } else if (!(self->flags & FL_PROC_ENDING)) {
        self->flags |= FL_PROC_ANNOUNCED;
        proc_note(self, FL_NOTE_START, NULL);
        if (self->start_ref != 0) fl_proc_tell_starter(self, 0);
    }
}

/* After each handler: did it ask to end? */
static void proc_after_handler(struct fl_self *self)
{
    if ((self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) != FL_PROC_ENDING) return;
    struct fl_reason reason = *self->reason;
    self->flags |= FL_PROC_TERMINATING;
    if (self->server->on_terminate != NULL) self->server->on_terminate(self, self->state, &reason);
    fl_proc_doom(self, &reason);
}

void fl_proc_run(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    const uint32_t stops = FL_PROC_DOOMED | FL_PROC_SUSPENDED;
    FL_ASSERT(shard->running == NULL);
    shard->running = self;
    if (self->flags & FL_PROC_STARTING) {
        proc_init(self);
        proc_after_handler(self);
    }
    /* A starter that was just told goes on before the mail of its child. */
    int left = shard->run_first != NULL ? 0 : FL_QUANTUM;
    for (; left > 0 && !(self->flags & stops); left--) {
        self->current = fl_box_pop(self);
        if (self->current == NULL) break;
        fl_proc_handle(self, self->current);
        fl_sig_free(shard, self->current);
        self->current = NULL;
        shard->budget--;
        shard->counts.handled++;
        proc_after_handler(self);
    }
    shard->running = NULL;
    if (self->box_len > 0) fl_shard_ready(self);
}

void fl_proc_park(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    FL_ASSERT(shard->stack != &shard->main_stack);
    self->stack = shard->stack;
    self->flags |= FL_PROC_BLOCKED;
    shard->running = NULL;
    fl_stack_switch(shard, fl_stack_take(shard));
    FL_ASSERT(shard->running == self);
}

void fl_proc_wake(struct fl_self *self)
{
    FL_ASSERT(self->flags & FL_PROC_BLOCKED);
    self->flags &= ~(uint32_t)FL_PROC_BLOCKED;
    fl_shard_ready(self);
    /* doomed while it had to wait for another thread: now it can end */
    if ((self->flags & FL_PROC_DOOMED) && self->queued.next == NULL) fl_proc_let_go(self);
}

struct fl_pid fl_self_pid(const struct fl_self *self)
{
    return self->pid;
}

struct fl_node *fl_self_node(const struct fl_self *self)
{
    return self->shard->node;
}

fl_ns fl_self_now(const struct fl_self *self)
{
    return fl_shard_now(self->shard);
}

void fl_self_exit(struct fl_self *self, struct fl_reason reason)
{
    if (self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) return;
    self->flags |= FL_PROC_ENDING;
    self->reason = fl_new(struct fl_reason);
    *self->reason = reason;
}

void fl_self_fail(struct fl_self *self, int code)
{
    struct fl_reason reason = {.kind = FL_EXIT_ERROR, .code = code};
    snprintf(reason.detail, sizeof reason.detail, "%s", fl_code_name(code));
    fl_self_exit(self, reason);
}

void fl_self_trap_exits(struct fl_self *self, bool on)
{
    FL_ASSERT(self->pid.bits != 0);
    self->flags = on ? self->flags | FL_PROC_TRAPS : self->flags & ~(uint32_t)FL_PROC_TRAPS;
}
