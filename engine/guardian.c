#include "engine/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUPS_MAX 4096

struct fl_guardian {
    int fd; /* our end of the pipe: its closing is the news of our death */
    pid_t pid;
};

/* A record is one pid_t: positive adds a group, negative drops it. Below PIPE_BUF, so it arrives
 * whole. */
static void guardian_main(int fd)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < FL_COUNT(ignored); i++)
        signal(ignored[i], SIG_IGN);
    setsid();
    prctl(PR_SET_NAME, "faultline-guard");
    pid_t groups[GROUPS_MAX];
    size_t count = 0;
    for (pid_t record;;) {
        ssize_t got = read(fd, &record, sizeof record);
        if (got < 0 && errno == EINTR) continue;
        if (got != (ssize_t)sizeof record) break;
        if (record > 0 && count < GROUPS_MAX) groups[count++] = record;
        for (size_t i = 0; record < 0 && i < count; i++)
            if (groups[i] == -record) groups[i] = groups[--count];
    }
    for (size_t i = 0; i < count; i++)
        kill(-groups[i], SIGKILL);
    _exit(0);
}

int fl_guardian_start(struct fl_guardian **out, struct fl_err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return fl_err_set(err, FL_EIO, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return fl_err_set(err, FL_EIO, "cannot fork: %s", strerror(errno));
    }
    if (pid == 0) {
        close(fds[1]);
        guardian_main(fds[0]);
    }
    close(fds[0]);
    struct fl_guardian *guardian = fl_new(struct fl_guardian);
    guardian->fd = fds[1];
    guardian->pid = pid;
    *out = guardian;
    return 0;
}

static void guardian_tell(struct fl_guardian *guardian, pid_t record)
{
    if (guardian == NULL) return;
    ssize_t wrote;
    do
        wrote = write(guardian->fd, &record, sizeof record);
    while (wrote < 0 && errno == EINTR);
    /* a guardian that was killed cannot be told; the parent-death signals are still there */
}

void fl_guardian_add(struct fl_guardian *guardian, pid_t group)
{
    FL_ASSERT(group > 1);
    guardian_tell(guardian, group);
}

void fl_guardian_drop(struct fl_guardian *guardian, pid_t group)
{
    FL_ASSERT(group > 1);
    guardian_tell(guardian, -group);
}

void fl_guardian_stop(struct fl_guardian *guardian)
{
    if (guardian == NULL) return;
    close(guardian->fd);
    while (waitpid(guardian->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(guardian);
}
