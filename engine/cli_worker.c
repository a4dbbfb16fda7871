/* cli_worker.c: `faultline worker …`: the program's own child processes, not for people. */
#include "chaos/links.h"
#include "engine/cli.h"
#include "loadgen/loadgen.h"
#include "runtime/base/units.h"
#include "services/services.h"

/* A number option of ours, or the standard when it is absent; -2 when it is none. */
static int worker_number(const struct fl_cli_call *call, const char *option, int standard)
{
    const char *text = fl_cli_value(call, option);
    int64_t number = standard;
    if (text != NULL && fl_parse_int(fl_str_of(text), 0, 65535, &number, NULL) != 0) return -2;
    return (int)number;
}

static int worker_service(const struct fl_cli_call *call)
{
    if (call->args_count != 2 || fl_service_find(call->args[1]) == NULL)
        return fl_cli_usage(NULL, "worker service needs the name of a service");
    const char *instance = fl_cli_value(call, "instance"), *host = fl_cli_value(call, "host");
    const char *folder = fl_cli_value(call, "folder");
    struct fl_service_opts opts = {
        .service = call->args[1],
        .instance = instance != NULL ? instance : call->args[1],
        .host = host != NULL ? host : "127.0.0.1",
        .port = worker_number(call, "port", 0),
        .folder = folder != NULL ? folder : ".",
        .run_folder = fl_cli_value(call, "run"),
        .figures_path = fl_cli_value(call, "figures"),
        .control_fd = worker_number(call, "control", -1),
    };
    if (opts.port == -2 || opts.control_fd == -2)
        return fl_cli_usage(NULL, "worker: --port and --control take numbers");
    return fl_service_main(&opts);
}

static int worker_load(const struct fl_cli_call *call)
{
    if (call->args_count != 2) return fl_cli_usage(NULL, "worker load needs a run folder");
    return fl_load_worker_main(call->args[1]);
}

static int worker_links(const struct fl_cli_call *call)
{
    (void)call;
    return fl_links_worker_main();
}

int fl_cli_worker(const struct fl_cli_call *call)
{
    static const struct {
        const char *name;
        int (*run)(const struct fl_cli_call *call);
    } kinds[] = {{"service", worker_service}, {"load", worker_load}, {"links", worker_links}};
    for (size_t i = 0; i < FL_COUNT(kinds); i++)
        if (strcmp(kinds[i].name, call->args[0]) == 0) return kinds[i].run(call);
    return fl_cli_usage(NULL, "unknown worker \"%.40s\"", call->args[0]);
}
