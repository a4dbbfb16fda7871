/* Faultline itself dies, or is told to stop, in the middle of a run: nothing stays behind and what
 * was recorded still renders. */
#include "tests/support/testkit.h"

#include <signal.h>

#include "tests/support/program.h"

static void write_long_scenario(struct program *program)
{
    program_write(
        program, "scenario.yaml",
        "faultline: 1\nname: long\nseed: 7\nwarmup: 1s\nduration: 40s\ncalm: 1s\n"
        "services:\n"
        "  chat: {use: chat}\n"
        "  web: {command: [%s, \"${port}\", ignore-term, child], ready: {tcp: \"${port}\"},"
        " stop: {within: 300ms}}\n"
        "links: {front: {to: web}}\n"
        "load:\n"
        "  asks: {workload: http, through: front, rate: 100/s}\n"
        "  talkers: {workload: chat, to: chat, users: 4, rate: 20/s}\n"
        "faults: [{at: 300ms, kill: web}, {at: 2s, for: 30s, pause: chat}]\n"
        "targets: [\"lost = 0\"]\n",
        FL_ODD_SERVER);
}

static const char *const run_it[] = {NULL, "run", "scenario.yaml", NULL};

static void after_kill_9_nothing_is_left_and_the_record_renders(void **state)
{
    struct program *program = *state;
    write_long_scenario(program);
    program_start(program, run_it);
    program_expect_output(program, "pause chat  in effect", 40000);
    assert_true(program_count_alive(program->folder) > 4);
    kill(program->pid, SIGKILL);
    program_wait(program, 5000);
    assert_int_equal(program->code, 128 + SIGKILL);
    program_expect_none_alive(program->folder, 2000);

    program_run(program, (const char *const[]){NULL, "report", "runs/long/latest", NULL});
    assert_int_equal(program->code, 2);
    char *html = program_latest(program, "long", "report.html");
    assert_non_null(html);
    assert_non_null(strstr(html, "</html>"));
    free(html);
}

static void killed_while_it_boots_it_leaves_nothing(void **state)
{
    struct program *program = *state;
    write_long_scenario(program);
    program_start(program, run_it);
    program_expect_output(program, "boot", 20000);
    kill(program->pid, SIGKILL);
    program_wait(program, 5000);
    program_expect_none_alive(program->folder, 2000);
}

static void ctrl_c_heals_stops_and_reports(void **state)
{
    struct program *program = *state;
    write_long_scenario(program);
    program_start(program, run_it);
    program_expect_output(program, "pause chat  in effect", 40000);
    kill(program->pid, SIGINT);
    program_wait(program, 20000);
    if (program->code != 130)
        fail_msg("exit %d\n%s\n%s", program->code, program->out, program->err);
    assert_non_null(strstr(program->out, "pause chat  healed"));
    char *html = program_latest(program, "long", "report.html");
    assert_non_null(html);
    free(html);
    program_expect_none_alive(program->folder, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(after_kill_9_nothing_is_left_and_the_record_renders),
        story(killed_while_it_boots_it_leaves_nothing),
        story(ctrl_c_heals_stops_and_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
