/* otp_world.h: a case of OTP's behaviour, told once and played in every world.
 *
 * CASE(name) { … } is the body of a process, the case's driver: it sets up, acts and expects. The
 * test `name` plays it on a simulated node under five seeds, on a real node of one shard, and on
 * one of two, where the processes that it starts live on the other shard. CASE_ON_ONE leaves out
 * two shards: for what only neighbours can see.
 * cmocka's assertions jump, and a process must not: the first expectation that fails is written
 * down with its line, ends the case, and is asserted from the test's own thread. A case that does
 * not end is said to hang, by a watchdog with virtual or real time. */
#ifndef FL_TESTS_OTP_WORLD_H
#define FL_TESTS_OTP_WORLD_H

#include "tests/support/testkit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "runtime/annotate.h"
#include "runtime/node.h"
#include "runtime/server.h"

#define CASE_SEEDS 5
#define CASE_FAMILY_MAX 64

struct case_world;
typedef void (*case_fn)(struct fl_self *self, struct case_world *w);

struct case_world {
    struct fl_node *node;
    bool simulated;
    int there;             /* the shard of the processes that the case starts */
    fl_ns patience_ns;     /* how long an expectation waits for what must come */
    struct fl_pid driver;  /* the case's own process */
    struct fl_pid pids[8]; /* for what a case must hand around */
    uint64_t refs[8];
    atomic_int n[8];
    pthread_mutex_t lock; /* guards what follows */
    struct fl_pid family[CASE_FAMILY_MAX];
    int family_count;
    bool is_done, has_failed, is_over;
    int crashes; /* reports of crashes, when CASE_REPORTS is defined */
    char report[2048];
    struct fl_pid report_client;
    char failure[700];
    char diary[4096]; /* what processes wrote down with note() */
};

/* ---- failing, from any process of the case */

#define CASE_STR2(x) #x
#define CASE_STR(x) CASE_STR2(x)
#define CASE_AT __FILE__ ":" CASE_STR(__LINE__)

/** Writes down the first failure and ends the world; the caller goes on. */
static inline void case_record(struct case_world *w, const char *at, const char *format, ...)
    FL_PRINTF(3, 4);
static inline void case_record(struct case_world *w, const char *at, const char *format, ...)
{
    va_list args;
    const char *file = strrchr(at, '/');
    pthread_mutex_lock(&w->lock);
    if (!w->has_failed) {
        int len = snprintf(w->failure, sizeof w->failure, "%s: ", file == NULL ? at : file + 1);
        va_start(args, format);
        vsnprintf(w->failure + len, sizeof w->failure - (size_t)len, format, args);
        va_end(args);
    }
    w->has_failed = true;
    pthread_mutex_unlock(&w->lock);
    if (!w->simulated) fl_node_stop(w->node, 1);
}

/** Ends the process that expected something else. */
#define case_fail(...)                                       \
    do {                                                     \
        case_record(w, CASE_AT, __VA_ARGS__);                \
        fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR)); \
    } while (0)

#define expect(condition)                                    \
    do {                                                     \
        if (!(condition)) case_fail("expected " #condition); \
    } while (0)

#define expect_eq(is, should)                                                                  \
    do {                                                                                       \
        int64_t is_ = (int64_t)(is), should_ = (int64_t)(should);                              \
        if (is_ != should_)                                                                    \
            case_fail("expected %s = %s (%" PRId64 "), it is %" PRId64, #is, #should, should_, \
                      is_);                                                                    \
    } while (0)

/** An error value, in words. */
#define expect_code(is, should)                                                                  \
    do {                                                                                         \
        int is_ = (is), should_ = (should);                                                      \
        if (is_ != should_)                                                                      \
            case_fail("expected %s to say %s, it says %s (%d)", #is, #should, fl_code_name(is_), \
                      is_);                                                                      \
    } while (0)

/** A line in the diary, from any process. */
static inline void note(struct case_world *w, const char *format, ...) FL_PRINTF(2, 3);
static inline void note(struct case_world *w, const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&w->lock);
    size_t len = strlen(w->diary);
    va_start(args, format);
    vsnprintf(w->diary + len, sizeof w->diary - len, format, args);
    va_end(args);
    pthread_mutex_unlock(&w->lock);
}

/* ---- starting processes */

struct case_args {
    struct case_world *world;
    case_fn fn;
};

static inline void case_body(struct fl_self *self, const void *args, size_t args_len)
{
    struct case_args mine;
    memcpy(&mine, args, sizeof mine);
    mine.fn(self, mine.world);
}

/** It is killed when the case ends, if it lives then. */
static inline void case_adopt(struct case_world *w, struct fl_pid pid)
{
    pthread_mutex_lock(&w->lock);
    w->family[w->family_count++ % CASE_FAMILY_MAX] = pid;
    pthread_mutex_unlock(&w->lock);
}

enum case_tie { CASE_FREE, CASE_LINKED, CASE_WATCHED };

static inline struct fl_pid case_start(struct fl_self *self, struct case_world *w, const char *at,
                                       case_fn fn, enum case_tie tie, uint64_t *ref,
                                       const struct fl_spawn_opts *opts)
{
    struct case_args args = {.world = w, .fn = fn};
    struct fl_pid pid = FL_NO_PID;
    int rc = 0;
    if (tie == CASE_FREE) rc = fl_spawn_run(self, case_body, &args, sizeof args, opts, &pid);
    if (tie == CASE_LINKED) rc = fl_spawn_run_link(self, case_body, &args, sizeof args, opts, &pid);
    if (tie == CASE_WATCHED)
        rc = fl_spawn_run_monitor(self, case_body, &args, sizeof args, opts, &pid, ref);
    if (rc != 0) {
        case_record(w, at, "a process does not start: %s", fl_code_name(rc));
        fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
    }
    case_adopt(w, pid);
    return pid;
}

#define THERE (&(struct fl_spawn_opts){.shard = w->there})
/** Starts a process that runs this function, and says its pid; it may not have run yet. */
#define start(fn) case_start(self, w, CASE_AT, (fn), CASE_FREE, NULL, THERE)
#define start_linked(fn) case_start(self, w, CASE_AT, (fn), CASE_LINKED, NULL, THERE)
#define start_watched(fn, ref) case_start(self, w, CASE_AT, (fn), CASE_WATCHED, (ref), THERE)
/** With options: start_with(fn, .name = "x", .mailbox_max = 3). */
#define start_with(fn, ...)                             \
    case_start(self, w, CASE_AT, (fn), CASE_FREE, NULL, \
               &(struct fl_spawn_opts){.shard = w->there, __VA_ARGS__})

/* ---- the world around a case */

static inline void case_end_family(struct fl_self *self, struct case_world *w)
{
    for (int i = 0; i < w->family_count && i < CASE_FAMILY_MAX; i++)
        fl_exit(self, w->family[i], fl_reason_of(FL_EXIT_KILL));
}

static inline void case_drive(struct fl_self *self, const void *args, size_t args_len)
{
    struct case_args mine;
    memcpy(&mine, args, sizeof mine);
    struct case_world *w = mine.world;
    w->driver = fl_self_pid(self);
    mine.fn(self, w);
    case_end_family(self, w);
    pthread_mutex_lock(&w->lock);
    w->is_done = true;
    pthread_mutex_unlock(&w->lock);
}

static inline bool case_is(struct case_world *w, const bool *what)
{
    pthread_mutex_lock(&w->lock);
    bool is = *what;
    pthread_mutex_unlock(&w->lock);
    return is;
}

/* Sees to it that a world ends: with its driver, or after a long time. */
static inline void case_watchdog(struct fl_self *self, const void *args, size_t args_len)
{
    struct case_args mine;
    memcpy(&mine, args, sizeof mine);
    struct case_world *w = mine.world;
    struct fl_msg msg;
    char text[96];
    struct fl_pid driver = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = 0, .mailbox_max = FL_MAILBOX_UNBOUNDED};
    uint64_t ref = 0;
    fl_spawn_run_monitor(self, case_drive, &mine, sizeof mine, &opts, &driver, &ref);
    if (fl_receive(self, NULL, NULL, w->simulated ? fl_s(3600) : fl_s(50), &msg) != 0)
        case_record(w, "watchdog", "the case hangs");
    else if (!case_is(w, &w->is_done))
        case_record(w, "watchdog", "the case's own process ended: %s",
                    fl_reason_show(msg.reason, text, sizeof text));
    pthread_mutex_lock(&w->lock);
    w->is_over = true;
    pthread_mutex_unlock(&w->lock);
    if (!w->simulated) fl_node_stop(w->node, 0);
}

#ifdef CASE_REPORTS
/* Reports of crashes come from any shard. */
static inline void case_on_note(void *cx, const struct fl_note *what)
{
    struct case_world *w = cx;
    if (what->kind != FL_NOTE_CRASH) return;
    pthread_mutex_lock(&w->lock);
    w->crashes++;
    w->report_client = what->crash->client;
    fl_crash_show(what->crash, w->report, sizeof w->report);
    pthread_mutex_unlock(&w->lock);
}
#endif

/** Plays a case in one world; shards 0: simulated. */
static inline void case_play(const char *name, case_fn fn, int shards, uint64_t seed)
{
    struct case_world *w = fl_new(struct case_world);
    char failure[sizeof w->failure];
    struct fl_node_opts opts = {
        .name = "case", .shards = shards, .simulated = shards == 0, .seed = seed};
#ifdef CASE_REPORTS
    opts.on_note = case_on_note;
    opts.note_cx = w;
    opts.hog_ns = -1;
#endif
    pthread_mutex_init(&w->lock, NULL);
    w->simulated = shards == 0;
    w->there = shards == 2 ? 1 : 0;
    w->patience_ns = w->simulated ? fl_s(300) : fl_s(20);
    assert_int_equal(fl_node_new(&w->node, &opts, NULL), 0);
    struct case_args args = {.world = w, .fn = fn};
    struct fl_spawn_opts here = {.shard = 0};
    assert_int_equal(fl_node_spawn_run(w->node, case_watchdog, &args, sizeof args, &here, NULL), 0);
    if (!w->simulated) fl_node_run(w->node);
    for (int i = 0; i < 4000 && w->simulated && !w->is_over && !w->has_failed; i++)
        fl_sim_run(w->node, fl_s(1));
    if (!w->has_failed && !w->is_over) case_record(w, "world", "the watchdog itself is gone");
    fl_node_free(w->node);
    pthread_mutex_destroy(&w->lock);
    snprintf(failure, sizeof failure, "%s", w->has_failed ? w->failure : "");
    free(w);
    if (failure[0] != '\0' && shards == 0)
        fail_msg("%s, simulated, seed %" PRIu64 ": %s", name, seed, failure);
    if (failure[0] != '\0') fail_msg("%s, %d shard(s): %s", name, shards, failure);
}

/** Plays it in all of them. */
static inline void case_play_all(const char *name, case_fn fn, int shards_max)
{
    uint64_t seeds = RUNNING_ON_VALGRIND ? 1 : CASE_SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        case_play(name, fn, 0, seed);
    for (int shards = 1; shards <= shards_max; shards++)
        case_play(name, fn, shards, 0);
}

#define CASE_IN(name, shards_max)                                        \
    static void name##_told(struct fl_self *self, struct case_world *w); \
    static void name(void **state)                                       \
    {                                                                    \
        case_play_all(#name, name##_told, shards_max);                   \
    }                                                                    \
    static void name##_told(struct fl_self *self, struct case_world *w)
#define CASE(name) CASE_IN(name, 2)
#define CASE_ON_ONE(name) CASE_IN(name, 1)

/** How often: fewer under Valgrind, which runs everything fifty times slower. */
static inline int case_times(int times)
{
    return RUNNING_ON_VALGRIND ? times / 20 : times;
}

#endif
