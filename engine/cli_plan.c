/* cli_plan.c: the commands that only read: check, plan. */
#include "engine/cli.h"
#include "engine/plan.h"
#include "runtime/base/rng.h"

/* A line that GitHub shows at its place in the file. % has a meaning there. */
static void print_annotation(const char *path, int64_t place, const char *text)
{
    printf("::error file=%s,line=%lld,col=%lld::", path, (long long)(place >> 24),
           (long long)(place & 0xFFFFFF));
    for (; *text != '\0'; text++)
        fputs(*text == '%' ? "%25" : (const char[]){*text, '\0'}, stdout);
    putchar('\n');
}

static void print_problems(const struct fl_problems *problems, const char *path)
{
    bool annotate = getenv("GITHUB_ACTIONS") != NULL;
    for (size_t i = 0; i < problems->count; i++) {
        fprintf(stderr, "%s\n", problems->lines[i]);
        if (annotate && problems->places[i] > 0)
            print_annotation(path, problems->places[i], problems->lines[i]);
    }
    if (problems->more > 0) fprintf(stderr, "and %zu more\n", problems->more);
}

int fl_cli_scenario(struct fl_scenario **out, const struct fl_cli_call *call, const char *path,
                    bool skip_programs)
{
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {
        .path = path, .sets = fl_cli_values(call, "set"), .skip_programs = skip_programs};
    int rc = fl_scenario_load(out, &opts, &problems);
    print_problems(&problems, path);
    fl_problems_fini(&problems);
    return rc == 0 ? 0 : FL_EX_USAGE;
}

int fl_cli_check(const struct fl_cli_call *call)
{
    int code = FL_EX_PASS;
    for (int i = 0; i < call->args_count; i++) {
        struct fl_scenario *scenario = NULL;
        int rc = fl_cli_scenario(&scenario, call, call->args[i], false);
        if (rc != 0) code = rc;
        fl_scenario_free(scenario);
    }
    return code;
}

int fl_cli_plan(const struct fl_cli_call *call)
{
    struct fl_err err;
    const char *seed_text = fl_cli_value(call, "seed");
    uint64_t seed = 0;
    if (seed_text != NULL && fl_seed_parse(fl_str_of(seed_text), &seed, &err) != 0)
        return fl_cli_usage(call->command, "--seed: %s", err.text);
    struct fl_scenario *scenario = NULL;
    int rc = fl_cli_scenario(&scenario, call, call->args[0], true);
    if (rc != 0) return rc;
    if (seed_text == NULL) seed = scenario->has_seed ? scenario->seed : fl_rng_fresh_seed();

    cJSON *plan = fl_plan_make(scenario, seed);
    char *text = fl_cli_value(call, "json") != NULL ? fl_plan_text(plan) : fl_plan_table(plan);
    fputs(text, stdout);
    free(text);
    cJSON_Delete(plan);
    fl_scenario_free(scenario);
    return FL_EX_PASS;
}
