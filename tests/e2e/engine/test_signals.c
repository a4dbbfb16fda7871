/* Whoever tells Faultline to stop, and whenever: it heals, stops everything, reports, exits 130. */
#include "tests/support/testkit.h"

#include <signal.h>

#include "tests/support/program.h"

static void write_scenario(struct program *program, const char *duration)
{
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: told\nseed: 7\nwarmup: 1s\nduration: %s\ncalm: 0s\n"
                  "services:\n"
                  "  web: {command: [%s, \"${port}\", ignore-term], ready: {tcp: \"${port}\"},"
                  " stop: {within: 1500ms}}\n"
                  "load: {asks: {workload: http, to: web, rate: 50/s}}\n"
                  "targets: [\"availability(asks) >= 1%%\"]\n",
                  duration, FL_ODD_SERVER);
}

static void start(struct program *program)
{
    program_start(program, (const char *const[]){NULL, "run", "scenario.yaml", NULL});
}

static void expect_interrupted_and_reported(struct program *program)
{
    program_wait(program, 20000);
    if (program->code != 130)
        fail_msg("exit %d\n%s\n%s", program->code, program->out, program->err);
    char *html = program_latest(program, "told", "report.html");
    assert_non_null(html);
    free(html);
    program_expect_none_alive(program->folder, 2000);
}

static void a_closed_terminal_is_told_like_ctrl_c(void **state)
{
    struct program *program = *state;
    write_scenario(program, "40s");
    start(program);
    program_expect_output(program, "storm  ", 40000);
    kill(program->pid, SIGHUP);
    expect_interrupted_and_reported(program);
}

static void a_signal_that_comes_twice_at_once_is_one(void **state)
{
    struct program *program = *state;
    write_scenario(program, "40s");
    start(program);
    program_expect_output(program, "storm  ", 40000);
    kill(program->pid, SIGTERM); /* as timeout(1) does: to the process, then to its group; */
    kill(program->pid, SIGTERM);
    kill(program->pid, SIGINT); /* and a shell that passes on what the terminal said already */
    expect_interrupted_and_reported(program);
}

static void told_while_it_stops_it_still_reports(void **state)
{
    struct program *program = *state;
    write_scenario(program, "100ms");
    start(program);
    program_expect_output(program, "stop  ", 40000);
    kill(program->pid, SIGINT);
    expect_interrupted_and_reported(program);
}

static void told_before_anything_runs_it_reports_too(void **state)
{
    struct program *program = *state;
    write_scenario(program, "40s");
    start(program);
    program_expect_output(program, "boot  ", 40000);
    kill(program->pid, SIGINT);
    expect_interrupted_and_reported(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_closed_terminal_is_told_like_ctrl_c),
        story(a_signal_that_comes_twice_at_once_is_one),
        story(told_while_it_stops_it_still_reports),
        story(told_before_anything_runs_it_reports_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
