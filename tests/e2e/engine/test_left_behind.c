/* Programs that do their best to outlive the run, and Faultline's own processes being killed. */
#include "tests/support/testkit.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "tests/support/program.h"

static void write_scenario(struct program *program, const char *duration, const char *web)
{
    program_write(program, "scenario.yaml",
                  "faultline: 1\nname: left\nseed: 7\nwarmup: 1s\nduration: %s\ncalm: 0s\n"
                  "services:\n"
                  "  web: {%s, stop: {within: 1s}}\n"
                  "links: {front: {to: web}}\n"
                  "load: {asks: {workload: http, through: front, rate: 50/s, slow: 5s}}\n"
                  "targets: [\"availability(asks) >= 1%%\"]\n",
                  duration, web);
}

static void write_with_stray(struct program *program, const char *duration)
{
    char *web = fl_format("command: [%s, \"${port}\", stray], ready: {tcp: \"${port}\"}",
                          FL_ODD_SERVER);
    write_scenario(program, duration, web);
    free(web);
}

static void start(struct program *program)
{
    program_start(program, (const char *const[]){NULL, "run", "scenario.yaml", NULL});
}

static bool file_of_pid_has(const char *pid, const char *file, const char *text, size_t len)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    char *bytes = NULL;
    size_t bytes_len = 0;
    if (fl_file_read(&bytes, &bytes_len, path, NULL) != 0) return false;
    bool found = memmem(bytes, bytes_len, text, len) != NULL;
    free(bytes);
    return found;
}

/* The process of this run whose /proc file holds this text; 0: none. */
static pid_t find_process(const struct program *program, const char *file, const char *text,
                          size_t len)
{
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry; found == 0 && (entry = readdir(proc)) != NULL;)
        if (file_of_pid_has(entry->d_name, file, text, len) &&
            file_of_pid_has(entry->d_name, "environ", program->folder, strlen(program->folder)))
            found = (pid_t)atoi(entry->d_name);
    closedir(proc);
    return found;
}

static void expect_code(const struct program *program, int code)
{
    if (program->code != code)
        fail_msg("exit %d, expected %d\n%s\n%s", program->code, code, program->out, program->err);
}

static void a_daemon_is_ended_with_the_run_and_that_is_said(void **state)
{
    struct program *program = *state;
    write_with_stray(program, "200ms");
    start(program);
    program_wait(program, 40000);
    expect_code(program, 0);
    assert_non_null(strstr(program->err, "1 process had left the process group of its service"));
    program_expect_none_alive(program->folder, 2000);
}

static void a_daemon_is_ended_after_kill_9_too(void **state)
{
    struct program *program = *state;
    write_with_stray(program, "40s");
    start(program);
    program_expect_output(program, "storm  ", 40000);
    kill(program->pid, SIGKILL);
    program_wait(program, 5000);
    program_expect_none_alive(program->folder, 2000);
}

static void a_program_that_goes_to_the_background_is_69_and_told_why(void **state)
{
    struct program *program = *state;
    write_scenario(program, "1s",
                   "command: [sh, -c, \"setsid sleep 1000 & exit 0\"], ready: {tcp: \"${port}\"}");
    start(program);
    program_wait(program, 40000);
    expect_code(program, 69);
    assert_non_null(strstr(program->err, "stay in the foreground"));
    program_expect_none_alive(program->folder, 2000);
}

static void a_ready_command_that_hangs_leaves_nothing(void **state)
{
    struct program *program = *state;
    char *web = fl_format("command: [%s, \"${port}\"],"
                          " ready: {exec: [sh, -c, \"sleep 1000 & wait\"], within: 1500ms}",
                          FL_ODD_SERVER);
    write_scenario(program, "1s", web);
    free(web);
    start(program);
    program_wait(program, 40000);
    expect_code(program, 69);
    assert_non_null(strstr(program->err, "was not ready within 1.5"));
    assert_null(strstr(program->err, "had left")); /* ended when it was given up, not at the end */
    program_expect_none_alive(program->folder, 2000);
}

/* Kills one of the harness's own processes in the storm. */
static void kill_one(struct program *program, const char *file, const char *text, size_t len)
{
    char *web = fl_format("command: [%s, \"${port}\", child], ready: {tcp: \"${port}\"}",
                          FL_ODD_SERVER);
    write_scenario(program, "40s", web);
    free(web);
    start(program);
    program_expect_output(program, "storm  ", 40000);
    pid_t pid = find_process(program, file, text, len);
    assert_true(pid > 1);
    kill(pid, SIGKILL);
    program_wait(program, 20000);
    expect_code(program, 2);
    assert_non_null(strstr(program->out, "the harness"));
    assert_non_null(strstr(program->out, "in trouble"));
    program_expect_none_alive(program->folder, 2000);
}

static void without_its_load_worker_a_run_is_2(void **state)
{
    kill_one(*state, "cmdline", "worker\0load", sizeof "worker\0load" - 1);
    assert_non_null(strstr(((struct program *)*state)->out, "load worker"));
}

static void without_its_link_worker_a_run_is_2(void **state)
{
    kill_one(*state, "cmdline", "worker\0links", sizeof "worker\0links" - 1);
    assert_non_null(strstr(((struct program *)*state)->out, "link worker"));
}

static void without_its_guardian_a_run_is_2(void **state)
{
    kill_one(*state, "comm", "faultline-guard", sizeof "faultline-guard" - 1);
    assert_non_null(strstr(((struct program *)*state)->out, "guardian"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_daemon_is_ended_with_the_run_and_that_is_said),
        story(a_daemon_is_ended_after_kill_9_too),
        story(a_program_that_goes_to_the_background_is_69_and_told_why),
        story(a_ready_command_that_hangs_leaves_nothing),
        story(without_its_load_worker_a_run_is_2),
        story(without_its_link_worker_a_run_is_2),
        story(without_its_guardian_a_run_is_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
