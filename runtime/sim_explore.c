#include "runtime/sim_explore.h"

#include "runtime/sim_world.h"

#define RUNS_DEFAULT 100
#define RUN_NS_DEFAULT fl_s(60)
#define SHRINK_RUNS_DEFAULT 300

struct explorer {
    const struct fl_sim_explore *explore;
    fl_sim_setup_fn setup;
    fl_sim_check_fn check;
    void *cx;
    struct fl_sim_found *found;
    struct fl_sim_script script; /* the failing order */
};

static int words(struct explorer *ex, int rc, const char *text)
{
    free(ex->found->text);
    ex->found->text = fl_strdup(text);
    return rc;
}

/* One run. 0, or an error that ends it all; *code is the check's. */
static int run_once(struct explorer *ex, const struct fl_node_opts *opts,
                    const struct fl_sim_script *follow, int *code, struct fl_node **out)
{
    struct fl_sim_found *found = ex->found;
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    int rc = fl_node_new(&node, opts, &err);
    if (rc != 0) return words(ex, rc, err.text);
    if (follow != NULL) fl_sim_follow(node, follow);
    rc = ex->setup(node, ex->cx);
    if (rc == 0) {
        fl_sim_run(node, ex->explore->run_ns != 0 ? ex->explore->run_ns : RUN_NS_DEFAULT);
        *code = ex->check(node, ex->cx);
        struct fl_sim_stats stats = fl_sim_stats(node);
        if (stats.steps > found->steps) found->steps = stats.steps;
        if (stats.runners > found->runners) found->runners = stats.runners;
        rc = fl_sim_replayed(node, &err);
    } else {
        fl_err_set(&err, rc, "setup: %s", fl_code_name(rc));
    }
    if (rc == 0)
        *out = node;
    else
        fl_node_free(node);
    return rc == 0 ? 0 : words(ex, rc, err.text);
}

/* Takes over what a failing run recorded. */
static void remember(struct explorer *ex, const struct fl_node *node, int code)
{
    struct fl_sim_found *found = ex->found;
    const struct fl_sim_script *record = fl_sim_record(node);
    found->has_failed = true;
    found->code = code;
    found->trace_hash = fl_sim_trace_hash(node);
    fl_sim_script_fini(&ex->script);
    free(found->schedule);
    found->schedule = fl_sim_schedule(node);
    if (record == NULL) return;
    for (size_t i = 0; i < record->count; i++)
        fl_sim_script_add(&ex->script, record->deviations[i]);
    found->deviations = (unsigned)record->count;
}

/* Does it still fail without these deviations? Then that is the order from now on. */
static bool fails_without(struct explorer *ex, const struct fl_node_opts *opts, size_t from,
                          size_t count)
{
    struct fl_sim_script less = {0};
    for (size_t i = 0; i < ex->script.count; i++)
        if (i < from || i >= from + count) fl_sim_script_add(&less, ex->script.deviations[i]);
    struct fl_node *node = NULL;
    int code = 0;
    int rc = run_once(ex, opts, &less, &code, &node);
    fl_sim_script_fini(&less);
    if (rc != 0) return false;
    if (code != 0) remember(ex, node, code);
    fl_node_free(node);
    return code != 0;
}

/* Drops halves, then quarters … then single deviations, from the end: the last ones matter least
 * to how the failure began. */
static void shrink(struct explorer *ex, uint64_t seed)
{
    struct fl_node_opts opts = ex->explore->node;
    opts.seed = seed;
    opts.sim.scheduler = FL_SIM_FIFO;
    unsigned left = ex->explore->shrink_runs != 0 ? ex->explore->shrink_runs : SHRINK_RUNS_DEFAULT;
    size_t chunk = ex->script.count;
    while (chunk > 0 && left > 0) {
        bool has_shrunk = false;
        for (size_t end = ex->script.count; end > 0 && left > 0; left--) {
            size_t from = end > chunk ? end - chunk : 0;
            if (fails_without(ex, &opts, from, end - from)) has_shrunk = true;
            end = from < ex->script.count ? from : ex->script.count;
        }
        if (has_shrunk && chunk <= ex->script.count) continue;
        chunk = chunk > ex->script.count ? ex->script.count : chunk / 2;
    }
}

static void tell(struct explorer *ex)
{
    struct fl_sim_found *found = ex->found;
    const char *name = ex->explore->node.name != NULL ? ex->explore->node.name : "node";
    const char *schedule = found->schedule != NULL ? found->schedule : "";
    free(found->text);
    found->text = fl_format("%s failed (%d) at seed %llu, run %u; replay with FL_SIM_REPLAY=\"%s\"",
                            name, found->code, (unsigned long long)found->seed, found->runs,
                            schedule);
    if (!ex->explore->is_quiet) fprintf(stderr, "%s\n", found->text);
}

/* The environment asks for one order. 1: it was run; 0: it does not. */
static int replay_env(struct explorer *ex)
{
    const char *text = ex->explore->ignores_env ? NULL : getenv("FL_SIM_REPLAY");
    if (text == NULL || text[0] == '\0') return 0;
    const char *name = ex->explore->node.name != NULL ? ex->explore->node.name : "node";
    struct fl_sim_script script;
    struct fl_err err = {0};
    int rc = fl_sim_string_parse(text, name, &script, &err);
    fl_sim_script_fini(&script);
    if (rc == FL_ENOTFOUND) { /* one program can hold several scenarios: not for this one */
        fprintf(stderr, "FL_SIM_REPLAY: %s; it is explored as usual\n", err.text);
        return 0;
    }
    struct fl_node_opts opts = ex->explore->node;
    opts.sim.scheduler = FL_SIM_REPLAY;
    opts.sim.replay = text;
    struct fl_node *node = NULL;
    int code = 0;
    rc = run_once(ex, &opts, NULL, &code, &node);
    if (rc != 0) return rc;
    ex->found->runs = 1;
    ex->found->seed = fl_sim_stats(node).seed;
    if (code != 0) remember(ex, node, code);
    fl_node_free(node);
    if (code != 0) tell(ex);
    return 1;
}

static int explore_seeds(struct explorer *ex)
{
    const struct fl_sim_explore *explore = ex->explore;
    struct fl_node_opts opts = explore->node;
    bool must_measure = opts.sim.scheduler == FL_SIM_PCT && opts.sim.pct_steps == 0;
    unsigned runs = explore->runs != 0 ? explore->runs : RUNS_DEFAULT;
    for (unsigned i = 0; i < runs; i++) {
        opts.seed = explore->node.seed + i;
        opts.sim.scheduler = must_measure && i == 0 ? FL_SIM_FIFO : explore->node.sim.scheduler;
        struct fl_node *node = NULL;
        int code = 0;
        int rc = run_once(ex, &opts, NULL, &code, &node);
        if (rc != 0) return rc;
        ex->found->runs++;
        if (must_measure && i == 0) opts.sim.pct_steps = (unsigned)fl_sim_stats(node).steps;
        if (code != 0) {
            ex->found->seed = opts.seed;
            remember(ex, node, code);
        }
        fl_node_free(node);
        if (code == 0) continue;
        if (ex->found->schedule != NULL) shrink(ex, opts.seed);
        tell(ex);
        return 0;
    }
    return 0;
}

int fl_sim_explore(const struct fl_sim_explore *explore, fl_sim_setup_fn setup,
                   fl_sim_check_fn check, void *cx, struct fl_sim_found *found)
{
    FL_ASSERT(setup != NULL && check != NULL);
    *found = (struct fl_sim_found){0};
    struct fl_sim_explore mine = *explore;
    mine.node.simulated = true;
    struct explorer ex = {
        .explore = &mine, .setup = setup, .check = check, .cx = cx, .found = found};
    int rc = replay_env(&ex);
    if (rc == 0) rc = explore_seeds(&ex);
    fl_sim_script_fini(&ex.script);
    return rc > 0 ? 0 : rc;
}

void fl_sim_found_fini(struct fl_sim_found *found)
{
    free(found->schedule);
    free(found->text);
    *found = (struct fl_sim_found){0};
}
