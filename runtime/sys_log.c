#include "runtime/sys_log.h"

#include <inttypes.h>

#include "runtime/pid.h"

struct log_entry {
    fl_ns at_ns;
    struct fl_pid other;
    uint32_t tag, len;
    uint8_t kind; /* enum fl_sig_kind */
    bool is_out;
};

struct fl_sys_log {
    bool counts; /* fl_sys_count is on */
    fl_ns started_ns;
    uint64_t handled_before, in, out;
    uint32_t size, count, at; /* of the ring; at is where the next one goes */
    struct log_entry *ring;
};

static const char *const kind_words[] = {
    [FL_SIG_CAST] = "cast",   [FL_SIG_CALL] = "call", [FL_SIG_REPLY] = "reply",
    [FL_SIG_TIMER] = "timer", [FL_SIG_DOWN] = "down", [FL_SIG_EXIT] = "exit",
};

const char *fl_sig_word(uint8_t kind)
{
    bool is_known = kind < FL_COUNT(kind_words) && kind_words[kind] != NULL;
    return is_known ? kind_words[kind] : "port";
}

static struct fl_sys_log *log_of(struct fl_self *self)
{
    struct fl_cold *cold = fl_proc_cold(self);
    if (cold->log == NULL) cold->log = fl_new(struct fl_sys_log);
    self->flags |= FL_PROC_LOGGED;
    return cold->log;
}

void fl_sys_log_drop(struct fl_self *self)
{
    struct fl_sys_log *log = self->cold->log;
    if (log == NULL) return;
    self->cold->log = NULL;
    self->flags &= ~(uint32_t)FL_PROC_LOGGED;
    free(log->ring);
    free(log);
}

static void log_drop_unused(struct fl_self *self)
{
    const struct fl_sys_log *log = self->cold->log;
    if (!log->counts && log->size == 0) fl_sys_log_drop(self);
}

void fl_sys_log_resize(struct fl_self *self, uint32_t size)
{
    struct fl_sys_log *log = log_of(self);
    FL_ASSERT(size <= FL_SYS_LOG_MAX);
    free(log->ring);
    log->ring = size == 0 ? NULL : fl_new_array(struct log_entry, size);
    log->size = size;
    log->count = log->at = 0;
    log_drop_unused(self);
}

void fl_sys_log_count(struct fl_self *self, bool on)
{
    struct fl_sys_log *log = log_of(self);
    log->counts = on;
    log->in = log->out = 0;
    log->started_ns = fl_shard_now(self->shard);
    log->handled_before = self->handled;
    log_drop_unused(self);
}

int fl_sys_log_stats(const struct fl_self *self, struct fl_sys_stats *out)
{
    const struct fl_sys_log *log = self->cold == NULL ? NULL : self->cold->log;
    if (log == NULL || !log->counts) return FL_ESTATE;
    *out = (struct fl_sys_stats){
        .started_ns = log->started_ns,
        .now_ns = fl_shard_now(self->shard),
        .handled = self->handled - log->handled_before,
        .in = log->in,
        .out = log->out,
    };
    return 0;
}

void fl_sys_log_add(struct fl_self *self, const struct fl_sig *sig, bool is_out)
{
    struct fl_sys_log *log = self->cold->log;
    FL_ASSERT(log != NULL);
    if (sig->kind >= FL_SIG_IDLE) return; /* of the runtime */
    if (is_out)
        log->out++;
    else
        log->in++;
    if (log->size == 0) return;
    log->ring[log->at] = (struct log_entry){
        .at_ns = fl_shard_now(self->shard),
        .other = is_out ? sig->to : sig->from,
        .tag = sig->tag,
        .len = sig->len,
        .kind = sig->kind,
        .is_out = is_out,
    };
    log->at = (log->at + 1) % log->size;
    if (log->count < log->size) log->count++;
}

int fl_sys_log_text(const struct fl_self *self, struct fl_buf *out)
{
    const struct fl_sys_log *log = self->cold == NULL ? NULL : self->cold->log;
    if (log == NULL || log->size == 0) return FL_ESTATE;
    for (uint32_t i = 0; i < log->count; i++) {
        uint32_t at = (log->at + log->size - log->count + i) % log->size;
        const struct log_entry *entry = &log->ring[at];
        char pid[FL_PID_TEXT_MAX];
        fl_buf_printf(out, "%" PRId64 " %s %s %s %s tag %u, %u bytes\n",
                      entry->at_ns / FL_NS_PER_US, entry->is_out ? "out" : "in",
                      fl_sig_word(entry->kind), entry->is_out ? "to" : "from",
                      fl_pid_show(entry->other, pid, sizeof pid), entry->tag, entry->len);
    }
    return 0;
}
