#include "runtime/os_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/failpoint.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif
#define FD_HIGH 10 /* above everything that the program gets */
#define FDS_WITHOUT_CLOSE_RANGE 4096

/* The steps of a start, in words; the child says by number where it stopped. */
enum { STEP_PARENT = 1, STEP_FOLDER, STEP_FDS, STEP_EXEC };
static const char *const step_words[] = {
    [STEP_PARENT] = "tie to its parent",
    [STEP_FOLDER] = "enter its folder",
    [STEP_FDS] = "set up its files",
    [STEP_EXEC] = "execute",
};

struct failure {
    int step, error;
};

struct start {
    const struct fl_os_opts *opts;
    char **env;
    pid_t parent;
    int null_fd, log_fd, control_fd, error_fd;
};

extern char **environ;

static bool is_same_key(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* Our environment with the additions in place of what they replace; strings are borrowed. */
static char **env_make(char *const *more)
{
    size_t count = 0, extra = 0;
    while (environ[count] != NULL)
        count++;
    while (more != NULL && more[extra] != NULL)
        extra++;
    char **env = fl_new_array(char *, count + extra + 1);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_replaced = false;
        for (size_t k = 0; k < extra; k++)
            is_replaced = is_replaced || is_same_key(more[k], environ[i]);
        if (!is_replaced) env[n++] = environ[i];
    }
    for (size_t k = 0; k < extra; k++)
        env[n++] = more[k];
    return env;
}

/* ---- in the child: only what is safe after a fork among threads */

static void child_fail(const struct start *start, int step)
{
    struct failure failure = {.step = step, .error = errno};
    ssize_t ignored = write(start->error_fd, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

static void child_reset_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &standard, NULL); /* some cannot be set; that is fine */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_close_from(unsigned first)
{
    if (close_range(first, ~0u, (int)CLOSE_RANGE_CLOEXEC) == 0) return;
    for (int fd = (int)first; fd < FDS_WITHOUT_CLOSE_RANGE; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool child_set_fds(const struct start *start)
{
    bool ok = dup2(start->null_fd, 0) == 0 && dup2(start->log_fd, 1) == 1 &&
              dup2(start->log_fd, 2) == 2;
    if (start->control_fd >= 0) ok = ok && dup2(start->control_fd, 3) == 3;
    child_close_from(start->control_fd >= 0 ? 4 : 3);
    return ok;
}

FL_NORETURN static void child_run(const struct start *start)
{
    const struct fl_os_opts *opts = start->opts;
    child_reset_signals();
    if (setpgid(0, 0) != 0) child_fail(start, STEP_PARENT);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) child_fail(start, STEP_PARENT);
    if (getppid() != start->parent) _exit(127); /* it died before we asked to be told */
    if (!child_set_fds(start)) child_fail(start, STEP_FDS);
    if (opts->folder != NULL && chdir(opts->folder) != 0) child_fail(start, STEP_FOLDER);
    execvpe(opts->argv[0], opts->argv, start->env);
    child_fail(start, STEP_EXEC);
    _exit(127);
}

/* ---- in the parent */

static int fd_high(int fd)
{
    if (fd < 0) return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH);
    close(fd);
    return high;
}

static void fd_close(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static int start_read_failure(const struct start *start, int fd, pid_t pid, struct fl_err *err)
{
    struct failure failure = {0};
    ssize_t got;
    do
        got = read(fd, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    if (got == 0) return 0; /* closed by exec: it runs */
    waitpid(pid, NULL, 0);
    if (got != (ssize_t)sizeof failure || failure.step < STEP_PARENT || failure.step > STEP_EXEC)
        return fl_err_set(err, FL_EIO, "cannot start %s", start->opts->argv[0]);
    int code = failure.step == STEP_EXEC && failure.error == ENOENT ? FL_ENOTFOUND : FL_EIO;
    return fl_err_set(err, code, "cannot start %s: %s: %s", start->opts->argv[0],
                      step_words[failure.step], strerror(failure.error));
}

static int start_open_files(struct start *start, int error_pipe[2], int control_pair[2],
                            struct fl_err *err)
{
    const struct fl_os_opts *opts = start->opts;
    const char *log = opts->log_path != NULL ? opts->log_path : "/dev/null";
    start->null_fd = fd_high(open("/dev/null", O_RDONLY | O_CLOEXEC));
    start->log_fd = FL_FAIL("posix/io/oc/open")
                        ? -1
                        : fd_high(open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (start->null_fd < 0 || start->log_fd < 0)
        return fl_err_set(err, FL_EIO, "cannot start %s: open %s: %s", opts->argv[0], log,
                          strerror(errno));
    if (FL_FAIL("posix/io/oc/pipe") || pipe2(error_pipe, O_CLOEXEC) != 0 ||
        (opts->control && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control_pair) != 0))
        return fl_err_set(err, FL_EIO, "cannot start %s: %s", opts->argv[0], strerror(errno));
    start->error_fd = error_pipe[1] = fd_high(error_pipe[1]);
    start->control_fd = control_pair[1] = fd_high(control_pair[1]);
    if (start->error_fd < 0 || (opts->control && start->control_fd < 0))
        return fl_err_set(err, FL_EIO, "cannot start %s: no descriptor is left", opts->argv[0]);
    return 0;
}

/* Who starts us may ignore SIGCHLD, and so would we: then the kernel keeps no exit for us to see.
 */
static void start_expect_exits(void)
{
    struct sigaction now;
    if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN) signal(SIGCHLD, SIG_DFL);
}

int fl_os_start(const struct fl_os_opts *opts, pid_t *out_pid, int *control_fd, struct fl_err *err)
{
    struct start start = {
        .opts = opts, .parent = getpid(), .null_fd = -1, .log_fd = -1, .control_fd = -1};
    int error_pipe[2] = {-1, -1}, control_pair[2] = {-1, -1};
    FL_ASSERT(opts->argv != NULL && opts->argv[0] != NULL);
    *control_fd = -1;
    pid_t pid = -1;
    int rc = start_open_files(&start, error_pipe, control_pair, err);
    if (rc != 0) goto out;
    start.env = env_make(opts->env);
    start_expect_exits();
    pid = FL_FAIL("posix/proc/fork") ? -1 : fork();
    if (pid == 0) child_run(&start);
    if (pid < 0) {
        rc = fl_err_set(err, FL_EIO, "cannot start %s: fork: %s", opts->argv[0], strerror(errno));
        goto out;
    }
    fd_close(&error_pipe[1]);
    rc = start_read_failure(&start, error_pipe[0], pid, err);
    if (rc != 0) goto out;
    *out_pid = pid;
    *control_fd = control_pair[0];
    control_pair[0] = -1;
out:
    fd_close(&start.null_fd);
    fd_close(&start.log_fd);
    fd_close(&error_pipe[0]);
    fd_close(&error_pipe[1]);
    fd_close(&control_pair[0]);
    fd_close(&control_pair[1]);
    free(start.env);
    return rc;
}

bool fl_os_can_run(const char *program, struct fl_err *err)
{
    if (strchr(program, '/') != NULL) {
        if (access(program, X_OK) == 0) return true;
        fl_err_set(err, FL_ENOTFOUND, "cannot execute %s: %s", program, strerror(errno));
        return false;
    }
    const char *path = getenv("PATH");
    struct fl_str rest = fl_str_of(path != NULL ? path : "/usr/local/bin:/usr/bin:/bin");
    while (rest.len > 0) {
        struct fl_str folder = fl_str_cut(&rest, ':');
        char *full = folder.len == 0 ? fl_format("./%s", program)
                                     : fl_format("%.*s/%s", FL_ARG(folder), program);
        bool found = access(full, X_OK) == 0;
        free(full);
        if (found) return true;
    }
    fl_err_set(err, FL_ENOTFOUND, "%s is not a program in PATH", program);
    return false;
}
