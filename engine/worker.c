#include "engine/worker.h"

#include "runtime/os.h"

#define ARGS_MAX 16

struct fl_worker {
    struct fl_worker_opts opts;
    struct fl_os_opts os;
    char *argv[ARGS_MAX + 2];
    char *log_path;
};

static void worker_on_event(void *cx, const struct fl_os_event *event)
{
    struct fl_worker *worker = cx;
    const struct fl_worker_opts *opts = &worker->opts;
    char how[96];
    switch (event->kind) {
    case FL_OS_STARTED:
        fl_guardian_add(opts->guardian, event->pid);
        opts->on_channel(opts->cx, event->control_fd);
        break;
    case FL_OS_EXITED:
        fl_guardian_drop(opts->guardian, event->pid);
        if (event->signal != 0)
            snprintf(how, sizeof how, "was ended by signal %d", event->signal);
        else
            snprintf(how, sizeof how, "exited with %d", event->code);
        opts->on_exit(opts->cx, how, event->signal == 0 && event->code == 0);
        break;
    case FL_OS_FAILED:
        opts->on_exit(opts->cx, event->why, false);
        break;
    case FL_OS_KILLED:
        break; /* its exit follows */
    }
}

int fl_worker_start(struct fl_worker **out, struct fl_node *node, const struct fl_worker_opts *opts,
                    struct fl_err *err)
{
    struct fl_worker *worker = fl_new(struct fl_worker);
    worker->opts = *opts;
    size_t count = 0;
    worker->argv[count++] = fl_strdup(opts->program);
    for (const char *const *arg = opts->argv; *arg != NULL; arg++) {
        FL_ASSERT(count <= ARGS_MAX);
        worker->argv[count++] = fl_strdup(*arg);
    }
    worker->log_path = fl_format("%s/logs/%s.log", opts->run_folder, opts->name);
    worker->os = (struct fl_os_opts){.argv = worker->argv,
                                     .log_path = worker->log_path,
                                     .stop_within_ns = fl_s(2),
                                     .control = true,
                                     .on_event = worker_on_event,
                                     .event_cx = worker};
    struct fl_spawn_opts spawn = {.args = &worker->os, .shard = -1};
    struct fl_pid pid;
    int rc = fl_node_spawn(node, &fl_os_server, &spawn, &pid);
    if (rc != 0) {
        fl_worker_free(worker);
        return fl_err_set(err, rc, "the %s worker did not start: %s", opts->name, fl_code_name(rc));
    }
    *out = worker;
    return 0;
}

void fl_worker_free(struct fl_worker *worker)
{
    if (worker == NULL) return;
    for (char **arg = worker->argv; *arg != NULL; arg++)
        free(*arg);
    free(worker->log_path);
    free(worker);
}
