/* stress.h: what the processes and threads of test_stress.c share, and the books they keep. */
#ifndef TESTS_E2E_RUNTIME_STRESS_H
#define TESTS_E2E_RUNTIME_STRESS_H

#include "tests/support/testkit.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "runtime/annotate.h"
#include "runtime/base/rng.h"
#include "runtime/control.h"
#include "runtime/inspect.h"
#include "runtime/node.h"
#include "runtime/pid.h"
#include "runtime/pubsub.h"
#include "runtime/registry.h"
#include "runtime/sup.h"
#include "runtime/sys.h"
#include "runtime/task.h"
#include "runtime/task_sup.h"
#include "runtime/trace.h"

enum {
    STRESS_SHARDS = 5,
    STRESS_THREADS = 2,
    STRESS_BOARD = 64,
    STRESS_NAMES = 8,
    STRESS_TOPICS = 3,
    STRESS_LIVE_MAX = 150, /* above, nobody starts another one */
};
enum stress_phase { STRESS_RAGES = 0, STRESS_STOPS, STRESS_OVER };
enum { WORD = 1, STEP, ALIAS_OF, OVER_ALIAS, ON_TOPIC, NUMBER, REPORT };

struct stress {
    struct fl_node *node;
    struct fl_pubsub *pubsub;
    struct fl_registry *registry;
    struct fl_pid keepers[STRESS_SHARDS];
    struct fl_pid top; /* of the supervisors, and they */
    _Atomic uint64_t sups[STRESS_SHARDS];
    uint64_t seed;
    long steps_max;
    bool stops_in_the_middle;
    _Atomic uint64_t board[STRESS_BOARD]; /* pids that anybody may hurt */
    atomic_int phase, threads_done;
    atomic_long steps, starts, ends, wrong, crashes;
    atomic_long thread_sent;
    atomic_long traces_begun, traces_ended;
    _Atomic uint64_t filters[STRESS_NAMES]; /* numbers of some */
};

/** Something is not as it must be; from any thread, for cmocka's own may only be used on its. */
static inline void stress_wrong(struct stress *w, int line, const char *what, int64_t value)
{
    if (atomic_fetch_add(&w->wrong, 1) < 20)
        fprintf(stderr, "line %d, seed %" PRIu64 ": %s (%" PRId64 ")\n", line, w->seed, what,
                value);
}
#define must(w, condition, value)                                                               \
    do {                                                                                        \
        if (!(condition)) stress_wrong((w), __LINE__, "not so: " #condition, (int64_t)(value)); \
    } while (0)

static inline bool stress_rages(struct stress *w)
{
    return atomic_load_explicit(&w->phase, memory_order_relaxed) == STRESS_RAGES;
}

static inline long stress_live(struct stress *w)
{
    return atomic_load_explicit(&w->starts, memory_order_relaxed) -
           atomic_load_explicit(&w->ends, memory_order_relaxed);
}

/** Is it one of these codes (up to a 1)? When the node stops, any is. */
static inline bool stress_is_one_of(struct stress *w, int code, const int *codes)
{
    if (w->stops_in_the_middle) return true;
    while (*codes != 1)
        if (*codes++ == code) return true;
    return false;
}
#define must_say(w, code, ...)                                                \
    do {                                                                      \
        int says_ = (code);                                                   \
        if (!stress_is_one_of((w), says_, (const int[]){__VA_ARGS__, 1}))     \
            stress_wrong((w), __LINE__, #code " says something else", says_); \
    } while (0)

/** A pid that anybody may hurt; it may be dead. */
static inline struct fl_pid stress_somebody(struct stress *w, struct fl_rng *rng)
{
    int at = (int)fl_rng_between(rng, 0, STRESS_BOARD - 1);
    return (struct fl_pid){atomic_load_explicit(&w->board[at], memory_order_relaxed)};
}

static inline void stress_post(struct stress *w, struct fl_rng *rng, struct fl_pid pid)
{
    int at = (int)fl_rng_between(rng, 0, STRESS_BOARD - 1);
    atomic_store_explicit(&w->board[at], pid.bits, memory_order_relaxed);
}

/* ---- what any thread may do to a process */

static inline void stress_on_event(void *cx, const struct fl_trace_event *event)
{
    (void)cx;
    (void)event;
}

static inline void stress_on_trace_end(void *cx, int code)
{
    struct stress *w = cx;
    atomic_fetch_add(&w->traces_ended, 1);
    must_say(w, code, 0, FL_ENOPROC, FL_ETAKEN);
}

static inline void stress_trace(struct stress *w, struct fl_rng *rng)
{
    struct fl_pid who = stress_somebody(w, rng);
    struct fl_trace_opts opts = {
        .on_event = stress_on_event, .on_end = stress_on_trace_end, .cx = w, .events_max = 50};
    if (fl_rng_between(rng, 0, 2) == 0)
        fl_trace_stop(w->node, who, w);
    else if (fl_trace_start(w->node, who, &opts) == 0)
        atomic_fetch_add(&w->traces_begun, 1);
}

/* Only such as keep the order. */
static inline void stress_filter(struct stress *w, struct fl_rng *rng)
{
    char who[FL_PID_TEXT_MAX];
    fl_pid_show(stress_somebody(w, rng), who, sizeof who);
    struct fl_filter_opts opts = {
        .kind = fl_rng_between(rng, 0, 1) == 0 ? FL_FILTER_DROP : FL_FILTER_DELAY,
        .probability = 0.3,
        .limit = 5,
        .delay_ns = fl_ms(fl_rng_between(rng, 1, 3)),
    };
    uint64_t id = 0;
    must_say(w, fl_control_filter(w->node, who, NULL, &opts, &id, NULL), 0, FL_ENOPROC);
    id = atomic_exchange(&w->filters[fl_rng_between(rng, 0, STRESS_NAMES - 1)], id);
    if (id != 0) must_say(w, fl_control_unfilter(w->node, id, NULL), 0, FL_ENOTFOUND);
}

/* ---- refs whose end is to be heard exactly once */

enum { LEDGER_MAX = 48 };
struct ledger {
    uint64_t refs[LEDGER_MAX];
    int count;
};

static inline bool ledger_has_room(const struct ledger *ledger)
{
    return ledger->count < LEDGER_MAX;
}

static inline void ledger_add(struct ledger *ledger, uint64_t ref)
{
    FL_ASSERT(ledger_has_room(ledger));
    ledger->refs[ledger->count++] = ref;
}

static inline bool ledger_take(struct ledger *ledger, uint64_t ref)
{
    for (int i = 0; i < ledger->count; i++) {
        if (ledger->refs[i] != ref) continue;
        ledger->refs[i] = ledger->refs[--ledger->count];
        return true;
    }
    return false;
}

/** Any of them, or 0; it stays. */
static inline uint64_t ledger_any(const struct ledger *ledger, struct fl_rng *rng)
{
    return ledger->count == 0 ? 0 : ledger->refs[fl_rng_between(rng, 0, ledger->count - 1)];
}

/* ---- the order between any two: all that one sends has a number that only grows */

struct word {
    struct fl_pid from;
    uint64_t number;
    char rest[184]; /* long ones need a block of their own */
};
enum { WORD_SHORT = 16, SEEN = 64 };

struct seen {
    struct fl_pid from[SEEN];
    uint64_t number[SEEN];
};

/** Looks at what came: is it later than what came before from there, or as late (may_repeat)? */
static inline void seen_check(struct stress *w, struct seen *seen, const struct fl_msg *msg,
                              bool may_repeat)
{
    struct word word;
    if (msg->len < WORD_SHORT) return; /* of a thread, or nameless */
    memcpy(&word, msg->data, WORD_SHORT);
    size_t at = fl_hash64(word.from.bits) % SEEN;
    if (fl_pid_eq(seen->from[at], word.from))
        must(w, word.number + may_repeat > seen->number[at], word.number);
    seen->from[at] = word.from;
    seen->number[at] = word.number;
}

#endif
