/* scenario.c: the whole file: its top keys, its targets, and what is put into its texts. */
#include "engine/scenario.h"

#include <ctype.h>

#include "engine/scenario_read.h"
#include "reports/reports.h"
#include "runtime/base/json.h"

#define DAY_NS (24 * 3600e9)
#define FIELD(member) .where = offsetof(struct fl_scenario, member)

static void version_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void name_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void seed_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);

/* In this order, so that what is named is known before somebody names it. */
static const char *const strategies[] = {"one_for_one", NULL};
static const char *const strategies_later[] = {"one_for_all", "rest_for_one", NULL};
static const struct scn_key supervision_keys[] = {
    {"strategy", SCN_CHOICE, "what a restart takes along: one_for_one", .standard = "one_for_one",
     .choices = strategies, .later = strategies_later,
     FIELD(supervision.strategy) - offsetof(struct fl_scenario, supervision)},
    {"max_restarts", FL_PARAM_INT, "more of them end the run", .most = 100000, .standard = "20",
     FIELD(supervision.max_restarts) - offsetof(struct fl_scenario, supervision)},
    {"within", FL_PARAM_DURATION, "the span in which restarts count", .least = 1e6, .most = DAY_NS,
     .standard = "10s", FIELD(supervision.within_ns) - offsetof(struct fl_scenario, supervision)},
    {0},
};
static const struct scn_key recovery_keys[] = {
    {"window", FL_PARAM_DURATION, "steady is judged over this span", .least = 1e7, .most = 60e9,
     .standard = "1s", FIELD(recovery.window_ns) - offsetof(struct fl_scenario, recovery)},
    {"epsilon", FL_PARAM_PERCENT, "the share of bad operations that steady forgives", .most = 0.5,
     .standard = "1%", FIELD(recovery.epsilon) - offsetof(struct fl_scenario, recovery)},
    {"settle", FL_PARAM_DURATION, "bad operations within this of steady are a relapse",
     .most = 600e9, .standard = "5s",
     FIELD(recovery.settle_ns) - offsetof(struct fl_scenario, recovery)},
    {0},
};
const struct scn_key scn_top_keys[] = {
    {"faultline", FL_PARAM_INT, "write faultline: 1", .required = true, .least = 1, .most = 1,
     .read = version_read},
    {"name", FL_PARAM_TEXT, "names the run's folder; absent: the file's name", .read = name_read},
    {"seed", SCN_SEED, "makes every random draw; absent: drawn, printed, stored",
     .read = seed_read},
    {"warmup", FL_PARAM_DURATION, "load without faults: the baseline is measured here",
     .least = 1e9, .most = DAY_NS, .standard = "3s", FIELD(warmup_ns)},
    {"duration", FL_PARAM_DURATION, "how long the storm lasts; fault times count from its start",
     .least = 1e6, .most = DAY_NS, .standard = "30s", FIELD(duration_ns)},
    {"calm", FL_PARAM_DURATION, "load goes on, no new faults: recovery can finish", .most = DAY_NS,
     .standard = "5s", FIELD(calm_ns)},
    {"services", SCN_NAMED, "what is started and supervised", .required = true,
     .keys = scn_service_keys, .read = scn_read_services},
    {"supervision", SCN_PART, "how often a service may be restarted", .keys = supervision_keys,
     FIELD(supervision)},
    {"links", SCN_NAMED, "paths that can be harmed", .keys = scn_link_keys, .read = scn_read_links},
    {"load", SCN_NAMED, "who uses the services", .keys = scn_load_keys, .read = scn_read_loads},
    {"faults", SCN_LIST, "what goes wrong, and when", .keys = scn_fault_keys,
     .read = scn_read_faults},
    {"recovery", SCN_PART, "how recovery is judged (docs/recovery.md)", .keys = recovery_keys,
     FIELD(recovery)},
    {"targets", SCN_TARGETS, "what must hold, such as recovery p95 < 800ms",
     .read = scn_read_targets},
    {0},
};

static void version_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    const char *text = scn_text(reader, node, "1");
    if (text != NULL && strcmp(text, "1") != 0)
        scn_problem(reader, node, "this Faultline reads version 1 of the format, not \"%.20s\"",
                    text);
}

static void name_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario *scenario = into;
    const char *name = scn_text(reader, node, "a name");
    if (name == NULL) return;
    size_t len = strlen(name);
    bool good = len > 0 && len <= 64 && isalnum((unsigned char)name[0]) != 0;
    for (size_t i = 0; i < len && good; i++)
        good = isalnum((unsigned char)name[i]) != 0 || strchr("-_.", name[i]) != NULL;
    if (good)
        scenario->name = scn_copy(scenario, name);
    else
        scn_problem(reader, node,
                    "\"%.70s\" cannot name a folder; write letters, digits, - _ and . (64 at most)",
                    name);
}

static void seed_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario *scenario = into;
    struct fl_err err;
    const char *text = scn_text(reader, node, "a number");
    if (text == NULL) return;
    scenario->has_seed = fl_seed_parse(fl_str_of(text), &scenario->seed, &err) == 0;
    if (!scenario->has_seed) scn_problem(reader, node, "\"seed\": %s", err.text);
}

static void target_read(struct scn_reader *reader, const struct fl_yaml *node,
                        const char *const *loads, const char *const *kinds, size_t kinds_count)
{
    struct fl_scenario *scenario = reader->scenario;
    const char *text = scn_text(reader, node, "a target such as recovery p95 < 800ms");
    if (text == NULL) return;
    struct fl_err err = {0};
    int offset = 0;
    if (fl_target_check(text, loads, scenario->loads_count, kinds, kinds_count, &offset, &err) != 0)
        scn_problem_in(reader, node, offset, "%s", err.text);
    scenario->targets[scenario->targets_count++] = (struct fl_scenario_target){
        .text = scn_copy(scenario, text), .line = node->line, .column = node->column};
}

void scn_read_targets(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario *scenario = into;
    if (node->kind != FL_YAML_LIST) {
        scn_problem(reader, node, "\"targets\" must be a list, such as [recovery p95 < 800ms]");
        return;
    }
    scenario->targets = scn_alloc(scenario, (node->count + 1) * sizeof *scenario->targets);
    const char *const *loads = scn_load_names(scenario);
    const char **kinds = scn_alloc(scenario, (scenario->faults_count + 1) * sizeof *kinds);
    size_t kinds_count = 0;
    for (size_t i = 0; i < scenario->faults_count; i++) {
        const struct fl_fault *row = scenario->faults[i].row;
        bool known = row == NULL;
        for (size_t k = 0; k < kinds_count && !known; k++)
            known = strcmp(kinds[k], row->name) == 0;
        if (!known) kinds[kinds_count++] = row->name;
    }
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next)
        target_read(reader, child, loads, kinds, kinds_count);
}

static const char *const var_names[] = {"port", "dir", "instance", NULL};

bool scn_vars_ok(struct scn_reader *reader, const struct fl_yaml *node, const char *text)
{
    for (const char *at = strstr(text, "${"); at != NULL; at = strstr(at + 2, "${")) {
        if (at > text && at[-1] == '$') continue; /* $${ is a plain ${ */
        size_t len = strcspn(at + 2, "}");
        char name[64], hint[160];
        snprintf(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60), at + 2);
        bool known = false;
        for (size_t i = 0; var_names[i] != NULL && !known; i++)
            known = strcmp(var_names[i], name) == 0;
        if (known && at[2 + len] == '}') continue;
        scn_did_you_mean(name, var_names, hint, sizeof hint);
        scn_problem(reader, node, "unknown ${%s}%s known are ${port}, ${dir}, ${instance}", name,
                    hint[0] != '\0' ? hint : ";");
        return false;
    }
    return true;
}

char *fl_scenario_expand(const char *text, const struct fl_scenario_vars *vars)
{
    char port[16];
    snprintf(port, sizeof port, "%d", vars->port);
    const char *const values[] = {port, vars->dir, vars->instance};
    struct fl_buf out = {0};
    while (*text != '\0') {
        if (strncmp(text, "$${", 3) == 0) {
            fl_buf_puts(&out, "${");
            text += 3;
            continue;
        }
        size_t skip = 0;
        for (size_t i = 0; var_names[i] != NULL && strncmp(text, "${", 2) == 0; i++) {
            size_t len = strlen(var_names[i]);
            if (strncmp(text + 2, var_names[i], len) != 0 || text[2 + len] != '}') continue;
            fl_buf_puts(&out, values[i]);
            skip = len + 3;
        }
        if (skip == 0) fl_buf_putc(&out, *text);
        text += skip == 0 ? 1 : skip;
    }
    return fl_buf_take(&out);
}

/* The file's name without folders and ending, as far as it makes a good folder name. */
static const char *name_of_path(struct fl_scenario *scenario, const char *path)
{
    const char *slash = strrchr(path, '/');
    char name[65];
    size_t len = 0;
    for (const char *c = slash != NULL ? slash + 1 : path; *c != '\0' && len + 1 < sizeof name; c++)
        name[len++] = (char)(isalnum((unsigned char)*c) != 0 ? *c : *c == '.' ? '.' : '-');
    name[len] = '\0';
    char *dot = strrchr(name, '.');
    if (dot != NULL) *dot = '\0';
    return scn_copy(scenario, isalnum((unsigned char)name[0]) != 0 ? name : "scenario");
}

static void root_apply_sets(struct scn_reader *reader, struct fl_yaml *root)
{
    size_t count = 0;
    while (reader->opts->sets != NULL && reader->opts->sets[count] != NULL)
        count++;
    const char **kept = scn_alloc(reader->scenario, (count + 1) * sizeof *kept);
    for (size_t i = 0; i < count; i++)
        kept[i] = scn_copy(reader->scenario, reader->opts->sets[i]);
    reader->scenario->sets = kept;
    for (const char *const *set = reader->opts->sets; set != NULL && *set != NULL; set++) {
        struct fl_err err;
        struct fl_yaml at = {.set = (char *)(uintptr_t)*set};
        if (fl_yaml_set(root, *set, &err) != 0) scn_problem(reader, &at, "%s", err.text);
    }
}

int fl_scenario_parse(struct fl_scenario **out, struct fl_str text,
                      const struct fl_scenario_opts *opts, struct fl_problems *problems)
{
    struct fl_scenario *scenario = fl_new(struct fl_scenario);
    struct scn_reader reader = {.scenario = scenario, .problems = problems, .opts = opts};
    struct fl_yaml *root = NULL;
    struct fl_yaml place = {0};
    struct fl_err err;
    scenario->path = scn_copy(scenario, opts->path);
    scenario->name = name_of_path(scenario, opts->path);
    if (fl_yaml_parse(&root, text, &place.line, &place.column, &err) != 0) {
        scn_problem(&reader, &place, "%s", err.text);
    } else {
        char *source = fl_str_dup(text);
        scenario->source = scn_copy(scenario, source);
        free(source);
        root_apply_sets(&reader, root);
        static const struct fl_yaml none = {.kind = FL_YAML_MAP};
        for (const struct scn_key *key = scn_top_keys; key->name != NULL; key++)
            if (key->kind == SCN_PART) /* their standards hold when they are absent */
                scn_read_map(&reader, &none, key->name, key->keys, (char *)scenario + key->where,
                             NULL);
        scn_read_map(&reader, root, "a scenario", scn_top_keys, scenario, NULL);
    }
    fl_yaml_free(root);
    if (scn_problem_count(&reader) > 0) {
        fl_scenario_free(scenario);
        return FL_EPARSE;
    }
    *out = scenario;
    return 0;
}

int fl_scenario_load(struct fl_scenario **out, const struct fl_scenario_opts *opts,
                     struct fl_problems *problems)
{
    struct fl_err err;
    char *text = NULL;
    size_t len = 0;
    if (fl_file_read(&text, &len, opts->path, &err) != 0) {
        problems->lines[problems->count++] = fl_strdup(err.text);
        return FL_EPARSE;
    }
    int rc = fl_scenario_parse(out, (struct fl_str){text, len}, opts, problems);
    free(text);
    return rc;
}
