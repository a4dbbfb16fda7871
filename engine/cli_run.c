/* cli_run.c: the commands that end with a verdict: run, load, report. */
#include <limits.h>
#include <unistd.h>

#include "engine/cli.h"
#include "engine/run.h"
#include "engine/terminal.h"
#include "reports/reports.h"

static int run_formats(const struct fl_cli_call *call, unsigned *out)
{
    struct fl_err err;
    const char *text = fl_cli_value(call, "format");
    *out = FL_FORMAT_ALL;
    if (text == NULL || fl_formats_parse(fl_str_of(text), out, &err) == 0) return 0;
    return fl_cli_usage(call->command, "--format: %s", err.text);
}

int fl_cli_run(const struct fl_cli_call *call)
{
    struct fl_err err;
    bool load_only = strcmp(call->command->name, "load") == 0;
    struct fl_run_opts opts = {.scenario_path = call->args[0],
                               .out_dir = fl_cli_value(call, "out"),
                               .quiet = fl_cli_value(call, "quiet") != NULL,
                               .ui = fl_cli_value(call, "ui") != NULL,
                               .load_only = load_only,
                               .plan_path = load_only ? NULL : fl_cli_value(call, "plan"),
                               .program = call->program};
    const char *seed = fl_cli_value(call, "seed");
    opts.seed_given = seed != NULL;
    if (seed != NULL && fl_seed_parse(fl_str_of(seed), &opts.seed, &err) != 0)
        return fl_cli_usage(call->command, "--seed: %s", err.text);
    if (seed != NULL && opts.plan_path != NULL)
        return fl_cli_usage(call->command, "--plan brings its own seed; take --seed away");
    int rc = run_formats(call, &opts.formats);
    if (rc != 0) return rc;

    struct fl_scenario *scenario = NULL;
    /* a program that is missing here is a system that did not start, not a wrong scenario */
    rc = fl_cli_scenario(&scenario, call, call->args[0], true);
    if (rc != 0) return rc;
    opts.scenario = scenario;
    int code = fl_run(&opts);
    fl_scenario_free(scenario);
    return code;
}

/* RUN may be a run's folder or one above it, in which `latest` points to a run. */
static char *report_folder(const char *given)
{
    static const char *const endings[] = {"", "/latest"};
    for (size_t i = 0; i < FL_COUNT(endings); i++) {
        char *plan = fl_format("%s%s/plan.json", given, endings[i]);
        bool there = access(plan, R_OK) == 0;
        free(plan);
        if (!there) continue;
        char *folder = fl_format("%s%s", given, endings[i]);
        char real[PATH_MAX];
        if (realpath(folder, real) == NULL) return folder;
        free(folder);
        return fl_strdup(real);
    }
    return NULL;
}

static void report_list_files(const char *folder, unsigned formats)
{
    static const struct {
        unsigned format;
        const char *file;
    } files[] = {{FL_FORMAT_HTML, "report.html"},
                 {FL_FORMAT_JSON, "report.json"},
                 {FL_FORMAT_JUNIT, "junit.xml"},
                 {FL_FORMAT_MD, "summary.md"}};
    for (size_t i = 0; i < FL_COUNT(files); i++)
        if ((formats & files[i].format) != 0) printf("wrote %s/%s\n", folder, files[i].file);
}

int fl_cli_report(const struct fl_cli_call *call)
{
    unsigned formats = 0;
    int rc = run_formats(call, &formats);
    if (rc != 0) return rc;
    char *folder = report_folder(call->args[0]);
    if (folder == NULL)
        return fl_cli_usage(call->command, "%s is not a run folder: it has no plan.json",
                            call->args[0]);

    struct fl_report_summary summary = {0};
    struct fl_err err = {0};
    int code = FL_EX_INTERNAL;
    if (fl_report_make(folder, formats, fl_terminal_colour(stdout), &summary, &err) != 0) {
        if (summary.text != NULL) fputs(summary.text, stdout);
        fflush(stdout);
        fprintf(stderr, "faultline: no report: %s\n", err.text);
    } else {
        if (summary.text != NULL) fputs(summary.text, stdout);
        report_list_files(folder, formats);
        if (getenv("GITHUB_ACTIONS") != NULL && summary.annotations != NULL)
            fputs(summary.annotations, stdout);
        code = (int)summary.verdict;
    }
    fl_report_summary_fini(&summary);
    free(folder);
    return code;
}
