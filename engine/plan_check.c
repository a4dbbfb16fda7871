/* plan_check.c: does a stored or edited plan fit the scenario that it is to be run with? */
#include <ctype.h>

#include "engine/plan.h"
#include "runtime/base/json.h"

static bool is_hex16(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (isxdigit((unsigned char)text[i]) == 0) return false;
    return len == 16;
}

/* Names of the items of plan[key], compared with one name after the other. */
static int check_names(const cJSON *plan, const char *key, const char *const *names, size_t count,
                       struct fl_err *err)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(plan, key);
    if (!cJSON_IsArray(array) || (size_t)cJSON_GetArraySize(array) != count)
        return fl_err_set(err, FL_EPARSE, "\"%s\": the scenario has %zu, the plan %d", key, count,
                          cJSON_GetArraySize(array));
    const cJSON *item = array->child;
    for (size_t i = 0; i < count; i++, item = item->next) {
        const char *name = fl_json_text(item, "name", "");
        if (strcmp(name, names[i]) != 0)
            return fl_err_set(err, FL_EPARSE, "\"%s\"[%zu] is \"%.60s\", in the scenario \"%s\"",
                              key, i, name, names[i]);
    }
    return 0;
}

static int check_parts(const cJSON *plan, const struct fl_scenario *scenario, struct fl_err *err)
{
    const char *names[FL_SCENARIO_SERVICES_MAX];
    _Static_assert((int)FL_SCENARIO_LINKS_MAX <= FL_SCENARIO_SERVICES_MAX &&
                       (int)FL_SCENARIO_LOADS_MAX <= FL_SCENARIO_SERVICES_MAX,
                   "one array for all");
    for (size_t i = 0; i < scenario->services_count; i++)
        names[i] = scenario->services[i].name;
    int rc = check_names(plan, "services", names, scenario->services_count, err);
    for (size_t i = 0; i < scenario->links_count; i++)
        names[i] = scenario->links[i].name;
    if (rc == 0) rc = check_names(plan, "links", names, scenario->links_count, err);
    for (size_t i = 0; i < scenario->loads_count; i++)
        names[i] = scenario->loads[i].name;
    if (rc == 0) rc = check_names(plan, "loads", names, scenario->loads_count, err);
    return rc;
}

static int check_loads(const cJSON *plan, const struct fl_scenario *scenario, struct fl_err *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(plan, "loads")->child;
    for (size_t i = 0; item != NULL; i++, item = item->next) {
        const struct fl_scenario_load *load = &scenario->loads[i];
        if (fl_json_int(item, "index", -1) != (int64_t)i ||
            strcmp(fl_json_text(item, "workload", ""), load->row->name) != 0 ||
            strcmp(fl_json_text(item, "via", ""), load->via) != 0 ||
            !is_hex16(fl_json_text(item, "seed", "")))
            return fl_err_set(err, FL_EPARSE,
                              "the load \"%s\" is not that of the scenario (index, workload, via, "
                              "seed)",
                              load->name);
    }
    return 0;
}

static int check_fault(const cJSON *item, int64_t i, const struct fl_scenario *scenario,
                       struct fl_err *err)
{
    const struct fl_fault *row = fl_fault_find(fl_json_text(item, "kind", ""));
    if (row == NULL)
        return fl_err_set(err, FL_EPARSE, "fault %lld: unknown kind \"%.40s\"", (long long)i,
                          fl_json_text(item, "kind", ""));
    int64_t at_ns = fl_json_int(item, "at_ns", -1), for_ns = fl_json_int(item, "for_ns", -1);
    bool windowed = row->fault_class == FL_FAULT_WINDOWED;
    const char *wrong = NULL;
    if (fl_json_int(item, "index", -1) != i) wrong = "index must count from 0 in order";
    if (strcmp(fl_json_text(item, "aim", ""), fl_aim_name(row->aim)) != 0)
        wrong = "aim is not that of its kind";
    if (strcmp(fl_json_text(item, "class", ""), fl_fault_class_name(row->fault_class)) != 0)
        wrong = "class is not that of its kind";
    if (at_ns < 0 || at_ns >= scenario->duration_ns) wrong = "at_ns is outside the storm";
    if (for_ns < 0 || (for_ns > 0) != windowed) wrong = "for_ns does not fit its class";
    if (wrong == NULL && for_ns > scenario->duration_ns - at_ns)
        wrong = "for_ns lasts past the storm's end";
    if (fl_json_text(item, "target", "")[0] == '\0') wrong = "target is missing";
    if (!is_hex16(fl_json_text(item, "pick", ""))) wrong = "pick must be 16 hexadecimal digits";
    if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(item, "settings")))
        wrong = "settings must be an object";
    if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(item, "path")))
        wrong = "path must be a list of loads";
    if (wrong == NULL) return 0;
    return fl_err_set(err, FL_EPARSE, "fault %lld (%s): %s", (long long)i, row->name, wrong);
}

int fl_plan_check(const cJSON *plan, const struct fl_scenario *scenario, struct fl_err *err)
{
    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(plan, "phases");
    if (fl_json_int(plan, "version", 0) != 1)
        return fl_err_set(err, FL_EPARSE, "not a plan of version 1");
    if (fl_json_int(phases, "warmup_ns", -1) != scenario->warmup_ns ||
        fl_json_int(phases, "storm_ns", -1) != scenario->duration_ns ||
        fl_json_int(phases, "calm_ns", -1) != scenario->calm_ns)
        return fl_err_set(err, FL_EPARSE, "its phases are not those of the scenario");
    uint64_t seed = 0;
    int rc = fl_seed_parse(fl_str_of(fl_json_text(plan, "seed", "")), &seed, err);
    if (rc == 0) rc = check_parts(plan, scenario, err);
    if (rc == 0) rc = check_loads(plan, scenario, err);
    if (rc != 0) return rc;
    static const char *const lists[] = {"faults", "targets"};
    for (size_t i = 0; i < FL_COUNT(lists); i++)
        if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(plan, lists[i])))
            return fl_err_set(err, FL_EPARSE, "\"%s\" must be a list", lists[i]);
    const cJSON *fault = cJSON_GetObjectItemCaseSensitive(plan, "faults")->child;
    for (int64_t i = 0; fault != NULL && rc == 0; i++, fault = fault->next)
        rc = check_fault(fault, i, scenario, err);
    return rc;
}

int fl_plan_load(cJSON **out, const char *path, const struct fl_scenario *scenario,
                 struct fl_err *err)
{
    cJSON *plan = NULL;
    int rc = fl_json_load(&plan, path, err);
    if (rc != 0) return rc;
    rc = fl_plan_check(plan, scenario, err);
    if (rc != 0) {
        cJSON_Delete(plan);
        return fl_err_prefix(err, "%s: ", path);
    }
    *out = plan;
    return 0;
}
