#include "engine/guardian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/json.h"

#define MARK "FAULTLINE_RUN"
#define GROUPS_MAX 4096
#define LOOK_EVERY_MS 10
#define ROUNDS_DYING 10 /* whose group was killed has this long to be gone */
#define ROUNDS_MAX 200
#define STRAYS_MAX 100 /* an exit code holds no more */

struct fl_guardian {
    int fd; /* our end of the pipe: its closing is the news of our death */
    pid_t pid;
};

/* ---- in the guardian ---- */

/* What a process was started with; it is gone, or another user's: then it is not ours. */
static bool is_marked(const char *pid, const char *mark, size_t mark_len)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
    char *bytes = NULL;
    size_t len = 0;
    if (fl_file_read(&bytes, &len, path, NULL) != 0) return false;
    bool marked = memmem(bytes, len, mark, mark_len) != NULL;
    free(bytes);
    return marked;
}

/* Counts those who carry the mark, and kills them or lets them be. */
static int sweep(const char *mark, size_t mark_len, bool kills)
{
    DIR *proc = opendir("/proc");
    if (proc == NULL) return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 1 || pid == getpid() || !is_marked(entry->d_name, mark, mark_len)) continue;
        if (!kills || kill(pid, SIGKILL) == 0) count++;
    }
    closedir(proc);
    return count;
}

/* Those who left their group still carry what they inherited. Returns how many there were. */
static int end_strays(const char *mark)
{
    size_t mark_len = strlen(mark) + 1; /* with its NUL: no longer name of the same beginning */
    int strays = 0;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        bool kills = round >= ROUNDS_DYING;
        int count = sweep(mark, mark_len, kills);
        if (count == 0) break;
        if (round == ROUNDS_DYING) strays = count;
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    return strays < STRAYS_MAX ? strays : STRAYS_MAX;
}

/* A record is one pid_t: positive adds a group, negative drops it. Below PIPE_BUF, so it arrives
 * whole. */
FL_NORETURN static void guardian_main(int fd, const char *mark)
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
    _exit(end_strays(mark));
}

/* ---- in Faultline ---- */

int fl_guardian_start(struct fl_guardian **out, const char *folder, struct fl_err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return fl_err_set(err, FL_EIO, "cannot make a pipe: %s", strerror(errno));
    char *mark = fl_format(MARK "=%s", folder);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[1]);
        guardian_main(fds[0], mark);
    }
    free(mark);
    close(fds[0]);
    if (pid < 0) {
        close(fds[1]);
        return fl_err_set(err, FL_EIO, "cannot fork: %s", strerror(errno));
    }
    setenv(MARK, folder, 1); /* inherited by all that we start, but not seen in our own /proc */
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
    /* a guardian that was killed cannot be told; fl_guardian_is_lost tells who asks */
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

bool fl_guardian_is_lost(const struct fl_guardian *guardian)
{
    siginfo_t info = {0};
    int rc = waitid(P_PID, (id_t)guardian->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return rc == 0 && info.si_pid != 0;
}

int fl_guardian_stop(struct fl_guardian *guardian)
{
    if (guardian == NULL) return 0;
    close(guardian->fd);
    int status = 0;
    while (waitpid(guardian->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    free(guardian);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

void fl_guardian_say_strays(int strays)
{
    if (strays == 0) return;
    fprintf(stderr,
            "faultline: %d process%s had left the process group of %s service (a daemon?) and "
            "%s ended with the run\n",
            strays, strays == 1 ? "" : "es", strays == 1 ? "its" : "their",
            strays == 1 ? "was" : "were");
}
