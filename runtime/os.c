#include "runtime/os.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/core.h"
#include "runtime/os_start.h"

#define STOP_WITHIN_DEFAULT fl_s(5)
#define LOOK_EVERY fl_ms(10) /* where the kernel has no pidfd */

/* What is known of the OS process. Not in the runtime process's state: libuv's handle outlives it.
 */
struct os_child {
    struct fl_shard *shard;
    struct fl_self *owner;
    struct fl_os_opts opts;
    pid_t pid;
    int pidfd; /* -1: we look every LOOK_EVERY */
    uv_poll_t poll;
    struct fl_timer look_timer, kill_timer;
    bool is_asked, has_ended;
};

struct os_state {
    struct os_child *child;
};

static void os_tell(const struct os_child *child, const struct fl_os_event *event)
{
    struct fl_os_event full = *event;
    full.at_ns = fl_shard_now(child->shard);
    if (full.pid == 0) full.pid = child->pid;
    if (full.kind != FL_OS_STARTED) full.control_fd = -1;
    if (child->opts.on_event != NULL) child->opts.on_event(child->opts.event_cx, &full);
}

static void os_signal(const struct os_child *child, int number)
{
    FL_ASSERT(child->pid > 1);
    if (child->has_ended) return;
    kill(-child->pid, number); /* it made its group before it was executed */
}

static void os_on_closed(uv_handle_t *handle)
{
    struct os_child *child = FL_OWNER(handle, struct os_child, poll);
    close(child->pidfd);
    child->shard->handles_open--;
    free(child);
}

static void os_forget(struct os_child *child)
{
    fl_timer_remove(child->shard, &child->look_timer);
    fl_timer_remove(child->shard, &child->kill_timer);
    if (child->pidfd < 0) {
        free(child);
        return;
    }
    uv_poll_stop(&child->poll);
    uv_close((uv_handle_t *)&child->poll, os_on_closed);
}

/* The process ended: the rest of its group follows, before its number can be given again. */
static void os_ended(struct os_child *child, const siginfo_t *info)
{
    struct fl_self *owner = child->owner;
    os_signal(child, SIGKILL);
    waitpid(child->pid, NULL, 0);
    child->has_ended = true;
    bool is_signal = info->si_code != CLD_EXITED;
    struct fl_reason reason = {
        .kind = FL_EXIT_OS,
        .code = is_signal ? 0 : info->si_status,
        .signal = is_signal ? info->si_status : 0,
    };
    os_tell(child, &(struct fl_os_event){
                       .kind = FL_OS_EXITED, .code = reason.code, .signal = reason.signal});
    ((struct os_state *)fl_self_state(owner))->child = NULL;
    os_forget(child);
    owner->cold->on_doom = NULL;
    if (owner->flags & FL_PROC_DOOMED)
        fl_proc_let_go(owner);
    else
        fl_proc_doom(owner, &reason);
}

static bool os_look(struct os_child *child)
{
    siginfo_t info = {0};
    int rc = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (rc != 0 || info.si_pid == 0) return false;
    os_ended(child, &info);
    return true;
}

static void os_on_pidfd(uv_poll_t *poll, int status, int events)
{
    struct os_child *child = FL_OWNER(poll, struct os_child, poll);
    FL_ASSERT(!child->has_ended);
    os_look(child);
}

static void os_on_look_timer(struct fl_timer *timer)
{
    struct os_child *child = FL_OWNER(timer, struct os_child, look_timer);
    if (!os_look(child)) fl_timer_add(child->shard, timer, fl_shard_now(child->shard) + LOOK_EVERY);
}

static void os_on_kill_timer(struct fl_timer *timer)
{
    struct os_child *child = FL_OWNER(timer, struct os_child, kill_timer);
    os_tell(child, &(struct fl_os_event){.kind = FL_OS_KILLED, .signal = SIGKILL});
    os_signal(child, SIGKILL);
}

static void os_watch(struct os_child *child)
{
    struct fl_shard *shard = child->shard;
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pidfd >= 0 && uv_poll_init(&shard->loop, &child->poll, child->pidfd) == 0) {
        shard->handles_open++;
        uv_poll_start(&child->poll, UV_READABLE, os_on_pidfd);
        return;
    }
    if (child->pidfd >= 0) close(child->pidfd);
    child->pidfd = -1;
    child->look_timer.kind = FL_TIMER_PORT;
    child->look_timer.fn = os_on_look_timer;
    fl_timer_add(shard, &child->look_timer, fl_shard_now(shard) + LOOK_EVERY);
}

/* Killed or crashed: the OS process goes at once, the runtime process once it is gone. */
static void os_on_doom(struct fl_self *self, const struct fl_reason *reason)
{
    struct os_child *child = ((struct os_state *)fl_self_state(self))->child;
    FL_ASSERT(child != NULL);
    FL_ASSERT(reason->kind != FL_EXIT_NORMAL);
    os_signal(child, SIGKILL);
}

static int os_on_init(struct fl_self *self, void *state, const void *args)
{
    struct fl_shard *shard = self->shard;
    if (shard->node->opts.simulated || shard->id != 0) return FL_ESTATE;
    struct os_child *child = fl_new(struct os_child);
    child->shard = shard;
    child->owner = self;
    child->opts = *(const struct fl_os_opts *)args;
    child->kill_timer.kind = FL_TIMER_PORT;
    child->kill_timer.fn = os_on_kill_timer;
    int control_fd = -1;
    struct fl_err err = {0};
    int rc = fl_os_start(&child->opts, &child->pid, &control_fd, &err);
    if (rc != 0) {
        os_tell(child, &(struct fl_os_event){.kind = FL_OS_FAILED, .why = err.text});
        free(child);
        return rc;
    }
    ((struct os_state *)state)->child = child;
    fl_proc_cold(self)->on_doom = os_on_doom;
    self->flags |= FL_PROC_PARENT_AS_MESSAGE;
    fl_self_trap_exits(self, true);
    os_watch(child);
    os_tell(child, &(struct fl_os_event){.kind = FL_OS_STARTED, .control_fd = control_fd});
    return 0;
}

static void os_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                       const struct fl_reason *reason)
{
    struct os_child *child = ((struct os_state *)state)->child;
    bool is_parent = fl_pid_eq(who, self->parent);
    if (child == NULL || child->is_asked) return;
    if (reason->kind == FL_EXIT_NORMAL && !is_parent) return;
    child->is_asked = true;
    const struct fl_os_opts *opts = &child->opts;
    os_signal(child, opts->stop_signal != 0 ? opts->stop_signal : SIGTERM);
    os_signal(child, SIGCONT); /* a paused one could not obey */
    fl_ns within_ns = opts->stop_within_ns != 0 ? opts->stop_within_ns : STOP_WITHIN_DEFAULT;
    fl_timer_add(child->shard, &child->kill_timer, fl_shard_now(child->shard) + within_ns);
}

const struct fl_server fl_os_server = {
    .name = "os",
    .state_bytes = sizeof(struct os_state),
    .on_init = os_on_init,
    .on_exit = os_on_exit,
};
