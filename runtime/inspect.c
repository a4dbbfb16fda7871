#include "runtime/inspect.h"

#include "runtime/gather.h"
#include "runtime/inspect_core.h"

#define SLOTS_AT_ONCE 4096u  /* looked at before the shard goes on */
#define MESSAGES_WEIGHED 64u /* of a mailbox; the rest is taken to weigh as much */

const char *fl_proc_state_word(enum fl_proc_state state)
{
    static const char *const words[] = {
        [FL_STATE_IDLE] = "idle",         [FL_STATE_READY] = "ready",
        [FL_STATE_RECEIVES] = "receives", [FL_STATE_CALLS] = "calls",
        [FL_STATE_BLOCKED] = "blocked",   [FL_STATE_SUSPENDED] = "suspended",
        [FL_STATE_STARTING] = "starting", [FL_STATE_ENDING] = "ending",
    };
    FL_ASSERT((size_t)state < FL_COUNT(words));
    return words[state];
}

/* ---- one process */

static uint32_t list_count(const struct fl_list *list)
{
    uint32_t count = 0;
    for (const struct fl_list *at = list->next; at != NULL && at != list; at = at->next)
        if (++count == FL_INSPECT_COUNT_MAX) break;
    return count;
}

static size_t mailbox_bytes(const struct fl_self *self)
{
    size_t blocks = 0, weighed = 0;
    const struct fl_sig *sig = self->box_head;
    for (; sig != NULL && weighed < MESSAGES_WEIGHED; sig = sig->next, weighed++)
        if (sig->flags & FL_SIG_IN_BLOCK) blocks += sig->len;
    if (weighed > 0 && sig != NULL) blocks = blocks * self->box_len / weighed;
    return self->box_len * sizeof(struct fl_sig) + blocks;
}

static size_t proc_bytes(const struct fl_self *self)
{
    size_t bytes = FL_SELF_BYTES + self->state_bytes + mailbox_bytes(self);
    const struct fl_stack *stack = self->stack;
    if (self->cold != NULL) bytes += sizeof *self->cold + self->cold->block_bytes;
    if (stack != NULL && stack->ctx != NULL)
        bytes += (size_t)(stack->base + stack->bytes - (char *)stack->ctx);
    return bytes;
}

static enum fl_proc_state proc_state(const struct fl_self *self)
{
    const uint32_t flags = self->flags;
    if (flags & (FL_PROC_DOOMED | FL_PROC_ENDING)) return FL_STATE_ENDING;
    if (flags & FL_PROC_SUSPENDED) return FL_STATE_SUSPENDED;
    if (flags & FL_PROC_STARTING) return FL_STATE_STARTING;
    if (flags & FL_PROC_RECEIVES) return FL_STATE_RECEIVES;
    if (flags & FL_PROC_BLOCKED)
        return fl_proc_waits_for(self).bits != 0 ? FL_STATE_CALLS : FL_STATE_BLOCKED;
    return self->stack != NULL || self->box_head != NULL ? FL_STATE_READY : FL_STATE_IDLE;
}

struct fl_pid fl_proc_waits_for(const struct fl_self *self)
{
    const struct fl_stack *stack = self->stack;
    if (!(self->flags & FL_PROC_BLOCKED)) return FL_NO_PID;
    FL_ASSERT(stack != NULL);
    if (stack->wait.remote.bits != 0) return stack->wait.remote;
    return stack->wait_watch.of_target.next != NULL ? stack->wait_target : FL_NO_PID;
}

void fl_proc_describe(const struct fl_self *self, struct fl_proc_info *out)
{
    const char *name = fl_name_of(self);
    FL_ASSERT(self->pid.bits != 0);
    *out = (struct fl_proc_info){
        .pid = self->pid,
        .parent = self->parent,
        .waits_for = fl_proc_waits_for(self),
        .server = self->server->name,
        .state = proc_state(self),
        .is_supervisor = (self->flags & FL_PROC_IS_SUP) != 0,
        .mailbox_len = self->box_len,
        .links = list_count(&self->links),
        .monitors = list_count(&self->monitors),
        .memory = proc_bytes(self),
        .handled = self->handled,
    };
    if (name != NULL) snprintf(out->name, sizeof out->name, "%s", name);
}

/* ---- the largest ones of a shard: a heap with the smallest on top */

struct list_opts {
    enum fl_inspect_order order;
    size_t max;
    char glob[FL_INSPECT_NAME_MAX];
};
struct list_part {
    struct fl_proc_info *procs;
    size_t count, cap;
    uint64_t total;
    struct fl_shard_info shard;
};

static uint64_t key_of(const struct fl_proc_info *info, enum fl_inspect_order order)
{
    switch (order) {
    case FL_BY_MAILBOX:
        return info->mailbox_len;
    case FL_BY_MEMORY:
        return info->memory;
    case FL_BY_HANDLED:
        return info->handled;
    case FL_BY_PID:
        break;
    }
    return 0;
}

/* Is a behind b in the answer? Among equals, the one that is older goes first. */
static bool is_behind(const struct fl_proc_info *a, const struct fl_proc_info *b,
                      enum fl_inspect_order order)
{
    uint64_t x = key_of(a, order), y = key_of(b, order);
    return x != y ? x < y : a->pid.bits > b->pid.bits;
}

static void heap_sink(struct list_part *part, size_t at, enum fl_inspect_order order)
{
    struct fl_proc_info *procs = part->procs;
    for (;;) {
        size_t next = at, left = 2 * at + 1;
        for (size_t i = left; i < left + 2 && i < part->count; i++)
            if (is_behind(&procs[i], &procs[next], order)) next = i;
        if (next == at) return;
        struct fl_proc_info keep = procs[at];
        procs[at] = procs[next];
        procs[next] = keep;
        at = next;
    }
}

static void part_add(struct list_part *part, const struct fl_proc_info *info,
                     const struct list_opts *opts)
{
    FL_ASSERT(part->count <= opts->max);
    if (part->count == opts->max) {
        if (!is_behind(&part->procs[0], info, opts->order)) return;
        part->procs[0] = *info;
        heap_sink(part, 0, opts->order);
        return;
    }
    if (part->count == part->cap) {
        part->cap = part->cap == 0 ? 64 : part->cap * 2;
        part->procs = fl_realloc(part->procs, part->cap * sizeof *part->procs);
    }
    part->procs[part->count++] = *info;
    if (part->count < opts->max) return;
    for (size_t i = part->count / 2 + 1; i-- > 0;)
        heap_sink(part, i, opts->order);
}

static bool list_visit(struct fl_shard *shard, void *ptr, const void *opts_ptr, uint32_t *at)
{
    struct list_part *part = ptr;
    const struct list_opts *opts = opts_ptr;
    const struct fl_table *table = &shard->procs_by_pid;
    uint32_t end = table->used - *at < SLOTS_AT_ONCE ? table->used : *at + SLOTS_AT_ONCE;
    for (; *at < end; ++*at) {
        const struct fl_self *self = fl_table_at(table, *at);
        struct fl_proc_info info;
        if (self == NULL) continue;
        fl_proc_describe(self, &info);
        part->shard.waiting += info.mailbox_len;
        part->shard.memory += info.memory;
        if (opts->glob[0] != '\0' && !fl_glob(opts->glob, info.name) &&
            !fl_glob(opts->glob, info.server))
            continue;
        part->total++;
        part_add(part, &info, opts);
    }
    if (*at < table->used) return false;
    part->shard.id = shard->id;
    part->shard.procs = shard->procs;
    part->shard.timers = fl_timer_count(shard);
    part->shard.counts = shard->counts;
    return true;
}

static void list_fini(void *ptr)
{
    free(((struct list_part *)ptr)->procs);
}

static const struct fl_gather_kind list_kind = {
    .part_bytes = sizeof(struct list_part), .visit = list_visit, .fini = list_fini};

/* ---- all shards together */

static void inspect_merge(struct fl_inspect *out, struct fl_gather *gather, int shards_count,
                          const struct list_opts *opts)
{
    struct list_part all = {0};
    out->shards = fl_new_array(struct fl_shard_info, (size_t)shards_count);
    out->shards_count = shards_count;
    for (int i = 0; i < shards_count; i++) {
        const struct list_part *part = fl_gather_part(gather, i);
        out->shards[i] = part->shard;
        out->procs_total += part->total;
        for (size_t j = 0; j < part->count; j++)
            part_add(&all, &part->procs[j], opts);
    }
    /* now the whole in order: a heap from the front, taken apart from the back */
    for (size_t i = all.count / 2 + 1; i-- > 0;)
        heap_sink(&all, i, opts->order);
    out->procs = all.procs;
    out->procs_count = all.count;
    while (all.count > 1) {
        struct fl_proc_info keep = all.procs[0];
        all.procs[0] = all.procs[--all.count];
        all.procs[all.count] = keep;
        heap_sink(&all, 0, opts->order);
    }
}

int fl_inspect(struct fl_node *node, const struct fl_inspect_opts *opts, struct fl_inspect *out)
{
    struct list_opts list = {.max = FL_INSPECT_PROCS_MAX};
    FL_ASSERT(out != NULL);
    if (opts != NULL) {
        list.order = opts->order;
        if (opts->max != 0) list.max = opts->max;
        if (opts->glob != NULL) snprintf(list.glob, sizeof list.glob, "%s", opts->glob);
    }
    struct fl_gather *gather;
    int rc = fl_gather_run(&gather, node, &list_kind, &list, sizeof list, -1);
    if (rc != 0) return rc;
    *out = (struct fl_inspect){.at_ns = fl_clock_now(&node->clock)};
    inspect_merge(out, gather, node->shards_count, &list);
    fl_gather_free(gather);
    return 0;
}

void fl_inspect_fini(struct fl_inspect *inspect)
{
    free(inspect->procs);
    free(inspect->shards);
    *inspect = (struct fl_inspect){0};
}

/* ---- only the counts */

static bool stats_visit(struct fl_shard *shard, void *ptr, const void *opts, uint32_t *at)
{
    struct fl_shard_info *info = ptr;
    FL_ASSERT(*at == 0);
    info->procs = shard->procs;
    info->timers = fl_timer_count(shard);
    info->counts = shard->counts;
    return true;
}

static const struct fl_gather_kind stats_kind = {.part_bytes = sizeof(struct fl_shard_info),
                                                 .visit = stats_visit};

int fl_node_stats(struct fl_node *node, struct fl_shard_info *out)
{
    struct fl_gather *gather;
    int rc = fl_gather_run(&gather, node, &stats_kind, "", 1, -1);
    if (rc != 0) return rc;
    *out = (struct fl_shard_info){.id = -1};
    for (int i = 0; i < node->shards_count; i++) {
        const struct fl_shard_info *info = fl_gather_part(gather, i);
        out->procs += info->procs;
        out->timers += info->timers;
        out->counts.handled += info->counts.handled;
        out->counts.sent += info->counts.sent;
        out->counts.dropped_dead += info->counts.dropped_dead;
        out->counts.dropped_full += info->counts.dropped_full;
        out->counts.late_replies += info->counts.late_replies;
        out->counts.spawned += info->counts.spawned;
        out->counts.timers_fired += info->counts.timers_fired;
    }
    fl_gather_free(gather);
    return 0;
}
