#include "runtime/statem.h"

#include "runtime/core.h"
#include "runtime/refs.h"

#define STATEM_MAGIC 0x53544d31u

/* An event that waits: inserted, postponed, or a timeout of zero. */
struct stored {
    struct fl_list in;
    struct fl_statem_event event;
    struct fl_msg msg;
    struct fl_reason reason;
    unsigned char bytes[];
};
/* A timeout that runs. */
struct alarm {
    uint64_t ref; /* of its timer; 0: none */
    uint32_t tag;
};
struct named {
    struct fl_list in;
    const char *name;
    struct alarm alarm;
};
struct run {
    const struct fl_statem *def;
    uint32_t magic;
    int state, next;
    bool is_busy, is_entering, does_postpone, does_repeat;
    bool has_state_timeout; /* asked for in this transition; it belongs to the state after it */
    uint32_t state_timeout_tag;
    fl_ns state_timeout_ns;
    struct alarm state_alarm, event_alarm;
    struct fl_list names;     /* struct named */
    struct fl_list queue;     /* struct stored: before any message */
    struct fl_list inserted;  /* of this transition: go before the queue */
    struct fl_list postponed; /* wait for a change of state */
    struct fl_list zeros;     /* timeouts of zero: after the queue, before any message */
    struct fl_refs stale;     /* timers that were taken back too late */
};
_Static_assert(sizeof(struct run) <= sizeof(struct fl_statem_run), "fl_statem_run is too small");

static struct run *run_of(struct fl_self *self)
{
    struct run *run = fl_self_state(self);
    FL_ASSERT(run->magic == STATEM_MAGIC);
    return run;
}

static void *run_data(struct run *run)
{
    return (char *)run + sizeof(struct fl_statem_run);
}

static bool is_ending(const struct fl_self *self)
{
    return (self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) != 0;
}

static struct stored *stored_new(struct fl_self *self, const struct fl_statem_event *event)
{
    size_t name_len = event->msg != NULL && event->msg->name != NULL ? strlen(event->msg->name) + 1
                                                                     : 0;
    struct stored *stored = fl_self_alloc(self, sizeof *stored + event->len + name_len);
    stored->event = *event;
    stored->event.data = stored->bytes;
    if (event->len > 0) memcpy(stored->bytes, event->data, event->len);
    if (event->msg == NULL) return stored;

    FL_ASSERT(event->msg->len == event->len);
    stored->msg = *event->msg;
    stored->msg.data = stored->bytes;
    stored->msg.shared = NULL; /* it is a copy now */
    stored->event.msg = &stored->msg;
    if (event->msg->reason != NULL) {
        stored->reason = *event->msg->reason;
        stored->msg.reason = &stored->reason;
    }
    if (name_len > 0)
        stored->msg.name = memcpy(stored->bytes + event->len, event->msg->name, name_len);
    return stored;
}

/* Puts all of `list` before what is in `queue`. */
static void queue_prepend(struct fl_list *queue, struct fl_list *list)
{
    if (fl_list_is_empty(list)) return;
    struct fl_list *first = list->next, *last = list->prev;
    first->prev = queue;
    last->next = queue->next;
    queue->next->prev = last;
    queue->next = first;
    fl_list_init(list);
    FL_ASSERT(queue->next == first);
}

/* ---- timeouts */

static void alarm_stop(struct fl_self *self, struct run *run, struct alarm *alarm)
{
    if (alarm->ref == 0) return;
    /* Too late: its message is in the mailbox, and means nothing now. */
    if (fl_timer_cancel(self, alarm->ref) < 0) fl_refs_add(self, &run->stale, alarm->ref, 0);
    alarm->ref = 0;
}

static void zeros_drop(struct fl_self *self, struct run *run, enum fl_statem_kind kind,
                       const char *name)
{
    struct fl_list *at = run->zeros.next;
    while (at != &run->zeros) {
        struct stored *stored = FL_OWNER(at, struct stored, in);
        at = at->next;
        if (stored->event.kind != kind) continue;
        if (name != NULL && strcmp(stored->event.name, name) != 0) continue;
        fl_list_remove(&stored->in);
        fl_self_free(self, stored);
    }
}

static void alarm_set(struct fl_self *self, struct run *run, struct alarm *alarm,
                      enum fl_statem_kind kind, const char *name, fl_ns after_ns, uint32_t tag)
{
    FL_ASSERT(after_ns >= 0);
    alarm_stop(self, run, alarm);
    zeros_drop(self, run, kind, name);
    if (after_ns == FL_NEVER) return;
    if (after_ns == 0) {
        struct fl_statem_event event = {.kind = kind, .name = name, .tag = tag};
        fl_list_push(&run->zeros, &stored_new(self, &event)->in);
        return;
    }
    alarm->tag = tag;
    alarm->ref = fl_timer_start(self, after_ns, tag);
}

static struct named *named_find(struct run *run, const char *name)
{
    for (struct fl_list *at = run->names.next; at != &run->names; at = at->next) {
        struct named *named = FL_OWNER(at, struct named, in);
        if (strcmp(named->name, name) == 0) return named;
    }
    return NULL;
}

static void state_timeout_begin(struct fl_self *self, struct run *run)
{
    if (!run->has_state_timeout) return;
    run->has_state_timeout = false;
    alarm_set(self, run, &run->state_alarm, FL_STATEM_STATE_TIMEOUT, NULL, run->state_timeout_ns,
              run->state_timeout_tag);
}

/* ---- one event */

static fl_statem_fn handler_of(const struct run *run)
{
    fl_statem_fn own = run->def->states[run->state].on_event;
    FL_ASSERT(run->state >= 0 && run->state < run->def->states_count);
    return own != NULL ? own : run->def->on_event;
}

static void run_call(struct fl_self *self, struct run *run, const struct fl_statem_event *event)
{
    fl_statem_fn fn = handler_of(run);
    if (fn == NULL) {
        fl_self_exit(self,
                     fl_reason_with(FL_EXIT_ERROR, FL_ENOTFOUND, "%s has no on_event in %s",
                                    run->def->server.name, run->def->states[run->state].name));
        return;
    }
    FL_ASSERT(!run->is_busy);
    run->next = run->state;
    run->does_postpone = run->does_repeat = false;
    run->is_busy = true;
    fn(self, run_data(run), event);
    run->is_busy = false;
}

static void run_enter(struct fl_self *self, struct run *run, int old_state)
{
    if (!run->def->has_enter || is_ending(self)) return;
    struct fl_statem_event event = {.kind = FL_STATEM_ENTER, .old_state = old_state};
    bool may_repeat = true;
    while (may_repeat) {
        run->is_entering = true;
        run_call(self, run, &event);
        run->is_entering = false;
        if (is_ending(self)) return;
        FL_ASSERT(run->next == run->state);
        may_repeat = run->does_repeat; /* OTP: repeat_state from an enter call enters once more */
        state_timeout_begin(self, run);
    }
}

/* Handles one event and does what the function said. Returns whether the event is kept: it was
 * `stored` and is among the postponed now. */
static bool run_event(struct fl_self *self, struct run *run, const struct fl_statem_event *event,
                      struct stored *stored)
{
    if (event->kind != FL_STATEM_EVENT_TIMEOUT) {
        alarm_stop(self, run, &run->event_alarm);
        zeros_drop(self, run, FL_STATEM_EVENT_TIMEOUT, NULL);
    }
    run_call(self, run, event);
    if (is_ending(self)) return false;

    bool is_kept = run->does_postpone, does_repeat = run->does_repeat;
    int old_state = run->state;
    if (is_kept) {
        if (stored == NULL) stored = stored_new(self, event);
        fl_list_push(&run->postponed, &stored->in);
    }
    bool has_changed = run->next != old_state;
    if (has_changed) {
        run->state = run->next;
        alarm_stop(self, run, &run->state_alarm);
        zeros_drop(self, run, FL_STATEM_STATE_TIMEOUT, NULL);
        queue_prepend(&run->queue, &run->postponed);
    }
    queue_prepend(&run->queue, &run->inserted);
    state_timeout_begin(self, run);
    FL_ASSERT(fl_list_is_empty(&run->inserted));
    if (has_changed || does_repeat) run_enter(self, run, old_state);
    return is_kept;
}

/* What waits inside comes before what waits in the mailbox. */
static void run_queue(struct fl_self *self, struct run *run)
{
    while (!is_ending(self)) {
        struct fl_list *from = !fl_list_is_empty(&run->queue) ? &run->queue : &run->zeros;
        if (fl_list_is_empty(from)) return;
        struct stored *stored = FL_OWNER(from->next, struct stored, in);
        fl_list_remove(&stored->in);
        if (!run_event(self, run, &stored->event, stored)) fl_self_free(self, stored);
    }
}

/* ---- the server */

int fl_statem_on_init(struct fl_self *self, void *state, const void *args)
{
    struct run *run = state;
    run->magic = STATEM_MAGIC;
    run->def = FL_OWNER(self->server, const struct fl_statem, server);
    FL_ASSERT(run->def->states_count > 0);
    struct fl_list *lists[] = {&run->names, &run->queue, &run->inserted, &run->postponed,
                               &run->zeros};
    for (size_t i = 0; i < FL_COUNT(lists); i++)
        fl_list_init(lists[i]);
    run->is_busy = true;
    int rc = run->def->on_init == NULL ? 0 : run->def->on_init(self, run_data(run), args);
    run->is_busy = false;
    if (rc != 0 || is_ending(self)) return rc;
    run->state = run->next;
    queue_prepend(&run->queue, &run->inserted);
    state_timeout_begin(self, run);
    bool has_work = !fl_list_is_empty(&run->queue) || !fl_list_is_empty(&run->zeros);
    if (run->def->has_enter || has_work) fl_self_continue(self, 0);
    return 0;
}

void fl_statem_on_continue(struct fl_self *self, void *state, uint32_t tag)
{
    struct run *run = run_of(self);
    run_enter(self, run, run->state);
    run_queue(self, run);
}

/* Which of our timeouts this timer is; false: none, a timer of the user's. */
static bool timer_is_ours(struct run *run, const struct fl_msg *msg, struct fl_statem_event *event)
{
    struct alarm *alarm = NULL;
    event->tag = msg->tag;
    if (run->state_alarm.ref == msg->ref) {
        alarm = &run->state_alarm;
        event->kind = FL_STATEM_STATE_TIMEOUT;
    } else if (run->event_alarm.ref == msg->ref) {
        alarm = &run->event_alarm;
        event->kind = FL_STATEM_EVENT_TIMEOUT;
    }
    for (struct fl_list *at = run->names.next; alarm == NULL && at != &run->names; at = at->next) {
        struct named *named = FL_OWNER(at, struct named, in);
        if (named->alarm.ref != msg->ref) continue;
        alarm = &named->alarm;
        event->kind = FL_STATEM_TIMEOUT;
        event->name = named->name;
    }
    if (alarm == NULL) return false;
    FL_ASSERT(msg->ref != 0 && alarm->tag == msg->tag);
    alarm->ref = 0;
    return true;
}

void fl_statem_on_msg(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct run *run = run_of(self);
    struct fl_statem_event event = {0};
    bool is_timer = msg->kind == FL_MSG_TIMER;
    if (is_timer && fl_refs_drop(&run->stale, msg->ref)) return;
    if (!is_timer || !timer_is_ours(run, msg, &event)) {
        event = (struct fl_statem_event){
            .kind = msg->kind == FL_MSG_CAST   ? FL_STATEM_CAST
                    : msg->kind == FL_MSG_CALL ? FL_STATEM_CALL
                                               : FL_STATEM_INFO,
            .tag = msg->tag,
            .len = msg->len,
            .from = msg->from,
            .ref = msg->ref,
            .data = msg->data,
            .msg = msg,
        };
    }
    FL_ASSERT(event.kind != 0);
    run_event(self, run, &event, NULL);
    run_queue(self, run);
}

void fl_statem_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct run *run = run_of(self);
    FL_ASSERT(reason != NULL);
    if (run->def->on_terminate != NULL) run->def->on_terminate(self, run_data(run), reason);
}

void fl_statem_on_format(const void *state, struct fl_buf *out)
{
    const struct run *run = state;
    if (run->magic != STATEM_MAGIC) return; /* it has not started */
    FL_ASSERT(run->def != NULL);
    fl_buf_printf(out, "in %s", run->def->states[run->state].name);
    if (run->def->on_format == NULL) return;
    fl_buf_puts(out, ": ");
    run->def->on_format((const char *)state + sizeof(struct fl_statem_run), out);
}

/* ---- the actions */

/* Some of them make no sense while a state is entered: a bug of the process, which ends it. */
static struct run *run_acting(struct fl_self *self, bool may_enter)
{
    struct run *run = run_of(self);
    FL_ASSERT(run->is_busy);
    if (!run->is_entering || may_enter) return run;
    fl_self_exit(self, fl_reason_with(FL_EXIT_ERROR, FL_ESTATE, "not while entering a state"));
    return NULL;
}

int fl_statem_state(struct fl_self *self)
{
    return run_of(self)->state;
}

void fl_statem_next(struct fl_self *self, int state)
{
    struct run *run = run_of(self);
    if (state == run->state && run->is_entering) return;
    run = run_acting(self, false);
    if (run == NULL) return;
    if (state < 0 || state >= run->def->states_count) {
        fl_self_fail(self, FL_ERANGE);
        return;
    }
    run->next = state;
}

void fl_statem_repeat(struct fl_self *self)
{
    run_acting(self, true)->does_repeat = true;
}

void fl_statem_postpone(struct fl_self *self)
{
    struct run *run = run_acting(self, false);
    if (run != NULL) run->does_postpone = true;
}

void fl_statem_state_timeout(struct fl_self *self, fl_ns after_ns, uint32_t tag)
{
    struct run *run = run_acting(self, true);
    FL_ASSERT(after_ns >= 0);
    run->has_state_timeout = true;
    run->state_timeout_ns = after_ns;
    run->state_timeout_tag = tag;
}

void fl_statem_event_timeout(struct fl_self *self, fl_ns after_ns, uint32_t tag)
{
    struct run *run = run_acting(self, true);
    alarm_set(self, run, &run->event_alarm, FL_STATEM_EVENT_TIMEOUT, NULL, after_ns, tag);
}

void fl_statem_timeout(struct fl_self *self, const char *name, fl_ns after_ns, uint32_t tag)
{
    struct run *run = run_acting(self, true);
    struct named *named = named_find(run, name);
    if (named == NULL) {
        named = fl_self_alloc(self, sizeof *named);
        named->name = name;
        fl_list_push(&run->names, &named->in);
    }
    alarm_set(self, run, &named->alarm, FL_STATEM_TIMEOUT, name, after_ns, tag);
}

void fl_statem_insert(struct fl_self *self, uint32_t tag, const void *data, size_t len)
{
    struct run *run = run_acting(self, false);
    if (run == NULL) return;
    FL_ASSERT(len <= UINT32_MAX);
    struct fl_statem_event event = {
        .kind = FL_STATEM_INTERNAL, .tag = tag, .data = data, .len = (uint32_t)len};
    fl_list_push(&run->inserted, &stored_new(self, &event)->in);
}
