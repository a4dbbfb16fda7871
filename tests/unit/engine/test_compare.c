/* `faultline compare`: which folders it takes, what it answers. */
#include "tests/unit/reports/stage.h"

#include <sys/wait.h>
#include <unistd.h>

#include "engine/cli.h"

/* Five kills, each with an outage of this many ms and a few more: too few to tell from alone. */
static char *run_of(int64_t outage)
{
    struct stage stage;
    stage_begin(&stage);
    stage.storm_ms = 30000;
    int load = stage_load(&stage, "talkers", "http", "chat", 100);
    int64_t from = 0;
    for (int i = 0; i < 5; i++) {
        int64_t at = 6000 + (int64_t)i * 2500, down = outage + i * 10;
        stage_good(&stage, load, from, at, 10);
        stage_bad(&stage, load, at, at + down, 10);
        from = at + down;
        stage_fault(&stage, at, 0, "kill", "process", "chat.1", "\"talkers\"");
        stage_inject(&stage, i, at, 0);
    }
    stage_good(&stage, load, from, stage_end_ms(&stage), 10);
    stage_phases(&stage);
    stage_complete(&stage);
    stage_close(&stage);
    fl_buf_fini(&stage.loads);
    fl_buf_fini(&stage.faults);
    return stage.folder;
}

/* A folder of two runs, and of what else lies beside them. */
static char *set_of(int64_t outage)
{
    static const char *const names[] = {"20260102T030405Z-7", "20260102T040506Z-7"};
    char *folder = testkit_folder();
    for (size_t i = 0; i < FL_COUNT(names); i++) {
        char *run = run_of(outage), *place = fl_format("%s/%s", folder, names[i]);
        assert_int_equal(rename(run, place), 0);
        free(run);
        free(place);
    }
    char *latest = fl_format("%s/latest", folder);
    assert_int_equal(symlink(names[1], latest), 0);
    free(latest);
    return folder;
}

/* Runs `faultline compare …` in a child process; said: what it printed. */
static int compare(const char *base, const char *fresh, char *said, size_t said_len)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *argv[] = {(char *)(uintptr_t) "faultline", (char *)(uintptr_t) "compare",
                        (char *)(uintptr_t)base, (char *)(uintptr_t)fresh, NULL};
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        int code = fl_cli_main(4, argv);
        fflush(stdout);
        _exit(code);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t got = 0;
    while (len < said_len - 1 && (got = read(ends[0], said + len, said_len - 1 - len)) > 0)
        len += (size_t)got;
    said[len] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect_compared(char *base, char *fresh, int code, const char *text)
{
    char said[4096];
    int got = compare(base, fresh, said, sizeof said);
    if (strstr(said, text) == NULL) fail_msg("no \"%s\" in: %s", text, said);
    assert_int_equal(got, code);
    testkit_remove(base);
    testkit_remove(fresh);
}

static void two_sets_of_runs_are_taken_whole_and_slower_is_1(void **state)
{
    (void)state;
    expect_compared(set_of(300), set_of(600), 1, "recovery from kill became slower");
    expect_compared(set_of(300), set_of(300), 0, "no change detected");
    expect_compared(set_of(300), set_of(300), 0, "(2 runs) against "); /* latest is one of them */
}

static void two_single_runs_with_few_recoveries_are_2(void **state)
{
    (void)state;
    expect_compared(run_of(300), run_of(600), 2, "too few recoveries from kill");
}

static void what_holds_no_run_is_64(void **state)
{
    (void)state;
    expect_compared(run_of(300), testkit_folder(), 64, "is neither a run folder nor a folder of");
}

int main(void)
{
    unsetenv("GITHUB_ACTIONS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sets_of_runs_are_taken_whole_and_slower_is_1),
        cmocka_unit_test(two_single_runs_with_few_recoveries_are_2),
        cmocka_unit_test(what_holds_no_run_is_64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
