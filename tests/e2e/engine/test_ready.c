/* When a program counts as ready, and what is said when it never is. */
#include "tests/support/testkit.h"

#include "tests/support/program.h"

static void run(struct program *program, const char *modes, const char *ready, const char *faults)
{
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: ready\nwarmup: 1s\nduration: 1500ms\ncalm: 0s\n"
                  "services:\n"
                  "  web:\n"
                  "    command: [%s, \"${port}\"%s]\n"
                  "    ready: {%s}\n"
                  "    stop: {signal: INT, within: 1s}\n"
                  "load: {asks: {workload: http, to: web, rate: 20/s, timeout: 1s}}\n"
                  "faults: %s\n"
                  "targets: [\"availability(asks) >= 1%%\"]\n",
                  FL_ODD_SERVER, modes, ready, faults);
    program_run(program, (const char *const[]){NULL, "run", "scenario.yaml", NULL});
}

static void expect(const struct program *program, int code, const char *said)
{
    if (program->code != code || strstr(program->err, said) == NULL)
        fail_msg("exit %d, expected %d and \"%s\"\n%s\n%s", program->code, code, said, program->out,
                 program->err);
}

/* The verdict is not the point here: a busy machine may make it any. */
static void expect_judged(const struct program *program)
{
    if (program->code > 2) fail_msg("exit %d\n%s\n%s", program->code, program->out, program->err);
}

static void a_health_page_that_takes_longer_than_a_second_is_waited_for(void **state)
{
    struct program *program = *state;
    run(program, ", slow, \"1200\"", "http: /health", "[]");
    expect_judged(program);
}

static void a_command_that_says_no_until_the_end_is_quoted(void **state)
{
    struct program *program = *state;
    run(program, "", "exec: [sh, -c, \"exit 3\"], within: 700ms", "[]");
    expect(program, 69, "(the ready command exited with 3)");
}

static void a_command_that_is_missing_is_named_as_such(void **state)
{
    struct program *program = *state;
    run(program, "", "exec: [no-such-command-here], within: 300ms", "[]");
    expect(program, 69, "no such file or directory");
}

static void a_line_in_the_log_counts_for_its_own_start_only(void **state)
{
    struct program *program = *state;
    run(program, ", line, late, \"100\"", "log: ^serving$", "[{at: 200ms, kill: web}]");
    expect_judged(program);
    char *facts = program_latest(program, "ready", "journal/engine.jsonl");
    char *log = program_latest(program, "ready", "logs/web.log");
    assert_string_equal(log, "serving\nserving\n");
    int readies = 0;
    for (const char *at = facts; (at = strstr(at, "\"proc.ready\"")) != NULL; at++)
        readies++;
    assert_int_equal(readies, 2);
    free(log);
    free(facts);
}

static void the_stop_signal_of_the_scenario_is_what_it_gets(void **state)
{
    struct program *program = *state;
    run(program, "", "tcp: \"${port}\"", "[]");
    expect_judged(program);
    assert_non_null(strstr(program->out, "web  ended by signal 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_health_page_that_takes_longer_than_a_second_is_waited_for),
        story(a_command_that_says_no_until_the_end_is_quoted),
        story(a_command_that_is_missing_is_named_as_such),
        story(a_line_in_the_log_counts_for_its_own_start_only),
        story(the_stop_signal_of_the_scenario_is_what_it_gets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
