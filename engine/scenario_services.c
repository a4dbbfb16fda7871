/* scenario_services.c: `services`: what is started and supervised. */
#include <regex.h>
#include <signal.h>

#include "engine/scenario_read.h"
#include "runtime/base/units.h"
#include "runtime/os.h"

enum { SECONDS_15 = 15 };
#define HOUR_NS 3600e9

static void ready_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void use_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void command_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void env_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void dir_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);
static void attach_read(struct scn_reader *reader, const struct fl_yaml *node, void *into);

static const struct scn_key ready_keys[] = {
    {"tcp", FL_PARAM_TEXT, "a port that takes connections: \"${port}\"",
     .where = offsetof(struct fl_scenario_ready, text)},
    {"http", FL_PARAM_TEXT, "a path on ${port} that answers 2xx",
     .where = offsetof(struct fl_scenario_ready, text)},
    {"exec", SCN_WORDS, "a command that exits with 0",
     .where = offsetof(struct fl_scenario_ready, argv)},
    {"log", FL_PARAM_TEXT, "a regular expression that a line of its output matches",
     .where = offsetof(struct fl_scenario_ready, text)},
    {"within", FL_PARAM_DURATION, "how long it may take", .least = 1e6, .most = HOUR_NS,
     .standard = "15s", .where = offsetof(struct fl_scenario_ready, within_ns)},
    {0},
};

static const struct scn_key stop_keys[] = {
    {"signal", FL_PARAM_SIGNAL, "sent first", .standard = "TERM",
     .where = offsetof(struct fl_scenario_stop, signal)},
    {"within", FL_PARAM_DURATION, "after this it is killed", .least = 1e6, .most = HOUR_NS,
     .standard = "5s", .where = offsetof(struct fl_scenario_stop, within_ns)},
    {0},
};

const struct scn_key scn_service_keys[] = {
    {"use", FL_PARAM_TEXT, "a reference service; see: faultline list services", .read = use_read},
    {"command", SCN_WORDS, "any program and its arguments; ${port}, ${dir}, ${instance} are put in",
     .read = command_read},
    {"instances", FL_PARAM_INT, "how many run", .least = 1, .most = FL_SCENARIO_INSTANCES_MAX,
     .standard = "1", .where = offsetof(struct fl_scenario_service, instances_count)},
    {"port", FL_PARAM_INT,
     "a fixed port for the first instance, the next ones follow; absent: free ones", .least = 1,
     .most = 65535, .where = offsetof(struct fl_scenario_service, port)},
    {"env", SCN_TEXTS, "environment variables added to ours", .read = env_read},
    {"dir", FL_PARAM_TEXT, "its data folder; absent: one in the run folder", .read = dir_read},
    {"ready", SCN_PART, "how we learn that it serves", .keys = ready_keys, .read = ready_read},
    {"stop", SCN_PART, "how it is asked to stop", .keys = stop_keys,
     .where = offsetof(struct fl_scenario_service, stop)},
    {"attach", FL_PARAM_TEXT, "not in this version", .read = attach_read},
    {0},
};

static void attach_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    scn_problem_key(reader, node,
                    "\"attach\" is not in this version; start the program with \"command\"");
}

static void use_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario_service *service = into;
    const char *name = scn_text(reader, node, "a reference service such as chat");
    if (name == NULL) return;
    service->row = fl_service_find(name);
    if (service->row != NULL) return;

    const char *names[32] = {0};
    for (size_t i = 0; fl_services[i].name != NULL && i + 1 < FL_COUNT(names); i++)
        names[i] = fl_services[i].name;
    char hint[160];
    scn_problem(reader, node, "unknown service \"%.60s\"%s see: faultline list services", name,
                scn_did_you_mean(name, names, hint, sizeof hint)[0] != '\0' ? hint : ";");
}

static bool uses_vars(const char *text)
{
    return strstr(text, "${") != NULL;
}

static void words_check_vars(struct scn_reader *reader, const struct fl_yaml *node,
                             const char *const *words)
{
    const struct fl_yaml *item = node->kind == FL_YAML_LIST ? node->first : node;
    for (size_t i = 0; words[i] != NULL; i++, item = item->next)
        scn_vars_ok(reader, item, words[i]);
}

static void command_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario_service *service = into;
    if (node->kind != FL_YAML_LIST || node->count == 0) {
        scn_problem(
            reader, node,
            "\"command\" must be a list such as [redis-server, --port, \"${port}\"], not %s",
            node->kind == FL_YAML_LIST ? "an empty one" : fl_yaml_kind_name(node));
        return;
    }
    size_t count = 0;
    service->argv = scn_read_words(reader, node, &count);
    if (service->argv == NULL) return;
    words_check_vars(reader, node, service->argv);

    struct fl_err err;
    const char *program = service->argv[0];
    if (reader->opts->skip_programs || uses_vars(program)) return;
    if (!fl_os_can_run(program, &err)) scn_problem(reader, node->first, "%s", err.text);
}

static void env_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario_service *service = into;
    if (node->kind != FL_YAML_MAP) {
        scn_problem(reader, node, "\"env\" must be a map such as {LOG_LEVEL: debug}, not %s",
                    fl_yaml_kind_name(node));
        return;
    }
    const char **env = scn_alloc(reader->scenario, (node->count + 1) * sizeof *env);
    size_t count = 0;
    for (const struct fl_yaml *item = node->first; item != NULL; item = item->next) {
        const char *text = item->kind == FL_YAML_TEXT ? item->text : scn_text(reader, item, "text");
        if (text == NULL || !scn_vars_ok(reader, item, text)) continue;
        if (item->key[0] == '\0' || strchr(item->key, '=') != NULL) {
            scn_problem_key(reader, item, "\"%.60s\" cannot name an environment variable",
                            item->key);
            continue;
        }
        char *pair = fl_format("%s=%s", item->key, text);
        env[count++] = scn_copy(reader->scenario, pair);
        free(pair);
    }
    service->env = env;
}

static void dir_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario_service *service = into;
    const char *dir = scn_text(reader, node, "a folder");
    if (dir == NULL) return;
    if (uses_vars(dir) || dir[0] == '\0')
        scn_problem(reader, node, "\"dir\" must be a folder as it stands, without ${…}");
    else
        service->dir = scn_copy(reader->scenario, dir);
}

static void ready_check_tcp(struct scn_reader *reader, const struct fl_yaml *node,
                            const struct fl_scenario_ready *ready)
{
    int64_t port = 0;
    if (strcmp(ready->text, "${port}") != 0 &&
        fl_parse_int(fl_str_of(ready->text), 1, 65535, &port, NULL) != 0)
        scn_problem(reader, node, "\"tcp\" must be \"${port}\" or a port from 1 to 65535");
}

static void ready_check_http(struct scn_reader *reader, const struct fl_yaml *node,
                             const struct fl_scenario_ready *ready)
{
    if (ready->text[0] != '/')
        scn_problem(reader, node, "\"http\" must be a path such as /healthz");
}

static void ready_check_exec(struct scn_reader *reader, const struct fl_yaml *node,
                             const struct fl_scenario_ready *ready)
{
    if (ready->argv[0] == NULL)
        scn_problem(reader, node, "\"exec\" must not be empty");
    else
        words_check_vars(reader, node, ready->argv);
}

static void ready_check_log(struct scn_reader *reader, const struct fl_yaml *node,
                            const struct fl_scenario_ready *ready)
{
    regex_t regex;
    if (regcomp(&regex, ready->text, REG_EXTENDED | REG_NOSUB) != 0)
        scn_problem(reader, node, "\"log\" must be a regular expression (POSIX extended)");
    else
        regfree(&regex);
}

static const struct ready_kind {
    const char *key;
    enum fl_ready_kind kind;
    void (*check)(struct scn_reader *reader, const struct fl_yaml *node,
                  const struct fl_scenario_ready *ready);
} ready_kinds[] = {{"tcp", FL_READY_TCP, ready_check_tcp},
                   {"http", FL_READY_HTTP, ready_check_http},
                   {"exec", FL_READY_EXEC, ready_check_exec},
                   {"log", FL_READY_LOG, ready_check_log}};

static void ready_read(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario_ready *ready = &((struct fl_scenario_service *)into)->ready;
    if (!scn_read_map(reader, node, "\"ready\"", ready_keys, ready, NULL)) return;

    const struct fl_yaml *chosen = NULL;
    const struct ready_kind *kind = NULL;
    for (size_t i = 0; i < FL_COUNT(ready_kinds); i++) {
        const struct fl_yaml *child = fl_yaml_find(node, ready_kinds[i].key);
        if (child == NULL) continue;
        if (kind != NULL) {
            scn_problem_key(reader, child,
                            "\"ready\" takes one of tcp, http, exec, log; \"%s\" stands here "
                            "already",
                            kind->key);
            return;
        }
        chosen = child;
        kind = &ready_kinds[i];
    }
    if (kind == NULL) {
        scn_problem(reader, node, "\"ready\" needs one of tcp, http, exec, log");
        return;
    }
    ready->kind = kind->kind;
    kind->check(reader, chosen, ready);
}

static void service_name_instances(struct fl_scenario *scenario,
                                   struct fl_scenario_service *service)
{
    int count = service->instances_count;
    const char **names = scn_alloc(scenario, ((size_t)count + 1) * sizeof *names);
    for (int i = 0; i < count; i++) {
        char *name = count == 1 ? fl_strdup(service->name)
                                : fl_format("%s.%d", service->name, i + 1);
        names[i] = scn_copy(scenario, name);
        free(name);
    }
    service->instances = names;
}

/* What only the whole entry can tell. */
static void service_check(struct scn_reader *reader, const struct fl_yaml *node,
                          struct fl_scenario_service *service)
{
    static const char *const own_only[] = {"env", "ready", "dir"};
    const struct fl_yaml *use = fl_yaml_find(node, "use"), *command = fl_yaml_find(node, "command");
    if (use != NULL && command != NULL) {
        scn_problem_key(reader, command, "a service has \"use\" or \"command\", not both");
    } else if (use == NULL && command == NULL && fl_yaml_find(node, "attach") == NULL) {
        scn_problem_key(
            reader, node,
            "the service \"%s\" needs \"use\" (a reference service) or \"command\" (your "
            "own program)",
            node->key);
    }
    for (size_t i = 0; use != NULL && command == NULL && i < FL_COUNT(own_only); i++) {
        const struct fl_yaml *child = fl_yaml_find(node, own_only[i]);
        if (child != NULL)
            scn_problem_key(reader, child,
                            "\"%s\" goes with \"command\"; a reference service has "
                            "its own",
                            own_only[i]);
    }
    if (service->port + service->instances_count - 1 > 65535)
        scn_problem(reader, fl_yaml_find(node, "port"),
                    "\"port\": %d instances from %d on pass 65535", service->instances_count,
                    service->port);
}

/* Without "ready" the best that the entry itself offers. */
static void service_ready_standard(struct fl_scenario_service *service)
{
    struct fl_scenario_ready *ready = &service->ready;
    if (ready->within_ns == 0) ready->within_ns = fl_s(SECONDS_15);
    if (ready->kind != FL_READY_STARTED) return;
    bool takes_port = service->port != 0;
    for (size_t i = 0; service->argv != NULL && service->argv[i] != NULL; i++)
        takes_port = takes_port || strstr(service->argv[i], "${port}") != NULL;
    for (size_t i = 0; service->env[i] != NULL; i++)
        takes_port = takes_port || strstr(service->env[i], "${port}") != NULL;
    if (service->row != NULL) {
        ready->kind = FL_READY_HTTP;
        ready->text = service->row->ready_path;
    } else if (takes_port) {
        ready->kind = FL_READY_TCP;
        ready->text = "${port}";
    }
}

/* An instance writes a log and a journal segment under its name, and so do the harness's own parts.
 */
static void service_name_is_free(struct scn_reader *reader, const struct fl_yaml *node)
{
    static const char *const taken[] = {"engine", "load", "links"};
    for (size_t i = 0; i < FL_COUNT(taken); i++)
        if (strcmp(node->key, taken[i]) == 0)
            scn_problem_key(reader, node,
                            "\"%s\" is a part of Faultline itself; give the service another name",
                            taken[i]);
}

static void service_read(struct scn_reader *reader, const struct fl_yaml *node,
                         struct fl_scenario_service *service)
{
    static const char *const no_env[] = {NULL};
    service->name = scn_copy(reader->scenario, node->key);
    service->line = node->key_line;
    service->instances_count = 1;
    service->env = no_env;
    service->stop = (struct fl_scenario_stop){SIGTERM, fl_s(5)};
    scn_name_ok(reader, node, "a service");
    service_name_is_free(reader, node);
    char *what = fl_format("the service \"%.40s\"", node->key);
    if (scn_read_map(reader, node, what, scn_service_keys, service, NULL))
        service_check(reader, node, service);
    free(what);
    service_ready_standard(service);
    service_name_instances(reader->scenario, service);
}

void scn_read_services(struct scn_reader *reader, const struct fl_yaml *node, void *into)
{
    struct fl_scenario *scenario = into;
    if (node->kind != FL_YAML_MAP || node->count == 0) {
        scn_problem(reader, node,
                    "\"services\" must be a map of names, such as {web: {use: chat}}");
        return;
    }
    if (node->count > FL_SCENARIO_SERVICES_MAX) {
        scn_problem(reader, node, "%zu services are too many; %d at most", node->count,
                    FL_SCENARIO_SERVICES_MAX);
        return;
    }
    scenario->services = scn_alloc(scenario, node->count * sizeof *scenario->services);
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next)
        service_read(reader, child, &scenario->services[scenario->services_count++]);
}

const struct fl_scenario_service *scn_find_place(const struct fl_scenario *scenario,
                                                 const char *name, int *out_instance)
{
    for (size_t s = 0; s < scenario->services_count; s++) {
        const struct fl_scenario_service *service = &scenario->services[s];
        *out_instance = -1;
        if (strcmp(service->name, name) == 0) return service;
        for (*out_instance = 0; *out_instance < service->instances_count; (*out_instance)++)
            if (strcmp(service->instances[*out_instance], name) == 0) return service;
    }
    *out_instance = -1;
    return NULL;
}

const char *const *scn_place_names(struct fl_scenario *scenario)
{
    size_t most = 1, count = 0;
    for (size_t s = 0; s < scenario->services_count; s++)
        most += 1 + (size_t)scenario->services[s].instances_count;
    const char **names = scn_alloc(scenario, most * sizeof *names);
    for (size_t s = 0; s < scenario->services_count; s++) {
        const struct fl_scenario_service *service = &scenario->services[s];
        names[count++] = service->name;
        for (int i = 0; service->instances_count > 1 && i < service->instances_count; i++)
            names[count++] = service->instances[i];
    }
    return names;
}
