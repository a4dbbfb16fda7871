/* What `faultline run` promises about exit codes, with real processes, sockets and time. */
#include "tests/e2e/services/phoenix.h"

#include <sys/stat.h>
#include <uv.h>

#include "runtime/base/json.h"
#include "tests/support/program.h"

/* A short run of one odd server; `modes` are its modes, `faults` and `targets` YAML lists. */
static void write_scenario(struct program *program, const char *modes, const char *faults,
                           const char *targets)
{
    program_write(
        program, "scenario.yaml",
        "faultline: 1\n"
        "name: short\n"
        "seed: 7\n"
        "warmup: 1500ms\n"
        "duration: 3s\n"
        "calm: 1500ms\n"
        "services:\n"
        "  web:\n"
        "    command: [%s, \"${port}\"%s]\n"
        "    ready: {http: /health, within: 2s}\n"
        "    stop: {within: 500ms}\n"
        "links:\n"
        "  front: {to: web}\n"
        "load:\n"
        "  asks: {workload: http, through: front, rate: 200/s, timeout: 1s, slow: 500ms}\n"
        "faults: %s\n"
        "targets: %s\n",
        FL_ODD_SERVER, modes, faults, targets);
}

static const char *const run_it[] = {NULL, "run", "scenario.yaml", NULL};

static void expect_file_has(struct program *program, const char *name, const char *text)
{
    char *content = program_latest(program, "short", name);
    assert_non_null(content);
    if (strstr(content, text) == NULL) fail_msg("no \"%s\" in %s:\n%s", text, name, content);
    free(content);
}

static void expect_code(const struct program *program, int code)
{
    if (program->code != code)
        fail_msg("exit %d, expected %d\n%s\n%s", program->code, code, program->out, program->err);
}

static void a_killed_server_recovers_and_the_run_passes(void **state)
{
    struct program *program = *state;
    write_scenario(program, "", "[{at: 500ms, kill: web}, {at: 2s, for: 300ms, cut: front}]",
                   "[\"recovery max < 10s\", \"availability(asks) >= 10%\"]");
    program_run(program, run_it);
    expect_code(program, 0);
    expect_file_has(program, "junit.xml", "<testsuite");
    expect_file_has(program, "report.html", "</html>");
    expect_file_has(program, "report.json", "\"verdict\"");
    expect_file_has(program, "summary.md", "short");
    program_expect_none_alive(program->folder, 2000);
}

/** The address behind "watch it: ", once it is said. */
static int expect_dashboard(struct program *program)
{
    program_expect_output(program, "watch it: http://127.0.0.1:", 20000);
    char *path = fl_format("%s/stdout.txt", program->folder), *text = NULL;
    assert_int_equal(fl_file_read(&text, NULL, path, NULL), 0);
    int port = atoi(strstr(text, "watch it: http://127.0.0.1:") +
                    strlen("watch it: http://127.0.0.1:"));
    free(text);
    free(path);
    return port;
}

static void with_ui_a_dashboard_shows_the_run_and_ends_with_it(void **state)
{
    struct program *program = *state;
    write_scenario(program, "", "[{at: 300ms, kill: web}]", "[\"recovery max < 10s\"]");
    program_start(program, (const char *const[]){NULL, "run", "scenario.yaml", "--ui", NULL});
    struct phoenix viewer;
    assert_int_equal(phoenix_open(&viewer, expect_dashboard(program), NULL), 101);
    phoenix_send(&viewer, "[\"1\",\"1\",\"dashboard:run\",\"phx_join\",{}]");
    free(phoenix_wait(&viewer, "\"kind\":\"fault\"", "\"scenario\":\"short\",\"report\":\"/"));
    free(phoenix_wait(&viewer, "\"kind\":\"back\"", "\"at_ns\""));
    phoenix_close(&viewer);
    program_wait(program, 30000);
    expect_code(program, 0);
    program_expect_none_alive(program->folder, 2000);
}

static void a_missed_target_is_1_and_junit_names_it(void **state)
{
    struct program *program = *state;
    write_scenario(program, ", late, 300", "[{at: 500ms, kill: web}]", "[\"recovery max < 1ms\"]");
    program_run(program, run_it);
    expect_code(program, 1);
    expect_file_has(program, "junit.xml", "<failure");
    expect_file_has(program, "junit.xml", "recovery max &lt; 1ms");
}

static void broken_before_the_first_fault_is_2(void **state)
{
    struct program *program = *state;
    write_scenario(program, ", fail", "[{at: 500ms, kill: web}]", "[\"recovery max < 10s\"]");
    program_run(program, run_it);
    expect_code(program, 2);
}

static void a_fault_without_load_on_its_path_is_2(void **state)
{
    struct program *program = *state;
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: short\nwarmup: 1s\nduration: 2s\ncalm: 1s\n"
                  "services:\n"
                  "  web: {command: [%s, \"${port}\"], ready: {tcp: \"${port}\"}}\n"
                  "  idle: {command: [%s, \"${port}\"], ready: {tcp: \"${port}\"}}\n"
                  "load: {asks: {workload: http, to: web, rate: 100/s}}\n"
                  "faults: [{at: 500ms, kill: idle}]\n"
                  "targets: [\"availability(asks) >= 10%%\"]\n",
                  FL_ODD_SERVER, FL_ODD_SERVER);
    program_run(program, run_it);
    expect_code(program, 2);
}

static void a_program_that_exits_at_once_is_69_with_its_log(void **state)
{
    struct program *program = *state;
    write_scenario(program, ", exit, 3", "[]", "[]");
    program_run(program, run_it);
    expect_code(program, 69);
    assert_non_null(strstr(program->err, "exited with 3 before it was ready"));
    assert_non_null(strstr(program->err, "told to exit with 3"));
}

static void a_program_that_never_answers_is_69(void **state)
{
    struct program *program = *state;
    write_scenario(program, ", mute", "[]", "[]");
    program_run(program, run_it);
    expect_code(program, 69);
    assert_non_null(strstr(program->err, "was not ready within"));
    program_expect_none_alive(program->folder, 2000);
}

static void a_missing_program_is_69(void **state)
{
    struct program *program = *state;
    program_write(
        program, "scenario.yaml",
        "faultline: 1\nname: short\nduration: 1s\n"
        "services: {web: {command: [no-such-program-here]}}\n"
        "load: {asks: {workload: tcp, to: web, rate: 10/s, send: \"x\", expect: \"x\"}}\n");
    program_run(program, run_it);
    expect_code(program, 69);
    assert_non_null(strstr(program->err, "no-such-program-here"));
}

static void a_taken_port_is_69_and_says_which(void **state)
{
    struct program *program = *state;
    int port = 0;
    uv_loop_t loop;
    uv_tcp_t taken;
    struct sockaddr_in addr;
    uv_loop_init(&loop);
    uv_tcp_init(&loop, &taken);
    uv_ip4_addr("127.0.0.1", 0, &addr);
    assert_int_equal(uv_tcp_bind(&taken, (struct sockaddr *)&addr, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&taken, 1, NULL), 0);
    int len = sizeof addr;
    uv_tcp_getsockname(&taken, (struct sockaddr *)&addr, &len);
    port = ntohs(addr.sin_port);
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: short\nduration: 1s\n"
                  "services: {web: {command: [%s, \"${port}\"], port: %d}}\n"
                  "load: {asks: {workload: http, to: web, rate: 10/s}}\n",
                  FL_ODD_SERVER, port);
    program_run(program, run_it);
    uv_close((uv_handle_t *)&taken, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    expect_code(program, 69);
    char words[64];
    snprintf(words, sizeof words, "port %d of 127.0.0.1 is taken", port);
    assert_non_null(strstr(program->err, words));
}

static void a_wrong_scenario_starts_nothing_and_is_64(void **state)
{
    struct program *program = *state;
    program_write(program, "scenario.yaml", "faultline: 1\nname: short\nservics: {}\n");
    program_run(program, run_it);
    expect_code(program, 64);
    assert_non_null(strstr(program->err, "scenario.yaml:3:1: "));
    assert_non_null(strstr(program->err, "services"));
    assert_null(program_latest(program, "short", "plan.json"));
}

static void passing_the_restart_limit_ends_the_run_and_fails(void **state)
{
    struct program *program = *state;
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: short\nseed: 3\nwarmup: 1s\nduration: 8s\ncalm: 1s\n"
                  "services:\n"
                  "  web: {command: [%s, \"${port}\"], ready: {tcp: \"${port}\"}}\n"
                  "supervision: {max_restarts: 2, within: 30s}\n"
                  "load: {asks: {workload: http, to: web, rate: 100/s}}\n"
                  "faults: [{every: 500ms, from: 200ms, until: 7s, kill: web}]\n"
                  "targets: [\"availability(asks) >= 1%%\"]\n",
                  FL_ODD_SERVER);
    program_run(program, run_it);
    expect_code(program, 1);
    assert_non_null(strstr(program->out, "restart limit"));
}

static void a_program_that_cannot_be_started_again_fails_the_run(void **state)
{
    struct program *program = *state;
    program_write(program, "once", "#!/bin/sh\nrm \"$0\"\nexec %s \"$1\"\n", FL_ODD_SERVER);
    char *script = fl_format("%s/once", program->folder);
    assert_int_equal(chmod(script, 0755), 0);
    free(script);
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: short\nseed: 3\nwarmup: 1s\nduration: 4s\ncalm: 1s\n"
                  "services:\n"
                  "  web: {command: [./once, \"${port}\"], ready: {tcp: \"${port}\"}}\n"
                  "supervision: {max_restarts: 3, within: 30s}\n"
                  "load: {asks: {workload: http, to: web, rate: 100/s}}\n"
                  "faults: [{at: 500ms, kill: web}]\n"
                  "targets: [\"availability(asks) >= 1%%\"]\n");
    program_run(program, run_it);
    expect_code(program, 1);
    assert_non_null(strstr(program->out, "restart limit"));
    expect_file_has(program, "journal/engine.jsonl", "cannot start ./once");
}

static void a_ready_command_may_take_its_time(void **state)
{
    struct program *program = *state;
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: short\nwarmup: 1s\nduration: 1s\ncalm: 0s\n"
                  "services:\n"
                  "  web:\n"
                  "    command: [%s, \"${port}\"]\n"
                  "    ready: {exec: [%s, \"0\", late, \"1500\", exit, \"0\"], within: 20s}\n"
                  "load: {asks: {workload: http, to: web, rate: 100/s}}\n"
                  "targets: [\"availability(asks) >= 1%%\"]\n",
                  FL_ODD_SERVER, FL_ODD_SERVER);
    program_run(program, run_it);
    expect_code(program, 0);
}

static void a_ready_command_that_hangs_is_69_and_ended(void **state)
{
    struct program *program = *state;
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: short\nduration: 1s\n"
                  "services:\n"
                  "  web:\n"
                  "    command: [%s, \"${port}\"]\n"
                  "    ready: {exec: [%s, \"0\"], within: 300ms}\n"
                  "load: {asks: {workload: http, to: web, rate: 100/s}}\n",
                  FL_ODD_SERVER, FL_ODD_SERVER);
    program_run(program, run_it);
    expect_code(program, 69);
    assert_non_null(strstr(program->err, "was not ready within"));
    program_expect_none_alive(program->folder, 2000);
}

static void a_service_that_will_not_stop_is_killed(void **state)
{
    struct program *program = *state;
    write_scenario(program, ", ignore-term, child", "[]", "[\"availability(asks) >= 99%\"]");
    program_run(program, run_it);
    expect_code(program, 0);
    expect_file_has(program, "journal/engine.jsonl", "did not stop in time");
    program_expect_none_alive(program->folder, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_killed_server_recovers_and_the_run_passes),
        story(with_ui_a_dashboard_shows_the_run_and_ends_with_it),
        story(a_missed_target_is_1_and_junit_names_it),
        story(broken_before_the_first_fault_is_2),
        story(a_fault_without_load_on_its_path_is_2),
        story(a_program_that_exits_at_once_is_69_with_its_log),
        story(a_program_that_never_answers_is_69),
        story(a_missing_program_is_69),
        story(a_taken_port_is_69_and_says_which),
        story(a_wrong_scenario_starts_nothing_and_is_64),
        story(passing_the_restart_limit_ends_the_run_and_fails),
        story(a_program_that_cannot_be_started_again_fails_the_run),
        story(a_ready_command_may_take_its_time),
        story(a_ready_command_that_hangs_is_69_and_ended),
        story(a_service_that_will_not_stop_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
