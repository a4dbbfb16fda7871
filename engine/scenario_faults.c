/* scenario_faults.c: `faults`: what goes wrong, where, when and for how long. */
#include "engine/scenario_read.h"
#include "engine/scenario_value.h"

#define DAY_NS (24 * 3600e9)
#define FIELD(member) .where = offsetof(struct fl_scenario_fault, member)

static void elsewhere_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void watch_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);

const struct scn_key scn_fault_keys[] = {
    {"at", FL_PARAM_DURATION, "once, this long after the storm begins", .most = DAY_NS,
     FIELD(at_ns)},
    {"every", FL_PARAM_DURATION, "again and again with this period", .least = 1e6, .most = DAY_NS,
     FIELD(every_ns)},
    {"jitter", FL_PARAM_DURATION, "give or take, with every; at most half of it", .most = DAY_NS,
     FIELD(jitter_ns)},
    {"from", FL_PARAM_DURATION, "with every: the first one; absent: after one period",
     .most = DAY_NS, FIELD(from_ns)},
    {"until", FL_PARAM_DURATION, "with every: none from here on; absent: the end of the storm",
     .most = DAY_NS, FIELD(until_ns)},
    {"for", FL_PARAM_DURATION, "how long a windowed fault lasts", .least = 1e6, .most = DAY_NS,
     FIELD(for_ns)},
    {"toxic", FL_PARAM_TEXT, "a fault of a link; see: faultline list toxics",
     .read = elsewhere_read},
    {"on", FL_PARAM_TEXT, "the link of the toxic", .read = elsewhere_read},
    {"watch", SCN_WORDS, "the loads that tell how it goes; absent: worked out", .read = watch_read},
    {0},
};

/* What a fault is must be known before its keys are, so these are read by fault_row. */
static void elsewhere_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    (void)reader, (void)node, (void)into;
}

static void watch_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario_fault *fault = into;
    size_t count = 0;
    const char *const *names = scn_read_words(reader, node, &count);
    if (names == NULL) return;
    if (count == 0) scn_problem(reader, node, "\"watch\" needs at least one load");
    const struct fl_yaml *item = node->kind == FL_YAML_LIST ? node->first : node;
    const char *const *loads = scn_load_names(reader->scenario);
    for (size_t i = 0; i < count; i++, item = item->next) {
        bool found = false;
        for (size_t n = 0; loads[n] != NULL && !found; n++)
            found = strcmp(loads[n], names[i]) == 0;
        char hint[160];
        if (!found)
            scn_problem(reader, item, "unknown load \"%.60s\"%s", names[i],
                        scn_did_you_mean(names[i], loads, hint, sizeof hint));
    }
    fault->watch = names;
}

enum { ROWS_MAX = 64 };

/* Names of the faults with this aim (0: any), NULL-terminated. */
static void fault_names(const char *names[ROWS_MAX], enum fl_aim aim)
{
    size_t count = 0;
    for (const struct fl_fault *row = fl_faults; row->name != NULL && count + 1 < ROWS_MAX; row++)
        if (aim == 0 || row->aim == aim) names[count++] = row->name;
    names[count] = NULL;
}

static const struct fl_fault *fault_row_of_toxic(struct scn_reader *reader,
                                                 const struct fl_yaml *node,
                                                 const struct fl_yaml *toxic,
                                                 const struct fl_yaml **out_target)
{
    const char *name = scn_text(reader, toxic, "a toxic such as latency");
    if (name == NULL) return NULL;
    const struct fl_fault *row = fl_fault_find(name);
    char hint[160];
    const char *names[ROWS_MAX];
    fault_names(names, FL_AIM_LINK);
    if (row != NULL && row->aim != FL_AIM_LINK) {
        scn_problem(reader, toxic, "\"%s\" is no toxic: it hits a %s; write %s: %s", name,
                    fl_aim_name(row->aim), name,
                    row->aim == FL_AIM_RUNTIME ? "service:process" : "service");
        return NULL;
    }
    if (row == NULL) {
        scn_problem(reader, toxic, "unknown toxic \"%.60s\"%s see: faultline list toxics", name,
                    scn_did_you_mean(name, names, hint, sizeof hint)[0] != '\0' ? hint : ";");
        return NULL;
    }
    *out_target = fl_yaml_find(node, "on");
    if (*out_target == NULL) {
        scn_problem(reader, node, "the toxic \"%s\" needs \"on\": a link", name);
        return NULL;
    }
    return row;
}

/* What kind of fault an entry is, and the node that names its target. NULL: a problem was noted, or
 * an unknown key will be. */
static const struct fl_fault *fault_row(struct scn_reader *reader, const struct fl_yaml *node,
                                        const struct fl_yaml **out_target)
{
    const struct fl_yaml *toxic = fl_yaml_find(node, "toxic"), *on = fl_yaml_find(node, "on");
    if (toxic != NULL) return fault_row_of_toxic(reader, node, toxic, out_target);
    const struct fl_fault *found = NULL;
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next) {
        const struct fl_fault *row = fl_fault_find(child->key);
        if (row == NULL) continue;
        if (found != NULL) {
            scn_problem_key(reader, child, "one fault an entry; \"%s\" stands here already",
                            found->name);
            return NULL;
        }
        found = row;
        *out_target = child;
    }
    if (found == NULL) return NULL;
    if (on != NULL) {
        scn_problem_key(reader, on, "\"on\" goes with \"toxic\"; or write %s: the link",
                        found->name);
        return NULL;
    }
    for (const struct fl_param *p = found->params; p != NULL && p->name != NULL; p++) {
        if (strcmp(p->name, found->name) != 0) continue;
        scn_problem_key(reader, *out_target, "write toxic: %s, on: a link, %s: a value",
                        found->name, found->name);
        return NULL;
    }
    return found;
}

bool fl_scenario_hits(const struct fl_scenario_fault *fault,
                      const struct fl_scenario_service *service, int instance)
{
    char place[128];
    const char *colon = fault->row->aim == FL_AIM_RUNTIME ? strchr(fault->target, ':') : NULL;
    snprintf(place, sizeof place, "%.*s",
             (int)(colon != NULL ? colon - fault->target : (ptrdiff_t)strlen(fault->target)),
             fault->target);
    return strcmp(place, service->name) == 0 || fl_glob(place, service->instances[instance]);
}

static void target_unknown(struct scn_reader *reader, const struct fl_yaml *node, const char *place)
{
    char hint[160];
    scn_problem(reader, node, "unknown service \"%.60s\"%s", place,
                scn_did_you_mean(place, scn_place_names(reader->scenario), hint, sizeof hint));
}

/* A glob picks among the instances of one service, so that it begins with one. */
static bool glob_ok(struct scn_reader *reader, const struct fl_yaml *node, const char *place)
{
    if (strpbrk(place, "*?") == NULL || strchr(place, ':') != NULL) return true;
    int instance = 0;
    char *head = fl_str_dup((struct fl_str){place, strcspn(place, ".*?")});
    bool good = scn_find_place(reader->scenario, head, &instance) != NULL;
    free(head);
    if (!good)
        scn_problem(reader, node, "\"%.60s\" must begin with one service, such as \"%s.*\"", place,
                    reader->scenario->services[0].name);
    return good;
}

/* Finds the service that a process or runtime fault can hit, given what stands before the colon. */
static void target_service(struct scn_reader *reader, const struct fl_yaml *node,
                           struct fl_scenario_fault *fault, const char *place)
{
    struct fl_scenario *scenario = reader->scenario;
    for (size_t s = 0; s < scenario->services_count; s++) {
        const struct fl_scenario_service *service = &scenario->services[s];
        for (int i = 0; i < service->instances_count; i++)
            if (fl_scenario_hits(fault, service, i)) fault->service = service;
    }
    bool runtime = fault->row->aim == FL_AIM_RUNTIME;
    if (fault->service == NULL && !runtime && strchr(place, ':') != NULL)
        scn_problem(reader, node, "\"%.60s\" is no service; \"%s\" hits a whole one, such as %s",
                    fault->target, fault->row->name, scenario->services[0].name);
    else if (fault->service == NULL)
        target_unknown(reader, node, place);
    else if (runtime && fault->service->argv != NULL)
        scn_problem(reader, node,
                    "\"%s\" is a program of its own: \"%s\" reaches only into reference services",
                    fault->service->name, fault->row->name);
}

static void target_places(struct scn_reader *reader, const struct fl_yaml *node,
                          struct fl_scenario_fault *fault)
{
    bool runtime = fault->row->aim == FL_AIM_RUNTIME;
    const char *colon = strchr(fault->target, ':');
    if (runtime && (colon == NULL || colon == fault->target || colon[1] == '\0')) {
        scn_problem(reader, node,
                    "\"%.60s\" must be a service, a colon and a process, such as \"chat:room/*\"",
                    fault->target);
        return;
    }
    size_t len = runtime ? (size_t)(colon - fault->target) : strlen(fault->target);
    char *place = fl_str_dup((struct fl_str){fault->target, len});
    if (glob_ok(reader, node, place)) target_service(reader, node, fault, place);
    free(place);
}

static void target_link(struct scn_reader *reader, const struct fl_yaml *node,
                        struct fl_scenario_fault *fault)
{
    struct fl_scenario *scenario = reader->scenario;
    fault->link = scn_find_link(scenario, fault->target);
    if (fault->link != NULL) return;
    char hint[160];
    int instance = 0;
    if (scn_find_place(scenario, fault->target, &instance) != NULL)
        scn_problem(reader, node,
                    "\"%s\" is a service, and \"%s\" hits a link; add links: {front: {to: %s}}",
                    fault->target, fault->row->name, fault->target);
    else
        scn_problem(reader, node, "unknown link \"%.60s\"%s", fault->target,
                    scn_did_you_mean(fault->target, scn_link_names(scenario), hint, sizeof hint));
}

static void fault_target(struct scn_reader *reader, const struct fl_yaml *node,
                         struct fl_scenario_fault *fault)
{
    const char *text = scn_text(reader, node, "a target such as chat.1");
    if (text == NULL) return;
    fault->target = scn_copy(reader->scenario, text);
    if (strlen(text) > 120)
        scn_problem(reader, node, "a target has 120 letters at most");
    else if (reader->scenario->services_count == 0)
        return; /* said already, and everything would be unknown */
    else if (fault->row->aim == FL_AIM_LINK)
        target_link(reader, node, fault);
    else
        target_places(reader, node, fault);
}

static void fault_repeats(struct scn_reader *reader, const struct fl_yaml *node,
                          struct fl_scenario_fault *fault)
{
    const struct fl_scenario *scenario = reader->scenario;
    const struct fl_yaml *every = fl_yaml_find(node, "every");
    fl_ns end_ns = scenario->duration_ns - fault->for_ns;
    if (fl_yaml_find(node, "from") == NULL) fault->from_ns = fault->every_ns;
    const struct fl_yaml *until = fl_yaml_find(node, "until");
    if (until == NULL) fault->until_ns = end_ns;
    const struct fl_yaml *last = until != NULL ? until : every;
    char end[32];
    scn_show_duration(end_ns, end, sizeof end);
    if (fault->until_ns > end_ns && fault->for_ns > 0)
        scn_problem(reader, last,
                    "\"until\" must be at most %s: the storm ends, and each lasts \"for\"", end);
    else if (fault->until_ns > end_ns)
        scn_problem(reader, last, "\"until\" is past the storm's end at %s", end);
    else if (fault->from_ns >= fault->until_ns)
        scn_problem(reader, every, "it never happens: the first would be at or past \"until\"");
    if (fault->jitter_ns * 2 > fault->every_ns)
        scn_problem(reader, fl_yaml_find(node, "jitter"),
                    "\"jitter\" must be at most half of \"every\"");
    if (fault->for_ns > 0 && fault->for_ns + 2 * fault->jitter_ns >= fault->every_ns)
        scn_problem(reader, fl_yaml_find(node, "for"),
                    "\"for\" must be shorter than \"every\", or they overlap");
}

static void fault_times(struct scn_reader *reader, const struct fl_yaml *node,
                        struct fl_scenario_fault *fault)
{
    static const char *const with_every[] = {"jitter", "from", "until"};
    const struct fl_scenario *scenario = reader->scenario;
    const struct fl_yaml *at = fl_yaml_find(node, "at"), *every = fl_yaml_find(node, "every");
    const struct fl_yaml *window = fl_yaml_find(node, "for");
    bool windowed = fault->row->fault_class == FL_FAULT_WINDOWED;
    if (windowed && window == NULL)
        scn_problem(reader, node, "\"%s\" needs \"for\": how long it lasts", fault->row->name);
    if (!windowed && window != NULL)
        scn_problem_key(reader, window, "\"%s\" happens at once; take \"for\" away",
                        fault->row->name);
    if (at == NULL && every == NULL) {
        scn_problem(reader, node, "a fault needs \"at\" or \"every\", such as at: 5s");
        return;
    }
    if (at != NULL && every != NULL) {
        scn_problem_key(reader, every, "a fault has \"at\" or \"every\", not both");
        return;
    }
    if (scenario->duration_ns == 0) return; /* said already */
    if (every != NULL) {
        fault_repeats(reader, node, fault);
        return;
    }
    for (size_t i = 0; i < FL_COUNT(with_every); i++) {
        const struct fl_yaml *child = fl_yaml_find(node, with_every[i]);
        bool is_param = cJSON_HasObjectItem(fault->settings, with_every[i]) != 0;
        if (child != NULL && !is_param)
            scn_problem_key(reader, child, "\"%s\" goes with \"every\"", with_every[i]);
    }
    char end[32];
    scn_show_duration(scenario->duration_ns, end, sizeof end);
    if (fault->at_ns >= scenario->duration_ns)
        scn_problem(reader, at, "\"at\" is past the storm's end at %s", end);
    else if (fault->at_ns + fault->for_ns > scenario->duration_ns && window != NULL)
        scn_problem(reader, window, "\"for\" lasts past the storm's end at %s", end);
}

static void fault_read(struct scn_reader *reader, const struct fl_yaml *node,
                       struct fl_scenario_fault *fault)
{
    const char *names[ROWS_MAX];
    fault->line = node->line;
    fault->column = node->column;
    fault->settings = cJSON_CreateObject();
    if (node->kind != FL_YAML_MAP) {
        scn_problem(reader, node, "a fault must be a map such as {at: 5s, kill: web}, not %s",
                    fl_yaml_kind_name(node));
        return;
    }
    size_t before = scn_problem_count(reader);
    const struct fl_yaml *target = NULL;
    fault->row = fault_row(reader, node, &target);
    if (scn_problem_count(reader) > before) return;

    fault_names(names, 0);
    struct scn_extra extra = {.settings = fault->settings, .suggest = names};
    if (fault->row != NULL) extra.params = fault->row->params;
    if (fault->row != NULL) extra.verb = fault->row->name;
    bool good = scn_read_map(reader, node, fault->row != NULL ? fault->row->name : "a fault",
                             scn_fault_keys, fault, &extra);
    if (fault->row == NULL) {
        if (good)
            scn_problem(reader, node,
                        "a fault needs what to do, such as kill: %s; see: faultline list faults",
                        reader->scenario->services_count > 0 ? reader->scenario->services[0].name
                                                             : "web");
        return;
    }
    fault_target(reader, target, fault);
    if (good) fault_times(reader, node, fault);
}

/* As many as fault_plan can make of it, at most. */
static int64_t fault_injections(const struct fl_scenario_fault *fault)
{
    if (fault->every_ns == 0) return 1;
    return (fault->until_ns - fault->from_ns + fault->every_ns - 1) / fault->every_ns;
}

void scn_read_faults(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario *scenario = into;
    if (node->kind != FL_YAML_LIST) {
        scn_problem(reader, node, "\"faults\" must be a list, such as [{at: 5s, kill: web}]");
        return;
    }
    scenario->faults = scn_alloc(scenario, (node->count + 1) * sizeof *scenario->faults);
    int64_t injections = 0;
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next) {
        struct fl_scenario_fault *fault = &scenario->faults[scenario->faults_count++];
        size_t before = scn_problem_count(reader);
        fault_read(reader, child, fault);
        if (scn_problem_count(reader) == before) injections += fault_injections(fault);
    }
    if (injections > FL_SCENARIO_FAULTS_MAX)
        scn_problem(reader, node, "%lld injections are too many; %d at most", (long long)injections,
                    FL_SCENARIO_FAULTS_MAX);
}
