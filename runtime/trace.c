#include "runtime/trace.h"

#include "runtime/core.h"
#include "runtime/pid.h"
#include "runtime/sys_log.h"

#define EVENTS_MAX_DEFAULT 1000u
#define PER_S_MAX_DEFAULT 1000u

struct fl_trace {
    struct fl_trace_opts opts;
    uint64_t events, lost;
    fl_ns second_ns; /* when the second began that in_second counts */
    uint32_t in_second;
    bool is_telling;
};

/* ---- beginning and ending, on the shard of the process */

struct trace_ask {
    struct fl_pid pid;
    struct fl_trace_opts opts;
};

static void trace_end(struct fl_self *self)
{
    struct fl_trace *trace = self->cold->trace;
    FL_ASSERT(trace != NULL);
    self->cold->trace = NULL;
    self->flags &= ~(uint32_t)FL_PROC_TRACED;
    if (trace->opts.on_end != NULL) trace->opts.on_end(trace->opts.cx, 0);
    free(trace);
}

static void trace_on_start(struct fl_shard *shard, void *cx)
{
    struct trace_ask *ask = cx;
    struct fl_self *self = fl_proc_find(shard, ask->pid);
    int code = self == NULL ? FL_ENOPROC : self->flags & FL_PROC_TRACED ? FL_ETAKEN : 0;
    if (code == 0) {
        struct fl_trace *trace = fl_new(struct fl_trace);
        trace->opts = ask->opts;
        trace->second_ns = fl_shard_now(shard);
        fl_proc_cold(self)->trace = trace;
        self->flags |= FL_PROC_TRACED;
    } else {
        if (ask->opts.on_end != NULL) ask->opts.on_end(ask->opts.cx, code);
    }
    free(ask);
}

static void trace_on_stop(struct fl_shard *shard, void *cx)
{
    struct trace_ask *ask = cx;
    struct fl_self *self = fl_proc_find(shard, ask->pid);
    struct fl_trace *trace = self == NULL || self->cold == NULL ? NULL : self->cold->trace;
    /* in the middle of an event it ends after it, by its bound */
    if (trace != NULL && trace->opts.cx == ask->opts.cx) {
        if (trace->is_telling)
            trace->opts.events_max = 0;
        else
            trace_end(self);
    }
    free(ask);
}

int fl_trace_start(struct fl_node *node, struct fl_pid pid, const struct fl_trace_opts *opts)
{
    struct fl_shard *there = fl_proc_shard(node, pid);
    FL_ASSERT(opts->on_event != NULL);
    if (there == NULL) return FL_ENOPROC;
    struct trace_ask *ask = fl_new(struct trace_ask);
    *ask = (struct trace_ask){.pid = pid, .opts = *opts};
    if (opts->events_max == 0) ask->opts.events_max = EVENTS_MAX_DEFAULT;
    if (opts->per_s_max == 0) ask->opts.per_s_max = PER_S_MAX_DEFAULT;
    fl_shard_ask(there, trace_on_start, ask);
    return 0;
}

void fl_trace_stop(struct fl_node *node, struct fl_pid pid, void *cx)
{
    struct fl_shard *there = fl_proc_shard(node, pid);
    if (there == NULL) return;
    struct trace_ask *ask = fl_new(struct trace_ask);
    *ask = (struct trace_ask){.pid = pid, .opts = {.cx = cx}};
    fl_shard_ask(there, trace_on_stop, ask);
}

/* ---- telling */

static bool trace_is_over_rate(struct fl_trace *trace, fl_ns now_ns)
{
    if (now_ns - trace->second_ns >= FL_NS_PER_S) {
        trace->second_ns = now_ns;
        trace->in_second = 0;
    }
    return ++trace->in_second > trace->opts.per_s_max;
}

static void trace_tell(struct fl_self *self, struct fl_trace_event *event)
{
    struct fl_trace *trace = self->cold->trace;
    FL_ASSERT(trace != NULL);
    if (trace->is_telling) return;
    event->pid = self->pid;
    event->at_ns = fl_shard_now(self->shard);
    if (event->kind != FL_TRACE_EXIT && trace_is_over_rate(trace, event->at_ns)) {
        trace->lost++;
        return;
    }
    event->lost = trace->lost;
    trace->lost = 0;
    trace->is_telling = true;
    trace->opts.on_event(trace->opts.cx, event);
    trace->is_telling = false;
    if (++trace->events >= trace->opts.events_max) trace_end(self);
}

static void trace_message(struct fl_self *self, enum fl_trace_kind kind, const struct fl_sig *sig)
{
    if (sig->kind >= FL_SIG_IDLE) return; /* of the runtime */
    struct fl_trace_event event = {
        .kind = kind,
        .other = kind == FL_TRACE_OUT ? sig->to : sig->from,
        .word = fl_sig_word(sig->kind),
        .tag = sig->tag,
        .len = sig->len,
    };
    trace_tell(self, &event);
}

void fl_trace_sent(struct fl_self *self, const struct fl_sig *sig)
{
    if (self->flags & FL_PROC_LOGGED) fl_sys_log_add(self, sig, true);
    if (self->flags & FL_PROC_TRACED) trace_message(self, FL_TRACE_OUT, sig);
}

void fl_trace_arrived(struct fl_self *self, const struct fl_sig *sig)
{
    FL_ASSERT(self->flags & FL_PROC_TRACED);
    trace_message(self, FL_TRACE_IN, sig);
}

void fl_trace_answered(struct fl_self *self, const struct fl_sig *sig)
{
    bool is_waited_for = (self->flags & FL_PROC_BLOCKED) && self->stack->wait.ref == sig->ref;
    if (is_waited_for) fl_trace_arrived(self, sig); /* else it goes through the mailbox */
}

void fl_trace_taken(struct fl_self *self, const struct fl_sig *sig)
{
    FL_ASSERT(self->flags & FL_PROC_TRACED);
    trace_message(self, FL_TRACE_TAKE, sig);
}

void fl_trace_other(struct fl_self *self, enum fl_trace_kind kind, struct fl_pid other)
{
    struct fl_trace_event event = {.kind = kind, .other = other};
    FL_ASSERT(self->flags & FL_PROC_TRACED);
    const struct fl_self *child = fl_proc_find(self->shard, other);
    if (kind == FL_TRACE_SPAWN && child != NULL) event.word = child->server->name;
    trace_tell(self, &event);
}

void fl_trace_exited(struct fl_self *self)
{
    struct fl_trace_event event = {.kind = FL_TRACE_EXIT, .reason = fl_proc_reason(self)};
    FL_ASSERT(self->flags & FL_PROC_TRACED);
    trace_tell(self, &event);
    if (self->flags & FL_PROC_TRACED) trace_end(self);
}

/* ---- words */

const char *fl_trace_word(enum fl_trace_kind kind)
{
    static const char *const words[] = {
        [FL_TRACE_IN] = "in",       [FL_TRACE_TAKE] = "take", [FL_TRACE_OUT] = "out",
        [FL_TRACE_SPAWN] = "spawn", [FL_TRACE_LINK] = "link", [FL_TRACE_UNLINK] = "unlink",
        [FL_TRACE_EXIT] = "exit",
    };
    FL_ASSERT((size_t)kind < FL_COUNT(words));
    return words[kind];
}

const char *fl_trace_show(const struct fl_trace_event *event, char *out, size_t out_len)
{
    char pid[FL_PID_TEXT_MAX], reason[96];
    const char *what = fl_trace_word(event->kind);
    FL_ASSERT(out_len > 0);
    fl_pid_show(event->other, pid, sizeof pid);
    if (event->kind == FL_TRACE_EXIT)
        snprintf(out, out_len, "%s %s", what, fl_reason_show(event->reason, reason, sizeof reason));
    else if (event->kind >= FL_TRACE_SPAWN)
        snprintf(out, out_len, "%s %s%s%s", what, pid, event->word != NULL ? " " : "",
                 event->word != NULL ? event->word : "");
    else
        snprintf(out, out_len, "%s %s tag %u, %u bytes %s %s", what, event->word, event->tag,
                 event->len, event->kind == FL_TRACE_OUT ? "to" : "from", pid);
    return out;
}
