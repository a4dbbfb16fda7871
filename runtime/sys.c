#include "runtime/sys.h"

#include "runtime/core.h"
#include "runtime/sys_log.h"

#define STATE_SHOWN_BYTES 32u /* of one without on_format */

struct request;
/* Acts on the target, on its shard; answers, or leaves that to its end. */
typedef void (*request_fn)(struct fl_self *self, struct fl_sig *sig, struct request *request);
struct request {
    request_fn fn;
    size_t text_max;
    int number;
    struct fl_reason reason;
    int (*replace)(void *state, void *cx);
    void *cx;
};

static void answer(struct fl_self *self, const struct fl_sig *sig, int code, const void *data,
                   size_t len)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(sig->ref != 0);
    struct fl_sig *back = fl_sig_new(shard, FL_SIG_REPLY, sig->from, self->pid);
    back->ref = sig->ref;
    back->code = code;
    if (code == 0) fl_sig_set_data(back, data, len);
    if (!fl_shard_has(shard, sig->from) && fl_watch_drop(shard, sig->ref))
        back->flags |= FL_SIG_UNWATCHED;
    fl_signal_send(shard->node, back); /* not counted as one of its messages */
}

static void sys_on_event(struct fl_self *self, struct fl_sig *sig)
{
    struct request *request = sig->sys.cx;
    FL_ASSERT(request->fn != NULL);
    request->fn(self, sig, request);
}

static int sys_ask(struct fl_self *self, struct fl_pid pid, const struct request *asked, void *out,
                   size_t out_max, size_t *out_len, fl_ns timeout_ns)
{
    struct request *request = fl_new(struct request);
    *request = *asked;
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_SYS, pid, self->pid);
    sig->flags = FL_SIG_SPECIAL;
    sig->sys = (struct fl_sys_event){.fn = sys_on_event, .drop = free, .cx = request};
    return fl_call_sys(self, sig, out, out_max, out_len, timeout_ns);
}

static int sys_ask_text(struct fl_self *self, struct fl_pid pid, struct request asked, char *out,
                        size_t out_max, fl_ns timeout_ns)
{
    size_t len = 0;
    FL_ASSERT(out_max > 0);
    asked.text_max = out_max - 1;
    int rc = sys_ask(self, pid, &asked, out, out_max - 1, &len, timeout_ns);
    out[len] = '\0';
    return rc;
}

static void answer_text(struct fl_self *self, const struct fl_sig *sig, int code,
                        struct fl_buf *text_take)
{
    FL_ASSERT(code != 0 || text_take->max == 0 || text_take->len <= text_take->max);
    answer(self, sig, code, text_take->at, text_take->len);
    fl_buf_fini(text_take);
}

/* ---- state */

void fl_sys_format(struct fl_self *self, struct fl_buf *out)
{
    const unsigned char *state = fl_self_state(self);
    FL_ASSERT(out->max > 0);
    if (self->server->on_format != NULL) {
        self->server->on_format(state, out);
        return;
    }
    if (self->flags & FL_PROC_IS_BODY) return; /* what it has is on its stack */
    fl_buf_printf(out, "%u bytes:", self->state_bytes);
    for (uint32_t i = 0; i < self->state_bytes && i < STATE_SHOWN_BYTES; i++) {
        unsigned char byte = state[i];
        VALGRIND_MAKE_MEM_DEFINED(&byte, sizeof byte); /* it may be the padding of a struct */
        fl_buf_printf(out, " %02x", byte);
    }
    if (self->state_bytes > STATE_SHOWN_BYTES) fl_buf_puts(out, " …");
}

static void do_get_state(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    struct fl_buf text = {.max = request->text_max};
    if (text.max > 0) fl_sys_format(self, &text);
    answer_text(self, sig, 0, &text);
}

int fl_sys_get_state(struct fl_self *self, struct fl_pid pid, char *out, size_t out_max,
                     fl_ns timeout_ns)
{
    struct request asked = {.fn = do_get_state};
    return sys_ask_text(self, pid, asked, out, out_max, timeout_ns);
}

static void do_replace_state(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    size_t bytes = self->state_bytes;
    int rc = FL_ESTATE;
    /* a handler that goes on later must find the state as it left it */
    bool is_between = (self->flags & FL_PROC_RUNNING) || self->stack == NULL;
    if (is_between && !(self->flags & FL_PROC_IS_BODY)) {
        void *copy = fl_alloc(bytes);
        memcpy(copy, fl_self_state(self), bytes);
        rc = request->replace(copy, request->cx);
        if (rc == 0) memcpy(fl_self_state(self), copy, bytes);
        free(copy);
    }
    answer(self, sig, rc, NULL, 0);
}

int fl_sys_replace_state(struct fl_self *self, struct fl_pid pid, int (*fn)(void *state, void *cx),
                         void *cx, fl_ns timeout_ns)
{
    struct request asked = {.fn = do_replace_state, .replace = fn, .cx = cx};
    return sys_ask(self, pid, &asked, NULL, 0, NULL, timeout_ns);
}

/* ---- suspending */

void fl_sys_answer_queued(struct fl_self *self)
{
    const uint32_t both = FL_PROC_SUSPENDED | FL_PROC_HAS_SYS;
    while ((self->flags & both) == both) {
        struct fl_sig **at = &self->box_head, *before = NULL;
        for (; *at != NULL && (*at)->kind != FL_SIG_SYS; at = &(*at)->next)
            before = *at;
        if (*at == NULL) {
            self->flags &= ~(uint32_t)FL_PROC_HAS_SYS;
            return;
        }
        struct fl_sig *sig = fl_box_take(self, at, before);
        self->flags |= FL_PROC_RESCAN;
        sig->sys.fn(self, sig);
        fl_sig_free(self->shard, sig);
    }
}

static void do_suspend(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    FL_ASSERT(request->fn == do_suspend);
    answer(self, sig, 0, NULL, 0);
    self->flags |= FL_PROC_SUSPENDED;
    fl_sys_answer_queued(self);
}

int fl_sys_suspend(struct fl_self *self, struct fl_pid pid, fl_ns timeout_ns)
{
    struct request asked = {.fn = do_suspend};
    return sys_ask(self, pid, &asked, NULL, 0, NULL, timeout_ns);
}

static void do_resume(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    FL_ASSERT(request->fn == do_resume);
    /* its receive begins anew, and the time after which it gives up does too */
    if ((self->flags & FL_PROC_SUSPENDED) && (self->flags & FL_PROC_HAS_IDLE))
        fl_idle_start(self, self->cold->idle->after_ns);
    fl_proc_resume(self);
    answer(self, sig, 0, NULL, 0);
}

int fl_sys_resume(struct fl_self *self, struct fl_pid pid, fl_ns timeout_ns)
{
    struct request asked = {.fn = do_resume};
    return sys_ask(self, pid, &asked, NULL, 0, NULL, timeout_ns);
}

/* ---- ending */

static void do_stop(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    if (self->flags & FL_PROC_RUNNING) {
        fl_self_exit(self, request->reason);
        return;
    }
    /* Suspended: on_terminate needs it to run, so it comes back as the first message. */
    FL_ASSERT(self->flags & FL_PROC_SUSPENDED);
    struct fl_sig *again = fl_sig_new(self->shard, FL_SIG_SYS, sig->to, sig->from);
    again->ref = sig->ref;
    again->flags = FL_SIG_SPECIAL;
    again->sys = sig->sys;
    sig->flags &= (uint8_t)~FL_SIG_SPECIAL;
    fl_box_push_front(self, again);
    fl_proc_resume(self);
}

int fl_stop(struct fl_self *self, struct fl_pid pid, struct fl_reason reason, fl_ns timeout_ns)
{
    struct request asked = {.fn = do_stop, .reason = reason};
    int rc = sys_ask(self, pid, &asked, NULL, 0, NULL, timeout_ns);
    return rc == FL_EDIED && fl_reason_eq(fl_call_reason(self), &reason) ? 0 : rc;
}

static void do_terminate(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    answer(self, sig, 0, NULL, 0);
    request->fn = do_stop;
    do_stop(self, sig, request);
}

int fl_sys_terminate(struct fl_self *self, struct fl_pid pid, struct fl_reason reason,
                     fl_ns timeout_ns)
{
    struct request asked = {.fn = do_terminate, .reason = reason};
    return sys_ask(self, pid, &asked, NULL, 0, NULL, timeout_ns);
}

/* ---- counting and keeping */

static void do_count(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    FL_ASSERT(request->fn == do_count);
    fl_sys_log_count(self, request->number != 0);
    answer(self, sig, 0, NULL, 0);
}

int fl_sys_count(struct fl_self *self, struct fl_pid pid, bool on, fl_ns timeout_ns)
{
    struct request asked = {.fn = do_count, .number = on};
    return sys_ask(self, pid, &asked, NULL, 0, NULL, timeout_ns);
}

static void do_statistics(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    struct fl_sys_stats stats;
    FL_ASSERT(request->fn == do_statistics);
    int rc = fl_sys_log_stats(self, &stats);
    answer(self, sig, rc, &stats, sizeof stats);
}

int fl_sys_statistics(struct fl_self *self, struct fl_pid pid, struct fl_sys_stats *out,
                      fl_ns timeout_ns)
{
    struct request asked = {.fn = do_statistics};
    return sys_ask(self, pid, &asked, out, sizeof *out, NULL, timeout_ns);
}

static void do_log(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    FL_ASSERT(request->number >= 0);
    fl_sys_log_resize(self, (uint32_t)request->number);
    answer(self, sig, 0, NULL, 0);
}

int fl_sys_log(struct fl_self *self, struct fl_pid pid, int n, fl_ns timeout_ns)
{
    if (n < 0 || n > FL_SYS_LOG_MAX) return FL_ERANGE;
    struct request asked = {.fn = do_log, .number = n};
    return sys_ask(self, pid, &asked, NULL, 0, NULL, timeout_ns);
}

static void do_get_log(struct fl_self *self, struct fl_sig *sig, struct request *request)
{
    struct fl_buf text = {.max = request->text_max};
    int rc = fl_sys_log_text(self, &text);
    answer_text(self, sig, rc, &text);
}

int fl_sys_get_log(struct fl_self *self, struct fl_pid pid, char *out, size_t out_max,
                   fl_ns timeout_ns)
{
    struct request asked = {.fn = do_get_log};
    return sys_ask_text(self, pid, asked, out, out_max, timeout_ns);
}
