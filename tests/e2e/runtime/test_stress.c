#include "tests/support/testkit.h"

#include <pthread.h>

#include "tests/e2e/runtime/stress_storm.h"

/* Everything at once on more shards than there are cores, from seeds: starts, calls, links,
 * monitors, aliases, names, timers, tasks, topics, kills, and threads from outside. What must hold
 * is looked at while it goes on and once it is over. FL_STRESS_STEPS says how long, FL_STRESS_SEED
 * which seed is the first. Also run under TSan and Helgrind. */

/* ---- the keepers: one a shard, nobody can hurt them, so their books must be exact */

struct books {
    int monitors, asked; /* not answered */
    long from_threads;
    size_t subscribers; /* on my shard */
};

struct keeper {
    struct stress *w;
    struct fl_rng rng;
    struct ledger monitors, asked;
    int index;
    uint64_t number, heard[STRESS_SHARDS + STRESS_THREADS];
    long from_threads;
};

struct keeper_args {
    struct stress *w;
    int index;
};

struct number {
    uint64_t from, number; /* of a keeper, or STRESS_SHARDS and more: of a thread */
};

static int keeper_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct keeper_args *opts = args;
    struct keeper *keeper = state;
    keeper->w = opts->w;
    keeper->index = opts->index;
    fl_rng_init(&keeper->rng, opts->w->seed + (uint64_t)opts->index);
    fl_timer_start(self, 0, STEP);
    return 0;
}

static void keeper_look(struct fl_self *self, struct keeper *keeper)
{
    struct fl_pid who = stress_somebody(keeper->w, &keeper->rng);
    if (ledger_has_room(&keeper->monitors)) ledger_add(&keeper->monitors, fl_monitor(self, who));
    if (ledger_has_room(&keeper->asked))
        ledger_add(&keeper->asked, fl_call_async(self, who, WORD, NULL, 0,
                                                 fl_ms(fl_rng_between(&keeper->rng, 0, 9))));
    if (fl_rng_between(&keeper->rng, 0, 3) > 0) return;
    uint64_t ref = ledger_any(&keeper->monitors, &keeper->rng);
    if (ref == 0) return;
    fl_demonitor(self, ref);
    ledger_take(&keeper->monitors, ref);
}

static void keeper_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct keeper *keeper = state;
    struct number number = {.from = (uint64_t)keeper->index, .number = ++keeper->number};
    if (!stress_rages(keeper->w)) return;
    for (int i = 0; i < 4; i++)
        keeper_look(self, keeper);
    for (int i = 0; i < STRESS_SHARDS; i++)
        must_say(keeper->w, fl_send(self, keeper->w->keepers[i], NUMBER, &number, sizeof number),
                 0);
    fl_timer_start(self, fl_ms(1), STEP);
}

static void keeper_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    struct number number;
    must(keeper->w, msg->tag == NUMBER && msg->len == sizeof number, msg->tag);
    memcpy(&number, msg->data, sizeof number);
    must(keeper->w, number.number == keeper->heard[number.from] + 1, number.number);
    keeper->heard[number.from] = number.number;
    if (number.from >= STRESS_SHARDS) keeper->from_threads++;
}

static void keeper_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    struct books books = {.monitors = keeper->monitors.count,
                          .asked = keeper->asked.count,
                          .from_threads = keeper->from_threads};
    char topic[16];
    for (int i = 0; i < STRESS_TOPICS; i++) {
        snprintf(topic, sizeof topic, "topic%d", i);
        books.subscribers += fl_pubsub_count(self, keeper->w->pubsub, topic);
    }
    fl_self_reply(self, msg->from, msg->ref, &books, sizeof books);
}

static void keeper_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                            const void *data, size_t len)
{
    struct keeper *keeper = state;
    must(keeper->w, ledger_take(&keeper->asked, ref), code);
    must_say(keeper->w, code, 0, FL_ETIMEOUT, FL_ENOPROC, FL_EDIED, FL_EREFUSED, FL_EFULL);
}

static void keeper_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                           const struct fl_reason *reason)
{
    struct keeper *keeper = state;
    must(keeper->w, ledger_take(&keeper->monitors, ref), reason->kind);
}

static const struct fl_server keeper_server = {
    .name = "keeper",
    .state_bytes = sizeof(struct keeper),
    .on_init = keeper_on_init,
    .on_call = keeper_on_call,
    .on_cast = keeper_on_cast,
    .on_reply = keeper_on_reply,
    .on_timer = keeper_on_timer,
    .on_down = keeper_on_down,
};

/* ---- threads that are no shard's */

struct outside {
    struct stress *w;
    pthread_t thread;
    int index;
};

static void outside_hurt(struct stress *w, struct fl_rng *rng, int64_t what)
{
    struct fl_pid who = stress_somebody(w, rng);
    struct fl_registry_entry *found;
    switch (what) {
    case 0:
        fl_node_exit(w->node, who, fl_reason_of(FL_EXIT_KILL));
        break;
    case 1:
        fl_pubsub_node_broadcast(w->pubsub, "topic1", ON_TOPIC, NULL, 0);
        break;
    case 2:
        fl_registry_lookup(w->registry, "key1", &found);
        free(found);
        break;
    case 3:
        fl_node_send(w->node, fl_whereis(w->node, "name1"), STEP, NULL, 0);
        break;
    case 4:
        stress_filter(w, rng);
        break;
    case 5:
        stress_trace(w, rng);
        break;
    default:
        fl_node_send(w->node, who, STEP, NULL, 0);
    }
}

static void *outside_run(void *cx)
{
    struct outside *outside = cx;
    struct stress *w = outside->w;
    struct fl_rng rng;
    fl_rng_init(&rng, w->seed * 100 + (uint64_t)outside->index);
    struct number number = {.from = (uint64_t)(STRESS_SHARDS + outside->index)};
    struct fl_pid keeper = w->keepers[outside->index];
    int code = 0;
    while (stress_rages(w) && code == 0) {
        number.number++;
        must_say(w, fl_node_send(w->node, keeper, NUMBER, &number, sizeof number), 0);
        atomic_fetch_add(&w->thread_sent, 1);
        outside_hurt(w, &rng, fl_rng_between(&rng, 0, 11));
        /* waits for all shards, so that it goes no faster than they do */
        struct fl_shard_info stats;
        struct fl_inspect inspect;
        if (fl_rng_between(&rng, 0, 9) > 0) {
            code = fl_node_stats(w->node, &stats);
            continue;
        }
        code = fl_inspect(w->node, &(struct fl_inspect_opts){.order = FL_BY_MAILBOX}, &inspect);
        if (code == 0) fl_inspect_fini(&inspect);
    }
    must(w, code == 0 || w->stops_in_the_middle, code);
    atomic_fetch_add(&w->threads_done, 1);
    return NULL;
}

/* ---- the director: raises the storm, ends it, and looks at what is left */

static struct fl_child director_children[STRESS_SHARDS];
static struct fl_sup_opts director_sups[STRESS_SHARDS];

static void director_start_trees(struct fl_self *self, struct stress *w)
{
    static const struct fl_child template = {
        .id = "storm",
        .server = &storm_server,
        .restart = FL_TRANSIENT,
        .shutdown_ns = FL_NS_PER_MS,
        .shard = FL_SHARD_SPREAD,
    };
    static const char *const names[STRESS_SHARDS] = {"sup0", "sup1", "sup2", "sup3", "sup4"};
    for (int i = 0; i < STRESS_SHARDS; i++) {
        director_sups[i] = (struct fl_sup_opts){.strategy = FL_SIMPLE_ONE_FOR_ONE,
                                                .max_restarts = INT32_MAX,
                                                .children = &template,
                                                .children_count = 1,
                                                .max_children = 12,
                                                .name = names[i]};
        director_children[i] = (struct fl_child){.id = names[i],
                                                 .server = &fl_sup_server,
                                                 .args = &director_sups[i],
                                                 .name = names[i],
                                                 .shard = FL_SHARD(i)};
    }
    struct fl_sup_opts top = {.max_restarts = INT32_MAX,
                              .children = director_children,
                              .children_count = STRESS_SHARDS,
                              .name = "top"};
    must_say(w, fl_sup_start(w->node, self, &top, &w->top), 0);
    for (int i = 0; i < STRESS_SHARDS; i++)
        atomic_store(&w->sups[i], fl_whereis(w->node, names[i]).bits);
}

/* Keeps some alive whatever happens, until there were enough steps. */
static void director_rage(struct fl_self *self, struct stress *w)
{
    struct storm_args args = {.w = w, .seed = w->seed * 1000003};
    while (atomic_load(&w->steps) < w->steps_max) {
        for (int i = 0; i < STRESS_SHARDS; i++) {
            args.seed++;
            struct fl_pid sup = {atomic_load(&w->sups[i])};
            must_say(w, fl_dynamic_start_child(self, sup, &args, sizeof args, NULL), 0, FL_EREFUSED,
                     FL_EIGNORE, FL_EFULL, FL_EDIED);
            args.seed++;
            struct fl_spawn_opts opts = {.args = &args, .shard = i};
            if (stress_live(w) < STRESS_LIVE_MAX)
                must_say(w, fl_spawn(self, &storm_server, &opts, NULL), 0, FL_EREFUSED, FL_EIGNORE,
                         FL_EDIED);
        }
        fl_pause(self, fl_ms(5));
    }
}

/* Kills all but those that were there before the storm; false: they are not gone yet. */
static bool director_sweep(struct fl_self *self, struct stress *w, const struct fl_inspect *before)
{
    struct fl_inspect now;
    must_say(w, fl_inspect(w->node, NULL, &now), 0);
    for (size_t i = 0; i < now.procs_count; i++) {
        size_t j = 0;
        while (j < before->procs_count && !fl_pid_eq(before->procs[j].pid, now.procs[i].pid))
            j++;
        if (j == before->procs_count) fl_exit(self, now.procs[i].pid, fl_reason_of(FL_EXIT_KILL));
    }
    bool is_swept = now.procs_total == before->procs_total;
    fl_inspect_fini(&now);
    return is_swept;
}

static bool director_books_close(struct fl_self *self, struct stress *w, bool complain)
{
    long from_threads = 0;
    bool all = true;
    for (int i = 0; i < STRESS_SHARDS; i++) {
        struct books books = {0};
        must_say(
            w, fl_call(self, w->keepers[i], REPORT, NULL, 0, &books, sizeof books, NULL, FL_NEVER),
            0);
        from_threads += books.from_threads;
        if (books.monitors + books.asked == 0 && books.subscribers == 0) continue;
        all = false;
        if (!complain) continue;
        must(w, books.monitors == 0, books.monitors);
        must(w, books.asked == 0, books.asked);
        must(w, books.subscribers == 0, books.subscribers);
    }
    if (from_threads != atomic_load(&w->thread_sent)) all = false;
    if (complain) must(w, from_threads == atomic_load(&w->thread_sent), from_threads);
    return all;
}

static void director_look_for_leftovers(struct fl_self *self, struct stress *w,
                                        const struct fl_inspect *before)
{
    struct fl_shard_info stats;
    char name[16];
    for (int i = 0; i < STRESS_NAMES; i++) {
        snprintf(name, sizeof name, "name%d", i);
        must(w, fl_whereis(w->node, name).bits == 0, i);
    }
    must(w, fl_registry_count(w->registry) == 0, fl_registry_count(w->registry));
    must_say(w, fl_node_stats(w->node, &stats), 0);
    must(w, stats.procs == before->procs_total, stats.procs);
    must(w, stats.timers == 0, stats.timers);
    must(w, stats.waiting == 0, stats.waiting);
    must(w, stress_live(w) == 0, stress_live(w));
    must(w, atomic_load(&w->traces_begun) == atomic_load(&w->traces_ended),
         atomic_load(&w->traces_begun));
    must(w, stats.counts.spawned >= (uint64_t)atomic_load(&w->starts), stats.counts.spawned);
    must(w, stats.counts.handled > 0 && stats.counts.timers_fired > 0, stats.counts.handled);
}

enum { PATIENCE = 10000 }; /* looks, 2 ms apart, when all is idle */

static void director_run(struct fl_self *self, const void *args, size_t len)
{
    struct stress *w;
    memcpy(&w, args, sizeof w);
    struct fl_inspect before;
    fl_pubsub_node_broadcast(w->pubsub, "none", 0, NULL, 0);
    for (uint64_t procs = 0; procs < 2 + 2 * STRESS_SHARDS;) { /* its forwarders may still start */
        fl_yield(self);
        must_say(w, fl_inspect(w->node, NULL, &before), 0);
        procs = before.procs_total;
        if (procs < 2 + 2 * STRESS_SHARDS) fl_inspect_fini(&before);
    }
    fl_self_own(self, before.procs, free);
    fl_self_own(self, before.shards, free);
    director_start_trees(self, w);
    director_rage(self, w);
    if (w->stops_in_the_middle) return;
    must_say(w, fl_sup_stop(self, w->top, fl_reason_of(FL_EXIT_SHUTDOWN), fl_s(40)), 0);
    atomic_store(&w->phase, STRESS_OVER);
    int looks = 0;
    while (looks < PATIENCE &&
           !(director_sweep(self, w, &before) && atomic_load(&w->threads_done) == STRESS_THREADS)) {
        fl_pause(self, fl_ms(2));
        looks++;
    }
    while (looks < PATIENCE && !director_books_close(self, w, false)) {
        fl_pause(self, fl_ms(2));
        looks++;
    }
    must(w, looks < PATIENCE, looks);
    director_books_close(self, w, true);
    director_look_for_leftovers(self, w, &before);
    fl_node_stop(w->node, 0);
}

/* ---- the tests */

static void count_crash(void *cx, const struct fl_note *note)
{
    struct stress *w = cx;
    if (note->kind == FL_NOTE_CRASH) atomic_fetch_add(&w->crashes, 1);
}

static long steps_max(void)
{
    const char *said = getenv("FL_STRESS_STEPS");
    if (said != NULL) return strtol(said, NULL, 10);
    return RUNNING_ON_VALGRIND ? 1500 : FL_TSAN ? 10000 : 20000;
}

static void play(uint64_t seed, bool stops_in_the_middle)
{
    struct stress *w = fl_new(struct stress);
    VALGRIND_HG_DISABLE_CHECKING(w, sizeof *w); /* its counters are atomic, which it cannot see */
    w->seed = seed;
    w->steps_max = steps_max();
    w->stops_in_the_middle = stops_in_the_middle;
    struct fl_node_opts opts = {
        .name = "stress", .shards = STRESS_SHARDS, .on_note = count_crash, .note_cx = w};
    assert_int_equal(fl_node_new(&w->node, &opts, NULL), 0);
    w->registry = fl_registry_new(w->node, &(struct fl_registry_opts){0});
    assert_int_equal(fl_pubsub_start(w->node, NULL, &w->pubsub), 0);
    for (int i = 0; i < STRESS_SHARDS; i++) {
        struct keeper_args args = {.w = w, .index = i};
        struct fl_spawn_opts keeper = {
            .args = &args, .shard = i, .mailbox_max = FL_MAILBOX_UNBOUNDED};
        assert_int_equal(fl_node_spawn(w->node, &keeper_server, &keeper, &w->keepers[i]), 0);
    }
    assert_int_equal(fl_node_spawn_run(w->node, director_run, &w, sizeof w, NULL, NULL), 0);
    struct outside outside[STRESS_THREADS];
    for (int i = 0; i < STRESS_THREADS; i++) {
        outside[i] = (struct outside){.w = w, .index = i};
        assert_int_equal(pthread_create(&outside[i].thread, NULL, outside_run, &outside[i]), 0);
    }
    assert_int_equal(fl_node_run(w->node), stops_in_the_middle ? 7 : 0);
    atomic_store(&w->phase, STRESS_OVER);
    for (int i = 0; i < STRESS_THREADS; i++)
        assert_int_equal(pthread_join(outside[i].thread, NULL), 0);
    fl_pubsub_free(w->pubsub);
    fl_registry_free(w->registry);
    fl_node_free(w->node);
    assert_int_equal(stress_live(w), 0);
    assert_int_equal(atomic_load(&w->wrong), 0);
    free(w);
}

static uint64_t first_seed(void)
{
    const char *said = getenv("FL_STRESS_SEED");
    return said == NULL ? 1 : strtoull(said, NULL, 10);
}

static void a_storm_of_everything_leaves_nothing_behind(void **state)
{
    for (uint64_t i = 0; i < (RUNNING_ON_VALGRIND ? 1 : 3); i++)
        play(first_seed() + i, false);
}

static void a_node_can_be_stopped_in_the_middle_of_it(void **state)
{
    for (uint64_t i = 0; i < (RUNNING_ON_VALGRIND ? 1 : 3); i++)
        play(first_seed() + 100 + i, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_of_everything_leaves_nothing_behind),
        cmocka_unit_test(a_node_can_be_stopped_in_the_middle_of_it),
    };
    return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
