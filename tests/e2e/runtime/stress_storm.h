/* stress_storm.h: a process of the storm: at each step it does one thing, drawn from its seed. */
#ifndef TESTS_E2E_RUNTIME_STRESS_STORM_H
#define TESTS_E2E_RUNTIME_STRESS_STORM_H

#include "tests/e2e/runtime/stress.h"

enum { STORM_ALIASES = 4 };

struct storm {
    struct stress *w;
    struct fl_rng rng;
    uint64_t number;         /* of what I sent last */
    struct seen seen, heard; /* of messages, of broadcasts */
    struct ledger monitors, asked, timers;
    struct fl_pid aliases[STORM_ALIASES]; /* good for one message */
    uint64_t alias_monitors[STORM_ALIASES];
    bool alias_used[STORM_ALIASES];
    int alias_next;
    bool is_running, traps;
};

struct storm_args {
    struct stress *w;
    uint64_t seed;
};

extern const struct fl_server storm_server;

static inline int64_t storm_draw(struct storm *storm, int64_t least, int64_t most)
{
    return fl_rng_between(&storm->rng, least, most);
}

static inline struct fl_pid storm_other(struct storm *storm)
{
    return stress_somebody(storm->w, &storm->rng);
}

static inline struct fl_reason storm_reason(struct storm *storm)
{
    static const enum fl_exit_kind kinds[] = {FL_EXIT_NORMAL, FL_EXIT_SHUTDOWN, FL_EXIT_KILL,
                                              FL_EXIT_ERROR, FL_EXIT_CRASH};
    return fl_reason_of(kinds[storm_draw(storm, 0, 4)]);
}

static inline struct word storm_word(struct fl_self *self, struct storm *storm)
{
    return (struct word){.from = fl_self_pid(self), .number = ++storm->number};
}

static inline size_t storm_word_len(struct storm *storm)
{
    return storm_draw(storm, 0, 3) == 0 ? sizeof(struct word) : WORD_SHORT;
}

/* ---- what it may do */

static inline void storm_ended(void *cx)
{
    struct stress *w = cx;
    atomic_fetch_add(&w->ends, 1);
}

static void do_spawn(struct fl_self *self, struct storm *storm)
{
    if (stress_live(storm->w) > STRESS_LIVE_MAX) return;
    struct storm_args args = {.w = storm->w, .seed = fl_rng_next(&storm->rng)};
    char name[16];
    snprintf(name, sizeof name, "name%d", (int)storm_draw(storm, 0, STRESS_NAMES - 1));
    struct fl_spawn_opts opts = {
        .args = &args,
        .shard = (int)storm_draw(storm, -1, STRESS_SHARDS - 1),
        .mailbox_max = storm_draw(storm, 0, 3) == 0 ? 8 : 0,
        .full = (enum fl_full)storm_draw(storm, FL_FULL_REFUSE, FL_FULL_EXIT),
        .memory_max = storm_draw(storm, 0, 9) == 0 ? 100000 : 0,
        .priority = (enum fl_priority)storm_draw(storm, FL_PRIORITY_NORMAL, FL_PRIORITY_HIGH),
        .start_within_ns = storm_draw(storm, 0, 3) == 0 ? fl_ms(1) : 0,
    };
    if (storm_draw(storm, 0, 1) == 0) opts.link_to = fl_self_pid(self);
    if (storm_draw(storm, 0, 3) == 0) opts.name = name;
    struct fl_pid pid = FL_NO_PID;
    must_say(storm->w, fl_spawn(self, &storm_server, &opts, &pid), 0, FL_EREFUSED, FL_EIGNORE,
             FL_ETIMEOUT, FL_ETAKEN, FL_EDIED);
}

static bool is_word(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_CAST && msg->tag == WORD;
}

static void body_run(struct fl_self *self, const void *args, size_t args_len)
{
    struct storm_args opts;
    memcpy(&opts, args, sizeof opts);
    atomic_fetch_add(&opts.w->starts, 1);
    fl_self_own(self, opts.w, storm_ended);
    struct fl_rng rng;
    fl_rng_init(&rng, opts.seed);
    stress_post(opts.w, &rng, fl_self_pid(self));
    fl_self_trap_exits(self, fl_rng_between(&rng, 0, 1) == 0);
    struct seen *seen = fl_self_alloc(self, sizeof *seen);
    struct fl_msg msg;
    for (int64_t i = fl_rng_between(&rng, 0, 10); i > 0; i--)
        if (fl_receive(self, is_word, NULL, fl_ms(fl_rng_between(&rng, 0, 5)), &msg) == 0)
            seen_check(opts.w, seen, &msg, false);
    if (fl_rng_between(&rng, 0, 2) == 0) fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
}

static void do_body(struct fl_self *self, struct storm *storm)
{
    if (stress_live(storm->w) > STRESS_LIVE_MAX || !ledger_has_room(&storm->monitors)) return;
    struct storm_args args = {.w = storm->w, .seed = fl_rng_next(&storm->rng)};
    struct fl_spawn_opts opts = {.shard = (int)storm_draw(storm, -1, STRESS_SHARDS - 1)};
    uint64_t ref;
    switch (storm_draw(storm, 0, 2)) {
    case 0:
        must_say(storm->w, fl_spawn_run(self, body_run, &args, sizeof args, &opts, NULL), 0);
        break;
    case 1:
        must_say(storm->w, fl_spawn_run_link(self, body_run, &args, sizeof args, &opts, NULL), 0);
        break;
    default:
        must_say(storm->w,
                 fl_spawn_run_monitor(self, body_run, &args, sizeof args, &opts, NULL, &ref), 0);
        ledger_add(&storm->monitors, ref);
    }
}

static void do_link(struct fl_self *self, struct storm *storm)
{
    struct fl_pid other = storm_other(storm);
    if (storm_draw(storm, 0, 2) > 0)
        fl_link(self, other);
    else if (storm_draw(storm, 0, 1) == 0)
        fl_unlink(self, other);
    else
        fl_unlink_flush(self, other);
}

static void do_monitor(struct fl_self *self, struct storm *storm)
{
    if (!ledger_has_room(&storm->monitors)) return;
    char name[16];
    snprintf(name, sizeof name, "name%d", (int)storm_draw(storm, 0, STRESS_NAMES - 1));
    ledger_add(&storm->monitors, storm_draw(storm, 0, 4) == 0
                                     ? fl_monitor_name(self, name)
                                     : fl_monitor(self, storm_other(storm)));
}

static void do_demonitor(struct fl_self *self, struct storm *storm)
{
    uint64_t ref = ledger_any(&storm->monitors, &storm->rng);
    if (ref == 0) return;
    if (storm_draw(storm, 0, 1) == 0)
        fl_demonitor(self, ref);
    else if (!fl_demonitor_keep(self, ref))
        return; /* its DOWN is queued and stays */
    ledger_take(&storm->monitors, ref);
}

static void do_exit(struct fl_self *self, struct storm *storm)
{
    fl_exit(self, storm_other(storm), storm_reason(storm));
}

static void do_call(struct fl_self *self, struct storm *storm)
{
    struct word word = storm_word(self, storm), answer = {0};
    size_t len = storm_word_len(storm), got = 0;
    fl_ns within = fl_ms(storm_draw(storm, 1, 8));
    int code = fl_call(self, storm_other(storm), WORD, &word, len, &answer, sizeof answer, &got,
                       within);
    must_say(storm->w, code, 0, FL_ETIMEOUT, FL_ENOPROC, FL_EDIED, FL_ECALLSELF, FL_EREFUSED,
             FL_EFULL);
    if (code == 0) must(storm->w, got == len && answer.number == word.number, answer.number);
}

static void do_ask(struct fl_self *self, struct storm *storm)
{
    if (!ledger_has_room(&storm->asked)) return;
    struct word word = storm_word(self, storm);
    ledger_add(&storm->asked, fl_call_async(self, storm_other(storm), WORD, &word, WORD_SHORT,
                                            fl_ms(storm_draw(storm, 0, 8))));
}

static void do_abandon(struct fl_self *self, struct storm *storm)
{
    uint64_t ref = ledger_any(&storm->asked, &storm->rng);
    if (ref == 0) return;
    fl_call_abandon(self, ref);
    ledger_take(&storm->asked, ref);
}

static void do_timer(struct fl_self *self, struct storm *storm)
{
    if (!ledger_has_room(&storm->timers)) return;
    ledger_add(&storm->timers, fl_timer_start(self, fl_ms(storm_draw(storm, 0, 10)), STEP));
}

static void do_cancel(struct fl_self *self, struct storm *storm)
{
    uint64_t ref = ledger_any(&storm->timers, &storm->rng);
    if (ref != 0 && fl_timer_cancel(self, ref) >= 0) ledger_take(&storm->timers, ref);
    if (storm->timers.count == 0) do_timer(self, storm); /* or it would do nothing ever again */
}

static void do_send(struct fl_self *self, struct storm *storm)
{
    struct fl_pid to = storm_other(storm);
    for (int64_t i = storm_draw(storm, 1, 12); i > 0; i--) {
        struct word word = storm_word(self, storm);
        must_say(storm->w, fl_send(self, to, WORD, &word, storm_word_len(storm)), 0, FL_EFULL);
    }
}

static inline void storm_shared_drop(void *ptr)
{
    fl_shared_release(ptr);
}

/* A send may wait for room (FL_FULL_BLOCK), and I be killed there: what I still hold is owned. */
static void do_share(struct fl_self *self, struct storm *storm)
{
    struct word word = storm_word(self, storm);
    struct fl_shared *shared = fl_shared_new(&word, sizeof word);
    fl_self_own(self, shared, storm_shared_drop);
    struct fl_pid first = storm_other(storm), second = storm_other(storm);
    must_say(storm->w, fl_send_shared(self, first, WORD, fl_shared_retain(shared)), 0, FL_EFULL);
    if (!fl_pid_eq(first, second)) /* else it would hear the number twice */
        must_say(storm->w, fl_send_shared(self, second, WORD, fl_shared_retain(shared)), 0,
                 FL_EFULL);
    fl_self_disown(self, shared);
    fl_shared_release(shared);
}

static void do_name(struct fl_self *self, struct storm *storm)
{
    char name[16];
    snprintf(name, sizeof name, "name%d", (int)storm_draw(storm, 0, STRESS_NAMES - 1));
    struct word word;
    switch (storm_draw(storm, 0, 3)) {
    case 0:
        must_say(storm->w, fl_self_register(self, name), 0, FL_ETAKEN, FL_ESTATE);
        break;
    case 1:
        must_say(storm->w, fl_self_unregister(self), 0, FL_ENOTFOUND);
        break;
    case 2:
        word = storm_word(self, storm);
        must_say(storm->w, fl_send_name(self, name, WORD, &word, WORD_SHORT), 0, FL_ENOPROC,
                 FL_EFULL);
        break;
    default:
        fl_send_after_name(self, name, fl_ms(1), STEP);
    }
}

/* Somebody gets an address of mine that is good for one message. */
static void do_alias(struct fl_self *self, struct storm *storm)
{
    int at = storm->alias_next++ % STORM_ALIASES;
    struct fl_pid other = storm_other(storm), alias;
    if (storm_draw(storm, 0, 2) == 0 && ledger_has_room(&storm->monitors)) {
        uint64_t ref = fl_monitor_alias(self, other, FL_ALIAS_REPLY_DEMONITOR, &alias);
        ledger_add(&storm->monitors, ref);
        storm->alias_monitors[at] = ref;
    } else {
        alias = fl_alias(self, FL_ALIAS_REPLY);
        storm->alias_monitors[at] = 0;
    }
    storm->aliases[at] = alias;
    storm->alias_used[at] = false;
    fl_send(self, other, ALIAS_OF, &alias, sizeof alias);
}

static void do_unalias(struct fl_self *self, struct storm *storm)
{
    fl_unalias(self, storm->aliases[storm_draw(storm, 0, STORM_ALIASES - 1)]);
}

static void do_topic(struct fl_self *self, struct storm *storm)
{
    char topic[16];
    snprintf(topic, sizeof topic, "topic%d", (int)storm_draw(storm, 0, STRESS_TOPICS - 1));
    struct word word;
    switch (storm_draw(storm, 0, 2)) {
    case 0:
        if (fl_pubsub_count(self, storm->w->pubsub, topic) < 12)
            fl_pubsub_subscribe(self, storm->w->pubsub, topic);
        break;
    case 1:
        fl_pubsub_unsubscribe(self, storm->w->pubsub, topic);
        break;
    default:
        word = storm_word(self, storm);
        fl_pubsub_broadcast(self, storm->w->pubsub, topic, ON_TOPIC, &word, WORD_SHORT);
    }
}

static void do_key(struct fl_self *self, struct storm *storm)
{
    char key[16];
    snprintf(key, sizeof key, "key%d", (int)storm_draw(storm, 0, STRESS_NAMES - 1));
    struct fl_registry *registry = storm->w->registry;
    struct fl_registry_entry *found;
    struct word word;
    switch (storm_draw(storm, 0, 3)) {
    case 0:
        must_say(storm->w, fl_registry_register(self, registry, key, key, sizeof key, NULL), 0,
                 FL_ETAKEN);
        break;
    case 1:
        fl_registry_unregister(self, registry, key);
        break;
    case 2:
        must(storm->w, fl_registry_lookup(registry, key, &found) <= 1, 0);
        free(found);
        break;
    default:
        word = storm_word(self, storm);
        must_say(storm->w, fl_via_send(self, registry, key, WORD, &word, WORD_SHORT), 0, FL_ENOPROC,
                 FL_EFULL);
    }
}

static void task_run(struct fl_self *self, const void *args, size_t len)
{
    uint64_t number;
    memcpy(&number, args, sizeof number);
    if (number % 5 == 0) fl_pause(self, fl_ms(1));
    if (number % 7 == 0) fl_self_fail(self, FL_EIO);
    fl_task_return(self, &number, sizeof number);
}

static void do_task(struct fl_self *self, struct storm *storm)
{
    struct fl_task task;
    struct fl_task_opts opts = {.shard = (int)storm_draw(storm, -1, STRESS_SHARDS - 1),
                                .is_linked = storm_draw(storm, 0, 3) == 0};
    uint64_t number = fl_rng_next(&storm->rng), answer = 0;
    int code = fl_task_start(self, &opts, task_run, &number, sizeof number, &task);
    must_say(storm->w, code, 0);
    if (code != 0) return; /* the node stops */
    code = 1;
    fl_ns within = fl_ms(storm_draw(storm, 0, 2));
    switch (storm_draw(storm, 0, 3)) {
    case 0:
        code = fl_task_try_await(self, &task, &answer, sizeof answer, NULL, within, NULL);
        must_say(storm->w, code, 0, FL_EDIED, FL_ETIMEOUT);
        break;
    case 1:
        code = fl_task_shutdown(self, &task, within, &answer, sizeof answer, NULL, NULL);
        must_say(storm->w, code, 0, FL_EDIED, FL_ENOTFOUND);
        break;
    case 2:
        code = fl_task_yield(self, &task, &answer, sizeof answer, NULL, within, NULL);
        must_say(storm->w, code, 0, FL_EDIED, FL_ETIMEOUT);
        if (code == FL_ETIMEOUT) must_say(storm->w, fl_task_ignore(self, &task), 0);
        break;
    default:
        must_say(storm->w, fl_task_ignore(self, &task), 0);
    }
    if (code == 0) must(storm->w, answer == number, answer);
}

struct inputs {
    uint64_t given, told;
};

static bool inputs_next(void *cx, struct fl_str *args)
{
    struct inputs *inputs = cx;
    if (inputs->given == 6) return false;
    inputs->given++;
    *args = (struct fl_str){.at = (const char *)&inputs->given, .len = sizeof inputs->given};
    return true;
}

static bool inputs_told(void *cx, const struct fl_task_result *result)
{
    ((struct inputs *)cx)->told++;
    return true;
}

static void do_stream(struct fl_self *self, struct storm *storm)
{
    struct inputs inputs = {0};
    struct fl_task_stream stream = {.fn = task_run,
                                    .next = inputs_next,
                                    .on_result = inputs_told,
                                    .cx = &inputs,
                                    .on_timeout = FL_TASK_TIMEOUT_KILL,
                                    .timeout_ns = fl_ms(storm_draw(storm, 1, 5)),
                                    .is_unordered = storm_draw(storm, 0, 1) == 0,
                                    .is_spread = true};
    int code = fl_task_stream(self, &stream);
    must_say(storm->w, code, 0);
    must(storm->w, code != 0 || inputs.told == 6, inputs.told);
}

static void do_sys(struct fl_self *self, struct storm *storm)
{
    struct fl_pid other = storm_other(storm);
    char text[64];
    fl_ns within = fl_ms(storm_draw(storm, 1, 4));
    switch (storm_draw(storm, 0, 3)) {
    case 0:
        must_say(storm->w, fl_sys_suspend(self, other, within), 0, FL_ENOPROC, FL_EDIED,
                 FL_ECALLSELF, FL_ETIMEOUT);
        must_say(storm->w, fl_sys_resume(self, other, within), 0, FL_ENOPROC, FL_EDIED,
                 FL_ECALLSELF, FL_ETIMEOUT);
        break;
    case 1:
        must_say(storm->w, fl_sys_get_state(self, other, text, sizeof text, within), 0, FL_ENOPROC,
                 FL_EDIED, FL_ECALLSELF, FL_ETIMEOUT);
        break;
    case 2:
        must_say(storm->w, fl_stop(self, other, storm_reason(storm), within), 0, FL_ENOPROC,
                 FL_EDIED, FL_ECALLSELF, FL_ETIMEOUT);
        break;
    default:
        must_say(storm->w, fl_sys_log(self, other, (int)storm_draw(storm, 0, 5), within), 0,
                 FL_ENOPROC, FL_EDIED, FL_ECALLSELF, FL_ETIMEOUT);
    }
}

static void do_child(struct fl_self *self, struct storm *storm)
{
    int at = (int)storm_draw(storm, 0, STRESS_SHARDS - 1);
    struct fl_pid sup = {atomic_load(&storm->w->sups[at])}, pid = FL_NO_PID;
    struct storm_args args = {.w = storm->w, .seed = fl_rng_next(&storm->rng)};
    if (storm_draw(storm, 0, 1) == 0) {
        must_say(storm->w, fl_dynamic_terminate_child(self, sup, storm_other(storm)), 0,
                 FL_ENOTFOUND, FL_ENOPROC, FL_EDIED, FL_ESTATE);
        return;
    }
    int code = fl_dynamic_start_child(self, sup, &args, sizeof args, &pid);
    must_say(storm->w, code, 0, FL_EREFUSED, FL_EIGNORE, FL_EFULL, FL_ENOPROC, FL_EDIED, FL_ESTATE);
}

static int job_run(void *cx)
{
    return 42;
}

static void do_job(struct fl_self *self, struct storm *storm)
{
    must_say(storm->w, fl_blocking(self, job_run, NULL, NULL), 42);
}

static void do_filter(struct fl_self *self, struct storm *storm)
{
    stress_filter(storm->w, &storm->rng);
}

static void do_trace(struct fl_self *self, struct storm *storm)
{
    stress_trace(storm->w, &storm->rng);
}

static void do_odd(struct fl_self *self, struct storm *storm)
{
    switch (storm_draw(storm, 0, 6)) {
    case 0:
        fl_yield(self);
        break;
    case 1:
        storm->traps = !storm->traps;
        fl_self_trap_exits(self, storm->traps);
        break;
    case 2:
        fl_self_exit_now(self, storm_reason(storm));
    case 3:
        fl_self_timeout(self, fl_ms(1));
        break;
    case 4:
        fl_self_continue(self, STEP);
        break;
    case 5:
        fl_self_set_priority(
            self, (enum fl_priority)storm_draw(storm, FL_PRIORITY_NORMAL, FL_PRIORITY_HIGH));
        break;
    default:
        fl_self_free(self, fl_self_alloc(self, 1000));
        fl_self_alloc(self, 5000); /* until the limit kills, or the end */
    }
}

static void (*const storm_things[])(struct fl_self *self, struct storm *storm) = {
    do_spawn,  do_spawn, do_body,  do_link,  do_monitor, do_demonitor, do_exit, do_call,
    do_call,   do_ask,   do_ask,   do_timer, do_cancel,  do_abandon,   do_send, do_send,
    do_share,  do_name,  do_alias, do_topic, do_topic,   do_unalias,   do_key,  do_task,
    do_stream, do_sys,   do_child, do_job,   do_filter,  do_trace,     do_odd,
};

static void storm_step(struct fl_self *self, struct storm *storm)
{
    struct stress *w = storm->w;
    if (!stress_rages(w)) return;
    if (atomic_fetch_add(&w->steps, 1) == w->steps_max && w->stops_in_the_middle)
        fl_node_stop(w->node, 7);
    must(w, !storm->is_running, 0); /* callbacks come one at a time */
    storm->is_running = true;
    storm_things[storm_draw(storm, 0, FL_COUNT(storm_things) - 1)](self, storm);
    storm->is_running = false;
}

/* ---- what it answers to */

static int storm_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct storm_args *opts = args;
    struct storm *storm = state;
    storm->w = opts->w;
    fl_rng_init(&storm->rng, opts->seed);
    atomic_fetch_add(&storm->w->starts, 1);
    fl_self_own(self, storm->w, storm_ended);
    storm->traps = storm_draw(storm, 0, 1) == 0;
    fl_self_trap_exits(self, storm->traps);
    ledger_add(&storm->timers, fl_timer_start(self, fl_ms(storm_draw(storm, 0, 10)), STEP));
    int64_t fate = storm_draw(storm, 0, 40);
    if (fate == 0) fl_pause(self, fl_ms(2));
    if (fate == 1) return FL_EREFUSED;
    if (fate == 2) return FL_EIGNORE;
    stress_post(storm->w, &storm->rng, fl_self_pid(self));
    return 0;
}

static void storm_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct storm *storm = state;
    struct fl_pid alias;
    int at = 0;
    switch (msg->tag) {
    case WORD:
        seen_check(storm->w, &storm->seen, msg, false);
        break;
    case ON_TOPIC:
        seen_check(storm->w, &storm->heard, msg, true); /* twice subscribed, twice heard */
        break;
    case ALIAS_OF:
        memcpy(&alias, msg->data, sizeof alias);
        for (int64_t i = storm_draw(storm, 0, 2); i > 0; i--)
            fl_send(self, alias, OVER_ALIAS, &alias, sizeof alias);
        break;
    case OVER_ALIAS:
        memcpy(&alias, msg->data, sizeof alias);
        while (at < STORM_ALIASES && !fl_pid_eq(storm->aliases[at], alias))
            at++;
        if (at == STORM_ALIASES) break; /* an old one */
        must(storm->w, !storm->alias_used[at], at);
        storm->alias_used[at] = true;
        ledger_take(&storm->monitors, storm->alias_monitors[at]); /* it went with the alias */
        break;
    default:
        storm_step(self, state);
        break;
    }
}

static void storm_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct storm *storm = state;
    seen_check(storm->w, &storm->seen, msg, false);
    switch (storm_draw(storm, 0, 11)) {
    case 0: /* never answers */
        return;
    case 1:
        fl_self_reply_error(self, msg->from, msg->ref, FL_EREFUSED);
        return;
    case 2:
        fl_self_fail(self, FL_EIO);
        return;
    case 3: /* first something else, which may wait */
        storm_step(self, storm);
        break;
    case 4: /* twice: the second one is nobody's */
        fl_self_reply(self, msg->from, msg->ref, msg->data, msg->len);
        break;
    default:
        break;
    }
    fl_self_reply(self, msg->from, msg->ref, msg->data, msg->len);
}

static void storm_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                           const void *data, size_t len)
{
    struct storm *storm = state;
    must(storm->w, ledger_take(&storm->asked, ref), code);
    must_say(storm->w, code, 0, FL_ETIMEOUT, FL_ENOPROC, FL_EDIED, FL_EREFUSED, FL_ECALLSELF,
             FL_EFULL);
    storm_step(self, storm);
}

static void storm_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct storm *storm = state;
    must(storm->w, ledger_take(&storm->timers, ref), tag); /* once, and not when taken back */
    storm_step(self, storm);
    if (stress_rages(storm->w) && ledger_has_room(&storm->timers))
        ledger_add(&storm->timers, fl_timer_start(self, fl_ms(5), STEP));
}

static void storm_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    struct storm *storm = state;
    must(storm->w, ledger_take(&storm->monitors, ref), reason->kind);
    storm_step(self, storm);
}

static void storm_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                          const struct fl_reason *reason)
{
    struct storm *storm = state;
    if (storm_draw(storm, 0, 2) == 0) fl_self_exit(self, *reason);
}

static void storm_on_continue(struct fl_self *self, void *state, uint32_t tag)
{
    storm_step(self, state);
}

static void storm_on_timeout(struct fl_self *self, void *state)
{
    storm_step(self, state);
}

static void storm_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct storm *storm = state;
    if (storm_draw(storm, 0, 3) == 0)
        fl_call(self, storm_other(storm), WORD, NULL, 0, NULL, 0, NULL, fl_ms(1));
}

static void storm_on_format(const void *state, struct fl_buf *out)
{
    const struct storm *storm = state;
    fl_buf_printf(out, "%" PRIu64 " sent", storm->number);
}

const struct fl_server storm_server = {
    .name = "storm",
    .state_bytes = sizeof(struct storm),
    .on_init = storm_on_init,
    .on_call = storm_on_call,
    .on_cast = storm_on_cast,
    .on_reply = storm_on_reply,
    .on_timer = storm_on_timer,
    .on_down = storm_on_down,
    .on_exit = storm_on_exit,
    .on_continue = storm_on_continue,
    .on_timeout = storm_on_timeout,
    .on_terminate = storm_on_terminate,
    .on_format = storm_on_format,
};

#endif
