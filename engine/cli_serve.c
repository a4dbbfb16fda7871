/* cli_serve.c: `faultline serve NAME…`. */
#include "engine/cli.h"
#include "engine/serve.h"
#include "runtime/base/units.h"
#include "services/dashboard/source.h"
#include "services/services.h"

/* What the dashboard watches goes to it through the environment, as it does without us. */
static int serve_sources(const struct fl_cli_call *call)
{
    const char *const *given = fl_cli_values(call, "source");
    struct fl_source_spec specs[FL_SOURCES_MAX];
    struct fl_buf all = {0};
    struct fl_err err = {0};
    size_t count;
    for (size_t i = 0; given[i] != NULL; i++)
        fl_buf_printf(&all, "%s ", given[i]);
    int rc = fl_source_parse((struct fl_str){all.at, all.len}, specs, &count, &err);
    if (rc == 0 && all.len > 0) setenv(FL_SOURCES_ENV, all.at, 1);
    fl_buf_fini(&all);
    return rc == 0 ? 0 : fl_cli_usage(call->command, "--source: %s", err.text);
}

int fl_cli_serve(const struct fl_cli_call *call)
{
    int rc = serve_sources(call);
    if (rc != 0) return rc;
    const char *known[32];
    size_t known_count = 0;
    for (const struct fl_service *row = fl_services; row->name != NULL; row++)
        if (known_count < FL_COUNT(known)) known[known_count++] = row->name;
    for (int i = 0; i < call->args_count; i++) {
        const struct fl_service *row = fl_service_find(call->args[i]);
        if (row != NULL && row != &fl_service_landing) {
            for (int j = 0; j < i; j++)
                if (strcmp(call->args[i], call->args[j]) == 0)
                    return fl_cli_usage(call->command, "\"%.40s\" is said twice", call->args[i]);
            continue;
        }
        const char *near = strlen(call->args[i]) > 40
                               ? NULL
                               : fl_nearest(call->args[i], known, known_count);
        return fl_cli_usage(call->command, "unknown service \"%.40s\"%s%s%s", call->args[i],
                            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                            near != NULL ? "\"?" : "; see: faultline list services");
    }
    struct fl_err err;
    int64_t port = 0, landing_port = 0;
    const char *text = fl_cli_value(call, "port");
    if (text != NULL && fl_parse_int(fl_str_of(text), 1, 65535, &port, &err) != 0)
        return fl_cli_usage(call->command, "--port: %s", err.text);
    text = fl_cli_value(call, "landing");
    if (text != NULL && fl_parse_int(fl_str_of(text), 1, 65535, &landing_port, &err) != 0)
        return fl_cli_usage(call->command, "--landing: %s", err.text);
    if (landing_port != 0 && port != 0 && landing_port >= port &&
        landing_port < port + call->args_count)
        return fl_cli_usage(call->command, "--landing: %d is the port of a service",
                            (int)landing_port);
    struct fl_serve_opts opts = {.names = call->args,
                                 .count = (size_t)call->args_count,
                                 .port_base = (int)port,
                                 .landing_port = (int)landing_port,
                                 .json = fl_cli_value(call, "json") != NULL,
                                 .out_dir = fl_cli_value(call, "out"),
                                 .program = call->program};
    return fl_serve(&opts);
}
