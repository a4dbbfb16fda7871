/* toxic_latency.c: holds every chunk for a time, counted from when it came. */
#include "chaos/toxic.h"
#include "runtime/base/json.h"

struct latency {
    fl_ns delay_ns, jitter_ns;
};

const struct fl_param fl_toxic_latency_params[] = {
    {"latency", FL_PARAM_DURATION, true, 0, 60e9, NULL, "how long every chunk of data is held"},
    {"jitter", FL_PARAM_DURATION, false, 0, 60e9, "0ms", "give or take, uniform"},
    {"stream", FL_PARAM_TEXT, false, 0, 0, "downstream",
     "upstream (to the service), downstream (from it) or both"},
    {0},
};

static void latency_read(void *settings, const cJSON *json)
{
    struct latency *set = settings;
    set->delay_ns = fl_json_int(json, "latency", 0);
    set->jitter_ns = fl_json_int(json, "jitter", 0);
    if (set->jitter_ns < 0) set->jitter_ns = 0;
}

static fl_ns latency_hold(const void *settings, struct fl_toxic_memory *memory, fl_ns arrived_ns)
{
    const struct latency *set = settings;
    FL_ASSERT(set->jitter_ns >= 0);
    fl_ns jitter_ns = fl_rng_between(&memory->rng, -set->jitter_ns, set->jitter_ns);
    fl_ns due_ns = arrived_ns + fl_ns_max(set->delay_ns + jitter_ns, 0);

    /* A later chunk may draw a shorter wait, but bytes must not overtake bytes. */
    memory->last_due_ns = fl_ns_max(due_ns, memory->last_due_ns);
    return memory->last_due_ns;
}

const struct fl_toxic_type fl_toxic_latency = {
    .name = "latency",
    .help = "delays data by latency, give or take jitter",
    .params = fl_toxic_latency_params,
    .settings_bytes = sizeof(struct latency),
    .read = latency_read,
    .hold = latency_hold,
};
