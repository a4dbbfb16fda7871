#include <inttypes.h>

#include "runtime/base/json.h"
#include "runtime/gather.h"
#include "runtime/inspect_core.h"
#include "runtime/pid.h"
#include "runtime/sys_log.h"

enum { DETAIL_PIDS_MAX = 32, DETAIL_MESSAGES_MAX = 16, DETAIL_STATE_MAX = 2048 };

void fl_pid_put_json(struct fl_buf *out, struct fl_pid pid)
{
    char text[FL_PID_TEXT_MAX];
    FL_ASSERT(out != NULL);
    fl_buf_printf(out, "\"%s\"", fl_pid_show(pid, text, sizeof text));
}

void fl_proc_put_json(struct fl_buf *out, const struct fl_proc_info *info)
{
    FL_ASSERT(info->server != NULL);
    fl_buf_puts(out, "\"pid\":");
    fl_pid_put_json(out, info->pid);
    if (info->name[0] != '\0') {
        fl_buf_puts(out, ",\"name\":");
        fl_json_put_str(out, fl_str_of(info->name));
    }
    fl_buf_puts(out, ",\"server\":");
    fl_json_put_str(out, fl_str_of(info->server));
    fl_buf_printf(out, ",\"state\":\"%s\"", fl_proc_state_word(info->state));
    if (info->waits_for.bits != 0) {
        fl_buf_puts(out, ",\"waits_for\":");
        fl_pid_put_json(out, info->waits_for);
    }
    if (info->parent.bits != 0) {
        fl_buf_puts(out, ",\"parent\":");
        fl_pid_put_json(out, info->parent);
    }
    fl_buf_printf(
        out, ",\"mailbox\":%u,\"memory\":%zu,\"handled\":%" PRIu64 ",\"links\":%u,\"monitors\":%u",
        info->mailbox_len, info->memory, info->handled, info->links, info->monitors);
}

void fl_shard_put_json(struct fl_buf *out, const struct fl_shard_info *shard)
{
    const struct fl_shard_counts *counts = &shard->counts;
    FL_ASSERT(counts->spawned >= shard->procs);
    fl_buf_printf(out,
                  "{\"id\":%d,\"procs\":%u,\"timers\":%" PRIu64 ",\"waiting\":%" PRIu64
                  ",\"memory\":%" PRIu64 ",\"handled\":%" PRIu64 ",\"sent\":%" PRIu64
                  ",\"dropped_dead\":%" PRIu64 ",\"dropped_full\":%" PRIu64
                  ",\"late_replies\":%" PRIu64 ",\"spawned\":%" PRIu64 ",\"timers_fired\":%" PRIu64
                  "}",
                  shard->id, shard->procs, shard->timers, shard->waiting, shard->memory,
                  counts->handled, counts->sent, counts->dropped_dead, counts->dropped_full,
                  counts->late_replies, counts->spawned, counts->timers_fired);
}

void fl_inspect_put_json(const struct fl_inspect *inspect, struct fl_buf *out)
{
    FL_ASSERT(inspect->procs_count <= inspect->procs_total);
    fl_buf_printf(out, "{\"at_ns\":%" PRId64 ",\"total\":%" PRIu64 ",\"shards\":[", inspect->at_ns,
                  inspect->procs_total);
    for (int i = 0; i < inspect->shards_count; i++) {
        if (i > 0) fl_buf_putc(out, ',');
        fl_shard_put_json(out, &inspect->shards[i]);
    }
    fl_buf_puts(out, "],\"processes\":[");
    for (size_t i = 0; i < inspect->procs_count; i++) {
        fl_buf_puts(out, i > 0 ? ",{" : "{");
        fl_proc_put_json(out, &inspect->procs[i]);
        fl_buf_putc(out, '}');
    }
    fl_buf_puts(out, "]}");
}

/* ---- one process in detail, written on its shard */

static void put_links(struct fl_buf *out, const struct fl_self *self)
{
    int left = DETAIL_PIDS_MAX;
    const struct fl_list *list = &self->links;
    fl_buf_puts(out, ",\"linked\":[");
    for (const struct fl_list *at = list->next; at != NULL && at != list && left-- > 0;
         at = at->next) {
        if (at != list->next) fl_buf_putc(out, ',');
        fl_pid_put_json(out, FL_OWNER(at, struct fl_link, of_owner)->peer);
    }
    list = &self->monitors;
    left = DETAIL_PIDS_MAX;
    fl_buf_puts(out, "],\"monitored\":[");
    for (const struct fl_list *at = list->next; at != NULL && at != list && left-- > 0;
         at = at->next) {
        if (at != list->next) fl_buf_putc(out, ',');
        fl_pid_put_json(out, FL_OWNER(at, struct fl_monitor, of_owner)->target);
    }
    fl_buf_putc(out, ']');
}

static void put_messages(struct fl_buf *out, const struct fl_self *self)
{
    int left = DETAIL_MESSAGES_MAX;
    FL_ASSERT(self->box_head != NULL || self->box_len == 0);
    fl_buf_puts(out, ",\"messages\":[");
    for (const struct fl_sig *sig = self->box_head; sig != NULL && left-- > 0; sig = sig->next) {
        if (sig != self->box_head) fl_buf_putc(out, ',');
        fl_buf_printf(out,
                      "{\"kind\":\"%s\",\"tag\":%u,\"len\":%u,\"from\":", fl_sig_word(sig->kind),
                      sig->tag, sig->len);
        fl_pid_put_json(out, sig->from);
        fl_buf_putc(out, '}');
    }
    fl_buf_putc(out, ']');
}

struct one_part {
    struct fl_buf text;
    bool is_there;
};

static bool one_visit(struct fl_shard *shard, void *ptr, const void *opts, uint32_t *at)
{
    struct one_part *part = ptr;
    struct fl_self *self = fl_proc_find(shard, *(const struct fl_pid *)opts);
    FL_ASSERT(*at == 0);
    if (self == NULL) return true;
    struct fl_proc_info info;
    struct fl_buf state = {.max = DETAIL_STATE_MAX};
    fl_proc_describe(self, &info);
    fl_sys_format(self, &state);
    part->is_there = true;
    fl_buf_putc(&part->text, '{');
    fl_proc_put_json(&part->text, &info);
    put_links(&part->text, self);
    put_messages(&part->text, self);
    fl_buf_puts(&part->text, ",\"status\":");
    fl_json_put_str(&part->text, (struct fl_str){state.at, state.len});
    fl_buf_putc(&part->text, '}');
    fl_buf_fini(&state);
    return true;
}

static void one_fini(void *ptr)
{
    fl_buf_fini(&((struct one_part *)ptr)->text);
}

static const struct fl_gather_kind one_kind = {
    .part_bytes = sizeof(struct one_part), .visit = one_visit, .fini = one_fini};

int fl_inspect_one(struct fl_node *node, struct fl_pid pid, struct fl_buf *out)
{
    const struct fl_shard *there = fl_proc_shard(node, pid);
    if (there == NULL) return FL_ENOPROC;
    struct fl_gather *gather;
    int rc = fl_gather_run(&gather, node, &one_kind, &pid, sizeof pid, there->id);
    if (rc != 0) return rc;
    const struct one_part *part = fl_gather_part(gather, there->id);
    FL_ASSERT(part != NULL);
    if (part->is_there)
        fl_buf_add(out, part->text.at, part->text.len);
    else
        rc = FL_ENOPROC;
    fl_gather_free(gather);
    return rc;
}
