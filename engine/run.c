/* The main job as a recipe. Only here do chaos, loadgen and reports meet. */
#include "engine/run.h"

#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/exit_codes.h"
#include "engine/plan.h"
#include "engine/run_folder.h"
#include "engine/run_state.h"
#include "engine/terminal.h"
#include "reports/reports.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/rng.h"
#include "runtime/watch.h"

static int make_plan(struct fl_run *run, struct fl_err *err)
{
    const struct fl_run_opts *opts = run->opts;
    run->seed = opts->seed_given          ? opts->seed
                : run->scenario->has_seed ? run->scenario->seed
                                          : fl_rng_fresh_seed();
    if (opts->plan_path == NULL) {
        run->plan = fl_plan_make(run->scenario, run->seed);
        return 0;
    }
    int rc = fl_plan_load(&run->plan, opts->plan_path, run->scenario, err);
    if (rc == 0)
        rc = fl_seed_parse(fl_str_of(fl_json_text(run->plan, "seed", "0")), &run->seed, err);
    return rc;
}

static int write_inputs(const struct fl_run *run, struct fl_err *err)
{
    char *scenario_path = fl_format("%s/scenario.yaml", run->folder);
    char *plan_path = fl_format("%s/plan.json", run->folder);
    char *plan_text = fl_plan_text(run->plan);
    int rc = fl_file_write(scenario_path, run->scenario->source, strlen(run->scenario->source),
                           err);
    if (rc == 0) rc = fl_file_write(plan_path, plan_text, strlen(plan_text), err);
    free(plan_text);
    free(plan_path);
    free(scenario_path);
    return rc;
}

static void note_start(const struct fl_run *run)
{
    struct utsname host = {0};
    uname(&host);
    char wall[32], seed[32];
    fl_wall_format(fl_wall_now(), wall, sizeof wall);
    struct fl_buf name = {0}; /* a host may have any name */
    fl_json_put_str(&name, fl_str_of(host.nodename));
    fl_journal_fact(run->journal, fl_now(), "run.start",
                    "\"wall\":\"%s\",\"version\":\"%s\",\"host\":%s,\"cpus\":%ld,"
                    "\"kernel\":\"%s %s\",\"pid\":%d,\"seed\":\"%s\"",
                    wall, FL_VERSION, name.at, sysconf(_SC_NPROCESSORS_ONLN), host.sysname,
                    host.release, (int)getpid(), fl_seed_show(run->seed, seed, sizeof seed));
    fl_buf_fini(&name);
    fl_journal_fact(run->journal, fl_now(), "phase", "\"phase\":\"%s\"",
                    fl_run_phase_names[FL_BOOT]);
}

static int open_folder(struct fl_run *run, struct fl_err *err)
{
    char seed[32];
    int rc = fl_run_folder_make(
        &run->folder, run->opts->out_dir != NULL ? run->opts->out_dir : "runs", run->scenario->name,
        fl_seed_show(run->seed, seed, sizeof seed), err);
    if (rc == 0) rc = write_inputs(run, err);
    if (rc == 0) rc = fl_journal_open(&run->journal, run->folder, "engine", err);
    return rc;
}

/* ---- what the fleet tells ---- */

static void on_boot_failed(void *cx, const char *why)
{
    fl_run_end(cx, FL_END_NOT_STARTED, why);
}

static void on_exit_seen(void *cx, const char *instance, pid_t pid, fl_ns at_ns)
{
    struct fl_run *run = cx;
    if (run->injector != NULL) fl_injector_on_exit(run->injector, instance, pid, at_ns);
}

static void on_limit(void *cx, const char *instance)
{
    fl_run_end(cx, FL_END_LIMIT, instance);
}

static void on_note(void *cx, const struct fl_note *note)
{
    struct fl_run *run = cx;
    fl_fleet_note(run->fleet, note);
}

static int start_fleet(struct fl_run *run, struct fl_err *err)
{
    struct fl_fleet_opts opts = {.scenario = run->scenario,
                                 .run_folder = run->folder,
                                 .program = run->opts->program,
                                 .journal = run->journal,
                                 .guardian = run->guardian,
                                 .events = {.cx = run,
                                            .on_all_ready = fl_run_on_all_ready,
                                            .on_boot_failed = on_boot_failed,
                                            .on_up = fl_run_on_up,
                                            .on_exit = on_exit_seen,
                                            .on_limit = on_limit}};
    int rc = fl_fleet_new(&run->fleet, &opts, err);
    if (rc == 0) rc = fl_fleet_start(run->fleet, run->node, err);
    return rc;
}

static void ui_say(void *cx, const char *words)
{
    struct fl_run *run = cx;
    fl_live_say(run->live, words);
}

/* What cannot be watched can be run all the same. */
static void start_ui(struct fl_run *run)
{
    if (!run->opts->ui) return;
    struct fl_run_ui_opts opts = {.run_folder = run->folder,
                                  .program = run->opts->program,
                                  .guardian = run->guardian,
                                  .may_open = isatty(STDOUT_FILENO) == 1,
                                  .say = ui_say,
                                  .cx = run};
    struct fl_err err = {0};
    if (fl_run_ui_start(&run->ui, run->node, &opts, &err) != 0)
        fprintf(stderr, "faultline: no dashboard: %s\n", err.text);
}

/* ---- the end ---- */

static void note_end(const struct fl_run *run)
{
    struct fl_buf detail = {0};
    fl_json_put_str(&detail, fl_str_of(run->end_detail == NULL ? "" : run->end_detail));
    fl_journal_fact(run->journal, fl_now(), "run.end", "\"reason\":\"%s\",\"detail\":%s",
                    fl_run_end_names[run->end], detail.at);
    fl_buf_fini(&detail);
}

/* A step summary is appended, as other steps of the job write there too. */
static void tell_ci(const struct fl_run *run, const struct fl_report_summary *summary)
{
    if (getenv("GITHUB_ACTIONS") == NULL) return;
    if (summary->annotations != NULL) fputs(summary->annotations, stdout);
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    if (path == NULL) return;
    char *from = fl_format("%s/summary.md", run->folder), *text = NULL;
    size_t len = 0;
    FILE *to = fopen(path, "ae");
    if (to != NULL && fl_file_read(&text, &len, from, NULL) == 0) fwrite(text, 1, len, to);
    if (to != NULL) fclose(to);
    free(text);
    free(from);
}

static int judge(const struct fl_run *run)
{
    const struct fl_run_opts *opts = run->opts;
    struct fl_report_summary summary = {0};
    struct fl_err err = {0};
    unsigned formats = opts->formats == 0 ? FL_FORMAT_ALL : opts->formats;
    bool written = fl_report_make(run->folder, formats, fl_terminal_colour(stdout), &summary,
                                  &err) == 0;
    if (summary.text == NULL) {
        fprintf(stderr, "faultline: no report: %s\n", err.text);
        return FL_EX_INTERNAL;
    }
    fputs(summary.text, stdout);
    size_t len = strlen(summary.text);
    const char *gap = len > 1 && strcmp(summary.text + len - 2, "\n\n") == 0 ? "" : "\n";
    if (written && (formats & FL_FORMAT_HTML) != 0)
        printf("%sreport  %s/report.html\n", gap, run->folder);
    tell_ci(run, &summary);
    int code = (int)summary.verdict;
    if (!written) {
        fflush(stdout);
        fprintf(stderr, "faultline: the report is not complete: %s\n", err.text);
        if (code == FL_EX_PASS) code = FL_EX_CANNOT_TELL; /* our own trouble */
    }
    if (run->interrupted_ns != 0 || fl_interrupt_came()) code = FL_EX_INTERRUPTED;
    fl_report_summary_fini(&summary);
    return code;
}

static void close_run(struct fl_run *run)
{
    if (run->injector != NULL) fl_injector_free(run->injector);
    if (run->node != NULL) fl_node_free(run->node);
    fl_fleet_free(run->fleet);
    fl_worker_free(run->links_worker);
    fl_worker_free(run->load_worker);
    fl_run_ui_free(run->ui);
    fl_live_free(run->live);
    int strays = fl_guardian_stop(run->guardian);
    if (strays > 0) fl_journal_fact(run->journal, fl_now(), "strays", "\"count\":%d", strays);
    fl_guardian_say_strays(strays);
    if (run->journal != NULL) note_end(run);
    fl_journal_close(run->journal);
}

/* Everything between the first process and the last. Returns 0 once the run has an end. */
static int play(struct fl_run *run, struct fl_err *err)
{
    int rc = fl_guardian_start(&run->guardian, run->folder, err);
    if (rc != 0) return rc;
    struct fl_node_opts node_opts = {.name = "faultline", .on_note = on_note, .note_cx = run};
    rc = fl_node_new(&run->node, &node_opts, err);
    if (rc != 0) return rc;
    char watch[FL_WATCH_PATH_MAX], words[FL_WATCH_PATH_MAX + 64];
    if (fl_watch_open(run->node, watch, NULL) == 0) { /* it works without */
        snprintf(words, sizeof words, "to look inside: faultline observe %d (%s)", (int)getpid(),
                 watch);
        fl_live_say(run->live, words);
    }
    run->loop = fl_node_loop(run->node);
    fl_run_open_handles(run);
    if (run->end == FL_END_NONE) start_ui(run);
    if (run->end == FL_END_NONE) rc = start_fleet(run, err);
    if (rc != 0) fl_run_end(run, FL_END_NOT_STARTED, err->text);
    fl_node_run(run->node);
    fl_run_close_signals(run);
    return 0;
}

int fl_run(const struct fl_run_opts *opts)
{
    signal(SIGPIPE, SIG_IGN);
    fl_interrupt_note();
    struct fl_run run = {.opts = opts, .scenario = opts->scenario};
    run.link_ports = fl_new_array(int, opts->scenario->links_count);
    struct fl_err err = {0};
    int code = FL_EX_INTERNAL;

    if (make_plan(&run, &err) != 0) {
        fprintf(stderr, "faultline: %s\n", err.text);
        code = FL_EX_USAGE;
    } else if (open_folder(&run, &err) != 0) {
        fprintf(stderr, "faultline: %s\n", err.text);
        close_run(&run);
    } else {
        struct fl_live_opts live = {.run_folder = run.folder,
                                    .scenario = run.scenario,
                                    .plan = run.plan,
                                    .quiet = opts->quiet};
        run.live = fl_live_new(&live);
        fl_journal_watch(run.journal, fl_live_on_fact, run.live);
        note_start(&run);
        int rc = play(&run, &err);
        fl_journal_watch(run.journal, NULL, NULL);
        close_run(&run);
        if (rc != 0) {
            fprintf(stderr, "faultline: %s\n", err.text);
        } else if (run.end == FL_END_NOT_STARTED) {
            fprintf(stderr, "faultline: %s\n", run.end_detail);
            code = FL_EX_NOT_STARTED;
        } else {
            code = judge(&run);
        }
    }
    cJSON_Delete(run.plan);
    free(run.link_ports);
    free(run.folder);
    free(run.end_detail);
    return code;
}
