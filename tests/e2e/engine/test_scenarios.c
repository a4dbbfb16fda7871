/* The scenarios that come with Faultline, run as they are but for targets that a busy machine could
 * miss. */
#include "tests/support/testkit.h"

#include "runtime/base/json.h"
#include "runtime/os.h"
#include "tests/support/program.h"

static void redis_killed_twice_recovers_twice(void **state)
{
    struct program *program = *state;
    struct fl_err err;
    if (!fl_os_can_run("redis-server", &err)) {
        print_message("skipped: %s\n", err.text);
        skip();
    }
    program_run(program,
                (const char *const[]){NULL, "run", FL_SOURCE_DIR "/scenarios/redis.yaml", "--set",
                                      "targets=[recovery(kill) max < 10s]", NULL});
    if (program->code != 0) fail_msg("exit %d\n%s\n%s", program->code, program->out, program->err);
    char *text = program_latest(program, "redis", "report.json");
    cJSON *report = cJSON_Parse(text);
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(report, "faults"), *fault;
    assert_int_equal(cJSON_GetArraySize(faults), 2);
    cJSON_ArrayForEach(fault, faults)
    {
        const char *outcome = fl_json_text(fault, "outcome", "");
        assert_true(strcmp(outcome, "recovered") == 0 || strcmp(outcome, "absorbed") == 0);
    }
    cJSON_Delete(report);
    free(text);
    program_expect_none_alive(program->folder, 2000);
}

static void a_seed_gives_the_same_bytes_twice(void **state)
{
    struct program *program = *state;
    static const char *const plan[] = {
        NULL, "plan", FL_SOURCE_DIR "/scenarios/quickstart.yaml", "--seed", "beef", "--json", NULL};
    program_run(program, plan);
    assert_int_equal(program->code, 0);
    char *first = fl_strdup(program->out);
    program_run(program, plan);
    assert_string_equal(program->out, first);
    assert_non_null(strstr(first, "\"seed\": \"beef\""));
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(redis_killed_twice_recovers_twice),
        story(a_seed_gives_the_same_bytes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
