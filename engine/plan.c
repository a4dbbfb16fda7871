/* plan.c: draws everything that is random, and writes it down. */
#include "engine/plan.h"

#include "runtime/base/json.h"
#include "runtime/base/rng.h"

struct injection {
    const struct fl_scenario_fault *fault;
    size_t order; /* of making: ties in time keep the order of the scenario */
    fl_ns at_ns;
    uint64_t pick;
};

struct injections {
    struct injection *at;
    size_t count, cap;
};

static void injections_add(struct injections *list, const struct fl_scenario_fault *fault,
                           fl_ns at_ns, uint64_t pick)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 64 : list->cap * 2;
        list->at = fl_realloc(list->at, list->cap * sizeof *list->at);
    }
    list->at[list->count] = (struct injection){
        .fault = fault, .order = list->count, .at_ns = at_ns, .pick = pick};
    list->count++;
}

/* Every draw comes from the fault's own stream, so that one more fault below moves no other. */
static void injections_of_fault(struct injections *list, const struct fl_scenario_fault *fault,
                                size_t index, uint64_t seed)
{
    char name[32];
    struct fl_rng rng;
    snprintf(name, sizeof name, "fault:%zu", index);
    fl_rng_init_named(&rng, seed, name);
    if (fault->every_ns == 0) {
        injections_add(list, fault, fault->at_ns, fl_rng_next(&rng));
        return;
    }
    for (fl_ns base_ns = fault->from_ns; base_ns < fault->until_ns; base_ns += fault->every_ns) {
        fl_ns shift_ns = fl_rng_between(&rng, -fault->jitter_ns, fault->jitter_ns);
        uint64_t pick = fl_rng_next(&rng);
        fl_ns at_ns = fl_ns_max(base_ns + shift_ns, fault->from_ns);
        injections_add(list, fault, fl_ns_min(at_ns, fault->until_ns - 1), pick);
    }
}

static int injection_compare(const void *a, const void *b)
{
    const struct injection *x = a, *y = b;
    if (x->at_ns != y->at_ns) return x->at_ns < y->at_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void put_hex(cJSON *object, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    cJSON_AddStringToObject(object, key, text);
}

static void put_ns(cJSON *object, const char *key, fl_ns ns)
{
    cJSON_AddNumberToObject(object, key, (double)ns);
}

static cJSON *put_words(cJSON *object, const char *key, const char *const *words)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; words[i] != NULL; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(words[i]));
    return array;
}

static void put_head(cJSON *plan, const struct fl_scenario *scenario, uint64_t seed)
{
    static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one"};
    char text[24];
    cJSON_AddNumberToObject(plan, "version", 1);
    cJSON_AddStringToObject(plan, "scenario", scenario->name);
    cJSON_AddStringToObject(plan, "seed", fl_seed_show(seed, text, sizeof text));
    if (scenario->sets[0] != NULL) put_words(plan, "set", scenario->sets);
    cJSON *phases = cJSON_AddObjectToObject(plan, "phases");
    put_ns(phases, "warmup_ns", scenario->warmup_ns);
    put_ns(phases, "storm_ns", scenario->duration_ns);
    put_ns(phases, "calm_ns", scenario->calm_ns);
    cJSON *recovery = cJSON_AddObjectToObject(plan, "recovery");
    put_ns(recovery, "window_ns", scenario->recovery.window_ns);
    cJSON_AddNumberToObject(recovery, "epsilon", scenario->recovery.epsilon);
    put_ns(recovery, "settle_ns", scenario->recovery.settle_ns);
    cJSON *supervision = cJSON_AddObjectToObject(plan, "supervision");
    cJSON_AddStringToObject(supervision, "strategy", strategies[scenario->supervision.strategy]);
    cJSON_AddNumberToObject(supervision, "max_restarts", scenario->supervision.max_restarts);
    put_ns(supervision, "within_ns", scenario->supervision.within_ns);
}

static void put_services(cJSON *plan, const struct fl_scenario *scenario)
{
    cJSON *array = cJSON_AddArrayToObject(plan, "services");
    for (size_t i = 0; i < scenario->services_count; i++) {
        const struct fl_scenario_service *service = &scenario->services[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "name", service->name);
        if (service->row != NULL)
            cJSON_AddStringToObject(item, "use", service->row->name);
        else
            put_words(item, "command", service->argv);
        put_words(item, "instances", service->instances);
    }
    array = cJSON_AddArrayToObject(plan, "links");
    for (size_t i = 0; i < scenario->links_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "name", scenario->links[i].name);
        cJSON_AddStringToObject(item, "to", scenario->links[i].to);
    }
}

static void put_loads(cJSON *plan, const struct fl_scenario *scenario, uint64_t seed)
{
    cJSON *array = cJSON_AddArrayToObject(plan, "loads");
    for (size_t i = 0; i < scenario->loads_count; i++) {
        const struct fl_scenario_load *load = &scenario->loads[i];
        char name[64];
        struct fl_rng rng;
        snprintf(name, sizeof name, "load:%s", load->name);
        fl_rng_init_named(&rng, seed, name);

        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddNumberToObject(item, "index", (double)i);
        cJSON_AddStringToObject(item, "name", load->name);
        cJSON_AddStringToObject(item, "workload", load->row->name);
        cJSON_AddStringToObject(item, "via", load->via);
        cJSON_AddStringToObject(item, "service", load->service->name);
        cJSON_AddNumberToObject(item, "users", load->users);
        cJSON_AddNumberToObject(item, "rate_per_s", load->rate_per_s);
        put_ns(item, "timeout_ns", load->timeout_ns);
        put_ns(item, "slow_ns", load->slow_ns);
        put_hex(item, "seed", fl_rng_next(&rng));
        cJSON_AddItemToObject(item, "settings", cJSON_Duplicate(load->settings, true));
    }
}

/* Can this fault touch what this load does? */
static bool is_on_path(const struct fl_scenario_fault *fault, const struct fl_scenario_load *load)
{
    if (fault->row->aim == FL_AIM_LINK) return load->link == fault->link;
    for (int i = 0; i < load->service->instances_count; i++) {
        bool visits = load->instance < 0 || load->instance == i;
        if (visits && fl_scenario_hits(fault, load->service, i)) return true;
    }
    return false;
}

static void put_path(cJSON *item, const struct fl_scenario *scenario,
                     const struct fl_scenario_fault *fault)
{
    if (fault->watch != NULL) {
        put_words(item, "path", fault->watch);
        return;
    }
    cJSON *path = cJSON_AddArrayToObject(item, "path");
    for (size_t i = 0; i < scenario->loads_count; i++)
        if (is_on_path(fault, &scenario->loads[i]))
            cJSON_AddItemToArray(path, cJSON_CreateString(scenario->loads[i].name));
}

static void put_faults(cJSON *plan, const struct fl_scenario *scenario, uint64_t seed)
{
    struct injections list = {0};
    for (size_t i = 0; i < scenario->faults_count; i++)
        injections_of_fault(&list, &scenario->faults[i], i, seed);
    if (list.count > 0) qsort(list.at, list.count, sizeof *list.at, injection_compare);

    cJSON *array = cJSON_AddArrayToObject(plan, "faults");
    for (size_t i = 0; i < list.count; i++) {
        const struct fl_scenario_fault *fault = list.at[i].fault;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddNumberToObject(item, "index", (double)i);
        cJSON_AddStringToObject(item, "kind", fault->row->name);
        cJSON_AddStringToObject(item, "class", fl_fault_class_name(fault->row->fault_class));
        put_ns(item, "at_ns", list.at[i].at_ns);
        put_ns(item, "for_ns", fault->for_ns);
        cJSON_AddStringToObject(item, "aim", fl_aim_name(fault->row->aim));
        cJSON_AddStringToObject(item, "target", fault->target);
        put_hex(item, "pick", list.at[i].pick);
        cJSON_AddItemToObject(item, "settings", cJSON_Duplicate(fault->settings, true));
        put_path(item, scenario, fault);
        cJSON_AddNumberToObject(item, "line", fault->line);
    }
    free(list.at);
}

cJSON *fl_plan_make(const struct fl_scenario *scenario, uint64_t seed)
{
    cJSON *plan = cJSON_CreateObject();
    put_head(plan, scenario, seed);
    put_services(plan, scenario);
    put_loads(plan, scenario, seed);
    put_faults(plan, scenario, seed);
    cJSON *array = cJSON_AddArrayToObject(plan, "targets");
    for (size_t i = 0; i < scenario->targets_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "text", scenario->targets[i].text);
        cJSON_AddNumberToObject(item, "line", scenario->targets[i].line);
        cJSON_AddNumberToObject(item, "column", scenario->targets[i].column);
    }
    return plan;
}

static void text_value(struct fl_buf *out, const cJSON *value)
{
    char *json = cJSON_PrintUnformatted(value);
    FL_ASSERT(json != NULL);
    fl_buf_puts(out, json);
    cJSON_free(json);
}

char *fl_plan_text(const cJSON *plan)
{
    struct fl_buf out = {0};
    fl_buf_puts(&out, "{");
    for (const cJSON *part = plan->child; part != NULL; part = part->next) {
        fl_buf_printf(&out, "%s\n  \"%s\": ", part->prev->next == NULL ? "" : ",", part->string);
        if (!cJSON_IsArray(part) || part->child == NULL) {
            text_value(&out, part);
            continue;
        }
        fl_buf_puts(&out, "[");
        for (const cJSON *item = part->child; item != NULL; item = item->next) {
            fl_buf_puts(&out, item == part->child ? "\n    " : ",\n    ");
            text_value(&out, item);
        }
        fl_buf_puts(&out, "\n  ]");
    }
    fl_buf_puts(&out, "\n}\n");
    return fl_buf_take(&out);
}
