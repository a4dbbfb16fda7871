/* scenario_load.c: `links` and `load`: the ways to a service, and who takes them. */
#include "engine/scenario_read.h"

#define HOUR_NS 3600e9

static void between_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void workload_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);

const struct scn_key scn_link_keys[] = {
    {"to", FL_PARAM_TEXT, "the service or instance behind it",
     .where = offsetof(struct fl_scenario_link, to)},
    {"between", SCN_WORDS, "not in this version", .read = between_read},
    {0},
};

const struct scn_key scn_load_keys[] = {
    {"workload", FL_PARAM_TEXT, "what its users do; see: faultline list workloads",
     .required = true, .read = workload_read},
    {"through", FL_PARAM_TEXT, "the link that it goes through",
     .where = offsetof(struct fl_scenario_load, via)},
    {"to", FL_PARAM_TEXT, "the service or instance that it goes to",
     .where = offsetof(struct fl_scenario_load, via)},
    {"rate", FL_PARAM_RATE, "arrivals of all its users together",
     .where = offsetof(struct fl_scenario_load, rate_per_s)},
    {"users", FL_PARAM_INT, "how many users or connections", .least = 1,
     .most = FL_SCENARIO_USERS_MAX, .where = offsetof(struct fl_scenario_load, users)},
    {"timeout", FL_PARAM_DURATION, "after this an operation counts as bad", .least = 1e6,
     .most = HOUR_NS, .standard = "2s", .where = offsetof(struct fl_scenario_load, timeout_ns)},
    {"slow", FL_PARAM_DURATION, "a later answer is a bad one; absent: from the baseline",
     .least = 1e3, .most = HOUR_NS, .where = offsetof(struct fl_scenario_load, slow_ns)},
    {0},
};

static void between_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    scn_problem_key(
        reader, node,
        "links between instances are not in this version; a link goes \"to\" a service");
}

/* Which keys a load has depends on its workload, so that it was read before all of them. */
static void workload_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    (void)reader, (void)node, (void)into;
}

static void link_read(struct scn_reader *reader, const struct fl_yaml *node,
                      struct fl_scenario_link *link)
{
    struct fl_scenario *scenario = reader->scenario;
    link->name = scn_copy(scenario, node->key);
    link->line = node->key_line;
    link->instance = -1;
    if (!scn_name_ok(reader, node, "a link")) return;
    int instance = 0;
    if (scn_find_place(scenario, link->name, &instance) != NULL)
        scn_problem_key(reader, node, "\"%s\" is a service already; a link needs a name of its own",
                        link->name);
    char *what = fl_format("the link \"%s\"", link->name);
    bool good = scn_read_map(reader, node, what, scn_link_keys, link, NULL);
    free(what);
    if (!good) return;
    if (link->to == NULL) {
        scn_problem_key(reader, node, "the link \"%s\" needs \"to\": a service", link->name);
        return;
    }
    link->service = scn_find_place(scenario, link->to, &link->instance);
    char hint[160];
    if (link->service == NULL)
        scn_problem(reader, fl_yaml_find(node, "to"), "unknown service \"%.60s\"%s", link->to,
                    scn_did_you_mean(link->to, scn_place_names(scenario), hint, sizeof hint));
}

void scn_read_links(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario *scenario = into;
    if (node->kind != FL_YAML_MAP) {
        scn_problem(reader, node, "\"links\" must be a map of names, such as {front: {to: web}}");
        return;
    }
    if (node->count > FL_SCENARIO_LINKS_MAX) {
        scn_problem(reader, node, "%zu links are too many; %d at most", node->count,
                    FL_SCENARIO_LINKS_MAX);
        return;
    }
    scenario->links = scn_alloc(scenario, (node->count + 1) * sizeof *scenario->links);
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next)
        link_read(reader, child, &scenario->links[scenario->links_count++]);
}

const struct fl_scenario_link *scn_find_link(const struct fl_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->links_count; i++)
        if (strcmp(scenario->links[i].name, name) == 0) return &scenario->links[i];
    return NULL;
}

const char *const *scn_link_names(struct fl_scenario *scenario)
{
    const char **names = scn_alloc(scenario, (scenario->links_count + 1) * sizeof *names);
    for (size_t i = 0; i < scenario->links_count; i++)
        names[i] = scenario->links[i].name;
    return names;
}

const char *const *scn_load_names(struct fl_scenario *scenario)
{
    const char **names = scn_alloc(scenario, (scenario->loads_count + 1) * sizeof *names);
    for (size_t i = 0; i < scenario->loads_count; i++)
        names[i] = scenario->loads[i].name;
    return names;
}

static const struct fl_workload *load_workload(struct scn_reader *reader,
                                               const struct fl_yaml *node)
{
    const struct fl_yaml *child = fl_yaml_find(node, "workload");
    if (child == NULL) return NULL; /* scn_read_map says that it is missing */
    const char *name = scn_text(reader, child, "a workload such as http");
    if (name == NULL) return NULL;
    const struct fl_workload *row = fl_workload_find(name);
    if (row != NULL) return row;

    const char *names[32] = {0};
    for (size_t i = 0; fl_workloads[i].name != NULL && i + 1 < FL_COUNT(names); i++)
        names[i] = fl_workloads[i].name;
    char hint[160];
    scn_problem(reader, child, "unknown workload \"%.60s\"%s see: faultline list workloads", name,
                scn_did_you_mean(name, names, hint, sizeof hint)[0] != '\0' ? hint : ";");
    return NULL;
}

static void load_to(struct scn_reader *reader, const struct fl_yaml *to,
                    struct fl_scenario_load *load)
{
    struct fl_scenario *scenario = reader->scenario;
    load->service = scn_find_place(scenario, to->text, &load->instance);
    if (load->service != NULL) return;
    char hint[160];
    if (scn_find_link(scenario, to->text) != NULL)
        scn_problem(reader, to, "\"%s\" is a link; write through: %s", to->text, to->text);
    else
        scn_problem(reader, to, "unknown service \"%.60s\"%s", to->text,
                    scn_did_you_mean(to->text, scn_place_names(scenario), hint, sizeof hint));
}

static void load_through(struct scn_reader *reader, const struct fl_yaml *through,
                         struct fl_scenario_load *load)
{
    struct fl_scenario *scenario = reader->scenario;
    int instance = 0;
    load->link = scn_find_link(scenario, through->text);
    char hint[160];
    if (load->link != NULL) {
        load->service = load->link->service;
        load->instance = load->link->instance;
    } else if (scn_find_place(scenario, through->text, &instance) != NULL) {
        scn_problem(reader, through, "\"%s\" is a service; write to: %s", through->text,
                    through->text);
    } else {
        scn_problem(reader, through, "unknown link \"%.60s\"%s", through->text,
                    scn_did_you_mean(through->text, scn_link_names(scenario), hint, sizeof hint));
    }
}

static void load_way(struct scn_reader *reader, const struct fl_yaml *node,
                     struct fl_scenario_load *load)
{
    const struct fl_yaml *to = fl_yaml_find(node, "to"), *through = fl_yaml_find(node, "through");
    if (to != NULL && through != NULL) {
        scn_problem_key(reader, to, "a load goes \"through\" a link or \"to\" a service, not both");
        return;
    }
    if (to == NULL && through == NULL) {
        scn_problem_key(reader, node,
                        "the load \"%s\" needs \"through\" (a link) or \"to\" (a service)",
                        load->name);
        return;
    }
    const struct fl_yaml *way = to != NULL ? to : through;
    if (way->kind != FL_YAML_TEXT) return; /* said already */
    load->via = scn_copy(reader->scenario, way->text);
    if (to != NULL)
        load_to(reader, to, load);
    else
        load_through(reader, through, load);

    const struct fl_service *speaks = load->row != NULL ? fl_service_find(load->row->name) : NULL;
    if (speaks != NULL && load->service != NULL && load->service->row != NULL &&
        load->service->row != speaks)
        scn_problem(reader, way, "the workload \"%s\" speaks to a %s service, and \"%s\" is a %s",
                    load->row->name, speaks->name, load->service->name, load->service->row->name);
}

static void load_amount(struct scn_reader *reader, const struct fl_yaml *node,
                        struct fl_scenario_load *load)
{
    const struct fl_workload *row = load->row;
    const struct fl_yaml *rate = fl_yaml_find(node, "rate");
    if (rate != NULL) {
        if (load->rate_per_s <= 0) scn_problem(reader, rate, "\"rate\" must be above 0");
    } else if (row->needs_rate) {
        scn_problem_key(reader, node, "the load \"%s\" needs \"rate\", such as 100/s", load->name);
    }
    if (load->users == 0) load->users = row->standard_users;
    if (rate == NULL && !row->needs_rate) load->rate_per_s = row->standard_rate_per_s * load->users;
    if (rate == NULL && !row->needs_rate && load->users == 0)
        scn_problem_key(reader, node, "the load \"%s\" needs \"rate\" or \"users\"", load->name);
}

static void load_read(struct scn_reader *reader, const struct fl_yaml *node,
                      struct fl_scenario_load *load)
{
    load->name = scn_copy(reader->scenario, node->key);
    load->line = node->key_line;
    load->instance = -1;
    load->settings = cJSON_CreateObject();
    if (!scn_name_ok(reader, node, "a load")) return;
    size_t before = scn_problem_count(reader);
    load->row = load_workload(reader, node);
    bool known = load->row != NULL || scn_problem_count(reader) == before;

    char *what = fl_format("the load \"%s\"", load->name);
    struct scn_extra extra = {.params = load->row != NULL ? load->row->params : NULL,
                              .settings = load->settings};
    /* Of an unknown workload nobody can say which keys it has. */
    bool good = known && scn_read_map(reader, node, what, scn_load_keys, load, &extra);
    free(what);
    if (node->kind == FL_YAML_MAP) load_way(reader, node, load);
    if (good && load->row != NULL) load_amount(reader, node, load);
}

void scn_read_loads(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario *scenario = into;
    if (node->kind != FL_YAML_MAP) {
        scn_problem(reader, node,
                    "\"load\" must be a map of names, such as {gets: {workload: http, to: web, "
                    "rate: 100/s}}");
        return;
    }
    if (node->count > FL_SCENARIO_LOADS_MAX) {
        scn_problem(reader, node, "%zu loads are too many; %d at most", node->count,
                    FL_SCENARIO_LOADS_MAX);
        return;
    }
    scenario->loads = scn_alloc(scenario, (node->count + 1) * sizeof *scenario->loads);
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next)
        load_read(reader, child, &scenario->loads[scenario->loads_count++]);
}
