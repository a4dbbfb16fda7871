#include "engine/fleet.h"

#include <signal.h>
#include <sys/stat.h>

#include "engine/ready.h"
#include "engine/run_folder.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/units.h"
#include "runtime/os.h"
#include "runtime/sup.h"

#define LOG_TAIL_LINES 12

enum instance_state { STARTING, READY, DOWN, STOPPED };
static const char *const state_names[] = {"starting", "ready", "down", "stopped"};

struct instance {
    struct fl_fleet *fleet;
    const struct fl_scenario_service *service;
    const char *name;
    int port;
    char *folder, *log_path;
    char **argv, **env, **ready_argv;
    char *ready_text;
    struct fl_os_opts os;
    struct fl_ready_spec ready_spec;

    enum instance_state state;
    pid_t pid;
    int starts;
    bool end_asked;
    struct fl_ready *ready;
    struct fl_control_client *control;
};

struct fl_fleet {
    struct fl_fleet_opts opts;
    struct fl_node *node;
    struct instance *instances;
    size_t count;
    bool booted, boot_failed, stopping;
};

/* ---- what an instance is made of ---- */

static void list_add(char ***list, size_t *count, char *text_take)
{
    *list = fl_realloc(*list, (*count + 2) * sizeof **list);
    (*list)[(*count)++] = text_take;
    (*list)[*count] = NULL;
}

static char **list_expand(const char *const *texts, const struct fl_scenario_vars *vars)
{
    char **list = fl_new(char *);
    size_t count = 0;
    for (; texts != NULL && *texts != NULL; texts++)
        list_add(&list, &count, fl_scenario_expand(*texts, vars));
    return list;
}

static void list_free(char **list)
{
    for (char **at = list; at != NULL && *at != NULL; at++)
        free(*at);
    free(list);
}

/* A reference service is this same program, told what to be. */
static char **worker_argv(const struct instance *instance)
{
    const struct fl_fleet_opts *opts = &instance->fleet->opts;
    char **argv = NULL;
    size_t count = 0;
    const char *const fixed[] = {
        opts->program, "worker",         "service",   instance->service->row->name,
        "--instance",  instance->name,   "--folder",  instance->folder,
        "--run",       opts->run_folder, "--control", "3"};
    for (size_t i = 0; i < FL_COUNT(fixed); i++)
        list_add(&argv, &count, fl_strdup(fixed[i]));
    list_add(&argv, &count, fl_strdup("--port"));
    list_add(&argv, &count, fl_format("%d", instance->port));
    list_add(&argv, &count, fl_strdup("--figures"));
    list_add(&argv, &count, fl_format("%s/figures.json", opts->run_folder));
    return argv;
}

static void instance_set_ready(struct instance *instance, const struct fl_scenario_vars *vars)
{
    const struct fl_scenario_service *service = instance->service;
    struct fl_ready_spec *spec = &instance->ready_spec;
    *spec = (struct fl_ready_spec){.kind = service->ready.kind,
                                   .port = instance->port,
                                   .log_path = instance->log_path,
                                   .within_ns = service->ready.within_ns};
    if (service->row != NULL) {
        spec->kind = FL_READY_HTTP;
        spec->path = service->row->ready_path;
        return;
    }
    if (service->ready.text != NULL)
        instance->ready_text = fl_scenario_expand(service->ready.text, vars);
    spec->path = spec->pattern = instance->ready_text;
    if (spec->kind == FL_READY_TCP && instance->ready_text != NULL)
        spec->port = atoi(instance->ready_text);
    if (spec->kind == FL_READY_EXEC)
        spec->argv = instance->ready_argv = list_expand(service->ready.argv, vars);
}

static void instance_on_event(void *cx, const struct fl_os_event *event);

static int instance_init(struct instance *instance, struct fl_fleet *fleet,
                         const struct fl_scenario_service *service, int index, struct fl_err *err)
{
    instance->fleet = fleet;
    instance->service = service;
    instance->name = service->instances[index];
    instance->log_path = fl_format("%s/logs/%s.log", fleet->opts.run_folder, instance->name);

    int rc = 0;
    if (service->port != 0) {
        instance->port = service->port + index;
        rc = fl_port_check(instance->port, err);
    } else {
        rc = fl_port_draw(&instance->port, err);
    }
    if (rc == 0 && service->dir != NULL) {
        instance->folder = fl_strdup(service->dir);
        rc = fl_make_dirs(instance->folder, err);
    } else if (rc == 0) {
        rc = fl_run_folder_data(&instance->folder, fleet->opts.run_folder, instance->name, err);
    }
    if (rc != 0) return fl_err_prefix(err, "%s: ", instance->name);

    struct fl_scenario_vars vars = {
        .port = instance->port, .dir = instance->folder, .instance = instance->name};
    instance->argv = service->row != NULL ? worker_argv(instance)
                                          : list_expand(service->argv, &vars);
    instance->env = list_expand(service->env, &vars);
    instance_set_ready(instance, &vars);
    instance->os = (struct fl_os_opts){
        .argv = instance->argv,
        .env = instance->env,
        /* a program of the user runs where Faultline was started, so that its paths mean what they
           say */
        .folder = service->row != NULL ? instance->folder : NULL,
        .log_path = instance->log_path,
        .stop_signal = service->stop.signal,
        .stop_within_ns = service->stop.within_ns,
        .control = service->row != NULL,
        .on_event = instance_on_event,
        .event_cx = instance,
    };
    return 0;
}

static void instance_fini(struct instance *instance)
{
    FL_ASSERT(instance->ready == NULL);
    FL_ASSERT(instance->control == NULL);
    list_free(instance->argv);
    list_free(instance->env);
    list_free(instance->ready_argv);
    free(instance->ready_text);
    free(instance->folder);
    free(instance->log_path);
}

/* ---- its life ---- */

static void boot_failed(struct instance *instance, const char *what)
{
    struct fl_fleet *fleet = instance->fleet;
    if (fleet->boot_failed) return;
    fleet->boot_failed = true;
    char *tail = fl_file_tail(instance->log_path, LOG_TAIL_LINES);
    char *why = fl_format("%s %s%s%s%s", instance->name, what,
                          tail[0] != '\0' ? "\nthe end of " : "",
                          tail[0] != '\0' ? instance->log_path : "", tail[0] != '\0' ? ":\n" : "");
    char *whole = fl_format("%s%s", why, tail);
    fleet->opts.events.on_boot_failed(fleet->opts.events.cx, whole);
    free(whole);
    free(why);
    free(tail);
}

static void tell_up(const struct instance *instance, bool up)
{
    const struct fl_fleet_events *events = &instance->fleet->opts.events;
    events->on_up(events->cx, instance->service->name, instance->name, instance->port, up);
}

static void fleet_check_boot(struct fl_fleet *fleet)
{
    if (fleet->booted || fleet->boot_failed || fleet->stopping) return;
    for (size_t i = 0; i < fleet->count; i++)
        if (fleet->instances[i].state != READY) return;
    fleet->booted = true;
    fleet->opts.events.on_all_ready(fleet->opts.events.cx);
}

static void instance_on_ready(void *cx, bool yes, const char *why)
{
    struct instance *instance = cx;
    struct fl_fleet *fleet = instance->fleet;
    instance->ready = NULL;
    if (yes) {
        instance->state = READY;
        fl_journal_fact(fleet->opts.journal, fl_now(), "proc.ready",
                        "\"instance\":\"%s\",\"pid\":%d,\"port\":%d", instance->name,
                        (int)instance->pid, instance->port);
        tell_up(instance, true);
        fleet_check_boot(fleet);
        return;
    }
    char *what = fl_format("was not ready within %s (%s)",
                           FL_SHOW_NS(instance->ready_spec.within_ns), why);
    if (!fleet->booted) {
        boot_failed(instance, what);
    } else {
        /* a replacement that never serves is as bad as none: let the supervisor try again */
        fl_journal_fact(fleet->opts.journal, fl_now(), "proc.kill",
                        "\"instance\":\"%s\",\"pid\":%d,\"why\":\"not ready in time\"",
                        instance->name, (int)instance->pid);
        if (instance->pid > 1) kill(-instance->pid, SIGKILL);
    }
    free(what);
}

static void control_lost(void *cx)
{
    struct instance *instance = cx;
    fl_control_client_close(instance->control);
    instance->control = NULL;
}

static void on_started(struct instance *instance, const struct fl_os_event *event)
{
    struct fl_fleet *fleet = instance->fleet;
    instance->pid = event->pid;
    instance->state = STARTING;
    instance->end_asked = false;
    instance->starts++;
    fl_guardian_add(fleet->opts.guardian, event->pid);
    fl_journal_fact(fleet->opts.journal, event->at_ns, "proc.start",
                    "\"instance\":\"%s\",\"service\":\"%s\",\"pid\":%d,\"start\":%d",
                    instance->name, instance->service->name, (int)event->pid, instance->starts);
    struct fl_err err = {0};
    uv_loop_t *loop = fl_node_loop(fleet->node);
    if (event->control_fd >= 0 &&
        fl_control_client_open(&instance->control, loop, event->control_fd, control_lost, instance,
                               &err) != 0)
        boot_failed(instance, err.text);
    if (fleet->stopping) return;
    if (fl_ready_start(&instance->ready, loop, &instance->ready_spec, instance_on_ready, instance,
                       &err) != 0)
        boot_failed(instance, err.text);
}

static void on_exited(struct instance *instance, const struct fl_os_event *event)
{
    struct fl_fleet *fleet = instance->fleet;
    bool was_ready = instance->state == READY;
    bool asked = fleet->stopping || instance->end_asked;
    pid_t pid = instance->pid;
    instance->pid = 0;
    instance->state = fleet->stopping ? STOPPED : DOWN;
    fl_ready_cancel(instance->ready);
    instance->ready = NULL;
    if (instance->control != NULL) control_lost(instance);
    /* the log goes on over restarts; the next one may write before we look again */
    struct stat log;
    if (stat(instance->log_path, &log) == 0) instance->ready_spec.log_from = (long)log.st_size;
    fl_guardian_drop(fleet->opts.guardian, pid);
    fl_journal_fact(fleet->opts.journal, event->at_ns, "proc.exit",
                    "\"instance\":\"%s\",\"pid\":%d,\"%s\":%d,\"asked\":%s", instance->name,
                    (int)pid, event->signal != 0 ? "signal" : "code",
                    event->signal != 0 ? event->signal : event->code, asked ? "true" : "false");
    if (was_ready) tell_up(instance, false);
    fleet->opts.events.on_exit(fleet->opts.events.cx, instance->name, pid, event->at_ns);
    if (!fleet->booted && !fleet->stopping) {
        char *what = event->signal != 0
                         ? fl_format("was ended by signal %d before it was ready", event->signal)
                         : fl_format("exited with %d before it was ready%s", event->code,
                                     event->code == 0 && instance->service->row == NULL
                                         ? "; was it meant to stay in the foreground?"
                                         : "");
        boot_failed(instance, what);
        free(what);
    }
}

/* At the start that is the end of it; later the supervisor tries again, up to its limit. */
static void on_failed(struct instance *instance, const struct fl_os_event *event)
{
    struct fl_fleet *fleet = instance->fleet;
    if (!fleet->booted) {
        boot_failed(instance, event->why);
        return;
    }
    struct fl_buf why = {0};
    fl_json_put_str(&why, fl_str_of(event->why));
    fl_journal_fact(fleet->opts.journal, event->at_ns, "proc.failed",
                    "\"instance\":\"%s\",\"why\":%s", instance->name, why.at);
    fl_buf_fini(&why);
}

static void instance_on_event(void *cx, const struct fl_os_event *event)
{
    struct instance *instance = cx;
    if (event->kind == FL_OS_STARTED)
        on_started(instance, event);
    else if (event->kind == FL_OS_EXITED)
        on_exited(instance, event);
    else if (event->kind == FL_OS_KILLED)
        fl_journal_fact(instance->fleet->opts.journal, event->at_ns, "proc.kill",
                        "\"instance\":\"%s\",\"pid\":%d,\"why\":\"did not stop in time\"",
                        instance->name, (int)event->pid);
    else if (event->kind == FL_OS_FAILED)
        on_failed(instance, event);
}

void fl_fleet_note(struct fl_fleet *fleet, const struct fl_note *note)
{
    if (fleet == NULL || note->kind != FL_NOTE_RESTART || note->name == NULL) return;
    for (size_t i = 0; i < fleet->count; i++)
        if (strcmp(fleet->instances[i].name, note->name) == 0)
            fl_journal_fact(fleet->opts.journal, note->at_ns, "proc.restart",
                            "\"instance\":\"%s\",\"restarts\":%d,\"max_restarts\":%d", note->name,
                            note->restarts, note->restarts_max);
}

static void fleet_on_limit(void *cx, const char *child_id)
{
    struct fl_fleet *fleet = cx;
    fl_journal_fact(fleet->opts.journal, fl_now(), "sup.limit",
                    "\"instance\":\"%s\",\"restarts\":%d,\"within_ns\":%lld", child_id,
                    fleet->opts.scenario->supervision.max_restarts,
                    (long long)fleet->opts.scenario->supervision.within_ns);
    fl_fleet_stopping(fleet);
    fleet->opts.events.on_limit(fleet->opts.events.cx, child_id);
}

/* ---- the fleet ---- */

int fl_fleet_new(struct fl_fleet **out, const struct fl_fleet_opts *opts, struct fl_err *err)
{
    struct fl_fleet *fleet = fl_new(struct fl_fleet);
    fleet->opts = *opts;
    const struct fl_scenario *scenario = opts->scenario;
    for (size_t i = 0; i < scenario->services_count; i++)
        fleet->count += (size_t)scenario->services[i].instances_count;
    fleet->instances = fl_new_array(struct instance, fleet->count);
    struct instance *instance = fleet->instances;
    for (size_t i = 0; i < scenario->services_count; i++)
        for (int n = 0; n < scenario->services[i].instances_count; n++, instance++) {
            int rc = instance_init(instance, fleet, &scenario->services[i], n, err);
            if (rc == 0) continue;
            fl_fleet_free(fleet);
            return rc;
        }
    *out = fleet;
    return 0;
}

int fl_fleet_start(struct fl_fleet *fleet, struct fl_node *node, struct fl_err *err)
{
    fleet->node = node;
    struct fl_child *children = fl_new_array(struct fl_child, fleet->count);
    for (size_t i = 0; i < fleet->count; i++) {
        struct instance *instance = &fleet->instances[i];
        children[i] = (struct fl_child){.id = instance->name,
                                        .name = instance->name,
                                        .server = &fl_os_server,
                                        .args = &instance->os,
                                        .restart = FL_PERMANENT,
                                        .shutdown_ns = FL_SHUTDOWN_INFINITY};
    }
    const struct fl_scenario *scenario = fleet->opts.scenario;
    struct fl_sup_opts sup = {.name = "services",
                              .strategy = scenario->supervision.strategy,
                              .max_restarts = scenario->supervision.max_restarts,
                              .within_ns = scenario->supervision.within_ns,
                              .children = children,
                              .children_count = fleet->count,
                              .on_limit = fleet_on_limit,
                              .limit_cx = fleet};
    struct fl_pid pid;
    int rc = fl_sup_start(node, NULL, &sup, &pid);
    free(children);
    if (rc != 0) return fl_err_set(err, rc, "the services did not start: %s", fl_code_name(rc));
    return 0;
}

void fl_fleet_stopping(struct fl_fleet *fleet)
{
    if (fleet == NULL || fleet->stopping) return;
    fleet->stopping = true;
    for (size_t i = 0; i < fleet->count; i++) {
        fl_ready_cancel(fleet->instances[i].ready);
        fleet->instances[i].ready = NULL;
    }
}

void fl_fleet_free(struct fl_fleet *fleet)
{
    if (fleet == NULL) return;
    for (size_t i = 0; i < fleet->count; i++)
        instance_fini(&fleet->instances[i]);
    free(fleet->instances);
    free(fleet);
}

static struct instance *find(const struct fl_fleet *fleet, const char *name)
{
    for (size_t i = 0; i < fleet->count; i++)
        if (strcmp(fleet->instances[i].name, name) == 0) return &fleet->instances[i];
    return NULL;
}

pid_t fl_fleet_pid_of(void *fleet, const char *instance)
{
    const struct instance *found = find(fleet, instance);
    return found == NULL ? 0 : found->pid;
}

struct fl_control_client *fl_fleet_control_of(void *fleet, const char *instance)
{
    const struct instance *found = find(fleet, instance);
    return found == NULL ? NULL : found->control;
}

void fl_fleet_instances_of(void *cx, const char *service,
                           void (*fn)(void *cx, const char *instance), void *fn_cx)
{
    const struct fl_fleet *fleet = cx;
    for (size_t i = 0; i < fleet->count; i++)
        if (strcmp(fleet->instances[i].service->name, service) == 0)
            fn(fn_cx, fleet->instances[i].name);
}

void fl_fleet_will_end(void *fleet, const char *instance, bool will)
{
    struct instance *found = find(fleet, instance);
    if (found != NULL) found->end_asked = will;
}

int fl_fleet_port_of(const struct fl_fleet *fleet, const char *instance)
{
    const struct instance *found = find(fleet, instance);
    return found == NULL ? 0 : found->port;
}

int fl_fleet_put_json(const struct fl_fleet *fleet, struct fl_buf *buf)
{
    int restarts = 0;
    fl_buf_putc(buf, '[');
    for (size_t i = 0; i < fleet->count; i++) {
        const struct instance *instance = &fleet->instances[i];
        int own = instance->starts > 0 ? instance->starts - 1 : 0;
        restarts += own;
        fl_buf_printf(buf,
                      "%s{\"instance\":\"%s\",\"state\":\"%s\",\"pid\":%d,\"restarts\":%d,"
                      "\"port\":%d",
                      i == 0 ? "" : ",", instance->name, state_names[instance->state],
                      (int)instance->pid, own, instance->port);
        const struct fl_service *row = instance->service->row;
        if (row != NULL)
            fl_buf_printf(buf, ",\"service\":\"%s\",\"help\":\"%s\"", row->name, row->help);
        fl_buf_putc(buf, '}');
    }
    fl_buf_putc(buf, ']');
    return restarts;
}
