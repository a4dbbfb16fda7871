/* cli_compare.c: `compare`: did recovery become slower between two sets of runs? */
#include <dirent.h>
#include <unistd.h>

#include "engine/cli.h"
#include "reports/reports.h"

struct runs {
    char **folders;
    size_t count;
};

static bool is_run(const char *folder)
{
    char *plan = fl_format("%s/plan.json", folder);
    bool there = access(plan, R_OK) == 0;
    free(plan);
    return there;
}

static void runs_add(struct runs *runs, char *folder_take)
{
    runs->folders = fl_realloc(runs->folders, (runs->count + 1) * sizeof(char *));
    runs->folders[runs->count++] = folder_take;
}

static void runs_fini(struct runs *runs)
{
    for (size_t i = 0; i < runs->count; i++)
        free(runs->folders[i]);
    free(runs->folders);
}

/* A run, or a folder of runs: then all of them but `latest`, which is one of them once more. */
static int runs_find(struct runs *out, const struct fl_cli_call *call, const char *given)
{
    if (is_run(given)) {
        runs_add(out, fl_strdup(given));
        return 0;
    }
    DIR *dir = opendir(given);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "latest") == 0) continue;
        char *folder = fl_format("%s/%s", given, entry->d_name);
        if (is_run(folder))
            runs_add(out, folder);
        else
            free(folder);
    }
    if (dir != NULL) closedir(dir);
    if (out->count > 0) return 0;
    return fl_cli_usage(call->command, "%s is neither a run folder nor a folder of runs", given);
}

static void say_verdict(const struct fl_report_summary *summary, const char *base,
                        size_t base_count, const char *fresh, size_t fresh_count)
{
    static const char *const words[] = {"PASS", "FAIL", "CANNOT TELL"};
    printf("\n %s  %s (%zu run%s) against %s (%zu run%s)\n %s.\n", words[summary->verdict], fresh,
           fresh_count, fresh_count == 1 ? "" : "s", base, base_count, base_count == 1 ? "" : "s",
           summary->why);
    fputs(summary->text, stdout);
    if (getenv("GITHUB_ACTIONS") != NULL && summary->verdict != FL_PASS)
        printf("::error title=faultline compare::%s\n", summary->why);
}

int fl_cli_compare(const struct fl_cli_call *call)
{
    struct runs base = {0}, fresh = {0};
    struct fl_report_summary summary = {0};
    struct fl_err err = {0};
    int code = runs_find(&base, call, call->args[0]);
    if (code == 0) code = runs_find(&fresh, call, call->args[1]);
    if (code == 0 && fl_report_compare((const char *const *)base.folders, base.count,
                                       (const char *const *)fresh.folders, fresh.count,
                                       fl_cli_value(call, "force") != NULL, &summary, &err) != 0) {
        fprintf(stderr, "faultline: cannot compare: %s\n", err.text);
        code = FL_EX_INTERNAL;
    } else if (code == 0) {
        say_verdict(&summary, call->args[0], base.count, call->args[1], fresh.count);
        code = (int)summary.verdict;
        fl_report_summary_fini(&summary);
    }
    runs_fini(&base);
    runs_fini(&fresh);
    return code;
}
