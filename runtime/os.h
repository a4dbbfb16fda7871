/* os.h: an OS process as a runtime process: supervised, linked, stopped and killed like any other.
 *
 * The child runs in a process group of its own, with a parent-death signal (SIGKILL), no inherited
 * descriptors but 0-2 (stdin from /dev/null, output appended to log_path) and, when asked, 3
 * (control). fork, prctl(PR_SET_PDEATHSIG), setpgid, execvp; the exit is seen through
 * pidfd_open(2). When the runtime process ends (killed, shutdown), the OS process group is ended
 * first: stop_signal, then SIGKILL after stop_within_ns; killed at once for FL_EXIT_KILL. It ends
 * with FL_EXIT_OS. */
#ifndef FL_RUNTIME_OS_H
#define FL_RUNTIME_OS_H

#include <sys/types.h>

#include "runtime/server.h"

enum fl_os_event_kind {
    FL_OS_STARTED = 1, /* pid is set */
    FL_OS_EXITED,      /* status or signal */
    FL_OS_KILLED,      /* it did not stop within stop_within_ns */
    FL_OS_FAILED,      /* could not be started: err text */
};
struct fl_os_event {
    enum fl_os_event_kind kind;
    fl_ns at_ns;
    pid_t pid;
    int code, signal;
    int control_fd;  /* FL_OS_STARTED with opts.control: our end, owned by the receiver; else -1 */
    const char *why; /* FL_OS_FAILED: words */
};

struct fl_os_opts {
    char *const *argv;    /* NULL-terminated; argv[0] is looked up in PATH */
    char *const *env;     /* "K=V" added to our environment; may be NULL */
    const char *folder;   /* working directory or NULL */
    const char *log_path; /* stdout and stderr, appended; NULL: /dev/null */
    int stop_signal;      /* 0: SIGTERM */
    fl_ns stop_within_ns; /* 0: 5 s */
    bool control;         /* a socketpair, the child's end is descriptor 3 */
    /** Called on shard 0 for each event of the life of this child. */
    void (*on_event)(void *cx, const struct fl_os_event *event);
    void *event_cx;
};

/** The server whose processes are OS processes; fl_child.args is a `const struct fl_os_opts *`. */
extern const struct fl_server fl_os_server;

/** True if this program can be found (in PATH, or as given) and executed; else err says why not. */
bool fl_os_can_run(const char *program, struct fl_err *err);

#endif
