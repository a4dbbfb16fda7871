#include "tests/support/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/json.h"

/* The build's own binary; the environment may name another, as when an installed one is tested. */
static const char *program_path(void)
{
    const char *path = getenv("FAULTLINE");
    return path != NULL ? path : FL_PROGRAM;
}

struct program *program_new(void)
{
    struct program *program = fl_new(struct program);
    program->folder = testkit_folder();
    return program;
}

static char *path_in(const struct program *program, const char *name)
{
    return fl_format("%s/%s", program->folder, name);
}

void program_write(struct program *program, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    assert_true(vasprintf(&text, format, args) >= 0);
    va_end(args);
    char *path = path_in(program, name);
    struct fl_err err = {0};
    if (fl_file_write(path, text, strlen(text), &err) != 0) fail_msg("%s", err.text);
    free(path);
    free(text);
}

void program_start(struct program *program, const char *const *argv)
{
    char *out = path_in(program, "stdout.txt"), *err = path_in(program, "stderr.txt");
    char *words[64] = {0};
    for (size_t i = 0; i < FL_COUNT(words) - 1 && (i == 0 || argv[i] != NULL); i++)
        words[i] = (char *)(uintptr_t)(argv[i] == NULL ? program_path() : argv[i]);
    program->pid = fork();
    assert_true(program->pid >= 0);
    if (program->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a dying test takes its program along */
        int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(out_fd, 1);
        dup2(err_fd, 2);
        if (chdir(program->folder) != 0) _exit(126);
        setenv("NO_COLOR", "1", 1);
        setenv("FL_TEST_MARK", program->folder, 1); /* inherited by all that it starts */
        unsetenv("GITHUB_ACTIONS");
        execvp(words[0], words);
        _exit(127);
    }
    free(out);
    free(err);
}

static char *slurp(const struct program *program, const char *name)
{
    char *path = path_in(program, name), *text = NULL;
    if (fl_file_read(&text, NULL, path, NULL) != 0) text = NULL;
    free(path);
    return text;
}

void program_wait(struct program *program, int deadline_ms)
{
    int pidfd = (int)syscall(SYS_pidfd_open, program->pid, 0);
    assert_true(pidfd >= 0);
    struct pollfd ready = {.fd = pidfd, .events = POLLIN};
    int rc;
    do
        rc = poll(&ready, 1, deadline_ms);
    while (rc < 0 && errno == EINTR);
    close(pidfd);
    if (rc == 0) kill(program->pid, SIGKILL);
    int status = 0;
    assert_int_equal(waitpid(program->pid, &status, 0), program->pid);
    program->pid = 0;
    free(program->out);
    free(program->err);
    program->out = slurp(program, "stdout.txt");
    program->err = slurp(program, "stderr.txt");
    program->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (rc == 0)
        fail_msg("still running after %d ms\n%s\n%s", deadline_ms, program->out, program->err);
}

void program_run(struct program *program, const char *const *argv)
{
    program_start(program, argv);
    program_wait(program, 90000);
}

/* Looks again each 10 ms: another process's output has no event that we could wait for. */
static void pause_briefly(void)
{
    poll(NULL, 0, 10);
}

void program_expect_output(struct program *program, const char *text, int deadline_ms)
{
    fl_ns until = fl_now() + fl_ms(deadline_ms);
    for (;;) {
        char *out = slurp(program, "stdout.txt");
        bool found = out != NULL && strstr(out, text) != NULL;
        siginfo_t exited = {0};
        waitid(P_PID, (id_t)program->pid, &exited, WEXITED | WNOHANG | WNOWAIT);
        if (!found && (exited.si_pid != 0 || fl_now() > until)) {
            char *err = slurp(program, "stderr.txt");
            fail_msg("no \"%s\" within %d ms in:\n%s\n%s", text, deadline_ms, out, err);
        }
        free(out);
        if (found) return;
        pause_briefly();
    }
}

static bool mentions(const char *pid, const char *text)
{
    static const char *const files[] = {"cmdline", "environ"};
    bool found = false;
    for (size_t i = 0; i < FL_COUNT(files) && !found; i++) {
        char path[300];
        snprintf(path, sizeof path, "/proc/%s/%s", pid, files[i]);
        char *bytes = NULL;
        size_t len = 0;
        if (fl_file_read(&bytes, &len, path, NULL) != 0) continue;
        found = memmem(bytes, len, text, strlen(text)) != NULL;
        free(bytes);
    }
    return found;
}

int program_count_alive(const char *text)
{
    int count = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        if (atoi(entry->d_name) == getpid()) continue;
        if (mentions(entry->d_name, text)) count++;
    }
    closedir(proc);
    return count;
}

void program_expect_none_alive(const char *text, int deadline_ms)
{
    fl_ns until = fl_now() + fl_ms(deadline_ms);
    int left;
    while ((left = program_count_alive(text)) > 0) {
        if (fl_now() > until) fail_msg("%d processes with \"%s\" are still there", left, text);
        pause_briefly();
    }
}

char *program_latest(const struct program *program, const char *scenario, const char *name)
{
    char *relative = fl_format("runs/%s/latest/%s", scenario, name);
    char *text = slurp(program, relative);
    free(relative);
    return text;
}

void program_free(struct program *program)
{
    if (program->pid > 0) {
        kill(program->pid, SIGKILL);
        waitpid(program->pid, NULL, 0);
    }
    testkit_remove(program->folder);
    free(program->out);
    free(program->err);
    free(program);
}

int program_setup(void **state)
{
    *state = program_new();
    return 0;
}

int program_teardown(void **state)
{
    program_free(*state);
    return 0;
}
