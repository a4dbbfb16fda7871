#include "engine/init.h"

#include <unistd.h>

#include "engine/cli.h"
#include "runtime/base/json.h"
#include "services/services.h"

static const char head[] =
    "# A scenario for Faultline. Check it with `faultline check`, see what happens when with\n"
    "# `faultline plan`, run it with `faultline run`. Every key: docs/scenario.md.\n"
    "faultline: 1\n"
    "seed: 7              # makes every random draw; take it away for a new one each time\n"
    "warmup: 3s           # load without faults: how good is it when nothing is wrong?\n"
    "duration: 20s        # the storm: faults happen here\n"
    "calm: 5s             # load goes on without new faults, so that recovery can finish\n"
    "\n"
    "services:\n";

static const char tail[] =
    "\n"
    "links:\n"
    "  front: {to: app}   # a path that can be harmed; load that goes through it feels that\n"
    "\n"
    "load:\n"
    "  gets:\n"
    "    workload: http   # or tcp; see: faultline list workloads\n"
    "    through: front\n"
    "    path: %s\n"
    "    rate: 50/s\n"
    "    timeout: 2s\n"
    "\n"
    "faults:              # times count from the start of the storm; see: faultline list faults\n"
    "  - {at: 2s, kill: app}\n"
    "  - {at: 9s, for: 2s, toxic: latency, on: front, latency: 300ms}\n"
    "  - {at: 15s, for: 1s, cut: front}\n"
    "\n"
    "targets:             # what must hold; see: faultline list metrics\n"
    "  - recovery(kill) max < 5s\n"
    "  - availability(gets) >= 70%%\n";

static bool is_port(const char *text, long least)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) return false;
    long port = strtol(text, NULL, 10);
    return port >= least && port <= 65535;
}

/* Where the port stands in this argument: after --port, as host:port, or alone at the end. */
static const char *port_in(const char *const *command, size_t i)
{
    static const char *const flags[] = {"--port", "-port", "-p", "--listen", "--http-port"};
    const char *word = command[i], *before = i > 0 ? command[i - 1] : "-";
    for (size_t k = 0; k < FL_COUNT(flags); k++) {
        size_t len = strlen(flags[k]);
        if (strcmp(before, flags[k]) == 0 && is_port(word, 1)) return word;
        if (strncmp(word, flags[k], len) == 0 && word[len] == '=' && is_port(word + len + 1, 1))
            return word + len + 1;
    }
    const char *colon = strrchr(word, ':');
    if (colon != NULL && is_port(colon + 1, 1)) return colon + 1;
    return command[i + 1] == NULL && before[0] != '-' && is_port(word, 1024) ? word : NULL;
}

/* A port written as a number is of no use: instances must not share it, so ${port} takes its place.
 * Returns whether the command knows ${port}; *out_was is the number that it had, or NULL. */
static bool put_command(struct fl_buf *out, const char *const *command, const char **out_was)
{
    bool takes_port = false;
    *out_was = NULL;
    for (size_t i = 0; command[i] != NULL; i++)
        takes_port = takes_port || strstr(command[i], "${port}") != NULL;
    for (size_t i = 0; command[i] != NULL; i++) {
        const char *port = takes_port ? NULL : port_in(command, i);
        char *word = port == NULL ? fl_strdup(command[i])
                                  : fl_format("%.*s${port}", (int)(port - command[i]), command[i]);
        if (port != NULL) *out_was = port;
        takes_port = takes_port || port != NULL;
        fl_buf_puts(out, i > 0 ? ", " : "");
        fl_json_put_str(out, fl_str_of(word)); /* JSON's quotes are YAML's too */
        free(word);
    }
    return takes_port;
}

char *fl_init_text(const char *const *command)
{
    struct fl_buf out = {0};
    bool own = command != NULL && command[0] != NULL;
    fl_buf_puts(&out, head);
    if (!own) {
        fl_buf_puts(&out,
                    "  app:               # your program instead: faultline init -- COMMAND…\n"
                    "    use: queue       # a reference service; see: faultline list services\n");
        fl_buf_printf(&out, tail, fl_service_find("queue")->ready_path);
        return fl_buf_take(&out);
    }
    fl_buf_puts(&out, "  app:\n    command: [");
    const char *was = NULL;
    bool takes_port = put_command(&out, command, &was);
    fl_buf_puts(&out, "]\n");
    if (was != NULL)
        fl_buf_printf(&out, "    # ${port} is a free port in place of your %s, ", was);
    else if (takes_port)
        fl_buf_puts(&out, "    # ${port} is a free port, ");
    fl_buf_puts(&out,
                takes_port
                    ? "${dir} a data folder that restarts keep\n"
                    : "    env: {PORT: \"${port}\"}      # the port that it shall listen on\n");
    fl_buf_puts(&out,
                "    ready: {tcp: \"${port}\"}    # or {http: /healthz}, {log: \"listening\"}, "
                "{exec: [command]}\n"
                "    stop: {signal: TERM, within: 5s}\n");
    fl_buf_printf(&out, tail, "/");
    return fl_buf_take(&out);
}

int fl_cli_init(const struct fl_cli_call *call)
{
    struct fl_err err;
    const char *path = fl_cli_value(call, "out");
    if (path == NULL) path = "scenario.yaml";
    if (access(path, F_OK) == 0)
        return fl_cli_usage(call->command, "%s is there already; write --out FILE", path);
    char *text = fl_init_text(call->rest);
    int rc = fl_file_write(path, text, strlen(text), &err);
    free(text);
    if (rc != 0) {
        fprintf(stderr, "faultline: %s\n", err.text);
        return FL_EX_INTERNAL;
    }
    printf("wrote %s\nnext: faultline check %s && faultline run %s\n", path, path, path);
    return FL_EX_PASS;
}
