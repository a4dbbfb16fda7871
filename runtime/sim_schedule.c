#include "runtime/sim_world.h"

/* Who goes on. One step is one message, one resumption, one delivery, or one jump of time; where
 * there is more than one candidate it is a choice. A choice is written down as the place of the
 * candidate in the line, and only when that is not the first: a schedule is the list of its
 * deviations from "first come, first served".
 *
 * PCT is Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic
 * Guarantees of Finding Bugs, ASPLOS 2010. Whoever appears draws a priority, the highest runs;
 * after each of d - 1 random steps, the one that made it gets a priority below all that were drawn.
 * A bug that needs d orderings is found with a chance of at least 1 / (n k^(d-1)) in each run, with
 * n candidates and k steps. */

#define PCT_DEPTH_DEFAULT 2
#define PCT_STEPS_DEFAULT 1000
#define PCT_DEPTH_MAX 64
#define DRAWN (UINT64_C(1) << 63) /* drawn priorities have this bit, lowered ones do not */

struct priority {
    struct fl_map_node by_key;
    uint64_t value;
};

void fl_sim_script_add(struct fl_sim_script *script, struct fl_sim_deviation deviation)
{
    if (script->count == script->cap) {
        script->cap = script->cap == 0 ? 64 : script->cap * 2;
        script->deviations = fl_realloc(script->deviations,
                                        script->cap * sizeof script->deviations[0]);
    }
    script->deviations[script->count++] = deviation;
}

void fl_sim_script_fini(struct fl_sim_script *script)
{
    free(script->deviations);
    *script = (struct fl_sim_script){0};
}

void fl_sim_mix(struct fl_sim *sim, uint64_t fact)
{
    sim->hash = fl_hash64(sim->hash + 0x9e3779b97f4a7c15u) ^ fact;
}

/* ---- PCT */

static int changes_draw(struct fl_sim *sim, struct fl_err *err)
{
    unsigned depth = sim->opts->pct_depth != 0 ? sim->opts->pct_depth : PCT_DEPTH_DEFAULT;
    unsigned steps = sim->opts->pct_steps != 0 ? sim->opts->pct_steps : PCT_STEPS_DEFAULT;
    if (depth > PCT_DEPTH_MAX)
        return fl_err_set(err, FL_ERANGE, "a bug of depth %u is deeper than %d", depth,
                          PCT_DEPTH_MAX);
    sim->changes_count = depth - 1;
    sim->changes = fl_new_array(uint64_t, depth);
    for (unsigned i = 0; i < sim->changes_count; i++)
        sim->changes[i] = (uint64_t)fl_rng_between(&sim->rng, 1, steps);
    return 0;
}

static struct priority *priority_of(struct fl_sim *sim, uint64_t key)
{
    struct fl_map_node *at = fl_map_find(&sim->priorities, key);
    if (at != NULL) return FL_OWNER(at, struct priority, by_key);
    struct priority *priority = fl_new(struct priority);
    priority->value = fl_rng_next(&sim->rng) | DRAWN;
    fl_map_add(&sim->priorities, &priority->by_key, key);
    return priority;
}

static void priorities_free(struct fl_sim *sim)
{
    for (size_t i = 0; sim->priorities.count > 0 && i <= sim->priorities.mask; i++) {
        while (sim->priorities.buckets[i] != NULL) {
            struct fl_map_node *at = sim->priorities.buckets[i];
            fl_map_remove(&sim->priorities, at);
            free(FL_OWNER(at, struct priority, by_key));
        }
    }
    fl_map_fini(&sim->priorities);
}

static uint32_t choose_pct(struct fl_sim *sim, bool with_time)
{
    struct priority *best = NULL;
    uint32_t best_index = 0, index = 0;
    for (uint32_t i = 0; i < sim->queue.tail; i++) {
        if (sim->queue.entries[i].at == NULL) continue;
        struct priority *priority = priority_of(sim, sim->queue.entries[i].key);
        if (best == NULL || priority->value > best->value) {
            best = priority;
            best_index = index;
        }
        index++;
    }
    if (with_time) {
        struct priority *priority = priority_of(sim, FL_SIM_KEY_TIME);
        if (best == NULL || priority->value > best->value) {
            best = priority;
            best_index = index;
        }
    }
    FL_ASSERT(best != NULL);
    for (unsigned i = 0; i < sim->changes_count; i++)
        if (sim->changes[i] == sim->steps) best->value = sim->changes_count - i;
    return best_index;
}

/* ---- replay */

static uint32_t choose_replay(struct fl_sim *sim, uint32_t count)
{
    const struct fl_sim_script *script = &sim->replay;
    while (sim->replay_next < script->count &&
           script->deviations[sim->replay_next].choice < sim->choices)
        sim->replay_next++;
    if (sim->replay_next == script->count) return 0;
    struct fl_sim_deviation next = script->deviations[sim->replay_next];
    if (next.choice != sim->choices) return 0;
    if (next.index < count) return next.index;
    if (sim->diverged.code == 0 && !sim->is_lenient)
        fl_err_set(&sim->diverged, FL_EBADMSG,
                   "the schedule takes candidate %u at choice %u, where there are only %u: the "
                   "program is not the one that it was made with",
                   next.index + 1, next.choice, count);
    return count - 1;
}

static void replay_check(struct fl_sim *sim)
{
    if (sim->is_lenient || sim->choices != sim->replay.choices || sim->diverged.code != 0) return;
    if (sim->record.fingerprint == sim->replay.fingerprint) return;
    fl_err_set(&sim->diverged, FL_EBADMSG,
               "after %u choices the run is not the one that the schedule was made with: the "
               "program has changed",
               (unsigned)sim->choices);
}

/* ---- all of them */

static uint32_t choose_index(struct fl_sim *sim, uint32_t count, bool with_time)
{
    if (sim->is_lenient) return count > 1 ? choose_replay(sim, count) : 0;
    switch (sim->opts->scheduler) {
    case FL_SIM_PCT:
        return choose_pct(sim, with_time); /* also a single candidate is a step, and may change */
    case FL_SIM_REPLAY:
        return count > 1 ? choose_replay(sim, count) : 0;
    case FL_SIM_FIFO:
        return 0;
    case FL_SIM_RANDOM:
        break;
    }
    return count > 1 ? (uint32_t)fl_rng_between(&sim->rng, 0, (int64_t)count - 1) : 0;
}

uint32_t fl_sim_choose(struct fl_sim *sim, bool with_time)
{
    uint32_t count = sim->queue.count + (with_time ? 1 : 0);
    FL_ASSERT(count > 0);
    sim->steps++;
    if (count > 1) sim->choices++;
    uint32_t index = choose_index(sim, count, with_time);
    FL_ASSERT(index < count);
    uint64_t key = FL_SIM_KEY_TIME;
    if (index < sim->queue.count) key = sim->queue.entries[fl_sim_queue_at(&sim->queue, index)].key;
    fl_sim_mix(sim, key);
    if (count == 1) return index;

    sim->choices_hash = fl_hash64(sim->choices_hash + count) ^ key;
    sim->record.fingerprint = (uint32_t)fl_hash64(sim->choices_hash) & 0x3ffff;
    if (sim->choices >= UINT32_MAX || sim->record.count == FL_SIM_DEVIATIONS_MAX)
        sim->is_too_long = true;
    if (index != 0 && !sim->is_too_long)
        fl_sim_script_add(&sim->record, (struct fl_sim_deviation){(uint32_t)sim->choices, index});
    if (sim->replay.choices != 0) replay_check(sim);
    return index;
}

int fl_sim_schedule_init(struct fl_sim *sim, struct fl_err *err)
{
    struct fl_node *node = sim->shard->node;
    if (sim->opts->scheduler == FL_SIM_REPLAY) {
        int rc = fl_sim_string_parse(sim->opts->replay, node->name, &sim->replay, err);
        if (rc != 0) return rc;
        node->opts.seed = sim->replay.seed;
    }
    fl_rng_init_named(&sim->rng, node->opts.seed, "scheduler");
    fl_rng_init_named(&sim->latency_rng, node->opts.seed, "latency");
    return sim->opts->scheduler == FL_SIM_PCT ? changes_draw(sim, err) : 0;
}

void fl_sim_schedule_fini(struct fl_sim *sim)
{
    priorities_free(sim);
    fl_sim_script_fini(&sim->record);
    fl_sim_script_fini(&sim->replay);
    free(sim->changes);
}

/* ---- what others may know */

static struct fl_sim *sim_of(const struct fl_node *node)
{
    FL_ASSERT(node->opts.simulated);
    return node->shards[0].sim;
}

const struct fl_sim_script *fl_sim_record(const struct fl_node *node)
{
    struct fl_sim *sim = sim_of(node);
    if (sim->is_too_long) return NULL;
    sim->record.seed = node->opts.seed;
    sim->record.choices = sim->choices;
    return &sim->record;
}

void fl_sim_follow(struct fl_node *node, const struct fl_sim_script *script)
{
    struct fl_sim *sim = sim_of(node);
    FL_ASSERT(sim->steps == 0);
    fl_sim_script_fini(&sim->replay);
    sim->is_lenient = true;
    for (size_t i = 0; i < script->count; i++)
        fl_sim_script_add(&sim->replay, script->deviations[i]);
}

char *fl_sim_schedule(const struct fl_node *node)
{
    const struct fl_sim_script *record = fl_sim_record(node);
    return record == NULL ? NULL : fl_sim_string_render(record, node->name);
}

int fl_sim_replayed(const struct fl_node *node, struct fl_err *err)
{
    const struct fl_sim *sim = sim_of(node);
    if (sim->opts->scheduler != FL_SIM_REPLAY || sim->is_lenient) return 0;
    if (sim->diverged.code != 0) return fl_err_set(err, FL_EBADMSG, "%s", sim->diverged.text);
    if (sim->choices >= sim->replay.choices) return 0;
    return fl_err_set(err, FL_EBADMSG,
                      "the run ended after %u of the schedule's %u choices: the program is not the "
                      "one that it was made with, or was stepped less far",
                      (unsigned)sim->choices, (unsigned)sim->replay.choices);
}

uint64_t fl_sim_trace_hash(const struct fl_node *node)
{
    return fl_hash64(sim_of(node)->hash);
}

struct fl_sim_stats fl_sim_stats(const struct fl_node *node)
{
    const struct fl_sim *sim = sim_of(node);
    return (struct fl_sim_stats){
        .seed = node->opts.seed,
        .steps = sim->steps,
        .choices = sim->choices,
        .runners = sim->priorities.count,
    };
}
