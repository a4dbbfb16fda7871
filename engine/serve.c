/* serve.c: the same fleet as a run's, without load, faults and verdict. */
#include "engine/serve.h"

#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "engine/exit_codes.h"
#include "engine/fleet.h"
#include "engine/interrupt.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/watch.h"

#define TOLD_ONCE_WITHIN fl_ms(500)
#define FIGURES_EVERY_MS 200
#define PAGE "landing" /* the service whose page links the others */

struct serve {
    const struct fl_serve_opts *opts;
    struct fl_scenario *scenario;
    char *folder;
    struct fl_guardian *guardian;
    struct fl_node *node;
    struct fl_fleet *fleet;
    uv_signal_t signals[FL_INTERRUPTS_MAX]; /* open until the node is freed */
    uv_timer_t figures_timer;
    bool timer_open;
    char *figures_path;
    fl_ns began_ns, told_ns;
    int page_port;                 /* 0: not yet up */
    char watch[FL_WATCH_PATH_MAX]; /* "": nobody can look */
    bool stopping;
    int code;
};

/* ---- what the page and the dashboard read (docs/figures.md) */

static void serve_write_figures(struct serve *serve)
{
    if (serve->fleet == NULL || serve->figures_path == NULL) return;
    struct fl_buf out = {0};
    fl_ns now_ns = fl_now();
    fl_buf_printf(&out,
                  "{\"t\":%lld,\"phase\":\"serving\",\"elapsed_ns\":%lld,\"total_ns\":0,"
                  "\"loads\":[],\"faults\":[],\"processes\":",
                  (long long)now_ns, (long long)(now_ns - serve->began_ns));
    int restarts = fl_fleet_put_json(serve->fleet, &out);
    fl_buf_printf(&out, ",\"restarts\":%d}\n", restarts);
    fl_file_write(serve->figures_path, out.at, out.len, NULL); /* a full disk: an older picture */
    fl_buf_fini(&out);
}

static void serve_on_tick(uv_timer_t *timer)
{
    serve_write_figures(timer->data);
}

static void serve_stop(struct serve *serve, int code)
{
    if (serve->stopping) return;
    serve->stopping = true;
    serve->code = code;
    if (serve->timer_open) uv_close((uv_handle_t *)&serve->figures_timer, NULL);
    fl_fleet_stopping(serve->fleet);
    fl_node_stop(serve->node, code);
}

/* One line of what happened, for a person or for a machine. */
static void serve_say(const struct serve *serve, const char *event, const char *instance, int port,
                      const char *words)
{
    if (!serve->opts->json) {
        printf("%s\n", words);
    } else {
        printf("{\"event\":\"%s\"", event);
        if (instance != NULL) printf(",\"instance\":\"%s\"", instance);
        if (port != 0) printf(",\"url\":\"http://127.0.0.1:%d/\"", port);
        printf("}\n");
    }
    fflush(stdout);
}

static void serve_on_signal(uv_signal_t *handle, int number)
{
    struct serve *serve = handle->data;
    if (serve->told_ns != 0) {
        /* said twice at once it is meant once; said again, the guardian ends what still runs */
        if (number != SIGHUP && fl_now() - serve->told_ns > TOLD_ONCE_WITHIN)
            _exit(FL_EX_INTERRUPTED);
        return;
    }
    serve->told_ns = fl_now();
    serve_say(serve, "stopping", NULL, 0, "stopping");
    serve_stop(serve, FL_EX_PASS);
}

static void serve_on_up(void *cx, const char *service, const char *instance, int port, bool up)
{
    (void)service;
    struct serve *serve = cx;
    if (serve->stopping) return;
    serve_write_figures(serve);
    bool is_page = strcmp(instance, PAGE) == 0;
    if (is_page && up) serve->page_port = port;
    if (is_page && !serve->opts->json) return; /* said last, where it is seen */
    char words[160];
    if (up)
        snprintf(words, sizeof words, "%-12s http://127.0.0.1:%d/", instance, port);
    else
        snprintf(words, sizeof words, "%-12s down, starting it anew", instance);
    serve_say(serve, up ? "up" : "down", instance, up ? port : 0, words);
}

static void serve_on_all_ready(void *cx)
{
    const struct serve *serve = cx;
    if (serve->opts->json) {
        serve_say(serve, "ready", PAGE, serve->page_port, "");
        return;
    }
    printf("%-12s http://127.0.0.1:%d/   links them, shows the tree, crashes what you choose\n",
           "open this", serve->page_port);
    printf("all are up; logs in %s/logs; Ctrl-C stops them\n", serve->folder);
    if (serve->watch[0] != '\0')
        printf("to look inside: faultline observe %d (%s)\n", (int)getpid(), serve->watch);
    fflush(stdout);
}

static void serve_on_boot_failed(void *cx, const char *why)
{
    fprintf(stderr, "faultline: %s\n", why);
    serve_stop(cx, FL_EX_NOT_STARTED);
}

static void serve_on_exit(void *cx, const char *instance, pid_t pid, fl_ns at_ns)
{
    (void)instance, (void)pid, (void)at_ns;
    struct serve *serve = cx;
    if (!serve->stopping) serve_write_figures(serve);
}

static void serve_on_limit(void *cx, const char *instance)
{
    fprintf(stderr, "faultline: %s fails again and again; giving up\n", instance);
    serve_stop(cx, FL_EX_NOT_STARTED);
}

static void serve_on_note(void *cx, const struct fl_note *note)
{
    struct serve *serve = cx;
    if (serve->fleet != NULL) fl_fleet_note(serve->fleet, note);
}

/* Services as a scenario would name them: everything after this is what a run does. */
static int serve_scenario(struct serve *serve)
{
    struct fl_buf text = {0};
    /* whoever plays with the page's buttons shall not use up the patience at once */
    fl_buf_puts(&text, "faultline: 1\nname: serve\nduration: 1s\n"
                       "supervision: {max_restarts: 100, within: 10s}\nservices:\n");
    for (size_t i = 0; i < serve->opts->count; i++) {
        const char *name = serve->opts->names[i];
        fl_buf_printf(&text, "  %s: {use: %s", name, name);
        if (serve->opts->port_base != 0)
            fl_buf_printf(&text, ", port: %d", serve->opts->port_base + (int)i);
        fl_buf_puts(&text, "}\n");
    }
    int page_port = serve->opts->landing_port;
    if (page_port == 0 && serve->opts->port_base != 0)
        page_port = serve->opts->port_base + (int)serve->opts->count;
    fl_buf_puts(&text, "  " PAGE ": {use: " PAGE);
    if (page_port != 0) fl_buf_printf(&text, ", port: %d", page_port);
    fl_buf_puts(&text, "}\n");
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "serve"};
    int rc = fl_scenario_parse(&serve->scenario, (struct fl_str){text.at, text.len}, &opts,
                               &problems);
    if (rc != 0) fprintf(stderr, "faultline: %s\n", problems.lines[0]);
    fl_problems_fini(&problems);
    fl_buf_fini(&text);
    return rc;
}

static int serve_make_folder(struct serve *serve, struct fl_err *err)
{
    char real[PATH_MAX];
    const char *tmp = getenv("TMPDIR");
    char *base = serve->opts->out_dir != NULL
                     ? fl_strdup(serve->opts->out_dir)
                     : fl_format("%s/faultline-serve-XXXXXX", tmp != NULL ? tmp : "/tmp");
    int rc = 0;
    if (serve->opts->out_dir != NULL)
        rc = fl_make_dirs(base, err);
    else if (mkdtemp(base) == NULL)
        rc = fl_err_set(err, FL_EIO, "%s: cannot be made", base);
    if (rc == 0 && realpath(base, real) == NULL)
        rc = fl_err_set(err, FL_EIO, "%s: is not there", base);
    free(base);
    if (rc != 0) return rc;
    serve->folder = fl_strdup(real);
    serve->figures_path = fl_format("%s/figures.json", real);
    char *logs = fl_format("%s/logs", serve->folder);
    rc = fl_make_dirs(logs, err);
    free(logs);
    return rc;
}

static int serve_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void serve_fini(struct serve *serve)
{
    if (serve->node != NULL) fl_node_free(serve->node);
    fl_fleet_free(serve->fleet);
    fl_guardian_say_strays(fl_guardian_stop(serve->guardian));
    fl_scenario_free(serve->scenario);
    if (serve->folder != NULL && serve->opts->out_dir == NULL)
        nftw(serve->folder, serve_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(serve->folder);
    free(serve->figures_path);
}

static int serve_open(struct serve *serve, struct fl_err *err)
{
    int rc = serve_make_folder(serve, err);
    if (rc == 0) rc = fl_guardian_start(&serve->guardian, serve->folder, err);
    struct fl_node_opts node_opts = {.name = "serve", .on_note = serve_on_note, .note_cx = serve};
    if (rc == 0) rc = fl_node_new(&serve->node, &node_opts, err);
    if (rc != 0) return rc;
    fl_watch_open(serve->node, serve->watch, NULL); /* it works without */
    int numbers[FL_INTERRUPTS_MAX];
    size_t count = fl_interrupt_signals(numbers);
    for (size_t i = 0; i < count; i++) {
        uv_signal_init(fl_node_loop(serve->node), &serve->signals[i]);
        serve->signals[i].data = serve;
        uv_signal_start(&serve->signals[i], serve_on_signal, numbers[i]);
    }
    struct fl_fleet_opts opts = {.scenario = serve->scenario,
                                 .run_folder = serve->folder,
                                 .program = serve->opts->program,
                                 .guardian = serve->guardian,
                                 .events = {.cx = serve,
                                            .on_all_ready = serve_on_all_ready,
                                            .on_boot_failed = serve_on_boot_failed,
                                            .on_up = serve_on_up,
                                            .on_exit = serve_on_exit,
                                            .on_limit = serve_on_limit}};
    rc = fl_fleet_new(&serve->fleet, &opts, err);
    if (rc == 0) rc = fl_fleet_start(serve->fleet, serve->node, err);
    if (rc != 0) return rc;
    serve->began_ns = fl_now();
    uv_timer_init(fl_node_loop(serve->node), &serve->figures_timer);
    serve->timer_open = true;
    serve->figures_timer.data = serve;
    uv_timer_start(&serve->figures_timer, serve_on_tick, 0, FIGURES_EVERY_MS);
    return 0;
}

int fl_serve(const struct fl_serve_opts *opts)
{
    signal(SIGPIPE, SIG_IGN);
    struct serve serve = {.opts = opts};
    struct fl_err err = {0};
    if (serve_scenario(&serve) != 0) {
        serve_fini(&serve);
        return FL_EX_USAGE;
    }
    if (serve_open(&serve, &err) != 0) {
        fprintf(stderr, "faultline: %s\n", err.text);
        if (serve.node == NULL) {
            serve_fini(&serve);
            return FL_EX_NOT_STARTED;
        }
        serve_stop(&serve, FL_EX_NOT_STARTED); /* the loop below closes what is open */
    }
    fl_node_run(serve.node);
    int code = serve.code;
    serve_fini(&serve);
    return code;
}
