#include "runtime/crash.h"

#include <ctype.h>
#include <execinfo.h>
#include <inttypes.h>

#include "runtime/core.h"
#include "runtime/pid.h"
#include "runtime/sys_log.h"

static struct fl_crash_near near_of(const struct fl_shard *shard, struct fl_pid pid)
{
    struct fl_crash_near near = {.pid = pid};
    const struct fl_self *other = fl_shard_has(shard, pid) ? fl_proc_find(shard, pid) : NULL;
    const char *name = other == NULL ? NULL : fl_name_of(other);
    if (name != NULL) snprintf(near.name, sizeof near.name, "%s", name);
    return near;
}

static void crash_put_near(struct fl_crash *crash, const struct fl_self *self)
{
    const struct fl_shard *shard = self->shard;
    for (const struct fl_self *at = self; at != NULL && at->parent.bits != 0;) {
        if (crash->ancestors_count == FL_CRASH_NEAR_MAX) break;
        crash->ancestors[crash->ancestors_count++] = near_of(shard, at->parent);
        at = fl_shard_has(shard, at->parent) ? fl_proc_find(shard, at->parent) : NULL;
    }
    const struct fl_list *list = &self->links;
    for (const struct fl_list *at = list->next; at != NULL && at != list; at = at->next) {
        crash->has_more_links = crash->links_count == FL_CRASH_NEAR_MAX;
        if (crash->has_more_links) break;
        const struct fl_link *link = FL_OWNER(at, struct fl_link, of_owner);
        crash->links[crash->links_count++] = near_of(shard, link->peer);
    }
    FL_ASSERT(crash->links_count <= FL_CRASH_NEAR_MAX);
}

static void crash_put_message(struct fl_crash *crash, const struct fl_self *self)
{
    bool is_running = self->shard->running == self;
    const struct fl_stack *stack = is_running ? self->shard->stack : self->stack;
    const struct fl_sig *sig = self->current;
    if (sig == NULL && stack != NULL) sig = stack->held;
    crash->is_in_handler = !is_running && stack != NULL;
    if (sig == NULL || sig->kind >= FL_SIG_IDLE) return;
    crash->word = fl_sig_word(sig->kind);
    crash->tag = sig->tag;
    crash->len = sig->len;
    crash->from = sig->from;
    if (sig->kind == FL_SIG_CALL) crash->client = sig->from;
    if (sig->kind > FL_SIG_REPLY || sig->len == 0) return;
    crash->bytes_count = sig->len < FL_CRASH_BYTES_MAX ? sig->len : FL_CRASH_BYTES_MAX;
    memcpy(crash->bytes, fl_sig_data(sig), crash->bytes_count);
}

void fl_crash_tell(struct fl_self *self, bool is_told)
{
    struct fl_node *node = self->shard->node;
    const uint32_t which = FL_PROC_ANNOUNCED | FL_PROC_REPORTED;
    const struct fl_reason *reason = fl_proc_reason(self);
    if (node->opts.on_note == NULL || (self->flags & which) != FL_PROC_ANNOUNCED) return;
    if (fl_reason_is_quiet(reason)) return;
    self->flags |= FL_PROC_REPORTED;
    struct fl_crash crash = {
        .pid = self->pid,
        .name = fl_name_of(self),
        .server = self->server->name,
        .reason = *reason,
        .is_told = is_told,
        .mailbox_len = self->box_len,
        .handled = self->handled,
        .alloc_site = self->cold == NULL ? NULL : self->cold->alloc_site,
    };
    struct fl_buf state = {.max = FL_CRASH_STATE_MAX};
    fl_sys_format(self, &state);
    crash.state = state.at == NULL ? "" : state.at;
    crash_put_message(&crash, self);
    crash_put_near(&crash, self);
    struct fl_note note = {
        .kind = FL_NOTE_CRASH,
        .at_ns = fl_shard_now(self->shard),
        .pid = self->pid,
        .name = crash.name,
        .server = crash.server,
        .reason = *reason,
        .crash = &crash,
    };
    fl_node_note(node, &note);
    fl_buf_fini(&state);
}

/* ---- words */

static void put_bytes(struct fl_buf *out, const struct fl_crash *crash)
{
    bool is_text = true;
    for (size_t i = 0; i < crash->bytes_count; i++)
        is_text = is_text && isprint(crash->bytes[i]);
    if (crash->bytes_count == 0) return;
    fl_buf_puts(out, is_text ? ": \"" : ":");
    for (size_t i = 0; i < crash->bytes_count; i++)
        fl_buf_printf(out, is_text ? "%c" : " %02x", crash->bytes[i]);
    if (is_text) fl_buf_putc(out, '"');
    if (crash->bytes_count < crash->len) fl_buf_puts(out, " …");
}

static void put_near(struct fl_buf *out, const char *word, const struct fl_crash_near *near,
                     size_t count, bool has_more)
{
    char pid[FL_PID_TEXT_MAX];
    if (count == 0) return;
    FL_ASSERT(count <= FL_CRASH_NEAR_MAX);
    fl_buf_printf(out, "  %s", word);
    for (size_t i = 0; i < count; i++)
        fl_buf_printf(out, "%s %s%s%s", i == 0 ? "" : ",",
                      fl_pid_show(near[i].pid, pid, sizeof pid), near[i].name[0] != '\0' ? " " : "",
                      near[i].name);
    fl_buf_puts(out, has_more ? ", …\n" : "\n");
}

/* "program(function+0x12) [0x…]": what addr2line wants. */
static void put_site(struct fl_buf *out, const void *site)
{
    void *at[1] = {(void *)(uintptr_t)site};
    FL_ASSERT(site != NULL);
    char **names = backtrace_symbols(at, 1);
    if (names != NULL) fl_buf_printf(out, "  allocated at: %s\n", names[0]);
    free(names);
}

const char *fl_crash_show(const struct fl_crash *crash, char *out, size_t out_len)
{
    char pid[FL_PID_TEXT_MAX], reason[96];
    FL_ASSERT(out_len > 0);
    struct fl_buf text = {.max = out_len - 1};
    fl_buf_printf(&text, "crash of %s", fl_pid_show(crash->pid, pid, sizeof pid));
    if (crash->name != NULL) fl_buf_printf(&text, " %s", crash->name);
    fl_buf_printf(&text, " (%s): %s%s%s\n", crash->server,
                  fl_reason_show(&crash->reason, reason, sizeof reason),
                  crash->is_told ? ", from outside" : "",
                  crash->is_in_handler ? ", in the middle of a handler" : "");
    if (crash->word != NULL) {
        fl_buf_printf(&text, "  last message: %s tag %u, %u bytes from %s", crash->word, crash->tag,
                      crash->len, fl_pid_show(crash->from, pid, sizeof pid));
        put_bytes(&text, crash);
        fl_buf_putc(&text, '\n');
    }
    if (crash->state[0] != '\0') fl_buf_printf(&text, "  state: %s\n", crash->state);
    fl_buf_printf(&text, "  messages: %" PRIu64 " handled, %u waiting\n", crash->handled,
                  crash->mailbox_len);
    if (crash->alloc_site != NULL) put_site(&text, crash->alloc_site);
    put_near(&text, "ancestors:", crash->ancestors, crash->ancestors_count, false);
    put_near(&text, "links:", crash->links, crash->links_count, crash->has_more_links);
    snprintf(out, out_len, "%s", text.at == NULL ? "" : text.at);
    fl_buf_fini(&text);
    return out;
}
