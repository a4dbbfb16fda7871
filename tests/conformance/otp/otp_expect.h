/* otp_expect.h: what the driver of a case can order other processes to do, and expect of them.
 *
 * `obey` is the body of a process that does what it is told (do_in, tell) and reports every other
 * message to the driver (expect_sees_exit, next_seen). `self` and `w` are always those of the case.
 */
#ifndef FL_TESTS_OTP_EXPECT_H
#define FL_TESTS_OTP_EXPECT_H

#include "tests/conformance/otp/otp_world.h"

#include "runtime/inspect.h"

enum case_tag { CASE_ORDER = 900000, CASE_DONE, CASE_SEEN, CASE_PING, CASE_PONG };

struct case_order {
    void (*fn)(struct fl_self *self, struct case_world *w, const struct case_order *order);
    struct fl_pid pid;
    struct fl_reason reason;
    uint64_t ref;
    uint32_t tag;
    fl_ns ns;
};
#define ORDER(name)                                                     \
    static inline void name(struct fl_self *self, struct case_world *w, \
                            const struct case_order *order)

/* What an obeying process saw. */
struct case_seen {
    enum fl_msg_kind kind;
    uint32_t tag;
    struct fl_pid from;
    uint64_t ref;
    struct fl_reason reason;
};

ORDER(do_trap)
{
    fl_self_trap_exits(self, true);
}
ORDER(do_untrap)
{
    fl_self_trap_exits(self, false);
}
ORDER(do_link)
{
    fl_link(self, order->pid);
}
ORDER(do_unlink)
{
    fl_unlink(self, order->pid);
}
ORDER(do_monitor)
{
    fl_monitor(self, order->pid);
}
/* an exit signal to order->pid; nobody: to itself */
ORDER(do_signal)
{
    fl_exit(self, order->pid.bits != 0 ? order->pid : fl_self_pid(self), order->reason);
}
/* ends inside, as by exit/1 */
ORDER(do_leave)
{
    fl_self_exit_now(self, order->reason);
}
ORDER(do_send)
{
    fl_send(self, order->pid, order->tag, NULL, 0);
}
ORDER(do_pause)
{
    fl_pause(self, order->ns);
}

/** Is this for the process itself, not for the case? Then sees to it. */
static inline bool case_obey_one(struct fl_self *self, struct case_world *w,
                                 const struct fl_msg *msg)
{
    struct case_order order;
    if (msg->kind != FL_MSG_CAST) return false;
    if (msg->tag == CASE_PING) {
        fl_send(self, msg->from, CASE_PONG, NULL, 0);
        return true;
    }
    if (msg->tag != CASE_ORDER) return false;
    memcpy(&order, msg->data, sizeof order);
    struct fl_pid from = msg->from;
    order.fn(self, w, &order);
    if (!fl_pid_eq(from, fl_self_pid(self))) fl_send(self, from, CASE_DONE, NULL, 0);
    return true;
}

/** The body of a process that obeys and reports. */
static inline void obey(struct fl_self *self, struct case_world *w)
{
    for (;;) {
        struct fl_msg msg;
        if (fl_receive(self, NULL, NULL, FL_NEVER, &msg) != 0) return;
        if (msg.kind == FL_MSG_EXIT && msg.from.bits == 0) return; /* the node stops */
        if (case_obey_one(self, w, &msg)) continue;
        struct case_seen seen = {
            .kind = msg.kind, .tag = msg.tag, .from = msg.from, .ref = msg.ref};
        if (msg.reason != NULL) seen.reason = *msg.reason;
        fl_send(self, w->driver, CASE_SEEN, &seen, sizeof seen);
    }
}

/* ---- what the driver waits for */

struct case_want {
    enum fl_msg_kind kind;
    uint32_t tag; /* of a cast; 0: any but the tags of this file */
    struct fl_pid from;
    uint64_t ref;
};

static inline bool case_matches(void *cx, const struct fl_msg *msg)
{
    const struct case_want *want = cx;
    if (msg->kind != want->kind) return false;
    if (want->from.bits != 0 && !fl_pid_eq(want->from, msg->from)) return false;
    if (want->ref != 0 && want->ref != msg->ref) return false;
    return msg->kind != FL_MSG_CAST || msg->tag == want->tag;
}

static inline bool case_is_for_case(void *cx, const struct fl_msg *msg)
{
    return msg->kind != FL_MSG_CAST || msg->tag < CASE_ORDER;
}

/** Receives what matches, or fails with these words. */
static inline struct fl_msg case_await(struct fl_self *self, struct case_world *w, const char *at,
                                       struct case_want want, const char *words)
{
    struct fl_msg msg = {0};
    if (fl_receive(self, case_matches, &want, w->patience_ns, &msg) != 0) {
        case_record(w, at, "expected %s, it does not come", words);
        fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
    }
    return msg;
}

static inline void case_reason_is(struct fl_self *self, struct case_world *w, const char *at,
                                  const char *what, const struct fl_reason *is,
                                  struct fl_reason should, bool exactly)
{
    char is_text[96], should_text[96];
    if (is != NULL && (exactly ? fl_reason_eq(is, &should) : is->kind == should.kind)) return;
    case_record(w, at, "expected %s for %s, its reason is %s", what,
                fl_reason_show(&should, should_text, sizeof should_text),
                is == NULL ? "none" : fl_reason_show(is, is_text, sizeof is_text));
    fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
}

static inline void case_order(struct fl_self *self, const struct case_order *order,
                              struct fl_pid who)
{
    fl_send(self, who, CASE_ORDER, order, sizeof *order);
}

/** Tells an obeying process to do something, and does not wait. */
#define tell(who, ...) case_order(self, &(struct case_order){__VA_ARGS__}, (who))
/** And waits until it has. */
#define do_in(who, ...)                                                                     \
    do {                                                                                    \
        struct fl_pid who_ = (who);                                                         \
        case_order(self, &(struct case_order){__VA_ARGS__}, who_);                          \
        case_await(self, w, CASE_AT,                                                        \
                   (struct case_want){.kind = FL_MSG_CAST, .tag = CASE_DONE, .from = who_}, \
                   "it to be done");                                                        \
    } while (0)

static inline void case_down_is(struct fl_self *self, struct case_world *w, const char *at,
                                uint64_t ref, struct fl_reason reason, bool exactly)
{
    struct fl_msg msg = case_await(self, w, at, (struct case_want){.kind = FL_MSG_DOWN, .ref = ref},
                                   "a DOWN");
    case_reason_is(self, w, at, "DOWN", msg.reason, reason, exactly);
}
/** The DOWN of this monitor comes, and its reason has this kind. */
#define expect_down(ref, kind) case_down_is(self, w, CASE_AT, (ref), fl_reason_of(kind), false)
/** And is exactly this one. */
#define expect_down_with(ref, reason) case_down_is(self, w, CASE_AT, (ref), (reason), true)

static inline void case_exit_is(struct fl_self *self, struct case_world *w, const char *at,
                                struct fl_pid from, struct fl_reason reason, bool exactly)
{
    struct fl_msg msg = case_await(
        self, w, at, (struct case_want){.kind = FL_MSG_EXIT, .from = from}, "an EXIT");
    case_reason_is(self, w, at, "EXIT", msg.reason, reason, exactly);
}
/** The driver gets an EXIT from there. */
#define expect_exit(from, kind) case_exit_is(self, w, CASE_AT, (from), fl_reason_of(kind), false)
#define expect_exit_with(from, reason) case_exit_is(self, w, CASE_AT, (from), (reason), true)

/** The next thing that this obeying process reports. */
static inline struct case_seen case_next_seen(struct fl_self *self, struct case_world *w,
                                              const char *at, struct fl_pid who)
{
    struct case_seen seen;
    struct fl_msg msg = case_await(
        self, w, at, (struct case_want){.kind = FL_MSG_CAST, .tag = CASE_SEEN, .from = who},
        "it to see something");
    memcpy(&seen, msg.data, sizeof seen);
    return seen;
}
#define next_seen(who) case_next_seen(self, w, CASE_AT, (who))

static inline void case_sees_exit(struct fl_self *self, struct case_world *w, const char *at,
                                  struct fl_pid who, struct fl_pid from, struct fl_reason reason,
                                  bool exactly)
{
    struct case_seen seen = case_next_seen(self, w, at, who);
    if (seen.kind != FL_MSG_EXIT || !fl_pid_eq(seen.from, from)) {
        case_record(w, at, "expected it to see that EXIT, it sees a message of kind %d", seen.kind);
        fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
    }
    case_reason_is(self, w, at, "EXIT", &seen.reason, reason, exactly);
}
/** The next message of an obeying process is an EXIT from there. */
#define expect_sees_exit(who, from, kind) \
    case_sees_exit(self, w, CASE_AT, (who), (from), fl_reason_of(kind), false)
#define expect_sees_exit_with(who, from, reason) \
    case_sees_exit(self, w, CASE_AT, (who), (from), (reason), true)

static inline bool case_answers(struct fl_self *self, struct case_world *w, struct fl_pid who)
{
    struct case_want want = {.kind = FL_MSG_CAST, .tag = CASE_PONG, .from = who};
    struct fl_msg msg;
    fl_send(self, who, CASE_PING, NULL, 0);
    return fl_receive(self, case_matches, &want, w->patience_ns, &msg) == 0;
}
/** It lives, and has got everything that I sent it until now. */
#define expect_alive(who)                                                              \
    do {                                                                               \
        if (!case_answers(self, w, (who))) case_fail("expected %s to be alive", #who); \
    } while (0)
/** It is gone already: a monitor says noproc. */
#define expect_gone(who) expect_down(fl_monitor(self, (who)), FL_EXIT_NOPROC)
/** It comes to its end, whatever of. */
#define expect_end(who)                                                                 \
    case_await(self, w, CASE_AT,                                                        \
               (struct case_want){.kind = FL_MSG_DOWN, .ref = fl_monitor(self, (who))}, \
               #who " to end")

/** Gives what is on its way the time to arrive: before something that must not have come. */
#define settle() fl_pause(self, fl_ms(3))

/** The driver has no message. */
#define expect_nothing()                                                                \
    do {                                                                                \
        struct fl_msg none_ = {0};                                                      \
        settle();                                                                       \
        if (fl_receive(self, case_is_for_case, NULL, 0, &none_) == 0)                   \
            case_fail("expected no message, one of kind %d comes (tag %u)", none_.kind, \
                      none_.tag);                                                       \
    } while (0)
/** An obeying process lives and has seen nothing more. */
#define expect_sees_nothing(who)                                                         \
    do {                                                                                 \
        struct case_want seen_ = {.kind = FL_MSG_CAST, .tag = CASE_SEEN, .from = (who)}; \
        struct fl_msg none_ = {0};                                                       \
        settle();                                                                        \
        expect_alive(who);                                                               \
        if (fl_receive(self, case_matches, &seen_, 0, &none_) == 0)                      \
            case_fail("expected %s to see nothing more, it does", #who);                 \
    } while (0)

/** Waits until this holds, or fails. */
#define wait_until(condition)                                          \
    do {                                                               \
        fl_ns until_ns_ = fl_self_now(self) + w->patience_ns;          \
        while (!(condition) && fl_self_now(self) < until_ns_)          \
            fl_pause(self, fl_ms(1));                                  \
        if (!(condition)) case_fail("waited in vain for " #condition); \
    } while (0)

/** Waits until the driver's mailbox holds that many messages. */
#define wait_for_mail(count) wait_until(fl_self_mailbox_len(self) >= (size_t)(count))

static inline void case_diary_is(struct fl_self *self, struct case_world *w, const char *at,
                                 const char *text)
{
    fl_ns end_ns = fl_self_now(self) + w->patience_ns;
    for (;;) {
        pthread_mutex_lock(&w->lock);
        bool is = strcmp(w->diary, text) == 0;
        size_t len = strlen(w->diary);
        if (is) w->diary[0] = '\0';
        pthread_mutex_unlock(&w->lock);
        if (is) return;
        if (len > strlen(text) || fl_self_now(self) >= end_ns) break;
        fl_pause(self, fl_ms(1));
    }
    case_record(w, at, "expected the diary to be\n%sit is\n%s", text, w->diary);
    fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
}
/** This comes to stand in the diary and nothing else; it is empty after. */
#define expect_diary(text) case_diary_is(self, w, CASE_AT, (text))

/** A trapping process that obeys. */
#define start_trapping() case_start_trapping(self, w, CASE_AT)
static inline struct fl_pid case_start_trapping(struct fl_self *self, struct case_world *w,
                                                const char *at)
{
    struct fl_pid pid = case_start(self, w, at, obey, CASE_FREE, NULL, THERE);
    do_in(pid, .fn = do_trap);
    return pid;
}

/** What the shards have counted until now: messages dropped, late answers, timers that run. */
static inline struct fl_shard_info case_stats(struct case_world *w)
{
    struct fl_shard_info info = {0};
    fl_node_stats(w->node, &info);
    return info;
}

/** One that ended before anybody asks for it. */
static inline void leave_at_once(struct fl_self *self, struct case_world *w) {}
static inline struct fl_pid case_start_dead(struct fl_self *self, struct case_world *w,
                                            const char *at)
{
    uint64_t ref = 0;
    struct fl_pid pid = case_start(self, w, at, leave_at_once, CASE_WATCHED, &ref, THERE);
    case_down_is(self, w, at, ref, fl_reason_of(FL_EXIT_NORMAL), false);
    return pid;
}
#define start_dead() case_start_dead(self, w, CASE_AT)

#define BOOM fl_reason_with(FL_EXIT_ERROR, 7, "boom")
#define QUIT(kind) .fn = do_leave, .reason = fl_reason_of(kind)

#endif
