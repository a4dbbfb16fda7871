/* sup_world.h: a world for cases about supervisors. The body of a case is a process: it asks, and
 * waits for what the children write into the diary. Each case runs in five simulated worlds, with a
 * seed each, and in a real one. Header only; each test is one program. */
#ifndef FL_TESTS_SUP_WORLD_H
#define FL_TESTS_SUP_WORLD_H

#include "runtime/node.h"
#include "runtime/sup.h"
#include "tests/support/testkit.h"

struct world;

/* A child: how it behaves. */
struct kid {
    const char *name;
    bool traps;       /* and so has time for its last words */
    bool hangs;       /* it does not end when asked */
    int starts;       /* not 0: refuses to start after so many starts */
    int init_code;    /* what on_init returns */
    const char *info; /* what it hands out when it starts */
    struct world *world;
    int started;
};

struct world {
    struct fl_node *node;
    bool is_real, is_done;
    void (*body)(struct fl_self *self, struct world *w);
    struct fl_pid sup, mute, watcher;
    char diary[4096], notes[1024], failure[1024];
    struct kid kids[32];
    size_t kids_count;
};

/** Adds to the diary. */
static inline void say(struct world *w, const char *format, ...) FL_PRINTF(2, 3);
static inline void say(struct world *w, const char *format, ...)
{
    size_t len = strlen(w->diary);
    va_list args;
    va_start(args, format);
    vsnprintf(w->diary + len, sizeof w->diary - len, format, args);
    va_end(args);
}

/* A failed check is kept and seen by the test: it must not jump off a process's stack. */
#define FAIL(w, ...)                                                                         \
    do {                                                                                     \
        if ((w)->failure[0] == '\0') {                                                       \
            int used_ = snprintf((w)->failure, sizeof(w)->failure, "line %d: ", __LINE__);   \
            snprintf((w)->failure + used_, sizeof(w)->failure - (size_t)used_, __VA_ARGS__); \
        }                                                                                    \
    } while (0)
#define CHECK(w, condition)                    \
    do {                                       \
        if (!(condition)) FAIL(w, #condition); \
    } while (0)
#define CHECK_CODE(w, call, code)                                                     \
    do {                                                                              \
        int got_ = (call);                                                            \
        if (got_ != (code))                                                           \
            FAIL(w, "%s: %s, not %s", #call, fl_code_name(got_), fl_code_name(code)); \
    } while (0)

/** Lets time pass: in real time only as much as it must. */
static inline void pause_ns(struct fl_self *self, struct world *w, fl_ns ns)
{
    fl_call(self, w->mute, 1, NULL, 0, NULL, 0, NULL, ns);
}

/** Waits until the diary has as much as this text, and it must be this text; then it is empty. */
#define EXPECT(self, w, text)                                                                 \
    do {                                                                                      \
        if (!diary_is((self), (w), (text))) FAIL(w, "diary is\n%snot\n%s", (w)->diary, text); \
        (w)->diary[0] = '\0';                                                                 \
    } while (0)
static inline bool diary_is(struct fl_self *self, struct world *w, const char *text)
{
    fl_ns until_ns = fl_self_now(self) + fl_s(10);
    while (strlen(w->diary) < strlen(text) && fl_self_now(self) < until_ns)
        pause_ns(self, w, fl_ms(1));
    pause_ns(self, w, 0); /* what is one too many shows */
    return strcmp(w->diary, text) == 0;
}

/* ---- children */

static inline int kid_on_init_said(struct fl_self *self, struct kid *kid)
{
    bool refuses = kid->starts != 0 && kid->started >= kid->starts;
    int code = refuses ? FL_EREFUSED : kid->init_code;
    if (code != 0) {
        say(kid->world, code == FL_EIGNORE ? "ignore %s\n" : "refuse %s\n", kid->name);
        return code;
    }
    kid->started++;
    say(kid->world, "start %s\n", kid->name);
    fl_self_trap_exits(self, kid->traps);
    if (kid->info != NULL) fl_sup_give_info(self, kid->info, strlen(kid->info) + 1);
    return 0;
}

static inline void kid_gone(void *ptr)
{
    struct kid *kid = *(struct kid **)ptr;
    say(kid->world, "gone %s\n", kid->name);
}

static inline int kid_on_init(struct fl_self *self, void *state, const void *args)
{
    memcpy(state, &args, sizeof args);
    int rc = kid_on_init_said(self, *(struct kid **)state);
    if (rc == 0) fl_self_own(self, state, kid_gone);
    return rc;
}

#define KID_UNLINKS 1000u /* a tag: from its supervisor */
/* Other tags are how to end, the data in which words. */
static inline void kid_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_reason reason = {.kind = (enum fl_exit_kind)msg->tag};
    if (msg->tag == KID_UNLINKS) {
        fl_unlink(self, (*(struct kid **)state)->world->sup);
        return;
    }
    if (msg->len > 0) snprintf(reason.detail, sizeof reason.detail, "%s", (const char *)msg->data);
    fl_self_exit(self, reason);
}

static inline void kid_on_terminate(struct fl_self *self, void *state,
                                    const struct fl_reason *reason)
{
    struct kid *kid = *(struct kid **)state;
    char text[96];
    if (reason->kind == FL_EXIT_SHUTDOWN && kid->traps)
        say(kid->world, "terminate %s %s\n", kid->name, fl_reason_show(reason, text, sizeof text));
    if (kid->hangs) fl_call(self, kid->world->mute, 1, NULL, 0, NULL, 0, NULL, FL_NEVER);
}

static const struct fl_server kid_server = {
    .name = "kid",
    .state_bytes = sizeof(struct kid *),
    .on_init = kid_on_init,
    .on_cast = kid_on_cast,
    .on_terminate = kid_on_terminate,
};

/** The spec of a child that behaves like this: permanent, with everything at its default. */
static inline struct fl_child child_of(struct world *w, struct kid model)
{
    struct kid *kid = &w->kids[w->kids_count++ % FL_COUNT(w->kids)];
    *kid = model;
    kid->world = w;
    return (struct fl_child){
        .id = kid->name, .name = kid->name, .server = &kid_server, .args = kid};
}
#define CHILD(w, ...) child_of((w), (struct kid){.name = __VA_ARGS__})
#define KID_OF(child) ((struct kid *)(uintptr_t)(child).args)

/** Makes a child end by itself. */
static inline void end_kid(struct fl_self *self, struct world *w, const char *name,
                           enum fl_exit_kind kind)
{
    fl_send(self, fl_whereis(w->node, name), (uint32_t)kind, NULL, 0);
}

/** Kills it, and waits until everybody who is to know has been told. */
static inline void kill_kid(struct fl_self *self, struct world *w, const char *name)
{
    fl_exit(self, fl_whereis(w->node, name), fl_reason_of(FL_EXIT_KILL));
    pause_ns(self, w, 0);
}

/** Is there a process of this name? */
static inline bool is_alive(struct world *w, const char *name)
{
    return fl_whereis(w->node, name).bits != 0;
}

/* ---- the supervisor */

/** Starts one; its end is in the diary, as "sup shutdown". */
static inline int start_sup(struct fl_self *self, struct world *w, const struct fl_sup_opts *opts)
{
    int rc = fl_sup_start(w->node, self, opts, &w->sup);
    if (rc == 0) fl_call(self, w->watcher, 1, &w->sup, sizeof w->sup, NULL, 0, NULL, FL_NEVER);
    return rc;
}

/** Starts one with these children, of a strategy and a limit. */
static inline int start_tree(struct fl_self *self, struct world *w, enum fl_strategy strategy,
                             int max_restarts, const struct fl_child *children, size_t count)
{
    struct fl_sup_opts opts = {
        .strategy = strategy,
        .max_restarts = max_restarts,
        .children = children,
        .children_count = count,
    };
    return start_sup(self, w, &opts);
}

/** Ends it as its parent would. */
static inline void shut_down(struct fl_self *self, struct world *w)
{
    fl_node_exit(w->node, w->sup, fl_reason_of(FL_EXIT_SHUTDOWN));
}

/** Children as which_children shows them: "c running, b undefined". */
#define CHECK_WHICH(self, w, text)                                                    \
    do {                                                                              \
        char shown_[512];                                                             \
        show_children((self), (w), shown_, sizeof shown_);                            \
        if (strcmp(shown_, text) != 0) FAIL(w, "children: %s, not %s", shown_, text); \
    } while (0)
static inline void show_children(struct fl_self *self, struct world *w, char *out, size_t out_len)
{
    static const char *const words[] = {"undefined", "running", "restarting"};
    struct fl_child_info *infos = NULL;
    size_t count = 0, len = 0;
    int rc = fl_sup_which_children(self, w->sup, &infos, &count);
    snprintf(out, out_len, "%s", rc == 0 ? "" : fl_code_name(rc));
    for (size_t i = 0; i < count && len < out_len; i++)
        len += (size_t)snprintf(out + len, out_len - len, "%s%s %s", i == 0 ? "" : ", ",
                                infos[i].id != NULL ? infos[i].id : "-", words[infos[i].state]);
    fl_self_free(self, infos);
}

#define CHECK_COUNTS(self, w, specs_, active_, supervisors_, workers_)                     \
    do {                                                                                   \
        struct fl_sup_counts c_ = {0};                                                     \
        int rc_ = fl_sup_count_children((self), (w)->sup, &c_);                            \
        bool same_ = c_.specs == (specs_) && c_.active == (active_) &&                     \
                     c_.supervisors == (supervisors_) && c_.workers == (workers_);         \
        if (rc_ != 0 || !same_)                                                            \
            FAIL(w, "%s: specs %d active %d supervisors %d workers %d", fl_code_name(rc_), \
                 (int)c_.specs, (int)c_.active, (int)c_.supervisors, (int)c_.workers);     \
    } while (0)

/* ---- worlds */

static inline void mute_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}
static const struct fl_server mute_server = {.name = "mute", .on_call = mute_on_call};

static inline int watcher_on_init(struct fl_self *self, void *state, const void *args)
{
    memcpy(state, &args, sizeof args);
    return 0;
}

static inline void watcher_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_monitor(self, *(const struct fl_pid *)msg->data);
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
}

static inline void watcher_on_down(struct fl_self *self, void *state, uint64_t ref,
                                   struct fl_pid who, const struct fl_reason *reason)
{
    char text[96];
    say(*(struct world **)state, "sup %s\n", fl_reason_show(reason, text, sizeof text));
}

static const struct fl_server watcher_server = {
    .name = "watcher",
    .state_bytes = sizeof(struct world *),
    .on_init = watcher_on_init,
    .on_call = watcher_on_call,
    .on_down = watcher_on_down,
};

static inline void body_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *w;
    memcpy(&w, msg->data, sizeof w);
    w->body(self, w);
    w->is_done = true;
    if (w->is_real) fl_node_stop(w->node, 0);
}
static const struct fl_server body_server = {.name = "body", .on_cast = body_on_cast};

/* What the supervisors tell the node. */
static inline void world_on_note(void *cx, const struct fl_note *note)
{
    static const char *const words[] = {[FL_NOTE_RESTART] = "restart",
                                        [FL_NOTE_LIMIT] = "limit",
                                        [FL_NOTE_START_ERROR] = "start_error",
                                        [FL_NOTE_SHUTDOWN_ERROR] = "shutdown_error"};
    struct world *w = cx;
    char text[96];
    if ((size_t)note->kind >= FL_COUNT(words) || words[note->kind] == NULL) return;
    size_t len = strlen(w->notes);
    snprintf(w->notes + len, sizeof w->notes - len, "%s %s %u: %s, %d of %d\n", words[note->kind],
             note->name, note->count, fl_reason_show(&note->reason, text, sizeof text),
             note->restarts, note->restarts_max);
}

static inline struct fl_pid world_spawn(struct world *w, const struct fl_server *server)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.args = w, .shard = 0};
    assert_int_equal(fl_node_spawn(w->node, server, &opts, &pid), 0);
    return pid;
}

/* Seed 0 is the real world. */
static inline void world_run(void (*body)(struct fl_self *self, struct world *w), uint64_t seed,
                             int shards)
{
    struct world *w = fl_new(struct world);
    w->body = body;
    w->is_real = seed == 0;
    struct fl_node_opts opts = {
        .simulated = !w->is_real,
        .seed = seed,
        .shards = shards,
        .on_note = world_on_note,
        .note_cx = w,
    };
    assert_int_equal(fl_node_new(&w->node, &opts, NULL), 0);
    w->mute = world_spawn(w, &mute_server);
    w->watcher = world_spawn(w, &watcher_server);
    fl_node_send(w->node, world_spawn(w, &body_server), 1, &w, sizeof w);
    if (w->is_real) fl_node_run(w->node);
    for (int i = 0; i < 1000 && !w->is_real && !w->is_done; i++)
        fl_sim_run(w->node, fl_s(1));
    if (!w->is_done) FAIL(w, "the case did not come to its end; diary:\n%s", w->diary);
    fl_node_free(w->node);
    char failure[sizeof w->failure + 64] = "";
    if (w->failure[0] != '\0')
        snprintf(failure, sizeof failure, "seed %d: %s", (int)seed, w->failure);
    free(w);
    assert_string_equal(failure, "");
}

static inline void world_run_everywhere(void (*body)(struct fl_self *self, struct world *w))
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        world_run(body, seed, 1);
    world_run(body, 0, 1);
}

static inline void world_run_simulated(void (*body)(struct fl_self *self, struct world *w))
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        world_run(body, seed, 1);
}

/* CASE(case_117_…) { … }: a test, whose body has `self` and `w`. */
#define CASE(name)                                                  \
    static void name##_body(struct fl_self *self, struct world *w); \
    static void name(void **state)                                  \
    {                                                               \
        world_run_everywhere(name##_body);                          \
    }                                                               \
    static void name##_body(struct fl_self *self, struct world *w)

#endif
