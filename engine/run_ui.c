#include "engine/run_ui.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/ready.h"
#include "engine/run_folder.h"
#include "engine/worker.h"

#define UI_NAME "engine.ui" /* no service can have this name */
#define UI_READY_WITHIN fl_s(15)

struct fl_run_ui {
    struct fl_run_ui_opts opts;
    struct fl_node *node;
    struct fl_worker *worker;
    struct fl_ready *ready;
    struct fl_ready_spec ready_spec;
    char url[64];
    int channel; /* our end; -1: none */
    bool stopping;
};

extern char **environ;

/* The browser outlives the run, so it must not look like something that the run left behind. */
static char **browser_env(void)
{
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **env = fl_new_array(char *, count + 1);
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "FAULTLINE_RUN=", 14) != 0) env[kept++] = environ[i];
    return env;
}

static void browser_open(const char *url)
{
    const char *const argv[] = {"setsid", "--fork", "xdg-open", url, NULL};
    posix_spawn_file_actions_t files;
    pid_t pid;
    char **env = browser_env();
    posix_spawn_file_actions_init(&files);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    /* whoever has none has the address */
    if (posix_spawnp(&pid, "setsid", &files, NULL, (char *const *)(uintptr_t)argv, env) == 0)
        waitpid(pid, NULL, 0); /* it forks and ends at once */
    posix_spawn_file_actions_destroy(&files);
    free(env);
}

static bool has_display(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    return (x != NULL && x[0] != '\0') || (wayland != NULL && wayland[0] != '\0');
}

static void ui_say(const struct fl_run_ui *ui, const char *words, const char *more)
{
    char *line = fl_format("%s%s", words, more);
    ui->opts.say(ui->opts.cx, line);
    free(line);
}

static void ui_on_ready(void *cx, bool is_ready, const char *why)
{
    struct fl_run_ui *ui = cx;
    ui->ready = NULL;
    if (!is_ready) {
        ui_say(ui, "the dashboard does not serve, the run goes on: ", why);
        return;
    }
    ui_say(ui, "watch it: ", ui->url);
    if (ui->opts.may_open && has_display()) browser_open(ui->url);
}

static void ui_on_channel(void *cx, int fd)
{
    struct fl_run_ui *ui = cx;
    ui->channel = fd;
}

static void ui_on_exit(void *cx, const char *how, bool clean)
{
    (void)clean;
    struct fl_run_ui *ui = cx;
    fl_ready_cancel(ui->ready);
    ui->ready = NULL;
    if (!ui->stopping) ui_say(ui, "the dashboard is gone, the run goes on: it ", how);
}

static int ui_start_worker(struct fl_run_ui *ui, int port, struct fl_err *err)
{
    char *folder = NULL, *figures = fl_format("%s/figures.json", ui->opts.run_folder);
    char port_text[16];
    snprintf(port_text, sizeof port_text, "%d", port);
    int rc = fl_run_folder_data(&folder, ui->opts.run_folder, UI_NAME, err);
    if (rc == 0) {
        const char *const argv[] = {"worker", "service",  "dashboard", "--instance",
                                    UI_NAME,  "--folder", folder,      "--figures",
                                    figures,  "--port",   port_text,   NULL};
        struct fl_worker_opts opts = {.name = UI_NAME,
                                      .argv = argv,
                                      .program = ui->opts.program,
                                      .run_folder = ui->opts.run_folder,
                                      .guardian = ui->opts.guardian,
                                      .cx = ui,
                                      .on_channel = ui_on_channel,
                                      .on_exit = ui_on_exit};
        rc = fl_worker_start(&ui->worker, ui->node, &opts, err);
    }
    free(folder);
    free(figures);
    return rc;
}

int fl_run_ui_start(struct fl_run_ui **out, struct fl_node *node, const struct fl_run_ui_opts *opts,
                    struct fl_err *err)
{
    struct fl_run_ui *ui = fl_new(struct fl_run_ui);
    ui->opts = *opts;
    ui->node = node;
    ui->channel = -1;
    int port = 0, rc = fl_port_draw(&port, err);
    if (rc == 0) rc = ui_start_worker(ui, port, err);
    if (rc != 0) {
        fl_run_ui_free(ui);
        return rc;
    }
    snprintf(ui->url, sizeof ui->url, "http://127.0.0.1:%d/", port);
    ui->ready_spec = (struct fl_ready_spec){
        .kind = FL_READY_HTTP, .port = port, .path = "/health", .within_ns = UI_READY_WITHIN};
    fl_ready_start(&ui->ready, fl_node_loop(node), &ui->ready_spec, ui_on_ready, ui, NULL);
    *out = ui;
    return 0;
}

void fl_run_ui_stopping(struct fl_run_ui *ui)
{
    if (ui == NULL) return;
    ui->stopping = true;
    fl_ready_cancel(ui->ready);
    ui->ready = NULL;
}

void fl_run_ui_free(struct fl_run_ui *ui)
{
    if (ui == NULL) return;
    FL_ASSERT(ui->ready == NULL);
    if (ui->channel >= 0) close(ui->channel);
    fl_worker_free(ui->worker);
    free(ui);
}
